//! What the rest of the server holds of the relay.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use hearth_forwarding::{Epoch, ForwardingTable, Generation, Source, Space, Subject, Version};
use mio::{Poll, Waker};
use tokio::sync::{mpsc, oneshot, watch};

#[cfg(any(test, feature = "tests"))]
use crate::mailbox::Planted;
use crate::{
    counters::{self, Counters},
    mailbox::{Ends, GroupId, Mailbox},
    peer::Identity,
    socket::Socket,
    supervisor,
    tcp::Streams,
    worker::{self, Ports},
};

/// What a room is reckoned at before its packets can be counted: a small group of which two or three speak. Packets per second.
const ROOM: u64 = 500;
/// Events that wait to be taken; what does not fit is told later from the state at that time.
const EVENTS_MAX: usize = 1_024;

#[derive(Clone, Debug)]
pub struct RelayConfig {
    pub workers: usize,
    /// Where to listen for UDP and TCP.
    pub bind: IpAddr,
    /// Worker n listens on `port + n`; 0: the system chooses each.
    pub port: u16,
    /// The addresses put into candidates. Empty: `bind`, which must then be a definite address.
    pub advertised: Vec<IpAddr>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the media port {0} is taken")]
    PortTaken(SocketAddr, #[source] std::io::Error),
    #[error("cannot listen for media on {0}")]
    Bind(SocketAddr, #[source] std::io::Error),
    #[error("no address to advertise: `bind` is unspecified and `advertised` is empty")]
    NothingToAdvertise,
    #[error("no certificate could be made for media connections")]
    Certificate,
    #[error("a worker thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// All workers. Dropping it ends them and joins their threads.
#[derive(Debug)]
pub struct Relay {
    workers: Vec<WorkerHandle>,
    groups: AtomicU64,
}

#[derive(Debug)]
struct WorkerHandle {
    mailbox: Arc<Mailbox>,
    counters: Arc<Counters>,
    address: SocketAddr,
    rooms: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    pub fn start(config: RelayConfig) -> Result<Relay, StartError> {
        if config.bind.is_unspecified() && config.advertised.is_empty() {
            return Err(StartError::NothingToAdvertise);
        }
        let mut relay = Relay { workers: Vec::new(), groups: AtomicU64::new(0) };
        for number in 0..config.workers.max(1) {
            relay.workers.push(WorkerHandle::start(&config, number)?);
        }
        Ok(relay)
    }

    /// Where each worker listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.workers.iter().map(|worker| worker.address).collect()
    }

    /// Media for one room, on the worker with the least to do. There it stays. Nothing is forwarded before its first table.
    pub fn open(&self) -> (Media, MediaEvents) {
        let worker = self
            .workers
            .iter()
            .min_by_key(|worker| worker.load())
            .expect("a relay starts with at least one worker");
        let group = GroupId(self.groups.fetch_add(1, Ordering::Relaxed));
        let (applied, applied_end) = watch::channel(Version::default());
        let (events, events_end) = mpsc::channel(EVENTS_MAX);
        worker.rooms.fetch_add(1, Ordering::Relaxed);
        worker.mailbox.open(group, Ends { applied, events });
        let room = Room { group, mailbox: worker.mailbox.clone(), rooms: worker.rooms.clone() };
        (Media { room: Arc::new(room) }, MediaEvents { applied: applied_end, events: events_end })
    }

    /// All counters with their Prometheus names and labels, summed over workers.
    pub fn counters(&self) -> Vec<Counter> {
        let workers: Vec<_> = self.workers.iter().map(|worker| worker.counters.clone()).collect();
        counters::list(&workers)
    }

    /// Those of one worker. None: there is no such worker.
    pub fn counters_of(&self, worker: usize) -> Option<Vec<Counter>> {
        self.workers.get(worker).map(|worker| counters::list(std::slice::from_ref(&worker.counters)))
    }

    /// Makes a worker panic, as a bug would.
    #[cfg(any(test, feature = "tests"))]
    pub fn break_worker(&self, worker: usize) {
        self.workers[worker].mailbox.plant(Planted::Worker);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.mailbox.stop();
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // It catches its own panics; nothing is left to be said here.
                drop(thread.join());
            }
        }
    }
}

impl WorkerHandle {
    /// Packets are what costs; how many a room will have, nobody knows when it opens. Rooms that were opened a moment ago, or are not met
    /// in yet, count by their number, so that those of one hour's beginning do not all come to the same worker.
    fn load(&self) -> u64 {
        let rooms = self.rooms.load(Ordering::Relaxed);
        self.counters.packets_per_second().saturating_add(rooms * ROOM)
    }

