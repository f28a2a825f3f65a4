//! RTCP, read and written: RFC 3550, RFC 4585, FIR of RFC 5104, and draft-holmer-rmcat-transport-wide-cc-extensions-01.
//!
//! Reading allocates nothing and takes no longer than the packet is. Writing adds to a buffer, so that packets become compounds.

use std::{iter, mem};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const TRANSPORT: u8 = 205;
const PAYLOAD: u8 = 206;

/// Of [`TRANSPORT`].
const NACK: u8 = 1;
const WIDE: u8 = 15;
/// Of [`PAYLOAD`].
const PICTURE_LOSS: u8 = 1;
const FULL_INTRA: u8 = 4;

const VERSION: u8 = 2 << 6;
const PADDED: u8 = 1 << 5;
const CNAME: u8 = 1;
/// Blocks, or chunks of a description, that one packet has room for.
pub const COUNT_MAX: usize = 31;
/// Of a CNAME. Bytes.
const NAME_MAX: usize = 255;

/// The clock of transport-wide reports. Microseconds.
const TICK: u64 = 250;
/// The clock that a transport-wide report begins by. Ticks.
const REFERENCE: u64 = 256;
/// Of a transport-wide report. Bytes.
const WIDE_MAX: usize = 1_000;
/// What one more arrival may add to it: the chunks of the longest gap and of what is held, a delta, padding. Bytes.
const ARRIVAL_MAX: usize = 40;
/// What one chunk of a status vector holds, with one bit each and with two.
const VECTOR: usize = 14;
const WIDE_VECTOR: usize = 7;
const RUN_MAX: u16 = 0x1fff;

type Word = [u8; 4];

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

/// RFC 3550, section 6.4.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub ssrc: u32,
    /// Since the last report. Of 256.
    pub lost_share: u8,
    /// Altogether, 24 bits on the wire. Less than none: packets came twice.
    pub lost: i32,
    /// Extended sequence number.
    pub highest: u32,
    /// Of the media's clock.
    pub jitter: u32,
    /// The middle of the NTP time of the last sender's report; 0: none came.
    pub last_report: u32,
    /// 1/65,536 s.
    pub since_report: u32,
}

/// Packets told of by a transport-wide report, at least one. Counted without being written out: run lengths of 8,191 in 1,500 bytes
/// would be millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub first: u16,
    pub count: u16,
    pub received: u16,
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

