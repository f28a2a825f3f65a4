//! What a browser says.

use std::mem;

use super::{
    Block, FULL_INTRA, Feedback, NACK, PADDED, PAYLOAD, PICTURE_LOSS, RECEIVER_REPORT, SENDER_REPORT,
    TRANSPORT, VERSION, WIDE, Word, number,
};

/// What a compound packet says, up to the first malformed packet in it.
pub fn read(compound: &[u8]) -> Messages<'_> {
    Messages { rest: compound, blocks: &[], entries: &[] }
}

/// A sender's clock, as NTP time; a block of a sender's or a receiver's report; what is to be sent again; PLI or one entry of FIR;
/// what a transport-wide report says.
#[derive(Clone, Debug)]
pub enum Message<'a> {
    Sender { ssrc: u32, ntp: u64 },
    Block(Block),
    Nack { ssrc: u32, numbers: Numbers<'a> },
    KeyFrame { ssrc: u32 },
    Transport(Feedback),
}

/// Sequence numbers asked for again.
#[derive(Clone, Debug)]
pub struct Numbers<'a> {
    pairs: &'a [Word],
    first: u16,
    /// Which of the 17 numbers from the first on are left.
    left: u32,
}

#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
    /// Left of the present packet: reception blocks, entries of FIR.
    blocks: &'a [[Word; 6]],
    entries: &'a [[Word; 2]],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        loop {
            if let Some((block, rest)) = self.blocks.split_first() {
                self.blocks = rest;
                return Some(Message::Block(Block::read(block)));
            }
            if let Some(([ssrc, _], rest)) = self.entries.split_first() {
                self.entries = rest;
                return Some(Message::KeyFrame { ssrc: number(ssrc) });
            }
            let (packet, rest) = Packet::split(mem::take(&mut self.rest))?;
            let message = self.enter(&packet)?;
            self.rest = rest;
            if message.is_some() {
                return message;
            }
        }
    }
}

impl<'a> Messages<'a> {
    /// What a packet says first; blocks and entries wait. None: it is malformed.
    fn enter(&mut self, packet: &Packet<'a>) -> Option<Option<Message<'a>>> {
        let (words, _) = packet.body.as_chunks();
        let message = match (packet.kind, packet.count) {
            (SENDER_REPORT, count) => {
                let [ssrc, high, low, _, _, _, blocks @ ..] = words else { return None };
                self.blocks = blocks.as_chunks().0.get(..count.into())?;
                let ntp = u64::from(number(high)) << 32 | u64::from(number(low));
                Some(Message::Sender { ssrc: number(ssrc), ntp })
            }
            (RECEIVER_REPORT, count) => {
                let [_, blocks @ ..] = words else { return None };
                self.blocks = blocks.as_chunks().0.get(..count.into())?;
                None
            }
            (TRANSPORT, NACK) => {
                let [_, ssrc, pairs @ ..] = words else { return None };
                Some(Message::Nack { ssrc: number(ssrc), numbers: Numbers { pairs, first: 0, left: 0 } })
            }
            (TRANSPORT, WIDE) => Feedback::read(packet.body).map(Message::Transport),
            (PAYLOAD, PICTURE_LOSS) => {
                let [_, ssrc, ..] = words else { return None };
                Some(Message::KeyFrame { ssrc: number(ssrc) })
            }
            (PAYLOAD, FULL_INTRA) => {
                let [_, _, entries @ ..] = words else { return None };
                self.entries = entries.as_chunks().0;
                None
            }
            _ => None,
        };
        Some(message)
    }
}

struct Packet<'a> {
    /// Of blocks; what kind of feedback.
    count: u8,
    kind: u8,
    /// Without header and padding.
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    /// None: malformed, or nothing is left.
    fn split(bytes: &'a [u8]) -> Option<(Packet<'a>, &'a [u8])> {
        let (&[first, kind, high, low], _) = bytes.split_first_chunk()?;
        let length = 4 * (1 + usize::from(u16::from_be_bytes([high, low])));
        let (packet, rest) = bytes.split_at_checked(length).filter(|_| first & 0xc0 == VERSION)?;
        // Transport-wide reports need not end at a word, so neither does padding begin at one.
        let padding = match first & PADDED {
            0 => 0,
            _ => *packet.last().filter(|padding| **padding > 0)?,
        };
        let body = packet.get(4..length.checked_sub(padding.into())?)?;
        Some((Packet { count: first & 0x1f, kind, body }, rest))
    }
}

impl Iterator for Numbers<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.left == 0 {
            let (&[first, next, high, low], rest) = self.pairs.split_first()?;
            self.pairs = rest;
            self.first = u16::from_be_bytes([first, next]);
            self.left = 1 | u32::from(u16::from_be_bytes([high, low])) << 1;
        }
        let ahead = self.left.trailing_zeros();
        self.left &= self.left - 1;
        Some(self.first.wrapping_add(ahead as u16))
    }
}
