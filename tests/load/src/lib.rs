//! Load on media relays, and what it takes. The program is `hearth-load`; what clients send is shared with the tests.
//!
//! A [`crowd`] of [`client`]s on one thread talks to one of the [`relays`], which is a [`process`] of its own.

use std::{error::Error, fs, process::Command};

pub mod bench;
pub mod client;
pub mod crowd;
pub mod keys;
pub mod measure;
pub mod payload;
mod plot;
pub mod process;
pub mod relays;
pub mod report;
pub mod rooms;
mod rtcp;
pub mod scenario;
mod sheet;
pub mod signalling;
pub mod slope;
pub mod spoof;
pub mod srtp;
pub mod stamp;
pub mod strain;
mod stream;
mod visit;

pub type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

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
