use std::{collections::VecDeque, time::Duration};

use hearth_forwarding::Version;
use hearth_protocol::RefusalCode;
use hearth_room::{Attended, Legacy, Record, Snapshot, Tell};
use tokio::time::Instant;

use super::group::Group;

/// Groups that wait at most. More: the room is given up and wakes from its last snapshot.
const GROUPS_MAX: usize = 1_024;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Groups of effects on their way to becoming words, strictly in the order of their commands: acknowledged, recorded, told.
#[derive(Debug, Default)]
pub(super) struct Order {
    groups: VecDeque<Group>,
    /// So many from the front are being recorded.
    recording: usize,
    /// Since the last attempt to record failed: when to try again, and the pause before the attempt after that.
    failing: Option<(Instant, Duration)>,
}

#[derive(Debug)]
pub(super) enum Step {
    /// To be said now.
    Say(Vec<Tell>),
    /// Done but for its words.
    Tell(Box<Group>),
    /// To be recorded in one transaction; then [`Order::recorded`] or [`Order::not_recorded`].
    Record(Box<Batch>),
    /// The relay did not acknowledge in time.
    RelayFailed,
}

#[derive(Debug)]
pub(super) struct Batch {
    pub records: Vec<Record>,
    pub attendance: Vec<Attended>,
    pub snapshot: Option<Snapshot>,
    pub clock: u32,
    pub ended: bool,
    pub legacy: Option<Legacy>,
}

#[derive(Debug)]
pub(super) struct Overflow;

impl Order {
    pub fn push(&mut self, group: Group) -> Result<(), Overflow> {
        if self.groups.len() >= GROUPS_MAX {
            return Err(Overflow);
        }
        self.groups.push_back(group);
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// What to do next, if anything. `applied`: what the relay has acknowledged.
    pub fn next(&mut self, now: Instant, applied: Version) -> Option<Step> {
        if self.give_up_waiting(now, applied) {
            return Some(Step::RelayFailed);
        }
        let ready = self.ready(applied);
        if let Some(refusals) = self.refusals(ready) {
            return Some(Step::Say(refusals));
        }
        if self.recording > 0 {
            return None;
        }
        if self.failing.is_none() && ready > 0 && !self.groups[0].needs_record() {
            return self.groups.pop_front().map(|group| Step::Tell(Box::new(group)));
        }
        if ready == 0 || self.failing.is_some_and(|(again, _)| now < again) {
            return None;
        }
        self.recording = ready;
        Some(Step::Record(Box::new(self.batch(ready))))
    }

    /// The transaction is durable: these are to be told.
    pub fn recorded(&mut self) -> Vec<Group> {
        self.failing = None;
        self.groups.drain(..std::mem::take(&mut self.recording)).collect()
    }

    pub fn not_recorded(&mut self, now: Instant) {
        self.recording = 0;
        let pause = self.failing.map_or(PAUSE_MIN, |(_, pause)| pause);
        self.failing = Some((now + pause, (pause * 2).min(PAUSE_MAX)));
    }

    /// The farewell was heard, or waited on long enough.
    pub fn farewell_over(&mut self, number: u64) {
        for group in self.groups.iter_mut().filter(|group| group.farewell == Some(number)) {
            group.farewell = None;
        }
    }

    /// While the record fails: every word that waits for it is shown once. Where `waits` is false, it was said.
    pub fn look_through(&mut self, mut waits: impl FnMut(&mut Tell) -> bool) {
        let failing = self.failing.is_some();
        for group in self.groups.iter_mut().filter(|group| failing && !group.looked_through) {
            group.looked_through = true;
            group.tell.retain_mut(&mut waits);
        }
    }

    /// When [`Order::next`] is to be asked again, should nothing happen before.
    pub fn deadline(&self, applied: Version) -> Option<Instant> {
        let again = self.failing.filter(|_| self.recording == 0).map(|(again, _)| again);
        let unacknowledged = |group: &&Group| group.version > applied && !group.unacknowledged;
        let relay = self.groups.iter().find(unacknowledged).map(|group| group.deadline);
        again.into_iter().chain(relay).min()
    }

    fn ready(&self, applied: Version) -> usize {
        let is_ready =
            |group: &&Group| group.farewell.is_none() && (group.version <= applied || group.unacknowledged);
        self.groups.iter().take_while(is_ready).count()
    }

    /// Whether a group's time is up. Then all that wait for the relay wait no longer: it counts as failed.
    fn give_up_waiting(&mut self, now: Instant, applied: Version) -> bool {
        let waiting = |group: &Group| group.version > applied && !group.unacknowledged;
        if !self.groups.iter().any(|group| waiting(group) && group.deadline <= now) {
            return false;
        }
        for group in self.groups.iter_mut().filter(|group| waiting(group)) {
            group.unacknowledged = true;
        }
        true
    }

    /// Refusals for whoever asked what cannot be confirmed: by the relay, or for want of a record. Everyone else is answered.
    fn refusals(&mut self, ready: usize) -> Option<Vec<Tell>> {
        let failing = self.failing.is_some();
        let mut said = Vec::new();
        for group in self.groups.iter_mut().take(ready) {
            if group.unacknowledged && group.table.is_some() {
                said.extend(group.refusals(RefusalCode::MediaUnavailable));
            } else if failing && group.changes_what_is_kept() {
                said.extend(group.refusals(RefusalCode::RecordUnavailable));
            } else if failing {
                // It needs no record to be true. A call for help is not to look refused because the disk is full.
                said.extend(group.answers());
            }
        }
        (!said.is_empty()).then_some(said)
    }

    fn batch(&self, count: usize) -> Batch {
        let groups = || self.groups.iter().take(count);
        Batch {
            records: groups().flat_map(|group| group.record.iter().cloned()).collect(),
            attendance: groups().flat_map(|group| group.attendance.iter().cloned()).collect(),
            snapshot: groups().rev().find_map(|group| group.snapshot.clone()),
            clock: groups().next_back().map_or(0, |group| group.clock),
            ended: groups().any(|group| group.ended),
            legacy: groups().find_map(|group| group.legacy.clone()),
        }
    }
}
