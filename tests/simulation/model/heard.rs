//! Who was heard, and for how long. In memory: after a restart nobody knows any more.

use std::collections::{BTreeMap, BTreeSet};

use hearth_protocol::{Heard, ParticipantId, Role};

use super::{Model, Seat};

const STEP_MS: u32 = 5_000;

#[derive(Clone, Debug, Default)]
pub struct Hearing {
    sums: BTreeMap<u32, u32>,
    /// The sums as the desk knows them.
    told: BTreeMap<u32, u32>,
    told_at: Option<u32>,
    /// Wrote in their turn, or let it go by.
    otherwise: BTreeSet<u32>,
    anew: bool,
}

impl Hearing {
    pub fn anew() -> Hearing {
        Hearing { anew: true, ..Hearing::default() }
    }
}

impl Model {
    /// On the roster, and of those whose voice is counted.
    fn is_counted(&self, seat: &Seat) -> bool {
        let role = match seat.claims.role {
            Role::Facilitator | Role::Cofacilitator | Role::PeerLead | Role::Member => true,
            Role::Interpreter | Role::Observer => false,
        };
        role && !seat.silent
    }

    pub fn voiced(&mut self, heard: &[(u32, u32)]) {
        for (number, ms) in heard {
            if self.seat_of(*number).is_some_and(|seat| self.is_counted(seat)) {
                *self.hearing.sums.entry(*number).or_default() += ms;
            }
        }
        if self.hearing.told_at.is_none_or(|at| self.now >= at + STEP_MS) {
            self.hearing.told_at = Some(self.now);
            let known: Vec<(u32, u32)> =
                self.hearing.sums.iter().map(|(number, sum)| (*number, *sum)).collect();
            for (number, sum) in known {
                // Of whoever is in an aside nothing is told.
                if self.is_in_the_room(number) {
                    self.hearing.told.insert(number, sum);
                }
            }
        }
    }

    pub fn heard_otherwise(&mut self, number: u32) {
        self.hearing.otherwise.insert(number);
    }

    /// In the steps that facilitators see.
    pub fn heard_steps(&self, number: u32) -> u32 {
        self.hearing.told.get(&number).copied().unwrap_or_default() / STEP_MS
    }

    pub fn is_anybody_heard(&self) -> bool {
        !self.hearing.sums.is_empty()
    }

    pub fn heard_view(&self) -> Vec<Heard> {
        let mut heard: Vec<Heard> = self.listed().map(|seat| self.heard_of(seat)).collect();
        heard.retain(|one| one.seconds > 0);
        heard
    }

    fn heard_of(&self, seat: &Seat) -> Heard {
        let seconds = self.heard_steps(seat.number) * (STEP_MS / 1_000);
        Heard { participant: ParticipantId(seat.number), seconds }
    }

    pub fn not_heard_view(&self) -> Vec<ParticipantId> {
        let hearing = &self.hearing;
        let silent = self.listed().filter(|seat| {
            let spoke = hearing.told.get(&seat.number).is_some_and(|ms| *ms >= 1_000);
            let chose = hearing.anew || hearing.otherwise.contains(&seat.number);
            seat.connection.is_some() && !seat.is_facilitator() && !spoke && !chose
        });
        silent.map(|seat| ParticipantId(seat.number)).collect()
    }

    /// In the order of their numbers, without those who chose to leave no voice.
    fn listed(&self) -> impl Iterator<Item = &Seat> {
        let mut seats: Vec<&Seat> =
            self.seats.iter().filter(|seat| self.is_counted(seat) && self.uses_voice(seat.number)).collect();
        seats.sort_by_key(|seat| seat.number);
        seats.into_iter()
    }
}
