//! Before the door: a ticket makes a knock, consent makes it wait, and a secret of its own carries it over reconnects.

use hearth_forwarding::{Generation, Subject};
use hearth_protocol::{KnockId, Millis, Notice, RefusalCode, Secret, ServerFrame};
use serde::{Deserialize, Serialize};

use crate::door::{Obstacle, Way, count};
use crate::seat::{Consent, Place, Seat, participant, spoken};
use crate::{Act, Claims, ConnectionId, Effects, Fresh, Room, SecretHash, alias, bye};

/// A subject before the door: consent pending, or waiting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Knock {
    pub claims: Claims,
    pub connection: Option<ConnectionId>,
    /// To sit at this seat's device, and so without a connection or a secret of its own.
    #[serde(default)]
    pub beside: Option<Subject>,
    /// Last sign of life, if there is no connection.
    pub dropped: u32,
    pub waiting: Option<SecretHash>,
    /// As with a seat: the one used last, until something is heard.
    #[serde(default)]
    pub unheard: Option<SecretHash>,
    /// Becomes the resume secret at seating. In memory alone.
    #[serde(skip)]
    pub secret: Option<Secret>,
    /// Made by a ticket. Otherwise by a spent secret or from a seat: then only a facilitator lets them in.
    pub ticketed: bool,
    pub accepted: Option<Consent>,
    pub since: u32,
}

/// What a connection stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Door(KnockId),
    Seat(Subject),
}

impl Room {
    /// Whether the door shows itself closed for good, for now: one refusal for denied, removed, full and locked.
    pub(crate) fn turns_away(&self, claims: &Claims) -> bool {
        let shut = match self.may_enter(claims, Way::Alone) {
            Err(Obstacle::Denied | Obstacle::Unexpected) => true,
            Err(Obstacle::Locked | Obstacle::Full) => !self.definition.policy.outside_waits,
            Err(Obstacle::Paused | Obstacle::Unconfirmed) | Ok(()) => false,
        };
        let knocking = self.knocks.values().any(|knock| knock.claims.subject == claims.subject);
        let seat = self.subjects.get(&claims.subject).and_then(|subject| self.seats.get(subject));
        let kept = seat.is_some_and(Seat::is_kept);
        let crowded = count(self.knocks.values()) >= self.definition.policy.knocks_max;
        shut || (crowded && !knocking && !kept && !claims.role.is_facilitator())
    }

    pub(crate) fn knock(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        claims: Claims,
        fresh: Fresh,
    ) {
        if self.spend(out, &claims) {
            self.knock_as(out, connection, claims, true, fresh);
        } else {
            out.bye(connection, bye::bad_ticket());
        }
    }

    /// A ticket counts once.
    pub(crate) fn spend(&mut self, out: &mut Effects, claims: &Claims) -> bool {
        let now = self.now;
        self.spent.retain(|_, expires| *expires >= now);
        let ticket = (claims.issuer.clone(), claims.ticket.clone());
        if self.spent.contains_key(&ticket) {
            return false;
        }
        self.spent.insert(ticket, claims.expires);
        out.durable = true;
        self.record_as(out, None, Act::TicketSpent { subject: claims.subject.clone() });
        true
    }

    fn knock_as(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        claims: Claims,
        ticketed: bool,
        fresh: Fresh,
    ) {
        let seat = self.subjects.get(&claims.subject).and_then(|subject| self.seats.get(subject));
        let another_role = seat.is_some_and(|seat| seat.is_kept() && seat.role != claims.role);
        let device = self.subjects.get(&claims.subject).and_then(|subject| self.device_seat(*subject));
        let new_device = device.and_then(Seat::connection);
        if another_role || self.turns_away(&claims) {
            out.bye(connection, bye::not_now());
            return;
        }
        let mut since = self.now;
        if let Some((_, old)) = self.take_knock_of(&claims.subject) {
            since = old.since;
            if let Some(old) = old.connection {
                out.bye(old, bye::replaced());
            }
        }
        if let Some(to) = new_device.filter(|to| self.has_view(*to)) {
            out.notice(to, Notice::NewDevice);
        }
        let id = KnockId(self.next_knock);
        self.next_knock = self.next_knock.saturating_add(1);
        let knock = Knock {
            claims,
            connection: None,
            beside: None,
            dropped: self.now,
            waiting: Some(fresh.hash),
            unheard: None,
            secret: None,
            ticketed,
            accepted: None,
            since,
        };
        self.knocks.insert(id, knock);
        self.reach(out, id, connection, fresh);
    }

