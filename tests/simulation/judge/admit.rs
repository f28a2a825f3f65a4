//! Coming in and going out, by oneself and by a facilitator's word.

use hearth_protocol::{ByeReason, GroundRules, ServerFrame};
use hearth_room::{Act, ConnectionId};

use super::{
    Audit, Broken, Judge, law,
    wire::{Heard, Told},
};
use crate::model::{Door, Seat};

impl Judge {
    pub(super) fn consented(
        &mut self,
        connection: ConnectionId,
        subject: &str,
        told: &Told<'_>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let Some(door) = self.model.doors.iter_mut().find(|door| door.connection == Some(connection)) else {
            self.consented_inside(subject, audit);
            return Ok(());
        };
        let GroundRules { version, hash, .. } = self.model.definition.ground_rules.clone();
        let now = (version, hash);
        let again = door.agreed.replace(now.clone()) == Some(now);
        let door = door.clone();
        let claims = door.claims.clone();
        let consented = Act::Consented { subject: subject.to_owned(), version };
        if again {
            audit.may.push(consented)
        } else {
            audit.must.push((Some(subject.to_owned()), consented))
        }
        let pass = self.model.passes(&door);
        let outside = !self.model.policy().outside_waits && self.model.is_outside(&claims);
        let away = outside || self.model.is_unexpected(&claims);
        law!(told.bye.is_some() == away, "door", "turned away: {away}, but {claims:?} heard {told:?}")?;
        if away {
            return Ok(());
        }
        law!(told.is_seated() || !pass, "door", "kept waiting: {claims:?}")?;
        law!(!told.is_seated() || pass, "4", "let in: {claims:?}")?;
        if told.is_seated() { self.take_seat(connection, heard, audit) } else { Ok(()) }
    }

    /// Newer rules, agreed to by everyone at this device: from then on they hear the room again.
    fn consented_inside(&mut self, subject: &str, audit: &mut Audit) {
        let GroundRules { version, hash, .. } = self.model.definition.ground_rules.clone();
        let number = self.model.seat(subject).map(|seat| seat.number);
        let here = |seat: &&mut Seat| Some(seat.number) == number || seat.beside == number;
        for seat in self.model.seats.iter_mut().filter(here) {
            if seat.agreed == (version, hash.clone()) {
                continue;
            }
            seat.agreed = (version, hash.clone());
            let subject = seat.claims.subject.clone();
            audit.must.push((Some(subject.clone()), Act::Consented { subject, version }));
        }
        self.model.attend(subject);
    }

    pub(super) fn left(
        &mut self,
        connection: ConnectionId,
        subject: &str,
        told: &Told<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        law!(
            told.bye.as_ref().map(|bye| bye.reason) == Some(ByeReason::Left),
            "door",
            "left, and heard {told:?}"
        )?;
        if let Some(seat) = self.model.seat_behind(connection) {
            let role = seat.claims.role;
            audit
                .must
                .push((Some(subject.to_owned()), Act::Left { subject: subject.to_owned(), dropped: false }));
            self.model.change(|model| model.rise(subject, false));
            self.model.gone.insert(subject.to_owned(), (false, self.model.now));
            self.model.mind_the_room(Some(role), self.model.now);
        }
        if self.model.door_behind(connection).is_some() {
            self.model.go_from_door(subject);
        }
        Ok(())
    }

    pub(super) fn admitted(
        &mut self,
        knock: u32,
        through_lock: bool,
        actor: Option<String>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let door = self.model.doors.iter().find(|door| door.id == Some(knock)).cloned();
        let door = door.ok_or(Broken { law: "door", what: format!("admitted an unknown knock {knock}") })?;
        self.let_in(&door, through_lock, actor, heard, audit)
    }

    fn let_in(
        &mut self,
        door: &Door,
        through_lock: bool,
        actor: Option<String>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let subject = door.claims.subject.clone();
        let through_lock = through_lock && !self.model.inside_the_lock(&subject);
        if let Some(inside) = self.model.lock.as_mut() {
            inside.insert(subject.clone());
        }
        audit.must.push((actor, Act::Admitted { subject, through_lock }));
        if let Some(device) = door.beside {
            self.seat_beside(door, device, audit);
            return Ok(());
        }
        let connection = door
            .connection
            .ok_or(Broken { law: "1", what: format!("seated without connection: {door:?}") })?;
        self.take_seat(connection, heard, audit)
    }

    /// Those it concerns: who waits, needs nothing of the lock, and finds room.
    pub(super) fn all_admitted(
        &mut self,
        actor: Option<String>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        for door in self.model.doors.clone() {
            let subject = &door.claims.subject;
            let held = self.model.seat(subject).is_some() || self.model.aside.contains_key(subject);
            let may = self.model.is_listed(&door)
                && self.model.inside_the_lock(subject)
                && !self.model.is_unexpected(&door.claims)
                && (held || !self.model.is_full_for(door.claims.role));
            let moves = self.model.seat(subject).is_some();
            let told = door.connection.and_then(|connection| heard.get(&connection));
            let seated = told.is_some_and(Told::is_seated) || door.beside.is_some() && may;
            law!(may && !moves || !seated, "4", "admitted with all: {door:?}")?;
            law!(!may || seated || moves, "door", "not admitted with all: {door:?}")?;
            if seated {
                self.let_in(&door, false, actor.clone(), heard, audit)?;
            }
        }
        Ok(())
    }

    pub(super) fn turned_away(
        &mut self,
        knock: u32,
        actor: Option<String>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let at = self.model.doors.iter().position(|door| door.id == Some(knock));
        let at = at.ok_or(Broken { law: "door", what: format!("denied an unknown knock {knock}") })?;
        let door = self.model.doors[at].clone();
        let subject = door.claims.subject;
        self.model.go_from_door(&subject);
        if let Some(connection) = door.connection {
            let bye = heard.get(&connection).and_then(Told::reason);
            law!(bye == Some(ByeReason::NotNow), "door", "denied, and heard {bye:?}")?;
        }
        audit.must.push((actor, Act::Denied { subject: subject.clone() }));
        // A new device is sent away; the seat stays whose it is.
        if self.model.seat(&subject).is_none() {
            self.model.denied.insert(subject.clone());
            self.model.denials.insert(knock, subject);
        }
        Ok(())
    }

    pub(super) fn sent_to_waiting(
        &mut self,
        number: u32,
        actor: Option<String>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let device = self.model.device_number(number);
        let subject = self.model.subject_of(device).unwrap_or_default().to_owned();
        let seat = self.model.seat(&subject).cloned();
        let seat = seat.ok_or(Broken { law: "door", what: format!("no seat of {subject}") })?;
        self.device_sent_back(&seat, actor, audit);
        self.model.doors.retain(|door| door.claims.subject != subject);
        let Some(connection) = seat.connection else { return Ok(()) };
        let told = heard.get(&connection);
        let secret = told.and_then(|told| {
            told.frames.iter().find_map(|frame| match frame {
                ServerFrame::Knocked { secret } => crate::cast::hash_of(secret),
                ServerFrame::GroundRules(_)
                | ServerFrame::Waiting
                | ServerFrame::Signal(_)
                | ServerFrame::StandBy { .. }
                | ServerFrame::Seated { .. }
                | ServerFrame::Snapshot { .. }
                | ServerFrame::Delta { .. }
                | ServerFrame::Ok { .. }
                | ServerFrame::Refusal { .. }
                | ServerFrame::Pong { .. }
                | ServerFrame::Bye(_) => None,
            })
        });
        let secret =
            secret.ok_or(Broken { law: "door", what: format!("sent to wait, and heard {told:?}") })?;
        self.clients.remove(&connection);
        let door = Door {
            claims: hearth_room::Claims { guardian_consent: true, ..seat.claims.clone() },
            connection: Some(connection),
            secret,
            unheard: None,
            by_ticket: false,
            agreed: Some(seat.agreed.clone()),
            dropped: None,
            id: None,
            beside: None,
        };
        self.model.doors.push(door);
        let role = seat.claims.role;
        self.model.aside.insert(subject, Seat { space: 0, ..seat });
        self.model.mind_the_room(Some(role), self.model.now);
        Ok(())
    }
}
