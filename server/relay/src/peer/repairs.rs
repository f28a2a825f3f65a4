//! What may be sent again: a share of what was sent, so that no browser can ask for more than it is given.

/// Media packets that earn one repair.
const EARNED_EVERY: u32 = 2;
/// What can be saved up. Repairs.
const SAVED_MAX: u32 = 256;

#[derive(Debug)]
pub struct Repairs {
    /// Payload types of retransmissions to this browser.
    pub types: Vec<u8>,
    /// In media packets.
    saved: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Media,
    Repair,
    /// A repair that was not earned.
    Excess,
}

impl Default for Repairs {
    fn default() -> Self {
        Repairs { types: Vec::new(), saved: SAVED_MAX * EARNED_EVERY }
    }
}

impl Repairs {
    pub fn count(&mut self, payload_type: u8) -> Sent {
        if !self.types.contains(&payload_type) {
            self.saved = (self.saved + 1).min(SAVED_MAX * EARNED_EVERY);
            return Sent::Media;
        }
        match self.saved.checked_sub(EARNED_EVERY) {
            Some(saved) => {
                self.saved = saved;
                Sent::Repair
            }
            None => Sent::Excess,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIA: u8 = 96;
    const REPAIR: u8 = 97;

    #[test]
    fn repairs_are_earned_by_media() {
        let mut repairs = Repairs { types: vec![REPAIR], ..Repairs::default() };
        let mut granted =
            |count: u32| (0..count).filter(|_| repairs.count(REPAIR) == Sent::Repair).count() as u32;
        assert_eq!(granted(10_000), SAVED_MAX);
        (0..20).for_each(|_| assert_eq!(repairs.count(MEDIA), Sent::Media));
        let mut granted =
            |count: u32| (0..count).filter(|_| repairs.count(REPAIR) == Sent::Repair).count() as u32;
        assert_eq!(granted(10_000), 10);
    }
}
