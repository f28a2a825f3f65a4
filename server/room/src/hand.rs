//! Raised hands. The server stamps the order; a client's clock decides nothing.

use std::collections::BTreeMap;

use hearth_forwarding::Subject;
use hearth_protocol::{HandKind, Millis};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Raised {
    pub subject: Subject,
    pub kind: HandKind,
    pub since: u32,
}

/// First come, first served, until a facilitator orders it by hand. Nobody stands in it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hands(pub Vec<Raised>);

/// Of those who are there.
pub(crate) type Places = BTreeMap<Subject, hearth_protocol::Hand>;

impl Hands {
    /// Raising twice keeps the place; the kind is the latest. Whether it is a new one.
    pub fn raise(&mut self, subject: Subject, kind: HandKind, now: u32) -> bool {
        if let Some(hand) = self.0.iter_mut().find(|hand| hand.subject == subject) {
            hand.kind = kind;
            return false;
        }
        self.0.push(Raised { subject, kind, since: now });
        true
    }

    /// Whether there was one.
    pub fn lower(&mut self, subject: Subject) -> Option<HandKind> {
        let at = self.0.iter().position(|hand| hand.subject == subject)?;
        Some(self.0.remove(at).kind)
    }

    /// Those named first, in that order; the rest stay behind them as they stood.
    pub fn order(&mut self, first: &[Subject]) {
        self.0.sort_by_cached_key(|hand| {
            first.iter().position(|subject| *subject == hand.subject).unwrap_or(usize::MAX)
        });
    }

    /// Places are counted among those who are there: who dropped comes back to the old one, and until then has left no gap.
    pub fn places(&self, is_there: impl Fn(Subject) -> bool) -> Places {
        let there = self.0.iter().filter(|hand| is_there(hand.subject));
        let place = |(place, hand): (u32, &Raised)| {
            (hand.subject, hearth_protocol::Hand { kind: hand.kind, place, since: Millis(hand.since) })
        };
        (1..).zip(there).map(place).collect()
    }
}
