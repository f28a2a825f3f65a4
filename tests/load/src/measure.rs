//! One measurement: a relay starts, people come, media flow, and it is counted what that took.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    Fallible,
    crowd::Crowd,
    process::own_cpu_ns,
    relays::{Relay, Which},
    scenario::Scenario,
};

/// More than this share of its core, and the generator itself may be what is measured.
pub const OWN_SHARE_MAX: f64 = 0.85;
/// Fewer packets than this share of what was due means that something was not forwarded at all.
const FORWARDED_MIN: f64 = 0.9;
/// Media flow for so long before it counts: key frames are asked for, speakers are chosen.
pub const WARM_UP: Duration = Duration::from_secs(2);

/// What one run of one relay showed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figures {
    pub relay: Which,
    pub scenario: String,
    pub people: usize,
    pub seconds: f64,
    /// Packets that arrived at listeners, and numbers that never did.
    pub packets: u64,
    pub lost: u64,
    pub unreadable: u64,
    /// The server's CPU time over the packets that arrived.
    pub cpu_us_per_packet: f64,
    /// The server's share of its core, and the generator's of its own.
    pub server_share: f64,
    pub own_share: f64,
    /// From the sender's system call to the kernel's stamp at the listener.
    pub latency_ms: Latency,
    pub cpu_ms_per_join: f64,
    /// Of the server's resident memory, for each person, with media flowing.
    pub memory_kb_per_person: f64,
    /// How long it took until everyone was connected.
    pub seated_ms: f64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// `at_once`: so many people come at the same time. A run that says nothing about the relay is an error.
pub async fn measure(which: Which, scenario: &Scenario, seconds: u64, at_once: usize) -> Fallible<Figures> {
    let figures = look(which, scenario, seconds, at_once).await?;
    figures.believe(scenario)?;
    Ok(figures)
}

/// The same, whatever it shows.
pub async fn look(which: Which, scenario: &Scenario, seconds: u64, at_once: usize) -> Fallible<Figures> {
    let mut relay = Relay::start(which, scenario).await?;
    let crowd = Crowd::gather()?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (memory, cpu, begin) = (relay.process().memory_kb(), relay.process().cpu_ns(), Instant::now());
    relay.seat(scenario, &crowd, at_once).await?;
    let (seated, joining) = (begin.elapsed(), relay.process().cpu_ns().saturating_sub(cpu));

    relay.open(scenario).await?;
    crowd.speak();
    tokio::time::sleep(WARM_UP).await;
    let (cpu, own, begin) = (relay.process().cpu_ns(), own_cpu_ns(), Instant::now());
    crowd.mark();
    watch(which, &crowd, Duration::from_secs(seconds)).await;
    let sum = crowd.sum(0..u32::MAX);
    let took = begin.elapsed().as_secs_f64();
    let (cpu, own) = (relay.process().cpu_ns().saturating_sub(cpu), own_cpu_ns().saturating_sub(own));

    let people = scenario.total();
    let memory = relay.process().memory_kb().saturating_sub(memory);
    Ok(Figures {
        relay: which,
        scenario: scenario.words(),
        people,
        seconds: took,
        packets: sum.received,
        lost: sum.lost,
        unreadable: sum.unreadable,
        cpu_us_per_packet: cpu as f64 / 1e3 / sum.received.max(1) as f64,
        server_share: cpu as f64 / 1e9 / took,
        own_share: own as f64 / 1e9 / took,
        latency_ms: latency(sum.latencies_us),
        cpu_ms_per_join: joining as f64 / 1e6 / people as f64,
        memory_kb_per_person: memory as f64 / people as f64,
        seated_ms: seated.as_secs_f64() * 1e3,
    })
}

impl Figures {
    /// A run that says nothing about the relay is no result.
    fn believe(&self, scenario: &Scenario) -> Fallible<()> {
        if self.own_share > OWN_SHARE_MAX {
            let share = self.own_share * 100.0;
            return Err(format!("the generator was busy for {share:.0} % of its core: ask for less").into());
        }
        let due = scenario.forwarded_per_second() * self.seconds;
        let forwarded = self.packets as f64 / due;
        if forwarded < FORWARDED_MIN {
            let share = forwarded * 100.0;
            return Err(format!("{}: only {share:.0} % of what was due arrived", self.relay).into());
        }
        if self.unreadable > 0 {
            return Err(format!("{}: {} packets could not be opened", self.relay, self.unreadable).into());
        }
        Ok(())
    }
}

pub fn latency(mut latencies_us: Vec<u32>) -> Latency {
    latencies_us.sort_unstable();
    let at = |share: f64| {
        let place = (latencies_us.len() as f64 * share) as usize;
        latencies_us.get(place).or(latencies_us.last()).map_or(0.0, |us| f64::from(*us) / 1e3)
    };
    Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}

/// Waits, and shows on a terminal how it goes.
async fn watch(which: Which, crowd: &Crowd, length: Duration) {
    let (begin, mut before) = (Instant::now(), crowd.received.load(Ordering::Relaxed));
    while begin.elapsed() < length {
        let rest = length.saturating_sub(begin.elapsed());
        tokio::time::sleep(rest.min(Duration::from_secs(1))).await;
        let received = crowd.received.load(Ordering::Relaxed);
        progress(&format!(
            "{which}: {} of {} s, {} packets/s",
            begin.elapsed().as_secs(),
            length.as_secs(),
            received - before
        ));
        before = received;
    }
    progress("");
}

/// One line that is written over again and again.
pub fn progress(words: &str) {
    if stderr().is_terminal() {
        // A terminal that cannot be written to misses nothing.
        let _ = write!(stderr(), "\r\x1b[K{words}");
        let _ = stderr().flush();
    }
}
