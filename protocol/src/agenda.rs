use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Millis, Source};

/// How much somebody takes part: chosen by themselves, and bounded by a ceiling that a facilitator may set. In rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Hears and sees, and says nothing.
    Listen,
    /// Writes.
    Text,
    /// Speaks and writes.
    Voice,
    /// Everything.
    #[default]
    Video,
}

/// Who may write to whom in the chat. Text to facilitators is always possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ChatPolicy {
    /// To facilitators alone.
    Facilitators,
    /// To the room too.
    #[default]
    Room,
    /// To single members too.
    Members,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ReactionPolicy {
    Off,
    /// `with_you` alone.
    WithYou,
    #[default]
    All,
}

/// Whose hand comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HandOrder {
    /// As raised.
    #[default]
    Fifo,
    /// Who was heard least, as it stood when the hand was raised.
    Equity,
    /// As a facilitator put them.
    Manual,
}

/// What a part of the meeting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    Welcome,
    CheckIn,
    Share,
    Teaching,
    Exercise,
    Discussion,
    Reading,
    /// From one to another, for those alone who want it.
    Feedback,
    Commitments,
    /// Equal, timed turns, no reactions.
    Repair,
    /// "What I heard".
    Reflect,
    Quiet,
    Closing,
}

/// What a segment sets and facilitators may override while it runs. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SegmentSettings {
    /// What members may send. Opens nothing that another rule closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sources: Option<Vec<Source>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub chat: Option<ChatPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reactions: Option<ReactionPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hands: Option<HandOrder>,
}

/// The part of the meeting that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Segment {
    /// In the agenda, from 0.
    pub index: u32,
    pub kind: SegmentKind,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub prompt: Option<String>,
    /// Gentle: when it was meant to be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub until: Option<Millis>,
}

/// A part of the agenda, as facilitators see it ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AgendaItem {
    pub kind: SegmentKind,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seconds: Option<u32>,
}
