//! A subject's place in a session. A seat outlives its connection for the grace; its number, alias and the reason `facilitator`
//! on its gates outlive even its leaving, so that coming back changes nothing.

use std::collections::VecDeque;

use hearth_forwarding::{Generation, Source, Space, Subject};
use hearth_protocol::{AwayHow, GroundRules, Role};
use serde::{Deserialize, Serialize};

use crate::alias::Alias;
use crate::aside::ROOM;
use crate::gate::Gate;
use crate::{Claims, ConnectionId, Policy, SecretHash};

/// Older spent secrets are as unknown as any other.
const SPENT_MAX: usize = 32;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Seat {
    pub sub: String,
    pub role: Role,
    pub rank: u16,
    pub publish: Vec<Source>,
    pub interprets: Option<String>,
    #[serde(default)]
    pub title: Option<String>,
    pub alias: Alias,
    pub place: Place,
    /// The room or an aside. Kept over a drop.
    #[serde(default)]
    pub space: Space,
    pub generation: Generation,
    pub gates: [Gate; Source::COUNT],
    pub resume: Option<SecretHash>,
    /// The one with which its owner came last, as long as nothing was heard from them since: perhaps the present one never arrived.
    #[serde(default)]
    pub unheard: Option<SecretHash>,
    pub spent: VecDeque<SecretHash>,
    pub consent: Consent,
    /// Removed once, or sent back to the waiting room: only a facilitator lets them in again, whatever the ticket says.
    pub by_admission: bool,
    /// The microphone may open by itself when the floor comes.
    pub open_on_turn: bool,
    /// Until when a question to unmute is on this member's screen.
    pub asked_until: Option<u32>,
    pub reacted: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    Connected {
        connection: ConnectionId,
        since: u32,
    },
    /// Dropped and within the grace; `media` flow until their linger is over.
    Held {
        since: u32,
        media: bool,
    },
    /// At the device of another seat, which connects and sends for them.
    Beside {
        device: Subject,
        since: u32,
    },
    /// Sent back to the waiting room; kept aside.
    Aside {
        since: u32,
    },
    Gone {
        how: AwayHow,
        since: u32,
    },
    Removed {
        since: u32,
    },
}

/// Which ground rules were agreed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub version: u32,
    pub hash: String,
}

impl Consent {
    pub fn none() -> Consent {
        Consent { version: 0, hash: String::new() }
    }

    pub fn is_to(&self, rules: &GroundRules) -> bool {
        self.version == rules.version && self.hash == rules.hash
    }
}

impl Seat {
    /// In nobody's hands yet.
    pub fn born(claims: &Claims) -> Seat {
        let mut seat = Seat {
            sub: claims.subject.clone(),
            role: claims.role,
            rank: claims.rank,
            publish: Vec::new(),
            interprets: None,
            title: None,
            alias: Alias::default(),
            place: Place::Gone { how: AwayHow::Left, since: 0 },
            space: ROOM,
            generation: Generation(0),
            gates: [Gate::BORN; Source::COUNT],
            resume: None,
            unheard: None,
            spent: VecDeque::new(),
            consent: Consent::none(),
            by_admission: false,
            open_on_turn: false,
            asked_until: None,
            reacted: None,
        };
        seat.take_ticket(claims);
        seat
    }

    pub fn connection(&self) -> Option<ConnectionId> {
        match self.place {
            Place::Connected { connection, .. } => Some(connection),
            Place::Held { .. }
            | Place::Beside { .. }
            | Place::Aside { .. }
            | Place::Gone { .. }
            | Place::Removed { .. } => None,
        }
    }

    pub fn is_connected(&self) -> bool {
        self.connection().is_some()
    }

    /// Has a media connection that may live, and stands on the roster: one and the same, so that nobody is hidden.
    pub fn is_present(&self) -> bool {
        match self.place {
            Place::Connected { .. } | Place::Held { media: true, .. } => true,
            Place::Held { media: false, .. }
            | Place::Beside { .. }
            | Place::Aside { .. }
            | Place::Gone { .. }
            | Place::Removed { .. } => false,
        }
    }

