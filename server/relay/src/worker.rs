//! One OS thread: its sockets, its peers, its timers.
//!
//! One turn: obey the mailbox, receive a batch, let each datagram through guard, demultiplexer, peer and gate to the listeners'
//! slots, drain every peer that was touched, send. What came in is sent in the same turn; between turns nothing of anybody's media
//! is held but copies for retransmission. The clock is read once a turn.

mod forward;
mod orders;
mod tick;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::{BuildHasher, RandomState},
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};

use crate::{
    counters::{Count, Counters},
    demux::{Demux, Path, PeerKey, Via},
    group::Group,
    guard::{self, Reject},
    mailbox::{Ends, GroupId, Mailbox},
    member::Members,
    peer::{Fault, Identity, Received, Signal},
    socket::{BATCH, Inbox, Outbox, Socket},
    tcp::Streams,
};

pub const UDP: Token = Token(0);
pub const TCP: Token = Token(1);
pub const WAKER: Token = Token(2);

/// How often slots, layers, speakers and wishes for key frames are looked at.
const TICK: Duration = Duration::from_millis(50);
/// Batches received in one turn before timers have theirs.
const BATCHES_MAX: usize = 8;
/// The outbox is sent when it holds so many. Datagrams.
const OUTBOX_FULL: usize = 512;

/// What outlives a worker that died: its sockets and the groups it serves.
#[derive(Debug)]
pub struct Ports {
    pub poll: Poll,
    pub socket: Socket,
    pub streams: Streams,
    pub groups: HashMap<GroupId, Ends>,
    /// Told to stop.
    pub stopped: bool,
}

#[derive(Debug)]
pub struct Worker<'a> {
    ports: &'a mut Ports,
    mailbox: &'a Mailbox,
    counters: &'a Counters,
    identity: Identity,
    demux: Demux,
    members: Members,
    groups: HashMap<GroupId, Group>,
    timers: BinaryHeap<Reverse<(Instant, PeerKey)>>,
    dirty: Vec<PeerKey>,
    outbox: Outbox,
    signals: Vec<Signal>,
    framed: Vec<(SocketAddr, Vec<u8>)>,
    chance: RandomState,
    tick_at: Instant,
    second_at: Instant,
    now: Instant,
    packets: u64,
}

impl<'a> Worker<'a> {
    pub fn new(
        ports: &'a mut Ports,
        mailbox: &'a Mailbox,
        counters: &'a Counters,
        identity: Identity,
        restarted: bool,
        now: Instant,
    ) -> Self {
        // What waits in them is of before, and whoever sent it may be silenced by now.
        ports.streams.close_all();
        let group = |id: &GroupId| (*id, Group { restarted, news: restarted, ..Group::default() });
        let groups = ports.groups.keys().map(group).collect();
        Worker {
            ports,
            mailbox,
            counters,
            identity,
            demux: Demux::default(),
            members: Members::default(),
            groups,
            timers: BinaryHeap::new(),
            dirty: Vec::new(),
            outbox: Outbox::default(),
            signals: Vec::new(),
            framed: Vec::new(),
            chance: RandomState::new(),
            tick_at: now,
            second_at: now,
            now,
            packets: counters.packets(),
        }
    }

