//! What deltas make of a view.

use hearth_protocol::{Change, RoomView};

pub fn fold(view: &mut RoomView, change: &Change) {
    match change.clone() {
        Change::Participant(one) => match view.participants.iter_mut().find(|known| known.id == one.id) {
            Some(known) => *known = one,
            None => {
                view.participants.push(one);
                view.participants.sort_by_key(|one| one.id);
            }
        },
        Change::Left { participant } => view.participants.retain(|one| one.id != participant),
        Change::Room(room) => view.room = *room,
        Change::Floor(floor) => view.floor = floor,
        Change::You(you) => view.you = *you,
        Change::Desk(desk) => view.desk = Some(*desk),
        Change::Slot(_)
        | Change::Speaking { .. }
        | Change::Reaction { .. }
        | Change::Message(_)
        | Change::Unsaid { .. }
        | Change::ScaleResult(_)
        | Change::Milestone { .. }
        | Change::Notice { .. } => {}
    }
}
