//! Confidentiality was broken: everyone is frozen, who did it is removed if they are named, and the group is told in neutral words
//! that reveal nothing of who. All under one incident until the freeze is thawed.

use hearth_forwarding::Subject;
use hearth_protocol::{BreachCode, Notice, ParticipantId, RefusalCode};
use serde::{Deserialize, Serialize};

use crate::policy::Power;
use crate::{Act, ConnectionId, Effects, Room};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Breaches {
    incidents: u32,
    /// What is being dealt with.
    open: Option<u32>,
}

impl Room {
    /// Named later, in the same freeze, somebody belongs to the same incident, and the group is not told once more.
    pub(crate) fn breach(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        code: BreachCode,
        named: Option<ParticipantId>,
    ) -> Result<(), RefusalCode> {
        let named = named.map(|named| Subject(named.0));
        if let Some(named) = named {
            self.check_target(actor, Power::Remove, named)?;
            if self.seats.get(&named).is_none_or(|seat| seat.is_removed()) {
                return Err(RefusalCode::NotFound);
            }
        }
        let known = self.breaches.open;
        let incident = known.unwrap_or_else(|| self.breaches.incidents.saturating_add(1));
        self.breaches = Breaches { incidents: incident, open: Some(incident) };
        let subject = named.map(|named| self.sub(named));
        self.record(out, Some(actor), Act::Breach { incident, code, subject });
        self.freeze(out, actor);
        if let Some(named) = named {
            let device = self.remove(out, Some(actor), named)?;
            device.into_iter().for_each(|device| self.show_out(out, device));
        }
        self.epoch_due = true;
        if known.is_none() {
            let hearing: Vec<ConnectionId> = self.hearing().map(|(connection, _)| connection).collect();
            hearing.into_iter().for_each(|to| out.notice(to, Notice::Breach));
        }
        Ok(())
    }

    /// Until the freeze is thawed.
    pub(crate) fn settle_breach(&mut self) {
        if self.freeze.is_none() {
            self.breaches.open = None;
        }
    }

    pub(crate) fn open_incident(&self) -> Option<u32> {
        self.breaches.open
    }
}
