//! What a worker of the relay bears.
//!
//! `flood`: a meeting with and without spoofed datagrams from a thousand addresses, in turns. Delays are from a payload's stamp to its
//! arrival, so they hold what the clients' own threads waited; joins are timed from the offer to the connection; the cost is CPU time of the
//! worker's thread beyond that of the turn without.
//!
//! `spread`: two rooms on one worker and on two, by the CPU time of each worker's thread.
//!
//! ```text
//! cargo run --release -p hearth-tests --bin worker -- flood [per second] [seconds] [repeats]
//! cargo run --release -p hearth-tests --bin worker -- spread [packets per second] [seconds] [repeats]
//! ```

use std::{
    error::Error,
    fs, io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hearth_forwarding::{Epoch, ForwardingTable, Generation, Reasons, Row, Source, Space, Subject, Version};
use hearth_protocol::Source as Sent;
use hearth_relay::{Media, MediaEvents, Offer, Relay, RelayConfig};
use hearth_tests::generator::{Generator, Pace, Shape};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PEOPLE: u32 = 4;
/// Who joins another room meanwhile, one after the other.
const JOINERS: std::ops::Range<u32> = 100..1_000;
const JOINED_WITHIN: Duration = Duration::from_secs(5);
const ADDRESSES: u16 = 1_000;

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, otherwise: u64| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    match arguments.first().map(String::as_str) {
        Some("flood") => flood(number(1, 50_000), Duration::from_secs(number(2, 10)), number(3, 3)),
        Some("spread") => spread(number(1, 500) as u32, Duration::from_secs(number(2, 5)), number(3, 3)),
        Some(_) | None => Err("flood or spread".into()),
    }
}

/// A room with its people, all open.
struct Room {
    media: Media,
    _events: MediaEvents,
    people: Vec<Generator>,
}

impl Room {
    fn open(relay: &Relay, subjects: impl Iterator<Item = u32>) -> Room {
        let (media, events) = relay.open();
        let row = |subject| Row {
            subject: Subject(subject),
            generation: Generation(1),
            space: Space(0),
            barred: false,
            closed: [Reasons::NONE; Source::COUNT],
            weight: 0,
        };
        let rows = subjects.map(row).collect();
        media.forward(ForwardingTable { version: Version(1), epoch: Epoch(1), rows });
        Room { media, _events: events, people: vec![] }
    }

    /// How long it took.
    fn join(&mut self, subject: u32, shape: &Shape) -> Fallible<Duration> {
        let started = Instant::now();
        let offering = Generator::offer(subject, shape)?;
        let source = |sent: Sent| if sent == Sent::Microphone { Source::Microphone } else { Source::Camera };
        let tracks = offering.tracks.iter().map(|track| (track.mid.clone(), source(track.source))).collect();
        let (subject, generation) = (Subject(subject), Generation(1));
        let offer = Offer { subject, generation, sdp: offering.sdp.clone(), tracks };
        let answer = self.media.offer(offer).blocking_recv()??;
        let client = offering.start(&answer)?;
        while !client.is_connected() {
            if started.elapsed() > JOINED_WITHIN {
                return Err("never connected".into());
            }
            thread::sleep(Duration::from_micros(500));
        }
        self.people.push(client);
        Ok(started.elapsed())
    }
}

fn relay(workers: usize) -> Fallible<Relay> {
    Ok(Relay::start(RelayConfig { workers, bind: Ipv4Addr::LOCALHOST.into(), port: 0, advertised: vec![] })?)
}

struct Turn {
    p50_us: u32,
    p99_us: u32,
    joins: Vec<Duration>,
    failed: u64,
    cpu: Duration,
    spoofed: u64,
    dropped: u64,
    resident_kb: u64,
}

