//! Law 2 for words: whatever is said once reaches whom it is for, and nobody else; and what belongs to each alone.

use std::collections::{BTreeMap, BTreeSet};

use hearth_protocol::{Audience, Change, Message, MessageId, MessageKind, Millis, Notice};
use hearth_room::{ConnectionId, Words};

use super::{Broken, Judge, Step, law, wire::Heard};
use crate::model::{Said, Seat};

impl Judge {
    /// Words that were taken: they go to whom they are for, and back to who wrote them.
    pub(super) fn written(
        &mut self,
        writer: u32,
        to: Audience,
        kind: MessageKind,
        text: &str,
        step: &Step<'_>,
    ) -> Result<u32, Broken> {
        let model = &mut self.model;
        let reads = |model: &crate::model::Model, seat: &Seat| {
            seat.number == writer || model.is_for(seat, writer, to)
        };
        let connections = model.connections(|seat| reads(model, seat));
        let told: BTreeSet<u32> = model
            .seats
            .iter()
            .filter(|seat| model.hears(seat) && reads(model, seat))
            .map(|seat| seat.number)
            .collect();
        let mut id = None;
        for one in messages(step) {
            law!(id.is_none_or(|id| id == one.id), "2", "one text under two numbers: {one:?}")?;
            id = Some(one.id);
        }
        // Whoever leads and is barred may be heard by nobody.
        let Some(id) = id else {
            law!(connections.is_empty(), "2", "{text:?} of {writer} to {to:?} was told to nobody")?;
            return Ok(0);
        };
        law!(model.words.written.iter().all(|one| one.id != id.0), "2", "{id:?} is given twice")?;
        let message = Message {
            id,
            from: crate::model::participant(writer),
            to,
            kind,
            text: text.trim().to_owned(),
            at: Millis(model.now),
        };
        model.expect(Change::Message(message), connections);
        model.write_down(id.0, writer, told);
        Ok(id.0)
    }

    /// Taken away from everyone who was told; whoever of them is away hears it on return.
    pub(super) fn taken_back(&mut self, message: MessageId) {
        let model = &mut self.model;
        let Some(at) = model.words.written.iter().position(|one| one.id == message.0) else { return };
        model.words.written[at].unsaid = true;
        let told = model.words.written[at].told.clone();
        let to = model.connections(|seat| told.contains(&seat.number));
        model.expect(Change::Unsaid { message }, to);
        for mine in model.words.own.values_mut() {
            mine.feedback.retain(|(id, _)| *id != message.0);
        }
    }

    /// Nobody heard anything but what was for them, nor less.
    pub(super) fn check_words(&mut self, step: &Step<'_>, heard: &Heard<'_>) -> Result<(), Broken> {
        let mut due = BTreeMap::<ConnectionId, Vec<Change>>::new();
        for Said { change, to } in std::mem::take(&mut self.model.words.due) {
            for to in to {
                due.entry(to).or_default().push(change.clone());
            }
        }
        if std::mem::take(&mut self.model.words.reminds) && !self.model.ended {
            let notice = Notice::Confidentiality;
            for to in self.model.connections(|_| true) {
                due.entry(to).or_default().push(Change::Notice { notice });
            }
        }
        for (to, message) in self.told_again(step) {
            due.entry(to).or_default().push(Change::Unsaid { message });
        }
        let shown_out =
            |connection: &ConnectionId| heard.get(connection).is_some_and(|told| told.bye.is_some());
        for (connection, told) in heard {
            let mut meant = due.remove(connection).unwrap_or_default();
            for said in &told.said {
                let at = meant.iter().position(|one| one == *said);
                let what = || format!("{connection:?} hears {said:?}, which is not for them");
                let at = at.ok_or_else(|| Broken { law: "2", what: what() })?;
                meant.remove(at);
            }
            let gone = told.bye.is_some();
            law!(meant.is_empty() || gone, "2", "{connection:?} is not told {meant:?}")?;
        }
        due.retain(|connection, _| !shown_out(connection));
        law!(due.is_empty(), "2", "never told: {due:?}")
    }

    /// Whoever sees the room anew is told again what is gone of what they were told.
    fn told_again(&self, step: &Step<'_>) -> Vec<(ConnectionId, MessageId)> {
        let mut again = Vec::new();
        let tells = step.effects.iter().flat_map(|effects| &effects.tell);
        for tell in tells.filter(|tell| matches!(tell.words, Words::Snapshot(_))) {
            let Some(seat) = self.model.seat_behind(tell.to) else { continue };
            let gone =
                self.model.words.written.iter().filter(|one| one.unsaid && one.told.contains(&seat.number));
            let taken_now = |id: u32| matches!(step.command, Some(hearth_room::Command::Request { request: hearth_protocol::Request::Unsay { message }, .. }) if message.0 == id);
            again.extend(gone.filter(|one| !taken_now(one.id)).map(|one| (tell.to, MessageId(one.id))));
        }
        again
    }
}

fn messages<'a>(step: &Step<'a>) -> impl Iterator<Item = &'a Message> {
    let tells = step.effects.iter().flat_map(|effects| &effects.tell);
    tells
        .filter_map(|tell| match &tell.words {
            Words::Delta(changes) => Some(changes),
            Words::Frame(_) | Words::Snapshot(_) | Words::Bye(_) => None,
        })
        .flatten()
        .filter_map(|change| if let Change::Message(message) = change { Some(message) } else { None })
}

/// Whether this is said once, and not a part of a view.
pub fn is_said(change: &Change) -> bool {
    match change {
        Change::Reaction { .. }
        | Change::Message(_)
        | Change::Unsaid { .. }
        | Change::ScaleResult(_)
        | Change::Milestone { .. } => true,
        // Of asides.
        Change::Notice { notice } => *notice != Notice::Recalled,
        Change::Participant(_)
        | Change::Left { .. }
        | Change::Room(_)
        | Change::Floor(_)
        | Change::You(_)
        | Change::Desk(_)
        | Change::Slot(_)
        | Change::Speaking { .. } => false,
    }
}
