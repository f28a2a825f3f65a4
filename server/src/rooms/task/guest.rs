use hearth_protocol::ParticipantId;

use super::help::Pages;
use crate::signalling::Outbox;

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
}
