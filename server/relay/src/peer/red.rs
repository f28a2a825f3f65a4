//! RFC 2198: the sound of several moments in one packet.

use std::sync::Arc;

use crate::recent::Frame;

/// RFC 2198 section 3: what the lengths and the offsets of a redundant block can say.
const LENGTH_MAX: usize = 0x3ff;
const TICKS_MAX: u32 = 0x3fff;
/// Another block follows this header.
const MORE: u8 = 0x80;

/// What was sent before already.
#[derive(Debug)]
pub struct Block<'a> {
    /// Earlier than the packet's own sound.
    pub ticks_back: u32,
    pub payload: &'a [u8],
}

/// The redundant blocks of this codec, and the packet's own sound. None: not well-formed, or of another codec.
pub fn unwrap(payload: &[u8], payload_type: u8) -> Option<(Vec<Block<'_>>, &[u8])> {
    let mut headers = Vec::new();
    let mut rest = payload;
    let own = loop {
        match rest {
            [first, second, third, fourth, after @ ..] if first & MORE != 0 => {
                let word = u32::from_be_bytes([*first, *second, *third, *fourth]);
                headers.push((first & !MORE, word >> 10 & TICKS_MAX, word as usize & LENGTH_MAX));
                rest = after;
            }
            [own, after @ ..] if own & MORE == 0 => {
                rest = after;
                break *own;
            }
            _ => return None,
        }
    };
    let mut older = Vec::with_capacity(headers.len());
    for (of, ticks_back, length) in headers {
        let (payload, after) = rest.split_at_checked(length)?;
        rest = after;
        if of == payload_type && ticks_back > 0 {
            older.push(Block { ticks_back, payload });
        }
    }
    (own == payload_type).then_some((older, rest))
}

/// What goes along with a packet is given oldest first; what does not fit into the format stays out.
pub fn wrap<'a>(
    payload_type: u8,
    timestamp: u32,
    older: impl Iterator<Item = &'a Frame>,
    own: &[u8],
) -> Arc<[u8]> {
    let older: Vec<_> = older.filter(|frame| fits(frame, timestamp)).collect();
    let mut packet = Vec::new();
    for frame in &older {
        let ticks_back = timestamp.wrapping_sub(frame.timestamp);
        let word = u32::from(MORE | payload_type) << 24 | ticks_back << 10 | frame.payload.len() as u32;
        packet.extend_from_slice(&word.to_be_bytes());
    }
    packet.push(payload_type & !MORE);
    older.iter().for_each(|frame| packet.extend_from_slice(&frame.payload));
    packet.extend_from_slice(own);
    packet.into()
}

pub fn fits(frame: &Frame, timestamp: u32) -> bool {
    let ticks_back = timestamp.wrapping_sub(frame.timestamp);
    (1..=TICKS_MAX).contains(&ticks_back) && frame.payload.len() <= LENGTH_MAX
}
