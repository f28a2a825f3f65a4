use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    AsideId, Audience, BreachCode, KnockId, Level, MediaOffer, MessageId, ParticipantId, Prompt,
    SegmentSettings, SignalId, Source, Tile,
};

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
    /// How much one takes part. Lower closes at once; higher opens nothing by itself.
    SetLevel {
        level: Level,
    },
    /// A private signal to the facilitators: I need somebody. At any stage after the ticket, never refused.
    Distress,
    /// A private signal to the facilitators: somebody may be watching my screen, or not any more.
    NotAlone {
        on: bool,
    },
    /// Writes in the chat.
    Say {
        to: Audience,
        text: String,
    },
    /// Takes one's turn in text. Shown to all in the same space, even with the chat closed.
    SayTurn {
        text: String,
    },
    /// Takes a message away again for everyone: one's own, or anybody's by a facilitator.
    Unsay {
        message: MessageId,
    },
    /// From 0 to 10.
    AnswerScale {
        value: u32,
        /// Tell the facilitator that it is me.
        named: bool,
    },
    /// Something to be proud of, told to everyone once.
    Milestone {
        text: String,
    },
    /// One's own line for the session; none takes it back.
    SetGoal {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        text: Option<String>,
        shared: bool,
    },
    /// Opts in to feedback by other members in a feedback segment, or out again.
    TakeFeedback {
        on: bool,
    },
    GiveFeedback {
        participant: ParticipantId,
        text: String,
    },
    /// How the session was, from 0 to 10. Facilitators see the ratings without names.
    Rate {
        value: u32,
    },
    /// What belongs to oneself, to be taken along.
    Export,
    /// Another person sits at this device, with a ticket of their own, and agrees to the ground rules.
    ShareDevice {
        ticket: String,
        version: u32,
        hash: String,
    },
    /// That other person does not sit here any more.
    UnshareDevice {
        participant: ParticipantId,
    },
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
    /// The present turn is not cut off when its time is over.
    RoundSuspendStop,
    RoundEnd,

    // Asides, for facilitators.
    /// Opens an aside for each group; everyone named is moved there by the server.
    OpenAsides {
        groups: Vec<Vec<ParticipantId>>,
        /// None: until recalled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        seconds: Option<u32>,
    },
    /// An untimed aside of this member with the facilitator who asks. Goes on in a freeze and a hold.
    OpenCrisisAside {
        participant: ParticipantId,
    },
    /// Into an aside, or back to the room.
    Move {
        participant: ParticipantId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        aside: Option<AsideId>,
    },
    /// Everyone of this aside, or of all, is back in the room after a visible countdown.
    Recall {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        aside: Option<AsideId>,
        seconds: u32,
    },
    /// These two are never moved into one aside.
    KeepApart {
        one: ParticipantId,
        other: ParticipantId,
        apart: bool,
    },

    // The meeting's course, for facilitators.
    /// Goes to a part of the agenda: all that it sets changes at once.
    StepTo {
        segment: u32,
    },
    /// Changes what the part that runs has set.
    Override {
        settings: SegmentSettings,
    },
    /// Another format, by its name.
    ChangeFormat {
        format: String,
    },
    /// Another format, as TOML.
    ImportFormat {
        toml: String,
    },
    /// The present format, as TOML.
    ExportFormat,
    /// How much somebody may take part at most; without a participant: all members, and whoever joins them.
    SetCeiling {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        participant: Option<ParticipantId>,
        level: Level,
    },
    /// Lends a member some of the desk: floor, rounds, timers, closing gates. Or takes it back.
    LendHelper {
        participant: ParticipantId,
        on: bool,
    },
    /// Shows a card to everyone, or takes it away.
    ShowPrompt {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        prompt: Option<Prompt>,
    },
    StartTimer {
        seconds: u32,
        label: String,
    },
    StopTimer,
    /// A question to be answered from 0 to 10.
    OpenScale {
        question: String,
    },
    CloseScale,
    /// Only `with_you` remains of the reactions, and timers disappear.
    CareMoment {
        on: bool,
    },
    /// Attests who was here, as it was recorded.
    AttestAttendance,
    /// Adds a correction to somebody's recorded attendance.
    CorrectAttendance {
        participant: ParticipantId,
        minutes: u32,
        /// Why, in a few words.
        note: String,
    },

    // Safety, for facilitators.
    /// Answers a signal, with a private word if there is one.
    AnswerSignal {
        signal: SignalId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        text: Option<String>,
    },
    /// Confidentiality was broken: freezes, removes who did it if they are named, and tells the group in neutral words.
    Breach {
        code: BreachCode,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        participant: Option<ParticipantId>,
    },
    /// The gentle form of a freeze: everyone but facilitators is closed for so long.
    Break {
        seconds: u32,
    },
    EndBreak,
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
    /// Who was heard least comes first, as it stands at the start.
    Equity,
}

/// A thaw goes step by step, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ThawStep {
    Microphones,
    Cameras,
    Chat,
}
