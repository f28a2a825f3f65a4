//! A light media client with total control over what it sends: an RTP generator and receiver without any codec.
//!
//! It walks ICE, DTLS and SRTP like a browser, on one thread and one socket of its own. Every payload carries a [`Stamp`]: who sent
//! it, from which source, in which *phase*, which one it is. A test raises the phase at the instant of an acknowledgement; what a
//! listener decrypts of that phase was forwarded after it.

mod client;
mod seal;
mod stream;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use client::Client;
pub use hearth_load::payload::{self, Pace};
pub use hearth_load::stamp::{Stamp, now_us};
use hearth_protocol::{Source, TrackLabel};
pub use seal::Keys;
use str0m::change::{SdpAnswer, SdpPendingOffer};

/// What a client offers.
#[derive(Clone, Debug)]
pub struct Shape {
    pub microphone: bool,
    pub camera: bool,
    /// Simulcast layers of the camera, lowest first; empty: one layer without a RID.
    pub rids: Vec<&'static str>,
    pub audio_slots: usize,
    pub video_slots: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Shape { microphone: true, camera: true, rids: vec![], audio_slots: 4, video_slots: 4 }
    }
}

/// A client that has made its offer and waits for the answer.
#[derive(Debug)]
pub struct Offering {
    pub sdp: String,
    pub tracks: Vec<TrackLabel>,
    client: Client,
    pending: SdpPendingOffer,
}

/// A running client. Dropping it ends it without a word, as a dying phone would.
#[derive(Debug)]
pub struct Generator {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What arrived of one sender's source.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub packets: u64,
    pub highest_counter: u32,
    pub by_phase: BTreeMap<u32, u64>,
    pub slots: BTreeMap<String, u64>,
    pub last_arrival_us: u64,
    /// Every frame that arrived, by its counter, on its own or along with a later one.
    pub frames: BTreeSet<u32>,
    /// Those that arrived on their own.
    pub whole: BTreeSet<u32>,
}

/// What a client has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// By (sender, source as in [`Stamp::source`]).
    pub from: BTreeMap<(u32, u8), Tally>,
    /// Packets without a stamp.
    pub unstamped: u64,
    /// Sequence numbers that were skipped, by slot.
    pub gaps: u64,
    /// One-way microseconds of the latest packets, at most 100,000.
    pub latency_us: Vec<u32>,
    pub keyframes_asked: u64,
}

impl Received {
    pub(crate) fn count(&mut self, payload: &[u8], slot: String, arrival_us: u64) {
        let Some(stamp) = Stamp::find(payload) else {
            self.unstamped += 1;
            return;
        };
        if self.latency_us.len() < LATENCIES_MAX {
            self.latency_us.push(arrival_us.saturating_sub(stamp.sent_us) as u32);
        }
        let tally = self.from.entry((stamp.sender, stamp.source)).or_default();
        tally.packets += 1;
        tally.highest_counter = tally.highest_counter.max(stamp.counter);
        tally.last_arrival_us = arrival_us;
        tally.frames.insert(stamp.counter);
        tally.whole.insert(stamp.counter);
        *tally.by_phase.entry(stamp.phase).or_default() += 1;
        *tally.slots.entry(slot).or_default() += 1;
    }

    /// A frame that came along with a later one.
    pub(crate) fn count_along(&mut self, payload: &[u8]) {
        let Some(stamp) = Stamp::find(payload) else {
            self.unstamped += 1;
            return;
        };
        let tally = self.from.entry((stamp.sender, stamp.source)).or_default();
        tally.frames.insert(stamp.counter);
        *tally.by_phase.entry(stamp.phase).or_default() += 1;
    }

    /// Packets that arrived from this sender's source, in this phase or a later one.
    pub fn since(&self, sender: u32, source: u8, phase: u32) -> u64 {
        let Some(tally) = self.from.get(&(sender, source)) else { return 0 };
        tally.by_phase.range(phase..).map(|(_, packets)| packets).sum()
    }
}

#[derive(Debug)]
enum Order {
    Send { source: Source, pace: Option<Pace> },
    NewSsrc { source: Source },
    Raw(Vec<u8>),
    Chance { arriving: u8, leaving: u8 },
    Keep,
}

