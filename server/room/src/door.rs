//! The door: ticket, consent, waiting room, seat. [`Room::may_enter`] alone decides who comes in, whichever way they come.

use std::collections::BTreeSet;

use hearth_forwarding::{Generation, Subject};
use hearth_protocol::{Bye, ByeReason, KnockId, Millis, Notice, RefusalCode, Role, Secret, ServerFrame};
use serde::{Deserialize, Serialize};

use crate::alias::{self, Alias};
use crate::gate::Gate;
use crate::safety::not_now;
use crate::seat::{Consent, Place, Seat, counts};
use crate::{Act, Claims, ConnectionId, Effects, Fresh, Room, SecretHash, Words};

/// A subject before the door: consent pending, or waiting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Knock {
    pub claims: Claims,
    pub connection: Option<ConnectionId>,
    /// Last sign of life, if there is no connection.
    pub dropped: u32,
    pub waiting: SecretHash,
    /// Becomes the resume secret at seating. In memory alone.
    #[serde(skip)]
    pub secret: Option<Secret>,
    pub accepted: Option<Consent>,
    pub since: u32,
}

/// The ways to a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By ticket and consent, with nobody's help.
    Alone,
    /// With the resume secret.
    Resume,
    /// A facilitator admits, or moves the seat to a new device.
    Admitted { through_lock: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    Denied,
    Locked,
    Full,
    /// Nobody is in charge.
    Paused,
    /// Somebody has to open.
    Unconfirmed,
}

impl Obstacle {
    fn refusal(self) -> RefusalCode {
        match self {
            Obstacle::Denied => RefusalCode::NotNow,
            Obstacle::Locked => RefusalCode::Locked,
            Obstacle::Full => RefusalCode::Full,
            Obstacle::Paused | Obstacle::Unconfirmed => RefusalCode::NotPossible,
        }
    }
}

impl Room {
    /// Who comes in: first join, resume, takeover, admission, undo and return, at the commit.
    pub(crate) fn may_enter(&self, claims: &Claims, way: Way) -> Result<(), Obstacle> {
        let seat = self.subjects.get(&claims.subject).and_then(|subject| self.seats.get(subject));
        let kept = seat.is_some_and(Seat::is_kept);
        if self.denied.contains(&claims.subject) {
            return Err(Obstacle::Denied);
        }
        let outside = self.lock.as_ref().is_some_and(|set| !set.contains(&claims.subject));
        if outside && way != (Way::Admitted { through_lock: true }) {
            return Err(Obstacle::Locked);
        }
        if !kept && self.is_full_for(claims.role) {
            return Err(Obstacle::Full);
        }
        match way {
            Way::Admitted { .. } => Ok(()),
            Way::Resume => seat.filter(|seat| seat.is_held()).map(|_| ()).ok_or(Obstacle::Unconfirmed),
            Way::Alone => self.may_enter_alone(claims, seat),
        }
    }

    fn may_enter_alone(&self, claims: &Claims, seat: Option<&Seat>) -> Result<(), Obstacle> {
        if seat.is_some_and(|seat| seat.by_admission || seat.is_connected() || seat.place == Place::Aside) {
            return Err(Obstacle::Unconfirmed);
        }
        let held = seat.is_some_and(Seat::is_held);
        let facilitator_connected =
            self.seats.values().any(|seat| seat.is_connected() && seat.role.is_facilitator());
        if claims.role.is_facilitator() {
            return if facilitator_connected { Err(Obstacle::Unconfirmed) } else { Ok(()) };
        }
        let in_charge = self.is_in_charge();
        if self.may_take_charge(claims.role) && !in_charge && (held || self.started.is_none()) {
            return Ok(());
        }
        let open = !self.definition.policy.waiting_room && claims.open_admission;
        match (held, claims.role) {
            (true, _) | (false, Role::Observer) => Err(Obstacle::Unconfirmed),
            (false, _) if !open => Err(Obstacle::Unconfirmed),
            (false, _) if !in_charge => Err(Obstacle::Paused),
            (false, _) => Ok(()),
        }
    }

