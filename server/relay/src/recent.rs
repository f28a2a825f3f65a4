//! The latest sound of one source: what a packet's redundancy may fill, and what goes along with later packets (RFC 2198).
//!
//! It knows of one open period alone, in one space and one epoch; [`Recent::forget`] ends that. So what was said behind a closed gate,
//! elsewhere, or before somebody came is neither filled in nor repeated, although browsers put what they said last into each packet,
//! muted or not.

use std::{collections::VecDeque, sync::Arc};

use crate::{packet::Packet, peer};

/// More than this never goes along with a packet. Frames.
pub const REPEATED_MAX: usize = 3;
/// A hole longer than this is not filled: nobody repeats that much. Packets.
const HOLE_MAX: u64 = 8;

#[derive(Debug, Default)]
pub struct Recent {
    /// Newest last, by sequence number.
    frames: VecDeque<Frame>,
}

#[derive(Clone, Debug)]
pub struct Frame {
    pub sequence: u64,
    pub timestamp: u32,
    pub payload: Arc<[u8]>,
}

impl Recent {
    pub fn forget(&mut self) {
        self.frames.clear();
    }

    pub fn note(&mut self, packet: &Packet) {
        if packet.payload.is_empty() {
            return;
        }
        if let Some(newest) = self.frames.back() {
            let is_late = packet.sequence <= newest.sequence;
            let is_near = newest.sequence - packet.sequence.min(newest.sequence) <= HOLE_MAX;
            if is_late && is_near {
                return;
            }
            // Another run of numbers.
            if is_late {
                self.frames.clear();
            }
        }
        let Packet { sequence, timestamp, .. } = *packet;
        self.frames.push_back(Frame { sequence, timestamp, payload: packet.payload.clone() });
        if self.frames.len() > REPEATED_MAX {
            self.frames.pop_front();
        }
    }

    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter().rev()
    }

    /// The newest so many, oldest first.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &Frame> {
        self.frames.iter().skip(self.frames.len().saturating_sub(count))
    }

    /// Takes a packet apart: what of it fills the hole before it, oldest first, and its own sound last. None: it is not well-formed.
    pub fn unwrap(&self, packet: Packet, payload_type: u8) -> Option<Vec<Packet>> {
        let (blocks, primary) = peer::unwrap(&packet.payload, payload_type)?;
        let mut whole = self.fill(&packet, &blocks);
        let primary = primary.into();
        whole.push(Packet { payload: primary, red: None, ..packet });
        Some(whole)
    }

    /// Blocks bear times and no numbers, so that is where the hole lies between two packets: one missing is that one; of several each
    /// has its place only if all are equally long.
    fn fill(&self, packet: &Packet, blocks: &[peer::Block]) -> Vec<Packet> {
        let Some(before) = self.frames.back() else { return Vec::new() };
        let span = packet.timestamp.wrapping_sub(before.timestamp);
        let Some(steps) = packet.sequence.checked_sub(before.sequence).filter(|steps| *steps <= HOLE_MAX + 1)
        else {
            return Vec::new();
        };
        let mut filled: Vec<Packet> = Vec::new();
        for block in blocks.iter().filter(|block| block.ticks_back < span && !block.payload.is_empty()) {
            let back = match steps {
                0 | 1 => break,
                2 => 1,
                _ => {
                    let (step, uneven) = (u64::from(span) / steps, u64::from(span) % steps);
                    let ticks = u64::from(block.ticks_back);
                    if uneven != 0 || ticks % step != 0 {
                        continue;
                    }
                    ticks / step
                }
            };
            let sequence = packet.sequence - back;
            if filled.iter().any(|known| known.sequence >= sequence) {
                continue;
            }
            filled.push(Packet {
                sequence,
                timestamp: packet.timestamp.wrapping_sub(block.ticks_back),
                marker: false,
                payload: block.payload.into(),
                red: None,
                ..packet.clone()
            });
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;

    const OPUS: u8 = 111;
    const STEP: u32 = 960;

    /// A packet of this number, wrapped with the frames so many numbers back; each frame is its number.
    fn packet(sequence: u64, back: &[u64]) -> Packet {
        let timestamp = |sequence: u64| (sequence as u32).wrapping_mul(STEP).wrapping_sub(40_000);
        let frame = |sequence: u64| Frame {
            sequence,
            timestamp: timestamp(sequence),
            payload: sequence.to_be_bytes().to_vec().into(),
        };
        let older: Vec<Frame> = back.iter().map(|back| frame(sequence - back)).collect();
        let own = frame(sequence);
        Packet {
            feed: Feed::Microphone,
            layer: 0,
            sequence,
            timestamp: own.timestamp,
            marker: false,
            level: Some(20),
            picture: None,
            payload: peer::wrap(OPUS, own.timestamp, older.iter(), &own.payload),
            red: Some(OPUS),
        }
    }

    /// Lets these arrive. The numbers that come out, each with its own sound.
    fn heard(recent: &mut Recent, arrive: &[(u64, &[u64])]) -> Vec<u64> {
        let mut heard = Vec::new();
        for (sequence, back) in arrive {
            for packet in recent.unwrap(packet(*sequence, back), OPUS).expect("well-formed") {
                assert_eq!(packet.payload[..], packet.sequence.to_be_bytes());
                heard.push(packet.sequence);
                recent.note(&packet);
            }
        }
        heard
    }

    fn check(arrive: &[(u64, &[u64])], expected: &[u64]) {
        assert_eq!(heard(&mut Recent::default(), arrive), expected);
    }

    #[test]
    fn redundancy_fills_holes_and_nothing_else() {
        check(&[(41, &[1]), (42, &[1]), (43, &[1])], &[41, 42, 43]);
        check(&[(41, &[1]), (43, &[1])], &[41, 42, 43]);
        check(&[(41, &[2, 1]), (44, &[2, 1])], &[41, 42, 43, 44]);
        check(&[(41, &[1]), (44, &[1])], &[41, 43, 44]);
        check(&[(41, &[]), (44, &[3, 1])], &[41, 43, 44]);
        check(&[(41, &[]), (46, &[4, 2])], &[41, 42, 44, 46]);
        check(&[(41, &[]), (52, &[1])], &[41, 52]);
    }

    #[test]
    fn what_is_older_than_the_open_period_is_never_heard() {
        check(&[(41, &[3, 2, 1])], &[41]);
        check(&[(41, &[]), (42, &[3, 2, 1])], &[41, 42]);
        check(&[(41, &[]), (43, &[4, 3, 2, 1])], &[41, 42, 43]);
        let mut recent = Recent::default();
        heard(&mut recent, &[(41, &[]), (42, &[])]);
        recent.forget();
        assert_eq!(recent.newest().count(), 0);
        assert_eq!(heard(&mut recent, &[(45, &[3, 2, 1]), (47, &[5, 4, 3, 2, 1])]), [45, 46, 47]);
    }

    #[test]
    fn the_newest_frames_are_kept_in_their_order() {
        let mut recent = Recent::default();
        heard(&mut recent, &[(41, &[]), (42, &[]), (43, &[]), (44, &[]), (43, &[])]);
        assert_eq!(recent.newest().map(|frame| frame.sequence).collect::<Vec<_>>(), [44, 43, 42]);
        heard(&mut recent, &[(9, &[])]);
        assert_eq!(recent.newest().map(|frame| frame.sequence).collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn noise_is_refused_and_never_panics() {
        let mut recent = Recent::default();
        heard(&mut recent, &[(41, &[])]);
        let mut dice = 0x5eed_u64;
        for _ in 0..20_000 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let length = (dice >> 33) as usize % 40;
            let noise: Vec<u8> =
                (0..length).map(|at| (dice >> (at % 8 * 8)) as u8 | (at as u8 & 3) << 6).collect();
            let taken = recent.unwrap(Packet { payload: noise.into(), ..packet(44, &[]) }, OPUS);
            assert!(
                taken.is_none_or(|taken| taken.len() <= 3 && taken.iter().all(|packet| packet.sequence > 41))
            );
        }
    }
}
