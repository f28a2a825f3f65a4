//! What rooms cost without media, over real sockets: each person is a signalling connection to a server on a core of its own.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use hearth_protocol::{HandKind, Request, Source};

use crate::{
    Fallible,
    measure::latency,
    process::own_cpu_ns,
    relays::{Hearth, room_name},
    sheet::Sheet,
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
}

/// A connection may ask so often at once, with some left for the door.
const BURST: usize = 25;
/// All rooms at once: no more than what waits for a slow reader, who else is thrown out.
const STIR: usize = 8;
/// And then so often again.
const REFILL: Duration = Duration::from_millis(2_700);
const AT_ONCE: usize = 128;
const AUDIENCE: usize = 300;
/// Slower than anyone is held back.
const BETWEEN: Duration = Duration::from_millis(110);

type Seats = BTreeMap<(usize, usize), Line>;

pub async fn run(repeats: usize, only: &[Part], folder: &Path) -> Fallible<()> {
    let mut sheet = Sheet::default();
    for repeat in 1..=repeats {
        for part in Part::value_variants().iter().filter(|part| only.is_empty() || only.contains(part)) {
            println!("{repeat}/{repeats}  {part:?}");
            let (begin, own) = (Instant::now(), own_cpu_ns());
            match part {
                Part::Commands => commands(&mut sheet).await?,
                Part::Told => told(&mut sheet).await?,
                Part::Audience => audience(&mut sheet).await?,
                Part::Memory => memory(&mut sheet).await?,
                Part::Reconnects => reconnects(&mut sheet).await?,
            }
            let share = (own_cpu_ns() - own) as f64 / begin.elapsed().as_nanos() as f64;
            println!("  (the generator used {:.0} % of its core)", share * 100.0);
        }
    }
    sheet.write(&format!("Rooms without media: {repeats} repeats"), folder, "rooms")
}

async fn commands(sheet: &mut Sheet) -> Fallible<()> {
    for (rooms, people) in [(1, 12), (1_000, 2)] {
        let hearth = Hearth::start(rooms, people)?;
        let seats = seat(&hearth, rooms, 0..people).await?;
        tokio::time::sleep(REFILL).await;
        let (begin, cpu) = (Instant::now(), hearth.process.cpu_ns());
        let waits = burst(&seats, BURST).await?;
        let (took, cpu) = (begin.elapsed().as_secs_f64(), hearth.process.cpu_ns() - cpu);
        let group = format!("Commands at once, {rooms} × {people} people");
        sheet.note(&group, "commands", "1/s", waits.len() as f64 / took);
        sheet.note(&group, "CPU for each", "µs", cpu as f64 / 1e3 / waits.len() as f64);
        note_waits(&group, "answered", &waits, sheet);
    }
    Ok(())
}

/// Everyone else sees it.
fn toggle(at: usize) -> Request {
    Request::SetOwn { source: Source::Microphone, open: at.is_multiple_of(2) }
}

async fn told(sheet: &mut Sheet) -> Fallible<()> {
    for (people, commands) in [(12, 100), (AUDIENCE, 30)] {
        let hearth = Hearth::start(1, people)?;
        let seats = seat(&hearth, 1, 0..people).await?;
        // A facilitator may speak in every format.
        let actor = &seats[&(0, 0)];
        let (id, _) = actor.until("one's own view", |heard| heard.you).await?;
        let mut waits = vec![];
        for number in 0..commands {
            let open = number % 2 == 0;
            let asked = Instant::now();
            actor.request(toggle(number)).await?;
            let all = seats.iter().filter(|((_, seat), _)| *seat != 0).map(|(_, line)| {
                line.until("the news", move |heard| {
                    let news = heard.microphones.get(&id);
                    news.filter(|(now, at)| *now == open && *at >= asked).map(|(_, at)| *at)
                })
            });
            let latest = try_join_all(all).await?.into_iter().max().unwrap_or(asked);
            waits.push(latest - asked);
            tokio::time::sleep(BETWEEN).await;
        }
        note_waits(&format!("One command at a time, {people} people"), "everyone was told", &waits, sheet);
    }
    Ok(())
}

async fn audience(sheet: &mut Sheet) -> Fallible<()> {
    let hearth = Hearth::start(1, AUDIENCE)?;
    let seats = seat(&hearth, 1, 0..AUDIENCE).await?;
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
    let group = format!("A storm of commands, 1 × {AUDIENCE} people");
    sheet.note(&group, "commands", "1/s", waits.len() as f64 / took);
    sheet.note(&group, "CPU for each", "µs", cpu as f64 / 1e3 / waits.len() as f64);
    sheet.note(&group, "told to everyone", "frames", (frames(&seats) - before) as f64);
    sheet.note(&group, "thrown out", "people", gone as f64);
    note_waits(&group, "answered", &waits, sheet);
    Ok(())
}

async fn memory(sheet: &mut Sheet) -> Fallible<()> {
    const ROOMS: usize = 200;
    const GROUP: &str = "Memory of a room";
    let memory = |hearth: &Hearth| hearth.process.memory_kb() as f64;
    let bare = Hearth::start(1, 12)?;
    let hearth = Hearth::start(ROOMS, 12)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (none, empty) = (memory(&bare), memory(&hearth));
    drop(bare);
    let mut seats = seat(&hearth, ROOMS, 0..1).await?;
    let idle = memory(&hearth);
    seats.append(&mut seat(&hearth, ROOMS, 1..12).await?);
    let full = memory(&hearth);
    tokio::time::sleep(REFILL).await;
    burst(&seats, STIR).await?;
    let busy = memory(&hearth);
    let each = |more: f64| more / ROOMS as f64;
    sheet.note(GROUP, "with nobody in it", "kB", each(empty - none));
    sheet.note(GROUP, "with one person", "kB", each(idle - empty));
    sheet.note(GROUP, "with twelve", "kB", each(full - empty));
    sheet.note(GROUP, "with twelve after a storm of commands", "kB", each(busy - empty));
    sheet.note("Memory of the server", "with one room and nobody", "kB", none);
    Ok(())
}

async fn reconnects(sheet: &mut Sheet) -> Fallible<()> {
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
        println!("  one of those that failed: {error}");
    }
    let waits: Vec<Duration> = back.iter().filter(|(line, _)| line.is_ok()).map(|(_, wait)| *wait).collect();
    let group = format!("{} people reconnect at once", back.len());
    sheet.note(&group, "in vain", "people", failed as f64);
    note_waits(&group, "back in their seats", &waits, sheet);
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

/// Everyone asks so often, without waiting in between. How long each answer took.
async fn burst(seats: &Seats, count: usize) -> Fallible<Vec<Duration>> {
    let asking = seats.values().map(async |line| -> Fallible<Vec<Duration>> {
        let mut asked = vec![];
        for at in 0..count {
            asked.push((Instant::now(), line.ask(toggle(at)).await));
        }
        let mut waits = vec![];
        for (since, id) in asked {
            waits.push(line.answer(&id).await?.1 - since);
        }
        Ok(waits)
    });
    Ok(try_join_all(asking).await?.concat())
}

fn note_waits(group: &str, what: &str, waits: &[Duration], sheet: &mut Sheet) {
    let waits = latency(waits.iter().map(|wait| wait.as_micros() as u32).collect());
    sheet.note(group, &format!("{what} after, p50"), "ms", waits.p50);
    sheet.note(group, &format!("{what} after, p99"), "ms", waits.p99);
}
