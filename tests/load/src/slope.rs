//! Whether memory grows with people who came and left: the resident size over many joins, and a straight line through its second half
//! by least squares. In the first half pools and tables fill.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::{Fallible, client::Shape, crowd::Crowd, machine, measure::progress, plot, relays::Hearth, visit};

#[derive(Args, Clone, Copy, Debug)]
pub struct Joins {
    /// So many come without media and leave
    #[arg(long, default_value_t = 100_000)]
    pub joins: usize,
    /// So many come with media, are heard, and leave
    #[arg(long, default_value_t = 10_000)]
    pub with_media: usize,
}

/// Few enough that the answers which the server remembers of each person (256) are full before the second half: two of a visit, four of
/// one with media.
const ROOMS: usize = 24;
const ROOMS_WITH_MEDIA: usize = 6;
/// Behind the facilitator, who stays.
const SEATS: usize = 11;
/// A join waits for the disk more than it works, and with media it works.
const AT_ONCE: usize = 256;
const AT_ONCE_WITH_MEDIA: usize = 32;
/// So that some packets of each are forwarded.
const STAYING: Duration = Duration::from_millis(100);
const MARKS: usize = 200;

#[derive(Debug, Serialize)]
struct Slope {
    what: &'static str,
    joins: usize,
    seconds: f64,
    cpu_ms_per_join: f64,
    /// Over the second half, and the standard error.
    bytes_per_join: f64,
    error: f64,
    /// After so many joins, kB.
    marks: Vec<(f64, f64)>,
}

pub async fn run(joins: Joins, folder: &Path) -> Fallible<()> {
    let mut slopes = vec![];
    for (what, count, media) in
        [("without media", joins.joins, false), ("with media", joins.with_media, true)]
    {
        if count > 0 {
            slopes.push(climb(what, count, media).await?);
        }
    }
    let mut text = format!(
        "Memory over joins and leaves ({}); a line by least squares through the second half.\n\n\
         | joins and leaves | | joins a second | CPU ms for each | from kB | to kB | bytes a join | standard error |\n|---|---|---|---|---|---|---|---|\n",
        machine()
    );
    fs::create_dir_all(folder)?;
    for slope in &slopes {
        let Slope { what, joins, seconds, cpu_ms_per_join, bytes_per_join, error, marks } = slope;
        let at = |mark: Option<&(f64, f64)>| mark.map_or(0.0, |mark| mark.1);
        text += &format!(
            "| {joins} | {what} | {:.0} | {cpu_ms_per_join:.2} | {:.0} | {:.0} | {bytes_per_join:.1} | {error:.1} |\n",
            *joins as f64 / seconds,
            at(marks.first()),
            at(marks.last()),
        );
        let curve = plot::curve(&format!("Memory, {what}"), ("joins", "kB"), marks);
        fs::write(folder.join(format!("slope-{}.svg", what.replace(' ', "-"))), curve)?;
    }
    fs::write(folder.join("slope.json"), serde_json::to_string_pretty(&slopes)?)?;
    fs::write(folder.join("slope.md"), &text)?;
    println!("{text}\nWritten to {}/slope.json, .md and .svg.", folder.display());
    Ok(())
}

async fn climb(what: &'static str, joins: usize, media: bool) -> Fallible<Slope> {
    let (rooms, at_once) = if media { (ROOMS_WITH_MEDIA, AT_ONCE_WITH_MEDIA) } else { (ROOMS, AT_ONCE) };
    let hearth = Hearth::start(rooms, 1 + SEATS)?;
    let crowd = Crowd::gather()?;
    let mut facilitators = vec![];
    for room in 0..rooms {
        facilitators.push(hearth.sit(room, 0).await?);
    }
    crowd.speak();
    let shape = Shape { microphone: true, audio_slots: 2, ..Shape::default() };
    let (begin, cpu) = (Instant::now(), hearth.process.cpu_ns());
    let mut marks = vec![];
    let coming = (0..joins).map(async |at| {
        let place = (at % rooms, 1 + at / rooms % SEATS);
        if media {
            visit::with_media((&hearth, &crowd), at as u32, place, &shape, STAYING).await.map(|_| ())
        } else {
            visit::without_media(&hearth, place).await
        }
    });
    // In order, so that a seat has one visitor at a time.
    let mut came = stream::iter(coming).buffered(at_once);
    let every = joins.div_ceil(MARKS);
    let mut done = 0;
    while came.try_next().await?.is_some() {
        done += 1;
        if done % every == 0 {
            let memory = hearth.process.memory_kb();
            marks.push((done as f64, memory as f64));
            let rate = done as f64 / begin.elapsed().as_secs_f64();
            progress(&format!("{what}: {done} of {joins} joins and leaves, {rate:.0} a second, {memory} kB"));
        }
    }
    progress("");
    let cpu = hearth.process.cpu_ns() - cpu;
    let (slope, error) = line(&marks[marks.len() / 2..]);
    Ok(Slope {
        what,
        joins,
        seconds: begin.elapsed().as_secs_f64(),
        cpu_ms_per_join: cpu as f64 / 1e6 / joins as f64,
        bytes_per_join: slope * 1_024.0,
        error: error * 1_024.0,
        marks,
    })
}

/// The slope of the line nearest to these points by least squares, and its standard error.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (middle, height) = (mean(|point| point.0), mean(|point| point.1));
    let width: f64 = points.iter().map(|(x, _)| (x - middle).powi(2)).sum();
    let slope = points.iter().map(|(x, y)| (x - middle) * (y - height)).sum::<f64>() / width;
    let off: f64 = points.iter().map(|(x, y)| (y - height - slope * (x - middle)).powi(2)).sum();
    (slope, (off / (count - 2.0).max(1.0) / width).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_with_its_error() {
        let points: Vec<(f64, f64)> = (0..100).map(|x| (f64::from(x), 7.0 + 0.5 * f64::from(x))).collect();
        let (slope, error) = line(&points);
        assert!((slope - 0.5).abs() < 1e-9 && error < 1e-9, "{slope} {error}");
        let (slope, error) = line(&[(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (3.0, 1.0)]);
        assert!((slope - 0.2).abs() < 1e-9 && (error - 0.282_842).abs() < 1e-4, "{slope} {error}");
    }
}