    /// Until told to stop. An error: the system gives no more events.
    pub fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        let mut inbox = Inbox::default();
        // Whatever came before this worker brings no event any more.
        let mut more = true;
        self.ports.streams.accept(self.now, self.counters);
        while !self.ports.stopped {
            let wait = if more { Duration::ZERO } else { self.wait() };
            match self.ports.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            // The one look at the clock: below, time is passed in.
            self.now = Instant::now();
            self.obey();
            let mut readable = more;
            for event in &events {
                match event.token() {
                    UDP => readable = true,
                    TCP => self.ports.streams.accept(self.now, self.counters),
                    WAKER => {}
                    stream => self.receive_stream(stream),
                }
            }
            more = readable && self.receive_batches(&mut inbox);
            self.fire_timers();
            if self.now >= self.tick_at {
                self.tick_at = self.now + TICK;
                self.tick();
                // A look that no event asks for, should one ever be missed.
                more = true;
            }
            self.settle();
            self.tell();
            self.count_turn();
        }
        Ok(())
    }

    /// How long it took: the one other look at the clock.
    fn count_turn(&self) {
        let took = self.now.elapsed();
        self.counters.add(Count::BusyMicroseconds, took.as_micros() as u64);
        self.counters.one(match took.as_millis() {
            0 => Count::TurnsInAMillisecond,
            1..5 => Count::TurnsInFiveMilliseconds,
            5..20 => Count::TurnsInTwentyMilliseconds,
            20.. => Count::TurnsLonger,
        });
    }

    fn wait(&self) -> Duration {
        if self.mailbox.is_waiting() {
            return Duration::ZERO;
        }
        let due = self.timers.peek().map_or(self.tick_at, |Reverse((at, _))| (*at).min(self.tick_at));
        due.saturating_duration_since(self.now)
    }

    /// True: there may be more.
    fn receive_batches(&mut self, inbox: &mut Inbox) -> bool {
        for _ in 0..BATCHES_MAX {
            // A restriction does not wait for a flood to pass.
            if self.mailbox.is_waiting() {
                self.obey();
            }
            let received = match self.ports.socket.receive(inbox) {
                Ok(received) => received,
                // An error of an earlier datagram's (ICMP); the next call goes on.
                Err(_) => return true,
            };
            self.counters.add(Count::TooLong, inbox.too_long());
            for (remote, datagram) in inbox.datagrams() {
                self.counters.one(Count::PacketsInUdp);
                self.counters.add(Count::BytesInUdp, datagram.len() as u64);
                self.receive(Path { via: Via::Udp, remote }, datagram);
            }
            self.settle();
            // What came since brings an event.
            if received < BATCH {
                return false;
            }
        }
        true
    }

    fn receive_stream(&mut self, token: Token) {
        let mut framed = std::mem::take(&mut self.framed);
        self.ports.streams.ready(token, self.now, self.counters, &mut |remote, datagram| {
            framed.push((remote, datagram.to_vec()));
        });
        for (remote, datagram) in framed.drain(..) {
            self.receive(Path { via: Via::Tcp, remote }, &datagram);
        }
        self.framed = framed;
        for remote in self.ports.streams.take_closed() {
            self.demux.unbind(Path { via: Via::Tcp, remote });
        }
        self.settle();
    }

    fn receive(&mut self, path: Path, datagram: &[u8]) {
        let Some(kind) = guard::kind(datagram) else {
            return self.counters.rejected(Reject::Malformed);
        };
        // A check names whom it is for; an address may have passed to another browser.
        let named = if kind == guard::Kind::Stun { guard::local_ufrag(datagram) } else { None };
        let found = match named {
            Some(ufrag) => self.demux.by_ufrag(ufrag),
            None => self.demux.find(path),
        };
        let Some(key) = found else {
            return match (named, kind) {
                (Some(_), _) => self.counters.one(Count::UnknownUfrag),
                (None, guard::Kind::Stun) => self.counters.one(Count::UnknownAddress),
                (None, guard::Kind::Dtls | guard::Kind::Rtp | guard::Kind::Rtcp) => {
                    self.counters.rejected(Reject::Unchecked);
                }
            };
        };
        let Some(member) = self.members.get_mut(key) else { return };
        let now = self.now;
        let received = catch_unwind(AssertUnwindSafe(|| member.peer.receive(now, path, kind, datagram)));
        match received {
            Ok(Received::Taken { checked, moved }) => {
                if checked {
                    member.checked = now;
                    self.demux.bind(path, key);
                    if path.via == Via::Tcp {
                        self.ports.streams.admit(path.remote);
                    }
                }
                if moved {
                    self.counters.one(Count::Rebinds);
                }
            }
            Ok(Received::NotAccepted) => return self.counters.one(Count::NotAccepted),
            Ok(Received::Rejected(reject)) => return self.counters.rejected(reject),
            Err(_) => return self.lose(key, Some(Count::PeerPanics)),
        }
        self.drain(key);
    }

    fn fire_timers(&mut self) {
        while let Some(Reverse((at, key))) = self.timers.peek().copied() {
            if at > self.now {
                return;
            }
            self.timers.pop();
            let Some(member) = self.members.get_mut(key) else { continue };
            if member.noted == Some(at) {
                member.noted = None;
            }
            match member.deadline {
                Some(deadline) if deadline <= self.now => self.drain(key),
                Some(deadline) => self.note(key, deadline),
                None => {}
            }
        }
    }

    /// Drains every peer that was touched, and sends. Afterwards nothing is unsent.
    fn settle(&mut self) {
        while let Some(key) = self.dirty.pop() {
            self.drain(key);
        }
        self.send();
    }

    fn send(&mut self) {
        if !self.outbox.is_empty() {
            self.ports.socket.send(&mut self.outbox, self.counters);
        }
    }

    fn touch(&mut self, key: PeerKey) {
        if let Some(member) = self.members.get_mut(key)
            && !member.dirty
        {
            member.dirty = true;
            self.dirty.push(key);
        }
    }

    fn drain(&mut self, key: PeerKey) {
        let Some(member) = self.members.get_mut(key) else { return };
        member.dirty = false;
        let (outbox, streams, counters, now) =
            (&mut self.outbox, &mut self.ports.streams, self.counters, self.now);
        let mut signals = std::mem::take(&mut self.signals);
        let drained = catch_unwind(AssertUnwindSafe(|| {
            let mut send = sender(outbox, streams, counters);
            member.peer.drain(now, &mut send, &mut signals)
        }));
        match drained {
            Ok(Ok(deadline)) => {
                // A stack that is due at once again gets the next turn, not an endless one.
                let deadline = deadline.max(now + Duration::from_millis(1));
                member.deadline = Some(deadline);
                self.note(key, deadline);
            }
            Ok(Err(Fault::Closed)) => self.lose(key, None),
            Ok(Err(
                fault @ (Fault::Handshake(_)
                | Fault::Certificate
                | Fault::Unknown
                | Fault::Endless
                | Fault::Offer(_)),
            )) => {
                tracing::debug!(%fault, "a media connection broke");
                self.lose(key, None);
            }
            Err(_) => self.lose(key, Some(Count::PeerPanics)),
        }
        if self.outbox.len() >= OUTBOX_FULL {
            self.send();
        }
        for signal in signals.drain(..) {
            // What a browser sends is read far beyond its own stack; whatever breaks there is its fault too, and its end alone.
            if catch_unwind(AssertUnwindSafe(|| self.handle(key, signal))).is_err() {
                self.lose(key, Some(Count::PeerPanics));
            }
        }
        self.signals = signals;
    }

    fn note(&mut self, key: PeerKey, deadline: Instant) {
        let Some(member) = self.members.get_mut(key) else { return };
        if member.noted.is_none_or(|noted| deadline < noted) {
            member.noted = Some(deadline);
            self.timers.push(Reverse((deadline, key)));
        }
    }

    /// Any number, different each time.
    fn any_number(&self, salt: u64) -> u64 {
        self.chance.hash_one((salt, self.now))
    }
}

fn sender<'b>(
    outbox: &'b mut Outbox,
    streams: &'b mut Streams,
    counters: &'b Counters,
) -> impl FnMut(Path, &[u8]) + 'b {
    move |path, datagram| match path.via {
        Via::Udp => outbox.push(path.remote, datagram),
        Via::Tcp => {
            // Dropped and counted there, where it does not fit.
            streams.send(path.remote, datagram, counters);
        }
    }
}
