//! Coming back to a seat, and the ways out of it.

use hearth_forwarding::{Generation, Subject};
use hearth_protocol::{AwayHow, Bye, ByeReason, ServerFrame};

use crate::aside::ROOM;
use crate::door::Way;
use crate::knock::At;
use crate::seat::Place;
use crate::{Act, ConnectionId, Effects, Fresh, Room, SecretHash, bye};

impl Room {
    /// Something came over this connection: its secrets have arrived, and those before them are spent.
    pub(crate) fn heard_from(&mut self, connection: ConnectionId) {
        match self.connections.get(&connection) {
            Some(At::Door(id)) => {
                if let Some(knock) = self.knocks.get_mut(id) {
                    knock.unheard = None;
                }
            }
            Some(At::Seat(subject)) => {
                if let Some(seat) = self.seats.get_mut(subject) {
                    seat.hear();
                }
            }
            None => {}
        }
    }

    pub(crate) fn resume(
        &mut self,
        out: &mut Effects,
        subject: Subject,
        connection: ConnectionId,
        used: SecretHash,
        media: Option<Generation>,
        fresh: Fresh,
    ) {
        let Some(claims) = self.claims_of(subject) else { return };
        if self.may_enter(&claims, Way::Resume).is_err() {
            out.bye(connection, bye::bad_ticket());
            return;
        }
        let Some(seat) = self.seats.get_mut(&subject) else { return };
        if let Some(old) = seat.connection() {
            self.connections.remove(&old);
            out.bye(old, bye::replaced());
        }
        if !seat.is_present() || media != Some(seat.generation) {
            seat.renew_media();
            seat.gates.iter_mut().for_each(|gate| gate.own = true);
            self.epoch_due = true;
        }
        seat.place = Place::Connected { connection, since: self.now };
        seat.replace_secret(used, fresh.hash);
        self.connections.insert(connection, At::Seat(subject));
        out.durable = true;
        out.frame(connection, ServerFrame::Seated { secret: fresh.secret });
        if !seat.consent.is_to(&self.definition.ground_rules) {
            out.frame(connection, ServerFrame::GroundRules(self.definition.ground_rules.clone()));
        }
        self.join_round(subject);
    }

    pub(crate) fn drop_connection(&mut self, connection: ConnectionId, last_seen: u32) {
        let last_seen = last_seen.min(self.now);
        match self.connections.remove(&connection) {
            Some(At::Door(id)) => {
                if let Some(knock) = self.knocks.get_mut(&id) {
                    knock.connection = None;
                    knock.dropped = last_seen.max(knock.since);
                }
            }
            Some(At::Seat(subject)) => {
                let Some(seat) = self.seats.get_mut(&subject) else { return };
                let Place::Connected { since, .. } = seat.place else { return };
                seat.place = Place::Held { since: last_seen.max(since), media: true };
            }
            None => {}
        }
    }

    /// The grace is over: the seat is free.
    pub(crate) fn give_up(&mut self, out: &mut Effects, subject: Subject) {
        let Some(seat) = self.seats.get(&subject) else { return };
        let (sub, since) = (seat.sub.clone(), seat.absent_since().unwrap_or(self.now));
        self.vacate(out, subject, Place::Gone { how: AwayHow::Dropped, since });
        self.record_as(out, Some(sub.clone()), Act::Left { subject: sub, dropped: true });
    }

    /// Always possible, and unremarked.
    pub(crate) fn leave(&mut self, out: &mut Effects, me: Subject) {
        let Some(seat) = self.seats.get(&me) else { return };
        let sub = seat.sub.clone();
        if let Some(connection) = seat.connection() {
            self.connections.remove(&connection);
            out.bye(connection, bye::left());
        }
        self.vacate(out, me, Place::Gone { how: AwayHow::Left, since: self.now });
        self.record_as(out, Some(sub.clone()), Act::Left { subject: sub, dropped: false });
    }

    pub(crate) fn shut_down(&mut self, out: &mut Effects) {
        out.durable = true;
        let connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for connection in connections {
            self.drop_connection(connection, self.now);
            out.bye(connection, Bye { reason: ByeReason::Restarting, code: None, card: None });
        }
    }

    /// What every way out of a seat has in common.
    pub(crate) fn vacate(&mut self, out: &mut Effects, subject: Subject, place: Place) {
        let how = match place {
            Place::Gone { how, .. } => how,
            Place::Connected { .. }
            | Place::Held { .. }
            | Place::Beside { .. }
            | Place::Aside { .. }
            | Place::Removed { .. } => AwayHow::Dropped,
        };
        self.leave_device(out, subject, how);
        // What was closed of another's device that they sat at stays closed of them.
        let closed = self.device_seat(subject).map(|seat| seat.gates.map(|gate| gate.facilitator));
        let Some(seat) = self.seats.get_mut(&subject) else { return };
        // They heard what the device hears, and no table shows it.
        self.epoch_due |= matches!(seat.place, Place::Beside { .. });
        seat.place = place;
        seat.space = ROOM;
        seat.end_secrets();
        seat.open_on_turn = false;
        seat.asked_until = None;
        for (gate, closed) in seat.gates.iter_mut().zip(closed.unwrap_or_default()) {
            gate.own = true;
            gate.facilitator |= closed;
        }
        self.leave_floor(out, subject);
    }
}
