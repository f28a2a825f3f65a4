//! The share of what was sent that did not arrive, by transport-wide reports.

use super::rtcp::Feedback;

#[derive(Debug, Default)]
pub struct Loss {
    received: u32,
    lost: u32,
    /// The number after the last that was told of.
    next: Option<u16>,
    /// Of all packets in the last second; too low where few are sent, as losses between two reports are not in it.
    share: f32,
}

impl Loss {
    pub fn note(&mut self, feedback: &Feedback) {
        // What lies between two reports came in neither.
        let between = self.next.map_or(0, |next| feedback.first.wrapping_sub(next));
        let between = if between < 1_000 { u32::from(between) } else { 0 };
        let lost = u32::from(feedback.count.saturating_sub(feedback.received)) + between;
        self.received = self.received.saturating_add(feedback.received.into());
        self.lost = self.lost.saturating_add(lost);
        self.next = Some(feedback.first.wrapping_add(feedback.count));
    }

    /// A second is over.
    pub fn conclude(&mut self) {
        let all = self.received as f32 + self.lost as f32;
        if all > 0.0 {
            self.share = self.lost as f32 / all;
        }
        (self.received, self.lost) = (0, 0);
    }

    pub fn share(&self) -> f32 {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_more_losses_than_can_be_counted_are_counted_as_many() {
        let mut loss = Loss::default();
        let all = Feedback { first: 0, count: u16::MAX, received: 0 };
        (0..200_000).for_each(|_| loss.note(&all));
        loss.conclude();
        assert!((loss.share - 1.0).abs() < f32::EPSILON);
    }
}
