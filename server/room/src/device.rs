//! A device that several people share: each with a ticket, an alias, a consent and a turn; connection, secret and gates are the device's.
//!
//! Whoever sits down beside somebody knocks like anyone else, and a facilitator lets them in. With the seat of the device its people go.

use hearth_forwarding::Subject;
use hearth_protocol::{AwayHow, KnockId, ParticipantId, RefusalCode, Request, RequestId, Role, ServerFrame};

use crate::door::count;
use crate::knock::{At, Knock};
use crate::seat::{Consent, Place, Seat};
use crate::{Act, Claims, ConnectionId, Effects, Room, bye};

/// At one device, whose seat it is and who waits to sit there included.
const PEOPLE_MAX: u32 = 4;

impl Room {
    pub(crate) fn share_device(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        request_id: RequestId,
        claims: Claims,
        version: u32,
        hash: &str,
    ) {
        self.answered_once(out, connection, request_id, |room, out, at, _| {
            let At::Seat(device) = at else { return Err(RefusalCode::NotSeated.into()) };
            let asked = Request::ShareDevice { ticket: String::new(), version, hash: hash.to_owned() };
            room.is_accepted_now(device, &asked)?;
            let consent = Consent { version, hash: hash.to_owned() };
            room.knock_beside(out, connection, device, claims, consent)?;
            Ok(None)
        });
    }

    /// The other person at this device goes.
    pub(crate) fn unshare_device(
        &mut self,
        out: &mut Effects,
        me: Subject,
        of: ParticipantId,
    ) -> Result<(), RefusalCode> {
        let of = Subject(of.0);
        if of == me || self.device_of(of) != me {
            return Err(RefusalCode::NotFound);
        }
        self.stand_up(out, of, AwayHow::Left);
        Ok(())
    }

    fn knock_beside(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        device: Subject,
        claims: Claims,
        consent: Consent,
    ) -> Result<(), RefusalCode> {
        let role = self.seats.get(&device).map(|seat| seat.role);
        // Nobody gets past the gates that stay open for whoever leads, and nobody has the desk of another's device.
        let members = role == Some(Role::Member) && claims.role == Role::Member;
        let waiting = self.knocks.values().filter(|knock| knock.beside == Some(device));
        if !members || 1 + count(self.beside(device)) + count(waiting) >= PEOPLE_MAX {
            return Err(RefusalCode::NotPossible);
        }
        if !consent.is_to(&self.definition.ground_rules) {
            out.frame(connection, ServerFrame::GroundRules(self.definition.ground_rules.clone()));
            return Err(RefusalCode::GroundRulesChanged);
        }
        if !self.spend(out, &claims) {
            return Err(RefusalCode::BadTicket);
        }
        let seat = self.subjects.get(&claims.subject).and_then(|subject| self.seats.get(subject));
        if seat.is_some_and(Seat::is_held) {
            return Err(RefusalCode::NotPossible);
        }
        if self.turns_away(&claims) {
            return Err(RefusalCode::NotNow);
        }
        if let Some(old) = self.forget_knock_of(&claims.subject) {
            out.bye(old, bye::replaced());
        }
        let subject = claims.subject.clone();
        let consented = Act::Consented { subject: subject.clone(), version: consent.version };
        self.record_as(out, Some(subject), consented);
        let id = KnockId(self.next_knock);
        self.next_knock = self.next_knock.saturating_add(1);
        let knock = Knock {
            claims,
            connection: None,
            beside: Some(device),
            dropped: self.now,
            waiting: None,
            unheard: None,
            secret: None,
            ticketed: true,
            accepted: Some(consent),
            since: self.now,
        };
        self.knocks.insert(id, knock);
        Ok(())
    }

    /// A facilitator has let them in, into silence. What a facilitator closed of either of them is closed of the device.
    pub(crate) fn sit_beside(&mut self, out: &mut Effects, knock: Knock, device: Subject) {
        let Some(consent) = knock.accepted else { return };
        let subject = self.subject_of(&knock.claims);
        let space = self.space_of(device);
        let Some(seat) = self.seats.get_mut(&subject) else { return };
        seat.take_ticket(&knock.claims);
        seat.place = Place::Beside { device, since: self.now };
        seat.space = space;
        seat.consent = consent;
        seat.end_secrets();
        seat.by_admission = false;
        seat.open_on_turn = false;
        let closed = seat.gates.map(|gate| gate.facilitator);
        if let Some(device) = self.seats.get_mut(&device) {
            for (gate, closed) in device.gates.iter_mut().zip(closed) {
                gate.own = true;
                gate.facilitator |= closed;
            }
        }
        self.epoch_due = true;
        out.durable = true;
        let sub = knock.claims.subject;
        self.record_as(out, Some(sub.clone()), Act::Joined { subject: sub });
        self.remind();
        self.join_round(subject);
    }