/// When packets came, by their transport-wide numbers (extended, ascending), in microseconds since any time; what is missing between
/// them is told as not received. `count` is the report's own number. It ends early, before it has 1,000 bytes or 65,536 statuses, and
/// where one came more than 8.19 s from the one before it: the number of arrivals told, at least one if there are any.
pub fn transport_feedback(
    to: &mut Vec<u8>,
    own: u32,
    about: u32,
    count: u8,
    arrivals: &[(u64, u64)],
) -> usize {
    let Some(&(first, at)) = arrivals.first() else { return 0 };
    let reference = at / TICK / REFERENCE;
    let start = begin(to, WIDE, TRANSPORT);
    put(to, &[own, about, 0, (reference as u32) << 8 | u32::from(count)]);

    let (mut statuses, mut deltas) = (Statuses::default(), Deltas::after(reference * REFERENCE));
    let (mut next, mut told) = (first, 0);
    for &(number, at) in arrivals {
        let has_room = to.len() - start + deltas.length + ARRIVAL_MAX <= WIDE_MAX;
        let Some(missing) = number.checked_sub(next).filter(|_| has_room && number - first < 0xffff) else {
            break;
        };
        let Some(status) = deltas.add(at / TICK) else { break };
        statuses.add(to, Status::Missing, missing as u16);
        statuses.add(to, status, 1);
        next = number + 1;
        told += 1;
    }
    statuses.finish(to);
    to.extend_from_slice(&deltas.bytes[..deltas.length]);
    to[start + 12..start + 14].copy_from_slice(&(first as u16).to_be_bytes());
    to[start + 14..start + 16].copy_from_slice(&((next - first) as u16).to_be_bytes());
    finish(to, start);
    told
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

impl Block {
    fn read(words: &[Word; 6]) -> Block {
        let [ssrc, lost, highest, jitter, last_report, since_report] = words.each_ref().map(number);
        let (lost_share, lost) = ((lost >> 24) as u8, (lost << 8).cast_signed() >> 8);
        Block { ssrc, lost_share, lost, highest, jitter, last_report, since_report }
    }

    fn write(&self) -> [u32; 6] {
        let Block { ssrc, lost_share, lost, highest, jitter, last_report, since_report } = *self;
        let lost = lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        [ssrc, u32::from(lost_share) << 24 | lost, highest, jitter, last_report, since_report]
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

impl Feedback {
    /// Section 3.1 of the draft. None: it is malformed or tells of nothing.
    fn read(body: &[u8]) -> Option<Feedback> {
        let (head, chunks) = body.split_first_chunk::<16>()?;
        let [.., a, b, c, d, _, _, _, _] = *head;
        let (first, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let (mut left, mut received) = (count, 0);
        let mut chunks = chunks.as_chunks().0.iter();
        while left > 0 {
            let chunk = u16::from_be_bytes(*chunks.next()?);
            let (told, came) = match chunk >> 14 {
                0 | 1 => {
                    let run = left.min(chunk & RUN_MAX);
                    (run, if matches!(chunk >> 13, 1 | 2) { run } else { 0 })
                }
                2 => {
                    let told = left.min(VECTOR as u16);
                    let bits = (chunk & 0x3fff) >> (VECTOR as u16 - told);
                    (told, bits.count_ones() as u16)
                }
                _ => {
                    let told = left.min(WIDE_VECTOR as u16);
                    let pairs = (chunk & 0x3fff) >> (2 * (WIDE_VECTOR as u16 - told));
                    // 01 and 10 came; 11 is reserved.
                    (told, ((pairs ^ pairs >> 1) & 0x1555).count_ones() as u16)
                }
            };
            left -= told;
            received += came;
        }
        (count > 0).then_some(Feedback { first, count, received })
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Status {
    #[default]
    Missing = 0,
    /// Its delta has one byte.
    Small = 1,
    /// Its delta has two.
    Large = 2,
}

/// Statuses on their way into chunks: the first 14, or a run of one kind.
#[derive(Default)]
struct Statuses {
    held: [Status; VECTOR],
    count: u16,
}

impl Statuses {
    fn add(&mut self, to: &mut Vec<u8>, status: Status, mut times: u16) {
        while times > 0 {
            let some = times.min(self.room(status));
            if some == 0 {
                self.chunk(to, false);
                continue;
            }
            let held = self.held().len();
            self.count += some;
            let end = self.held().len();
            self.held[held..end].fill(status);
            times -= some;
        }
    }

    fn finish(&mut self, to: &mut Vec<u8>) {
        while self.count > 0 {
            self.chunk(to, true);
        }
    }

    fn held(&self) -> &[Status] {
        &self.held[..VECTOR.min(self.count.into())]
    }

    /// How many more of this kind may be held. None: a chunk is full.
    fn room(&self, status: Status) -> u16 {
        let held = self.held();
        let full = if held.contains(&Status::Large) { WIDE_VECTOR } else { VECTOR };
        if held.iter().all(|other| *other == status) {
            RUN_MAX - self.count
        } else {
            u16::from(held.len() < full)
        }
    }

    /// Writes one chunk of what is held, from its start. Only the last one may be a vector that is not full.
    fn chunk(&mut self, to: &mut Vec<u8>, is_last: bool) {
        let held = self.held();
        let is_narrow = !held.contains(&Status::Large);
        let (chunk, told) = if held.iter().all(|other| *other == held[0]) {
            ((held[0] as u16) << 13 | self.count, self.count)
        } else if is_narrow && (held.len() == VECTOR || is_last && held.len() > WIDE_VECTOR) {
            let places = (0..VECTOR).rev();
            let bits = held.iter().zip(places).map(|(status, place)| (*status as u16) << place);
            (bits.fold(2 << 14, |chunk, bit| chunk | bit), held.len() as u16)
        } else {
            let places = (0..WIDE_VECTOR).rev();
            let bits = held.iter().zip(places).map(|(status, place)| (*status as u16) << (2 * place));
            (bits.fold(3 << 14, |chunk, pair| chunk | pair), held.len().min(WIDE_VECTOR) as u16)
        };
        to.extend_from_slice(&chunk.to_be_bytes());
        self.count -= told;
        if self.count > 0 {
            self.held.copy_within(usize::from(told).., 0);
        }
    }
}

/// When each came after the one before it. They are written after all chunks, so they wait here.
struct Deltas {
    bytes: [u8; WIDE_MAX],
    length: usize,
    /// Ticks.
    before: u64,
}

impl Deltas {
    fn after(before: u64) -> Deltas {
        Deltas { bytes: [0; WIDE_MAX], length: 0, before }
    }

    /// None: it is too far from the one before.
    fn add(&mut self, at: u64) -> Option<Status> {
        let delta = i16::try_from(at.checked_signed_diff(self.before)?).ok()?;
        self.before = at;
        match u8::try_from(delta) {
            Ok(small) => {
                self.bytes[self.length] = small;
                self.length += 1;
                Some(Status::Small)
            }
            Err(_) => {
                self.bytes[self.length..][..2].copy_from_slice(&delta.to_be_bytes());
                self.length += 2;
                Some(Status::Large)
            }
        }
    }
}

fn number(word: &Word) -> u32 {
    u32::from_be_bytes(*word)
}

/// Begins a packet: where it starts.
fn begin(to: &mut Vec<u8>, count: u8, kind: u8) -> usize {
    let start = to.len();
    to.extend_from_slice(&[VERSION | count, kind, 0, 0]);
    start
}

/// Fills it up to a word and says how long it is.
fn finish(to: &mut Vec<u8>, start: usize) {
    let padding = (to.len() - start).wrapping_neg() % 4;
    if padding > 0 {
        to[start] |= PADDED;
        to.resize(to.len() + padding - 1, 0);
        to.push(padding as u8);
    }
    let words = u16::try_from((to.len() - start) / 4 - 1).expect("what we write is far less than 256 kB");
    to[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

fn put(to: &mut Vec<u8>, words: &[u32]) {
    words.iter().for_each(|word| to.extend_from_slice(&word.to_be_bytes()));
}

fn put_blocks(to: &mut Vec<u8>, start: usize, blocks: &[Block]) {
    for block in blocks.iter().take(COUNT_MAX) {
        to[start] += 1;
        put(to, &block.write());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u32 = 0x0102_0304;
    const ABOUT: u32 = 0xfefd_fcfb;

    fn draw(dice: &mut u64) -> u64 {
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *dice >> 33
    }

    fn block(ssrc: u32) -> Block {
        Block {
            ssrc,
            lost_share: 200,
            lost: -3,
            highest: 0x0007_ffff,
            jitter: 90_000,
            last_report: 0xdead_beef,
            since_report: 65_536,
        }
    }

    /// Each message in words.
    fn told(compound: &[u8]) -> Vec<String> {
        read(compound)
            .map(|message| match message {
                Message::Sender { ssrc, ntp } => format!("sender {ssrc} {ntp}"),
                Message::Block(Block { ssrc, lost, .. }) => format!("block {ssrc} {lost}"),
                Message::Nack { ssrc, numbers } => {
                    format!("nack {ssrc} {:?}", numbers.collect::<Vec<_>>())
                }
                Message::KeyFrame { ssrc } => format!("key frame {ssrc}"),
                Message::Transport(Feedback { first, count, received }) => {
                    format!("transport {first} {count} {received}")
                }
            })
            .collect()
    }

    fn blocks(compound: &[u8]) -> Vec<Block> {
        read(compound)
            .filter_map(|message| match message {
                Message::Block(block) => Some(block),
                Message::Sender { .. }
                | Message::Nack { .. }
                | Message::KeyFrame { .. }
                | Message::Transport(_) => None,
            })
            .collect()
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut to = Vec::new();
        write(&mut to);
        to
    }

    /// A packet of these words behind its header.
    fn packet(count: u8, kind: u8, words: &[u32]) -> Vec<u8> {
        written(|to| {
            let start = begin(to, count, kind);
            put(to, words);
            finish(to, start);
        })
    }

    fn sent() -> Sent {
        Sent { ssrc: 7, ntp: 0x0123_4567_89ab_cdef, timestamp: 960, packets: 5, bytes: 600 }
    }

    fn compound() -> Vec<u8> {
        written(|to| {
            sender_report(to, &sent(), &[block(1), block(2)]);
            description(to, "somebody", [7].into_iter());
            receiver_report(to, OWN, &[block(3)]);
            nack(to, OWN, 4, &[65_535, 0, 15, 16, 900]);
            transport_feedback(to, OWN, 5, 0, &[(10, 0), (12, 900), (13, 99_000)]);
            picture_loss(to, OWN, 6);
        })
    }

    #[test]
    fn a_compound_says_all_that_was_written() {
        let expected = [
            "sender 7 81985529216486895",
            "block 1 -3",
            "block 2 -3",
            "block 3 -3",
            "nack 4 [65535, 0, 15, 16, 900]",
            "transport 10 4 3",
            "key frame 6",
        ];
        assert_eq!(told(&compound()), expected);
    }

    #[test]
    fn a_compound_cut_anywhere_says_what_was_whole() {
        let whole = told(&compound());
        let mut known = 0;
        for end in 0..=compound().len() {
            let some = told(&compound()[..end]);
            assert!(some.len() >= known && some == whole[..some.len()], "{end}: {some:?}");
            known = some.len();
        }
        assert_eq!(known, whole.len());
    }

    #[test]
    fn a_malformed_packet_ends_the_compound() {
        let pli = || written(|to| picture_loss(to, OWN, 6));
        let check = |malformed: &[u8]| {
            let some = [&pli(), malformed, &pli()].concat();
            assert_eq!(told(&some), ["key frame 6"], "{malformed:02x?}");
        };
        check(&[0x41, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        check(&packet(1, SENDER_REPORT, &[1; 6]));
        check(&packet(0, SENDER_REPORT, &[1; 5]));
        check(&packet(2, RECEIVER_REPORT, &[1; 12]));
        check(&packet(0, RECEIVER_REPORT, &[]));
        check(&packet(NACK, TRANSPORT, &[1]));
        check(&packet(PICTURE_LOSS, PAYLOAD, &[1]));
        check(&packet(FULL_INTRA, PAYLOAD, &[1]));
        check(&packet(PADDED, 203, &[0]));
        check(&packet(PADDED, 203, &[5]));
        check(&packet(0, 203, &[])[..3]);
    }

    #[test]
    fn what_is_of_no_use_is_passed_over() {
        let others = [
            packet(1, 203, &[OWN]),
            packet(0, 204, &[OWN, 0]),
            packet(0, 207, &[OWN, 1, 2]),
            packet(5, TRANSPORT, &[]),
            packet(15, PAYLOAD, &[OWN, 0, 0x5245_4d42]),
            packet(WIDE, TRANSPORT, &[OWN, ABOUT]),
            packet(0, 199, &[]),
        ]
        .concat();
        assert_eq!(told(&others), [""; 0]);
        let more = [others, compound()].concat();
        assert_eq!(told(&more), told(&compound()));
    }

    #[test]
    fn padding_is_no_part_of_a_packet() {
        let padded = packet(PADDED | FULL_INTRA, PAYLOAD, &[OWN, 0, 8, 0, 9, 8]);
        assert_eq!(told(&padded), ["key frame 8"]);
        let all = packet(PADDED, RECEIVER_REPORT, &[8, 8]);
        assert_eq!(told(&[all, compound()].concat()), [""; 0], "no sender is left");
    }

    #[test]
    fn each_entry_of_fir_asks_for_a_key_frame() {
        let fir = packet(FULL_INTRA, PAYLOAD, &[OWN, 0, 8, 1 << 24, 9, 0, 10, 7 << 24]);
        assert_eq!(told(&fir), ["key frame 8", "key frame 9", "key frame 10"]);
    }

    #[test]
    fn blocks_are_read_as_they_were_written() {
        let check = |lost: i32, expected: i32| {
            let written = written(|to| receiver_report(to, OWN, &[Block { lost, ..block(1) }]));
            assert_eq!(blocks(&written), [Block { lost: expected, ..block(1) }]);
        };
        check(0, 0);
        check(-1, -1);
        check(0x7f_ffff, 0x7f_ffff);
        check(i32::MAX, 0x7f_ffff);
        check(-0x80_0000, -0x80_0000);
        check(i32::MIN, -0x80_0000);
    }

    #[test]
    fn reports_have_31_blocks_at_most() {
        let many: Vec<Block> = (0..40).map(block).collect();
        assert_eq!(blocks(&written(|to| sender_report(to, &sent(), &many))), many[..31]);
        assert_eq!(blocks(&written(|to| receiver_report(to, OWN, &many))), many[..31]);
    }

    #[test]
    fn a_sender_report_is_laid_out_as_in_rfc_3550() {
        let report = written(|to| sender_report(to, &sent(), &[]));
        let expected = [
            [0x80, 200, 0, 6],
            [0, 0, 0, 7],
            [0x01, 0x23, 0x45, 0x67],
            [0x89, 0xab, 0xcd, 0xef],
            [0, 0, 3, 0xc0],
            [0, 0, 0, 5],
            [0, 0, 2, 0x58],
        ];
        assert_eq!(report, expected.as_flattened());
    }

    /// The chunks of all descriptions, taken apart as RFC 3550, section 6.5 says.
    fn names(mut compound: &[u8]) -> Vec<(u32, String)> {
        let mut names = Vec::new();
        while !compound.is_empty() {
            assert_eq!((compound[0] & 0xe0, compound[1]), (VERSION, DESCRIPTION));
            let length = 4 * (1 + usize::from(u16::from_be_bytes([compound[2], compound[3]])));
            let mut at = 4;
            for _ in 0..compound[0] & 0x1f {
                let ssrc = u32::from_be_bytes(compound[at..at + 4].try_into().expect("four"));
                assert_eq!(compound[at + 4], CNAME);
                let end = at + 6 + usize::from(compound[at + 5]);
                names.push((ssrc, String::from_utf8(compound[at + 6..end].to_vec()).expect("a text")));
                at = (end + 1).next_multiple_of(4);
                assert!(compound[end..at].iter().all(|byte| *byte == 0));
            }
            assert_eq!(at, length);
            compound = &compound[length..];
        }
        names
    }

    #[test]
    fn every_stream_is_described() {
        for count in [0, 1, 31, 32, 70] {
            for name in ["", "a", "ab", "abc", "abcd"] {
                let described = written(|to| description(to, name, 0..count));
                let expected: Vec<(u32, String)> = (0..count).map(|ssrc| (ssrc, name.to_owned())).collect();
                assert_eq!(names(&described), expected);
            }
        }
    }

    #[test]
    fn a_long_name_is_cut_between_its_letters() {
        let described = written(|to| description(to, &"ä".repeat(200), [1].into_iter()));
        assert_eq!(names(&described), [(1, "ä".repeat(127))]);
    }

    #[test]
    fn numbers_asked_for_again_are_read_as_they_were_written() {
        let check = |numbers: &[u16], pairs: usize| {
            let written = written(|to| nack(to, OWN, 4, numbers));
            assert_eq!(written.len(), 12 + 4 * pairs);
            assert_eq!(told(&written), [format!("nack 4 {numbers:?}")]);
        };
        check(&[5], 1);
        check(&[5, 21], 1);
        check(&[5, 22], 2);
        check(&(100..117).collect::<Vec<u16>>(), 1);
        check(&(100..200).collect::<Vec<u16>>(), 6);
        check(&[65_530, 65_535, 0, 10, 11], 2);
        check(&[0, 32_768, 65_535], 3);
        assert_eq!(written(|to| nack(to, OWN, 4, &[])), []);
        let twice = written(|to| nack(to, OWN, 4, &[5, 5, 6]));
        assert_eq!(told(&twice), ["nack 4 [5, 6]"]);
    }

    /// A report taken apart as the draft says: its number, the reference time in ticks, and of each packet its number and when it
    /// came, in ticks.
    struct Decoded {
        count: u8,
        reference: i64,
        packets: Vec<(u16, Option<i64>)>,
    }

    fn decode(report: &[u8]) -> Decoded {
        let two = |at: usize| u16::from_be_bytes([report[at], report[at + 1]]);
        assert_eq!((report[0] & 0xdf, report[1]), (VERSION | WIDE, TRANSPORT));
        assert_eq!(4 * (usize::from(two(2)) + 1), report.len());
        let padding = if report[0] & PADDED == 0 { 0 } else { usize::from(report[report.len() - 1]) };
        assert!(padding < 4);
        let (first, statuses) = (two(12), usize::from(two(14)));
        let mut symbols = Vec::new();
        let mut at = 20;
        while symbols.len() < statuses {
            let chunk = two(at);
            at += 2;
            if chunk & 0x8000 == 0 {
                symbols.extend(iter::repeat_n(chunk >> 13 & 3, usize::from(chunk & 0x1fff)));
            } else if chunk & 0x4000 == 0 {
                symbols.extend((0..14).rev().map(|place| chunk >> place & 1));
            } else {
                symbols.extend((0..7).rev().map(|place| chunk >> (2 * place) & 3));
            }
        }
        assert!(symbols[statuses..].iter().all(|symbol| *symbol == 0));
        let reference = i64::from(u32::from_be_bytes([0, report[16], report[17], report[18]])) * 256;
        let mut ticks = reference;
        let packets = symbols[..statuses].iter().zip(0_u16..).map(|(symbol, ahead)| {
            let number = first.wrapping_add(ahead);
            let delta = match symbol {
                0 => return (number, None),
                1 => i64::from(report[at]),
                2 => i64::from(two(at).cast_signed()),
                _ => panic!("a reserved symbol"),
            };
            at += usize::from(*symbol);
            ticks += delta;
            (number, Some(ticks))
        });
        let packets = packets.collect();
        assert_eq!(at + padding, report.len());
        Decoded { count: report[19], reference, packets }
    }

    /// Tells of all, in as many reports as it takes; each says of its part what it should. How many each told.
    fn check_transport(arrivals: &[(u64, u64)]) -> Vec<usize> {
        let mut parts = Vec::new();
        let mut rest = arrivals;
        while !rest.is_empty() {
            let count = parts.len() as u8;
            let mut to = b"before".to_vec();
            let told = transport_feedback(&mut to, OWN, ABOUT, count, rest);
            let report = &to[6..];
            assert!(report.len() < WIDE_MAX, "{} bytes", report.len());
            let (now, later) = rest.split_at(told);
            let first = now.first().expect("each report tells something").0;
            let last = now[told - 1].0;
            let decoded = decode(report);
            assert_eq!(decoded.count, count);
            let mut came = now.iter().peekable();
            // The clock of a report wraps.
            let epoch = (now[0].1 / TICK).cast_signed() & !0xffff_ffff;
            assert!(decoded.reference <= (now[0].1 / TICK).cast_signed() - epoch);
            for (number, (told, ticks)) in (first..=last).zip(&decoded.packets) {
                let at = came.next_if(|arrival| arrival.0 == number).map(|arrival| arrival.1);
                assert_eq!(*told, number as u16);
                assert_eq!(*ticks, at.map(|at| (at / TICK).cast_signed() - epoch), "{number}");
            }
            assert_eq!(decoded.packets.len() as u64, last - first + 1);
            let counted = format!("transport {} {} {told}", first as u16, last - first + 1);
            assert_eq!(told_by(report), counted);
            parts.push(told);
            rest = later;
        }
        parts
    }

    fn told_by(report: &[u8]) -> String {
        told(report).join(", ")
    }

    #[test]
    fn arrivals_are_told() {
        assert_eq!(check_transport(&[]), [0; 0]);
        assert_eq!(check_transport(&[(7, 1_000_000)]), [1]);
        assert_eq!(check_transport(&[(65_534, 5), (65_535, 63_999), (65_536, 64_000)]), [3]);
        let steady: Vec<(u64, u64)> = (0..100).map(|number| (number + 9, number * 20_000)).collect();
        assert_eq!(check_transport(&steady), [100]);
        let report = written(|to| {
            transport_feedback(to, OWN, ABOUT, 0, &steady);
        });
        assert_eq!(report.len(), 20 + 2 + 100 + 2, "one run of a hundred");
    }

    #[test]
    fn gaps_are_told_as_not_received() {
        for gap in [1, 2, 6, 7, 8, 13, 14, 15, 20, 8_191, 8_192, 9_000, 65_533] {
            assert_eq!(check_transport(&[(3, 0), (4 + gap, 500)]), [2], "{gap}");
            assert_eq!(
                check_transport(&[(3, 0), (4, 9), (5, 90_000), (6 + gap, 500)]).iter().sum::<usize>(),
                4
            );
        }
        assert_eq!(check_transport(&[(3, 0), (3 + 65_535, 500)]), [1, 1], "too many for one report");
        assert_eq!(check_transport(&[(3, 0), (1 << 40, 500)]), [1, 1]);
    }

    #[test]
    fn late_and_far_arrivals_have_large_deltas() {
        let far = 32_767 * TICK;
        assert_eq!(check_transport(&[(1, 500_000), (2, 400_000), (3, 499_999), (4, 0)]), [4]);
        assert_eq!(check_transport(&[(1, 0), (2, far), (3, far + 63_750), (4, far + 127_750)]), [4]);
        assert_eq!(check_transport(&[(1, 0), (2, far + TICK)]), [1, 1], "more than a delta can say");
        assert_eq!(check_transport(&[(1, far + TICK), (2, 0)]), [2]);
        assert_eq!(check_transport(&[(1, far + 2 * TICK), (2, 0)]), [1, 1]);
    }

    #[test]
    fn the_clock_of_reports_wraps() {
        let wrap = (1 << 32) * TICK;
        assert_eq!(check_transport(&[(1, wrap - 1), (2, wrap + 1_000)]), [2]);
        assert_eq!(check_transport(&[(1, 5 * wrap + 70_000), (2, 5 * wrap + 90_000)]), [2]);
        assert_eq!(check_transport(&[(1, u64::MAX), (2, u64::MAX)]), [2]);
    }

    #[test]
    fn what_does_not_ascend_goes_into_another_report() {
        let mut to = Vec::new();
        assert_eq!(transport_feedback(&mut to, OWN, ABOUT, 0, &[(5, 0), (5, 0), (6, 0)]), 1);
        assert_eq!(transport_feedback(&mut to, OWN, ABOUT, 0, &[(5, 0), (4, 0)]), 1);
        assert_eq!(transport_feedback(&mut to, OWN, ABOUT, 0, &[]), 0);
        assert_eq!(told(&to), ["transport 5 1 1"; 2]);
    }

    #[test]
    fn any_arrivals_are_told() {
        let mut dice = 0x5eed_u64;
        for round in 0..400 {
            let (mut number, mut at) = (draw(&mut dice) % 70_000, 1 << 34);
            let arrivals: Vec<(u64, u64)> = (0..draw(&mut dice) % 1_200)
                .map(|_| {
                    let gaps: [u64; 8] = [1, 1, 1, 2, 3, 9, 20, 9_000];
                    number += gaps[draw(&mut dice) as usize % (1 + round % 8)];
                    let steps: [i64; 6] = [100, 5_000, 0, 70_000, -90_000, 9_000_000];
                    at = u64::saturating_add_signed(at, steps[draw(&mut dice) as usize % (1 + round % 6)]);
                    (number, at)
                })
                .collect();
            assert_eq!(
                check_transport(&arrivals).iter().sum::<usize>(),
                arrivals.len(),
                "seed 0x5eed, {round}"
            );
        }
    }

    /// A report of these chunks, deltas left out.
    fn transport(count: u16, chunks: &[u16]) -> Vec<u8> {
        written(|to| {
            let start = begin(to, WIDE, TRANSPORT);
            put(to, &[OWN, ABOUT, 9 << 16 | u32::from(count), 0]);
            chunks.iter().for_each(|chunk| to.extend_from_slice(&chunk.to_be_bytes()));
            finish(to, start);
        })
    }

    #[test]
    fn statuses_are_counted_up_to_their_number() {
        let check = |count: u16, chunks: &[u16], received: u16| {
            assert_eq!(told(&transport(count, chunks)), [format!("transport 9 {count} {received}")]);
        };
        check(100, &[0x2000 | 100], 100);
        check(100, &[0x4000 | 8_191], 100);
        check(100, &[100], 0);
        check(100, &[0x6000 | 100], 0);
        check(14, &[0xbfff], 14);
        check(3, &[0xbfff], 3);
        check(7, &[0xc000 | 0b01_10_11_00_01_10_11], 4);
        check(2, &[0xc000 | 0b01_10_10_10_10_10_10], 2);
        check(u16::MAX, &[0x2000 | 8_191; 9], u16::MAX);
        check(30, &[0xbfff, 0, 0x2000 | 1, 0x8000 | 0x2000, 0xdfff], 17);
    }

    #[test]
    fn reports_that_end_too_soon_are_passed_over() {
        let check = |malformed: &[u8]| {
            assert_eq!(told(&[malformed, &compound()].concat()), told(&compound()));
        };
        check(&transport(15, &[0xbfff]));
        check(&transport(1, &[]));
        check(&transport(0, &[0xbfff]));
        check(&transport(u16::MAX, &[0; 600]));
    }

    #[test]
    fn noise_never_panics_and_says_little() {
        let mut dice = 0x5eed_u64;
        for _ in 0..20_000 {
            let length = draw(&mut dice) as usize % 200;
            let mut noise: Vec<u8> = (0..length).map(|_| draw(&mut dice) as u8).collect();
            let kinds = [SENDER_REPORT, RECEIVER_REPORT, TRANSPORT, PAYLOAD];
            let formats = [NACK, WIDE, FULL_INTRA, PADDED | WIDE];
            // Half of them begin as packets do.
            if let Some(head) = noise.first_chunk_mut::<4>().filter(|head| head[3] & 1 == 0) {
                let format = formats[draw(&mut dice) as usize % 4];
                *head = [VERSION | format, kinds[draw(&mut dice) as usize % 4], 0, head[3] % 50];
            }
            let mut numbers_told = 0;
            for message in read(&noise) {
                if let Message::Nack { numbers, .. } = message {
                    numbers_told += numbers.count();
                }
            }
            assert!(numbers_told <= 17 * length / 4);
            assert!(read(&noise).count() <= length / 4);
        }
    }

    #[test]
    fn a_changed_compound_never_panics() {
        let mut dice = 0x5eed_u64;
        for _ in 0..20_000 {
            let mut changed = compound();
            for _ in 0..1 + draw(&mut dice) % 4 {
                let at = draw(&mut dice) as usize % changed.len();
                changed[at] = draw(&mut dice) as u8;
            }
            assert!(told(&changed).len() <= changed.len() / 4);
        }
    }
}
