//! Section 3: knocks, returns, drops, and who may sit down.

use hearth_forwarding::Generation;
use hearth_protocol::{ByeReason, Role, ServerFrame};
use hearth_room::{Act, Claims, ConnectionId, Fresh, SecretHash};

use super::{
    Audit, Broken, Judge, Step, law,
    wire::{Heard, Told},
};
use crate::{
    cast::hash_of,
    model::{Door, Model, Seat, counts},
};

impl Model {
    pub fn is_full_for(&self, role: Role) -> bool {
        match role {
            Role::Observer => self.observers() >= self.rules().observers_max as usize,
            Role::Facilitator | Role::Cofacilitator | Role::PeerLead | Role::Interpreter | Role::Member => {
                counts(role) && self.counted() >= self.rules().capacity as usize
            }
        }
    }

    /// The door stays closed: everything that is answered `not_now` whatever goes on inside.
    pub fn is_turned_away(&self, claims: &Claims) -> bool {
        let subject = &claims.subject;
        let other_role =
            self.held().any(|seat| seat.claims.subject == *subject && seat.claims.role != claims.role);
        other_role || self.is_shut_out(claims)
    }

    pub fn is_shut_out(&self, claims: &Claims) -> bool {
        let subject = &claims.subject;
        let barred = self.removed.contains(subject) || self.denied.contains(subject);
        let outside = !self.policy().outside_waits && self.is_outside(claims);
        barred || outside || self.is_unexpected(claims) || self.is_crowded_for(claims)
    }

    /// The lock or the capacity is in the way.
    pub fn is_outside(&self, claims: &Claims) -> bool {
        let held = self.held().any(|seat| seat.claims.subject == claims.subject);
        !self.inside_the_lock(&claims.subject) || !held && self.is_full_for(claims.role)
    }

    /// The format lets them through no more; whoever has a seat keeps it.
    pub fn is_unexpected(&self, claims: &Claims) -> bool {
        !self.held().any(|seat| seat.claims.subject == claims.subject) && !self.is_expected(claims)
    }

    /// As many knocks as there may be, those at the rules and those away for a moment included. Whoever stands there already adds
    /// none, and a facilitator's is never one too many.
    pub fn is_crowded_for(&self, claims: &Claims) -> bool {
        let knocks = self.doors.len() >= self.policy().knocks_max as usize;
        let known = self.door_of(&claims.subject).is_some()
            || self.held().any(|seat| seat.claims.subject == claims.subject);
        knocks && !claims.role.is_facilitator() && !known
    }

    /// The one function of section 3.4, for somebody who has agreed to the ground rules.
    pub fn passes(&self, door: &Door) -> bool {
        let claims = &door.claims;
        let seat = self.seat(&claims.subject);
        let connected = seat.is_some_and(|seat| seat.connection.is_some());
        let by_hand = self.undone.contains(&claims.subject) || self.aside.contains_key(&claims.subject);
        let waits = connected || by_hand || door.beside.is_some();
        if !door.by_ticket || waits || self.is_outside(claims) || self.is_unexpected(claims) {
            return false;
        }
        if claims.role.is_facilitator() {
            return self.facilitators().all(|seat| self.is_barred(seat));
        }
        let led = self.in_charge().next().is_some();
        if self.charges(claims.role) && !led && (seat.is_some() || self.started.is_none()) {
            return true;
        }
        let open = !self.rules().waiting_room && claims.open_admission && claims.role != Role::Observer;
        seat.is_none() && open && led
    }
}

impl Model {
    /// All at once: nobody is left alone with anybody in between.
    pub fn lose_everyone(&mut self) {
        let now = self.now;
        self.live.clone().into_iter().for_each(|connection| self.lose(connection, now));
    }

