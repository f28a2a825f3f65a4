//! The disclosure ladder: the rung that each has chosen, and the ceilings that facilitators set. Both hang on the person.

use std::collections::BTreeMap;

use hearth_forwarding::Source;
use hearth_protocol::{Level, Role};

use super::{Model, Seat};

#[derive(Clone, Debug, Default)]
pub struct Ladder {
    pub chosen: BTreeMap<u32, Level>,
    pub ceilings: BTreeMap<u32, Level>,
    /// Of members and peer leads.
    pub of_all: Level,
}

impl Model {
    pub fn level(&self, number: u32) -> Level {
        self.ladder.chosen.get(&number).copied().unwrap_or_default()
    }

    /// The lowest that was set of this person; facilitators have none.
    pub fn ceiling(&self, seat: &Seat) -> Level {
        if seat.is_facilitator() {
            return Level::default();
        }
        let named = self.ladder.ceilings.get(&seat.number).copied().unwrap_or_default();
        let among_all = matches!(seat.claims.role, Role::Member | Role::PeerLead);
        if among_all { named.min(self.ladder.of_all) } else { named }
    }

    /// The lowest that one of those who sit there has chosen.
    pub fn level_at(&self, device: &Seat) -> Level {
        self.people_at(device).map(|seat| self.level(seat.number)).min().unwrap_or_default()
    }

    /// The lowest of those who sit there.
    pub fn ceiling_at(&self, device: &Seat) -> Level {
        self.people_at(device).map(|seat| self.ceiling(seat)).min().unwrap_or_default()
    }
}

pub fn closes(level: Level, source: Source) -> bool {
    match source {
        Source::Microphone => level < Level::Voice,
        Source::Camera | Source::Screen => level < Level::Video,
    }
}
