use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Millis, ParticipantId};

/// A smaller space beside the room. Media never cross from one space to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct AsideId(pub u32);

/// An aside that is open. Who is in it stands with the participants: nobody is hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Aside {
    pub id: AsideId,
    /// Everyone is back in the room then. Absent: untimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ends_at: Option<Millis>,
}

/// Two who are not to be in one aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
pub struct Pair {
    pub one: ParticipantId,
    pub other: ParticipantId,
}
