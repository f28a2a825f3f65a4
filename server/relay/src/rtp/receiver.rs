//! One stream of a browser's: its numbers, what of it is missing, and what reports say of it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{rtcp::Block, srtp};
use crate::{
    feed::{Feed, Kind},
    window::Window,
};

/// A packet may be late by so much before it is asked for again.
const LATE: Duration = Duration::from_millis(10);
/// Asked for so often, each time after a round trip and a half and never sooner than this.
const TRIES_MAX: u8 = 10;
const TRY_MIN: Duration = Duration::from_millis(40);
/// Packets that are missed at one time. Behind a longer hole a key frame is quicker.
const MISSING_MAX: usize = 128;

/// What a stream stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub feed: Feed,
    pub layer: usize,
    /// It carries retransmissions of the layer (RFC 4588).
    pub repair: bool,
}

#[derive(Debug)]
pub struct Receiver {
    pub ssrc: u32,
    pub place: Option<Place>,
    /// Numbers do not wrap.
    highest: Option<u64>,
    used: Window,
    missing: VecDeque<Missing>,
    first: u64,
    /// What is older and missing does not count any more.
    since: u64,
    received: u64,
    /// Expected and received when it was last reported.
    reported: (u64, u64),
    /// RFC 3550, section 6.4.1, in units of the stream's clock. Times sixteen.
    jitter: u32,
    transit: Option<u32>,
    /// The middle of the NTP time in the sender's last report, and when that came.
    report: Option<(u32, Instant)>,
    pub last_at: Instant,
}

#[derive(Debug)]
struct Missing {
    number: u64,
    tries: u8,
    ask_at: Instant,
}

impl Receiver {
    pub fn new(ssrc: u32, place: Option<Place>, now: Instant) -> Self {
        Receiver {
            ssrc,
            place,
            highest: None,
            used: Window::default(),
            missing: VecDeque::new(),
            first: 0,
            since: 0,
            received: 0,
            reported: (0, 0),
            jitter: 0,
            transit: None,
            report: None,
            last_at: now,
        }
    }

    /// One that was forgotten: nothing until this number is ever taken again.
    pub fn again(ssrc: u32, highest: u64, now: Instant) -> Self {
        Receiver {
            highest: Some(highest),
            used: Window::used_until(highest),
            first: highest,
            received: 1,
            reported: (1, 1),
            ..Receiver::new(ssrc, None, now)
        }
    }

    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    pub fn index(&self, sequence: u16) -> u64 {
        srtp::index(self.highest, sequence)
    }

    /// An authentic packet. False: it was here before.
    pub fn take(&mut self, number: u64, timestamp: u32, now: Instant) -> bool {
        if !self.used.take(number) {
            return false;
        }
        self.count(number, timestamp, now);
        let Some(highest) = self.highest else {
            (self.highest, self.first) = (Some(number), number);
            return true;
        };
        if number <= highest {
            self.found(number);
            return true;
        }
        self.highest = Some(number);
        self.miss(highest + 1..number, now);
        true
    }

    /// A packet of this stream that came again as another stream's. None: it was here before, or lies where nothing is missed.
    pub fn repaired(&mut self, sequence: u16) -> Option<u64> {
        let number = self.index(sequence);
        let is_missing = (self.since..=self.highest?).contains(&number);
        if !is_missing || !self.used.take(number) {
            return None;
        }
        self.found(number);
        Some(number)
    }

    /// What is missing until now does not count when it comes.
    pub fn begin(&mut self) {
        self.missing.clear();
        self.since = self.highest.map_or(0, |highest| highest + 1);
    }

    /// What is asked for again by now; each number once in a while.
    pub fn ask(&mut self, round_trip: Duration, now: Instant) -> Vec<u16> {
        let mut asked = Vec::new();
        let again = (round_trip * 3 / 2).max(TRY_MIN);
        self.missing.retain_mut(|missing| {
            if missing.ask_at <= now {
                asked.push(missing.number as u16);
                missing.tries += 1;
                missing.ask_at = now + again;
            }
            missing.tries < TRIES_MAX
        });
        asked
    }

