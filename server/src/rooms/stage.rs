use std::collections::BTreeMap;

use hearth_forwarding::{Epoch, ForwardingTable, Generation, Row, Space, Subject};
use hearth_protocol::{Change, ParticipantId, Slot, SlotSource};
use hearth_relay::Carried;

use super::media;

/// Media lines remembered per connection: as many as a session description may have.
const SLOTS_MAX: usize = hearth_protocol::SDP_MEDIA_LINES_MAX;

/// What every browser's slots carry and who speaks where: told as it changes, and again after each snapshot.
#[derive(Debug, Default)]
pub(super) struct Stage {
    slots: BTreeMap<Subject, (Generation, BTreeMap<String, Slot>)>,
    speaking: BTreeMap<Space, Vec<Subject>>,
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

    pub fn speaking(&mut self, space: Space, subjects: Vec<Subject>) {
        if subjects.is_empty() {
            self.speaking.remove(&space);
        } else {
            self.speaking.insert(space, subjects);
        }
    }

    /// Who speaks, as far as this subject may know it: who was and is in its space, by the table that was told last and by the newest
    /// one. None: it may not know anything.
    pub fn speaking_to(
        &self,
        listener: Subject,
        told: &ForwardingTable,
        newest: &ForwardingTable,
    ) -> Option<Vec<ParticipantId>> {
        let row =
            |table: &ForwardingTable| table.row(listener).filter(|row| !row.barred).map(|row| row.space);
        let (then, now) = (row(told)?, row(newest)?);
        let is_in = |table: &ForwardingTable, space: Space, subject: Subject| {
            table.row(subject).is_some_and(|row: &Row| row.space == space)
        };
        let speaking = self.speaking.get(&now).into_iter().flatten();
        let known = speaking.filter(|subject| is_in(told, then, **subject) && is_in(newest, now, **subject));
        Some(known.map(|subject| ParticipantId(subject.0)).collect())
    }

    /// The slots that have to follow a snapshot for whoever has this media connection.
    pub fn present(&self, peer: Option<(Subject, Generation)>) -> Vec<Change> {
        let slots = peer.and_then(|(subject, generation)| {
            self.slots.get(&subject).filter(|(present, _)| *present == generation)
        });
        slots.into_iter().flat_map(|(_, slots)| slots.values().cloned().map(Change::Slot)).collect()
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

#[cfg(test)]
mod tests {
    use hearth_forwarding::{Reasons, Source};

    use super::*;

    fn table(places: &[(u32, u16, bool)]) -> ForwardingTable {
        let row = |(subject, space, barred): &(u32, u16, bool)| Row {
            subject: Subject(*subject),
            generation: Generation(1),
            space: Space(*space),
            barred: *barred,
            closed: [Reasons::NONE; Source::COUNT],
            weight: 0,
        };
        ForwardingTable { rows: places.iter().map(row).collect(), ..ForwardingTable::default() }
    }

    #[test]
    fn who_speaks_is_known_only_where_they_are() {
        let mut stage = Stage::default();
        stage.speaking(Space(0), vec![Subject(1)]);
        stage.speaking(Space(1), vec![Subject(3)]);
        let present = table(&[(1, 0, false), (2, 0, false), (3, 1, false), (4, 1, false), (5, 0, true)]);
        let check =
            |listener: u32, told: &ForwardingTable, newest: &ForwardingTable, expected: Option<&[u32]>| {
                let known = stage.speaking_to(Subject(listener), told, newest);
                let known = known.map(|known| known.into_iter().map(|id| id.0).collect::<Vec<_>>());
                assert_eq!(known.as_deref(), expected, "{listener}");
            };
        check(2, &present, &present, Some(&[1]));
        check(4, &present, &present, Some(&[3]));
        check(5, &present, &present, None);
        check(9, &present, &present, None);
        // What the relay said last may be of before a move: nobody learns by it, neither who stays nor who comes or goes.
        let left = table(&[(1, 1, false), (2, 0, false), (3, 1, false), (4, 1, false)]);
        check(2, &left, &left, Some(&[]));
        let came = table(&[(1, 0, false), (2, 1, false), (3, 1, false), (4, 1, false)]);
        check(2, &present, &came, Some(&[]));
        check(2, &came, &came, Some(&[3]));
    }
}
