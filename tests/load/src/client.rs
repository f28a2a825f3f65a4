//! One client of a relay: str0m walks ICE and DTLS with it, as a browser would; from then on RTP goes past the stack. What arrives is
//! counted, and one packet in sixteen is opened, to see that it is what was sent and when.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use hearth_protocol::{Source, TrackLabel};
use nix::sys::socket::{setsockopt, sockopt};
use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    config::DtlsVersion,
    format::Codec,
    media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
    rtp::{Extension, ExtensionMap},
};

use crate::{
    keys,
    payload::Pace,
    rtcp,
    srtp::{self, Master, Seal},
    stamp::{self, Stamp},
    stream::Stream,
};

/// One packet in so many is opened.
const SAMPLE: u16 = 16;
const BUFFER: usize = 1 << 20;
/// A browser tells transport feedback about so often.
pub const FEEDBACK_US: u64 = 100_000;
const REPORT_US: u64 = 1_000_000;

/// What a client sends and has places for.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub microphone: bool,
    /// Each layer of the camera by name, the smallest first; one without a name is no simulcast.
    pub camera: Vec<(&'static str, Pace)>,
    pub audio_slots: usize,
    pub video_slots: usize,
}

/// What was heard of one SSRC.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    highest: u32,
    packets: u64,
    /// Where the count of packets, and of numbers, began.
    mark: (u64, u32),
}

/// What all clients together have seen since a mark.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    pub sent: u64,
    pub received: u64,
    pub bytes: u64,
    /// Numbers that were skipped.
    pub lost: u64,
    /// Packets that could not be opened.
    pub unreadable: u64,
    /// From before the system call that sends a packet to the kernel's stamp where it arrives.
    pub latencies_us: Vec<u32>,
}

#[derive(Debug)]
struct Link {
    ours: Seal,
    theirs: Seal,
    reports: u32,
}

#[derive(Debug)]
pub struct Client {
    pub number: u32,
    pub socket: UdpSocket,
    pub streams: Vec<Stream>,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    /// None: keys and addresses were agreed on beforehand.
    rtc: Option<Rtc>,
    link: Option<Link>,
    connected: Arc<AtomicBool>,
    heard: HashMap<u32, Heard>,
    sum: Sum,
    /// The number of the transport-wide extension in what arrives.
    transport: Option<u8>,
    transport_sent: u16,
    arrivals: Vec<(u16, u64)>,
    feedbacks: u8,
    report_at: u64,
}

/// A client that has made its offer and waits for the answer.
#[derive(Debug)]
pub struct Offering {
    pub sdp: String,
    pub tracks: Vec<TrackLabel>,
    client: Client,
    pending: SdpPendingOffer,
}

/// Whether a client has walked ICE and DTLS.
#[derive(Clone, Debug)]
pub struct Connected(Arc<AtomicBool>);

