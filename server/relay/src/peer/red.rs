//! RFC 2198: the sound of several moments in one packet.

use std::sync::Arc;

use str0m::rtp::{RedDecoder, RedEncoder, RedundantBlock};

use crate::recent::Frame;

/// RFC 2198 section 3: what the lengths and the offsets of a redundant block can say.
const LENGTH_MAX: usize = 0x3ff;
const TICKS_MAX: u32 = 0x3fff;

/// What was sent before already.
#[derive(Debug)]
pub struct Block<'a> {
    /// Earlier than the packet's own sound.
    pub ticks_back: u32,
    pub payload: &'a [u8],
}

/// The redundant blocks of this codec, and the packet's own sound. None: not well-formed, or of another codec.
pub fn unwrap(payload: &[u8], payload_type: u8) -> Option<(Vec<Block<'_>>, &[u8])> {
    let mut blocks = RedDecoder::decode(payload).ok()?;
    let primary = blocks.pop().filter(|block| block.is_primary && block.pt == payload_type)?;
    let older = blocks.into_iter().filter(|block| block.pt == payload_type && block.timestamp_offset > 0);
    let older = older.map(|block| Block { ticks_back: block.timestamp_offset, payload: block.payload });
    Some((older.collect(), primary.payload))
}

/// What goes along with a packet is given oldest first; what does not fit into the format stays out.
pub fn wrap<'a>(
    payload_type: u8,
    timestamp: u32,
    older: impl Iterator<Item = &'a Frame>,
    own: &[u8],
) -> Arc<[u8]> {
    let block = |frame: &Frame| RedundantBlock {
        pt: payload_type,
        timestamp_offset: timestamp.wrapping_sub(frame.timestamp),
        payload: frame.payload.to_vec(),
    };
    let blocks: Vec<_> = older.filter(|frame| fits(frame, timestamp)).map(block).collect();
    RedEncoder::encode(payload_type, own, &blocks).into()
}

pub fn fits(frame: &Frame, timestamp: u32) -> bool {
    let ticks_back = timestamp.wrapping_sub(frame.timestamp);
    (1..=TICKS_MAX).contains(&ticks_back) && frame.payload.len() <= LENGTH_MAX
}
