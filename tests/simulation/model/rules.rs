//! The ground rules: who has agreed to the present ones, and how long an older agreement still counts.

use hearth_protocol::GroundRules;
use hearth_room::Definition;

use super::{Door, Model, Seat};

/// A version and its hash.
pub type Agreement = (u32, String);

/// While it is open, who had agreed to the rules before is not barred.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub ends_at: u32,
    /// Since when a freeze has stopped it.
    pub paused: Option<u32>,
}

impl Model {
    pub fn agrees(&self, agreement: &Agreement) -> bool {
        is_to(agreement, &self.definition.ground_rules)
    }

    pub fn has_agreed(&self, door: &Door) -> bool {
        door.agreed.as_ref().is_some_and(|agreement| self.agrees(agreement))
    }

    /// Whether facilitators see who waits here.
    pub fn is_listed(&self, door: &Door) -> bool {
        self.is_reached(door) && self.has_agreed(door)
    }

    pub fn is_barred(&self, seat: &Seat) -> bool {
        !self.agrees(&seat.agreed) && (self.window.is_none() || self.lapsed.contains(&seat.number))
    }

    pub fn define(&mut self, definition: Definition) {
        if self.freeze.is_some() {
            self.defined = Some(definition);
            return;
        }
        if definition.ground_rules != self.definition.ground_rules {
            // Nobody is heard again because there are newer rules still.
            let barred = self.held().filter(|seat| self.is_barred(seat)).map(|seat| seat.number);
            self.lapsed = barred.collect();
            let ends_at = self.now + definition.policy.consent_window_ms;
            self.window = Some(Window { ends_at, paused: None });
        }
        self.definition = definition;
        self.adopted_anew();
    }

    /// A freeze stops the window, and new rules wait for its end.
    pub fn settle_rules(&mut self) {
        let now = self.now;
        let frozen = self.freeze.is_some();
        if let Some(window) = &mut self.window {
            match window.paused {
                None if frozen => window.paused = Some(now),
                Some(since) if !frozen => {
                    window.paused = None;
                    window.ends_at += now - since;
                }
                None | Some(_) => {}
            }
        }
        if !frozen && let Some(definition) = self.defined.take() {
            self.define(definition);
        }
    }
}

pub fn is_to(agreement: &Agreement, rules: &GroundRules) -> bool {
    agreement.0 == rules.version && agreement.1 == rules.hash
}
