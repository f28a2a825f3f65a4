//! What rooms cost without media, over real sockets: each person is a signalling connection to a server on a core of its own.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use hearth_protocol::{HandKind, Request, Source};

use crate::{
    Fallible,
    client::Shape,
    crowd::Crowd,
    measure::progress,
    process::own_cpu_ns,
    relays::{Hearth, room_name},
    signalling::Line,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Commands a second through one room and through a thousand
    Commands,
    /// From a command until everyone was told
    Told,
    /// A room of 300 under a storm of commands
    Audience,
    /// Memory of idle and of full rooms
    Memory,
    /// A thousand people come back at once
    Reconnects,
    /// People come with media and leave, again and again
    Joins,
}

/// A connection may ask so often at once, with some left for the door.
const BURST: usize = 25;
/// And then so often again.
const REFILL: Duration = Duration::from_millis(2_700);
const AT_ONCE: usize = 32;

type Seats = BTreeMap<(usize, usize), Line>;

pub async fn run(joins: usize, only: &[Part]) -> Fallible<()> {
    for part in Part::value_variants().iter().filter(|part| only.is_empty() || only.contains(part)) {
        let (begin, own) = (Instant::now(), own_cpu_ns());
        match part {
            Part::Commands => commands().await?,
            Part::Told => told().await?,
            Part::Audience => audience().await?,
            Part::Memory => memory().await?,
            Part::Reconnects => reconnects().await?,
            Part::Joins => coming_and_going(joins).await?,
        }
        let share = (own_cpu_ns() - own) as f64 / begin.elapsed().as_nanos() as f64;
        println!("  (the generator used {:.0} % of its core)", share * 100.0);
    }
    Ok(())
}

async fn commands() -> Fallible<()> {
    for (rooms, people) in [(1, 12), (1_000, 2)] {
        let hearth = Hearth::start(rooms, people)?;
        let seats = seat(&hearth, rooms, 0..people).await?;
        tokio::time::sleep(REFILL).await;
        let (begin, cpu) = (Instant::now(), hearth.process.cpu_ns());
        let waits =
            burst(&seats, |at| Request::SetOwn { source: Source::Microphone, open: at % 2 == 0 }).await?;
        let (took, cpu) = (begin.elapsed().as_secs_f64(), hearth.process.cpu_ns() - cpu);
        println!(
            "commands: {rooms} rooms × {people} people: {} in {took:.2} s: {:.0}/s, {:.0} µs of CPU each; answered in {}",
            waits.len(),
            waits.len() as f64 / took,
            cpu as f64 / 1e3 / waits.len() as f64,
            words(waits),
        );
    }
    Ok(())
}

async fn told() -> Fallible<()> {
    const COMMANDS: usize = 100;
    let hearth = Hearth::start(1, 12)?;
    let seats = seat(&hearth, 1, 0..12).await?;
    let actor = &seats[&(0, 1)];
    let (id, _) = actor.until("one's own view", |heard| heard.you).await?;
    let mut waits = vec![];
    for number in 0..COMMANDS {
        let open = number % 2 == 0;
        let asked = Instant::now();
        actor.request(Request::SetOwn { source: Source::Microphone, open }).await?;
        let all = seats.iter().filter(|((_, seat), _)| *seat != 1).map(|(_, line)| {
            line.until("the news", move |heard| {
                heard.microphones.get(&id).filter(|(now, at)| *now == open && *at >= asked).map(|(_, at)| *at)
            })
        });
        let latest = try_join_all(all).await?.into_iter().max().unwrap_or(asked);
        waits.push(latest - asked);
        tokio::time::sleep(Duration::from_millis(110)).await;
    }
    println!("told: 12 people, {COMMANDS} commands one by one: everyone was told in {}", words(waits));
    Ok(())
}

async fn audience() -> Fallible<()> {
    const PEOPLE: usize = 300;
    let hearth = Hearth::start(1, PEOPLE)?;
    let seats = seat(&hearth, 1, 0..PEOPLE).await?;
    tokio::time::sleep(REFILL).await;
    let frames = |seats: &Seats| seats.values().map(|line| line.heard().frames).sum::<u64>();
    let (begin, before, cpu) = (Instant::now(), frames(&seats), hearth.process.cpu_ns());
    let asking = seats.iter().map(async |((_, seat), line)| -> Fallible<Vec<Duration>> {
        let count = if *seat == 0 { BURST } else { 2 };
        let mut waits = vec![];
        for at in 0..count {
            let asked = Instant::now();
            let request = match (*seat, at % 2) {
                (0, _) => Request::GateAll { source: Source::Microphone, except: vec![] },
                (_, 0) => Request::RaiseHand { kind: HandKind::Speak },
                (_, _) => Request::LowerHand,
            };
            let id = line.ask(request).await;
            waits.push(line.answer(&id).await?.1 - asked);
        }
        Ok(waits)
    });
    let waits = try_join_all(asking).await?.concat();
    let (took, cpu) = (begin.elapsed().as_secs_f64(), hearth.process.cpu_ns() - cpu);
    let gone = seats.values().filter(|line| line.heard().closed).count();
    println!(
        "audience: {PEOPLE} people, {} commands at once in {took:.2} s ({:.0}/s, {:.2} s of CPU), {} frames to everyone, {gone} thrown out; answered in {}",
        waits.len(),
        waits.len() as f64 / took,
        cpu as f64 / 1e9,
        frames(&seats) - before,
        words(waits),
    );
    Ok(())
}

