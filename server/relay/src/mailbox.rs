//! What the rest of the server wants of a worker, until that looks.
//!
//! Tables and views are states: only the newest is kept, so nothing that restricts is ever lost or waits behind others. Offers are
//! a short queue; one too many is refused. Senders never wait.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hearth_forwarding::{ForwardingTable, Generation, Subject, Version};
use tokio::sync::{mpsc, oneshot, watch};

use crate::handle::{Event, Offer, OfferRefused, Tile};

const OFFERS_MAX: usize = 256;
/// Views of connections that may or may not exist; more are dropped.
const VIEWS_MAX: usize = 2_048;
/// A view shows no more than this.
const TILES_MAX: usize = 64;

/// Those who share one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u64);

/// The worker's ends of a group's channels.
#[derive(Debug)]
pub struct Ends {
    pub applied: watch::Sender<Version>,
    pub events: mpsc::Sender<Event>,
}

pub type Answer = oneshot::Sender<Result<String, OfferRefused>>;

#[derive(Debug, Default)]
pub struct Orders {
    pub opened: Vec<(GroupId, Ends)>,
    pub closed: Vec<GroupId>,
    pub tables: HashMap<GroupId, ForwardingTable>,
    pub views: HashMap<(GroupId, Subject, Generation), Vec<Tile>>,
    pub offers: VecDeque<(GroupId, Offer, Answer)>,
    pub stop: bool,
    #[cfg(any(test, feature = "tests"))]
    pub planted: Planted,
}

/// A bug, for a test.
#[cfg(any(test, feature = "tests"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Planted {
    #[default]
    Nothing,
    Worker,
    Peer(GroupId, Subject),
}

#[derive(Debug)]
pub struct Mailbox {
    orders: Mutex<Orders>,
    waiting: AtomicBool,
    waker: mio::Waker,
}

impl Mailbox {
    pub fn new(waker: mio::Waker) -> Self {
        Mailbox { orders: Mutex::default(), waiting: AtomicBool::new(false), waker }
    }

    pub fn open(&self, group: GroupId, ends: Ends) {
        self.change(|orders| orders.opened.push((group, ends)));
    }

    pub fn close(&self, group: GroupId) {
        self.change(|orders| orders.closed.push(group));
    }

    pub fn table(&self, group: GroupId, table: ForwardingTable) {
        self.change(|orders| {
            let kept = orders.tables.entry(group).or_default();
            if kept.version <= table.version {
                *kept = table;
            }
        });
    }

    pub fn view(&self, group: GroupId, subject: Subject, generation: Generation, mut tiles: Vec<Tile>) {
        tiles.truncate(TILES_MAX);
        self.change(|orders| {
            let key = (group, subject, generation);
            if orders.views.len() < VIEWS_MAX || orders.views.contains_key(&key) {
                orders.views.insert(key, tiles);
            }
        });
    }

    pub fn offer(&self, group: GroupId, offer: Offer, answer: Answer) {
        self.change(|orders| {
            if orders.offers.len() < OFFERS_MAX {
                orders.offers.push_back((group, offer, answer));
            } else {
                drop(answer.send(Err(OfferRefused::TooFast)));
            }
        });
    }

    pub fn stop(&self) {
        self.change(|orders| orders.stop = true);
    }

    /// Makes the worker panic, or one of its peers, to see what becomes of the others.
    #[cfg(any(test, feature = "tests"))]
    pub fn plant(&self, planted: Planted) {
        self.change(|orders| orders.planted = planted);
    }

    /// Whether there is something to take. Cheap: to be asked between batches.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    pub fn take(&self) -> Orders {
        self.waiting.store(false, Ordering::Release);
        std::mem::take(&mut *self.lock())
    }

    fn change(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.lock());
        if !self.waiting.swap(true, Ordering::AcqRel) {
            // Without a wake-up the worker sees it at its next tick.
            drop(self.waker.wake());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        // Changes are single steps: what a panic leaves behind is whole.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
