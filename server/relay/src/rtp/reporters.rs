//! Numbers of the reports that came, by who wrote them: none counts twice (RFC 3711, section 3.3.2).

use std::collections::VecDeque;

use crate::window::Window;

/// Remembered at one time. Browsers report under each SSRC that they send.
const REPORTERS_MAX: usize = 32;

/// A compound packet of a browser's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    NotAuthentic,
    Copy,
    New,
}

#[derive(Debug, Default)]
pub struct Reporters(VecDeque<(u32, Window)>);

impl Reporters {
    /// `index`: of SRTCP. False: it was here before.
    pub fn take(&mut self, ssrc: u32, index: u32) -> bool {
        // The window knows no number 0.
        let number = u64::from(index) + 1;
        if let Some((_, used)) = self.0.iter_mut().find(|(known, _)| *known == ssrc) {
            return used.take(number);
        }
        if self.0.len() == REPORTERS_MAX {
            self.0.pop_front();
        }
        let mut used = Window::default();
        let fresh = used.take(number);
        self.0.push_back((ssrc, used));
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_once_whoever_else_reports() {
        let mut reporters = Reporters::default();
        for index in 0..100 {
            assert!((1..=8).all(|ssrc| reporters.take(ssrc, index)));
            assert!((1..=8).all(|ssrc| !reporters.take(ssrc, index / 2)));
        }
        assert!((0..10_000).all(|ssrc| reporters.take(1_000 + ssrc, 5)));
        assert_eq!(reporters.0.len(), REPORTERS_MAX);
    }
}
