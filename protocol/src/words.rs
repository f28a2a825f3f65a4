use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Millis, ParticipantId};

/// Of chat and of every other text that people write. Characters.
pub const TEXT_CHARS_MAX: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct MessageId(pub u32);

/// To whom something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Audience {
    /// Everyone in the same space.
    Room,
    /// Everyone in the room and in every aside; by facilitators alone.
    Everywhere,
    Facilitators,
    /// Facilitators among themselves.
    Team,
    /// One person.
    Participant {
        participant: ParticipantId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    Chat,
    /// A turn that is taken in text.
    Turn,
    /// The first answer to a signal for help.
    Answer,
    /// Given in a feedback segment.
    Feedback,
}

/// Kept nowhere: whoever comes later does not see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Message {
    pub id: MessageId,
    pub from: ParticipantId,
    pub to: Audience,
    pub kind: MessageKind,
    pub text: String,
    pub at: Millis,
}

/// A card with something to think about, for everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Prompt {
    pub title: String,
    pub text: String,
}

/// Gentle: nothing happens when it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Timer {
    pub label: String,
    pub ends_at: Millis,
}

/// A question answered from 0 to 10.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Scale {
    pub question: String,
}

/// Without names and without order. To all only where at least five answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ScaleResult {
    pub question: String,
    /// Sorted.
    pub values: Vec<u32>,
}

/// A scale as facilitators see it while it is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ScaleAnswers {
    pub answered: u32,
    /// Who wants the facilitator to know that it is they.
    pub named: Vec<NamedAnswer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NamedAnswer {
    pub participant: ParticipantId,
    pub value: u32,
}

/// One's own line for this session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Goal {
    pub text: String,
    /// The others may read it.
    pub shared: bool,
}

/// What belongs to one member of this session, to be taken along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Export {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub goal: Option<String>,
    pub milestones: Vec<String>,
    /// As it was written, without names.
    pub feedback: Vec<String>,
}
