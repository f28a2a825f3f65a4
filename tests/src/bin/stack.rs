//! What one forwarded packet costs, in one run: the bare limit, Hearth's relay on str0m, and a plain relay on the `webrtc` crate.
//!
//! One sender's video goes to several listeners. Counted is the CPU time of the forwarding threads alone, from
//! `/proc/self/task/*/schedstat`, divided by the packets that arrived. The contenders take turns, several times.
//!
//! ```text
//! cargo run --release -p hearth-tests --bin stack -- [listeners] [seconds] [repeats] [contender …]
//! ```

use std::{
    collections::BTreeSet,
    error::Error,
    fs, io,
    net::{Ipv4Addr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hearth_forwarding::{Epoch, ForwardingTable, Generation, Reasons, Row, Source, Space, Subject, Version};
use hearth_tests::generator::{CAMERA, Generator, Pace, Shape};

const LOAD: Pace = Pace { packets_per_second: 1_000, bytes: 1_100, level: None };

type Measure = fn(usize, Duration) -> Fallible<f64>;
type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (listeners, seconds, repeats) = (number(10), number(5), number(5));
    println!(
        "{listeners} listeners, {} packets/s of {} bytes, {seconds} s, {repeats} repeats; \
         µs of CPU per forwarded packet\n",
        LOAD.packets_per_second, LOAD.bytes
    );
    let asked: Vec<String> = arguments.collect();
    let contenders: Vec<(&str, Measure)> =
        [("limit", limit as Measure), ("hearth", hearth), ("webrtc", webrtc_crate)]
            .into_iter()
            .filter(|(name, _)| {
                *name == "limit" || asked.is_empty() || asked.iter().any(|asked| asked == name)
            })
            .collect();
    let mut costs = vec![vec![]; contenders.len()];
    for repeat in 1..=repeats {
        for (costs, (name, measure)) in costs.iter_mut().zip(&contenders) {
            let cost = measure(listeners as usize, Duration::from_secs(seconds))?;
            println!("{repeat}  {name:8} {cost:6.2}");
            costs.push(cost);
        }
    }
    println!("\n| | median | lowest | highest | × limit |\n|---|---|---|---|---|");
    let limit = median(&mut costs[0].clone());
    for (costs, (name, _)) in costs.iter_mut().zip(&contenders) {
        let middle = median(costs);
        println!(
            "| {name} | {middle:.2} | {:.2} | {:.2} | {:.2} |",
            costs[0],
            costs[costs.len() - 1],
            middle / limit
        );
    }
    Ok(())
}

fn median(costs: &mut [f64]) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}

