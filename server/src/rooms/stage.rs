use std::collections::BTreeMap;

use hearth_forwarding::{Epoch, Generation, Subject};
use hearth_protocol::{Change, ParticipantId, Slot, SlotSource};
use hearth_relay::Carried;

use super::media;

/// Media lines remembered per connection: as many as a session description may have.
const SLOTS_MAX: usize = hearth_protocol::SDP_MEDIA_LINES_MAX;

/// What every browser's slots carry and who speaks now: told as it changes, and again after each snapshot.
#[derive(Debug, Default)]
pub(super) struct Stage {
    slots: BTreeMap<Subject, (Generation, BTreeMap<String, Slot>)>,
    speaking: Vec<ParticipantId>,
}

impl Stage {
    /// None for an event of a connection that is not the present one any more.
    pub fn slot(
        &mut self,
        (subject, generation): (Subject, Generation),
        mid: String,
        carries: Option<Carried>,
        epoch: Epoch,
    ) -> Option<Change> {
        let (present, slots) = self.slots.entry(subject).or_insert_with(|| (generation, BTreeMap::new()));
        if generation < *present {
            return None;
        }
        if generation > *present {
            (*present, *slots) = (generation, BTreeMap::new());
        }
        if slots.len() >= SLOTS_MAX && !slots.contains_key(&mid) {
            return None;
        }
        let slot = Slot { mid: mid.clone(), carries: carries.map(slot_source), epoch: epoch.0 };
        slots.insert(mid, slot.clone());
        Some(Change::Slot(slot))
    }

    pub fn speaking(&mut self, subjects: Vec<Subject>) -> Change {
        self.speaking = subjects.into_iter().map(|subject| ParticipantId(subject.0)).collect();
        Change::Speaking { participants: self.speaking.clone() }
    }

    /// What has to follow a snapshot for whoever has this media connection.
    pub fn present(&self, peer: Option<(Subject, Generation)>) -> Vec<Change> {
        let slots = peer.and_then(|(subject, generation)| {
            self.slots.get(&subject).filter(|(present, _)| *present == generation)
        });
        let mut changes: Vec<_> =
            slots.into_iter().flat_map(|(_, slots)| slots.values().cloned().map(Change::Slot)).collect();
        if !self.speaking.is_empty() {
            changes.push(Change::Speaking { participants: self.speaking.clone() });
        }
        changes
    }

    /// All media connections are gone.
    pub fn clear(&mut self) {
        *self = Stage::default();
    }

    /// This one is gone.
    pub fn lost(&mut self, subject: Subject) {
        self.slots.remove(&subject);
    }
}

fn slot_source(carried: Carried) -> SlotSource {
    SlotSource {
        participant: ParticipantId(carried.subject.0),
        source: media::wire_source(carried.source),
        from_timestamp: carried.from_timestamp,
    }
}
