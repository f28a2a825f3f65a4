//! One RTP stream of a client.

use std::time::Instant;

use hearth_protocol::Source;
use str0m::{
    media::{Mid, Rid},
    rtp::Ssrc,
};

use super::{Pace, Stamp, payload};

/// One RTP stream that this client sends: the microphone, or one layer of the camera.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) source: Source,
    pub(super) mid: Mid,
    pub(super) rid: Option<Rid>,
    pub(super) own_ssrc: Option<Ssrc>,
    pub(super) pace: Option<Pace>,
    pub(super) due: Instant,
    pub(super) seq: u64,
    pub(super) time: u32,
    pub(super) counter: u32,
    pub(super) picture: payload::Vp8,
}

impl Stream {
    /// The next payload and whether it ends a picture.
    pub(super) fn next(&mut self, stamp: Stamp, pace: Pace) -> (Vec<u8>, bool) {
        let payload = match self.source {
            Source::Microphone => payload::voice(stamp, pace),
            Source::Camera | Source::Screen => self.picture.next(stamp, pace),
        };
        self.time = self.time.wrapping_add(payload.ticks);
        (payload.bytes, payload.marker)
    }
}