/// Decrypts once, encrypts for each listener, sends them with one system call: no relay can cost less than this.
fn limit(listeners: usize, length: Duration) -> Fallible<f64> {
    let before = threads()?;
    let stop = Arc::new(AtomicBool::new(false));
    let forwarded = Arc::new(AtomicU64::new(0));
    let sinks = (0..listeners).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<io::Result<Vec<_>>>()?;
    let addresses = sinks.iter().map(UdpSocket::local_addr).collect::<io::Result<Vec<_>>>()?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let entrance = socket.local_addr()?;
    let relay = thread::spawn({
        let (stop, forwarded) = (stop.clone(), forwarded.clone());
        move || forward_bare(&socket, &addresses, &stop, &forwarded)
    });
    let own = threads()?;
    let mut packet = vec![0x5a; 12 + LOAD.bytes];
    packet.resize(12 + LOAD.bytes + 16, 0);
    let key = key();
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let mut due = Instant::now();
    let (mut cost_before, mut count_before) = (0, 0);
    let begin = due + Duration::from_secs(1);
    let end = begin + length;
    let mut measuring = false;
    while due < end {
        if !measuring && due >= begin {
            measuring = true;
            cost_before = cpu(&before, &own)?;
            count_before = forwarded.load(Ordering::Relaxed);
        }
        let mut sealed = packet[..12 + LOAD.bytes].to_vec();
        let tag = key
            .seal_in_place_separate_tag(nonce(), Aad::from([0; 12]), &mut sealed[12..])
            .map_err(io::Error::other)?;
        sealed.extend_from_slice(tag.as_ref());
        sender.send_to(&sealed, entrance)?;
        due += Duration::from_secs(1) / LOAD.packets_per_second;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let cost = cpu(&before, &own)? - cost_before;
    let count = forwarded.load(Ordering::Relaxed) - count_before;
    stop.store(true, Ordering::Relaxed);
    relay.join().map_err(|_| "the limit program panicked")??;
    Ok(per_packet(cost, count))
}

fn forward_bare(
    socket: &UdpSocket,
    to: &[std::net::SocketAddr],
    stop: &AtomicBool,
    forwarded: &AtomicU64,
) -> io::Result<()> {
    use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};
    use std::os::fd::AsRawFd;
    let key = key();
    let targets: Vec<Option<SockaddrIn>> = to
        .iter()
        .filter_map(|address| match address {
            std::net::SocketAddr::V4(address) => Some(Some(SockaddrIn::from(*address))),
            std::net::SocketAddr::V6(_) => None,
        })
        .collect();
    let mut buffers = vec![vec![0; 2_048]; targets.len()];
    let mut headers = MultiHeaders::preallocate(targets.len(), None);
    let mut packet = vec![0; 2_048];
    while !stop.load(Ordering::Relaxed) {
        let Ok(length) = socket.recv(&mut packet) else { continue };
        let (header, sealed) = packet[..length].split_at_mut(12);
        let Ok(payload) = key.open_in_place(nonce(), Aad::from([0; 12]), sealed) else { continue };
        for buffer in &mut buffers {
            buffer.clear();
            buffer.extend_from_slice(header);
            buffer.extend_from_slice(payload);
            let tag = key
                .seal_in_place_separate_tag(nonce(), Aad::from([0; 12]), &mut buffer[12..])
                .map_err(io::Error::other)?;
            buffer.extend_from_slice(tag.as_ref());
        }
        let slices: Vec<_> = buffers.iter().map(|buffer| [io::IoSlice::new(buffer)]).collect();
        sendmmsg(socket.as_raw_fd(), &mut headers, &slices, &targets, [], MsgFlags::empty())?;
        forwarded.fetch_add(targets.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

fn key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("32 bytes are a key"))
}

fn nonce() -> Nonce {
    // One nonce for all: this measures, it hides nothing.
    Nonce::assume_unique_for_key([0; 12])
}

/// Hearth's own relay.
fn hearth(listeners: usize, length: Duration) -> Fallible<f64> {
    let before = threads()?;
    let relay = hearth_relay::Relay::start(hearth_relay::RelayConfig {
        workers: 1,
        bind: Ipv4Addr::LOCALHOST.into(),
        port: 0,
        advertised: vec![],
    })?;
    let own = threads()?;
    let (media, _events) = relay.open();
    let row = |subject: usize| Row {
        subject: Subject(subject as u32),
        generation: Generation(1),
        space: Space(0),
        barred: false,
        closed: [Reasons::NONE; Source::COUNT],
        weight: 0,
    };
    media.forward(ForwardingTable {
        version: Version(1),
        epoch: Epoch(0),
        rows: (0..=listeners).map(row).collect(),
    });
    let clients = fleet(listeners, |sender, sdp, tracks| {
        let offer = hearth_relay::Offer {
            subject: Subject(sender),
            generation: Generation(1),
            sdp,
            tracks: tracks.into_iter().map(|track| (track.mid, Source::Camera)).collect(),
        };
        Ok(media.offer(offer).blocking_recv()??)
    })?;
    measure(&clients, &before, &own, length)
}

/// A plain relay on the `webrtc` crate, as its own examples build one.
fn webrtc_crate(listeners: usize, length: Duration) -> Fallible<f64> {
    let before = threads()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut relay = asynchronous::Relay::default();
    // The crate starts threads of its own with the first connection: that one is made before the clients' threads.
    let _warm = runtime.block_on(runtime.spawn(asynchronous::warm_up()))??;
    let own = threads()?;
    let clients = fleet(listeners, |sender, sdp, _| {
        runtime.block_on(async {
            if sender == 0 { relay.answer_sender(sdp).await } else { relay.answer_listener(sdp).await }
        })
    })?;
    let cost = measure(&clients, &before, &own, length);
    drop(clients);
    runtime.shutdown_timeout(Duration::from_secs(2));
    cost
}

/// One sender and its listeners, each answered by `answer`.
fn fleet(
    listeners: usize,
    mut answer: impl FnMut(u32, String, Vec<hearth_protocol::TrackLabel>) -> Fallible<String>,
) -> Fallible<Vec<Generator>> {
    let mut clients = vec![];
    for sender in 0..=listeners as u32 {
        let sends = sender == 0;
        let shape = Shape {
            microphone: false,
            camera: sends,
            rids: vec![],
            audio_slots: 0,
            video_slots: usize::from(!sends),
        };
        let offering = Generator::offer(sender, &shape)?;
        let answer = answer(sender, offering.sdp.clone(), offering.tracks.clone())?;
        clients.push(offering.start(&answer)?);
    }
    wait("every client connects", || clients.iter().all(Generator::is_connected))?;
    clients[0].send(hearth_protocol::Source::Camera, LOAD);
    wait("every listener hears", || {
        clients[1..].iter().all(|client| client.received_since(0, CAMERA, 0) > 100)
    })?;
    Ok(clients)
}

fn measure(
    clients: &[Generator],
    before: &BTreeSet<u32>,
    own: &BTreeSet<u32>,
    length: Duration,
) -> Fallible<f64> {
    let arrived = || clients[1..].iter().map(|client| client.received_since(0, CAMERA, 0)).sum::<u64>();
    let (cost_before, count_before) = (cpu(before, own)?, arrived());
    thread::sleep(length);
    Ok(per_packet(cpu(before, own)? - cost_before, arrived() - count_before))
}

fn wait(what: &str, mut condition: impl FnMut() -> bool) -> Fallible<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        if Instant::now() > deadline {
            return Err(format!("waited 20 s in vain: {what}").into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn per_packet(nanoseconds: u64, packets: u64) -> f64 {
    nanoseconds as f64 / 1_000.0 / packets.max(1) as f64
}

fn threads() -> io::Result<BTreeSet<u32>> {
    fs::read_dir("/proc/self/task")?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().parse().unwrap_or_default()))
        .collect()
}

/// Nanoseconds on a CPU of the threads that are in `own` and were not there `before`.
fn cpu(before: &BTreeSet<u32>, own: &BTreeSet<u32>) -> io::Result<u64> {
    let mut sum = 0;
    for thread in own.difference(before) {
        // A thread that is gone cost nothing since.
        let Ok(text) = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")) else { continue };
        sum += text.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(sum)
}

mod asynchronous {
    use std::sync::{Arc, Mutex};

    use rtc::{
        interceptor::Registry,
        media_stream::MediaStreamTrack,
        peer_connection::{
            configuration::{
                RTCConfigurationBuilder, interceptor_registry::register_default_interceptors,
                media_engine::MediaEngine,
            },
            sdp::RTCSessionDescription,
        },
        rtp_transceiver::{
            RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
            rtp_sender::{RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind},
        },
    };
    use tokio::sync::Notify;
    use webrtc::{
        media_stream::{
            track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
            track_remote::{TrackRemote, TrackRemoteEvent},
        },
        peer_connection::{
            PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        },
        runtime::default_runtime,
    };

    use super::Fallible;

    #[derive(Clone, Default)]
    pub struct Relay {
        listeners: Arc<Mutex<Arc<Vec<Listener>>>>,
        connections: Vec<Arc<dyn PeerConnection>>,
    }

    struct Listener {
        track: Arc<TrackLocalStaticRTP>,
        ssrc: u32,
    }

    #[derive(Clone)]
    struct Handler {
        gathered: Arc<Notify>,
        listeners: Arc<Mutex<Arc<Vec<Listener>>>>,
    }

    #[async_trait::async_trait]
    impl PeerConnectionEventHandler for Handler {
        async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
            if state == RTCIceGatheringState::Complete {
                self.gathered.notify_one();
            }
        }

        async fn on_track(&self, track: Arc<dyn TrackRemote>) {
            let listeners = self.listeners.clone();
            tokio::spawn(async move {
                while let Some(event) = track.poll().await {
                    let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
                    let present = listeners.lock().expect("no listener panics").clone();
                    for listener in present.iter() {
                        let mut copy = packet.clone();
                        copy.header.ssrc = listener.ssrc;
                        let _ = listener.track.write_rtp(copy).await;
                    }
                }
            });
        }
    }

    pub async fn warm_up() -> Fallible<Arc<dyn PeerConnection>> {
        let (connection, _) = Relay::default().connection().await?;
        Ok(connection)
    }

    impl Relay {
        pub async fn answer_sender(&mut self, offer: String) -> Fallible<String> {
            let (connection, gathered) = self.connection().await?;
            let receive = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                ..Default::default()
            };
            connection.add_transceiver_from_kind(RtpCodecKind::Video, Some(receive)).await?;
            self.answer(connection, &gathered, offer).await
        }

        pub async fn answer_listener(&mut self, offer: String) -> Fallible<String> {
            let (connection, gathered) = self.connection().await?;
            let ssrc = 1_000 + self.connections.len() as u32;
            let codec =
                RTCRtpCodec { mime_type: "video/VP8".into(), clock_rate: 90_000, ..Default::default() };
            let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
                format!("stream-{ssrc}"),
                format!("track-{ssrc}"),
                format!("label-{ssrc}"),
                RtpCodecKind::Video,
                vec![RTCRtpEncodingParameters {
                    rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
                    codec,
                    ..Default::default()
                }],
            )));
            connection.add_track(track.clone() as Arc<dyn TrackLocal>).await?;
            let answer = self.answer(connection, &gathered, offer).await?;
            let mut listeners = self.listeners.lock().expect("no listener panics");
            let mut more: Vec<Listener> = vec![Listener { track, ssrc }];
            more.extend(listeners.iter().map(|one| Listener { track: one.track.clone(), ssrc: one.ssrc }));
            *listeners = Arc::new(more);
            drop(listeners);
            Ok(answer)
        }

        async fn connection(&self) -> Fallible<(Arc<dyn PeerConnection>, Arc<Notify>)> {
            let gathered = Arc::new(Notify::new());
            let handler = Handler { gathered: gathered.clone(), listeners: self.listeners.clone() };
            let mut engine = MediaEngine::default();
            engine.register_default_codecs()?;
            let registry = register_default_interceptors(Registry::new(), &mut engine)?;
            let connection = PeerConnectionBuilder::new()
                .with_configuration(RTCConfigurationBuilder::new().build())
                .with_media_engine(engine)
                .with_interceptor_registry(registry)
                .with_handler(Arc::new(handler) as Arc<dyn PeerConnectionEventHandler>)
                .with_runtime(default_runtime().ok_or("no runtime")?)
                .with_udp_addrs(vec!["127.0.0.1:0".to_string()])
                .build()
                .await?;
            Ok((Arc::new(connection), gathered))
        }

        async fn answer(
            &mut self,
            connection: Arc<dyn PeerConnection>,
            gathered: &Notify,
            offer: String,
        ) -> Fallible<String> {
            connection.set_remote_description(RTCSessionDescription::offer(offer)?).await?;
            let answer = connection.create_answer(None).await?;
            connection.set_local_description(answer).await?;
            gathered.notified().await;
            let answer = connection.local_description().await.ok_or("no local description")?;
            self.connections.push(connection);
            Ok(answer.sdp)
        }
    }
}
