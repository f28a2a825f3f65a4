//! When a browser's packets came, by their transport-wide numbers, until it is told: that is what browsers adapt their rate to.

use std::time::{Duration, Instant};

use super::{rtcp, srtp};

/// Told after this time, and sooner where much arrives: a voice alone changes nobody's estimate.
const TOLD: Duration = Duration::from_millis(250);
const TOLD_SOON: Duration = Duration::from_millis(100);
const MANY: usize = 16;
/// More are not remembered. Packets.
const ARRIVALS_MAX: usize = 4_096;

#[derive(Debug)]
pub struct Arrivals {
    start: Instant,
    /// Ascending.
    waiting: Vec<(u64, u64)>,
    since: Option<Instant>,
    /// Told until here.
    told: u64,
    newest: Option<u64>,
    /// Whose packets they are: any of them.
    about: u32,
    count: u8,
}

impl Arrivals {
    pub fn new(now: Instant) -> Self {
        Arrivals { start: now, waiting: Vec::new(), since: None, told: 0, newest: None, about: 0, count: 0 }
    }

    pub fn note(&mut self, ssrc: u32, number: u16, now: Instant) {
        let number = srtp::index(self.newest, number);
        self.newest = self.newest.max(Some(number));
        // What comes after its neighbours were told of counts as lost.
        if self.waiting.len() == ARRIVALS_MAX || (number <= self.told && self.told > 0) {
            return;
        }
        let at = now.saturating_duration_since(self.start).as_micros() as u64;
        let Err(place) = self.waiting.binary_search_by_key(&number, |(number, _)| *number) else { return };
        self.waiting.insert(place, (number, at));
        // A browser heeds no report about a stream that it does not send; probes are of none.
        if ssrc != 0 {
            self.about = ssrc;
        }
        self.since.get_or_insert(now);
    }

    #[cfg(any(test, feature = "tests"))]
    pub fn check_consistent(&self) {
        assert!(self.waiting.len() <= ARRIVALS_MAX);
        assert!(self.waiting.is_sorted_by(|one, next| one.0 < next.0), "told in their order");
        assert_eq!(self.waiting.is_empty(), self.since.is_none());
    }

    /// When the next report is due.
    pub fn due(&self) -> Option<Instant> {
        let after = if self.waiting.len() >= MANY { TOLD_SOON } else { TOLD };
        self.since.map(|since| since + after)
    }

    /// All that waits, each report by itself.
    pub fn tell(&mut self, own: u32, mut each: impl FnMut(&[u8])) {
        let mut rest = &self.waiting[..];
        let mut report = Vec::new();
        while !rest.is_empty() {
            report.clear();
            let told = rtcp::transport_feedback(&mut report, own, self.about, self.count, rest);
            self.count = self.count.wrapping_add(1);
            each(&report);
            rest = &rest[told.max(1)..];
        }
        self.told = self.waiting.last().map_or(self.told, |(number, _)| *number);
        self.waiting.clear();
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(arrivals: &mut Arrivals) -> Vec<(u16, u16, u16)> {
        let mut told = Vec::new();
        arrivals.tell(1, |report| {
            told.extend(rtcp::read(report).filter_map(|message| match message {
                rtcp::Message::Transport(rtcp::Feedback { first, count, received }) => {
                    Some((first, count, received))
                }
                rtcp::Message::Sender { .. }
                | rtcp::Message::Block(_)
                | rtcp::Message::Nack { .. }
                | rtcp::Message::KeyFrame { .. } => None,
            }));
        });
        told
    }

    #[test]
    fn what_came_is_told_once() {
        let now = Instant::now();
        let mut arrivals = Arrivals::new(now);
        assert_eq!(arrivals.due(), None);
        for number in [65_534, 0, 65_535, 3, 3] {
            arrivals.note(7, number, now);
        }
        assert_eq!(arrivals.due(), Some(now + TOLD));
        assert_eq!(told(&mut arrivals), [(65_534, 6, 4)]);
        assert_eq!((arrivals.due(), told(&mut arrivals).len()), (None, 0));
        arrivals.note(7, 2, now);
        assert_eq!(arrivals.due(), None, "it counts as lost already");
        (4..4 + MANY as u16).for_each(|number| arrivals.note(7, number, now));
        assert_eq!(arrivals.due(), Some(now + TOLD_SOON));
    }

    #[test]
    fn a_report_is_about_a_stream_of_the_browsers() {
        let now = Instant::now();
        let mut arrivals = Arrivals::new(now);
        arrivals.note(7, 1, now);
        arrivals.note(0, 2, now);
        arrivals.tell(1, |report| assert_eq!(report[8..12], [0, 0, 0, 7]));
    }

    #[test]
    fn a_flood_is_not_remembered() {
        let now = Instant::now();
        let mut arrivals = Arrivals::new(now);
        (0..u16::MAX).for_each(|number| arrivals.note(7, number.wrapping_mul(7_919), now));
        assert!(arrivals.waiting.len() <= ARRIVALS_MAX);
    }
}
