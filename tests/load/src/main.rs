//! `hearth-load`: see `--help`.

use std::{net::SocketAddrV4, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use hearth_load::{
    Fallible,
    bench::{self, Row},
    measure::measure,
    process,
    relays::{Which, limit},
    report, rooms,
    scenario::Scenario,
    slope::{self, Joins},
    spoof, strain,
};

#[derive(Debug, Parser)]
#[command(version, about, long_about = ABOUT, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send media through one relay, and count
    #[command(after_help = MEDIA_EXAMPLES)]
    Media {
        #[arg(long, value_enum, default_value_t = Which::Hearth)]
        relay: Which,
        #[command(flatten)]
        scenario: Scenario,
        /// How long it is measured, after two seconds of warming up
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// So many come at once: more than one is a join storm
        #[arg(long, default_value_t = 1)]
        at_once: usize,
        /// Print the figures as JSON
        #[arg(long)]
        json: bool,
    },
    /// Measure the limit, Hearth and Janus by turns, in several scenarios, and say how they compare
    Bench {
        /// How long each is measured each time
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        #[arg(long, default_value_t = 5)]
        repeats: usize,
        /// These alone; the limit is always among them
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Which::Hearth, Which::Janus])]
        relays: Vec<Which>,
        /// These alone
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = Row::value_variants().to_vec())]
        rows: Vec<Row>,
        /// Where to put figures.json, the table and the plots
        #[arg(long, default_value = "target/bench")]
        folder: PathBuf,
    },
    /// What rooms cost without media: commands, a large audience, memory, coming back
    Rooms {
        #[arg(long, default_value_t = 3)]
        repeats: usize,
        /// These alone
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<rooms::Part>,
        /// Where to put rooms.json, .md and .svg
        #[arg(long, default_value = "target/bench")]
        folder: PathBuf,
    },
    /// What Hearth bears beside a meeting under way: a full core, coming and going, all at once, a flood of strangers
    #[command(after_help = STRAIN_EXAMPLES)]
    Strain {
        /// How long each turn takes
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        #[arg(long, default_value_t = 3)]
        repeats: usize,
        /// These alone
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<strain::Part>,
        /// Where to put strain.json, .md and .svg
        #[arg(long, default_value = "target/bench")]
        folder: PathBuf,
    },
    /// Whether memory grows with people who came and left
    Slope {
        #[command(flatten)]
        joins: Joins,
        /// Where to put slope.json, .md and .svg
        #[arg(long, default_value = "target/bench")]
        folder: PathBuf,
    },
    /// The limit program itself: what `bench` starts
    #[command(hide = true)]
    Limit {
        /// Each datagram is a message of its own
        #[arg(long)]
        apart: bool,
    },
    /// The flood itself: what `strain` starts
    #[command(hide = true)]
    Spoof { to: SocketAddrV4, per_second: u64, milliseconds: u64 },
}

const ABOUT: &str = "\
Puts load on a media relay and says what it takes: CPU time for each forwarded packet, latency added, loss, memory for each \
person, CPU time for each join.

The relay runs in a process of its own on the first core, the generator on the second. Its clients walk ICE and DTLS like \
browsers; then they seal packets by the fast way, count all that arrive, and open one in sixteen, to see what it is and when it \
was sent. Times of arrival are the kernel's. A run in which the generator itself used more than 85 % of its core is refused.";

const EXAMPLES: &str = "\
Examples:
  hearth-load media                                       four groups of twelve, all speak
  hearth-load media --rooms 3 --people 6 --cameras 6      with pictures
  hearth-load media --relay janus --json                  another relay, for a program to read
  hearth-load bench                                       all of them by turns: `make bench` does it
  hearth-load bench --rows sound,lecture --repeats 2      some of it
  hearth-load strain --only flood                         a flood of strangers: `make bench-strain` does all
  hearth-load rooms --only audience                       rooms without media: `make bench-rooms` does all
  hearth-load slope --joins 10000 --with-media 1000       memory over joins: `make bench-slope` does ten times that";

const MEDIA_EXAMPLES: &str = "\
Examples:
  hearth-load media --rooms 1 --people 31 --speakers 0 --cameras 1 --camera-packets 1000     a lecture
  hearth-load media --rooms 3 --people 6 --cameras 6 --simulcast                             in three layers
  hearth-load media --rooms 20 --at-once 240 --seconds 1                                     a join storm";

const STRAIN_EXAMPLES: &str = "\
Examples:
  hearth-load strain --only load                          up to 80 % of a core
  hearth-load strain --only churn,storm --repeats 1       people who come and go, and all at once";

fn main() -> Fallible<()> {
    let command = Cli::parse().command;
    match command {
        Command::Limit { apart } => return limit::run(apart),
        Command::Spoof { to, per_second, milliseconds } => {
            return spoof::run(to, per_second, Duration::from_millis(milliseconds));
        }
        Command::Media { .. }
        | Command::Bench { .. }
        | Command::Rooms { .. }
        | Command::Strain { .. }
        | Command::Slope { .. } => {}
    }
    process::stay_on_own_core()?;
    process::open_many_files()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(command))
}

async fn run(command: Command) -> Fallible<()> {
    match command {
        Command::Media { relay, scenario, seconds, at_once, json } => {
            let figures = measure(relay, &scenario, seconds, at_once).await?;
            if json {
                println!("{}", serde_json::to_string_pretty(&figures)?);
            } else {
                print!("{}", report::table(&[figures]));
            }
            Ok(())
        }
        Command::Bench { seconds, repeats, relays, rows, folder } => {
            bench::run(seconds, repeats, (&relays, &rows), &folder).await
        }
        Command::Rooms { repeats, only, folder } => rooms::run(repeats, &only, &folder).await,
        Command::Strain { seconds, repeats, only, folder } => {
            strain::run(seconds, repeats, &only, &folder).await
        }
        Command::Slope { joins, folder } => slope::run(joins, &folder).await,
        Command::Limit { .. } | Command::Spoof { .. } => unreachable!("answered before"),
    }
}
