//! A light media client with total control over what it sends: an RTP generator and receiver without any codec.
//!
//! It walks ICE, DTLS and SRTP like a browser, on one thread and one socket of its own. Every payload carries a [`Stamp`]: who sent
//! it, from which source, in which *phase*, which one it is. A test raises the phase at the instant of an acknowledgement; what a
//! listener decrypts of that phase was forwarded after it.

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use hearth_protocol::{Source, TrackLabel};
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    format::Codec,
    media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc},
};

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

/// How a source is sent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub packets_per_second: u32,
    /// Payload bytes, at least [`Stamp::BYTES`] and what VP8 needs.
    pub bytes: usize,
    /// RFC 6464 level in -dBov; none: the header extension is left out.
    pub level: Option<i8>,
}

impl Pace {
    /// Opus as it sounds: 50 packets a second.
    pub const VOICE: Pace = Pace { packets_per_second: 50, bytes: 90, level: Some(-20) };
    /// A modest camera: 100 packets a second, four to a frame.
    pub const VIDEO: Pace = Pace { packets_per_second: 100, bytes: 1_100, level: None };
}

/// What a payload says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub sender: u32,
    pub phase: u32,
    pub source: u8,
    pub counter: u32,
    /// Microseconds since the origin that all clients of a process share.
    pub sent_us: u64,
}

/// What arrived of one sender's source.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub packets: u64,
    pub highest_counter: u32,
    pub by_phase: BTreeMap<u32, u64>,
    pub slots: BTreeMap<String, u64>,
    pub last_arrival_us: u64,
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

#[derive(Debug)]
enum Order {
    Send { source: Source, pace: Option<Pace> },
    NewSsrc { source: Source },
    Raw(Vec<u8>),
    Drop { every: u32 },
}

#[derive(Debug, Default)]
struct Shared {
    connected: AtomicBool,
    ended: AtomicBool,
    stop: AtomicBool,
    sent: AtomicU64,
    phase: AtomicU32,
    received: Mutex<Received>,
}

pub const MICROPHONE: u8 = 0;
pub const CAMERA: u8 = 1;

