use std::sync::Arc;

use hearth_room::{Definition, Room};

use crate::{
    room_id::RoomId,
    rooms::clock::Clock,
    store::{Fault, Ledger, SessionId},
};

/// The session that did not end goes on, as it was; or a new one begins, with what the one before left to it.
pub(super) async fn wake(
    ledger: &dyn Ledger,
    id: &RoomId,
    definition: Arc<Definition>,
) -> Result<(Room, SessionId, Clock, u64), Fault> {
    let definition = Arc::unwrap_or_clone(definition);
    let Some(kept) = ledger.kept(id).await? else {
        let room = Room::after(definition, ledger.legacy(id).await?.unwrap_or_default());
        return Ok((room, SessionId::draw(), Clock::starting_at(0), 0));
    };
    let room = Room::restore(definition, kept.snapshot, kept.proven_last);
    Ok((room, kept.session, Clock::starting_at(kept.clock), kept.records))
}
