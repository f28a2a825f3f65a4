//! The door: ticket, consent, waiting room, seat. [`Room::may_enter`] alone decides who comes in, whichever way they come.

use std::collections::BTreeSet;

use hearth_forwarding::Subject;
use hearth_protocol::{AwayHow, KnockId, RefusalCode, Role, ServerFrame};
use serde::{Deserialize, Serialize};

use crate::alias::{self, Alias};
use crate::knock::{At, Knock};
use crate::seat::{Place, Seat, counts};
use crate::{Act, Claims, Effects, Fresh, Room, bye};

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
    /// Not on the list, or without the consent that the format asks for.
    Unexpected,
    /// Somebody has to open.
    Unconfirmed,
}

impl Obstacle {
    fn refusal(self) -> RefusalCode {
        match self {
            Obstacle::Denied => RefusalCode::NotNow,
            Obstacle::Locked => RefusalCode::Locked,
            Obstacle::Full => RefusalCode::Full,
            Obstacle::Unexpected | Obstacle::Paused | Obstacle::Unconfirmed => RefusalCode::NotPossible,
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
        // Whoever has a seat keeps it: a new rule is for those who come.
        if !kept && !self.is_expected(claims) {
            return Err(Obstacle::Unexpected);
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

    /// Without anybody's help. A spent secret brings nobody further than the waiting room.
    pub(crate) fn comes_in_alone(&self, knock: &Knock) -> bool {
        knock.ticketed && knock.beside.is_none() && self.may_enter(&knock.claims, Way::Alone).is_ok()
    }

    fn may_enter_alone(&self, claims: &Claims, seat: Option<&Seat>) -> Result<(), Obstacle> {
        if seat.is_some_and(|seat| seat.by_admission || seat.is_connected()) {
            return Err(Obstacle::Unconfirmed);
        }
        let held = seat.is_some_and(Seat::is_held);
        if claims.role.is_facilitator() {
            let confirmed_by = self.facilitators().any(|seat| self.is_attending(seat));
            return if confirmed_by { Err(Obstacle::Unconfirmed) } else { Ok(()) };
        }
        let in_charge = self.is_in_charge();
        if self.may_take_charge(claims.role) && !in_charge && (held || self.started.is_none()) {
            return Ok(());
        }
        let waits = self.definition.policy.waiting_room || self.rules().waiting_room;
        let open = !waits && claims.open_admission;
        match (held, claims.role) {
            (true, _) | (false, Role::Observer) => Err(Obstacle::Unconfirmed),
            (false, _) if !open => Err(Obstacle::Unconfirmed),
            (false, _) if !in_charge => Err(Obstacle::Paused),
            (false, _) => Ok(()),
        }
    }

    fn is_full_for(&self, role: Role) -> bool {
        if counts(role) {
            self.seats_counted() >= self.capacity()
        } else if role == Role::Observer {
            let observers = self.seats.values().filter(|seat| seat.is_kept() && seat.role == Role::Observer);
            count(observers) >= self.observers_max()
        } else {
            false
        }
    }

    /// Held seats count; facilitators, interpreters and observers do not.
    pub(crate) fn seats_counted(&self) -> u32 {
        count(self.seats.values().filter(|seat| seat.is_kept() && counts(seat.role)))
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

    /// A denial stands for the session, until it is undone. A new device is turned away by itself: its owner keeps the seat.
    pub(crate) fn deny(&mut self, out: &mut Effects, actor: Subject, id: KnockId) -> Result<(), RefusalCode> {
        let knock = self.waiting_knock(id)?;
        let new_device = self.is_new_device(knock);
        let (sub, alias) = (knock.claims.subject.clone(), alias::at_the_door(&knock.claims.alias));
        if let Some(connection) = self.forget_knock_of(&sub) {
            out.bye(connection, bye::not_now());
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
        // Whoever was removed as well stays so.
        let seat = self.subjects.get(&denial.sub).and_then(|subject| self.seats.get(subject));
        if !seat.is_some_and(Seat::is_removed) {
            self.denied.remove(&denial.sub);
        }
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
            out.bye(old, bye::replaced());
        }
        let gone = Place::Gone { how: AwayHow::Dropped, since: self.now };
        let place = if connection.is_some() { Place::Aside { since: self.now } } else { gone };
        self.send_back(out, Some(actor), subject, place);
        let Some(connection) = connection else { return Ok(()) };
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
            ticketed: false,
            accepted: Some(consent),
            since: self.now,
        };
        self.knocks.insert(id, knock);
        self.reach(out, id, connection, fresh);
        Ok(())
    }

    /// Nobody has been there to confirm a facilitator for as long as a room may be unattended: whoever stood waiting for it comes in,
    /// whether the room is on hold by then, was before, or goes on with a peer lead.
    pub(crate) fn let_a_facilitator_in(&mut self, out: &mut Effects) {
        if let Some((_, id)) = self.lets_in() {
            self.seat(out, id);
        }
    }

    /// When, and whom.
    pub(crate) fn lets_in(&self) -> Option<(u32, KnockId)> {
        let facilitators = self.waiting().filter(|(_, _, knock)| knock.claims.role.is_facilitator());
        let free = facilitators.filter(|(_, _, knock)| self.comes_in_alone(knock));
        let (id, _, knock) = free.min_by_key(|(id, _, knock)| (knock.claims.rank, *id))?;
        let since = self.facilitators().filter_map(Seat::absent_since).max().unwrap_or(knock.since);
        Some((since.saturating_add(self.definition.policy.unattended_ms), id))
    }

    /// From the door to a seat. Whether they may was decided before, in the same command.
    pub(crate) fn seat(&mut self, out: &mut Effects, id: KnockId) {
        let Some(knock) = self.knocks.remove(&id) else { return };
        if let Some(device) = knock.beside {
            return self.sit_beside(out, knock, device);
        }
        let (Some(connection), Some(secret), Some(consent)) =
            (knock.connection, knock.secret, knock.accepted)
        else {
            return;
        };
        let subject = self.subject_of(&knock.claims);
        self.bring_signals_in(&knock.claims.subject);
        let before = self.device_seat(subject).map(|seat| seat.gates.map(|gate| gate.facilitator));
        // Who sat at the device before sits there still, if anywhere.
        self.leave_device(out, subject, AwayHow::Dropped);
        let Some(seat) = self.seats.get_mut(&subject) else { return };
        let joins = !seat.is_held();
        if let Some(old) = seat.connection() {
            self.connections.remove(&old);
            out.bye(old, bye::replaced());
        }
        seat.take_ticket(&knock.claims);
        seat.place = Place::Connected { connection, since: self.now };
        seat.renew_media();
        for (gate, closed) in seat.gates.iter_mut().zip(before.unwrap_or_default()) {
            gate.own = true;
            // Also what was closed of the device that they sat at.
            gate.facilitator |= closed;
        }
        seat.end_secrets();
        seat.resume = knock.waiting;
        seat.unheard = knock.unheard;
        seat.consent = consent;
        seat.by_admission = false;
        seat.open_on_turn = false;
        self.connections.insert(connection, At::Seat(subject));
        self.epoch_due = true;
        out.durable = true;
        out.frame(connection, ServerFrame::Seated { secret });
        if joins {
            self.remind();
            self.record_as(
                out,
                Some(knock.claims.subject.clone()),
                Act::Joined { subject: knock.claims.subject },
            );
        }
        self.join_round(subject);
    }

    /// The number of this subject, and a seat under it, new or as it was left.
    pub(crate) fn subject_of(&mut self, claims: &Claims) -> Subject {
        let known = self.subjects.get(&claims.subject).copied();
        let subject = known.unwrap_or(Subject(self.next_subject));
        let named = self.seats.get(&subject).is_some_and(|seat| !seat.alias.text.is_empty());
        let alias = (!named).then(|| {
            let others = self.seats.iter().filter(|(other, _)| **other != subject);
            let taken = others.map(|(other, seat)| seat.alias.looks_like(*other)).collect();
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
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Denial {
    pub sub: String,
    pub alias: String,
}

pub(crate) fn count(of: impl Iterator) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}