fn flood(per_second: u64, length: Duration, repeats: u64) -> Fallible<()> {
    let relay = relay(1)?;
    let mut room = Room::open(&relay, 1..=PEOPLE);
    let mut door = Room::open(&relay, JOINERS);
    for subject in 1..=PEOPLE {
        room.join(subject, &Shape::default())?;
    }
    for person in &room.people {
        person.send(Sent::Microphone, Pace::VOICE);
        person.send(Sent::Camera, Pace::VIDEO);
    }
    thread::sleep(Duration::from_secs(2));
    let mut joiners = JOINERS;
    let mut costs = vec![];
    println!(
        "{PEOPLE} people with voice and picture, {per_second} spoofed datagrams/s, turns of {length:?}\n"
    );
    println!(
        "| spoofed | p50 ms | p99 ms | joins | failed | longest join ms | worker % of a core | dropped by the relay | RSS MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for _ in 0..repeats {
        let before = turn(&relay, &room, (&mut door, &mut joiners), length, 0)?;
        let during = turn(&relay, &room, (&mut door, &mut joiners), length, per_second)?;
        for turn in [&before, &during] {
            let longest = turn.joins.iter().max().copied().unwrap_or_default();
            println!(
                "| {} | {:.2} | {:.2} | {} | {} | {:.0} | {:.1} | {} | {:.1} |",
                turn.spoofed,
                f64::from(turn.p50_us) / 1e3,
                f64::from(turn.p99_us) / 1e3,
                turn.joins.len(),
                turn.failed,
                longest.as_secs_f64() * 1e3,
                100.0 * turn.cpu.as_secs_f64() / length.as_secs_f64(),
                turn.dropped,
                turn.resident_kb as f64 / 1e3,
            );
        }
        let more = during.cpu.saturating_sub(before.cpu);
        costs.push(more.as_secs_f64() * 1e6 / during.spoofed.max(1) as f64);
    }
    println!("\nCPU µs per spoofed datagram, each repeat: {costs:.2?}");
    Ok(())
}

fn turn(
    relay: &Relay,
    room: &Room,
    (door, joiners): (&mut Room, &mut std::ops::Range<u32>),
    length: Duration,
    per_second: u64,
) -> Fallible<Turn> {
    let (stop, spoofed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let flooding = thread::spawn({
        let (stop, spoofed, to) = (stop.clone(), spoofed.clone(), relay.addresses()[0]);
        move || spoof(to, per_second, &stop, &spoofed)
    });
    thread::sleep(Duration::from_millis(500));
    let seen = |person: &Generator| person.received().latency_us.len();
    let before: Vec<usize> = room.people.iter().map(seen).collect();
    let (cpu_before, started) = (cpu_of("media-0")?, Instant::now());
    let (spoofed_before, dropped_before) = (spoofed.load(Ordering::Relaxed), dropped(relay));
    let (mut joins, mut failed) = (vec![], 0);
    while started.elapsed() < length {
        let subject = joiners.next().ok_or("too long: nobody is left to join")?;
        match door.join(subject, &Shape { camera: false, audio_slots: 1, video_slots: 0, ..Shape::default() })
        {
            Ok(took) => {
                joins.push(took);
                door.people.clear();
            }
            Err(_) => failed += 1,
        }
        thread::sleep(Duration::from_millis(250));
    }
    let cpu = cpu_of("media-0")?.saturating_sub(cpu_before);
    let (spoofed_after, dropped) = (spoofed.load(Ordering::Relaxed), dropped(relay) - dropped_before);
    let mut delays: Vec<u32> = vec![];
    for (person, before) in room.people.iter().zip(before) {
        delays.extend(&person.received().latency_us[before..]);
    }
    stop.store(true, Ordering::Relaxed);
    flooding.join().map_err(|_| "the flood panicked")??;
    delays.sort_unstable();
    let at = |share: usize| delays.get(delays.len().saturating_sub(1) * share / 100).copied().unwrap_or(0);
    Ok(Turn {
        p50_us: at(50),
        p99_us: at(99),
        joins,
        failed,
        cpu,
        spoofed: spoofed_after - spoofed_before,
        dropped,
        resident_kb: resident_kb()?,
    })
}

/// What strangers can send: noise, RTP, checks for nobody, handshakes.
fn spoof(to: SocketAddr, per_second: u64, stop: &AtomicBool, spoofed: &AtomicU64) -> io::Result<()> {
    if per_second == 0 {
        return Ok(());
    }
    let from = |number: u16| {
        let [high, low] = (number + 256).to_be_bytes();
        UdpSocket::bind((Ipv4Addr::new(127, 66, high, low), 0))
    };
    let sockets = (0..ADDRESSES).map(from).collect::<io::Result<Vec<_>>>()?;
    let mut check =
        vec![0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 6, 0, 9];
    check.extend(b"abcd:efgh\0\0\0");
    let mut hello = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 180];
    hello.resize(13 + 180, 1);
    let mut rtp = vec![0x90, 96, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0];
    rtp.resize(1_100, 0x5a);
    let datagrams = [vec![70; 60], rtp, check, hello];
    let started = Instant::now();
    let mut sent = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let due = started.elapsed().as_micros() as u64 * per_second / 1_000_000;
        while sent < due {
            let socket = &sockets[(sent / 4) as usize % sockets.len()];
            // A full buffer loses one, as any network may.
            let _ = socket.send_to(&datagrams[sent as usize % datagrams.len()], to);
            sent += 1;
        }
        spoofed.store(sent, Ordering::Relaxed);
        thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}