async fn memory() -> Fallible<()> {
    const ROOMS: usize = 200;
    let hearth = Hearth::start(ROOMS, 12)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let empty = hearth.process.memory_kb();
    let mut seats = seat(&hearth, ROOMS, 0..1).await?;
    let idle = hearth.process.memory_kb();
    seats.append(&mut seat(&hearth, ROOMS, 1..12).await?);
    let full = hearth.process.memory_kb();
    println!(
        "memory: {} kB with {ROOMS} rooms and nobody; {:.0} kB for each with one person, {:.0} kB with twelve (without media)",
        empty,
        (idle - empty) as f64 / ROOMS as f64,
        (full - empty) as f64 / ROOMS as f64,
    );
    Ok(())
}

async fn reconnects() -> Fallible<()> {
    const ROOMS: usize = 84;
    let hearth = Hearth::start(ROOMS, 12)?;
    let seats = seat(&hearth, ROOMS, 0..12).await?;
    let secret = |line: &Line| line.heard().secret.clone().ok_or("no secret");
    let secrets: Vec<_> =
        seats.iter().map(|((room, _), line)| Ok((*room, secret(line)?))).collect::<Result<_, &str>>()?;
    drop(seats);
    let begin = Instant::now();
    let coming = secrets.into_iter().map(async |(room, secret)| {
        let line = Line::resume(hearth.address, &room_name(room), secret).await;
        (line, begin.elapsed())
    });
    let back: Vec<_> = stream::iter(coming).buffer_unordered(usize::MAX >> 1).collect().await;
    let failed = back.iter().filter(|(line, _)| line.is_err()).count();
    if let Some(error) = back.iter().find_map(|(line, _)| line.as_ref().err()) {
        println!("reconnects: one of those that failed: {error}");
    }
    let waits: Vec<Duration> = back.iter().filter(|(line, _)| line.is_ok()).map(|(_, wait)| *wait).collect();
    println!(
        "reconnects: {} at once, {failed} failed; back in their seats after {}",
        back.len(),
        words(waits)
    );
    Ok(())
}

/// Everyone comes with a fresh ticket and media, connects, and leaves. In memory that grows, the first half is left out: pools fill.
async fn coming_and_going(joins: usize) -> Fallible<()> {
    const ROOMS: usize = 8;
    let hearth = Hearth::start(ROOMS, 12)?;
    let crowd = Crowd::gather()?;
    let _facilitators = seat(&hearth, ROOMS, 0..1).await?;
    let shape = Shape { microphone: true, audio_slots: 2, ..Shape::default() };
    let (begin, cpu) = (Instant::now(), hearth.process.cpu_ns());
    let mut marks = vec![];
    let count = joins / 10;
    for part in 0..10 {
        let coming = (0..count).map(async |at| -> Fallible<()> {
            let number = (part * count + at) as u32;
            let (room, seat) = (at % ROOMS, 1 + at / ROOMS % 11);
            visit(&hearth, &crowd, number, room, seat, &shape).await
        });
        // Each seat has one visitor at a time.
        stream::iter(coming).buffered(ROOMS).try_collect::<Vec<()>>().await?;
        marks.push(hearth.process.memory_kb());
        progress(&format!("joins: {} of {joins}, {} kB", (part + 1) * count, marks[part]));
    }
    progress("");
    let cpu_ms = (hearth.process.cpu_ns() - cpu) as f64 / 1e6;
    let growth = marks[9] as f64 - marks[4] as f64;
    println!(
        "joins: {joins} joins with media and leaves in {:.0} s: {:.2} ms of CPU each; memory {marks:?} kB: {:.2} kB a join over the second half",
        begin.elapsed().as_secs_f64(),
        cpu_ms / joins as f64,
        growth / (5 * count) as f64,
    );
    Ok(())
}

async fn visit(
    hearth: &Hearth,
    crowd: &Crowd,
    number: u32,
    room: usize,
    seat: usize,
    shape: &Shape,
) -> Fallible<()> {
    let (client, line) = hearth.join(number, room, seat, shape).await?;
    let connected = client.connected();
    crowd.join(client);
    while !connected.is() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    line.ask(Request::Leave).await;
    line.until("goodbye", |heard| heard.bye.clone()).await?;
    crowd.leave(number);
    Ok(())
}

/// Facilitators first.
async fn seat(hearth: &Hearth, rooms: usize, seats: std::ops::Range<usize>) -> Fallible<Seats> {
    let mut seated = Seats::new();
    for group in [seats.start..seats.end.min(1), seats.start.max(1)..seats.end] {
        let places = group.flat_map(|seat| (0..rooms).map(move |room| (room, seat)));
        let coming = places
            .map(async |(room, seat)| -> Fallible<_> { Ok(((room, seat), hearth.sit(room, seat).await?)) });
        let came: Vec<_> = stream::iter(coming).buffer_unordered(AT_ONCE).try_collect().await?;
        seated.extend(came);
    }
    Ok(seated)
}

/// Everyone asks as often as is allowed, without waiting in between. How long each answer took.
async fn burst(seats: &Seats, request: impl Fn(usize) -> Request + Copy) -> Fallible<Vec<Duration>> {
    let asking = seats.values().map(async |line| -> Fallible<Vec<Duration>> {
        let mut asked = vec![];
        for at in 0..BURST {
            asked.push((Instant::now(), line.ask(request(at)).await));
        }
        let mut waits = vec![];
        for (since, id) in asked {
            waits.push(line.answer(&id).await?.1 - since);
        }
        Ok(waits)
    });
    Ok(try_join_all(asking).await?.concat())
}

fn words(mut waits: Vec<Duration>) -> String {
    waits.sort();
    let at = |share: f64| {
        let place = (waits.len() as f64 * share) as usize;
        waits.get(place).or(waits.last()).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
    };
    format!("{:.1} ms p50, {:.1} p99, {:.1} at most", at(0.5), at(0.99), at(1.0))
}
