use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{KnockId, Millis, ParticipantId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct SignalId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// I need somebody.
    Distress,
    /// Somebody may be watching my screen.
    NotAlone,
}

/// A member's private signal, as facilitators alone see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Signal {
    pub id: SignalId,
    pub kind: SignalKind,
    /// Of somebody who has a seat, or had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub participant: Option<ParticipantId>,
    /// Of somebody at the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub knock: Option<KnockId>,
    pub alias: String,
    pub since: Millis,
    /// How often it was repeated for want of an answer.
    pub repeated: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub answered_by: Option<ParticipantId>,
}

/// One's own signal for help, as one sees it oneself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OwnSignal {
    pub since: Millis,
    pub state: OwnSignalState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum OwnSignalState {
    Sent,
    /// A facilitator has answered.
    Answered,
    /// Nobody has answered, or nobody is there who could: show the crisis line.
    Unanswered,
}

/// The same for somebody who sees nothing of the room: at the door, or barred for want of agreement to the ground rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DoorSignal {
    pub since: Millis,
    pub state: OwnSignalState,
    /// To be shown with it, whatever its state.
    pub crisis_line: String,
}

/// What somebody did against the group's confidentiality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BreachCode {
    Recording,
    Screenshot,
    SomebodyListening,
    ToldOutside,
    Identified,
    Other,
}
