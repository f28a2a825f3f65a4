//! How often something may happen: so many times at once, then once in a while.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Pace {
    most: u32,
    every: Duration,
    left: u32,
    since: Instant,
}

impl Pace {
    pub const fn new(most: u32, every: Duration, now: Instant) -> Self {
        Pace { most, every, left: most, since: now }
    }

    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        let earned = u32::try_from(passed.as_nanos() / self.every.as_nanos()).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(earned).min(self.most);
        // What has passed of the next one counts, unless nothing more can be saved.
        self.since = if self.left == self.most { now } else { self.since + self.every * earned };
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(500);

    #[test]
    fn so_many_at_once_then_one_in_a_while() {
        let start = Instant::now();
        let mut pace = Pace::new(8, EVERY, start);
        assert_eq!((0..100).filter(|_| pace.take(start)).count(), 8);
        assert!(pace.take(start + EVERY));
        assert!(!pace.take(start + EVERY));
        assert_eq!((0..100).filter(|_| pace.take(start + 100 * EVERY)).count(), 8);
    }

    #[test]
    fn looking_often_earns_no_less() {
        let start = Instant::now();
        let mut pace = Pace::new(4, EVERY, start);
        let granted = (0..=100).filter(|step| pace.take(start + EVERY / 10 * *step)).count();
        assert_eq!(granted, 4 + 10);
    }
}
