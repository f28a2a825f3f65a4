//! Who was here, from when to when: from a seat with agreement to the ground rules, whatever they said, showed or let go by.
//!
//! Freezes, breaks and asides count, waiting does not. A gap of up to two minutes is none. What is over is given to the store once,
//! numbered; what goes on is in the snapshot, which is made anew so often that a sudden end of the process costs a minute at most.
//! Members are not told.

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::{Space, Subject};
use hearth_protocol::{ParticipantId, RefusalCode, Role};
use serde::{Deserialize, Serialize};

use crate::aside::ROOM;
use crate::seat::Seat;
use crate::{Effects, Room};

/// Away for no longer is not away.
const GAP_MS: u32 = 2 * 60_000;
/// While somebody is here, the store knows so that often.
const PROVEN_EVERY_MS: u32 = 60_000;
/// Of the note on a correction. Characters.
const NOTE_MAX: usize = 200;
/// A correction beyond a day is a slip.
const MINUTES_MAX: u32 = 24 * 60;

/// What the store appends to a session's attendance. Subjects are `sub` here; the store makes pseudonyms of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attended {
    /// From 0, within the session. The same number is the same entry.
    pub number: u32,
    /// Session clock.
    pub at: u32,
    pub entry: Entry,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    Stay(Stay),
    /// A facilitator says that what is kept so far is so.
    Attested {
        by: String,
    },
    /// Beside what was kept, never in its place.
    Corrected {
        by: String,
        subject: String,
        minutes: u32,
        note: String,
    },
}

/// One person's time without a gap, in one role and of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    pub subject: String,
    pub role: Role,
    pub kind: Kind,
    /// Session clock.
    pub from: u32,
    pub to: u32,
    /// The fewest in the same space meanwhile.
    pub facilitators: u32,
    /// The most members in the same space meanwhile, this one included.
    pub members: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Group,
    /// In an aside as the only member, with a facilitator.
    Individual,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attendance {
    open: BTreeMap<Subject, Open>,
    next: u32,
    /// When the store was told of this session last.
    proven: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    stay: Stay,
    /// Not here since then.
    gap: Option<u32>,
}

impl Attendance {
    /// As it would be, were everyone to leave when the snapshot was taken.
    pub fn unfinished(&self, at: u32) -> Vec<Stay> {
        self.open.values().map(|open| Stay { to: open.gap.unwrap_or(at), ..open.stay.clone() }).collect()
    }
}

impl Room {
    /// Brings the open stays in line with who is here.
    pub(crate) fn settle_attendance(&mut self, out: &mut Effects) {
        let here: BTreeMap<Subject, Space> = (self.seats.iter())
            .filter(|(subject, seat)| !self.ended && self.attends(**subject, seat))
            .map(|(subject, _)| (*subject, self.space_of(*subject)))
            .collect();
        let mut people: BTreeSet<Subject> = self.attendance.open.keys().copied().collect();
        people.extend(here.keys());
        let crowds = self.crowds();
        for subject in people {
            let space = here.get(&subject);
            self.follow_stay(
                out,
                subject,
                space.map(|space| (*space, crowds.get(space).copied().unwrap_or_default())),
            );
        }
    }

    /// Who takes part in each space, gaps included.
    fn crowds(&self) -> BTreeMap<Space, Crowd> {
        let mut crowds = BTreeMap::<Space, Crowd>::new();
        for (subject, seat) in &self.seats {
            let gap = self.attendance.open.get(subject).and_then(|open| open.gap);
            let between = gap.is_some_and(|gap| self.now <= gap.saturating_add(GAP_MS)) && seat.is_held();
            if !between && !self.attends(*subject, seat) {
                continue;
            }
            let crowd = crowds.entry(self.space_of(*subject)).or_default();
            match seat.role {
                Role::Facilitator | Role::Cofacilitator => crowd.facilitators += 1,
                Role::Member | Role::PeerLead => crowd.members += 1,
                Role::Interpreter | Role::Observer => {}
            }
        }
        crowds
    }

    /// Connected, by their own device or the one that they sit at, and in agreement with the rules.
    fn attends(&self, subject: Subject, seat: &Seat) -> bool {
        self.is_here(subject) && !self.is_barred(seat)
    }

