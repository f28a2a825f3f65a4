use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{KnockId, MediaOffer, ParticipantId, RequestId, Role, Secret, Source, Tile};

/// What a browser sends. The first frame is `hello`, within ten seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    Hello(Hello),
    Request {
        request_id: RequestId,
        request: Request,
    },
    /// Answered by `pong` with the same nonce. Browsers cannot see WebSocket pings, so they send their own.
    Ping {
        nonce: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Hello {
    pub version: u32,
    pub credential: Credential,
    /// The generation of the media connection that the page still holds, if it does. It is kept where it is still the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub media_generation: Option<u32>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Credential {
    /// A signed ticket: opens the door once.
    Ticket { ticket: String },
    /// The secret from `knocked`: back to the same place at the door.
    Waiting { secret: Secret },
    /// The secret from `seated`: back to one's own seat.
    Resume { secret: Secret },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credential::Ticket { .. } => "Ticket(…)",
            Credential::Waiting { .. } => "Waiting(…)",
            Credential::Resume { .. } => "Resume(…)",
        })
    }
}

/// What is asked of the room. Who asks is known from the connection, never from the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    // At the door.
    /// Agrees to the ground rules that were shown.
    AcceptGroundRules {
        version: u32,
        hash: String,
    },

    // One's own seat.
    /// Opens or closes one's own gate. Opening removes the reason `self` and no other, and is refused while another one closes it.
    SetOwn {
        source: Source,
        open: bool,
    },
    /// Opts in, or out again: one's own microphone may open by itself when the floor comes.
    OpenOnTurn {
        on: bool,
    },
    RaiseHand {
        kind: HandKind,
    },
    LowerHand,
    /// Shown to everyone once. Counts for nothing and never takes the floor.
    React {
        reaction: Reaction,
    },
    /// Gives back the floor or ends one's own turn.
    Yield,
    /// Lets one's turn in a round go by.
    Pass,
    /// Moves one's turn in a round to the end.
    Defer,
    /// Leaves for good: the seat is given up.
    Leave,

    // The door, for facilitators.
    Admit {
        knock: KnockId,
        /// Lets this one person through a locked door.
        through_lock: bool,
    },
    Deny {
        knock: KnockId,
    },
    /// Takes a denial back: the person may knock again.
    UndoDenial {
        knock: KnockId,
    },
    /// Back to the waiting room, the seat kept aside.
    SendToWaiting {
        participant: ParticipantId,
    },
    /// Admits all who wait, if the list is still the one that was seen. Never passes a lock.
    AdmitAll {
        if_version: u32,
    },

    // Gates and floor, for facilitators.
    /// Adds or takes away the reason `facilitator`. Taking it away never makes a device be heard.
    SetGate {
        participant: ParticipantId,
        source: Source,
        open: bool,
    },
    /// Closes this source of everyone but facilitators and those excepted, in one change.
    GateAll {
        source: Source,
        except: Vec<ParticipantId>,
    },
    /// Puts a question on somebody's screen. Only their own click answers it.
    AskToUnmute {
        participant: ParticipantId,
    },
    SetFloor {
        mode: FloorMode,
    },
    /// Gives the floor. In answer to a `respond` hand it adds one speaker to those who have it.
    Grant {
        participant: ParticipantId,
    },
    /// Takes the floor back.
    Revoke {
        participant: ParticipantId,
    },
    LowerHandOf {
        participant: ParticipantId,
    },
    /// Those named first, in this order; the rest stay behind them as they stood.
    OrderHands {
        participants: Vec<ParticipantId>,
    },
    RoundStart {
        order: RoundOrder,
        /// Seconds a turn is meant to take; none: untimed. Gentle: nothing is cut off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        turn_seconds: Option<u32>,
        /// Whether facilitators take a turn too.
        include_facilitators: bool,
    },
    RoundExtend {
        seconds: u32,
    },
    /// Goes on to the next one.
    RoundSkip,
    RoundEnd,

    // Safety, for facilitators.
    Lock {
        locked: bool,
    },
    Freeze,
    Thaw {
        step: ThawStep,
    },
    Remove {
        participant: ParticipantId,
    },
    /// Takes a removal back: the person may come as far as the waiting room again.
    UndoRemoval {
        participant: ParticipantId,
    },
    /// Goes on after a hold.
    ResumeRoom,
    /// Offers of the lead: gives it to another connected facilitator.
    HandOver {
        participant: ParticipantId,
    },
    /// Takes the lead back that was offered on return.
    TakeLead,
    /// Ends the session after a visible countdown.
    End {
        seconds: u32,
    },
    CancelEnd,
    /// Ends the session at once. Asked twice: the first answer carries the word to confirm with.
    EndNow {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        confirm: Option<String>,
    },

    // Media.
    Offer(MediaOffer),
    /// What is on this browser's screen, most important first. The last one sent wins.
    View {
        tiles: Vec<Tile>,
    },
    /// The media connection is beyond repair: counts a new generation, so that a new one may be offered.
    RenewMedia,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HandKind {
    Speak,
    Respond,
    Question,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    WithYou,
    ThankYou,
    WellDone,
    MeToo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FloorMode {
    /// Everyone who may send.
    Open,
    /// Facilitators, and who was granted the floor.
    Hands,
    /// Facilitators, and the one whose turn it is. Entered by `round_start` alone.
    Round,
    /// Facilitators only.
    Facilitator,
    /// Nobody, until a facilitator unmutes.
    Quiet,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RoundOrder {
    /// In the order in which people were seated.
    Seated,
    /// As listed; whoever is not listed comes after, as seated.
    Manual { participants: Vec<ParticipantId> },
}

/// A thaw goes step by step, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ThawStep {
    Microphones,
    Cameras,
    Chat,
}

impl Role {
    /// Ticketed facilitators and cofacilitators: what the rules call *facilitators*.
    pub const fn is_facilitator(self) -> bool {
        match self {
            Role::Facilitator | Role::Cofacilitator => true,
            Role::PeerLead | Role::Interpreter | Role::Member | Role::Observer => false,
        }
    }
}
