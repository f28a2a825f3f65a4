//! One RTP stream of a client.

use std::{collections::VecDeque, time::Instant};

use hearth_protocol::Source;
use str0m::{
    media::{Mid, Pt, Rid},
    rtp::{RedEncoder, RedundantBlock, Ssrc},
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
    /// The latest sound and when it was, newest last.
    pub(super) sent: VecDeque<(u32, Vec<u8>)>,
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

    /// Puts up to so many earlier frames in front (RFC 2198).
    pub(super) fn wrap(&mut self, pt: Pt, payload: Vec<u8>, count: usize) -> Vec<u8> {
        let block = |(time, payload): &(u32, Vec<u8>)| RedundantBlock {
            pt: *pt,
            timestamp_offset: self.time.wrapping_sub(*time),
            payload: payload.clone(),
        };
        let blocks: Vec<_> = self.sent.iter().map(block).collect();
        let wrapped = RedEncoder::encode(*pt, &payload, &blocks);
        self.sent.push_back((self.time, payload));
        if self.sent.len() > count {
            self.sent.pop_front();
        }
        wrapped
    }
}
