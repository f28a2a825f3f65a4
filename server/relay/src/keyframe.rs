//! Asking a sender for a key frame: many listeners' wishes for one layer become one request, and requests keep a distance.

use std::time::{Duration, Instant};

/// Two requests for one layer are at least this far apart. What was asked in between is sent at its end (trailing edge), unless a
/// key frame has come by then.
const DISTANCE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    sent: Option<Instant>,
    open: bool,
}

impl Wish {
    pub fn ask(&mut self) {
        self.open = true;
    }

    /// A key frame starts: whoever waits has one.
    pub fn granted(&mut self) {
        self.open = false;
    }

    /// Whether a request is to be sent now.
    pub fn take(&mut self, now: Instant) -> bool {
        let early = self.sent.is_some_and(|sent| now < sent + DISTANCE);
        if !self.open || early {
            return false;
        }
        self.open = false;
        self.sent = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_in_a_short_time_become_two_requests() {
        let start = Instant::now();
        let mut wish = Wish::default();
        let mut sent = Vec::new();
        for step in 0..60 {
            let now = start + Duration::from_millis(step * 10);
            if step < 20 {
                wish.ask();
            }
            if wish.take(now) {
                sent.push(step * 10);
            }
        }
        assert_eq!(sent, [0, 300]);
    }

    #[test]
    fn a_key_frame_answers_all_who_wait() {
        let start = Instant::now();
        let mut wish = Wish::default();
        wish.ask();
        assert!(wish.take(start));
        wish.ask();
        assert!(!wish.take(start + Duration::from_millis(10)));
        wish.granted();
        assert!(!wish.take(start + DISTANCE));
    }
}
