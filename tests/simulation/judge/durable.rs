//! What a restart must know: every act, and every closing but by the owner alone.

use hearth_forwarding::{ForwardingTable, Reason, Source};
use hearth_room::Effects;

use super::{Broken, law};

pub(super) fn check(last: &ForwardingTable, effects: &Effects) -> Result<(), Broken> {
    law!(effects.durable || effects.record.is_empty(), "7", "need not be durable: {:?}", effects.record)?;
    let Some(next) = &effects.forward else { return Ok(()) };
    let closed = next.rows.iter().find(|row| {
        last.row(row.subject).is_some_and(|before| {
            Source::ALL.into_iter().any(|source| {
                let (before, now) = (before.closed[source.index()], row.closed[source.index()]);
                now.iter().any(|reason| reason != Reason::Self_ && !before.contains(reason))
            })
        })
    });
    law!(effects.durable || closed.is_none(), "7", "a closing need not be durable: {closed:?}")
}