    fn follow_stay(&mut self, out: &mut Effects, subject: Subject, here: Option<(Space, Crowd)>) {
        let Some(seat) = self.seats.get(&subject) else { return };
        let (now, role, sub) = (self.now, seat.role, seat.sub.clone());
        let since = self.absent_since(subject).unwrap_or(now);
        let gone = self.ended || seat.is_removed();
        let fresh = |crowd: Crowd, kind| Stay {
            subject: sub.clone(),
            role,
            kind,
            from: now,
            to: now,
            facilitators: crowd.facilitators,
            members: crowd.members,
        };
        let Some(open) = self.attendance.open.get_mut(&subject) else {
            if let Some((space, crowd)) = here {
                let stay = fresh(crowd, crowd.kind(space, role));
                self.attendance.open.insert(subject, Open { stay, gap: None });
            }
            return;
        };
        match here {
            Some((space, crowd)) => {
                let kind = crowd.kind(space, role);
                let too_long = open.gap.is_some_and(|gap| now > gap.saturating_add(GAP_MS));
                if too_long || open.stay.kind != kind || open.stay.role != role {
                    let to = open.gap.unwrap_or(now);
                    self.close(out, subject, to);
                    self.attendance.open.insert(subject, Open { stay: fresh(crowd, kind), gap: None });
                    return;
                }
                open.gap = None;
                open.stay.facilitators = open.stay.facilitators.min(crowd.facilitators);
                open.stay.members = open.stay.members.max(crowd.members);
            }
            None => {
                let gap = *open.gap.get_or_insert(since.max(open.stay.from).min(now));
                // Whoever was here for no time at all leaves nothing to wait for.
                if gone || gap == open.stay.from || now >= gap.saturating_add(GAP_MS) {
                    self.close(out, subject, gap);
                }
            }
        }
    }

    fn close(&mut self, out: &mut Effects, subject: Subject, to: u32) {
        let Some(open) = self.attendance.open.remove(&subject) else { return };
        let stay = Stay { to, ..open.stay };
        if stay.to > stay.from {
            self.keep(out, Entry::Stay(stay));
        }
    }

    fn keep(&mut self, out: &mut Effects, entry: Entry) {
        out.attendance.push(Attended { number: self.attendance.next, at: self.now, entry });
        self.attendance.next = self.attendance.next.saturating_add(1);
        out.durable = true;
    }

    /// Somebody's gap is too long to be one.
    pub(crate) fn stay_over(&self) -> Option<u32> {
        let gaps = self.attendance.open.values().filter_map(|open| open.gap);
        gaps.map(|gap| gap.saturating_add(GAP_MS)).min()
    }

    /// When the store is to be told that people are still here.
    pub(crate) fn proof_due(&self) -> Option<u32> {
        let here = self.attendance.open.values().any(|open| open.gap.is_none());
        here.then(|| self.attendance.proven.saturating_add(PROVEN_EVERY_MS))
    }

    /// A snapshot is made with these effects: the clock is proven up to here.
    pub(crate) fn prove(&mut self) {
        self.attendance.proven = self.now;
    }

    pub(crate) fn attest_attendance(&mut self, out: &mut Effects, me: Subject) {
        let by = self.sub(me);
        self.keep(out, Entry::Attested { by });
    }

    pub(crate) fn correct_attendance(
        &mut self,
        out: &mut Effects,
        me: Subject,
        of: ParticipantId,
        minutes: u32,
        note: &str,
    ) -> Result<(), RefusalCode> {
        let subject =
            self.seats.get(&Subject(of.0)).map(|seat| seat.sub.clone()).ok_or(RefusalCode::NotFound)?;
        let note = note.trim();
        if minutes > MINUTES_MAX || note.chars().count() > NOTE_MAX || note.chars().any(char::is_control) {
            return Err(RefusalCode::NotPossible);
        }
        let by = self.sub(me);
        self.keep(out, Entry::Corrected { by, subject, minutes, note: note.to_owned() });
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Crowd {
    facilitators: u32,
    members: u32,
}

impl Crowd {
    fn kind(self, space: Space, role: Role) -> Kind {
        let alone = self.members == 1 && self.facilitators > 0;
        match role {
            Role::Member | Role::PeerLead | Role::Facilitator | Role::Cofacilitator
                if alone && space != ROOM =>
            {
                Kind::Individual
            }
            Role::Member
            | Role::PeerLead
            | Role::Facilitator
            | Role::Cofacilitator
            | Role::Interpreter
            | Role::Observer => Kind::Group,
        }
    }
}
