use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    AgendaItem, GateReasons, KnockId, Level, Millis, Pair, ParticipantId, Role, ScaleAnswers, Signal,
};

/// What facilitators alone see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Desk {
    pub knocks: Vec<Knock>,
    /// For `admit_all`.
    pub knocks_version: u32,
    /// Why each gate is closed, for everyone on the roster.
    pub gates: Vec<ParticipantGates>,
    /// Who held a seat and is not connected now.
    pub away: Vec<Away>,
    /// Who was removed, for undo.
    pub removed: Vec<Removed>,
    /// Who was denied, for undo.
    pub denied: Vec<Denied>,
    /// Seats that count, held ones included.
    pub seats: u32,
    pub capacity: u32,
    /// Private signals, until they are answered and for a while after.
    pub signals: Vec<Signal>,
    pub kept_apart: Vec<Pair>,
    /// How long each was heard, those who leave no voice aside.
    pub heard: Vec<Heard>,
    /// Who was not heard yet and did not choose so.
    pub not_heard: Vec<ParticipantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub scale: Option<ScaleAnswers>,
    /// How the session was: sorted, without names, and only where at least five answered.
    pub ratings: Vec<u32>,
    pub agenda: Vec<AgendaItem>,
    /// By these names a format can be changed to.
    pub formats: Vec<String>,
    /// The number of the breach that is being dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub incident: Option<u32>,
}

/// Voiced time behind an open gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Heard {
    pub participant: ParticipantId,
    pub seconds: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Knock {
    pub id: KnockId,
    pub alias: String,
    pub role: Role,
    /// Holds a seat already, on another device or tab: admitting moves the seat.
    pub new_device: bool,
    /// Would sit at the device of this participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub device: Option<ParticipantId>,
    pub since: Millis,
    /// Came after the start: collected without a sound.
    pub quiet: bool,
    /// The lock is in the way: `admit` needs `through_lock`.
    pub needs_through_lock: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ParticipantGates {
    pub participant: ParticipantId,
    pub gates: GateReasons,
    /// Chosen by themselves.
    pub level: Level,
    /// Set by a facilitator.
    pub ceiling: Level,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Away {
    pub participant: ParticipantId,
    pub alias: String,
    pub how: AwayHow,
    pub since: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum AwayHow {
    Left,
    Dropped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Removed {
    pub participant: ParticipantId,
    pub alias: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Denied {
    pub knock: KnockId,
    pub alias: String,
}