impl Generator {
    /// `sender` is put into each stamp.
    pub fn offer(sender: u32, shape: &Shape) -> io::Result<Offering> {
        Client::offer(sender, shape)
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

    /// Loses one in so many arriving packets (0: none), so that the client asks for them again.
    pub fn lose(&self, every: u32) {
        self.order(Order::Drop { every });
    }

    /// Every stamp from now on is of this phase.
    pub fn set_phase(&self, phase: u32) {
        self.shared.phase.store(phase, Ordering::SeqCst);
    }

    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    pub fn received(&self) -> Received {
        self.shared.received.lock().expect("no client panics while it counts").clone()
    }

    /// Packets that arrived from this sender's source, in this phase or a later one.
    pub fn received_since(&self, sender: u32, source: u8, phase: u32) -> u64 {
        let received = self.shared.received.lock().expect("no client panics while it counts");
        let Some(tally) = received.from.get(&(sender, source)) else { return 0 };
        tally.by_phase.range(phase..).map(|(_, packets)| packets).sum()
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

impl Stamp {
    pub const BYTES: usize = 25;
    const MAGIC: [u8; 4] = *b"HrTh";

    fn write(self, to: &mut [u8]) {
        to[..4].copy_from_slice(&Self::MAGIC);
        to[4..8].copy_from_slice(&self.sender.to_be_bytes());
        to[8..12].copy_from_slice(&self.phase.to_be_bytes());
        to[12] = self.source;
        to[13..17].copy_from_slice(&self.counter.to_be_bytes());
        to[17..25].copy_from_slice(&self.sent_us.to_be_bytes());
    }

    /// Finds the stamp behind whatever payload descriptor stands before it.
    pub fn find(payload: &[u8]) -> Option<Stamp> {
        let at = payload.windows(4).take(24).position(|window| window == Self::MAGIC)?;
        let bytes = payload.get(at..at + Self::BYTES)?;
        let word = |from: usize| u32::from_be_bytes(bytes[from..from + 4].try_into().expect("four bytes"));
        Some(Stamp {
            sender: word(4),
            phase: word(8),
            source: bytes[12],
            counter: word(13),
            sent_us: u64::from_be_bytes(bytes[17..25].try_into().expect("eight bytes")),
        })
    }
}

#[derive(Debug)]
struct Client {
    sender: u32,
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    streams: Vec<Stream>,
    shared: Arc<Shared>,
    origin: Instant,
    last_seq: BTreeMap<Ssrc, u64>,
    lose_every: u32,
    arrived: u32,
}

/// One RTP stream that this client sends: the microphone, or one layer of the camera.
#[derive(Debug)]
struct Stream {
    source: Source,
    mid: Mid,
    rid: Option<Rid>,
    own_ssrc: Option<Ssrc>,
    pace: Option<Pace>,
    due: Instant,
    seq: u64,
    time: u32,
    counter: u32,
    picture: u16,
    packet_of_frame: u32,
    key_due: bool,
}

/// Packets to a picture.
const FRAME_PACKETS: u32 = 4;
const LATENCIES_MAX: usize = 100_000;

fn origin() -> Instant {
    static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

impl Client {
    fn offer(sender: u32, shape: &Shape) -> io::Result<Offering> {
        let origin = origin();
        let now = Instant::now();
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let local = socket.local_addr()?;
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        let host = Candidate::host(local, "udp").map_err(io::Error::other)?;
        rtc.add_local_candidate(host);

        let mut changes = rtc.sdp_api();
        let mut tracks = vec![];
        let mut streams = vec![];
        let mut publish = |mid: Mid, source: Source, rid: Option<Rid>| {
            streams.push(Stream {
                source,
                mid,
                rid,
                own_ssrc: None,
                pace: None,
                due: now,
                seq: 1_000 + u64::from(sender) * 7,
                time: 90_000 * sender,
                counter: 0,
                picture: 0,
                packet_of_frame: 0,
                key_due: true,
            });
        };
        if shape.microphone {
            let mid = changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
            tracks.push(TrackLabel { mid: mid.to_string(), source: Source::Microphone });
            publish(mid, Source::Microphone, None);
        }
        if shape.camera {
            let simulcast = (!shape.rids.is_empty()).then(|| Simulcast {
                send: shape.rids.iter().map(|rid| SimulcastLayer::new(rid)).collect(),
                recv: vec![],
            });
            let mid = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast);
            tracks.push(TrackLabel { mid: mid.to_string(), source: Source::Camera });
            if shape.rids.is_empty() {
                publish(mid, Source::Camera, None);
            }
            for rid in &shape.rids {
                publish(mid, Source::Camera, Some((*rid).into()));
            }
        }
        for _ in 0..shape.audio_slots {
            changes.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        for _ in 0..shape.video_slots {
            changes.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = changes.apply().ok_or_else(|| io::Error::other("a shape without media"))?;
        let client = Client {
            sender,
            rtc,
            socket,
            local,
            remote: None,
            streams,
            shared: Arc::default(),
            origin,
            last_seq: BTreeMap::new(),
            lose_every: 0,
            arrived: 0,
        };
        Ok(Offering { sdp: offer.to_sdp_string(), tracks, client, pending })
    }

    fn run(&mut self, orders: &mpsc::Receiver<Order>) {
        let mut buffer = vec![0; 2_048];
        while !self.shared.stop.load(Ordering::Acquire) && self.rtc.is_alive() {
            while let Ok(order) = orders.try_recv() {
                self.obey(order);
            }
            self.send_due(Instant::now());
            let Some(wake) = self.drain() else { break };
            let pace =
                self.streams.iter().filter(|stream| stream.pace.is_some()).map(|stream| stream.due).min();
            let until = pace.map_or(wake, |pace| pace.min(wake));
            let wait = until.saturating_duration_since(Instant::now());
            self.receive(&mut buffer, wait.clamp(Duration::from_micros(200), Duration::from_millis(5)));
        }
        self.shared.ended.store(true, Ordering::Release);
    }

    /// Sends what is to be sent and returns the time of the next timeout.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(at) => return Some(at),
                Output::Transmit(datagram) => {
                    self.remote = Some(datagram.destination);
                    // A full socket loses a packet, as any network may.
                    let _ = self.socket.send_to(&datagram.contents, datagram.destination);
                }
                Output::Event(event) => self.note(event),
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8], wait: Duration) {
        let _ = self.socket.set_read_timeout(Some(wait));
        let mut first = true;
        while let Ok((length, source)) = self.socket.recv_from(buffer) {
            self.take(&buffer[..length], source);
            if first {
                first = false;
                let _ = self.socket.set_nonblocking(true);
            }
        }
        if !first {
            let _ = self.socket.set_nonblocking(false);
        }
        let _ = self.rtc.handle_input(Input::Timeout(Instant::now()));
    }

    fn take(&mut self, datagram: &[u8], source: SocketAddr) {
        let is_media = datagram.first().is_some_and(|byte| (128..192).contains(byte))
            && datagram.get(1).is_some_and(|byte| !(192..224).contains(byte));
        if is_media && self.lose_every > 0 {
            self.arrived = self.arrived.wrapping_add(1);
            if self.arrived.is_multiple_of(self.lose_every) {
                return;
            }
        }
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, datagram) else { return };
        let _ = self.rtc.handle_input(Input::Receive(Instant::now(), receive));
    }

    fn note(&mut self, event: Event) {
        if let Event::Connected = event {
            self.shared.connected.store(true, Ordering::Release);
        } else if let Event::KeyframeRequest(request) = event {
            self.shared.received.lock().expect("only this thread counts").keyframes_asked += 1;
            for stream in &mut self.streams {
                if stream.mid == request.mid && (request.rid.is_none() || stream.rid == request.rid) {
                    stream.key_due = true;
                }
            }
        } else if let Event::RtpPacket(packet) = event {
            self.count(&packet);
        }
    }

    fn count(&mut self, packet: &RtpPacket) {
        let arrival_us = micros(self.origin);
        let ssrc = packet.header.ssrc;
        let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid().to_string());
        let mut received = self.shared.received.lock().expect("only this thread counts");
        let seq = *packet.seq_no;
        if let Some(last) = self.last_seq.insert(ssrc, seq)
            && seq > last + 1
        {
            received.gaps += seq - last - 1;
        }
        let Some(stamp) = Stamp::find(&packet.payload) else {
            received.unstamped += 1;
            return;
        };
        if received.latency_us.len() < LATENCIES_MAX {
            received.latency_us.push(arrival_us.saturating_sub(stamp.sent_us) as u32);
        }
        let tally = received.from.entry((stamp.sender, stamp.source)).or_default();
        tally.packets += 1;
        tally.highest_counter = tally.highest_counter.max(stamp.counter);
        tally.last_arrival_us = arrival_us;
        *tally.by_phase.entry(stamp.phase).or_default() += 1;
        *tally.slots.entry(mid.unwrap_or_default()).or_default() += 1;
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Send { source, pace } => {
                for stream in self.streams.iter_mut().filter(|stream| stream.source == source) {
                    stream.pace = pace;
                    stream.due = Instant::now();
                    stream.key_due = true;
                }
            }
            Order::NewSsrc { source } => {
                for stream in self.streams.iter_mut().filter(|stream| stream.source == source) {
                    let mut api = self.rtc.direct_api();
                    let ssrc = api.new_ssrc();
                    api.declare_stream_tx(ssrc, None, stream.mid, stream.rid);
                    stream.own_ssrc = Some(ssrc);
                }
            }
            Order::Raw(datagram) => {
                if let Some(remote) = self.remote {
                    let _ = self.socket.send_to(&datagram, remote);
                }
            }
            Order::Drop { every } => self.lose_every = every,
        }
    }

