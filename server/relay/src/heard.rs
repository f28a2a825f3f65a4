//! For how long each was heard: voiced time while the microphone's gate is open.
//!
//! Counted from packets that came through the gate. Bounded twice, so that nobody can count faster than time passes: by RTP time, of
//! which each moment counts once (duplicates, replays and packets that claim to be long add nothing), and by the arrival clock. The
//! sender's own level may lower the sum by a fifth and no more.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hearth_forwarding::Subject;

use crate::voice::{self, TICKS_PER_MS};

/// RTP time that lies farther back than this is another run of numbers, not a late packet. Ticks: 10 s.
const RUN: i32 = 10_000 * TICKS_PER_MS as i32;
/// What a network may hold back and bring at once without anything being lost for the count.
const BURST: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Heard {
    meters: BTreeMap<Subject, Meter>,
}

#[derive(Debug, Default)]
struct Meter {
    /// Voiced and not reported. Ticks.
    voiced: u64,
    /// RTP time up to which voice was counted.
    until: Option<u32>,
    /// Time that has passed since the gate opened and that was not counted yet. Ticks.
    passed: u64,
    at: Option<Instant>,
}

impl Heard {
    /// A microphone's packet that came through its gate.
    pub fn packet(
        &mut self,
        subject: Subject,
        timestamp: u32,
        payload: &[u8],
        level: Option<u8>,
        now: Instant,
    ) {
        self.meters.entry(subject).or_default().packet(timestamp, payload, level, now);
    }

    /// The gate is closed: what passes from now on counts for nothing.
    pub fn close(&mut self, subject: Subject) {
        if let Some(meter) = self.meters.get_mut(&subject) {
            (meter.passed, meter.at) = (0, None);
        }
    }

    /// Forgets all others.
    pub fn retain(&mut self, is_there: impl Fn(Subject) -> bool) {
        self.meters.retain(|subject, _| is_there(*subject));
    }

    /// Whole milliseconds since the last report that was taken; nobody without any.
    pub fn report(&self) -> Vec<(Subject, u32)> {
        let sums = self.meters.iter().map(|(subject, meter)| (*subject, meter.ms()));
        sums.filter(|(_, ms)| *ms > 0).collect()
    }

    /// A report was taken.
    pub fn reported(&mut self, report: &[(Subject, u32)]) {
        for (subject, ms) in report {
            if let Some(meter) = self.meters.get_mut(subject) {
                meter.voiced -= u64::from(*ms) * u64::from(TICKS_PER_MS);
            }
        }
    }
}

impl Meter {
    fn packet(&mut self, timestamp: u32, payload: &[u8], level: Option<u8>, now: Instant) {
        self.pass(now);
        if voice::is_noise(payload.len()) {
            return;
        }
        let ticks = voice::ticks(payload);
        let end = timestamp.wrapping_add(ticks);
        let beyond = self.until.map_or(i32::MAX, |until| end.wrapping_sub(until) as i32);
        if (-RUN..=0).contains(&beyond) {
            return;
        }
        self.until = Some(end);
        if beyond > 0 && beyond as u32 > ticks + voice::PAUSE {
            return;
        }
        let fresh = if beyond > 0 { ticks.min(beyond as u32) } else { ticks };
        let counted = u64::from(fresh).min(self.passed);
        self.passed -= counted;
        self.voiced += if voice::is_quiet(level) { counted * 4 / 5 } else { counted };
    }

    fn pass(&mut self, now: Instant) {
        let since = self.at.replace(now).unwrap_or(now);
        let ticks = |time: Duration| time.as_micros() as u64 * u64::from(TICKS_PER_MS) / 1_000;
        let passed = ticks(now.saturating_duration_since(since).min(BURST));
        self.passed = (self.passed + passed).min(ticks(BURST));
    }

