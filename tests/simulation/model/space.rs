//! Asides, of section 7: where everyone is, who may be together, and what ends by itself.

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::Source;
use hearth_protocol::Role;
use hearth_room::Act;

use super::{Model, Seat};

/// The room is number 0.
#[derive(Clone, Debug, Default)]
pub struct Spaces {
    pub last: u32,
    /// In the order in which they were opened.
    pub open: Vec<Aside>,
    /// Who is kept apart, the lower number first.
    pub apart: BTreeSet<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Aside {
    pub number: u32,
    pub ends_at: Option<u32>,
    /// With this facilitator.
    pub crisis: Option<u32>,
}

/// By number: the space in which each is.
pub type Places = BTreeMap<u32, u32>;

impl Spaces {
    pub fn find(&self, number: u32) -> Option<&Aside> {
        self.open.iter().find(|aside| aside.number == number)
    }

    pub fn are_apart(&self, one: u32, other: u32) -> bool {
        self.apart.contains(&(one.min(other), one.max(other)))
    }
}

impl Model {
    /// Law 1: who may hear or see what of whom. Closed gates, bars and spaces are all there is.
    pub fn reaches(&self, from: &Seat, source: Source, to: &Seat) -> bool {
        from.number != to.number
            && self.shares_space(from.number, to.number)
            && !self.is_barred(to)
            && self.reasons(from, source).is_empty()
    }

    pub fn shares_space(&self, one: u32, other: u32) -> bool {
        let space = |number: u32| self.seat_of(number).map_or(0, |seat| seat.space);
        space(one) == space(other)
    }

    /// Freeze, hold, breaks and quiet do not reach two in a crisis aside while its facilitator is there.
    pub fn is_in_crisis(&self, seat: &Seat) -> bool {
        let by = self.spaces.find(seat.space).and_then(|aside| aside.crisis);
        let by = by.and_then(|by| self.seat_of(by));
        by.is_some_and(|by| by.space == seat.space && by.connection.is_some())
    }

    pub fn places(&self) -> Places {
        self.seats.iter().map(|seat| (seat.number, seat.space)).collect()
    }

    /// Whoever shares a device is where it is; an interpreter is where the assigned member is, and else in the room.
    pub fn with_followers(&self, mut places: Places) -> Places {
        for seat in &self.seats {
            if let Some(space) = seat.beside.and_then(|device| places.get(&device).copied()) {
                places.insert(seat.number, space);
            }
        }
        for seat in self.seats.iter().filter(|seat| seat.claims.role == Role::Interpreter) {
            let Some(assigned) = &seat.claims.interprets else { continue };
            let number = self.numbers.get(assigned);
            let space = number.and_then(|number| places.get(number)).copied().unwrap_or_default();
            places.insert(seat.number, space);
        }
        places
    }

    /// No pair that is kept apart, and no adult alone with a minor unless a second facilitator may come in.
    pub fn may_be_together(&self, places: &Places, space: u32) -> bool {
        let inside: Vec<&Seat> =
            self.seats.iter().filter(|seat| places.get(&seat.number) == Some(&space)).collect();
        let apart = |seat: &Seat| inside.iter().any(|other| self.spaces.are_apart(seat.number, other.number));
        if space == 0 {
            return true;
        }
        if inside.iter().any(|seat| apart(seat)) {
            return false;
        }
        let connected = inside.iter().copied().filter(|seat| seat.connection.is_some());
        let sending = inside.iter().copied().filter(|seat| !seat.silent);
        if !self.rules().minors || !(is_adult_with_minor(connected) || is_adult_with_minor(sending)) {
            return true;
        }
        self.facilitators().any(|second| {
            places.get(&second.number) != Some(&space)
                && !self.is_barred(second)
                && !inside.iter().any(|seat| self.spaces.are_apart(seat.number, second.number))
        })
    }

    /// What must not go on ends, whoever follows somebody is with them, and what is empty is closed.
    pub fn settle_spaces(&mut self) {
        while !self.ended && !self.spaces.open.is_empty() {
            let places = self.with_followers(self.places());
            places.iter().for_each(|(number, space)| self.cross(*number, *space));
            let must_end = |aside: &&Aside| {
                let deserted = aside.crisis.is_some_and(|by| places.get(&by) != Some(&aside.number));
                deserted || !self.may_be_together(&places, aside.number)
            };
            let Some(over) = self.spaces.open.iter().find(must_end).map(|aside| aside.number) else {
                self.spaces.open.retain(|aside| places.values().any(|space| *space == aside.number));
                return;
            };
            self.acted.push((None, Act::Recalled { aside: Some(over) }));
            self.end_aside(over);
        }
    }

    pub fn end_aside(&mut self, number: u32) {
        let inside = self.places().into_iter().filter(|(_, space)| *space == number);
        let inside: Vec<u32> = inside.map(|(person, _)| person).collect();
        inside.into_iter().for_each(|person| self.cross(person, 0));
        self.spaces.open.retain(|aside| aside.number != number);
    }

    /// In silence, and with no turn to come: turns are the room's.
    pub fn cross(&mut self, number: u32, to: u32) {
        let Some(seat) = self.seats.iter_mut().find(|seat| seat.number == number && seat.space != to) else {
            return;
        };
        seat.space = to;
        seat.own = [true; 3];
        let seat = seat.clone();
        self.asked.remove(&number);
        if to != 0 {
            self.leave_floor(number);
        } else if self.is_here(&seat) {
            self.join_round(&seat);
        }
    }
}

/// Exactly two, one of whom may be a minor while the other may be an adult.
fn is_adult_with_minor<'a>(people: impl Iterator<Item = &'a Seat>) -> bool {
    let roles: Vec<Role> = people.map(|seat| seat.claims.role).collect();
    let [one, other] = roles[..] else { return false };
    let minor = |role: Role| matches!(role, Role::Member | Role::PeerLead);
    let adult = |role: Role| role != Role::Member;
    minor(one) && adult(other) || adult(one) && minor(other)
}