    fn send_due(&mut self, now: Instant) {
        if !self.rtc.is_connected() {
            return;
        }
        for at in 0..self.streams.len() {
            // After a pause of the machine, go on rather than catch up for ever.
            for _ in 0..8 {
                let Some(pace) = self.streams[at].pace.filter(|_| self.streams[at].due <= now) else { break };
                self.streams[at].due += Duration::from_secs(1) / pace.packets_per_second.max(1);
                self.send_one(at, pace, now);
                self.drain();
            }
            if self.streams[at].due + Duration::from_millis(200) < now {
                self.streams[at].due = now;
            }
        }
    }

    fn send_one(&mut self, at: usize, pace: Pace, now: Instant) {
        let stamp = Stamp {
            sender: self.sender,
            phase: self.shared.phase.load(Ordering::SeqCst),
            source: if self.streams[at].source == Source::Microphone { MICROPHONE } else { CAMERA },
            counter: self.streams[at].counter,
            sent_us: micros(self.origin),
        };
        let stream = &mut self.streams[at];
        stream.counter += 1;
        stream.seq += 1;
        let is_voice = stream.source == Source::Microphone;
        let codec = if is_voice { Codec::Opus } else { Codec::Vp8 };
        let Some(pt) =
            self.rtc.codec_config().find(|params| params.spec().codec == codec).map(|params| params.pt())
        else {
            return;
        };
        let (payload, marker) =
            if is_voice { (stream.voice(stamp, pace), false) } else { stream.vp8(stamp, pace) };
        let extensions = ExtensionValues {
            audio_level: pace.level,
            voice_activity: pace.level.map(|level| level > -50),
            ..ExtensionValues::default()
        };
        let write = RtpWrite::new(pt, stream.seq.into(), stream.time, now, payload)
            .marker(marker)
            .nackable(true)
            .ext_vals(extensions);
        let (mid, rid, own) = (stream.mid, stream.rid, stream.own_ssrc);
        let mut api = self.rtc.direct_api();
        let tx = match own {
            Some(ssrc) => api.stream_tx(&ssrc),
            None => api.stream_tx_by_mid(mid, rid),
        };
        let Some(tx) = tx else { return };
        tx.set_unpaced(true);
        tx.write_rtp(write);
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        let _ = self.rtc.handle_input(Input::Timeout(now));
    }
}

