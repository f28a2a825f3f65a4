use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    Desk, DoorSignal, Export, Floor, Message, MessageId, Millis, Participant, ParticipantId, Reaction,
    Refusal, RefusalCode, RequestId, RoomState, RoomView, ScaleResult, Secret, Signal, Slot, You,
};

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The ticket was good; with this secret one comes back to the same place at the door.
    Knocked {
        secret: Secret,
    },
    /// The ground rules to agree to, before anything else.
    GroundRules(GroundRules),
    /// Please wait. Sent on a fixed beat and always the same, whatever the reason.
    Waiting,
    /// To whoever sees nothing of the room: where one's own signal for help stands.
    Signal(DoorSignal),
    /// One has a seat; with this secret one comes back to it. Replaces any earlier secret.
    Seated {
        secret: Secret,
    },
    /// To a facilitator who has come in while the server cannot keep its record: who calls for help, and nothing else of the room
    /// until it can. All of it each time that something of it changes; the snapshot replaces it.
    StandBy {
        now: Millis,
        signals: Vec<Signal>,
    },
    /// The whole room as its recipient may see it. Deltas count on from `seq`.
    Snapshot {
        seq: u32,
        view: Box<RoomView>,
    },
    /// What changed. `seq` is one higher than that of the frame before it; after a gap, reconnect.
    Delta {
        seq: u32,
        changes: Vec<Change>,
    },
    Ok {
        request_id: RequestId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        outcome: Option<Outcome>,
    },
    Refusal {
        /// None where the frame could not be read as far as its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        request_id: Option<RequestId>,
        refusal: Refusal,
    },
    Pong {
        nonce: u32,
        now: Millis,
    },
    /// The last frame before the connection is closed.
    Bye(Bye),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct GroundRules {
    pub version: u32,
    /// Of the text, to be sent back with the agreement.
    pub hash: String,
    /// One rule a line.
    pub rules: Vec<String>,
}

/// What a request brought, where that is more than `ok`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outcome {
    /// The answer to an offer, candidates included.
    Answer { sdp: String },
    /// Repeat `end_now` with this word.
    Confirm { word: String },
    /// What belongs to oneself.
    Export(Box<Export>),
    /// The present format.
    Format { toml: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// Somebody is new or changed.
    Participant(Participant),
    /// Somebody is not in the room any more.
    Left {
        participant: ParticipantId,
    },
    Room(Box<RoomState>),
    Floor(Floor),
    You(Box<You>),
    /// For facilitators alone.
    Desk(Box<Desk>),
    /// What a media line carries from now on.
    Slot(Slot),
    /// Who is speaking, loudest first.
    Speaking {
        participants: Vec<ParticipantId>,
    },
    /// Somebody reacts. Shown for a moment and kept nowhere.
    Reaction {
        participant: ParticipantId,
        reaction: Reaction,
    },
    /// Somebody wrote.
    Message(Message),
    /// A message is taken away again.
    Unsaid {
        message: MessageId,
    },
    /// How a scale was answered.
    ScaleResult(ScaleResult),
    /// Something to be proud of.
    Milestone {
        participant: ParticipantId,
        text: String,
    },
    /// Something to be shown once.
    Notice {
        notice: Notice,
    },
}

/// Something to be shown once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Somebody came to the door with a ticket for this seat, from another device or tab.
    NewDevice,
    /// The confidentiality of the group, again.
    Confidentiality,
    /// Something was done about the group's confidentiality. Neutral words.
    Breach,
    /// Half a minute of one's turn is left, and then it ends.
    TurnEndsSoon,
    /// Everyone is asked back into the room.
    Recalled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The session is over.
    Ended,
    /// One left by choice.
    Left,
    /// One is not part of this session any more; a card goes with it.
    Removed,
    /// The door stays closed now.
    NotNow,
    /// The seat is used from another connection.
    Replaced,
    /// The server restarts: come back in a moment.
    Restarting,
    /// Too much was sent.
    Flooding,
    /// The first frame was not a good hello.
    BadHello,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Bye {
    pub reason: ByeReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub code: Option<RefusalCode>,
    /// A last card with neutral words and where to find help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub card: Option<Card>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Card {
    pub title: String,
    pub text: String,
    /// Where to find help at once.
    pub crisis_line: String,
    /// Whom to ask.
    pub contact: String,
}

impl ByeReason {
    /// The WebSocket close code (RFC 6455, section 7.4.2: 4000–4999 are private).
    pub const fn close_code(self) -> u16 {
        match self {
            ByeReason::Ended => 4000,
            ByeReason::Left => 4001,
            ByeReason::Removed => 4002,
            ByeReason::NotNow => 4003,
            ByeReason::Replaced => 4004,
            ByeReason::Restarting => 4005,
            ByeReason::Flooding => 4006,
            ByeReason::BadHello => 4007,
        }
    }

    /// Whether the client should come back by itself.
    pub const fn is_temporary(self) -> bool {
        matches!(self, ByeReason::Restarting)
    }
}
