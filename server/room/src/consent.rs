//! Ground rules that change in a session: a window in which the old agreement still counts, then the bar.

use hearth_forwarding::Subject;
use hearth_protocol::{GroundRules, RefusalCode, ServerFrame};
use serde::{Deserialize, Serialize};

use crate::seat::{Consent, Seat};
use crate::{Act, Definition, Effects, Room};

/// While frozen nobody could agree, so its time stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub ends_at: u32,
    pub paused: Option<u32>,
    /// Agreement to these is what it leaves time for.
    #[serde(default = "Consent::none")]
    pub to: Consent,
}

impl Room {
    /// Without agreement to the present rules, and outside the window: nothing in, nothing out.
    pub(crate) fn is_barred(&self, seat: &Seat) -> bool {
        let counts = self.consent_window.is_some() && seat.consent != Consent::none();
        !counts && !seat.consent.is_to(&self.definition.ground_rules)
    }

    /// A new definition; during a freeze it waits until the thaw.
    pub(crate) fn define(&mut self, out: &mut Effects, definition: Definition) {
        if self.freeze.is_some() {
            self.defined = Some(definition);
            return;
        }
        let rules_change = definition.ground_rules != self.definition.ground_rules;
        if rules_change {
            self.lapse_consents();
        }
        self.definition = definition;
        self.agenda.adopted = self.now;
        // Who may see what may have changed with it: everyone sees the room anew.
        self.told.forget_views();
        out.durable = true;
        if !rules_change {
            return;
        }
        let ends_at = self.now.saturating_add(self.definition.policy.consent_window_ms);
        let GroundRules { version, hash, .. } = self.definition.ground_rules.clone();
        self.consent_window = Some(Window { ends_at, paused: None, to: Consent { version, hash } });
        for connection in self.connections.keys() {
            out.frame(*connection, ServerFrame::GroundRules(self.definition.ground_rules.clone()));
        }
    }

    /// Whoever is barred already stays so: rules that are newer still bring nobody back in.
    fn lapse_consents(&mut self) {
        let barred = self.seats.iter().filter(|(_, seat)| self.is_barred(seat));
        let barred: Vec<Subject> = barred.map(|(subject, _)| *subject).collect();
        for subject in barred {
            self.seats.entry(subject).and_modify(|seat| seat.consent = Consent::none());
        }
    }

    /// Whoever has not agreed is barred now, and shown once more to what.
    pub(crate) fn end_window(&mut self, out: &mut Effects) {
        self.consent_window = None;
        let barred = self.seats.values().filter(|seat| self.is_barred(seat));
        for connection in barred.filter_map(Seat::connection) {
            out.frame(connection, ServerFrame::GroundRules(self.definition.ground_rules.clone()));
        }
    }

    pub(crate) fn accept_in_the_room(
        &mut self,
        out: &mut Effects,
        subject: Subject,
        version: u32,
        hash: &str,
    ) -> Result<(), RefusalCode> {
        let seat = self.seats.get_mut(&subject).ok_or(RefusalCode::NotSeated)?;
        let consent = Consent { version, hash: hash.to_owned() };
        if !consent.is_to(&self.definition.ground_rules) {
            let rules = ServerFrame::GroundRules(self.definition.ground_rules.clone());
            seat.connection().into_iter().for_each(|to| out.frame(to, rules.clone()));
            return Err(RefusalCode::GroundRulesChanged);
        }
        // One device, one screen, one answer of all who sit there.
        let people: Vec<Subject> = std::iter::once(subject).chain(self.beside(subject)).collect();
        for subject in people {
            let Some(seat) = self.seats.get_mut(&subject).filter(|seat| seat.consent != consent) else {
                continue;
            };
            seat.consent = consent.clone();
            let subject = seat.sub.clone();
            self.record_as(out, Some(subject.clone()), Act::Consented { subject, version });
        }
        Ok(())
    }

    pub(crate) fn settle_consent(&mut self, out: &mut Effects) {
        let (frozen, now) = (self.freeze.is_some(), self.now);
        if let Some(window) = &mut self.consent_window {
            match (frozen, window.paused) {
                (true, None) => window.paused = Some(now),
                (false, Some(since)) => {
                    window.paused = None;
                    window.ends_at = window.ends_at.saturating_add(now.saturating_sub(since));
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
        if !frozen && let Some(definition) = self.defined.take() {
            self.define(out, definition);
        }
    }
}
