//! Ground rules that change in a session, and tickets that are taken back.

use std::collections::BTreeSet;

use hearth_protocol::{GroundRules, ServerFrame};
use hearth_room::{Act, ConnectionId};

use super::{Audit, Broken, Judge, law, wire::Heard};

/// As it was before the step.
pub struct Before {
    rules: GroundRules,
    barred: BTreeSet<ConnectionId>,
}

impl Judge {
    pub(super) fn rules_before(&self) -> Before {
        Before { rules: self.model.definition.ground_rules.clone(), barred: self.barred() }
    }

    fn barred(&self) -> BTreeSet<ConnectionId> {
        let barred = self.model.seats.iter().filter(|seat| self.model.is_barred(seat));
        barred.filter_map(|seat| seat.connection).collect()
    }

    /// New rules are shown to everyone whom they concern; whoever is barred for want of agreement hears nothing of the room.
    pub(super) fn check_rules(&mut self, before: &Before, heard: &Heard<'_>) -> Result<(), Broken> {
        let shown = |connection: &ConnectionId| {
            let frames = heard.get(connection).map(|told| told.frames.as_slice()).unwrap_or_default();
            let rules = &self.model.definition.ground_rules;
            frames.iter().any(|frame| matches!(frame, ServerFrame::GroundRules(shown) if shown == rules))
        };
        let barred = self.barred();
        for connection in barred.difference(&before.barred) {
            law!(shown(connection), "rules", "{connection:?} is barred, and not shown by what")?;
        }
        if before.rules != self.model.definition.ground_rules {
            let seats = self.model.seats.iter().filter_map(|seat| seat.connection);
            let doors = self.model.doors.iter().filter_map(|door| door.connection);
            for connection in seats.chain(doors) {
                law!(shown(&connection), "rules", "{connection:?} is not shown the new rules")?;
            }
        }
        for connection in barred.intersection(&before.barred) {
            let told =
                heard.get(connection).filter(|told| told.deltas > told.notices || !told.snapshots.is_empty());
            law!(told.is_none(), "1", "{connection:?} is barred, and hears {told:?}")?;
        }
        for connection in &barred {
            self.clients.remove(connection);
        }
        Ok(())
    }

    /// The issuer takes the tickets back: a removal, of whoever holds a place here; and the denial stands in any case.
    pub(super) fn revoked(
        &mut self,
        subject: &str,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let number = self.model.numbers.get(subject).copied();
        let removed = self.model.removed.contains(subject);
        self.model.revoked.insert(subject.to_owned());
        match number {
            Some(_) if removed => Ok(()),
            Some(number) => {
                let device = self.model.device_number(number);
                self.removed(number, None, heard, audit)?;
                if device == number { Ok(()) } else { self.show_out(device, heard, audit) }
            }
            None => {
                let connection = self.model.door_of(subject).and_then(|door| door.connection);
                if let Some(connection) = connection {
                    let gone = heard.get(&connection).is_some_and(|told| told.bye.is_some());
                    law!(gone, "5", "{subject} was revoked, and still waits")?;
                }
                self.model.go_from_door(subject);
                // Nobody undoes it by undoing a denial.
                let denials = self.model.denials.len();
                self.model.denials.retain(|_, denied| denied != subject);
                if self.model.denied.insert(subject.to_owned()) || self.model.denials.len() < denials {
                    audit.must.push((None, Act::Removed { subject: subject.to_owned() }));
                }
                Ok(())
            }
        }
    }
}