    /// A connection is gone, and was heard of last at `last_seen`.
    fn lose(&mut self, connection: ConnectionId, last_seen: u32) {
        self.live.remove(&connection);
        for door in self.doors.iter_mut().filter(|door| door.connection == Some(connection)) {
            door.connection = None;
            door.dropped = Some(last_seen);
        }
        let Some(seat) = self.seats.iter_mut().find(|seat| seat.connection == Some(connection)) else {
            return;
        };
        seat.connection = None;
        seat.dropped = Some(last_seen);
        let role = seat.claims.role;
        self.mind_the_room(Some(role), last_seen);
    }
}

impl Judge {
    pub(super) fn knock(
        &mut self,
        connection: ConnectionId,
        claims: &Claims,
        fresh: &Fresh,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let told = heard.get(&connection).ok_or_else(|| unanswered("a knock"))?;
        let ticket = (claims.issuer.clone(), claims.ticket.clone());
        let spent = self.model.spent.insert(ticket, claims.expires).is_some();
        if !spent {
            audit.must.push((None, Act::TicketSpent { subject: claims.subject.clone() }));
        }
        let away = spent || self.model.is_turned_away(claims);
        law!(told.bye.is_some() == away, "door", "turned away: {away}, but {claims:?} heard {told:?}")?;
        if away {
            return law!(told.frames.is_empty(), "door", "turned away with more than a goodbye: {told:?}");
        }
        let [ServerFrame::Knocked { secret }, ServerFrame::GroundRules(rules)] = told.frames.as_slice()
        else {
            return Err(Broken { law: "door", what: format!("a knock is answered {told:?}") });
        };
        law!(*secret == fresh.secret, "door", "an old secret at the door")?;
        law!(*rules == self.model.definition.ground_rules, "door", "other ground rules")?;
        self.replace_door(&claims.subject, connection, heard)?;
        let seat = self.model.seat(&claims.subject);
        let there = seat.and_then(|seat| self.model.device_of(seat).connection);
        self.model.expect_new_device(there);
        let door = Door {
            claims: claims.clone(),
            connection: Some(connection),
            secret: fresh.hash,
            unheard: None,
            by_ticket: true,
            agreed: None,
            dropped: None,
            id: None,
            beside: None,
        };
        self.model.doors.push(door);
        Ok(())
    }

