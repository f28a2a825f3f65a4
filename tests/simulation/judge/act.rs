//! What an act does to the model's own facts.

use std::collections::BTreeSet;

use hearth_protocol::Role;
use hearth_room::Act;

use crate::model::{Freeze, Model, Seat};

impl Model {
    /// What the audit may say of it.
    pub(super) fn set_own(
        &mut self,
        subject: &str,
        source: hearth_forwarding::Source,
        open: bool,
    ) -> Option<Act> {
        use hearth_protocol::FloorMode;
        let breaks = open
            && source == hearth_forwarding::Source::Microphone
            && self.floor.mode == FloorMode::Quiet
            && self.seat(subject).is_some_and(|seat| seat.is_facilitator() && !self.has_the_floor(seat));
        if breaks {
            self.change(|model| model.set_mode(FloorMode::Facilitator));
        }
        self.change(|model| {
            if let Some(seat) = model.seat_mut(subject) {
                seat.own[source.index()] = !open;
            }
        });
        breaks.then_some(Act::FloorSet { mode: FloorMode::Facilitator })
    }

    /// Of everyone but facilitators; a helper's reaches members alone.
    pub(super) fn gate_all(
        &mut self,
        source: hearth_forwarding::Source,
        except: &BTreeSet<u32>,
        by_helper: bool,
    ) {
        let reached = |seat: &&Seat| match seat.claims.role {
            Role::Member => true,
            Role::PeerLead | Role::Interpreter | Role::Observer => !by_helper,
            Role::Facilitator | Role::Cofacilitator => false,
        };
        let concerned = self.held().filter(reached).filter(|seat| !except.contains(&seat.number));
        let keys: Vec<_> = concerned.map(|seat| (seat.number, source.index())).collect();
        self.gated.extend(keys);
    }

    pub(super) fn set_lock(&mut self, locked: bool) {
        if !locked {
            self.lock = None;
        } else if self.lock.is_none() {
            self.lock = Some(self.held().map(|seat| seat.claims.subject.clone()).collect());
        }
    }

    /// Whether a freeze changes anything: not while one is whole.
    pub(super) fn freezes(&self) -> bool {
        self.freeze.as_ref().is_none_or(|freeze| !freeze.thawed.is_empty())
    }

    /// A break has no say beside it, and does not come back after it.
    pub(super) fn set_freeze(&mut self, by: u32) {
        self.rest_until = None;
        self.freeze = Some(Freeze { since: self.now, by, thawed: Vec::new() });
        self.pause_round();
    }

    pub(super) fn thaw(&mut self, step: hearth_protocol::ThawStep) {
        let Some(freeze) = self.freeze.as_mut() else { return };
        freeze.thawed.push(step);
        if step == hearth_protocol::ThawStep::Chat {
            self.freeze = None;
        }
        self.go_on_with_round();
    }

    /// Whose turn ends later again is warned again.
    pub(super) fn extend_turn(&mut self, by: u32) {
        let (paused, now) = (self.is_paused(), self.now);
        let Some(round) = self.floor.round.as_mut() else { return };
        let Some(speaker) = self.floor.speakers.first_mut() else { return };
        if paused {
            round.left_ms = round.left_ms.map(|left| left + i64::from(by));
        } else {
            speaker.until = speaker.until.map(|until| until.saturating_add(by));
        }
        let left =
            if paused { round.left_ms } else { speaker.until.map(|at| i64::from(at) - i64::from(now)) };
        speaker.warned &= left.is_some_and(|left| left <= 30_000);
    }
}
