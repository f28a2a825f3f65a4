//! The disclosure ladder: everyone chooses how much they take part; a facilitator may set a ceiling, never a floor.
//!
//! What is chosen and what is set hang on the subject, over leaving and coming back. Both close gates; neither ever opens one.

use std::collections::BTreeMap;

use hearth_forwarding::{Source, Subject};
use hearth_protocol::{Level, ParticipantId, RefusalCode, Role};
use serde::{Deserialize, Serialize};

use crate::seat::Seat;
use crate::{Act, Effects, Room};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Levels {
    /// By themselves. Whoever is not here has chosen everything.
    chosen: BTreeMap<Subject, Level>,
    /// Of one person, by a facilitator.
    ceilings: BTreeMap<Subject, Level>,
    /// Of all members, and of whoever joins them. Where both are set, the lower one counts.
    of_all: Level,
}

impl Levels {
    pub fn chosen(&self, by: Subject) -> Level {
        self.chosen.get(&by).copied().unwrap_or_default()
    }
}

impl Room {
    /// Lower closes at once; higher opens nothing by itself.
    pub(crate) fn set_level(&mut self, out: &mut Effects, subject: Subject, level: Level) {
        // What one keeps to oneself outlives a restart, also where no gate shows it.
        out.durable |= level < self.levels.chosen(subject);
        self.levels.chosen.insert(subject, level);
    }

    /// Of one person, whoever they are but a facilitator; or of all members.
    pub(crate) fn set_ceiling(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        of: Option<ParticipantId>,
        level: Level,
    ) -> Result<(), RefusalCode> {
        let mut named = None;
        if let Some(ParticipantId(of)) = of {
            let seat = self.seats.get(&Subject(of)).ok_or(RefusalCode::NotFound)?;
            if seat.role.is_facilitator() {
                return Err(RefusalCode::NotAllowed);
            }
            named = Some(seat.sub.clone());
            self.levels.ceilings.insert(Subject(of), level);
        } else {
            self.levels.of_all = level;
        }
        self.record(out, Some(actor), Act::CeilingSet { subject: named, level });
        Ok(())
    }

    pub(crate) fn ceiling(&self, subject: Subject, seat: &Seat) -> Level {
        let own = self.levels.ceilings.get(&subject).copied().unwrap_or_default();
        match seat.role {
            // Whoever is made a facilitator by a later ticket has none.
            Role::Facilitator | Role::Cofacilitator => Level::default(),
            Role::Member | Role::PeerLead => own.min(self.levels.of_all),
            Role::Interpreter | Role::Observer => own,
        }
    }

    /// Of a device: the lowest that anybody there has chosen.
    pub(crate) fn level_at(&self, device: Subject) -> Level {
        let chosen = self.beside(device).map(|subject| self.levels.chosen(subject));
        chosen.fold(self.levels.chosen(device), Level::min)
    }

    /// Of a device: the lowest of all who sit there.
    pub(crate) fn ceiling_at(&self, device: Subject, seat: &Seat) -> Level {
        let beside = self.beside(device).filter_map(|subject| Some((subject, self.seats.get(&subject)?)));
        let lowest = beside.map(|(subject, seat)| self.ceiling(subject, seat)).min();
        lowest.map_or(self.ceiling(device, seat), |lowest| lowest.min(self.ceiling(device, seat)))
    }

    /// Whether the rungs that this person stands on let them write to the group.
    pub fn may_write(&self, subject: Subject) -> bool {
        let Some(seat) = self.seats.get(&subject) else { return false };
        self.levels.chosen(subject).min(self.ceiling(subject, seat)) >= Level::Text
    }
}

/// Whether somebody on this rung sends this source.
pub(crate) fn leaves_open(level: Level, source: Source) -> bool {
    match level {
        Level::Listen | Level::Text => false,
        Level::Voice => source == Source::Microphone,
        Level::Video => true,
    }
}
