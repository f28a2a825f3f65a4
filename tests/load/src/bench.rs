//! All contenders by turns, in several scenarios, several times, so that whatever else the machine does falls on all of them alike.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use clap::ValueEnum;

use crate::{
    Fallible, machine,
    measure::{Figures, measure},
    plot::{self, Bar},
    relays::Which,
    report::{self, Spread},
    scenario::Scenario,
};

/// What all contenders are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Row {
    /// Four groups of twelve, all speak
    Sound,
    /// Three groups of six, all speak and are seen
    Pictures,
    /// The same with cameras in three layers, of which listeners choose
    Simulcast,
    /// One camera to thirty listeners
    Lecture,
}

impl Row {
    fn name(self) -> &'static str {
        match self {
            Row::Sound => "Sound: four groups of twelve, all speak",
            Row::Pictures => "Pictures: three groups of six, all speak and are seen",
            Row::Simulcast => "Simulcast: the same in three layers, of which each listener takes one large",
            Row::Lecture => "A lecture: one camera to thirty listeners",
        }
    }

    fn scenario(self) -> Scenario {
        let of = |rooms, people, speakers, cameras, camera_packets| Scenario {
            rooms,
            people,
            speakers: Some(speakers),
            cameras,
            camera_packets,
            simulcast: self == Row::Simulcast,
        };
        match self {
            Row::Sound => of(4, 12, 12, 0, 0),
            Row::Pictures | Row::Simulcast => of(3, 6, 6, 6, 100),
            Row::Lecture => of(1, 31, 0, 1, 1_000),
        }
    }
}

pub async fn run(
    seconds: u64,
    repeats: usize,
    (relays, rows): (&[Which], &[Row]),
    folder: &Path,
) -> Fallible<()> {
    let contenders: BTreeSet<Which> = relays.iter().copied().chain([Which::Limit]).collect();
    let rows: BTreeSet<Row> = rows.iter().copied().collect();
    let mut runs: Vec<(Row, Figures)> = vec![];
    for repeat in 1..=repeats {
        for row in &rows {
            for which in &contenders {
                let figures = measure(*which, &row.scenario(), seconds, 1).await?;
                println!(
                    "{repeat}/{repeats}  {which:<7} {:6.2} µs  p99 {:6.3} ms  generator {:3.0} %  {}",
                    figures.cpu_us_per_packet,
                    figures.latency_ms.p99,
                    figures.own_share * 100.0,
                    row.name()
                );
                runs.push((*row, figures));
            }
        }
    }
    let mut text =
        format!("{}, {repeats} repeats of {seconds} s by turns; median (lowest–highest).\n", machine());
    let (mut costs, mut latencies) = (vec![], vec![]);
    for row in &rows {
        let (name, scenario) = (row.name(), row.scenario());
        let of = |which: &Which| -> Vec<&Figures> {
            runs.iter().filter(|(of, run)| of == row && run.relay == *which).map(|(_, run)| run).collect()
        };
        let groups: Vec<Vec<&Figures>> = contenders.iter().map(of).collect();
        let rate = scenario.forwarded_per_second();
        let _ = write!(
            text,
            "\n**{name}** ({}; {rate:.0} packets/s forwarded)\n\n{}",
            scenario.words(),
            report::comparison(&groups)
        );
        for runs in &groups {
            let bar = |what: fn(&Figures) -> f64| Bar {
                group: name.to_owned(),
                name: runs[0].relay.to_string(),
                spread: Spread::of(runs.iter().map(|run| what(run))),
            };
            costs.push(bar(|run| run.cpu_us_per_packet));
            latencies.push(bar(|run| run.latency_ms.p99));
        }
    }
    fs::create_dir_all(folder)?;
    let all: Vec<&Figures> = runs.iter().map(|(_, run)| run).collect();
    fs::write(folder.join("figures.json"), serde_json::to_string_pretty(&all)?)?;
    fs::write(folder.join("table.md"), &text)?;
    fs::write(folder.join("cost.svg"), plot::bars("CPU time per forwarded packet, µs", &costs))?;
    fs::write(folder.join("latency.svg"), plot::bars("Latency added, 99th percentile, ms", &latencies))?;
    println!("\n{text}\nWritten to {}.", folder.display());
    Ok(())
}