fn dropped(relay: &Relay) -> u64 {
    let names = ["hearth_relay_rejected_packets_total", "hearth_relay_dropped_packets_total"];
    let reasons = ["malformed", "unchecked", "unknown_address", "unknown_ufrag"];
    let counters = relay.counters().into_iter();
    counters
        .filter(|counter| names.contains(&counter.name))
        .filter(|counter| counter.label.is_some_and(|(_, reason)| reasons.contains(&reason)))
        .map(|counter| counter.value)
        .sum()
}

fn spread(per_second: u32, length: Duration, repeats: u64) -> Fallible<()> {
    const LISTENERS: u32 = 5;
    println!("two rooms, each one picture of {per_second} packets/s to {LISTENERS} listeners, {length:?}\n");
    println!(
        "| workers | forwarded by each, packets/s | CPU µs per packet of each | so many packets/s fill a core each | together |"
    );
    println!("|---|---|---|---|---|");
    for _ in 0..repeats {
        for workers in [1, 2] {
            let relay = relay(workers)?;
            let mut rooms = vec![];
            for first in [1, 101] {
                let mut room = Room::open(&relay, first..first + 10);
                room.join(
                    first,
                    &Shape { microphone: false, audio_slots: 0, video_slots: 0, ..Shape::default() },
                )?;
                for listener in first + 1..=first + LISTENERS {
                    let shape = Shape {
                        microphone: false,
                        camera: false,
                        audio_slots: 0,
                        video_slots: 1,
                        ..Shape::default()
                    };
                    room.join(listener, &shape)?;
                }
                room.people[0]
                    .send(Sent::Camera, Pace { packets_per_second: per_second, bytes: 1_100, level: None });
                rooms.push(room);
            }
            thread::sleep(Duration::from_secs(1));
            let look = || -> Fallible<Vec<(u64, Duration)>> {
                (0..workers).map(|at| Ok((forwarded(&relay, at), cpu_of(&format!("media-{at}"))?))).collect()
            };
            let before = look()?;
            thread::sleep(length);
            let cost =
                |((packets, cpu), (packets_before, cpu_before)): (&(u64, Duration), &(u64, Duration))| {
                    let packets = packets - packets_before;
                    (
                        packets as f64 / length.as_secs_f64(),
                        (*cpu - *cpu_before).as_secs_f64() * 1e6 / packets.max(1) as f64,
                    )
                };
            let costs: Vec<(f64, f64)> = look()?.iter().zip(&before).map(cost).collect();
            let column = |value: &dyn Fn(&(f64, f64)) -> f64, digits: usize| {
                let all = costs.iter().map(|cost| format!("{:.digits$}", value(cost)));
                all.collect::<Vec<_>>().join(", ")
            };
            let together: f64 = costs.iter().map(|(_, cost)| 1e6 / cost).sum();
            println!(
                "| {workers} | {} | {} | {} | {together:.0} |",
                column(&|cost| cost.0, 0),
                column(&|cost| cost.1, 2),
                column(&|cost| 1e6 / cost.1, 0)
            );
        }
    }
    Ok(())
}

fn forwarded(relay: &Relay, worker: usize) -> u64 {
    let counters = relay.counters_of(worker).unwrap_or_default();
    let all = counters.iter().filter(|counter| counter.name == "hearth_relay_forwarded_packets_total");
    all.map(|counter| counter.value).sum()
}

/// Of the newest thread of this name: those of relays before are gone or idle.
fn cpu_of(name: &str) -> Fallible<Duration> {
    let mut newest = None;
    for task in fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name) {
            let id: u32 = path.file_name().and_then(|id| id.to_str()).ok_or("a thread's id")?.parse()?;
            newest = newest.max(Some(id));
        }
    }
    let id = newest.ok_or("no such thread")?;
    let times = fs::read_to_string(format!("/proc/self/task/{id}/schedstat"))?;
    Ok(Duration::from_nanos(times.split(' ').next().ok_or("no time")?.parse()?))
}

fn resident_kb() -> Fallible<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.and_then(|line| line.trim().split(' ').next()).ok_or("no VmRSS")?.parse()?)
}
