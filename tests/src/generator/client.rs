//! The thread of one client: its socket, its connection, what it sends and what it counts.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{SocketAddr, UdpSocket},
    sync::{Arc, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use hearth_load::keys;
use hearth_protocol::{Source, TrackLabel};
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    format::Codec,
    media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RedDecoder, RtpPacket, RtpWrite, Ssrc},
};

use super::{
    CAMERA, Keys, MICROPHONE, Offering, Order, Pace, Shape, Shared, Stamp, now_us, payload, stream::Stream,
};

#[derive(Debug)]
pub(super) struct Client {
    sender: u32,
    pub(super) rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    streams: Vec<Stream>,
    pub(super) shared: Arc<Shared>,
    last_seq: BTreeMap<Ssrc, u64>,
    red: usize,
    /// In per cent: of what arrives and of what leaves.
    lose: (u8, u8),
    dice: u64,
}

impl Client {
    pub(super) fn offer(sender: u32, shape: &Shape, red: usize) -> io::Result<Offering> {
        let now = Instant::now();
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let local = socket.local_addr()?;
        let shared = Arc::<Shared>::default();
        let mut rtc = Rtc::builder()
            .set_crypto_provider(keys::provider())
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, red > 0)
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
                picture: payload::Vp8::default(),
                sent: VecDeque::new(),
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
            shared,
            last_seq: BTreeMap::new(),
            red,
            lose: (0, 0),
            dice: 0x5eed_0000_0001 + u64::from(sender),
        };
        Ok(Offering { sdp: offer.to_sdp_string(), tracks, client, pending })
    }

    pub(super) fn run(&mut self, orders: &mpsc::Receiver<Order>) {
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
        // Whoever means ill does not end with the connection: what is made by hand is sent on, and what arrives is kept.
        while !self.shared.stop.load(Ordering::Acquire) {
            while let Ok(order) = orders.try_recv() {
                self.obey(order);
            }
            self.receive(&mut buffer, Duration::from_millis(5));
        }
    }

    /// Sends what is to be sent and returns the time of the next timeout.
    fn drain(&mut self) -> Option<Instant> {
        let wake = loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(at) => break at,
                Output::Transmit(datagram) => {
                    self.remote = Some(datagram.destination);
                    if is_media(&datagram.contents) && self.is_lost(self.lose.1) {
                        continue;
                    }
                    // A full socket loses a packet, as any network may.
                    let _ = self.socket.send_to(&datagram.contents, datagram.destination);
                }
                Output::Event(event) => self.note(event),
            }
        };
        if let Some(keys) = keys::take().and_then(|material| Keys::of(&material)) {
            self.shared.keys.get_or_init(|| keys);
        }
        Some(wake)
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
        if is_media(datagram) && self.is_lost(self.lose.0) {
            return;
        }
        if let Some(kept) = &mut *self.shared.kept.lock().expect("only this thread keeps") {
            kept.push(datagram.to_vec());
        }
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, datagram) else { return };
        let _ = self.rtc.handle_input(Input::Receive(Instant::now(), receive));
        // The stack holds one packet for its reader: the next would take its place.
        self.drain();
    }

    /// A small generator of its own (xorshift), the same in every run.
    fn is_lost(&mut self, per_cent: u8) -> bool {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % 100 < u64::from(per_cent)
    }

    fn note(&mut self, event: Event) {
        if let Event::Connected = event {
            self.shared.connected.store(true, Ordering::Release);
        } else if let Event::KeyframeRequest(request) = event {
            self.shared.received.lock().expect("only this thread counts").keyframes_asked += 1;
            for stream in &mut self.streams {
                if stream.mid == request.mid && (request.rid.is_none() || stream.rid == request.rid) {
                    stream.picture.key_due = true;
                }
            }
        } else if let Event::RtpPacket(packet) = event {
            self.count(&packet);
        }
    }

    fn count(&mut self, packet: &RtpPacket) {
        let arrival_us = now_us();
        let ssrc = packet.header.ssrc;
        let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid().to_string());
        let mut received = self.shared.received.lock().expect("only this thread counts");
        let seq = *packet.seq_no;
        if let Some(last) = self.last_seq.insert(ssrc, seq)
            && seq > last + 1
        {
            received.gaps += seq - last - 1;
        }
        let red = self.rtc.codec_config().params().iter().find_map(|params| params.red());
        if red != Some(packet.header.payload_type) {
            return received.count(&packet.payload, mid.unwrap_or_default(), arrival_us);
        }
        let blocks = RedDecoder::decode(&packet.payload).unwrap_or_default();
        let Some((own, along)) = blocks.split_last() else {
            received.unstamped += 1;
            return;
        };
        received.count(own.payload, mid.unwrap_or_default(), arrival_us);
        along.iter().for_each(|block| received.count_along(block.payload));
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Send { source, pace } => {
                for stream in self.streams.iter_mut().filter(|stream| stream.source == source) {
                    stream.pace = pace;
                    stream.due = Instant::now();
                    stream.picture.key_due = true;
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
            Order::Keep => {
                *self.shared.kept.lock().expect("only this thread keeps") = Some(vec![]);
            }
            Order::Chance { arriving, leaving } => self.lose = (arriving, leaving),
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
            sent_us: now_us(),
        };
        let stream = &mut self.streams[at];
        stream.counter += 1;
        stream.seq += 1;
        let is_voice = stream.source == Source::Microphone;
        let codec = if is_voice { Codec::Opus } else { Codec::Vp8 };
        let Some(params) = self.rtc.codec_config().find(|params| params.spec().codec == codec) else {
            return;
        };
        let (payload, marker) = stream.next(stamp, pace);
        let (pt, payload) = match params.red().filter(|_| is_voice) {
            Some(red) => (red, stream.wrap(params.pt(), payload, self.red)),
            None => (params.pt(), payload),
        };
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
        if stamp.phase == self.shared.phase.load(Ordering::SeqCst) {
            self.shared.sent_in_phase.fetch_add(1, Ordering::Relaxed);
        }
        let _ = self.rtc.handle_input(Input::Timeout(now));
    }
}

/// RTP, not RTCP (RFC 5761).
fn is_media(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|byte| (128..192).contains(byte))
        && datagram.get(1).is_some_and(|byte| !(192..224).contains(byte))
}