impl Stream {
    fn voice(&mut self, stamp: Stamp, pace: Pace) -> Vec<u8> {
        self.time = self.time.wrapping_add(48_000 / pace.packets_per_second.max(1));
        let mut payload = vec![0; pace.bytes.max(Stamp::BYTES)];
        stamp.write(&mut payload);
        payload
    }

    /// A packet as RFC 7741 has it: payload descriptor with picture id and TL0PICIDX, and at a frame's start the frame tag.
    fn vp8(&mut self, stamp: Stamp, pace: Pace) -> (Vec<u8>, bool) {
        let starts = self.packet_of_frame == 0;
        if starts {
            self.picture = (self.picture + 1) & 0x7fff;
            self.time = self.time.wrapping_add(90_000 / (pace.packets_per_second / FRAME_PACKETS).max(1));
        }
        let mut payload = vec![if starts { 0x90 } else { 0x80 }, 0xc0];
        payload.extend((0x8000 | self.picture).to_be_bytes());
        payload.push(self.picture as u8);
        if starts {
            let key = std::mem::take(&mut self.key_due);
            payload.extend([u8::from(!key), 0, 0]);
            if key {
                payload.extend([0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
            }
        }
        let head = payload.len();
        payload.resize((head + Stamp::BYTES).max(pace.bytes), 0);
        stamp.write(&mut payload[head..]);
        self.packet_of_frame = (self.packet_of_frame + 1) % FRAME_PACKETS;
        (payload, self.packet_of_frame == 0)
    }
}

fn micros(origin: Instant) -> u64 {
    Instant::now().saturating_duration_since(origin).as_micros() as u64
}
