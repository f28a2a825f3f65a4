//! How long each was heard, from what the relay counts behind open gates. Facilitators alone see it, and no order depends on it but
//! those that are asked for by it. It lives in memory: after a restart the balance begins anew, and nobody is listed as not heard,
//! because nobody knows any more who was, or who let their turn go by.

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::Subject;
use hearth_protocol::{Heard, Level, ParticipantId, Role};

use crate::Room;
use crate::aside::ROOM;
use crate::seat::{Seat, participant};

/// The desk is told no more often, and in steps of this.
const TOLD_MS: u32 = 5_000;
/// A cough is no voice.
const HEARD_MS: u32 = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hearing {
    /// Milliseconds.
    sums: BTreeMap<Subject, u32>,
    /// The sums as they were told last. Who is in an aside stands here as they left the room: that somebody speaks there just now is
    /// nobody's business outside.
    told: BTreeMap<Subject, u32>,
    told_at: Option<u32>,
    /// Took a turn in text, or let one go by. Never listed as not heard.
    otherwise: BTreeSet<Subject>,
    /// What came before is not known.
    anew: bool,
}

impl Hearing {
    pub fn after_restart() -> Hearing {
        Hearing { anew: true, ..Hearing::default() }
    }

    /// In steps: what decides an order is what facilitators see.
    fn steps(&self, subject: Subject) -> u32 {
        self.told.get(&subject).copied().unwrap_or_default() / TOLD_MS
    }
}

impl Room {
    /// The relay counts behind open gates alone; what it reports here after a gate has closed was said before.
    pub(crate) fn voiced(&mut self, heard: &[(Subject, u32)]) {
        for (subject, ms) in heard {
            if self.seats.get(subject).is_some_and(|seat| seat.is_present() && in_balance(seat.role)) {
                let sum = self.hearing.sums.entry(*subject).or_default();
                *sum = sum.saturating_add(*ms);
            }
        }
        let due = self.hearing.told_at.is_none_or(|at| self.now >= at.saturating_add(TOLD_MS));
        if due {
            self.hearing.told_at = Some(self.now);
            let here: Vec<Subject> =
                self.seats.keys().copied().filter(|one| self.is_in_the_room(*one)).collect();
            for subject in here {
                if let Some(sum) = self.hearing.sums.get(&subject) {
                    self.hearing.told.insert(subject, *sum);
                }
            }
        }
    }

    /// A turn was taken in text: that is being heard too.
    pub(crate) fn heard_by_text(&mut self, subject: Subject) {
        self.hearing.otherwise.insert(subject);
    }

    /// One's own turn went by. It is never remarked on.
    pub(crate) fn passed(&mut self, subject: Subject) {
        self.hearing.otherwise.insert(subject);
    }

    /// For the desk. Whoever leaves no voice, and whoever was not heard at all, is not in it.
    pub(crate) fn balance(&self) -> Vec<Heard> {
        let listed = self.in_balance().filter_map(|(subject, _)| {
            let seconds = self.hearing.steps(subject) * TOLD_MS / 1_000;
            (seconds > 0).then(|| Heard { participant: participant(subject), seconds })
        });
        listed.collect()
    }

    /// For the desk: connected members who were not heard and did not choose so.
    pub(crate) fn not_heard(&self) -> Vec<ParticipantId> {
        let silent = self.in_balance().filter(|(subject, seat)| {
            let heard = self.hearing.told.get(subject).is_some_and(|ms| *ms >= HEARD_MS);
            let otherwise = self.hearing.anew || self.hearing.otherwise.contains(subject);
            seat.is_connected() && !seat.role.is_facilitator() && !heard && !otherwise
        });
        silent.map(|(subject, _)| participant(subject)).collect()
    }

    /// Who was heard least comes first, as it stands now; among equals the order stays.
    pub(crate) fn by_equity<T>(&self, queue: &mut [T], whose: impl Fn(&T) -> Subject) {
        queue.sort_by_key(|one| self.hearing.steps(self.device_of(whose(one))));
    }

    /// On the roster, and speaking by their own choice.
    fn in_balance(&self) -> impl Iterator<Item = (Subject, &Seat)> {
        let present = self.seats.iter().filter(|(_, seat)| seat.is_present() && in_balance(seat.role));
        let present = present.map(|(subject, seat)| (*subject, seat));
        present.filter(|(subject, _)| self.levels.chosen(*subject) >= Level::Voice)
    }

    fn is_in_the_room(&self, subject: Subject) -> bool {
        self.space_of(subject) == ROOM
    }
}

fn in_balance(role: Role) -> bool {
    match role {
        Role::Facilitator | Role::Cofacilitator | Role::PeerLead | Role::Member => true,
        Role::Interpreter | Role::Observer => false,
    }
}
