use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ParticipantId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Microphone,
    Camera,
    Screen,
}

/// One offer describes all of a browser's media (RFC 8829). The browser makes every offer; the server only answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MediaOffer {
    /// The generation this connection belongs to, from `you.media_generation`.
    pub generation: u32,
    /// At most 48 kB and 64 media lines.
    pub sdp: String,
    /// What each sending media line carries. Every other media line must be `recvonly`: a slot.
    pub tracks: Vec<TrackLabel>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TrackLabel {
    /// The media line's `a=mid` (RFC 8843).
    pub mid: String,
    pub source: Source,
}

/// A place on the screen in which a source is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Tile {
    pub participant: ParticipantId,
    pub source: Source,
    /// Height in device pixels; the relay chooses the simulcast layer by it. 0 stops the picture.
    pub height: u32,
}

/// What a receive-only media line carries from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Slot {
    /// The media line's `a=mid`.
    pub mid: String,
    /// Empty: nothing; blank the tile at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub carries: Option<SlotSource>,
    pub epoch: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SlotSource {
    pub participant: ParticipantId,
    pub source: Source,
    /// The RTP timestamp from which frames in the slot are this source's (modulo 2^32). Blank the tile until the first such frame.
    pub from_timestamp: u32,
}
