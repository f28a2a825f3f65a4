//! One RTP stream that a client sends: the microphone, or one layer of the camera.

use hearth_protocol::Source;
use str0m::media::{Mid, Rid};

use crate::{
    payload::{self, FRAME_PACKETS, Pace},
    rtcp::Sent,
    stamp::{Stamp, now_us},
};

// Numbers of header extensions, as the offer lists them.
const LEVEL: u8 = 1;
const TRANSPORT: u8 = 2;
const MID: u8 = 3;
const RID: u8 = 4;

#[derive(Debug)]
pub struct Stream {
    pub source: Source,
    pub mid: Mid,
    pub rid: Option<Rid>,
    /// Of the camera's, the smallest first.
    pub layer: usize,
    pub ssrc: u32,
    pub payload_type: u8,
    pub pace: Pace,
    pub picture: payload::Vp8,
    sender: u32,
    /// The rollover counter and the sequence number.
    index: u32,
    time: u32,
    packets: u32,
    bytes: u32,
}

impl Stream {
    pub fn microphone(sender: u32, mid: Mid) -> Stream {
        Stream::new(sender, Source::Microphone, (mid, None), 0, Pace::VOICE)
    }

    pub fn camera(sender: u32, to: (Mid, Option<Rid>), layer: usize, pace: Pace) -> Stream {
        let mut stream = Stream::new(sender, Source::Camera, to, layer, pace);
        stream.picture.size = (320 << layer, 180 << layer);
        stream
    }

    fn new(sender: u32, source: Source, (mid, rid): (Mid, Option<Rid>), layer: usize, pace: Pace) -> Stream {
        Stream {
            source,
            mid,
            rid,
            layer,
            ssrc: 0,
            payload_type: 0,
            pace,
            picture: payload::Vp8::default(),
            sender,
            index: 1_000 + sender % 1_000,
            time: sender.wrapping_mul(90_000),
            packets: 0,
            bytes: 0,
        }
    }

    /// Packets that leave together: a picture's, or one of sound.
    pub fn burst(&self) -> u32 {
        if self.source == Source::Microphone { 1 } else { FRAME_PACKETS }
    }

    pub fn bursts_per_second(&self) -> f64 {
        f64::from(self.pace.packets_per_second) / f64::from(self.burst())
    }

    /// Writes the next packet, unsealed, and gives its index.
    pub fn next(&mut self, packet: &mut Vec<u8>, transport: u16) -> u32 {
        let stamp = Stamp {
            sender: self.sender,
            phase: 0,
            source: u8::from(self.source != Source::Microphone),
            counter: self.packets,
            sent_us: now_us(),
        };
        let payload = match self.source {
            Source::Microphone => payload::voice(stamp, self.pace),
            Source::Camera | Source::Screen => self.picture.next(stamp, self.pace),
        };
        self.index += 1;
        self.time = self.time.wrapping_add(payload.ticks);
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload.bytes.len() as u32);
        packet.clear();
        packet.extend_from_slice(&[0x90, self.payload_type | u8::from(payload.marker) << 7]);
        packet.extend_from_slice(&(self.index as u16).to_be_bytes());
        packet.extend_from_slice(&self.time.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        self.write_extensions(packet, transport);
        packet.extend_from_slice(&payload.bytes);
        self.index
    }

    pub fn sent(&self) -> Sent {
        Sent { ssrc: self.ssrc, time: self.time, packets: self.packets, bytes: self.bytes }
    }

    /// In the one-byte form (RFC 8285, section 4.2).
    fn write_extensions(&self, packet: &mut Vec<u8>, transport: u16) {
        let at = packet.len();
        packet.extend_from_slice(&[0xbe, 0xde, 0, 0]);
        let mut write = |id: u8, bytes: &[u8]| {
            packet.push(id << 4 | (bytes.len() - 1) as u8);
            packet.extend_from_slice(bytes);
        };
        write(TRANSPORT, &transport.to_be_bytes());
        write(MID, self.mid.as_bytes());
        if let Some(rid) = self.rid {
            write(RID, rid.as_bytes());
        }
        if let Some(level) = self.pace.level {
            // The voice bit, and the level in −dBov (RFC 6464).
            write(LEVEL, &[0x80 | level.unsigned_abs()]);
        }
        packet.resize(at + (packet.len() - at).next_multiple_of(4), 0);
        let words = ((packet.len() - at) / 4 - 1) as u16;
        packet[at + 2..at + 4].copy_from_slice(&words.to_be_bytes());
    }
}
