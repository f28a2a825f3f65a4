//! Kills a real server at random moments, in the middle of what a group asks of it, and says what did not hold.
//!
//! ```text
//! cargo build --workspace --bin hearth && cargo run -p hearth-tests --bin kill -- [kills] [seed]
//! ```

use std::{process::ExitCode, time::Duration};

use hearth_tests::kill::{Report, night};

/// A session is killed so often before it is ended and another one begins.
const KILLS_A_NIGHT: usize = 25;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (kills, first): (u64, u64) = (number(300), number(1));
    let (mut all, mut broken) = (Report::default(), 0);
    for seed in (first..).take(usize::try_from(kills).unwrap_or(usize::MAX).div_ceil(KILLS_A_NIGHT)) {
        match night(seed, KILLS_A_NIGHT).await {
            Ok(report) => all.add(report),
            Err(what) => {
                broken += 1;
                println!("seed {seed}: {what}");
            }
        }
    }
    all.healed.sort();
    let at = |share: usize| all.healed.get(all.healed.len() * share / 100).copied().unwrap_or(Duration::ZERO);
    println!("{} kills, {} of them before everyone was back", all.kills, all.while_returning);
    println!(
        "{} commands acknowledged, {} in doubt, {} of these asked again",
        all.acknowledged, all.in_doubt, all.repeated
    );
    println!("{} returns to a seat, {} rows of audit", all.returns, all.rows);
    println!("from the kill to everyone back and compared: p50 {:?}, p95 {:?}", at(50), at(95));
    println!("{broken} sessions in which something did not hold");
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