    /// Seated, or within the grace.
    pub fn is_held(&self) -> bool {
        match self.place {
            Place::Connected { .. } | Place::Held { .. } | Place::Beside { .. } => true,
            Place::Aside { .. } | Place::Gone { .. } | Place::Removed { .. } => false,
        }
    }

    /// Takes up a place in the room.
    pub fn is_kept(&self) -> bool {
        self.is_held() || self.is_aside()
    }

    pub fn is_aside(&self) -> bool {
        matches!(self.place, Place::Aside { .. })
    }

    pub fn is_removed(&self) -> bool {
        matches!(self.place, Place::Removed { .. })
    }

    /// Since when nobody has been connected here.
    pub fn absent_since(&self) -> Option<u32> {
        match self.place {
            Place::Held { since, .. }
            | Place::Aside { since }
            | Place::Gone { since, .. }
            | Place::Removed { since } => Some(since),
            Place::Connected { .. } | Place::Beside { .. } => None,
        }
    }

    pub fn may_publish(&self, source: Source) -> bool {
        self.role != Role::Observer && self.publish.contains(&source)
    }

    pub fn is_opened_by(&self, secret: SecretHash) -> bool {
        self.resume == Some(secret) || self.unheard == Some(secret)
    }

    /// A new secret takes the place of the one that was used, which is spent as soon as its owner is heard.
    pub fn replace_secret(&mut self, used: SecretHash, fresh: SecretHash) {
        let others = [self.unheard.replace(used), self.resume.replace(fresh)];
        others.into_iter().flatten().filter(|old| *old != used).for_each(|old| self.spend(old));
    }

    /// Its owner speaks over the connection that was given the present secret.
    pub fn hear(&mut self) {
        if let Some(old) = self.unheard.take() {
            self.spend(old);
        }
    }

    fn spend(&mut self, old: SecretHash) {
        self.spent.push_back(old);
        if self.spent.len() > SPENT_MAX {
            self.spent.pop_front();
        }
    }

    pub fn end_secrets(&mut self) {
        self.resume = None;
        self.unheard = None;
        self.spent.clear();
    }

    pub fn renew_media(&mut self) {
        self.generation = Generation(self.generation.0.saturating_add(1));
    }

    /// What a new ticket of the same subject says anew. The alias stays once given.
    pub fn take_ticket(&mut self, claims: &Claims) {
        self.role = claims.role;
        self.rank = claims.rank;
        self.publish = claims.publish.iter().map(|source| forwarded(*source)).collect();
        self.interprets.clone_from(&claims.interprets);
        self.title.clone_from(&claims.title);
    }
}

/// Whether this role counts against the capacity.
pub(crate) fn counts(role: Role) -> bool {
    match role {
        Role::Member | Role::PeerLead => true,
        Role::Facilitator | Role::Cofacilitator | Role::Interpreter | Role::Observer => false,
    }
}

pub(crate) fn forwarded(source: hearth_protocol::Source) -> Source {
    match source {
        hearth_protocol::Source::Microphone => Source::Microphone,
        hearth_protocol::Source::Camera => Source::Camera,
        hearth_protocol::Source::Screen => Source::Screen,
    }
}

pub(crate) fn spoken(source: Source) -> hearth_protocol::Source {
    match source {
        Source::Microphone => hearth_protocol::Source::Microphone,
        Source::Camera => hearth_protocol::Source::Camera,
        Source::Screen => hearth_protocol::Source::Screen,
    }
}

pub(crate) fn participant(subject: Subject) -> hearth_protocol::ParticipantId {
    hearth_protocol::ParticipantId(subject.0)
}

impl Policy {
    pub(crate) fn media_end(&self, dropped: u32) -> u32 {
        dropped.saturating_add(self.media_linger_ms.min(self.grace_ms))
    }

    pub(crate) fn grace_end(&self, dropped: u32) -> u32 {
        dropped.saturating_add(self.grace_ms)
    }
}
