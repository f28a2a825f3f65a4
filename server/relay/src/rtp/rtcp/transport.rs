//! When packets came, by their transport-wide numbers: told to a browser that sends, and by one that receives.

use super::{
    TRANSPORT, WIDE,
    write::{begin, finish, put},
};

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

/// Packets told of by a transport-wide report, at least one. Counted without being written out: run lengths of 8,191 in 1,500 bytes
/// would be millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub first: u16,
    pub count: u16,
    pub received: u16,
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

impl Feedback {
    /// Section 3.1 of the draft. None: it is malformed or tells of nothing.
    pub(super) fn read(body: &[u8]) -> Option<Feedback> {
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

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::rtp::rtcp::{
        PADDED, VERSION,
        tests::{ABOUT, OWN, compound, draw, told, written},
    };

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
}
