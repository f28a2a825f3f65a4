//! All clients, on one thread: their sockets, what they send and when, what they count.

use std::{
    array,
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    io::{self, IoSliceMut},
    net::SocketAddr,
    ops::Range,
    os::fd::AsRawFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use nix::{
    errno::Errno,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg},
        time::TimeSpec,
    },
};

use crate::{
    client::{Client, FEEDBACK_US, Sum, now_us},
    stamp,
};

const BATCH: usize = 64;
const DATAGRAM_MAX: usize = 2_048;
/// Readiness is looked for about so often, so that what arrives close together is received together. The kernel has stamped it by then.
const TURN: Duration = Duration::from_millis(1);

/// A running crowd. Dropping it ends all clients without a word.
#[derive(Debug)]
pub struct Crowd {
    orders: mpsc::Sender<Order>,
    pub received: Arc<AtomicU64>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug)]
enum Order {
    Join(Box<Client>),
    Leave(u32),
    Speak,
    Mark,
    Sum(Range<u32>, mpsc::Sender<Sum>),
    End,
}

impl Crowd {
    pub fn gather() -> io::Result<Crowd> {
        let (orders, inbox) = mpsc::channel();
        let received = Arc::new(AtomicU64::new(0));
        let counted = received.clone();
        let run = move || Worker::new(inbox, counted)?.run();
        let thread = thread::Builder::new().name("crowd".into()).spawn(run)?;
        Ok(Crowd { orders, received, thread: Some(thread) })
    }

    pub fn join(&self, client: Client) {
        self.order(Order::Join(Box::new(client)));
    }

    /// By the client's number.
    pub fn leave(&self, number: u32) {
        self.order(Order::Leave(number));
    }

    /// From now on everyone sends, also who joins later.
    pub fn speak(&self) {
        self.order(Order::Speak);
    }

    /// From now on it counts.
    pub fn mark(&self) {
        self.order(Order::Mark);
    }

    /// What clients with these numbers have seen since the mark.
    pub fn sum(&self, numbers: Range<u32>) -> Sum {
        let (answer, sum) = mpsc::channel();
        self.order(Order::Sum(numbers, answer));
        sum.recv().unwrap_or_default()
    }

