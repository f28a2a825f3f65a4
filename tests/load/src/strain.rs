//! What Hearth bears beside a meeting under way: a core that fills up, people who come and go, many who come at once, strangers.

use std::{
    iter,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use futures_util::{StreamExt, stream};

use crate::{
    Fallible,
    client::Shape,
    crowd::Crowd,
    measure::{Figures, Latency, OWN_SHARE_MAX, WARM_UP, latency, look},
    process::own_cpu_ns,
    relays::{Hearth, Which, open, until_connected},
    scenario::Scenario,
    sheet::Sheet,
    signalling::Line,
    spoof::Flood,
    visit,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// More and more groups of twelve, until the server fills 80 % of its core
    Load,
    /// People with media come and go every second
    Churn,
    /// 220 people with media come at once
    Storm,
    /// 50,000 datagrams a second from 65,536 strange addresses
    Flood,
}

/// Of the server's core.
const LOADS: [f64; 4] = [0.3, 0.5, 0.65, 0.8];
/// The meeting: groups of twelve seats, of which six stay, speak and are seen.
const ROOMS: usize = 3;
const STAY: usize = 6;
const SEATS: usize = 12;
/// Where all come at once, to somebody who speaks.
const STORM_ROOMS: usize = 20;
const COMINGS_PER_SECOND: usize = 5;
/// As many come in a flood and without one.
const FLOOD_COMINGS_PER_SECOND: usize = 2;
const STAYING: Duration = Duration::from_secs(2);
const STRANGE_PER_SECOND: u64 = 50_000;

pub async fn run(seconds: u64, repeats: usize, parts: &[Part], folder: &Path) -> Fallible<()> {
    let mut sheet = Sheet::default();
    let length = Duration::from_secs(seconds);
    for repeat in 1..=repeats {
        for part in Part::value_variants().iter().filter(|part| parts.is_empty() || parts.contains(part)) {
            println!("{repeat}/{repeats}  {part:?}");
            match part {
                Part::Load => load(seconds, &mut sheet).await?,
                Part::Churn => churn(length, &mut sheet).await?,
                Part::Storm => storm(length, &mut sheet).await?,
                Part::Flood => flood(length, &mut sheet).await?,
            }
        }
    }
    sheet.write(&format!("Under strain: {repeats} repeats of {seconds} s"), folder, "strain")
}

/// The first run says what a group takes; then there are as many groups as fill the core so far.
async fn load(seconds: u64, sheet: &mut Sheet) -> Fallible<()> {
    let groups = |rooms: usize| Scenario {
        rooms,
        people: SEATS,
        speakers: None,
        cameras: 0,
        camera_packets: 0,
        simulcast: false,
    };
    let first = look(Which::Hearth, &groups(2), seconds.min(3), SEATS).await?;
    let mut one = first.server_share / 2.0;
    for share in LOADS {
        let rooms = (share / one).round().max(1.0) as usize;
        let figures = look(Which::Hearth, &groups(rooms), seconds, SEATS).await?;
        // What more is forwarded takes less each.
        one = figures.server_share / rooms as f64;
        let group = format!("A core filled to about {:.0} %", share * 100.0);
        note_load(&figures, &group, rooms, sheet);
        if figures.own_share > OWN_SHARE_MAX {
            println!("  the generator's core is full: it goes no further");
            break;
        }
    }
    Ok(())
}

fn note_load(figures: &Figures, group: &str, rooms: usize, sheet: &mut Sheet) {
    sheet.note(group, "groups of twelve", "groups", rooms as f64);
    sheet.note(group, "forwarded", "packets/s", figures.packets as f64 / figures.seconds);
    sheet.note(group, "the server's core", "%", figures.server_share * 100.0);
    sheet.note(group, "the generator's core", "%", figures.own_share * 100.0);
    sheet.note(group, "CPU for each packet", "µs", figures.cpu_us_per_packet);
    sheet.note(group, "lost", "packets", figures.lost as f64);
    note_latency(group, "", figures.latency_ms, sheet);
}

fn note_latency(group: &str, when: &str, latency: Latency, sheet: &mut Sheet) {
    for (name, value) in [("p50", latency.p50), ("p99", latency.p99), ("p99.9", latency.p999)] {
        sheet.note(group, &format!("latency added{when}, {name}"), "ms", value);
    }
}

async fn churn(length: Duration, sheet: &mut Sheet) -> Fallible<()> {
    const GROUP: &str = "Coming and going";
    let meeting = Meeting::open(ROOMS).await?;
    let alone = meeting.turn(length, vec![]).await?;
    let during = meeting.turn(length, comings(length, COMINGS_PER_SECOND)).await?;
    alone.note(GROUP, " alone", sheet);
    during.note(GROUP, &format!(" while {COMINGS_PER_SECOND} come and go a second"), sheet);
    during.note_joins(GROUP, "", sheet);
    let more = during.cpu.saturating_sub(alone.cpu).as_secs_f64() * 1e3;
    sheet.note(GROUP, "CPU for each who came, saw, spoke and left", "ms", more / during.came.max(1) as f64);
    Ok(())
}

async fn storm(length: Duration, sheet: &mut Sheet) -> Fallible<()> {
    const GROUP: &str = "All at once: 220 people with media";
    let meeting = Meeting::open(ROOMS + STORM_ROOMS).await?;
    let alone = meeting.turn(length, vec![]).await?;
    let seats = (1..SEATS).flat_map(|seat| (ROOMS..ROOMS + STORM_ROOMS).map(move |room| (room, seat)));
    let all = seats.map(|place| (Duration::ZERO, place)).collect();
    let during = meeting.turn(length, all).await?;
    alone.note(GROUP, " alone", sheet);
    during.note(GROUP, " while they come", sheet);
    during.note_joins(GROUP, "", sheet);
    Ok(())
}

async fn flood(length: Duration, sheet: &mut Sheet) -> Fallible<()> {
    const GROUP: &str = "Strangers: 50,000 datagrams a second";
    let meeting = Meeting::open(ROOMS).await?;
    let coming = || comings(length, FLOOD_COMINGS_PER_SECOND);
    let alone = meeting.turn(length, coming()).await?;
    let overflows = overflows();
    let flood = Flood::start(meeting.hearth.media, STRANGE_PER_SECOND, length + STAYING)?;
    let during = meeting.turn(length, coming()).await?;
    let sent =
        flood.end()? as f64 * (during.length.as_secs_f64() / (length + STAYING).as_secs_f64()).min(1.0);
    let overflown = overflows.abs_diff(self::overflows());
    for (turn, when) in [(&alone, " without it"), (&during, " in it")] {
        turn.note(GROUP, when, sheet);
        turn.note_joins(GROUP, when, sheet);
        sheet.note(GROUP, &format!("memory afterwards{when}"), "kB", turn.memory_kb as f64);
    }
    let more = during.cpu.saturating_sub(alone.cpu).as_secs_f64() * 1e6;
    sheet.note(GROUP, "strange datagrams", "1/s", sent / during.length.as_secs_f64());
    sheet.note(GROUP, "CPU for each strange datagram", "µs", more / sent.max(1.0));
    sheet.note(GROUP, "lost in a full socket", "datagrams", overflown as f64);
    Ok(())
}

type Coming = (Duration, (usize, usize));

/// So many a second, to seats where nobody stays.
fn comings(length: Duration, per_second: usize) -> Vec<Coming> {
    // The last ones have left when the turn ends.
    let count = length.saturating_sub(STAYING).as_secs() as usize * per_second;
    let place = |at: usize| (at % ROOMS, STAY + at / ROOMS % (SEATS - STAY));
    (0..count).map(|at| (Duration::from_secs_f64(at as f64 / per_second as f64), place(at))).collect()
}

/// A meeting under way, and room for others.
struct Meeting {
    hearth: Hearth,
    crowd: Crowd,
    lines: Vec<Line>,
    next: AtomicU32,
    /// Lower numbers are those who stay.
    first: u32,
}

/// What those who stay saw in a while, and how those who came fared.
struct Turn {
    length: Duration,
    latency: Latency,
    packets: u64,
    lost: u64,
    cpu: Duration,
    own: Duration,
    came: usize,
    failed: usize,
    /// From dialling to connected media.
    waits: Vec<Duration>,
    memory_kb: u64,
}

impl Meeting {
    /// In rooms beyond the meeting's there is one who speaks.
    async fn open(rooms: usize) -> Fallible<Meeting> {
        let hearth = Hearth::start(rooms, SEATS)?;
        let mut meeting =
            Meeting { hearth, crowd: Crowd::gather()?, lines: vec![], next: AtomicU32::new(0), first: 0 };
        let stay = |room: usize| if room < ROOMS { STAY } else { 1 };
        for (room, seat) in (0..rooms).flat_map(|room| iter::repeat(room).zip(0..stay(room))) {
            let number = meeting.next.fetch_add(1, Ordering::Relaxed);
            let shape = shape(room, seat);
            let (client, line) = meeting.hearth.join(number, room, seat, &shape).await?;
            let connected = client.connected();
            meeting.crowd.join(client);
            until_connected(&[connected]).await?;
            open(&line, &shape).await?;
            meeting.lines.push(line);
        }
        meeting.first = meeting.next.load(Ordering::Relaxed);
        meeting.crowd.speak();
        tokio::time::sleep(WARM_UP).await;
        Ok(meeting)
    }

    async fn turn(&self, length: Duration, comings: Vec<Coming>) -> Fallible<Turn> {
        let (begin, cpu, own) = (Instant::now(), self.hearth.process.cpu_ns(), own_cpu_ns());
        self.crowd.mark();
        let count = comings.len().max(1);
        let coming = comings.into_iter().map(async |(at, (room, seat))| {
            tokio::time::sleep(at).await;
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let ends = (&self.hearth, &self.crowd);
            visit::with_media(ends, number, (room, seat), &shape(room, seat), STAYING).await
        });
        let visits: Vec<_> = stream::iter(coming).buffer_unordered(count).collect().await;
        tokio::time::sleep(length.saturating_sub(begin.elapsed())).await;
        let sum = self.crowd.sum(0..self.first);
        if let Some(error) = visits.iter().find_map(|visit| visit.as_ref().err()) {
            println!("  one of those that failed: {error}");
        }
        if sum.unreadable > 0 {
            return Err(format!("{} packets could not be opened", sum.unreadable).into());
        }
        Ok(Turn {
            length: begin.elapsed(),
            latency: latency(sum.latencies_us),
            packets: sum.received,
            lost: sum.lost,
            cpu: Duration::from_nanos(self.hearth.process.cpu_ns() - cpu),
            own: Duration::from_nanos(own_cpu_ns() - own),
            came: visits.len(),
            failed: visits.iter().filter(|visit| visit.is_err()).count(),
            waits: visits.into_iter().flatten().collect(),
            memory_kb: self.hearth.process.memory_kb(),
        })
    }
}

impl Turn {
    fn note(&self, group: &str, when: &str, sheet: &mut Sheet) {
        let share = |time: Duration| time.as_secs_f64() / self.length.as_secs_f64() * 100.0;
        note_latency(group, when, self.latency, sheet);
        sheet.note(group, &format!("forwarded to those who stay{when}"), "packets", self.packets as f64);
        sheet.note(group, &format!("lost of them{when}"), "packets", self.lost as f64);
        sheet.note(group, &format!("the server's core{when}"), "%", share(self.cpu));
        sheet.note(group, &format!("the generator's core{when}"), "%", share(self.own));
    }

    fn note_joins(&self, group: &str, when: &str, sheet: &mut Sheet) {
        let waits = latency(self.waits.iter().map(|wait| wait.as_micros() as u32).collect());
        sheet.note(group, &format!("came{when}"), "people", self.came as f64);
        sheet.note(group, &format!("of them in vain{when}"), "people", self.failed as f64);
        sheet.note(group, &format!("from dialling to media{when}, p50"), "ms", waits.p50);
        sheet.note(group, &format!("from dialling to media{when}, p99"), "ms", waits.p99);
    }
}

/// In the meeting all speak, and who stays is seen; in other rooms the first one speaks.
fn shape(room: usize, seat: usize) -> Shape {
    let (speakers, cameras) = if room < ROOMS { (None, STAY) } else { (Some(1), 0) };
    let (people, camera_packets) = (SEATS, 100);
    Scenario { rooms: 1, people, speakers, cameras, camera_packets, simulcast: false }.shape(seat)
}

/// Datagrams that found a socket's buffer full, of all sockets together.
fn overflows() -> u64 {
    let text = std::fs::read_to_string("/proc/net/snmp").unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
    let mut columns = names.split(' ').zip(values.split(' '));
    columns.find(|(name, _)| *name == "RcvbufErrors").and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_finds_a_seat_that_was_left() {
        let all = comings(Duration::from_secs(10), COMINGS_PER_SECOND);
        assert_eq!(all.len(), 8 * COMINGS_PER_SECOND);
        for (number, (at, place)) in all.iter().enumerate() {
            assert!((STAY..SEATS).contains(&place.1) && place.0 < ROOMS);
            let next = all[number + 1..].iter().find(|(_, other)| other == place);
            assert!(next.is_none_or(|(later, _)| *later >= *at + STAYING + Duration::from_secs(1)));
        }
    }
}