    pub fn ask_at(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.ask_at).min()
    }

    pub fn sender_report(&mut self, ntp: u64, now: Instant) {
        self.report = Some(((ntp >> 16) as u32, now));
    }

    /// What came since the last time. None: nothing.
    pub fn report(&mut self, now: Instant) -> Option<Block> {
        let highest = self.highest?;
        let expected = highest - self.first + 1;
        let (expected_before, received_before) = self.reported;
        if self.received == received_before {
            return None;
        }
        self.reported = (expected, self.received);
        let new = expected - expected_before;
        let lost_new = new.saturating_sub(self.received - received_before);
        let (last_report, since_report) = self.report.map_or((0, 0), |(report, at)| {
            let since = now.saturating_duration_since(at);
            (report, (since.as_micros() * 65_536 / 1_000_000) as u32)
        });
        Some(Block {
            ssrc: self.ssrc,
            lost_share: (lost_new * 256).checked_div(new).unwrap_or(0).min(255) as u8,
            lost: (expected as i64 - self.received as i64).clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: highest as u32,
            jitter: self.jitter >> 4,
            last_report,
            since_report,
        })
    }

    #[cfg(any(test, feature = "tests"))]
    pub fn check_consistent(&self) {
        assert!(
            self.missing.len() <= MISSING_MAX && self.missing.iter().all(|missing| missing.tries < TRIES_MAX)
        );
        assert!(self.missing.iter().all(|missing| Some(missing.number) < self.highest));
        assert!(self.highest.is_none_or(|highest| self.first <= highest && self.since <= highest + 1));
    }

    fn count(&mut self, number: u64, timestamp: u32, now: Instant) {
        self.received += 1;
        // What came before the first one that was counted would be more than expected.
        self.first = self.first.min(number);
        let passed = now.saturating_duration_since(self.last_at);
        self.last_at = now;
        let Some(place) = self.place else { return };
        let ticks = (passed.as_micros() * u128::from(place.feed.kind().clock_rate()) / 1_000_000) as u32;
        let step = self.transit.replace(timestamp).map_or(0, |before| timestamp.wrapping_sub(before));
        let off = (ticks.wrapping_sub(step) as i32).unsigned_abs().min(1 << 20);
        self.jitter = self.jitter + off - ((self.jitter + 8) >> 4);
    }

    fn miss(&mut self, numbers: std::ops::Range<u64>, now: Instant) {
        let is_repairable = self.place.is_some_and(|place| place.feed.kind() == Kind::Video && !place.repair);
        if !is_repairable || numbers.is_empty() {
            return;
        }
        let length = numbers.end - numbers.start;
        if length > MISSING_MAX as u64 {
            self.missing.clear();
            return;
        }
        let over = (self.missing.len() + length as usize).saturating_sub(MISSING_MAX);
        self.missing.drain(..over);
        self.missing.extend(numbers.map(|number| Missing { number, tries: 0, ask_at: now + LATE }));
    }

    fn found(&mut self, number: u64) {
        if let Some(at) = self.missing.iter().position(|missing| missing.number == number) {
            self.missing.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Place = Place { feed: Feed::Camera, layer: 0, repair: false };

    fn receiver(now: Instant) -> Receiver {
        Receiver::new(9, Some(CAMERA), now)
    }

    #[test]
    fn what_is_missing_is_asked_for_until_it_comes() {
        let mut now = Instant::now();
        let mut receiver = receiver(now);
        for number in [10, 11, 14, 16] {
            assert!(receiver.take(number, 0, now));
        }
        assert!(!receiver.take(14, 0, now));
        assert_eq!(receiver.ask(Duration::ZERO, now), [0; 0], "it may just be late");
        now = receiver.ask_at().expect("asked for soon");
        assert!(receiver.take(13, 0, now));
        assert_eq!(receiver.ask(Duration::ZERO, now), [12, 15]);
        assert_eq!(receiver.repaired(15), Some(15));
        assert_eq!(receiver.repaired(15), None);
        assert_eq!(receiver.repaired(17), None, "nobody has asked for that");
        let mut asked = 1;
        while let Some(at) = receiver.ask_at() {
            assert_eq!(receiver.ask(Duration::ZERO, at), [12]);
            asked += 1;
        }
        assert_eq!(asked, TRIES_MAX);
    }

    #[test]
    fn no_hole_is_too_long_to_remember() {
        let now = Instant::now();
        let mut receiver = receiver(now);
        for step in 0..10_000_u64 {
            receiver.take(step * 3 + step / 100 * 1_000, 0, now);
            assert!(receiver.missing.len() <= MISSING_MAX);
        }
    }

    #[test]
    fn reports_say_what_share_was_lost_since_the_last_one() {
        let now = Instant::now();
        let mut receiver = receiver(now);
        for number in (0..100).filter(|number| number % 4 != 3) {
            receiver.take(number, 0, now);
        }
        receiver.sender_report(0x1234_5678_9abc_def0, now);
        let block = receiver.report(now + Duration::from_millis(500)).expect("something came");
        assert_eq!((block.lost, block.highest), (24, 98));
        assert_eq!(u32::from(block.lost_share), 24 * 256 / 99);
        assert_eq!((block.last_report, block.since_report), (0x5678_9abc, 32_768));
        assert_eq!(receiver.report(now), None);
        for number in 99..199 {
            receiver.take(number, 0, now);
        }
        let block = receiver.report(now).expect("something came");
        assert_eq!((block.lost, block.lost_share), (24, 0));
    }

    #[test]
    fn jitter_falls_when_packets_come_evenly_again() {
        let mut now = Instant::now();
        let mut receiver = receiver(now);
        let mut jitter_after = |numbers: std::ops::Range<u64>, uneven: u64| {
            for number in numbers {
                now += Duration::from_millis(if number % 2 == 0 { 10 + uneven } else { 10 });
                receiver.take(number, (number * 900) as u32, now);
            }
            receiver.report(now).expect("something came").jitter
        };
        // 40 ms too late every other time: 20 ms in the mean, of 90 kHz.
        let uneven = jitter_after(0..400, 40);
        assert!((1_700..2_000).contains(&uneven), "{uneven}");
        assert!(jitter_after(400..800, 0) < 20);
    }

    #[test]
    fn what_was_missed_before_a_beginning_is_never_repaired() {
        let now = Instant::now();
        let mut receiver = receiver(now);
        [10, 12, 14].into_iter().for_each(|number| assert!(receiver.take(number, 0, now)));
        assert_eq!(receiver.repaired(11), Some(11));
        receiver.begin();
        assert_eq!((receiver.ask_at(), receiver.repaired(13)), (None, None));
        assert!(receiver.take(16, 0, now));
        assert_eq!(receiver.repaired(15), Some(15));
    }

    #[test]
    fn numbers_go_on_over_the_wrap() {
        let now = Instant::now();
        let mut receiver = receiver(now);
        let mut taken = Vec::new();
        for sequence in [65_534_u16, 65_535, 0, 1] {
            let number = receiver.index(sequence);
            receiver.take(number, 0, now);
            taken.push(number);
        }
        assert_eq!(taken, [65_534, 65_535, 65_536, 65_537]);
        assert_eq!(receiver.index(65_533), 65_533);
    }
}