    /// The seat goes, and with it whoever sits there or waits to.
    pub(crate) fn leave_device(&mut self, out: &mut Effects, device: Subject, how: AwayHow) {
        let people: Vec<Subject> = self.beside(device).collect();
        people.into_iter().for_each(|subject| self.stand_up(out, subject, how));
        self.knocks.retain(|_, knock| knock.beside != Some(device));
    }

    /// Somebody at this device has no place in the room any more, and hears all that it hears: it goes too, until a facilitator lets
    /// it in again.
    pub(crate) fn show_out(&mut self, out: &mut Effects, device: Subject) {
        let Some(seat) = self.seats.get(&device) else { return };
        if let Some(connection) = seat.connection() {
            self.connections.remove(&connection);
            out.bye(connection, bye::not_now());
        }
        self.send_back(out, None, device, Place::Gone { how: AwayHow::Dropped, since: self.now });
    }

    /// Everyone at this device is out of the room until a facilitator lets them in again, one by one.
    pub(crate) fn send_back(
        &mut self,
        out: &mut Effects,
        actor: Option<Subject>,
        device: Subject,
        place: Place,
    ) {
        let gone = Place::Gone { how: AwayHow::Dropped, since: self.now };
        let people: Vec<Subject> = self.beside(device).collect();
        let places = people.into_iter().map(|subject| (subject, gone)).chain([(device, place)]);
        for (subject, place) in places {
            self.vacate(out, subject, place);
            if let Some(seat) = self.seats.get_mut(&subject) {
                seat.by_admission = true;
            }
            self.record(out, actor, Act::SentToWaiting { subject: self.sub(subject) });
        }
    }

    /// Whoever waits to sit at a device that is gone, or agreed to other rules, has to ask anew.
    pub(crate) fn settle_devices(&mut self) {
        let (seats, rules) = (&self.seats, &self.definition.ground_rules);
        self.knocks.retain(|_, knock| {
            let Some(device) = knock.beside else { return true };
            let agreed = knock.accepted.as_ref().is_some_and(|consent| consent.is_to(rules));
            agreed && seats.get(&device).is_some_and(Seat::is_held)
        });
    }

    fn stand_up(&mut self, out: &mut Effects, subject: Subject, how: AwayHow) {
        let sub = self.sub(subject);
        self.vacate(out, subject, Place::Gone { how, since: self.now });
        let dropped = how == AwayHow::Dropped;
        self.record_as(out, Some(sub.clone()), Act::Left { subject: sub, dropped });
    }

    /// Whose connection and gates somebody has: their own, or those of the device they sit at.
    pub(crate) fn device_of(&self, subject: Subject) -> Subject {
        match self.seats.get(&subject).map(|seat| seat.place) {
            Some(Place::Beside { device, .. }) => device,
            Some(
                Place::Connected { .. }
                | Place::Held { .. }
                | Place::Aside { .. }
                | Place::Gone { .. }
                | Place::Removed { .. },
            )
            | None => subject,
        }
    }

    pub(crate) fn beside(&self, device: Subject) -> impl Iterator<Item = Subject> {
        let sits = move |seat: &Seat| matches!(seat.place, Place::Beside { device: at, .. } if at == device);
        self.seats.iter().filter(move |(_, seat)| sits(seat)).map(|(subject, _)| *subject)
    }

    pub(crate) fn device_seat(&self, subject: Subject) -> Option<&Seat> {
        self.seats.get(&self.device_of(subject))
    }

    /// Connected, by one's own device or another's.
    pub(crate) fn is_here(&self, subject: Subject) -> bool {
        self.device_seat(subject).is_some_and(Seat::is_connected)
    }

    pub(crate) fn absent_since(&self, subject: Subject) -> Option<u32> {
        self.device_seat(subject)?.absent_since()
    }

    /// Somebody at this device has the floor: its gate is theirs.
    pub(crate) fn has_floor(&self, device: Subject) -> bool {
        self.speaker_at(device).is_some()
    }

    pub(crate) fn speaker_at(&self, device: Subject) -> Option<Subject> {
        // By way of the few who have it: this is asked for every seat after every command.
        let sits = |subject: &Subject| *subject == device || self.device_of(*subject) == device;
        self.floor.holders().filter(sits).min_by_key(|subject| (*subject != device, *subject))
    }
}