    /// The thread opens its own sockets, since what they work with never leaves it, and says when they listen.
    fn start(config: &RelayConfig, number: usize) -> Result<Self, StartError> {
        let port = if config.port == 0 { 0 } else { config.port.saturating_add(number as u16) };
        let wanted = SocketAddr::new(config.bind, port);
        let advertised =
            if config.advertised.is_empty() { vec![config.bind] } else { config.advertised.clone() };
        let counters = Arc::new(Counters::default());
        let (started, start) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("media-{number}")).spawn({
            let counters = counters.clone();
            move || match prepare(wanted, &advertised) {
                Ok((mut ports, mailbox, identity, address)) => {
                    // Whoever starts a worker waits for this.
                    drop(started.send(Ok((mailbox.clone(), address))));
                    supervisor::supervise(&mut ports, &mailbox, &counters, &identity);
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
        let thread = thread.map_err(StartError::Thread)?;
        let ended = |_| StartError::Thread(io::Error::other("it ended before it had begun"));
        let (mailbox, address) = start.recv().map_err(ended)??;
        Ok(WorkerHandle { mailbox, counters, address, rooms: Arc::default(), thread: Some(thread) })
    }
}

fn prepare(
    wanted: SocketAddr,
    advertised: &[IpAddr],
) -> Result<(Ports, Arc<Mailbox>, Identity, SocketAddr), StartError> {
    let (socket, mut streams, address) = listen(wanted)?;
    let bind = |error| StartError::Bind(address, error);
    let poll = Poll::new().map_err(bind)?;
    socket.register(poll.registry(), worker::UDP).map_err(bind)?;
    streams.register(poll.registry(), worker::TCP).map_err(bind)?;
    let waker = Waker::new(poll.registry(), worker::WAKER).map_err(bind)?;
    let addresses = advertised.iter().map(|ip| SocketAddr::new(*ip, address.port())).collect();
    let identity = Identity::new(addresses).ok_or(StartError::Certificate)?;
    let ports = Ports { poll, socket, streams, groups: HashMap::new(), stopped: false };
    Ok((ports, Arc::new(Mailbox::new(waker)), identity, address))
}

/// UDP and TCP on one number. Where the system chooses it, what it chose for one may be taken for the other: then again.
fn listen(wanted: SocketAddr) -> Result<(Socket, Streams, SocketAddr), StartError> {
    let fault = |error: io::Error| {
        let is_taken = error.kind() == io::ErrorKind::AddrInUse;
        if is_taken { StartError::PortTaken(wanted, error) } else { StartError::Bind(wanted, error) }
    };
    let mut tries = if wanted.port() == 0 { 16 } else { 1 };
    loop {
        tries -= 1;
        let socket = Socket::bind(wanted).map_err(fault)?;
        let address = socket.local().map_err(fault)?;
        match Streams::bind(address) {
            Ok(streams) => return Ok((socket, streams, address)),
            Err(_) if tries > 0 => {}
            Err(error) => return Err(fault(error)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Counter {
    pub name: &'static str,
    pub label: Option<(&'static str, &'static str)>,
    pub value: u64,
}

/// One room's media. Dropping the last clone ends them.
#[derive(Clone, Debug)]
pub struct Media {
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    group: GroupId,
    mailbox: Arc<Mailbox>,
    rooms: Arc<AtomicU64>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.rooms.fetch_sub(1, Ordering::Relaxed);
        self.mailbox.close(self.group);
    }
}

impl Media {
    /// Hands over the newest table. Never blocks and never loses a restriction: a later table replaces one not yet applied.
    /// A media connection without a row of its generation is ended. Once [`MediaEvents::applied`] shows the version, everything
    /// that it closes is purged and no packet of it goes to the kernel any more.
    pub fn forward(&self, table: ForwardingTable) {
        self.room.mailbox.table(self.room.group, table);
    }

    /// A browser's offer. The first one of a generation makes its media connection, which must have a row in the table that was
    /// handed over last. The answer carries all candidates.
    pub fn offer(&self, offer: Offer) -> oneshot::Receiver<Result<String, OfferRefused>> {
        let (answer, answered) = oneshot::channel();
        self.room.mailbox.offer(self.room.group, offer, answer);
        answered
    }

    /// Makes somebody's media connection panic at its next datagram, as a bug would.
    #[cfg(any(test, feature = "tests"))]
    pub fn break_peer(&self, subject: Subject) {
        self.room.mailbox.plant(Planted::Peer(self.room.group, subject));
    }

    /// What this browser shows, most important first. The last one counts. It chooses among what the table permits, no more.
    pub fn view(&self, subject: Subject, generation: Generation, tiles: Vec<Tile>) {
        self.room.mailbox.view(self.room.group, subject, generation, tiles);
    }
}

#[derive(Debug)]
pub struct MediaEvents {
    /// The highest version that is applied. The sender is gone when the worker is.
    pub applied: watch::Receiver<Version>,
    pub events: mpsc::Receiver<Event>,
}

#[derive(Clone, Debug)]
pub struct Offer {
    pub subject: Subject,
    pub generation: Generation,
    pub sdp: String,
    /// What each sending media line carries, by mid; all others are slots.
    pub tracks: Vec<(String, Source)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefused {
    #[error("this media connection is not the present one")]
    Stale,
    #[error("longer than a session description may be")]
    TooLarge,
    #[error("more media lines than a session description may have")]
    TooManyLines,
    #[error("too many offers in a short time")]
    TooFast,
    #[error("not a session description that can be answered: {0}")]
    Unusable(String),
    #[error("the relay is not there")]
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    pub subject: Subject,
    pub source: Source,
    /// Device pixels; 0: not shown.
    pub height: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What a browser's slot carries from now on.
    Slot { subject: Subject, generation: Generation, mid: String, carries: Option<Carried>, epoch: Epoch },
    /// Who is speaking in a space, loudest first, among what may be heard there. Nobody elsewhere may be told.
    Speaking { space: Space, subjects: Vec<Subject> },
    /// For how long these were heard since the last such event, in milliseconds of voice; about once a second, and only if anybody was.
    Voiced { heard: Vec<(Subject, u32)> },
    /// A media connection failed for good.
    Lost { subject: Subject, generation: Generation },
    /// The worker died and was started again: hand over the table again; all media connections are to be made anew.
    Restarted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub subject: Subject,
    pub source: Source,
    /// In the slot's own RTP time.
    pub from_timestamp: u32,
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn config(port: u16) -> RelayConfig {
        RelayConfig { workers: 1, bind: Ipv4Addr::LOCALHOST.into(), port, advertised: vec![] }
    }

    fn table(version: u64) -> ForwardingTable {
        ForwardingTable { version: Version(version), epoch: Epoch(1), rows: vec![] }
    }

    #[test]
    fn a_worker_that_panics_comes_back_on_its_port_and_says_so() {
        let relay = Relay::start(config(0)).expect("a relay");
        let address = relay.addresses()[0];
        let (media, mut events) = relay.open();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        media.forward(table(1));
        runtime.block_on(events.applied.wait_for(|version| *version == Version(1))).expect("applied");
        relay.break_worker(0);
        assert_eq!(runtime.block_on(events.events.recv()), Some(Event::Restarted));
        media.forward(table(2));
        runtime.block_on(events.applied.wait_for(|version| *version == Version(2))).expect("applied again");
        assert_eq!(relay.workers[0].counters.get(counters::Count::WorkerRestarts), 1);
        assert_eq!(relay.addresses()[0], address);
        assert!(matches!(Relay::start(config(address.port())), Err(StartError::PortTaken(..))));
    }

    #[test]
    fn rooms_that_open_at_once_are_spread_and_a_busy_worker_gets_no_more() {
        let relay = Relay::start(RelayConfig { workers: 3, ..config(0) }).expect("a relay");
        let rooms = || -> Vec<u64> {
            relay.workers.iter().map(|worker| worker.rooms.load(Ordering::Relaxed)).collect()
        };
        let opened: Vec<_> = (0..6).map(|_| relay.open()).collect();
        assert_eq!(rooms(), [2, 2, 2]);
        drop(opened);
        assert_eq!(rooms(), [0, 0, 0]);
        // As measured: one room of two hundred, and eight small ones.
        relay.workers[0].counters.set_packets_per_second(20 * ROOM);
        relay.workers[1].counters.set_packets_per_second(2 * ROOM);
        let _opened: Vec<_> = (0..8).map(|_| relay.open()).collect();
        assert_eq!(rooms(), [0, 3, 5]);
    }

    #[test]
    fn a_closed_room_ends_its_channels() {
        let relay = Relay::start(config(0)).expect("a relay");
        let (media, mut events) = relay.open();
        drop(media);
        assert_eq!(events.events.blocking_recv(), None);
        let (_media, mut events) = relay.open();
        drop(relay);
        assert_eq!(events.events.blocking_recv(), None);
    }

    #[test]
    fn without_an_address_to_tell_it_does_not_start() {
        let nowhere = RelayConfig { bind: Ipv4Addr::UNSPECIFIED.into(), ..config(0) };
        assert!(matches!(Relay::start(nowhere), Err(StartError::NothingToAdvertise)));
    }
}
