//! Keeps a worker alive: one that panics is started again on the same sockets, and its rooms are told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use crate::{
    counters::{Count, Counters},
    mailbox::Mailbox,
    peer::Identity,
    worker::{Ports, Worker},
};

/// Who ran for so long is started again at once; whoever panics again and again, after ever longer pauses.
const STEADY: Duration = Duration::from_secs(10);
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

pub fn supervise(ports: &mut Ports, mailbox: &Mailbox, counters: &Counters, identity: &Identity) {
    let mut restarted = false;
    let mut pause = Duration::ZERO;
    while !ports.stopped {
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            Worker::new(ports, mailbox, counters, identity.clone(), restarted, started).run()
        }));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "a media worker gets no more events and ends");
                // No room is opened here any more, and those that are learn it from their channels.
                counters.set_packets_per_second(u64::MAX);
                ports.groups.clear();
                return;
            }
            Err(_) => {
                counters.one(Count::WorkerRestarts);
                tracing::error!("a media worker panicked and is started again");
                restarted = true;
                pause = if started.elapsed() < STEADY {
                    (2 * pause).clamp(PAUSE_MIN, PAUSE_MAX)
                } else {
                    Duration::ZERO
                };
                thread::sleep(pause);
            }
        }
    }
}