impl Connected {
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Client {
    /// `on`: an address of this machine.
    pub fn offer(number: u32, shape: &Shape, on: IpAddr) -> io::Result<Offering> {
        let mut client = Client::new(number, on)?;
        let mut rtc = stack(client.local)?;
        let mut changes = rtc.sdp_api();
        let mut tracks = vec![];
        if shape.microphone {
            let mid = changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
            tracks.push(TrackLabel { mid: mid.to_string(), source: Source::Microphone });
            client.streams.push(Stream::microphone(number, mid));
        }
        if !shape.camera.is_empty() {
            let layers = || shape.camera.iter().filter(|(rid, _)| !rid.is_empty());
            let send: Vec<_> = layers().map(|(rid, _)| SimulcastLayer::new(rid)).collect();
            let simulcast = (!send.is_empty()).then_some(Simulcast { send, recv: vec![] });
            let mid = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast);
            tracks.push(TrackLabel { mid: mid.to_string(), source: Source::Camera });
            client.streams.extend(shape.camera.iter().enumerate().map(|(layer, (rid, pace))| {
                let rid = (!rid.is_empty()).then(|| Rid::from(*rid));
                Stream::camera(number, (mid, rid), layer, *pace)
            }));
        }
        for (kind, count) in [(MediaKind::Audio, shape.audio_slots), (MediaKind::Video, shape.video_slots)] {
            for _ in 0..count {
                changes.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        let (offer, pending) = changes.apply().ok_or_else(|| io::Error::other("a shape without media"))?;
        client.rtc = Some(rtc);
        Ok(Offering { sdp: offer.to_sdp_string(), tracks, client, pending })
    }

    /// Answers a relay's offer of what is to be received.
    pub fn answer(number: u32, offer: &str, on: IpAddr) -> Result<(Client, String), String> {
        let mut client = Client::new(number, on).map_err(|error| error.to_string())?;
        let mut rtc = stack(client.local).map_err(|error| error.to_string())?;
        client.transport = transport_extension(offer);
        let parsed = SdpOffer::from_sdp_string(offer).map_err(|error| error.to_string())?;
        let answer = rtc.sdp_api().accept_offer(parsed).map_err(|error| error.to_string())?;
        client.rtc = Some(rtc);
        Ok((client, answer.to_sdp_string()))
    }

    /// One whose keys are agreed on already: its own and the relay's.
    pub fn bare(number: u32, shape: &Shape, remote: SocketAddr, keys: [&Master; 2]) -> io::Result<Client> {
        let mut client = Client::new(number, remote.ip())?;
        client.remote = Some(remote);
        let (audio, video) = (Mid::from("0"), Mid::from("1"));
        if shape.microphone {
            client.streams.push(Stream::microphone(number, audio));
        }
        let layers = shape.camera.iter().enumerate();
        client
            .streams
            .extend(layers.map(|(layer, (_, pace))| Stream::camera(number, (video, None), layer, *pace)));
        for (at, stream) in (1..).zip(&mut client.streams) {
            (stream.ssrc, stream.payload_type) = (number << 8 | at, 96);
        }
        let [ours, theirs] = keys.map(Seal::from);
        client.link = Some(Link { ours, theirs, reports: 0 });
        client.connected.store(true, Ordering::Release);
        Ok(client)
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    pub fn connected(&self) -> Connected {
        Connected(self.connected.clone())
    }

    fn new(number: u32, on: IpAddr) -> io::Result<Client> {
        let socket = UdpSocket::bind((on, 0))?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RcvBuf, &BUFFER)?;
        let local = socket.local_addr()?;
        Ok(Client {
            number,
            socket,
            streams: vec![],
            local,
            remote: None,
            rtc: None,
            link: None,
            connected: Arc::default(),
            heard: HashMap::new(),
            sum: Sum::default(),
            transport: None,
            transport_sent: 0,
            arrivals: vec![],
            feedbacks: 0,
            report_at: 0,
        })
    }

    /// Lets the stack's time go on; when to come back.
    pub fn drive(&mut self, now: Instant) -> Option<Instant> {
        let rtc = self.rtc.as_mut()?;
        // An error is the connection's end, which shows in `connected` and in what is not received.
        rtc.handle_input(Input::Timeout(now)).ok()?;
        self.drain()
    }

    fn drain(&mut self) -> Option<Instant> {
        let rtc = self.rtc.as_mut()?;
        let mut connected = false;
        let wake = loop {
            match rtc.poll_output().ok()? {
                Output::Timeout(at) => break at,
                Output::Transmit(datagram) => {
                    self.remote = Some(datagram.destination);
                    // Reports of media are our own business.
                    if !(128..192).contains(&datagram.contents[0]) {
                        // A full socket loses a packet, as any network may.
                        let _ = self.socket.send_to(&datagram.contents, datagram.destination);
                    }
                }
                Output::Event(Event::Connected) => connected = true,
                Output::Event(_) => {}
            }
        };
        if let Some([ours, theirs]) = keys::take().and_then(|material| material.seals()) {
            self.link = Some(Link { ours, theirs, reports: 0 });
        }
        if connected && self.link.is_some() {
            self.name_streams();
            self.connected.store(true, Ordering::Release);
        }
        Some(wake)
    }

    /// Takes over from the stack what was negotiated of each stream.
    fn name_streams(&mut self) {
        let Some(rtc) = &mut self.rtc else { return };
        for stream in &mut self.streams {
            let codec = if stream.source == Source::Microphone { Codec::Opus } else { Codec::Vp8 };
            let params = rtc.codec_config().find(|params| params.spec().codec == codec);
            stream.payload_type = params.map_or(0, |params| *params.pt());
            let mut api = rtc.direct_api();
            if let Some(outgoing) = api.stream_tx_by_mid(stream.mid, stream.rid) {
                stream.ssrc = *outgoing.ssrc();
            }
        }
    }

    /// A datagram that arrived. `at_us`: in the time of stamps. True: the stack has work.
    pub fn take(&mut self, datagram: &mut [u8], from: SocketAddr, at_us: u64, now: Instant) -> bool {
        match datagram {
            [128..192, 192..224, ..] => self.take_report(datagram),
            [128..192, _, _, _, _, _, _, _, _, _, _, _, ..] => self.take_media(datagram, at_us),
            _ => {
                let Some(rtc) = &mut self.rtc else { return false };
                if let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, datagram) {
                    // As above.
                    let _ = rtc.handle_input(Input::Receive(now, receive));
                }
                return true;
            }
        }
        false
    }

    fn take_media(&mut self, datagram: &mut [u8], at_us: u64) {
        let number = u16::from_be_bytes([datagram[2], datagram[3]]);
        let ssrc = u32::from_be_bytes([datagram[8], datagram[9], datagram[10], datagram[11]]);
        let heard = self.heard.entry(ssrc).or_insert_with(|| {
            let before = u32::from(number).wrapping_sub(1);
            Heard { highest: u32::from(number), packets: 0, mark: (0, before) }
        });
        let index = srtp::index(heard.highest, number);
        heard.highest = heard.highest.max(index);
        heard.packets += 1;
        self.sum.received += 1;
        self.sum.bytes += datagram.len() as u64;
        if let Some(number) = self.transport.and_then(|id| transport_number(datagram, id)) {
            self.arrivals.push((number, at_us));
        }
        let Some(link) =
            self.link.as_ref().filter(|_| number.wrapping_add(ssrc as u16).is_multiple_of(SAMPLE))
        else {
            return;
        };
        match link.theirs.open(datagram, index).and_then(Stamp::find) {
            Some(stamp) => self.sum.latencies_us.push(at_us.saturating_sub(stamp.sent_us) as u32),
            None => self.sum.unreadable += 1,
        }
    }

    fn take_report(&mut self, datagram: &mut [u8]) {
        let Some(link) = &self.link else { return };
        let Some(compound) = link.theirs.open_rtcp(datagram) else { return };
        for wanted in rtcp::key_frames_wanted(compound) {
            for stream in self.streams.iter_mut().filter(|stream| stream.ssrc == wanted) {
                stream.picture.key_due = true;
            }
        }
    }

    /// Sends what one stream has to send at once.
    pub fn send(&mut self, stream: usize, packet: &mut Vec<u8>) {
        let (Some(link), Some(remote), true) =
            (&self.link, self.remote, self.connected.load(Ordering::Acquire))
        else {
            return;
        };
        let stream = &mut self.streams[stream];
        for _ in 0..stream.burst() {
            let index = stream.next(packet, self.transport_sent);
            self.transport_sent = self.transport_sent.wrapping_add(1);
            link.ours.seal(packet, index);
            // A full socket loses a packet, as any network may.
            if self.socket.send_to(packet, remote).is_ok() {
                self.sum.sent += 1;
            }
        }
    }

    /// Reports and transport feedback, as often as a browser's.
    pub fn report(&mut self, now_us: u64) {
        let (Some(link), Some(remote)) = (&mut self.link, self.remote) else { return };
        let own = self.streams.first().map_or(self.number + 1, |stream| stream.ssrc);
        let mut packets = vec![];
        if now_us >= self.report_at {
            self.report_at = now_us + REPORT_US;
            let sent: Vec<_> = self.streams.iter().map(Stream::sent).collect();
            let heard: Vec<_> = self.heard.iter().map(|(ssrc, heard)| (*ssrc, heard.highest)).collect();
            packets.push(rtcp::report(own, &sent, &heard, now_us));
        }
        if let Some(about) = self.heard.keys().next().filter(|_| !self.arrivals.is_empty()) {
            self.arrivals.sort_unstable_by_key(|(number, at)| (*at, *number));
            self.arrivals
                .dedup_by(|late, early| late.0.wrapping_sub(early.0) > u16::MAX / 2 || late.0 == early.0);
            packets.push(rtcp::feedback(own, *about, self.feedbacks, &self.arrivals));
            self.feedbacks = self.feedbacks.wrapping_add(1);
            self.arrivals.clear();
        }
        for mut packet in packets {
            link.ours.seal_rtcp(&mut packet, link.reports);
            link.reports += 1;
            // As above.
            let _ = self.socket.send_to(&packet, remote);
        }
    }

    /// Everything from now on counts.
    pub fn mark(&mut self) {
        self.sum = Sum::default();
        for heard in self.heard.values_mut() {
            heard.mark = (heard.packets, heard.highest);
        }
    }

    /// Adds what was seen since the mark.
    pub fn add_to(&self, sum: &mut Sum) {
        sum.sent += self.sum.sent;
        sum.received += self.sum.received;
        sum.bytes += self.sum.bytes;
        sum.unreadable += self.sum.unreadable;
        sum.latencies_us.extend(&self.sum.latencies_us);
        for heard in self.heard.values() {
            let (packets, highest) = heard.mark;
            let expected = u64::from(heard.highest.wrapping_sub(highest));
            sum.lost += expected.saturating_sub(heard.packets - packets);
        }
    }
}

impl Offering {
    /// With the relay's answer, ready to connect.
    pub fn accept(mut self, answer: &str) -> Result<Client, String> {
        self.client.transport = transport_extension(answer);
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| error.to_string())?;
        let rtc = self.client.rtc.as_mut().expect("an offer was made with a stack");
        rtc.sdp_api().accept_answer(self.pending, answer).map_err(|error| error.to_string())?;
        Ok(self.client)
    }
}

