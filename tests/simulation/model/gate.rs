//! Law 1, from the rules of sections 4 to 6: why each source is closed, worked out anew at every look.

use std::collections::BTreeSet;

use hearth_forwarding::{Reason, Reasons, Source};
use hearth_protocol::{FloorMode, Role, ThawStep};

use super::{Model, SOURCES, Seat, level::closes, seat::wire};

impl Model {
    pub fn is_paused(&self) -> bool {
        let frozen =
            self.freeze.as_ref().is_some_and(|freeze| !freeze.thawed.contains(&ThawStep::Microphones));
        frozen || self.hold.is_some() || self.rest_until.is_some()
    }

    /// Law 1, from the rules of sections 4 to 6: why this source is closed.
    pub fn reasons(&self, seat: &Seat, source: Source) -> Reasons {
        let mut reasons = self.reasons_but_self(seat, source);
        if seat.own[source.index()] {
            reasons = reasons.with(Reason::Self_);
        }
        reasons
    }

    fn reasons_but_self(&self, seat: &Seat, source: Source) -> Reasons {
        let crisis = self.is_in_crisis(seat);
        let closed = [
            (Reason::Ticket, !seat.may_send(source)),
            (Reason::Facilitator, self.gated.contains(&(seat.number, source.index()))),
            (Reason::Floor, source != Source::Camera && !self.has_the_floor(seat)),
            (Reason::Freeze, self.is_frozen(seat, source) && !crisis),
            (Reason::Unattended, self.hold.is_some() && !crisis),
            (Reason::Consent, self.is_barred(seat)),
            (Reason::Level, closes(self.level_at(seat), source)),
            (Reason::Ceiling, closes(self.ceiling_at(seat), source)),
            (Reason::Format, self.format_closes(seat, wire(source))),
        ];
        closed.into_iter().filter(|(_, closed)| *closed).map(|(reason, _)| reason).collect()
    }

    /// Turns are the room's: in an aside there is only quiet, and two in a crisis are spared that.
    pub fn has_the_floor(&self, seat: &Seat) -> bool {
        if seat.space != 0 {
            return self.floor.mode != FloorMode::Quiet || self.is_in_crisis(seat);
        }
        match self.floor.mode {
            FloorMode::Open => true,
            FloorMode::Hands | FloorMode::Round => {
                seat.is_facilitator() || self.speaker_at(seat).is_some() || self.speaks_for_speaker(seat)
            }
            FloorMode::Facilitator => seat.is_facilitator(),
            FloorMode::Quiet => false,
        }
    }

    pub fn is_speaker(&self, number: u32) -> bool {
        self.floor.speakers.iter().any(|speaker| speaker.number == number)
    }

    /// An interpreter, while the assigned member has the floor.
    fn speaks_for_speaker(&self, seat: &Seat) -> bool {
        let assigned = seat.claims.interprets.as_ref().filter(|_| seat.claims.role == Role::Interpreter);
        let number = assigned.and_then(|subject| self.numbers.get(subject));
        number.is_some_and(|number| self.is_speaker(*number))
    }

    /// In a freeze, or in its gentle form.
    fn is_frozen(&self, seat: &Seat, source: Source) -> bool {
        if self.rest_until.is_some() {
            return !seat.is_facilitator();
        }
        let Some(freeze) = &self.freeze else { return false };
        let step = match source {
            Source::Microphone => ThawStep::Microphones,
            Source::Camera | Source::Screen => ThawStep::Cameras,
        };
        !seat.is_facilitator() && !freeze.thawed.contains(&step)
    }

    /// Carries out a change of the rules' facts and lets `self` follow: section 4.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut Model) -> T) -> T {
        let before: Vec<_> = self.seats.iter().map(|seat| (seat.number, self.outer(seat))).collect();
        let outcome = change(self);
        self.settle_rules();
        self.settle_helpers();
        self.settle_devices();
        self.settle_spaces();
        for (number, before) in before {
            let Some(seat) = self.seat_of(number) else { continue };
            let after = self.outer(seat);
            let on_turn = seat.on_turn && self.speaker_at(seat).is_some();
            let closes = SOURCES.map(|source| {
                let (before, after) = (before[source.index()], after[source.index()]);
                let closed = after.iter().any(|reason| reason != Reason::Floor && !before.contains(reason));
                let floor_came = before.contains(Reason::Floor) && !after.contains(Reason::Floor);
                closed || floor_came && !(on_turn && source == Source::Microphone)
            });
            let seat = self.seats.iter_mut().find(|seat| seat.number == number).expect("it was found above");
            for (own, closes) in seat.own.iter_mut().zip(closes) {
                *own |= closes;
            }
        }
        self.settle_asked();
        outcome
    }

    /// A question to unmute stands where the owner's click is all that is missing.
    fn settle_asked(&mut self) {
        let asked = self.asked.keys().filter_map(|number| self.seat_of(*number));
        let own_click = |seat: &&Seat| {
            !seat.silent && self.reasons(seat, Source::Microphone) == Reasons::of(Reason::Self_)
        };
        let still: BTreeSet<u32> = asked.filter(own_click).map(|seat| seat.number).collect();
        self.asked.retain(|number, _| still.contains(number));
    }

    /// Puts the question to unmute on the screen of somebody's device.
    pub fn ask(&mut self, number: u32) {
        let until = self.now + self.policy().ask_ms;
        self.asked.insert(self.device_number(number), until);
    }

    /// What was lent ends with a freeze, a hold, and the seat.
    fn settle_helpers(&mut self) {
        let over = self.freeze.is_some() || self.hold.is_some();
        let members = self.seats.iter().filter(|seat| seat.claims.role == Role::Member);
        let members: BTreeSet<u32> = members.map(|seat| seat.number).collect();
        self.helpers.retain(|number| !over && members.contains(number));
    }

    fn outer(&self, seat: &Seat) -> [Reasons; 3] {
        SOURCES.map(|source| self.reasons_but_self(seat, source))
    }
}
