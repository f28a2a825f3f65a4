//! What the relay says.

use std::iter;

use super::{
    Block, CNAME, COUNT_MAX, DESCRIPTION, NACK, PADDED, PAYLOAD, PICTURE_LOSS, RECEIVER_REPORT,
    SENDER_REPORT, TRANSPORT, VERSION,
};

/// Of a CNAME. Bytes.
const NAME_MAX: usize = 255;

/// What a sender's report says of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub ssrc: u32,
    pub ntp: u64,
    /// Of the media's clock, at that time.
    pub timestamp: u32,
    pub packets: u32,
    /// Of payload.
    pub bytes: u32,
}

/// At most 31 blocks; the rest is left out.
pub fn sender_report(to: &mut Vec<u8>, sent: &Sent, blocks: &[Block]) {
    let Sent { ssrc, ntp, timestamp, packets, bytes } = *sent;
    let start = begin(to, 0, SENDER_REPORT);
    put(to, &[ssrc, (ntp >> 32) as u32, ntp as u32, timestamp, packets, bytes]);
    put_blocks(to, start, blocks);
    finish(to, start);
}

/// At most 31 blocks; the rest is left out.
pub fn receiver_report(to: &mut Vec<u8>, own: u32, blocks: &[Block]) {
    let start = begin(to, 0, RECEIVER_REPORT);
    put(to, &[own]);
    put_blocks(to, start, blocks);
    finish(to, start);
}

/// The name that these streams have in common, cut after 255 bytes; as many packets as it takes.
pub fn description(to: &mut Vec<u8>, cname: &str, ssrcs: impl Iterator<Item = u32>) {
    let name = &cname.as_bytes()[..cname.floor_char_boundary(NAME_MAX)];
    let mut ssrcs = ssrcs.peekable();
    while ssrcs.peek().is_some() {
        let start = begin(to, 0, DESCRIPTION);
        for ssrc in ssrcs.by_ref().take(COUNT_MAX) {
            to[start] += 1;
            put(to, &[ssrc]);
            to.extend_from_slice(&[CNAME, name.len() as u8]);
            to.extend_from_slice(name);
            // At least one zero ends the items.
            let end = to.len() + 4 - (to.len() - start) % 4;
            to.resize(end, 0);
        }
        finish(to, start);
    }
}

/// Asks again for these, which ascend and may wrap. None: nothing is written.
pub fn nack(to: &mut Vec<u8>, own: u32, about: u32, numbers: &[u16]) {
    if numbers.is_empty() {
        return;
    }
    let start = begin(to, NACK, TRANSPORT);
    put(to, &[own, about]);
    let mut numbers = numbers.iter().peekable();
    while let Some(first) = numbers.next() {
        let ahead = |number: &u16| number.wrapping_sub(*first);
        let following = iter::from_fn(|| numbers.next_if(|number| ahead(number) <= 16))
            .fold(0, |following, number| following | 1_u32 << ahead(number) >> 1);
        put(to, &[u32::from(*first) << 16 | following]);
    }
    finish(to, start);
}

pub fn picture_loss(to: &mut Vec<u8>, own: u32, about: u32) {
    let start = begin(to, PICTURE_LOSS, PAYLOAD);
    put(to, &[own, about]);
    finish(to, start);
}

/// Begins a packet: where it starts.
pub(super) fn begin(to: &mut Vec<u8>, count: u8, kind: u8) -> usize {
    let start = to.len();
    to.extend_from_slice(&[VERSION | count, kind, 0, 0]);
    start
}

/// Fills it up to a word and says how long it is.
pub(super) fn finish(to: &mut Vec<u8>, start: usize) {
    let padding = (to.len() - start).wrapping_neg() % 4;
    if padding > 0 {
        to[start] |= PADDED;
        to.resize(to.len() + padding - 1, 0);
        to.push(padding as u8);
    }
    let words = u16::try_from((to.len() - start) / 4 - 1).expect("what we write is far less than 256 kB");
    to[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

pub(super) fn put(to: &mut Vec<u8>, words: &[u32]) {
    words.iter().for_each(|word| to.extend_from_slice(&word.to_be_bytes()));
}

fn put_blocks(to: &mut Vec<u8>, start: usize, blocks: &[Block]) {
    for block in blocks.iter().take(COUNT_MAX) {
        to[start] += 1;
        put(to, &block.write());
    }
}
