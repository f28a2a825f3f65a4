use hearth_protocol::ParticipantId;
use hearth_room::Words;

use super::help::Pages;
use crate::signalling::{Outbox, Written};

/// One connection to the room, and what it was told.
pub(super) struct Guest {
    pub outbox: Outbox,
    /// It was told the room as it is: only then deltas and media make sense.
    pub told: bool,
    /// Who it was told speaks.
    pub speaking: Vec<ParticipantId>,
    pub pages: Pages,
}

impl Guest {
    /// `ticketed`: by a facilitator's ticket.
    pub fn new(outbox: Outbox, ticketed: bool) -> Guest {
        Guest { outbox, told: false, speaking: Vec::new(), pages: Pages::new(ticketed) }
    }

    /// `written`: what was written for others, who are told some of it alike.
    pub fn tell(&mut self, words: Words, written: &mut Written) {
        match words {
            Words::Frame(frame) => {
                self.pages.note(&frame);
                self.outbox.frame(&frame);
            }
            Words::Delta(changes) => {
                self.pages.follow(&changes.own);
                self.outbox.delta(written.alike(&changes), &changes.own);
            }
            Words::Bye(bye) => self.outbox.bye(bye),
            Words::Snapshot(view) => {
                self.told = true;
                self.speaking.clear();
                self.pages.open(&view);
                self.outbox.snapshot(view);
            }
        }
    }
}