    fn is_full_for(&self, role: Role) -> bool {
        let policy = &self.definition.policy;
        if counts(role) {
            self.seats_counted() >= policy.capacity
        } else if role == Role::Observer {
            let observers = self.seats.values().filter(|seat| seat.is_kept() && seat.role == Role::Observer);
            count(observers) >= policy.observers_max
        } else {
            false
        }
    }

    /// Held seats count; facilitators, interpreters and observers do not.
    pub(crate) fn seats_counted(&self) -> u32 {
        count(self.seats.values().filter(|seat| seat.is_kept() && counts(seat.role)))
    }

    /// Whether the door shows itself closed for good, for now: one refusal for denied, removed, full and locked.
    fn turns_away(&self, claims: &Claims) -> bool {
        let shut = match self.may_enter(claims, Way::Alone) {
            Err(Obstacle::Denied) => true,
            Err(Obstacle::Locked | Obstacle::Full) => !self.definition.policy.outside_waits,
            Err(Obstacle::Paused | Obstacle::Unconfirmed) | Ok(()) => false,
        };
        let knocking = self.knocks.values().any(|knock| knock.claims.subject == claims.subject);
        let crowded = count(self.knocks.values()) >= self.definition.policy.knocks_max;
        shut || (crowded && !knocking && !claims.role.is_facilitator())
    }

    pub(crate) fn knock(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        claims: Claims,
        fresh: Fresh,
    ) {
        let now = self.now;
        self.spent.retain(|_, expires| *expires >= now);
        let ticket = (claims.issuer.clone(), claims.ticket.clone());
        if self.spent.contains_key(&ticket) {
            out.bye(connection, bad_ticket());
            return;
        }
        self.spent.insert(ticket, claims.expires);
        out.durable = true;
        self.record_as(out, None, Act::TicketSpent { subject: claims.subject.clone() });
        self.knock_as(out, connection, claims, fresh);
    }

    fn knock_as(&mut self, out: &mut Effects, connection: ConnectionId, claims: Claims, fresh: Fresh) {
        let seat = self.subjects.get(&claims.subject).and_then(|subject| self.seats.get(subject));
        let another_role = seat.is_some_and(|seat| seat.is_kept() && seat.role != claims.role);
        let new_device = seat.and_then(Seat::connection);
        if another_role || self.turns_away(&claims) {
            out.bye(connection, not_now());
            return;
        }
        let mut since = self.now;
        if let Some((_, old)) = self.take_knock_of(&claims.subject) {
            since = old.since;
            if let Some(old) = old.connection {
                out.bye(old, replaced());
            }
        }
        if let Some(to) = new_device {
            out.notice(to, Notice::NewDevice);
        }
        let id = KnockId(self.next_knock);
        self.next_knock = self.next_knock.saturating_add(1);
        let knock = Knock {
            claims,
            connection: None,
            dropped: self.now,
            waiting: fresh.hash,
            secret: None,
            accepted: None,
            since,
        };
        self.knocks.insert(id, knock);
        self.reach(out, id, connection, fresh);
    }