    /// One knock per subject: an earlier one ends.
    fn replace_door(&mut self, subject: &str, by: ConnectionId, heard: &Heard<'_>) -> Result<(), Broken> {
        let old = self.model.door_of(subject).and_then(|door| door.connection).filter(|old| *old != by);
        if let Some(old) = old {
            let bye = heard.get(&old).and_then(Told::reason);
            law!(
                bye == Some(ByeReason::Replaced),
                "door",
                "two knocks of {subject}: the first heard {bye:?}"
            )?;
        }
        self.model.doors.retain(|door| door.claims.subject != subject);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one command and what came of it")]
    pub(super) fn come_back(
        &mut self,
        connection: ConnectionId,
        hash: SecretHash,
        kept: Option<Generation>,
        fresh: &Fresh,
        step: &Step<'_>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let told = heard.get(&connection).ok_or_else(|| unanswered("a return"))?;
        if let Some(at) =
            self.model.seats.iter().position(|seat| seat.secret == hash || seat.unheard == Some(hash))
        {
            self.model.seats[at].unheard = Some(hash);
            return self.resume(connection, at, kept, fresh, step, heard);
        }
        if let Some(at) =
            self.model.doors.iter().position(|door| door.secret == hash || door.unheard == Some(hash))
        {
            self.model.doors[at].unheard = Some(hash);
            return self.wait_on(connection, at, fresh, heard, audit);
        }
        let subject = self.model.secrets.get(&hash).cloned();
        let held = subject.filter(|subject| self.model.seat(subject).is_some());
        law!(!told.is_seated(), "door", "a spent or foreign secret led to a seat")?;
        if !told.is_knocked() {
            return law!(told.bye.is_some(), "door", "a secret worth nothing is answered {told:?}");
        }
        let Some(subject) = held else {
            return Err(Broken { law: "door", what: "a secret worth nothing made a knock".to_owned() });
        };
        self.replace_door(&subject, connection, heard)?;
        let claims = self.model.seat(&subject).expect("it is held").claims.clone();
        let claims = Claims { guardian_consent: true, ..claims };
        let there = self.model.seat(&subject).and_then(|seat| self.model.device_of(seat).connection);
        self.model.expect_new_device(there);
        let rules = told.frames.iter().any(|frame| matches!(frame, ServerFrame::GroundRules(_)));
        law!(rules, "door", "a new device is not shown the ground rules: {told:?}")?;
        let door = Door {
            claims,
            connection: Some(connection),
            secret: fresh.hash,
            unheard: None,
            by_ticket: false,
            agreed: None,
            dropped: None,
            id: None,
            beside: None,
        };
        self.model.doors.push(door);
        Ok(())
    }

    /// Back to one's own seat.
    fn resume(
        &mut self,
        connection: ConnectionId,
        at: usize,
        kept: Option<Generation>,
        fresh: &Fresh,
        step: &Step<'_>,
        heard: &Heard<'_>,
    ) -> Result<(), Broken> {
        let told = &heard[&connection];
        let seat = self.model.seats[at].clone();
        law!(told.is_seated(), "door", "the right secret, but {told:?}")?;
        self.check_seated_frames(told, fresh, &seat)?;
        if let Some(old) = seat.connection {
            let bye = heard.get(&old).and_then(Told::reason);
            law!(bye == Some(ByeReason::Replaced), "door", "{old:?} and {connection:?} hold one seat")?;
        }
        let present = self.model.generations.get(&seat.number).copied().unwrap_or_default();
        let keeps = kept == Some(Generation(present)) && !seat.silent;
        let now = step.room.media_peer(connection).map_or(0, |(_, generation)| generation.0);
        law!((now == present) == keeps, "generations", "{present} was held as {kept:?} and is {now}")?;
        self.model.change(|model| {
            let seat = &mut model.seats[at];
            seat.connection = Some(connection);
            seat.secret = fresh.hash;
            seat.dropped = None;
            seat.silent = false;
            let seat = seat.clone();
            model.join_round(&seat);
        });
        if !keeps {
            self.model.seats[at].own = [true; 3];
            self.epoch_rises = true;
        }
        self.model.attend(&seat.claims.subject);
        Ok(())
    }

    /// Back to one's place at the door.
    fn wait_on(
        &mut self,
        connection: ConnectionId,
        at: usize,
        fresh: &Fresh,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let told = &heard[&connection];
        let door = self.model.doors[at].clone();
        if told.is_seated() {
            let may = self.model.has_agreed(&door) && self.model.passes(&door);
            law!(may, "4", "let in on coming back: {door:?}")?;
            self.model.doors[at].connection = Some(connection);
            return self.take_seat(connection, heard, audit);
        }
        law!(told.is_knocked(), "door", "the right waiting secret, but {told:?}")?;
        if let Some(old) = door.connection {
            let bye = heard.get(&old).and_then(Told::reason);
            law!(bye == Some(ByeReason::Replaced), "door", "{old:?} and {connection:?} wait in one place")?;
        }
        let rules = told.frames.iter().any(|frame| matches!(frame, ServerFrame::GroundRules(_)));
        law!(rules != self.model.has_agreed(&door), "door", "back at the door as {door:?}: {told:?}")?;
        let door = &mut self.model.doors[at];
        door.connection = Some(connection);
        door.secret = fresh.hash;
        door.dropped = None;
        Ok(())
    }

    fn check_seated_frames(&self, told: &Told<'_>, fresh: &Fresh, seat: &Seat) -> Result<(), Broken> {
        let secrets: Vec<_> = told.frames.iter().copied().filter_map(seat_secret).collect();
        law!(secrets == [&fresh.secret], "door", "back on a seat with {} secrets", secrets.len())?;
        let numbers: Vec<u32> = told.snapshots.iter().map(|view| view.you.participant.0).collect();
        let number = seat.number;
        let barred = self.model.is_barred(seat) && numbers.is_empty();
        let rules = told.frames.iter().any(|frame| matches!(frame, ServerFrame::GroundRules(_)));
        law!(rules || self.model.agrees(&seat.agreed), "rules", "seat {number} is not shown the new rules")?;
        law!(numbers == [number] || barred, "door", "seat {number} was shown as {numbers:?}")
    }

    /// Where nobody has been there for a while to confirm a facilitator who waits, one such comes in by the room itself.
    pub(super) fn relieve(&mut self, heard: &Heard<'_>, audit: &mut Audit) -> Result<(), Broken> {
        for door in self.model.doors.clone() {
            let Some(connection) = door.connection else { continue };
            let seated = heard.get(&connection).is_some_and(Told::is_seated);
            let waits = self.model.has_agreed(&door) && door.claims.role.is_facilitator();
            if seated && waits && self.model.passes(&door) {
                self.tally.happens("LetIn");
                self.take_seat(connection, heard, audit)?;
            }
        }
        Ok(())
    }

    /// From the door to a seat, as `Seated` and the snapshot tell it.
    pub(super) fn take_seat(
        &mut self,
        connection: ConnectionId,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let told = heard.get(&connection).ok_or_else(|| unanswered("a seat"))?;
        let door = self
            .model
            .door_behind(connection)
            .cloned()
            .ok_or_else(|| unanswered("somebody who did not knock"))?;
        law!(self.model.has_agreed(&door), "door", "seated without consent: {door:?}")?;
        let agreed = door.agreed.clone().expect("it was just found");
        let secret = told.frames.iter().copied().filter_map(seat_secret).next_back().and_then(hash_of);
        let secret = secret.ok_or_else(|| unanswered("a seat without a secret"))?;
        let subject = door.claims.subject.clone();
        let number = self.model.number_for(&subject);
        let shown: Vec<u32> = told.snapshots.iter().map(|view| view.you.participant.0).collect();
        // Whoever takes the seat over or drops in the same instant is shown nothing; anyone else would be missed below.
        let fits = shown == [number] || shown.is_empty();
        law!(fits, "numbers", "{subject} is {number}, but was shown to be {shown:?}")?;
        // Each seating begins a media connection.
        *self.model.generations.entry(number).or_default() += 1;
        self.model.doors.retain(|other| other.claims.subject != subject);
        if let Some(seat) = self.model.seat(&subject) {
            let from = seat.connection;
            self.move_seat(&door, from, connection, secret, heard)?;
        } else {
            audit.must.push((None, Act::Joined { subject: subject.clone() }));
            self.model.remind();
            self.model.change(|model| model.sit(door.claims.clone(), number, secret, connection, agreed));
        }
        self.model.seat_mut(&subject).expect("just seated").unheard = door.unheard;
        if self.model.started.is_none() && self.model.charges(door.claims.role) {
            self.model.started = Some(self.model.now);
            audit.must.push((None, Act::Started));
        }
        self.leads_no_more(&subject, door.claims.role, audit);
        if self.model.attend(&subject) {
            audit.may.push(Act::LeadPassed { subject });
        }
        Ok(())
    }

    /// Whoever came back in another role.
    pub(super) fn leads_no_more(&mut self, subject: &str, role: Role, audit: &mut Audit) {
        if self.model.lead.as_deref() == Some(subject) && !role.is_facilitator() {
            self.model.lead = None;
            self.model.pass_lead_on(&mut audit.must);
        }
    }

    /// A new device is let in: the seat moves there.
    fn move_seat(
        &mut self,
        door: &Door,
        from: Option<ConnectionId>,
        to: ConnectionId,
        secret: SecretHash,
        heard: &Heard<'_>,
    ) -> Result<(), Broken> {
        if let Some(old) = from {
            let bye = heard.get(&old).and_then(Told::reason);
            law!(bye == Some(ByeReason::Replaced), "door", "{old:?} and {to:?} hold one seat")?;
        }
        self.epoch_rises = true;
        self.model.change(|model| {
            let seat = model.seat_mut(&door.claims.subject).expect("it moves");
            let number = seat.number;
            let device = seat.beside.take();
            model.clear_device(number, true);
            let seat = model.seat_mut(&door.claims.subject).expect("it moves");
            seat.connection = Some(to);
            seat.secret = secret;
            seat.dropped = None;
            seat.silent = false;
            seat.own = [true; 3];
            seat.on_turn = false;
            seat.agreed = door.agreed.clone().expect("nobody is seated without agreeing");
            seat.claims = door.claims.clone();
            let seat = seat.clone();
            // What was closed of the device that they sat at stays closed of them.
            device.into_iter().for_each(|device| model.share_closings(device, number));
            model.join_round(&seat);
        });
        Ok(())
    }

    pub(super) fn drop_out(&mut self, connection: ConnectionId, last_seen: u32) {
        self.clients.remove(&connection);
        self.model.change(|model| model.lose(connection, last_seen));
    }

    pub(super) fn shut_down(&mut self, heard: &Heard<'_>) -> Result<(), Broken> {
        for connection in &self.model.live {
            let bye = heard.get(connection).and_then(Told::reason);
            law!(bye == Some(ByeReason::Restarting), "door", "{connection:?} heard {bye:?} at a shutdown")?;
        }
        self.clients.clear();
        self.model.change(Model::lose_everyone);
        Ok(())
    }

    /// Every seat that was given in this step is one the model gave too.
    pub(super) fn check_seatings(&mut self, step: &Step<'_>, heard: &Heard<'_>) -> Result<(), Broken> {
        for (connection, told) in heard {
            let seat = self.model.seat_behind(*connection);
            let seated = told.is_seated();
            law!(
                !seated || seat.is_some() || told.bye.is_some() || !self.model.live.contains(connection),
                "4",
                "{connection:?} sat down by {:?}",
                step.command
            )?;
            let shown = told.snapshots.is_empty() || seat.is_some();
            law!(shown, "1", "{connection:?} sees inside without a seat")?;
        }
        for seat in &self.model.seats {
            let Some(connection) = seat.connection else { continue };
            self.model.secrets.insert(seat.secret, seat.claims.subject.clone());
            let known = self.clients.get(&connection).is_some_and(|client| client.view.is_some());
            let barred = self.model.is_barred(seat);
            law!(known || barred, "deltas", "{} has a seat and was shown nothing", seat.claims.subject)?;
        }
        for door in &self.model.doors {
            self.model.secrets.insert(door.secret, door.claims.subject.clone());
        }
        let capacity = self.model.policy().capacity as usize;
        law!(self.model.counted() <= capacity, "capacity", "{} seats of {capacity}", self.model.counted())?;
        self.check_door_frames(step, heard)
    }

    pub(super) fn refresh(&mut self, connection: ConnectionId, heard: &Heard<'_>) -> Result<(), Broken> {
        let seated = self.model.seat_behind(connection).is_some_and(|seat| !self.model.is_barred(seat));
        let snapshots = heard.get(&connection).map_or(0, |told| told.snapshots.len());
        law!(snapshots == usize::from(seated), "deltas", "{snapshots} snapshots for a refresh")
    }
}

fn seat_secret(frame: &ServerFrame) -> Option<&hearth_protocol::Secret> {
    match frame {
        ServerFrame::Seated { secret } => Some(secret),
        ServerFrame::Knocked { .. }
        | ServerFrame::GroundRules(_)
        | ServerFrame::Waiting
        | ServerFrame::Signal(_)
        | ServerFrame::StandBy { .. }
        | ServerFrame::Snapshot { .. }
        | ServerFrame::Delta { .. }
        | ServerFrame::Ok { .. }
        | ServerFrame::Refusal { .. }
        | ServerFrame::Pong { .. }
        | ServerFrame::Bye(_) => None,
    }
}

pub(super) fn unanswered(what: &str) -> Broken {
    Broken { law: "door", what: format!("nothing was answered to {what}") }
}
