use hearth_protocol::{ClientFrame, Request};
use tokio::time::Instant;

/// A bucket that holds so many tokens and gains so many a second.
#[derive(Debug)]
struct Bucket {
    size: f64,
    per_second: f64,
    tokens: f64,
    since: Instant,
}

/// What one connection may send, by kind.
#[derive(Debug)]
pub(super) struct Rates {
    requests: Bucket,
    /// Private signals: nothing else that was sent holds them back.
    signals: Bucket,
    offers: Bucket,
    views: Bucket,
    pings: Bucket,
    /// Frames that were too many or could not be read.
    patience: Bucket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    TooFast,
    Flooding,
}

impl Rates {
    pub fn new(now: Instant) -> Self {
        Rates {
            requests: Bucket::full(30.0, 10.0, now),
            signals: Bucket::full(10.0, 1.0, now),
            offers: Bucket::full(8.0, 0.5, now),
            views: Bucket::full(20.0, 10.0, now),
            pings: Bucket::full(10.0, 2.0, now),
            patience: Bucket::full(100.0, 5.0, now),
        }
    }

    /// May this frame be carried out?
    pub fn frame(&mut self, frame: &ClientFrame, now: Instant) -> Verdict {
        let bucket = match frame {
            ClientFrame::Hello(_) => return self.nuisance(now),
            ClientFrame::Request { request: Request::Distress | Request::NotAlone { .. }, .. } => {
                return self.signal(now);
            }
            ClientFrame::Ping { .. } => &mut self.pings,
            ClientFrame::Request { request: Request::Offer(_), .. } => &mut self.offers,
            ClientFrame::Request { request: Request::View { .. }, .. } => &mut self.views,
            ClientFrame::Request { .. } => &mut self.requests,
        };
        if bucket.take(now) { Verdict::Fine } else { self.nuisance(now) }
    }

    /// Never refused. Those beyond any need wear out the patience, so that only a flood ends the connection.
    fn signal(&mut self, now: Instant) -> Verdict {
        if self.signals.take(now) || self.patience.take(now) { Verdict::Fine } else { Verdict::Flooding }
    }

    /// A ping or pong of the WebSocket itself.
    pub fn control(&mut self, now: Instant) -> Verdict {
        if self.pings.take(now) { Verdict::Fine } else { self.nuisance(now) }
    }

    /// A frame that brings nothing.
    pub fn nuisance(&mut self, now: Instant) -> Verdict {
        if self.patience.take(now) { Verdict::TooFast } else { Verdict::Flooding }
    }
}

impl Bucket {
    fn full(size: f64, per_second: f64, now: Instant) -> Self {
        Bucket { size, per_second, tokens: size, since: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.since).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.size);
        self.since = now;
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hearth_protocol::RequestId;

    use super::*;

    fn leave() -> ClientFrame {
        ClientFrame::Request { request_id: RequestId("1".into()), request: Request::Pass }
    }

    #[test]
    fn a_burst_is_slowed_and_a_flood_is_the_end() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        let verdicts: Vec<_> = (0..200).map(|_| rates.frame(&leave(), start)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Fine).count(), 30);
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::TooFast).count(), 100);
        assert_eq!(verdicts.last(), Some(&Verdict::Flooding));
    }

    fn signal() -> ClientFrame {
        ClientFrame::Request { request_id: RequestId("1".into()), request: Request::Distress }
    }

    #[test]
    fn a_signal_is_never_too_fast_whatever_was_sent_before_it() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        while rates.frame(&leave(), start) != Verdict::Flooding {}
        assert_eq!(rates.frame(&signal(), start), Verdict::Fine);
        let mut rates = Rates::new(start);
        let verdicts: Vec<_> = (0..200).map(|_| rates.frame(&signal(), start)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Fine).count(), 110);
        assert!(!verdicts.contains(&Verdict::TooFast));
        assert_eq!(verdicts.last(), Some(&Verdict::Flooding), "a flood is the end");
    }

    #[test]
    fn kinds_do_not_use_up_each_other_and_time_refills() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        while rates.frame(&leave(), start) == Verdict::Fine {}
        assert_eq!(rates.frame(&ClientFrame::Ping { nonce: 0 }, start), Verdict::Fine);
        assert_eq!(rates.frame(&leave(), start + Duration::from_secs(1)), Verdict::Fine);
    }
}