    /// A connection stands at the door for this knock, with a secret of its own.
    pub(crate) fn reach(&mut self, out: &mut Effects, id: KnockId, connection: ConnectionId, fresh: Fresh) {
        let Some(knock) = self.knocks.get_mut(&id) else { return };
        out.frame(connection, ServerFrame::Knocked { secret: fresh.secret.clone() });
        knock.waiting = Some(fresh.hash);
        knock.secret = Some(fresh.secret);
        if let Some(old) = knock.connection.replace(connection) {
            self.connections.remove(&old);
            out.bye(old, bye::replaced());
        }
        self.connections.insert(connection, At::Door(id));
        out.durable = true;
        if self.has_accepted(id) {
            self.wait(out, connection);
        } else {
            let rules = self.definition.ground_rules.clone();
            out.frame(connection, ServerFrame::GroundRules(rules));
        }
    }

    fn wait(&mut self, out: &mut Effects, connection: ConnectionId) {
        out.frame(connection, ServerFrame::Waiting);
        self.beat = self.beat_after(self.now);
    }

    /// By the session's clock alone, so that nobody learns from it who else waits, or since when.
    pub(crate) fn beat_after(&self, now: u32) -> Option<u32> {
        (now / self.beat_ms()).checked_add(1)?.checked_mul(self.beat_ms())
    }

    fn beat_ms(&self) -> u32 {
        self.definition.policy.waiting_beat_ms.max(1_000)
    }

    /// Back with a waiting or a resume secret. One that opens nothing says no more than a ticket that does not.
    pub(crate) fn come_back(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        hash: SecretHash,
        media: Option<Generation>,
        fresh: Fresh,
    ) {
        let held = |seat: &&Seat| seat.is_held();
        let seat_of = |seats: &dyn Fn(&Seat) -> bool| {
            self.seats.iter().find(|(_, seat)| held(seat) && seats(seat)).map(|(subject, _)| *subject)
        };
        if let Some(subject) = seat_of(&|seat| seat.is_opened_by(hash)) {
            self.resume(out, subject, connection, hash, media, fresh);
        } else if let Some(subject) = seat_of(&|seat| seat.spent.contains(&hash)) {
            let Some(claims) = self.claims_of(subject) else { return };
            self.knock_as(out, connection, claims, false, fresh);
        } else if let Some(id) = self.knock_opened_by(hash) {
            self.reach(out, id, connection, fresh);
            if let Some(knock) = self.knocks.get_mut(&id) {
                knock.unheard = Some(hash);
            }
        } else {
            out.bye(connection, bye::bad_ticket());
        }
    }

    fn knock_opened_by(&self, hash: SecretHash) -> Option<KnockId> {
        let opens = |knock: &Knock| knock.waiting == Some(hash) || knock.unheard == Some(hash);
        self.knocks.iter().find(|(_, knock)| opens(knock)).map(|(id, _)| *id)
    }

    /// What a spent secret still says of its owner: enough for a knock, not for a seat.
    pub(crate) fn claims_of(&self, subject: Subject) -> Option<Claims> {
        let seat = self.seats.get(&subject)?;
        Some(Claims {
            issuer: String::new(),
            ticket: String::new(),
            expires: 0,
            subject: seat.sub.clone(),
            role: seat.role,
            rank: seat.rank,
            alias: seat.alias.text.clone(),
            publish: seat.publish.iter().map(|source| spoken(*source)).collect(),
            open_admission: false,
            interprets: seat.interprets.clone(),
            title: seat.title.clone(),
            guardian_consent: true,
        })
    }