    fn order(&self, order: Order) {
        // The thread may be gone: then nothing is received, which is seen.
        let _ = self.orders.send(order);
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.order(Order::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Send { client: usize, stream: usize },
    Drive { client: usize },
    Report { client: usize },
}

struct Worker {
    inbox: mpsc::Receiver<Order>,
    received: Arc<AtomicU64>,
    poll: Poll,
    clients: Vec<Option<Box<Client>>>,
    /// By number.
    places: HashMap<u32, usize>,
    due: BinaryHeap<Reverse<(Instant, Due)>>,
    speaking: bool,
    packet: Vec<u8>,
    buffers: Vec<u8>,
    headers: MultiHeaders<SockaddrIn>,
}

impl Worker {
    fn new(inbox: mpsc::Receiver<Order>, received: Arc<AtomicU64>) -> io::Result<Worker> {
        Ok(Worker {
            inbox,
            received,
            poll: Poll::new()?,
            clients: vec![],
            places: HashMap::new(),
            due: BinaryHeap::new(),
            speaking: false,
            packet: Vec::with_capacity(DATAGRAM_MAX),
            buffers: vec![0; BATCH * DATAGRAM_MAX],
            headers: headers(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        loop {
            let until = Instant::now() + TURN;
            while let Ok(order) = self.inbox.try_recv() {
                if !self.obey(order) {
                    return Ok(());
                }
            }
            match self.poll.poll(&mut events, Some(TURN)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let now = Instant::now();
            for event in &events {
                self.receive(event.token().0, now);
            }
            self.fire(Instant::now());
            // The rest of the turn: more arrives meanwhile.
            thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }

    /// False: it is over.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Join(client) => self.join(client),
            Order::Leave(number) => {
                if let Some(at) = self.places.remove(&number) {
                    // Closing the socket takes it out of the poll.
                    self.clients[at] = None;
                }
            }
            Order::Speak => {
                self.speaking = true;
                (0..self.clients.len()).for_each(|client| self.begin(client));
            }
            Order::Mark => self.clients.iter_mut().flatten().for_each(|client| client.mark()),
            Order::Sum(numbers, answer) => {
                let mut sum = Sum::default();
                let theirs = self.clients.iter().flatten().filter(|it| numbers.contains(&it.number));
                theirs.for_each(|client| client.add_to(&mut sum));
                // Whoever asked has gone: then nobody wants it.
                let _ = answer.send(sum);
            }
            Order::End => return false,
        }
        true
    }

    fn join(&mut self, client: Box<Client>) {
        let at = self.clients.len();
        let registry = self.poll.registry();
        let fd = client.socket.as_raw_fd();
        if registry.register(&mut SourceFd(&fd), Token(at), Interest::READABLE).is_err() {
            return;
        }
        let now = Instant::now();
        self.places.insert(client.number, at);
        self.clients.push(Some(client));
        self.due.push(Reverse((now, Due::Drive { client: at })));
        // Not all at the same moment.
        let phase = Duration::from_micros(at as u64 * 7_919 % FEEDBACK_US);
        self.due.push(Reverse((now + phase, Due::Report { client: at })));
        if self.speaking {
            self.begin(at);
        }
    }

    fn begin(&mut self, client: usize) {
        let Some(who) = &self.clients[client] else { return };
        for (stream, sends) in who.streams.iter().enumerate() {
            let phase = (client * 7_919 + stream * 104_729) as f64 / 1e4 % 1.0;
            let at = Instant::now() + Duration::from_secs_f64(phase / sends.bursts_per_second());
            self.due.push(Reverse((at, Due::Send { client, stream })));
        }
    }

    fn fire(&mut self, now: Instant) {
        while let Some(Reverse((at, due))) = self.due.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.due.pop();
            let again = match due {
                Due::Send { client, stream } => self.clients[client].as_mut().map(|client| {
                    client.send(stream, &mut self.packet);
                    let next = at + Duration::from_secs_f64(1.0 / client.streams[stream].bursts_per_second());
                    // After a pause of the machine, go on rather than catch up.
                    next.max(now - Duration::from_millis(100))
                }),
                Due::Drive { client } => {
                    let wake = self.clients[client].as_mut().and_then(|client| client.drive(now));
                    wake.map(|wake| wake.max(now + Duration::from_millis(1)))
                }
                Due::Report { client } => self.clients[client].as_mut().map(|client| {
                    client.report(now_us());
                    at.max(now - Duration::from_secs(1)) + Duration::from_micros(FEEDBACK_US)
                }),
            };
            self.due.extend(again.map(|at| Reverse((at, due))));
        }
    }

    fn receive(&mut self, at: usize, now: Instant) {
        let Some(client) = &mut self.clients[at] else { return };
        let mut stack = false;
        let fd = client.socket.as_raw_fd();
        loop {
            let mut chunks = self.buffers.chunks_exact_mut(DATAGRAM_MAX);
            let mut slices: [[IoSliceMut; 1]; BATCH] =
                array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
            let messages = recvmmsg(fd, &mut self.headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None);
            let arrived: Vec<(usize, SocketAddr, u64)> = match messages {
                Ok(messages) => messages
                    .map(|message| {
                        let from =
                            message.address.map(|address| SocketAddr::from((address.ip(), address.port())));
                        let stamped = message.cmsgs().ok().and_then(|mut all| all.find_map(arrival));
                        (message.bytes, from.unwrap_or(client.local()), stamped.unwrap_or_else(now_us))
                    })
                    .collect(),
                Err(Errno::EINTR) => continue,
                // Nothing more; or an ICMP error of an earlier datagram's.
                Err(_) => break,
            };
            for ((length, from, at_us), buffer) in
                arrived.iter().zip(self.buffers.chunks_exact_mut(DATAGRAM_MAX))
            {
                stack |= client.take(&mut buffer[..*length], *from, *at_us, now);
            }
            self.received.fetch_add(arrived.len() as u64, Ordering::Relaxed);
            if arrived.len() < BATCH {
                break;
            }
        }
        if stack {
            client.drive(now);
        }
    }
}

fn arrival(message: ControlMessageOwned) -> Option<u64> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only one kind was asked for")]
    match message {
        ControlMessageOwned::ScmTimestampns(at) => {
            Some(stamp::at_us(at.tv_sec() as u64 * 1_000_000_000 + at.tv_nsec() as u64))
        }
        _ => None,
    }
}

fn headers() -> MultiHeaders<SockaddrIn> {
    MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(TimeSpec)))
}
