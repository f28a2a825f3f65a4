//! Smaller spaces beside the room. Media never cross from one to another, and nobody in an aside becomes more than they were: every
//! reason on a gate holds inside too, and crossing adds `self`. Turns are the room's.

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::{Space, Subject};
use hearth_protocol::{AsideId, Millis, Notice, Pair, ParticipantId, RefusalCode, Role};
use serde::{Deserialize, Serialize};

use crate::seat::{Seat, participant};
use crate::{Act, Effects, Room};

pub(crate) const ROOM: Space = Space(0);
/// Pairs of the largest audience.
const ASIDES_MAX: usize = 150;
const PAIRS_MAX: usize = 256;
/// The longest aside, and the longest countdown.
const SECONDS_MAX: u32 = 4 * 60 * 60;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asides {
    /// The newest number: none is used twice in a session.
    last: u16,
    /// By number. Who is in it stands with the seats.
    open: Vec<Aside>,
    /// The lower one first.
    apart: BTreeSet<(Subject, Subject)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Aside {
    space: Space,
    ends_at: Option<u32>,
    /// With this facilitator, out of the reach of freeze, hold and breaks while they are connected there.
    crisis: Option<Subject>,
}

/// Where everyone is, or would be.
type Places = BTreeMap<Subject, Space>;

impl Asides {
    pub fn next_end(&self) -> Option<(u32, Space)> {
        self.open.iter().filter_map(|aside| Some((aside.ends_at?, aside.space))).min()
    }

    pub fn view(&self) -> Vec<hearth_protocol::Aside> {
        let view = |aside: &Aside| hearth_protocol::Aside {
            id: AsideId(u32::from(aside.space.0)),
            ends_at: aside.ends_at.map(Millis),
        };
        self.open.iter().map(view).collect()
    }

    pub fn kept_apart(&self) -> Vec<Pair> {
        let pair =
            |(one, other): &(Subject, Subject)| Pair { one: participant(*one), other: participant(*other) };
        self.apart.iter().map(pair).collect()
    }

    /// Numbered on from the last, one for each group.
    fn planned(&self, groups: usize, ends_at: Option<u32>, crisis: Option<Subject>) -> Option<Vec<Aside>> {
        let groups = u16::try_from(groups).ok().filter(|groups| *groups > 0)?;
        let last = self.last.checked_add(groups)?;
        let planned = (self.last + 1..=last).map(|number| Aside { space: Space(number), ends_at, crisis });
        (self.open.len() + usize::from(groups) <= ASIDES_MAX).then(|| planned.collect())
    }

    fn find(&self, space: Space) -> Option<&Aside> {
        self.open.iter().find(|aside| aside.space == space)
    }

    fn named(&self, id: AsideId) -> Result<&Aside, RefusalCode> {
        let space = u16::try_from(id.0).map_err(|_| RefusalCode::NotFound)?;
        self.find(Space(space)).ok_or(RefusalCode::NotFound)
    }

    fn are_apart(&self, one: Subject, other: Subject) -> bool {
        self.apart.contains(&(one.min(other), one.max(other)))
    }
}

impl Room {
    pub(crate) fn open_asides(
        &mut self,
        out: &mut Effects,
        me: Subject,
        groups: &[Vec<ParticipantId>],
        seconds: Option<u32>,
    ) -> Result<(), RefusalCode> {
        let ends_at = seconds.map(|seconds| self.in_seconds(seconds));
        let planned = self.asides.planned(groups.len(), ends_at, None);
        let planned = planned.filter(|_| seconds != Some(0)).ok_or(RefusalCode::NotPossible)?;
        let mut moves = Places::new();
        for (group, aside) in groups.iter().zip(&planned) {
            if group.is_empty() {
                return Err(RefusalCode::NotPossible);
            }
            for one in group {
                let one = self.movable(me, *one, aside.space)?;
                if moves.insert(one, aside.space).is_some_and(|before| before != aside.space) {
                    return Err(RefusalCode::NotPossible);
                }
            }
        }
        self.put(out, me, &moves, planned)
    }

    /// Somebody with the facilitator who asks.
    pub(crate) fn open_crisis_aside(
        &mut self,
        out: &mut Effects,
        me: Subject,
        of: ParticipantId,
    ) -> Result<(), RefusalCode> {
        let planned = self.asides.planned(1, None, Some(me)).ok_or(RefusalCode::NotPossible)?;
        let space = planned.first().map_or(ROOM, |aside| aside.space);
        let of = self.movable(me, of, space)?;
        let role = self.seats.get(&of).map(|seat| seat.role);
        if !matches!(role, Some(Role::Member | Role::PeerLead)) {
            return Err(RefusalCode::NotPossible);
        }
        self.put(out, me, &Places::from([(of, space), (me, space)]), planned)
    }

    /// Into an aside, or back to the room. Nobody but facilitators joins the two of a crisis aside.
    pub(crate) fn move_to(
        &mut self,
        out: &mut Effects,
        me: Subject,
        of: ParticipantId,
        to: Option<AsideId>,
    ) -> Result<(), RefusalCode> {
        let aside = to.map(|to| self.asides.named(to)).transpose()?.copied();
        let space = aside.map_or(ROOM, |aside| aside.space);
        let of = self.movable(me, of, space)?;
        let facilitator = self.seats.get(&of).is_some_and(|seat| seat.role.is_facilitator());
        if aside.is_some_and(|aside| aside.crisis.is_some()) && !facilitator && self.space_of(of) != space {
            return Err(RefusalCode::NotPossible);
        }
        self.put(out, me, &Places::from([(of, space)]), Vec::new())
    }

    /// Back in the room after a countdown that never makes it later. A crisis aside is recalled by its number alone.
    pub(crate) fn recall(
        &mut self,
        out: &mut Effects,
        me: Subject,
        aside: Option<AsideId>,
        seconds: u32,
    ) -> Result<(), RefusalCode> {
        let ends_at = self.in_seconds(seconds);
        let named = aside.map(|id| self.asides.named(id).map(|aside| aside.space)).transpose()?;
        let meant = |aside: &Aside| named.map_or(aside.crisis.is_none(), |named| aside.space == named);
        let spaces: Vec<Space> =
            self.asides.open.iter().filter(|aside| meant(aside)).map(|aside| aside.space).collect();
        if spaces.is_empty() {
            return Err(RefusalCode::NotPossible);
        }
        for aside in self.asides.open.iter_mut().filter(|aside| meant(aside)) {
            aside.ends_at = Some(aside.ends_at.map_or(ends_at, |before| before.min(ends_at)));
        }
        spaces.into_iter().for_each(|space| self.say_recalled(out, space));
        self.record(out, Some(me), Act::Recalled { aside: aside.map(|aside| aside.0) });
        Ok(())
    }

    pub(crate) fn keep_apart(
        &mut self,
        out: &mut Effects,
        me: Subject,
        pair: [ParticipantId; 2],
        apart: bool,
    ) -> Result<(), RefusalCode> {
        let [one, other] = pair.map(|one| Subject(one.0));
        if !self.seats.contains_key(&one) || !self.seats.contains_key(&other) {
            return Err(RefusalCode::NotFound);
        }
        if one == other || (apart && self.asides.apart.len() >= PAIRS_MAX) {
            return Err(RefusalCode::NotPossible);
        }
        let pair = (one.min(other), one.max(other));
        let changed = if apart { self.asides.apart.insert(pair) } else { self.asides.apart.remove(&pair) };
        if changed {
            let act = Act::KeptApart { subject: self.sub(one), other: other.0, apart };
            self.record(out, Some(me), act);
        }
        Ok(())
    }

    pub(crate) fn space_of(&self, subject: Subject) -> Space {
        self.seats.get(&subject).map_or(ROOM, |seat| seat.space)
    }

    /// In a crisis aside whose facilitator is connected there: neither freeze nor hold nor a break reaches it.
    pub(crate) fn is_in_crisis(&self, seat: &Seat) -> bool {
        let by = self.asides.find(seat.space).and_then(|aside| aside.crisis);
        let by = by.and_then(|by| self.seats.get(&by));
        by.is_some_and(|by| by.is_connected() && by.space == seat.space)
    }

    /// Its time is over: everyone is back in the room, in silence.
    pub(crate) fn end_aside(&mut self, out: &mut Effects, space: Space) {
        let people: Vec<Subject> =
            self.seats.iter().filter(|(_, seat)| seat.space == space).map(|(subject, _)| *subject).collect();
        people.into_iter().for_each(|subject| self.cross(out, subject, ROOM));
        self.asides.open.retain(|aside| aside.space != space);
    }

    /// A restart that may have missed an end or a recall: nobody is anywhere but in the room.
    pub(crate) fn close_asides(&mut self) {
        self.asides.open.clear();
        self.seats.values_mut().for_each(|seat| seat.space = ROOM);
    }

    /// Interpreters follow, what must not go on ends at once, and what is empty is closed.
    pub(crate) fn settle_asides(&mut self, out: &mut Effects) {
        while !self.asides.open.is_empty() {
            let mut places = self.places();
            self.follow(&mut places);
            for (subject, space) in &places {
                self.cross(out, *subject, *space);
            }
            let Some(space) = self.aside_that_must_end(&places) else {
                self.asides.open.retain(|aside| places.values().any(|space| *space == aside.space));
                return;
            };
            self.say_recalled(out, space);
            self.record(out, None, Act::Recalled { aside: Some(u32::from(space.0)) });
            self.end_aside(out, space);
        }
    }

    fn aside_that_must_end(&self, places: &Places) -> Option<Space> {
        let must_end = |aside: &&Aside| {
            let left_alone = aside.crisis.is_some_and(|by| places.get(&by) != Some(&aside.space));
            left_alone || !self.may_be_together(places, aside.space)
        };
        self.asides.open.iter().find(must_end).map(|aside| aside.space)
    }

    /// All of these moves at once, or none.
    fn put(
        &mut self,
        out: &mut Effects,
        me: Subject,
        moves: &Places,
        planned: Vec<Aside>,
    ) -> Result<(), RefusalCode> {
        let mut places = self.places();
        places.extend(moves);
        self.follow(&mut places);
        // Whoever follows somebody cannot be taken elsewhere.
        let goes = moves.iter().all(|(subject, space)| places.get(subject) == Some(space));
        if !goes || !moves.values().all(|space| self.may_be_together(&places, *space)) {
            return Err(RefusalCode::NotPossible);
        }
        self.asides.last = planned.last().map_or(self.asides.last, |aside| aside.space.0);
        self.asides.open.extend(planned);
        for (subject, space) in moves {
            if self.space_of(*subject) != *space {
                let aside = (*space != ROOM).then_some(u32::from(space.0));
                self.record(out, Some(me), Act::Moved { subject: self.sub(*subject), aside });
            }
            self.cross(out, *subject, *space);
        }
        Ok(())
    }

    /// Facilitators go where they like; another one's way is the lead's to decide, and the lead's nobody's.
    fn movable(&self, me: Subject, of: ParticipantId, to: Space) -> Result<Subject, RefusalCode> {
        let of = self.device_of(Subject(of.0));
        let seat = self.seats.get(&of).filter(|seat| seat.is_connected() || (to == ROOM && seat.is_held()));
        let seat = seat.ok_or(RefusalCode::NotFound)?;
        if seat.role.is_facilitator() && of != me && self.lead != Some(me) {
            return Err(RefusalCode::NotAllowed);
        }
        Ok(of)
    }

    fn cross(&mut self, out: &mut Effects, subject: Subject, to: Space) {
        let Some(seat) = self.seats.get_mut(&subject).filter(|seat| seat.space != to) else { return };
        seat.space = to;
        seat.asked_until = None;
        seat.gates.iter_mut().for_each(|gate| gate.own = true);
        if to != ROOM {
            self.leave_turns(out, subject);
        } else if self.is_here(subject) {
            self.join_round(subject);
        }
    }

    fn places(&self) -> Places {
        let held = self.seats.iter().filter(|(_, seat)| seat.is_held());
        held.map(|(subject, seat)| (*subject, seat.space)).collect()
    }

    /// Whoever shares a device is where it is; an interpreter where the assigned member is, and without them in the room.
    fn follow(&self, places: &mut Places) {
        for subject in self.seats.keys() {
            let device = places.get(&self.device_of(*subject)).copied();
            if let (Some(place), Some(device)) = (places.get_mut(subject), device) {
                *place = device;
            }
        }
        for (subject, seat) in &self.seats {
            let Some(assigned) = seat.interprets.as_ref().filter(|_| seat.role == Role::Interpreter) else {
                continue;
            };
            let assigned = self.subjects.get(assigned).and_then(|assigned| places.get(assigned)).copied();
            if let Some(place) = places.get_mut(subject) {
                *place = assigned.unwrap_or(ROOM);
            }
        }
    }

    /// No pair that is kept apart, and no adult alone with a minor unseen.
    fn may_be_together(&self, places: &Places, space: Space) -> bool {
        if space == ROOM {
            return true;
        }
        let people: Vec<Subject> =
            places.iter().filter(|(_, at)| **at == space).map(|(subject, _)| *subject).collect();
        let apart = |(one, other): &(Subject, Subject)| people.contains(one) && people.contains(other);
        if self.asides.apart.iter().any(apart) {
            return false;
        }
        !self.rules().minors
            || !self.is_adult_with_minor(&people)
            || self.somebody_may_enter(places, space, &people)
    }

    /// Exactly one adult and one minor, by who is connected or by whose media still flow. A peer lead may be either.
    fn is_adult_with_minor(&self, people: &[Subject]) -> bool {
        let alone = |counts: fn(&Seat) -> bool| {
            let roles = people.iter().filter_map(|one| self.seats.get(one)).filter(|seat| counts(seat));
            let roles: Vec<Role> = roles.map(|seat| seat.role).collect();
            let [one, other] = roles[..] else { return false };
            let minor = |role: Role| matches!(role, Role::Member | Role::PeerLead);
            let pair = |one: Role, other: Role| one != Role::Member && minor(other);
            pair(one, other) || pair(other, one)
        };
        alone(Seat::is_connected) || alone(Seat::is_present)
    }

    /// A facilitator outside, who sees that this aside exists and may go there at any time.
    fn somebody_may_enter(&self, places: &Places, space: Space, people: &[Subject]) -> bool {
        self.seats.iter().any(|(subject, seat)| {
            seat.role.is_facilitator()
                && seat.is_connected()
                && !self.is_barred(seat)
                && places.get(subject) != Some(&space)
                && !people.iter().any(|one| self.asides.are_apart(*one, *subject))
        })
    }

    fn say_recalled(&self, out: &mut Effects, space: Space) {
        for (to, subject) in self.hearing() {
            if self.space_of(subject) == space && self.has_view(to) {
                out.notice(to, Notice::Recalled);
            }
        }
    }

    fn in_seconds(&self, seconds: u32) -> u32 {
        self.now.saturating_add(seconds.min(SECONDS_MAX).saturating_mul(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_those_that_are_open_already() {
        let mut asides = Asides::default();
        asides.open = asides.planned(1, None, None).expect("the first");
        assert!(asides.planned(ASIDES_MAX - 1, None, None).is_some());
        assert!(asides.planned(ASIDES_MAX, None, None).is_none());
    }
}
