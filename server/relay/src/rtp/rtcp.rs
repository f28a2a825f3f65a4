//! RTCP, read and written: RFC 3550, RFC 4585, FIR of RFC 5104, and draft-holmer-rmcat-transport-wide-cc-extensions-01.
//!
//! Reading allocates nothing and takes no longer than the packet is. Writing adds to a buffer, so that packets become compounds.

mod read;
mod transport;
mod write;

pub use read::{Message, read};
pub use transport::{Feedback, transport_feedback};
pub use write::{Sent, description, nack, picture_loss, receiver_report, sender_report};

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

type Word = [u8; 4];

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

fn number(word: &Word) -> u32 {
    u32::from_be_bytes(*word)
}

#[cfg(test)]
mod tests {
    use super::{
        write::{begin, finish, put},
        *,
    };

    pub(super) const OWN: u32 = 0x0102_0304;
    pub(super) const ABOUT: u32 = 0xfefd_fcfb;

    pub(super) fn draw(dice: &mut u64) -> u64 {
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
    pub(super) fn told(compound: &[u8]) -> Vec<String> {
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

    pub(super) fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
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

    pub(super) fn compound() -> Vec<u8> {
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
