//! The stand-ins: a relay that acknowledges when it is told to, and a ledger that fails when it is told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use futures_util::future::BoxFuture;
use hearth::{
    RoomId,
    rooms::{MediaSource, RoomMedia},
    store::{Commit, Fault, Kept, Ledger},
};
use hearth_forwarding::{ForwardingTable, Generation, Subject, Version};
use hearth_relay::{Event, MediaEvents, Offer, OfferRefused, Tile};
use hearth_room::{Act, Legacy};
use tokio::sync::{mpsc, oneshot, watch};

/// A relay in the hands of a test. Rooms get their media in the order in which they wake.
#[derive(Clone, Debug, Default)]
pub struct ScriptedRelay {
    opened: Arc<Mutex<Vec<ScriptedMedia>>>,
}

/// One room's media: every table that was handed over, and whether they are acknowledged.
#[derive(Clone, Debug)]
pub struct ScriptedMedia(Arc<Mutex<Script>>);

#[derive(Debug)]
struct Script {
    tables: Vec<ForwardingTable>,
    holding: bool,
    broken: bool,
    applied: watch::Sender<Version>,
    events: mpsc::Sender<Event>,
}

impl ScriptedRelay {
    pub fn room(&self, nth: usize) -> ScriptedMedia {
        self.opened.lock().unwrap()[nth].clone()
    }
}

impl MediaSource for ScriptedRelay {
    fn open(&self) -> (Box<dyn RoomMedia>, MediaEvents) {
        let (applied, applied_by_room) = watch::channel(Version(0));
        let (events, events_by_room) = mpsc::channel(64);
        let script = Script { tables: Vec::new(), holding: false, broken: false, applied, events };
        let media = ScriptedMedia(Arc::new(Mutex::new(script)));
        self.opened.lock().unwrap().push(media.clone());
        (Box::new(media), MediaEvents { applied: applied_by_room, events: events_by_room })
    }
}

impl ScriptedMedia {
    /// From now on tables are taken and not acknowledged.
    pub fn hold(&self) {
        self.script().holding = true;
    }

    /// Acknowledges what was handed over last, and from now on all at once.
    pub fn release(&self) {
        let mut script = self.script();
        script.holding = false;
        script.acknowledge();
    }

    /// A bug: the room's task panics when it hands over a view.
    pub fn break_at_the_next_view(&self) {
        self.script().broken = true;
    }

    pub fn event(&self, event: Event) {
        self.script().events.try_send(event).expect("the room hears events");
    }

    /// The table that the relay obeys.
    pub fn table(&self) -> ForwardingTable {
        self.script().tables.last().cloned().unwrap_or_default()
    }

    pub fn tables(&self) -> usize {
        self.script().tables.len()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl Script {
    fn acknowledge(&mut self) {
        if let Some(table) = self.tables.last() {
            self.applied.send_replace(table.version);
        }
    }
}

impl RoomMedia for ScriptedMedia {
    fn forward(&self, table: ForwardingTable) {
        let mut script = self.script();
        script.tables.push(table);
        if !script.holding {
            script.acknowledge();
        }
    }

    fn offer(&self, offer: Offer) -> oneshot::Receiver<Result<String, OfferRefused>> {
        let (answer, answered) = oneshot::channel();
        let is_present =
            self.table().row(offer.subject).is_some_and(|row| row.generation == offer.generation);
        let said = if is_present { Ok("v=0".to_owned()) } else { Err(OfferRefused::Stale) };
        answer.send(said).expect("the room waits for the answer");
        answered
    }

    fn view(&self, _: Subject, _: Generation, _: Vec<Tile>) {
        let broken = self.script().broken;
        assert!(!broken, "the bug that the test asked for");
    }
}

/// A ledger in memory that can be made to fail.
#[derive(Clone, Debug, Default)]
pub struct ScriptedLedger(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    failing: bool,
    acts: Vec<Act>,
    kept: BTreeMap<RoomId, Kept>,
    legacies: BTreeMap<RoomId, Legacy>,
    commits: usize,
}

impl ScriptedLedger {
    pub fn fail(&self) {
        self.0.lock().unwrap().failing = true;
    }

    pub fn recover(&self) {
        self.0.lock().unwrap().failing = false;
    }

    pub fn acts(&self) -> Vec<Act> {
        self.0.lock().unwrap().acts.clone()
    }

    pub fn keeps(&self, room: &RoomId) -> bool {
        self.0.lock().unwrap().kept.contains_key(room)
    }

    pub fn commits(&self) -> usize {
        self.0.lock().unwrap().commits
    }
}

impl Books {
    fn commit(&mut self, commit: Commit) -> Result<(), Fault> {
        if self.failing {
            return Err(Fault::Gap(commit.first));
        }
        self.commits += 1;
        let before = self.kept.get(&commit.room).map_or(0, |kept| kept.records);
        let new = commit.records.len() as u64;
        self.acts.extend(commit.records.into_iter().map(|record| record.act));
        if commit.ended {
            self.kept.remove(&commit.room);
            self.legacies.insert(commit.room, commit.legacy.expect("an end leaves something"));
        } else if let Some(snapshot) = commit.snapshot {
            let (session, clock, records) = (commit.session, commit.clock, before + new);
            self.kept.insert(commit.room, Kept { session, clock, records, snapshot, proven_last: true });
        }
        Ok(())
    }
}

impl Ledger for ScriptedLedger {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move { self.0.lock().unwrap().commit(commit) })
    }

    fn kept(&self, room: &RoomId) -> BoxFuture<'_, Result<Option<Kept>, Fault>> {
        let kept = self.0.lock().unwrap().kept.get(room).cloned();
        Box::pin(async move { Ok(kept) })
    }

    fn legacy(&self, room: &RoomId) -> BoxFuture<'_, Result<Option<Legacy>, Fault>> {
        let legacy = self.0.lock().unwrap().legacies.get(room).cloned();
        Box::pin(async move { Ok(legacy) })
    }
}
