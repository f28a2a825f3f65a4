//! What was acknowledged outlives the server's sudden death. `cargo run -p hearth-tests --bin kill` does it some hundreds of times.

use std::time::{SystemTime, UNIX_EPOCH};

use hearth_tests::kill;

const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_holds_after_a_kill_at_any_instant() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("this is after 1970");
    let seed = u64::from(since.subsec_nanos());
    println!(
        "seed {seed}: `cargo run -p hearth-tests --bin kill -- 1 {seed}` repeats what is asked, not when the kill comes"
    );
    if let Err(what) = kill::night(seed, KILLS).await {
        panic!("seed {seed}: {what}");
    }
}
