//! All contenders by turns, in several scenarios, several times, so that whatever else the machine does falls on all of them alike.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, process::Command};

use crate::{
    Fallible,
    measure::{Figures, measure},
    plot::{self, Bar},
    relays::Which,
    report::{self, Spread},
    scenario::Scenario,
};

/// What is measured, by name.
fn scenarios() -> [(&'static str, Scenario); 3] {
    let of = |rooms, people, speakers, cameras, camera_packets| Scenario {
        rooms,
        people,
        speakers: Some(speakers),
        cameras,
        camera_packets,
        simulcast: false,
    };
    [
        ("Sound: four groups of twelve, all speak", of(4, 12, 12, 0, 0)),
        ("Pictures: three groups of six, all speak and are seen", of(3, 6, 6, 6, 100)),
        ("A lecture: one camera to thirty listeners", of(1, 31, 0, 1, 1_000)),
    ]
}

pub async fn run(seconds: u64, repeats: usize, relays: &[Which], folder: &Path) -> Fallible<()> {
    let contenders: BTreeSet<Which> = relays.iter().copied().chain([Which::Limit]).collect();
    let mut runs: Vec<(&str, Figures)> = vec![];
    for repeat in 1..=repeats {
        for (name, scenario) in &scenarios() {
            for which in &contenders {
                let figures = measure(*which, scenario, seconds, 1).await?;
                println!(
                    "{repeat}/{repeats}  {which:<7} {:6.2} µs  p99 {:6.3} ms  {name}",
                    figures.cpu_us_per_packet, figures.latency_ms.p99
                );
                runs.push((name, figures));
            }
        }
    }
    let mut text =
        format!("{}, {repeats} repeats of {seconds} s by turns; median (lowest–highest).\n", machine());
    let (mut costs, mut latencies) = (vec![], vec![]);
    for (name, scenario) in &scenarios() {
        let of = |which: &Which| -> Vec<&Figures> {
            runs.iter().filter(|(of, run)| of == name && run.relay == *which).map(|(_, run)| run).collect()
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
                group: (*name).to_owned(),
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

/// What this ran on, and when.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let count = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date =
        Command::new("date").args(["-u", "+%Y-%m-%d"]).output().map(|out| out.stdout).unwrap_or_default();
    let date = String::from_utf8_lossy(&date).trim().to_owned();
    format!("{count} × {}, Linux {}, {date}", model.unwrap_or("CPU"), kernel.trim())
}
