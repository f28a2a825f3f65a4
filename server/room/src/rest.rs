//! A break: the gentle form of a freeze, with an end. Everyone but facilitators is closed, rounds stand still, words stay possible,
//! and when it is over the gates reopen into silence.

use hearth_forwarding::Subject;
use hearth_protocol::RefusalCode;
use serde::{Deserialize, Serialize};

use crate::{Act, Effects, Room};

/// The longest break.
const BREAK_SECONDS_MAX: u32 = 60 * 60;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rests {
    pub until: Option<u32>,
}

impl Room {
    pub(crate) fn is_resting(&self) -> bool {
        self.rests.until.is_some()
    }

    /// A second one takes the place of the first. Frozen or on hold there is nothing to rest from.
    pub(crate) fn rest(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        seconds: u32,
    ) -> Result<(), RefusalCode> {
        if self.freeze.is_some() || self.hold.is_some() {
            return Err(RefusalCode::NotPossible);
        }
        let seconds = seconds.clamp(1, BREAK_SECONDS_MAX);
        self.rests.until = Some(self.now.saturating_add(seconds.saturating_mul(1_000)));
        self.record(out, Some(actor), Act::BreakBegun);
        Ok(())
    }

    /// By any facilitator, or by itself.
    pub(crate) fn end_rest(&mut self, out: &mut Effects, actor: Option<Subject>) -> Result<(), RefusalCode> {
        self.rests.until.take().ok_or(RefusalCode::NotPossible)?;
        self.record(out, actor, Act::BreakOver);
        Ok(())
    }
}
