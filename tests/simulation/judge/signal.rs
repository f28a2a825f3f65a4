//! Private signals: facilitators and their sender see them as they stand, and nobody else.

use hearth_protocol::{DoorSignal, RequestId, ServerFrame, Signal, SignalKind};
use hearth_room::ConnectionId;

use super::{
    Broken, Judge, law,
    wire::{Heard, Told},
};

impl Judge {
    /// Never refused, and answered at once; that it was is not remembered.
    pub(super) fn signalled(
        &mut self,
        subject: &str,
        id: &RequestId,
        request: &hearth_protocol::Request,
        told: &Told<'_>,
    ) -> Result<(), Broken> {
        let replies = told.reply(id);
        let taken = matches!(replies.as_slice(), [ServerFrame::Ok { outcome: None, .. }]);
        law!(taken, "signals", "{request:?} by {subject} was answered {replies:?}")?;
        self.tally.request(request, replies[0]);
        self.model.signal(subject, request);
        Ok(())
    }

    /// Whoever sees nothing of the room is told by frames of its own, and only when it changed.
    pub(super) fn check_door_signals(&mut self, heard: &Heard<'_>) -> Result<(), Broken> {
        let model = &self.model;
        // A device that nobody has let in learns nothing of what was sent from the seat.
        let doors = model.doors.iter().filter(|door| model.seat(&door.claims.subject).is_none());
        let doors = doors.filter_map(|door| Some((door.connection?, &door.claims.subject)));
        let barred = model.seats.iter().filter(|seat| model.is_barred(seat));
        let barred = barred.filter_map(|seat| Some((seat.connection?, &seat.claims.subject)));
        let mut known = std::collections::BTreeMap::<ConnectionId, DoorSignal>::new();
        for (connection, subject) in doors.chain(barred) {
            let Some(raised) = model.raised(subject, SignalKind::Distress) else { continue };
            let signal = DoorSignal {
                since: hearth_protocol::Millis(raised.since),
                state: model.signal_state(raised, true),
                crisis_line: model.definition.crisis_line.clone(),
            };
            known.insert(connection, signal);
        }
        for (connection, told) in heard.iter().filter(|(_, told)| told.bye.is_none()) {
            let changed =
                known.get(connection).filter(|signal| self.door_signals.get(connection) != Some(signal));
            let said: Vec<&DoorSignal> = told.signals.clone();
            let meant: Vec<&DoorSignal> = changed.into_iter().collect();
            law!(
                said == meant,
                "signals",
                "{connection:?} is told {said:?} of their signal, but it is {meant:?}"
            )?;
        }
        let silent = known.iter().find(|(connection, signal)| {
            self.door_signals.get(*connection) != Some(*signal) && !heard.contains_key(connection)
        });
        law!(silent.is_none() || self.model.ended, "signals", "never told: {silent:?}")?;
        self.door_signals = known;
        Ok(())
    }

    pub(super) fn check_desk_signals(&self, said: &[Signal]) -> Result<(), Broken> {
        let model = &self.model;
        let mut raised: Vec<_> = model.signals.raised.iter().collect();
        raised.sort_by_key(|one| one.id);
        law!(said.len() == raised.len(), "signals", "{said:?} at the desk, but {raised:?}")?;
        for (said, one) in said.iter().zip(raised) {
            let number = model.numbers.get(&one.subject).filter(|_| !model.removed.contains(&one.subject));
            let door = model.door_of(&one.subject);
            let answered = one.answered.map(|(by, _)| by);
            let known = (said.id.0, said.kind, said.since.0, said.repeated)
                == (one.id, one.kind, one.since, model.repeated(one));
            let place = said.participant.map(|seat| seat.0) == number.copied()
                && (said.knock.is_some() == door.is_some() || model.seat(&one.subject).is_some())
                && said.answered_by.map(|by| by.0) == answered;
            law!(known && place, "signals", "{said:?} at the desk, but it is {one:?}")?;
            let named = number.and_then(|number| model.aliases.get(number));
            law!(named.is_none_or(|name| *name == said.alias), "signals", "{said:?} is of {named:?}")?;
        }
        Ok(())
    }
}