    /// A connection stands at the door for this knock, with a secret of its own.
    fn reach(&mut self, out: &mut Effects, id: KnockId, connection: ConnectionId, fresh: Fresh) {
        let Some(knock) = self.knocks.get_mut(&id) else { return };
        out.frame(connection, ServerFrame::Knocked { secret: fresh.secret.clone() });
        knock.waiting = fresh.hash;
        knock.secret = Some(fresh.secret);
        if let Some(old) = knock.connection.replace(connection) {
            self.connections.remove(&old);
            out.bye(old, replaced());
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
        if let Some(subject) = seat_of(&|seat| seat.resume == Some(hash)) {
            self.resume(out, subject, connection, media, fresh);
        } else if let Some(subject) = seat_of(&|seat| seat.spent.contains(&hash)) {
            let Some(claims) = self.claims_of(subject) else { return };
            self.knock_as(out, connection, claims, fresh);
        } else if let Some(id) =
            self.knocks.iter().find(|(_, knock)| knock.waiting == hash).map(|(id, _)| *id)
        {
            self.reach(out, id, connection, fresh);
        } else {
            out.bye(connection, bad_ticket());
        }
    }

    /// What a spent secret still says of its owner: enough for a knock, not for a seat.
    fn claims_of(&self, subject: Subject) -> Option<Claims> {
        let seat = self.seats.get(&subject)?;
        Some(Claims {
            issuer: String::new(),
            ticket: String::new(),
            expires: 0,
            subject: seat.sub.clone(),
            role: seat.role,
            rank: seat.rank,
            alias: seat.alias.text.clone(),
            publish: seat.publish.iter().map(|source| crate::seat::spoken(*source)).collect(),
            open_admission: false,
            interprets: seat.interprets.clone(),
        })
    }

    fn resume(
        &mut self,
        out: &mut Effects,
        subject: Subject,
        connection: ConnectionId,
        media: Option<Generation>,
        fresh: Fresh,
    ) {
        let Some(claims) = self.claims_of(subject) else { return };
        if self.may_enter(&claims, Way::Resume).is_err() {
            out.bye(connection, bad_ticket());
            return;
        }
        let Some(seat) = self.seats.get_mut(&subject) else { return };
        if let Some(old) = seat.connection() {
            self.connections.remove(&old);
            out.bye(old, replaced());
        }
        if !seat.is_present() || media != Some(seat.generation) {
            seat.renew_media();
            seat.gates.iter_mut().for_each(|gate| gate.own = true);
            self.epoch_due = true;
        }
        seat.place = Place::Connected { connection, since: self.now };
        seat.replace_secret(fresh.hash);
        self.connections.insert(connection, At::Seat(subject));
        out.durable = true;
        out.frame(connection, ServerFrame::Seated { secret: fresh.secret });
        if !seat.consent.is_to(&self.definition.ground_rules) {
            out.frame(connection, ServerFrame::GroundRules(self.definition.ground_rules.clone()));
        }
        self.join_round(subject);
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
            out.bye(connection, not_now());
        } else if self.may_enter(&claims, Way::Alone).is_ok() {
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
            .filter_map(|(id, knock): (_, &Knock)| Some((id, knock.connection?, knock)))
    }

    fn waiting_knock(&self, id: KnockId) -> Result<&Knock, RefusalCode> {
        self.waiting().find(|waiting| waiting.0 == id).map(|(_, _, knock)| knock).ok_or(RefusalCode::NotFound)
    }

    pub(crate) fn admit(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        id: KnockId,
        through_lock: bool,
    ) -> Result<(), RefusalCode> {
        let claims = &self.waiting_knock(id)?.claims;
        self.may_enter(claims, Way::Admitted { through_lock }).map_err(Obstacle::refusal)?;
        let sub = claims.subject.clone();
        let through_lock = self.lock.as_mut().is_some_and(|set| set.insert(sub.clone()));
        self.record(out, Some(actor), Act::Admitted { subject: sub, through_lock });
        self.seat(out, id);
        Ok(())
    }

    /// On the list that was seen. Passes no lock, and moves nobody's seat to another device: that is done one by one.
    pub(crate) fn admit_all(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        if_version: u32,
    ) -> Result<(), RefusalCode> {
        if if_version != self.knocks_version {
            return Err(RefusalCode::Changed);
        }
        let newcomers = self.waiting().filter(|(_, _, knock)| !self.is_new_device(knock));
        let ids: Vec<KnockId> = newcomers.map(|(id, ..)| id).collect();
        for id in ids {
            // Locked out or one too many: they go on waiting.
            let _ = self.admit(out, actor, id, false);
        }
        Ok(())
    }

    pub(crate) fn is_new_device(&self, knock: &Knock) -> bool {
        let seat = self.subjects.get(&knock.claims.subject).and_then(|subject| self.seats.get(subject));
        seat.is_some_and(Seat::is_held)
    }

    /// A denial stands for the session, until it is undone. A new device is turned away by itself: its owner keeps the seat.
    pub(crate) fn deny(&mut self, out: &mut Effects, actor: Subject, id: KnockId) -> Result<(), RefusalCode> {
        let knock = self.waiting_knock(id)?;
        let new_device = self.is_new_device(knock);
        let (sub, alias) = (knock.claims.subject.clone(), alias::at_the_door(&knock.claims.alias));
        if let Some(connection) = self.forget_knock_of(&sub) {
            out.bye(connection, not_now());
        }
        if !new_device {
            self.denied.insert(sub.clone());
            self.denials.insert(id, Denial { sub: sub.clone(), alias });
        }
        self.record(out, Some(actor), Act::Denied { subject: sub });
        Ok(())
    }

    pub(crate) fn undo_denial(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        id: KnockId,
    ) -> Result<(), RefusalCode> {
        let denial = self.denials.remove(&id).ok_or(RefusalCode::NotFound)?;
        self.denied.remove(&denial.sub);
        self.record(out, Some(actor), Act::DenialUndone { subject: denial.sub });
        Ok(())
    }

    /// The set of those seated or within grace is fixed at this commit.
    pub(crate) fn set_lock(&mut self, out: &mut Effects, actor: Subject, locked: bool) {
        if locked == self.lock.is_some() {
            return;
        }
        self.lock = locked.then(|| self.those_kept());
        self.record(out, Some(actor), if locked { Act::Locked } else { Act::Unlocked });
    }

    pub(crate) fn those_kept(&self) -> BTreeSet<String> {
        self.seats.values().filter(|seat| seat.is_kept()).map(|seat| seat.sub.clone()).collect()
    }

    /// Barred and detached in both directions, the seat kept aside.
    pub(crate) fn send_to_waiting(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        subject: Subject,
        fresh: Fresh,
    ) -> Result<(), RefusalCode> {
        let claims = self.claims_of(subject).ok_or(RefusalCode::NotFound)?;
        let seat = self.seats.get(&subject).filter(|seat| seat.is_held()).ok_or(RefusalCode::NotFound)?;
        let (consent, connection) = (seat.consent.clone(), seat.connection());
        let old = self.forget_knock_of(&claims.subject);
        if let Some(old) = old {
            out.bye(old, replaced());
        }
        let sub = claims.subject.clone();
        let place = Place::Gone { how: hearth_protocol::AwayHow::Dropped, since: self.now };
        self.vacate(out, subject, if connection.is_some() { Place::Aside } else { place });
        if let Some(seat) = self.seats.get_mut(&subject) {
            seat.by_admission = true;
        }
        self.record(out, Some(actor), Act::SentToWaiting { subject: sub });
        let Some(connection) = connection else { return Ok(()) };
        let id = KnockId(self.next_knock);
        self.next_knock = self.next_knock.saturating_add(1);
        let knock = Knock {
            claims,
            connection: None,
            dropped: self.now,
            waiting: fresh.hash,
            secret: None,
            accepted: Some(consent),
            since: self.now,
        };
        self.knocks.insert(id, knock);
        self.reach(out, id, connection, fresh);
        Ok(())
    }

    /// Nobody has been in charge for the grace: a facilitator who stood waiting to be confirmed comes in.
    pub(crate) fn let_a_facilitator_in(&mut self, out: &mut Effects) {
        let facilitators = self.waiting().filter(|(_, _, knock)| knock.claims.role.is_facilitator());
        let free = facilitators.filter(|(_, _, knock)| self.may_enter(&knock.claims, Way::Alone).is_ok());
        let first = free.min_by_key(|(id, _, knock)| (knock.claims.rank, *id)).map(|(id, ..)| id);
        if let Some(id) = first {
            self.seat(out, id);
        }
    }

    /// From the door to a seat. Whether they may was decided before, in the same command.
    fn seat(&mut self, out: &mut Effects, id: KnockId) {
        let Some(knock) = self.knocks.remove(&id) else { return };
        let (Some(connection), Some(secret), Some(consent)) =
            (knock.connection, knock.secret, knock.accepted)
        else {
            return;
        };
        let subject = self.subject_of(&knock.claims);
        let Some(seat) = self.seats.get_mut(&subject) else { return };
        let joins = !seat.is_held();
        if let Some(old) = seat.connection() {
            self.connections.remove(&old);
            out.bye(old, replaced());
        }
        seat.take_ticket(&knock.claims);
        seat.place = Place::Connected { connection, since: self.now };
        seat.renew_media();
        seat.gates.iter_mut().for_each(|gate| gate.own = true);
        seat.end_secrets();
        seat.resume = Some(knock.waiting);
        seat.consent = consent;
        seat.by_admission = false;
        seat.open_on_turn = false;
        self.connections.insert(connection, At::Seat(subject));
        self.epoch_due = true;
        out.durable = true;
        out.frame(connection, ServerFrame::Seated { secret });
        if joins {
            self.record_as(
                out,
                Some(knock.claims.subject.clone()),
                Act::Joined { subject: knock.claims.subject },
            );
        }
        self.join_round(subject);
    }

    /// The number of this subject, and a seat under it, new or as it was left.
    fn subject_of(&mut self, claims: &Claims) -> Subject {
        let known = self.subjects.get(&claims.subject).copied();
        let subject = known.unwrap_or(Subject(self.next_subject));
        let named = self.seats.get(&subject).is_some_and(|seat| !seat.alias.text.is_empty());
        let alias = (!named).then(|| {
            let taken = self.seats.iter().filter(|(other, _)| **other != subject);
            let taken = taken.map(|(_, seat)| seat.alias.skeleton.as_str()).collect();
            Alias::choose(&claims.alias, subject, &taken)
        });
        if known.is_none() {
            self.next_subject = self.next_subject.saturating_add(1);
            self.subjects.insert(claims.subject.clone(), subject);
            self.seats.insert(subject, Seat::born(claims));
        }
        if let (Some(alias), Some(seat)) = (alias, self.seats.get_mut(&subject)) {
            seat.alias = alias;
        }
        subject
    }

    /// Takes the knock of this subject away; its connection, if it has one, is no longer known here.
    pub(crate) fn forget_knock_of(&mut self, sub: &str) -> Option<ConnectionId> {
        let (_, knock) = self.take_knock_of(sub)?;
        let subject = self.subjects.get(sub).copied();
        if let Some(seat) = subject.and_then(|subject| self.seats.get_mut(&subject)) {
            if seat.place == Place::Aside {
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
            since: Millis(knock.since),
            quiet: late,
            needs_through_lock: self.lock.as_ref().is_some_and(|set| !set.contains(&knock.claims.subject)),
        }
    }
}

/// What a connection stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Door(KnockId),
    Seat(Subject),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Denial {
    pub sub: String,
    pub alias: String,
}

impl Seat {
    fn born(claims: &Claims) -> Seat {
        let mut seat = Seat {
            sub: claims.subject.clone(),
            role: claims.role,
            rank: claims.rank,
            publish: Vec::new(),
            interprets: None,
            alias: Alias::default(),
            place: Place::Aside,
            generation: Generation(0),
            gates: [Gate::BORN; 3],
            resume: None,
            spent: Default::default(),
            consent: Consent { version: 0, hash: String::new() },
            by_admission: false,
            open_on_turn: false,
            asked_until: None,
            reacted: None,
        };
        seat.take_ticket(claims);
        seat
    }
}

impl Effects {
    pub(crate) fn frame(&mut self, to: ConnectionId, frame: ServerFrame) {
        self.tell.push(crate::Tell { to, words: Words::Frame(frame) });
    }

    pub(crate) fn notice(&mut self, to: ConnectionId, notice: Notice) {
        let words = Words::Delta(vec![hearth_protocol::Change::Notice { notice }]);
        self.tell.push(crate::Tell { to, words });
    }

    pub(crate) fn bye(&mut self, to: ConnectionId, bye: Bye) {
        self.tell.push(crate::Tell { to, words: Words::Bye(bye) });
    }
}

fn bad_ticket() -> Bye {
    Bye { reason: ByeReason::BadHello, code: Some(RefusalCode::BadTicket), card: None }
}

fn replaced() -> Bye {
    Bye { reason: ByeReason::Replaced, code: None, card: None }
}

fn count(of: impl Iterator) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}
