//! Shared devices: several people with one connection and one set of gates, those of the seat whose device it is.

use hearth_room::Act;

use super::{Door, Model, SOURCES, Seat};
use crate::model::Agreement;

impl Model {
    /// Whose connection and gates somebody has.
    pub fn device_of<'a>(&'a self, seat: &'a Seat) -> &'a Seat {
        seat.beside.and_then(|device| self.seat_of(device)).unwrap_or(seat)
    }

    /// The same, by their numbers.
    pub fn device_number(&self, number: u32) -> u32 {
        self.seat_of(number).and_then(|seat| seat.beside).unwrap_or(number)
    }

    /// Whose device it is, and then the others who sit there.
    pub fn people_at<'a>(&'a self, device: &'a Seat) -> impl Iterator<Item = &'a Seat> {
        let mut others: Vec<&Seat> =
            self.seats.iter().filter(|seat| seat.beside == Some(device.number)).collect();
        others.sort_by_key(|seat| seat.number);
        std::iter::once(device).chain(others)
    }

    /// Everyone who sits at another's device.
    pub fn beside(&self) -> impl Iterator<Item = u32> {
        self.seats.iter().filter(|seat| seat.beside.is_some()).map(|seat| seat.number)
    }

    pub fn is_here(&self, seat: &Seat) -> bool {
        self.device_of(seat).connection.is_some()
    }

    pub fn absent_since(&self, seat: &Seat) -> Option<u32> {
        self.device_of(seat).dropped
    }

    /// Who at this device has the floor, if anybody.
    pub fn speaker_at(&self, device: &Seat) -> Option<u32> {
        self.people_at(device).map(|seat| seat.number).find(|number| self.is_speaker(*number))
    }

    /// Whether somebody can be asked about who waits here: over their own connection, or that of the device they would sit at.
    pub fn is_reached(&self, door: &Door) -> bool {
        let device = door.beside.and_then(|device| self.seat_of(device));
        door.connection.is_some() || device.is_some_and(|device| device.connection.is_some())
    }

    /// Let in at somebody's device, into silence. What a facilitator closed of them is closed of the device.
    pub fn sit_beside(&mut self, door: &Door, device: u32, agreed: Agreement, number: u32) {
        let subject = &door.claims.subject;
        self.doors.retain(|other| other.claims.subject != *subject);
        self.gone.remove(subject);
        self.undone.remove(subject);
        self.offered.remove(subject);
        self.numbers.insert(subject.clone(), number);
        let space = self.seat_of(device).map_or(0, |seat| seat.space);
        let seat = Seat {
            connection: None,
            beside: Some(device),
            silent: true,
            space,
            ..Seat::new(door.claims.clone(), number, agreed)
        };
        self.join_round(&seat);
        self.seats.push(seat);
        self.share_closings(number, device);
        for seat in self.seats.iter_mut().filter(|seat| seat.number == device) {
            seat.own = [true; 3];
        }
    }

    /// What facilitators closed of one is closed of the other.
    pub fn share_closings(&mut self, of: u32, to: u32) {
        for source in SOURCES {
            if self.gated.contains(&(of, source.index())) {
                self.gated.insert((to, source.index()));
            }
        }
    }

    /// Those who sit at somebody's device go, and nobody waits to sit there any more.
    pub fn clear_device(&mut self, device: u32, dropped: bool) {
        let mut people: Vec<(u32, String)> = self
            .seats
            .iter()
            .filter(|seat| seat.beside == Some(device))
            .map(|seat| (seat.number, seat.claims.subject.clone()))
            .collect();
        people.sort();
        people.into_iter().for_each(|(_, subject)| self.stand_up(subject, dropped));
        self.doors.retain(|door| door.beside != Some(device));
    }

    /// From somebody's device: what was closed of it stays closed of them.
    pub fn stand_up(&mut self, subject: String, dropped: bool) {
        self.rise(&subject, dropped);
        self.gone.insert(subject.clone(), (dropped, self.now));
        self.acted.push((Some(subject.clone()), Act::Left { subject, dropped }));
    }

    /// Whoever waits to sit at a device that is gone, or agreed to other rules, has to ask anew.
    pub fn settle_devices(&mut self) {
        let waits = |door: &Door| {
            door.beside.is_none_or(|device| self.seat_of(device).is_some() && self.has_agreed(door))
        };
        let stay: Vec<bool> = self.doors.iter().map(waits).collect();
        let mut stay = stay.into_iter();
        self.doors.retain(|_| stay.next().unwrap_or(true));
    }
}
