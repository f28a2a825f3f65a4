//! One RTP stream of a client, and what its payloads look like.

use std::time::Instant;

use hearth_protocol::Source;
use str0m::{
    media::{Mid, Rid},
    rtp::Ssrc,
};

use super::{Pace, Stamp};

/// Packets to a picture.
const FRAME_PACKETS: u32 = 4;

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
    pub(super) picture: u16,
    pub(super) packet_of_frame: u32,
    pub(super) key_due: bool,
}

impl Stream {
    pub(super) fn voice(&mut self, stamp: Stamp, pace: Pace) -> Vec<u8> {
        self.time = self.time.wrapping_add(48_000 / pace.packets_per_second.max(1));
        let mut payload = vec![0; pace.bytes.max(Stamp::BYTES)];
        stamp.write(&mut payload);
        payload
    }

    /// A packet as RFC 7741 has it: payload descriptor with picture id and TL0PICIDX, and at a frame's start the frame tag.
    pub(super) fn vp8(&mut self, stamp: Stamp, pace: Pace) -> (Vec<u8>, bool) {
        let starts = self.packet_of_frame == 0;
        if starts {
            self.picture = (self.picture + 1) & 0x7fff;
            self.time = self.time.wrapping_add(90_000 / (pace.packets_per_second / FRAME_PACKETS).max(1));
        }
        let mut payload = vec![if starts { 0x90 } else { 0x80 }, 0xc0];
        payload.extend((0x8000 | self.picture).to_be_bytes());
        payload.push(self.picture as u8);
        if starts {
            let key = std::mem::take(&mut self.key_due);
            payload.extend([u8::from(!key), 0, 0]);
            if key {
                payload.extend([0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
            }
        }
        let head = payload.len();
        payload.resize((head + Stamp::BYTES).max(pace.bytes), 0);
        stamp.write(&mut payload[head..]);
        self.packet_of_frame = (self.packet_of_frame + 1) % FRAME_PACKETS;
        (payload, self.packet_of_frame == 0)
    }
}
