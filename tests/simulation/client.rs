//! A browser as far as the laws need it: what it was sent, replayed.

use hearth_protocol::{Change, RoomView};
use hearth_room::Changes;

/// What one connection knows of the room.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Its participants in the order of their numbers.
    pub view: Option<RoomView>,
}

impl Client {
    pub fn snapshot(&mut self, mut view: RoomView) {
        view.participants.sort_by_key(|participant| participant.id);
        self.view = Some(view);
    }

    pub fn knocks_version(&self) -> Option<u32> {
        Some(self.view.as_ref()?.desk.as_ref()?.knocks_version)
    }

    /// A change that changes nothing is one that tells of something hidden, by its number and its bytes.
    pub fn delta(&mut self, changes: &Changes) -> Result<(), String> {
        // What concerns one's own seat is told to whoever is barred, too.
        if !changes.is_empty() && changes.iter().all(|change| matches!(change, Change::Notice { .. })) {
            return Ok(());
        }
        let view = self.view.as_mut().ok_or("a delta before the first snapshot")?;
        if changes.is_empty() {
            return Err("a delta without changes".to_owned());
        }
        for change in changes {
            if !replay(view, change.clone()) {
                return Err(format!("a change that changes nothing: {change:?}"));
            }
        }
        Ok(())
    }

    /// Whether a fresh snapshot is what was put together from deltas.
    pub fn agrees(&self, fresh: RoomView) -> Result<(), String> {
        let replayed = self.view.as_ref().ok_or("no snapshot was sent")?;
        let mut known = Client::default();
        known.snapshot(RoomView { now: replayed.now, ..fresh });
        let fresh = known.view.as_ref();
        if fresh == Some(replayed) {
            Ok(())
        } else {
            Err(format!("deltas give {replayed:#?}\na snapshot gives {fresh:#?}"))
        }
    }
}

/// Whether anything is different afterwards.
fn replay(view: &mut RoomView, change: Change) -> bool {
    match change {
        Change::Participant(new) => {
            match view.participants.binary_search_by_key(&new.id, |participant| participant.id) {
                Ok(at) => replaced(&mut view.participants[at], new),
                Err(at) => {
                    view.participants.insert(at, new);
                    true
                }
            }
        }
        Change::Left { participant } => {
            let before = view.participants.len();
            view.participants.retain(|known| known.id != participant);
            view.participants.len() != before
        }
        Change::Room(room) => replaced(&mut view.room, *room),
        Change::Floor(floor) => replaced(&mut view.floor, floor),
        Change::You(you) => replaced(&mut view.you, *you),
        Change::Desk(desk) => replaced(&mut view.desk, Some(*desk)),
        Change::Slot(_)
        | Change::Speaking { .. }
        | Change::Reaction { .. }
        | Change::Message(_)
        | Change::Unsaid { .. }
        | Change::ScaleResult(_)
        | Change::Milestone { .. }
        | Change::Notice { .. } => true,
    }
}

fn replaced<T: PartialEq>(known: &mut T, new: T) -> bool {
    let differs = *known != new;
    *known = new;
    differs
}