#[derive(Debug, Default)]
struct Shared {
    connected: AtomicBool,
    ended: AtomicBool,
    stop: AtomicBool,
    sent: AtomicU64,
    sent_in_phase: AtomicU64,
    phase: AtomicU32,
    received: Mutex<Received>,
    keys: OnceLock<Keys>,
    /// As they came, since the client was told to keep them.
    kept: Mutex<Option<Vec<Vec<u8>>>>,
}

const LATENCIES_MAX: usize = 100_000;

pub const MICROPHONE: u8 = 0;
pub const CAMERA: u8 = 1;

impl Generator {
    /// `sender` is put into each stamp.
    pub fn offer(sender: u32, shape: &Shape) -> io::Result<Offering> {
        Client::offer(sender, shape, 0)
    }

    /// One that offers redundant sound (RFC 2198): so many earlier frames go along with each one of the microphone.
    pub fn offer_redundant(sender: u32, shape: &Shape, earlier: usize) -> io::Result<Offering> {
        Client::offer(sender, shape, earlier)
    }

    pub fn is_connected(&self) -> bool {
        self.shared.connected.load(Ordering::Acquire)
    }

    /// The connection was closed by the other side, or failed.
    pub fn is_ended(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }

    pub fn send(&self, source: Source, pace: Pace) {
        self.order(Order::Send { source, pace: Some(pace) });
    }

    pub fn pause(&self, source: Source) {
        self.order(Order::Send { source, pace: None });
    }

    /// Goes on with this source from an SSRC that nobody negotiated.
    pub fn change_ssrc(&self, source: Source) {
        self.order(Order::NewSsrc { source });
    }

    /// Sends these bytes to the relay as they are, from the client's own address.
    pub fn send_raw(&self, datagram: Vec<u8>) {
        self.order(Order::Raw(datagram));
    }

    /// Those of the connection, once there is one.
    pub fn keys(&self) -> Option<&Keys> {
        self.shared.keys.get()
    }

    /// Keeps every datagram that arrives from now on, beside taking it.
    pub fn keep(&self) {
        self.order(Order::Keep);
    }

    pub fn take_kept(&self) -> Vec<Vec<u8>> {
        let mut kept = self.shared.kept.lock().expect("no client panics while it keeps");
        kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Loses one in so many arriving packets (0: none), so that the client asks for them again. By chance: what is counted off keeps
    /// hitting the same stream where several keep pace with each other.
    pub fn lose(&self, every: u8) {
        self.lose_by_chance(100_u8.checked_div(every).unwrap_or(0), 0);
    }

    /// Loses this share of the media that arrive and that leave, in per cent, by chance.
    pub fn lose_by_chance(&self, arriving: u8, leaving: u8) {
        self.order(Order::Chance { arriving, leaving });
    }

    /// Every stamp from now on is of this phase.
    pub fn set_phase(&self, phase: u32) {
        self.shared.phase.store(phase, Ordering::SeqCst);
    }

    /// Raises the phase and returns it.
    pub fn next_phase(&self) -> u32 {
        let phase = self.shared.phase.fetch_add(1, Ordering::SeqCst) + 1;
        self.shared.sent_in_phase.store(0, Ordering::Relaxed);
        phase
    }

    /// Packets of the present phase.
    pub fn sent_in_phase(&self) -> u64 {
        self.shared.sent_in_phase.load(Ordering::Relaxed)
    }

    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    pub fn received(&self) -> Received {
        self.shared.received.lock().expect("no client panics while it counts").clone()
    }

    /// Packets that arrived from this sender's source, in this phase or a later one.
    pub fn received_since(&self, sender: u32, source: u8, phase: u32) -> u64 {
        self.shared.received.lock().expect("no client panics while it counts").since(sender, source, phase)
    }

    fn order(&self, order: Order) {
        // The thread may be gone already: then nothing is sent, which a test sees.
        let _ = self.orders.send(order);
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Offering {
    /// Starts with the answer of the server.
    pub fn start(mut self, answer: &str) -> Result<Generator, String> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| error.to_string())?;
        self.client.rtc.sdp_api().accept_answer(self.pending, answer).map_err(|error| error.to_string())?;
        let (orders, inbox) = mpsc::channel();
        let shared = self.client.shared.clone();
        let mut client = self.client;
        let thread = thread::Builder::new()
            .name("generator".into())
            .spawn(move || client.run(&inbox))
            .map_err(|error| error.to_string())?;
        Ok(Generator { orders, shared, thread: Some(thread) })
    }
}
