use std::time::Duration;

use tokio::time::Instant;

/// The session's clock: milliseconds since the session began, not counting the time that the room was asleep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    woke: Instant,
    /// What the clock showed then.
    showed: u32,
}

impl Clock {
    pub fn starting_at(showed: u32) -> Self {
        Clock { woke: Instant::now(), showed }
    }

    pub fn now(&self) -> u32 {
        self.at(Instant::now())
    }

    pub fn at(&self, instant: Instant) -> u32 {
        let awake = instant.saturating_duration_since(self.woke).as_millis();
        self.showed.saturating_add(u32::try_from(awake).unwrap_or(u32::MAX))
    }

    pub fn instant(&self, time: u32) -> Instant {
        self.woke + Duration::from_millis(time.saturating_sub(self.showed).into())
    }
}
