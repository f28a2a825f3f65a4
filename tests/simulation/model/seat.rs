//! The facts of which the model is made: seats, knocks, the floor.

use std::collections::BTreeSet;

use hearth_forwarding::Source;
use hearth_protocol::{FloorMode, HandKind, Role, ThawStep};
use hearth_room::{Claims, ConnectionId, SecretHash};

use super::Agreement;

#[derive(Clone, Debug)]
pub struct Seat {
    pub claims: Claims,
    pub number: u32,
    pub secret: SecretHash,
    /// Used last, and good until something is heard.
    pub unheard: Option<SecretHash>,
    pub connection: Option<ConnectionId>,
    /// The last sign of life, once the connection is lost.
    pub dropped: Option<u32>,
    /// The relay has stopped its media.
    pub silent: bool,
    pub own: [bool; 3],
    pub on_turn: bool,
    pub agreed: Agreement,
    /// The room, 0, or an aside.
    pub space: u32,
    /// At this one's device, and so without a connection, a secret and gates of their own.
    pub beside: Option<u32>,
}

#[derive(Clone, Debug)]
pub struct Door {
    pub claims: Claims,
    pub connection: Option<ConnectionId>,
    pub secret: SecretHash,
    pub unheard: Option<SecretHash>,
    /// Not by a spent secret.
    pub by_ticket: bool,
    pub agreed: Option<Agreement>,
    pub dropped: Option<u32>,
    /// As facilitators see it.
    pub id: Option<u32>,
    /// To sit at this one's device, and so without a connection or a secret.
    pub beside: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Freeze {
    pub since: u32,
    pub by: u32,
    pub thawed: Vec<ThawStep>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub since: u32,
    pub ends_at: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Floor {
    pub mode: FloorMode,
    /// The mode that a round came into, and that comes back after it.
    pub before: FloorMode,
    pub speakers: Vec<Speaker>,
    pub round: Option<Round>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Speaker {
    pub number: u32,
    pub since: u32,
    /// When the turn was meant to be over.
    pub until: Option<u32>,
    /// Answers whoever has the floor, beside them.
    pub responds: bool,
    /// Cut off when its time is over.
    pub stops: bool,
    /// Told that it will be.
    pub warned: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    pub next: Vec<u32>,
    pub turn_ms: Option<u32>,
    pub hard_stop: bool,
    pub facilitators: bool,
    /// Who had a turn, or let it go by.
    pub done: BTreeSet<u32>,
    /// From when on the absence of whoever has the turn counts.
    pub counts_from: u32,
    /// Deferred once by a drop already.
    pub deferred: BTreeSet<u32>,
    pub paused: bool,
    /// What is left of the turn while the round is suspended; less than nothing where it was over.
    pub left_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hand {
    pub number: u32,
    pub kind: HandKind,
    pub since: u32,
}

/// No secret has it.
pub const NO_SECRET: SecretHash = SecretHash([0xff; 32]);

impl Seat {
    /// Silent, and in nobody's hands yet.
    pub fn new(claims: Claims, number: u32, agreed: Agreement) -> Seat {
        Seat {
            claims,
            number,
            secret: NO_SECRET,
            unheard: None,
            connection: None,
            dropped: None,
            silent: false,
            own: [true; 3],
            on_turn: false,
            agreed,
            space: 0,
            beside: None,
        }
    }

    pub fn is_facilitator(&self) -> bool {
        self.claims.role.is_facilitator()
    }

    pub fn may_send(&self, source: Source) -> bool {
        self.claims.role != Role::Observer && self.claims.publish.contains(&wire(source))
    }
}

pub fn wire(source: Source) -> hearth_protocol::Source {
    match source {
        Source::Microphone => hearth_protocol::Source::Microphone,
        Source::Camera => hearth_protocol::Source::Camera,
        Source::Screen => hearth_protocol::Source::Screen,
    }
}

pub fn counts(role: Role) -> bool {
    match role {
        Role::Member | Role::PeerLead => true,
        Role::Facilitator | Role::Cofacilitator | Role::Interpreter | Role::Observer => false,
    }
}