fn stack(local: SocketAddr) -> io::Result<Rtc> {
    let mut extensions = ExtensionMap::empty();
    for (id, extension) in (1..).zip(EXTENSIONS) {
        extensions.set(id, extension);
    }
    let mut rtc = RtcConfig::new()
        .set_crypto_provider(keys::provider())
        .set_dtls_version(DtlsVersion::Dtls12)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
        .set_extension_map(extensions)
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(local, "udp").map_err(io::Error::other)?);
    Ok(rtc)
}

/// By their numbers from 1 on, as [`Stream`] writes them.
const EXTENSIONS: [Extension; 5] = [
    Extension::AudioLevel,
    Extension::TransportSequenceNumber,
    Extension::RtpMid,
    Extension::RtpStreamId,
    Extension::RepairedRtpStreamId,
];

/// Which number a description gives to transport-wide sequence numbers.
fn transport_extension(sdp: &str) -> Option<u8> {
    let line =
        sdp.lines().find(|line| line.starts_with("a=extmap:") && line.contains("transport-wide-cc"))?;
    line.strip_prefix("a=extmap:")?.split([' ', '/']).next()?.parse().ok()
}

/// Reads it from a packet with one-byte extensions (RFC 8285).
fn transport_number(packet: &[u8], id: u8) -> Option<u16> {
    if packet[0] & 0x10 == 0 {
        return None;
    }
    let at = 12 + 4 * usize::from(packet[0] & 0x0f);
    let [0xbe, 0xde, high, low] = *packet.get(at..)?.first_chunk::<4>()? else { return None };
    let mut rest = packet.get(at + 4..)?.get(..4 * usize::from(u16::from_be_bytes([high, low])))?;
    while let [first, more @ ..] = rest {
        if *first == 0 {
            rest = more;
            continue;
        }
        let length = usize::from(first & 0x0f) + 1;
        if first >> 4 == id {
            return Some(u16::from_be_bytes(*more.first_chunk()?));
        }
        rest = more.get(length..)?;
    }
    None
}

/// In the time of stamps.
pub fn now_us() -> u64 {
    stamp::now_us()
}
