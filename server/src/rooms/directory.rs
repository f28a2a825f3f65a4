use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use dashmap::{DashMap, Entry};
use hearth_room::ConnectionId;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{
    call::{Arrival, CALLS_MAX, Call, Handle},
    media::MediaSource,
    task,
};
use crate::{config::Definitions, room_id::RoomId, signalling::Outbox, store::Ledger};

/// How often somebody who comes to a room that is just ending is sent on to its next session.
const ENTER_ATTEMPTS: usize = 3;
const ENTER_PAUSE: Duration = Duration::from_millis(200);
/// Ends that a slow listener may be behind.
const ENDS_MAX: usize = 64;

/// All rooms that are awake. A room wakes when somebody comes and is gone from here when its task is over.
#[derive(Clone, Debug)]
pub struct Directory {
    house: Arc<House>,
}

/// What every room's task needs of its surroundings.
#[derive(Debug)]
pub(super) struct House {
    definitions: RwLock<Definitions>,
    pub ledger: Arc<dyn Ledger>,
    pub media: Arc<dyn MediaSource>,
    pub counters: Counters,
    pub ended: broadcast::Sender<RoomId>,
    rooms: DashMap<RoomId, Awake>,
    connections: AtomicU64,
    wakings: AtomicU64,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub relay_failures: AtomicU64,
    pub ledger_failures: AtomicU64,
    pub queue_overflows: AtomicU64,
    pub outbox_overflows: AtomicU64,
    pub sessions_ended: AtomicU64,
}

#[derive(Debug)]
struct Awake {
    /// Tells one task of a room from a later one.
    waking: u64,
    calls: mpsc::Sender<Call>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEntered {
    #[error("there is no such room")]
    NoSuchRoom,
    #[error("the room cannot be woken now")]
    Unavailable,
}

impl Directory {
    pub fn new(definitions: Definitions, ledger: Arc<dyn Ledger>, media: Arc<dyn MediaSource>) -> Directory {
        let house = House {
            definitions: RwLock::new(definitions),
            ledger,
            media,
            counters: Counters::default(),
            ended: broadcast::channel(ENDS_MAX).0,
            rooms: DashMap::new(),
            connections: AtomicU64::new(0),
            wakings: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        };
        Directory { house: Arc::new(house) }
    }

    /// Brings a new connection to its room, which is woken if need be.
    pub async fn enter(
        &self,
        room: &RoomId,
        arrival: Arrival,
        outbox: &Outbox,
    ) -> Result<Handle, NotEntered> {
        let connection = ConnectionId(self.house.connections.fetch_add(1, Relaxed) + 1);
        for attempt in 0..ENTER_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(ENTER_PAUSE).await;
            }
            let calls = self.wake(room)?;
            let (entered, answer) = oneshot::channel();
            let (arrival, outbox) = (arrival.clone(), outbox.clone());
            let call = Call::Enter { connection, arrival, outbox, entered };
            if calls.send(call).await.is_ok() && answer.await.is_ok() {
                return Ok(Handle { connection, calls });
            }
        }
        Err(NotEntered::Unavailable)
    }

    /// Somebody's tickets into this room count no more; who is inside is removed. Returns when that is durable.
    pub async fn revoke(&self, room: &RoomId, subject: &str) -> Result<(), NotEntered> {
        for attempt in 0..ENTER_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(ENTER_PAUSE).await;
            }
            let calls = self.wake(room)?;
            let (done, answer) = oneshot::channel();
            let call = Call::Revoke { subject: subject.to_owned(), done };
            if calls.send(call).await.is_ok() && answer.await.is_ok() {
                return Ok(());
            }
        }
        Err(NotEntered::Unavailable)
    }

    /// Where whoever is in this room finds help at once; empty where there is no such room.
    pub fn crisis_line(&self, room: &RoomId) -> String {
        let definitions = self.house.definitions.read().unwrap_or_else(PoisonError::into_inner);
        definitions.find(room).map_or_else(String::new, |definition| definition.crisis_line.clone())
    }

    /// The standing rooms have changed. Meetings go on under what is new; a room that is not named any more admits nobody from its
    /// next waking on.
    pub async fn define(&self, definitions: Definitions) {
        *self.house.definitions.write().unwrap_or_else(PoisonError::into_inner) = definitions.clone();
        let awake = self.house.rooms.iter().map(|awake| (awake.key().clone(), awake.calls.clone()));
        for (room, calls) in awake.collect::<Vec<_>>() {
            let Some(definition) = definitions.find(&room) else { continue };
            // A room that is just gone has the new one when it wakes.
            _ = calls.send(Call::Define(definition)).await;
        }
    }

    /// Each room whose session is over, once that is durable.
    pub fn ended(&self) -> broadcast::Receiver<RoomId> {
        self.house.ended.subscribe()
    }

    /// Says goodbye in every room and returns when their last words are out and their snapshots durable, or after 500 ms.
    pub async fn shutdown(&self) {
        self.house.closed.store(true, Relaxed);
        let rooms: Vec<_> = self.house.rooms.iter().map(|awake| awake.calls.clone()).collect();
        let goodbyes = rooms.into_iter().map(|calls| async move {
            if calls.send(Call::Shutdown).await.is_ok() {
                calls.closed().await;
            }
        });
        let all = futures_util::future::join_all(goodbyes);
        if tokio::time::timeout(task::GOODBYE_WITHIN, all).await.is_err() {
            tracing::warn!("not every room could say goodbye in time");
        }
    }

    /// Names and values for the metrics; nothing about any one room.
    pub fn counters(&self) -> Vec<(&'static str, u64)> {
        let counters = &self.house.counters;
        vec![
            ("hearth_rooms_awake", self.house.rooms.len() as u64),
            ("hearth_connections_total", self.house.connections.load(Relaxed)),
            ("hearth_sessions_ended_total", counters.sessions_ended.load(Relaxed)),
            ("hearth_relay_failures_total", counters.relay_failures.load(Relaxed)),
            ("hearth_ledger_failures_total", counters.ledger_failures.load(Relaxed)),
            ("hearth_room_queue_overflows_total", counters.queue_overflows.load(Relaxed)),
            ("hearth_outbox_overflows_total", counters.outbox_overflows.load(Relaxed)),
        ]
    }

    fn wake(&self, room: &RoomId) -> Result<mpsc::Sender<Call>, NotEntered> {
        if self.house.closed.load(Relaxed) {
            return Err(NotEntered::Unavailable);
        }
        let definitions = self.house.definitions.read().unwrap_or_else(PoisonError::into_inner);
        let definition = definitions.find(room).ok_or(NotEntered::NoSuchRoom)?;
        let entry = self.house.rooms.entry(room.clone());
        if let Entry::Occupied(awake) = &entry
            && !awake.get().calls.is_closed()
        {
            return Ok(awake.get().calls.clone());
        }
        let (calls, inbox) = mpsc::channel(CALLS_MAX);
        let waking = self.house.wakings.fetch_add(1, Relaxed);
        let presence = Presence { house: self.house.clone(), room: room.clone(), waking };
        entry.insert(Awake { waking, calls: calls.clone() });
        let (house, room) = (self.house.clone(), room.clone());
        tokio::spawn(async move {
            let _presence = presence;
            task::run(house, room, definition, inbox).await;
        });
        Ok(calls)
    }
}

/// A room's line in the directory: gone with its task, even where that panics.
struct Presence {
    house: Arc<House>,
    room: RoomId,
    waking: u64,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.house.rooms.remove_if(&self.room, |_, awake| awake.waking == self.waking);
    }
}
