//! What may be sent again: a share of what was sent, so that no browser can ask for more than it is given.

/// Media packets that earn one repair.
const EARNED_EVERY: u32 = 2;
/// What can be saved up. Repairs.
const SAVED_MAX: u32 = 256;

#[derive(Debug)]
pub struct Repairs {
    /// In media packets.
    saved: u32,
}

impl Default for Repairs {
    fn default() -> Self {
        Repairs { saved: SAVED_MAX * EARNED_EVERY }
    }
}

impl Repairs {
    /// For a packet of media that was sent.
    pub fn earn(&mut self) {
        self.saved = (self.saved + 1).min(SAVED_MAX * EARNED_EVERY);
    }

    /// For a repair. False: it was not earned.
    pub fn spend(&mut self) -> bool {
        let left = self.saved.checked_sub(EARNED_EVERY);
        self.saved = left.unwrap_or(self.saved);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_are_earned_by_media() {
        let mut repairs = Repairs::default();
        assert_eq!((0..10_000).filter(|_| repairs.spend()).count(), SAVED_MAX as usize);
        (0..20).for_each(|_| repairs.earn());
        assert_eq!((0..10_000).filter(|_| repairs.spend()).count(), 10);
    }
}
