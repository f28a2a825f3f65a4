use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    Aside, AsideId, ChatPolicy, Desk, FloorMode, Goal, HandKind, HandOrder, Level, Millis, OwnSignal,
    ParticipantId, Prompt, ReactionPolicy, Scale, Segment, Source, ThawStep, Timer,
};

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

impl Role {
    /// Ticketed facilitators and cofacilitators: what the rules call *facilitators*.
    pub const fn is_facilitator(self) -> bool {
        match self {
            Role::Facilitator | Role::Cofacilitator => true,
            Role::PeerLead | Role::Interpreter | Role::Member | Role::Observer => false,
        }
    }
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
    /// Chosen by oneself.
    pub level: Level,
    /// Set by a facilitator.
    pub ceiling: Level,
    /// One's signal for help, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub signal: Option<OwnSignal>,
    /// One has told the facilitators that somebody may be watching.
    pub not_alone: bool,
    /// One is in a crisis aside while the room is paused by a freeze, a hold or a break, which do not reach there: the chat that one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub spared: Option<ChatPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub goal: Option<Goal>,
    pub takes_feedback: bool,
    /// One's answer to the scale that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub scale_answer: Option<u32>,
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
    /// From the ticket: a facilitator's credential, or in which capacity somebody listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<String>,
    /// The lead has lent them some of the desk.
    pub helper: bool,
    /// In this aside; absent: in the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub aside: Option<AsideId>,
    /// Sits at the device of this participant, whose gates are theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub device: Option<ParticipantId>,
    /// Their own line for the session, where they share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub goal: Option<String>,
    /// Has opted in to feedback, and it is time for it.
    pub takes_feedback: bool,
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
    /// Everyone but facilitators is closed until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub break_until: Option<Millis>,
    /// The format's title.
    pub format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub segment: Option<Segment>,
    /// As it stands now: closed for members too by freeze and hold.
    pub chat: ChatPolicy,
    pub reactions: ReactionPolicy,
    pub hands: HandOrder,
    pub asides: Vec<Aside>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub prompt: Option<Prompt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub timer: Option<Timer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub scale: Option<Scale>,
    pub care_moment: bool,
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
    /// The turn ends by itself at `until`.
    pub stops: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Round {
    /// Who is still to come, in order.
    pub next: Vec<ParticipantId>,
    /// Suspended by freeze or hold, not lost.
    pub paused: bool,
}