    fn ms(&self) -> u32 {
        u32::try_from(self.voiced / u64::from(TICKS_PER_MS)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Subject = Subject(1);
    /// 20 ms of SILK, as long as speech.
    const SPEECH: [u8; 80] = [0x48; 80];
    const FRAME: u32 = 20 * TICKS_PER_MS;

    /// Ten seconds, a packet every `every_ms` of the arrival clock, each with this step of RTP time. What was counted, in ms.
    fn counted(every_ms: u64, step: u32, payload: &[u8], level: Option<u8>, copies: usize) -> u32 {
        let start = Instant::now();
        let mut heard = Heard::default();
        for number in 0..10_000 / every_ms {
            let now = start + Duration::from_millis(number * every_ms);
            for _ in 0..copies {
                heard.packet(ANNA, (number as u32).wrapping_mul(step).wrapping_sub(7), payload, level, now);
            }
        }
        heard.report().first().map_or(0, |(_, ms)| *ms)
    }

    #[test]
    fn speech_counts_as_long_as_it_lasts() {
        assert_eq!(counted(20, FRAME, &SPEECH, Some(20), 1), 9_980);
        assert_eq!(counted(20, FRAME, &SPEECH, None, 1), 9_980);
        // Half of the packets never came, or four of five.
        assert_eq!(counted(100, 5 * FRAME, &SPEECH, None, 1), 1_980);
        assert_eq!(counted(40, 2 * FRAME, &SPEECH, None, 1), 4_980);
    }

    #[test]
    fn comfort_noise_counts_for_nothing() {
        assert_eq!(counted(20, FRAME, &SPEECH[..voice::COMFORT_NOISE_MAX], Some(0), 1), 0);
        assert_eq!(counted(400, 20 * FRAME, &[0x48], None, 1), 0);
        assert_eq!(counted(400, 20 * FRAME, &SPEECH, None, 1), 0, "refreshed now and then");
    }

    #[test]
    fn a_level_lowers_the_sum_by_a_fifth_at_most() {
        assert_eq!(counted(20, FRAME, &SPEECH, Some(127), 1), 9_980 * 4 / 5);
    }

    #[test]
    fn copies_count_once() {
        assert_eq!(counted(20, FRAME, &SPEECH, None, 5), 9_980);
        assert_eq!(counted(20, 0, &SPEECH, None, 5), 0, "all of one moment, in which no time had passed");
    }

    #[test]
    fn nobody_counts_faster_than_time_passes() {
        assert!(counted(5, FRAME, &SPEECH, None, 1) < 10_000, "four times as fast");
        assert!(counted(5, FRAME / 4, &SPEECH, None, 1) < 10_000, "long packets that overlap");
        let long = [0x1b, 63].into_iter().chain(SPEECH).collect::<Vec<_>>();
        assert!(counted(20, FRAME, &long, None, 1) < 10_000);
        // From one run of numbers to another and back.
        assert!(counted(20, (RUN as u32) * 3, &SPEECH, None, 4) < 10_000);
    }

    #[test]
    fn time_with_a_closed_gate_earns_nothing() {
        let start = Instant::now();
        let mut heard = Heard::default();
        let mut time = 0;
        let mut burst = |heard: &mut Heard, at: u64, packets: u32| {
            for _ in 0..packets {
                time += FRAME;
                heard.packet(ANNA, time, &SPEECH, None, start + Duration::from_millis(at));
            }
        };
        burst(&mut heard, 0, 10);
        assert!(heard.report().is_empty());
        burst(&mut heard, 200, 40);
        assert_eq!(heard.report(), [(ANNA, 200)]);
        heard.close(ANNA);
        burst(&mut heard, 60_000, 40);
        assert_eq!(heard.report(), [(ANNA, 200)]);
        heard.reported(&[(ANNA, 200)]);
        burst(&mut heard, 90_000, 400);
        assert_eq!(heard.report(), [(ANNA, BURST.as_millis() as u32)]);
        heard.retain(|_| false);
        assert!(heard.report().is_empty());
    }
}
