//! What payloads look like: no codec, but what a relay reads of them is there.

use crate::stamp::Stamp;

/// Packets to a picture.
pub const FRAME_PACKETS: u32 = 4;

/// How a source is sent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub packets_per_second: u32,
    /// Payload bytes, at least [`Stamp::BYTES`] and what VP8 needs.
    pub bytes: usize,
    /// RFC 6464 level in -dBov; none: the header extension is left out.
    pub level: Option<i8>,
}

impl Pace {
    /// Opus as it sounds: 50 packets a second.
    pub const VOICE: Pace = Pace { packets_per_second: 50, bytes: 90, level: Some(-20) };
    /// A modest camera: 100 packets a second, four to a frame.
    pub const VIDEO: Pace = Pace { packets_per_second: 100, bytes: 1_100, level: None };
}

#[derive(Debug)]
pub struct Payload {
    pub bytes: Vec<u8>,
    /// RTP time that passes before this packet.
    pub ticks: u32,
    /// Ends a picture.
    pub marker: bool,
}

pub fn voice(stamp: Stamp, pace: Pace) -> Payload {
    let mut bytes = vec![0; pace.bytes.max(Stamp::BYTES)];
    stamp.write(&mut bytes);
    Payload { bytes, ticks: 48_000 / pace.packets_per_second.max(1), marker: false }
}

/// A stream of VP8 pictures.
#[derive(Debug)]
pub struct Vp8 {
    /// The next picture is a key frame.
    pub key_due: bool,
    /// As key frames say: width and height.
    pub size: (u16, u16),
    picture: u16,
    packet_of_frame: u32,
}

impl Default for Vp8 {
    fn default() -> Self {
        Vp8 { key_due: true, size: (320, 180), picture: 0, packet_of_frame: 0 }
    }
}

impl Vp8 {
    /// A packet as RFC 7741 has it: payload descriptor with picture id and TL0PICIDX, and at a frame's start the frame tag.
    pub fn next(&mut self, stamp: Stamp, pace: Pace) -> Payload {
        let starts = self.packet_of_frame == 0;
        let mut ticks = 0;
        if starts {
            self.picture = (self.picture + 1) & 0x7fff;
            ticks = 90_000 / (pace.packets_per_second / FRAME_PACKETS).max(1);
        }
        let mut bytes = vec![if starts { 0x90 } else { 0x80 }, 0xe0];
        bytes.extend((0x8000 | self.picture).to_be_bytes());
        // TL0PICIDX needs a TID beside it: the base layer.
        bytes.extend([self.picture as u8, 0]);
        if starts {
            let key = std::mem::take(&mut self.key_due);
            bytes.extend([u8::from(!key), 0, 0]);
            if key {
                bytes.extend([0x9d, 0x01, 0x2a]);
                bytes.extend(self.size.0.to_le_bytes());
                bytes.extend(self.size.1.to_le_bytes());
            }
        }
        let head = bytes.len();
        bytes.resize((head + Stamp::BYTES).max(pace.bytes), 0);
        stamp.write(&mut bytes[head..]);
        self.packet_of_frame = (self.packet_of_frame + 1) % FRAME_PACKETS;
        Payload { bytes, ticks, marker: self.packet_of_frame == 0 }
    }
}