    /// Agreement, compared with the rules as they stand at this commit.
    pub(crate) fn accept_at_the_door(
        &mut self,
        out: &mut Effects,
        id: KnockId,
        version: u32,
        hash: &str,
    ) -> Result<(), RefusalCode> {
        let Some(knock) = self.knocks.get_mut(&id) else { return Err(RefusalCode::NotFound) };
        let Some(connection) = knock.connection else { return Err(RefusalCode::NotFound) };
        let rules = &self.definition.ground_rules;
        if rules.version != version || rules.hash != hash {
            out.frame(connection, ServerFrame::GroundRules(rules.clone()));
            return Err(RefusalCode::GroundRulesChanged);
        }
        let consent = Consent { version, hash: hash.to_owned() };
        let before = knock.accepted.replace(consent.clone()).filter(|before| *before == consent);
        let claims = knock.claims.clone();
        if before.is_none() {
            let subject = claims.subject.clone();
            self.record_as(out, Some(subject.clone()), Act::Consented { subject, version });
        }
        if self.turns_away(&claims) {
            self.forget_knock_of(&claims.subject);
            out.bye(connection, bye::not_now());
        } else if self.knocks.get(&id).is_some_and(|knock| self.comes_in_alone(knock)) {
            self.seat(out, id);
        } else if before.is_none() {
            self.wait(out, connection);
        }
        Ok(())
    }

    fn has_accepted(&self, id: KnockId) -> bool {
        let accepted = self.knocks.get(&id).and_then(|knock| knock.accepted.as_ref());
        accepted.is_some_and(|consent| consent.is_to(&self.definition.ground_rules))
    }

    /// Consented, connected and waiting: whom facilitators see and may let in.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (KnockId, ConnectionId, &Knock)> {
        let waits = |(id, knock): (&KnockId, _)| self.has_accepted(*id).then_some((*id, knock));
        self.knocks
            .iter()
            .filter_map(waits)
            .filter_map(|(id, knock): (_, &Knock)| Some((id, self.reached_at(knock)?, knock)))
    }

    /// The connection that speaks for this knock.
    fn reached_at(&self, knock: &Knock) -> Option<ConnectionId> {
        let device = knock.beside.and_then(|device| self.seats.get(&device));
        knock.connection.or_else(|| device.and_then(Seat::connection))
    }

    pub(crate) fn waiting_knock(&self, id: KnockId) -> Result<&Knock, RefusalCode> {
        self.waiting().find(|waiting| waiting.0 == id).map(|(_, _, knock)| knock).ok_or(RefusalCode::NotFound)
    }

    pub(crate) fn is_new_device(&self, knock: &Knock) -> bool {
        let seat = self.subjects.get(&knock.claims.subject).and_then(|subject| self.seats.get(subject));
        seat.is_some_and(Seat::is_held)
    }

    /// Takes the knock of this subject away; its connection, if it has one, is no longer known here.
    pub(crate) fn forget_knock_of(&mut self, sub: &str) -> Option<ConnectionId> {
        let (_, knock) = self.take_knock_of(sub)?;
        let subject = self.subjects.get(sub).copied();
        if let Some(seat) = subject.and_then(|subject| self.seats.get_mut(&subject)) {
            if seat.is_aside() {
                seat.place = Place::Gone { how: hearth_protocol::AwayHow::Left, since: self.now };
            }
        } else {
            self.answers.remove(sub);
            self.refusals.remove(sub);
        }
        knock.connection
    }

    fn take_knock_of(&mut self, sub: &str) -> Option<(KnockId, Knock)> {
        let id = self.knocks.iter().find(|(_, knock)| knock.claims.subject == sub).map(|(id, _)| *id)?;
        let knock = self.knocks.remove(&id)?;
        if let Some(connection) = knock.connection {
            self.connections.remove(&connection);
        }
        Some((id, knock))
    }

    pub(crate) fn view_of_knock(&self, id: KnockId, knock: &Knock) -> hearth_protocol::Knock {
        let late = self.started.is_some_and(|started| {
            knock.since >= started.saturating_add(self.definition.policy.late_after_ms)
        });
        hearth_protocol::Knock {
            id,
            alias: alias::at_the_door(&knock.claims.alias),
            role: knock.claims.role,
            new_device: self.is_new_device(knock),
            device: knock.beside.map(participant),
            since: Millis(knock.since),
            quiet: late,
            needs_through_lock: self.lock.as_ref().is_some_and(|set| !set.contains(&knock.claims.subject)),
        }
    }
}
