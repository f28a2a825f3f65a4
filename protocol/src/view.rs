use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{FloorMode, HandKind, KnockId, Millis, ParticipantId, Source, ThawStep};

/// The room as one recipient may see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct RoomView {
    pub now: Millis,
    pub you: You,
    /// In the order of seats.
    pub participants: Vec<Participant>,
    pub room: RoomState,
    pub floor: Floor,
    /// For facilitators alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub desk: Option<Desk>,
}

/// From the ticket alone; never claimed, inherited or elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Facilitator,
    Cofacilitator,
    PeerLead,
    Interpreter,
    Member,
    Observer,
}

/// Why a gate is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    #[serde(rename = "self")]
    Self_,
    Facilitator,
    Floor,
    Freeze,
    Unattended,
    Consent,
    Ticket,
    Level,
    Ceiling,
    Format,
    Away,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct You {
    pub participant: ParticipantId,
    /// Which media connection is the present one. Another number than that of the page's own: make a new one.
    pub media_generation: u32,
    /// What the ticket allows to be sent.
    pub publish: Vec<Source>,
    /// Why each of one's own gates is closed; an empty list is an open gate.
    pub gates: GateReasons,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hand: Option<Hand>,
    /// The lead is offered back: `take_lead` accepts.
    pub lead_offered: bool,
    /// Opted in: the microphone may open by itself when the floor comes.
    pub open_on_turn: bool,
    /// A question to unmute stands until then: a facilitator asks, or the floor has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub asked_until: Option<Millis>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct GateReasons {
    pub microphone: Vec<Reason>,
    pub camera: Vec<Reason>,
    pub screen: Vec<Reason>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Participant {
    pub id: ParticipantId,
    pub alias: String,
    pub role: Role,
    /// Leads the session now.
    pub lead: bool,
    /// Which sources are open. Open means that it may be heard or seen, not that it is.
    pub open: OpenSources,
    /// Absent too where the queue is private and one is not its facilitator or owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hand: Option<Hand>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OpenSources {
    pub microphone: bool,
    pub camera: bool,
    pub screen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Hand {
    pub kind: HandKind,
    /// From 1.
    pub place: u32,
    pub since: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomState {
    pub title: String,
    pub locked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub frozen: Option<Frozen>,
    /// Nobody is in charge; everyone is gated until a facilitator goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hold: Option<Hold>,
    /// The session ends at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ends_at: Option<Millis>,
    /// Raised whenever who may listen changes.
    pub epoch: u32,
    pub crisis_line: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Frozen {
    pub since: Millis,
    pub by: ParticipantId,
    /// What is open again already.
    pub thawed: Vec<ThawStep>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Hold {
    pub since: Millis,
    /// The session ends then, if nobody comes.
    pub ends_at: Millis,
    /// A facilitator is back and may go on.
    pub may_resume: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Floor {
    pub mode: FloorMode,
    /// Who has the floor by grant or by turn.
    pub speakers: Vec<Speaker>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub round: Option<Round>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Speaker {
    pub participant: ParticipantId,
    pub since: Millis,
    /// Gentle: when the turn was meant to be over. Absent: untimed, or paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub until: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Round {
    /// Who is still to come, in order.
    pub next: Vec<ParticipantId>,
    /// Suspended by freeze or hold, not lost.
    pub paused: bool,
}

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
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Knock {
    pub id: KnockId,
    pub alias: String,
    pub role: Role,
    /// Holds a seat already, on another device or tab: admitting moves the seat.
    pub new_device: bool,
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
