//! Keeps a worker alive: one that panics is started again on the same sockets, and its rooms are told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use crate::{
    counters::{Count, Counters},
    mailbox::Mailbox,
    peer::Identity,
    worker::{Ports, Worker},
};

pub fn supervise(ports: &mut Ports, mailbox: &Mailbox, counters: &Counters, identity: &Identity) {
    let mut restarted = false;
    loop {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            Worker::new(ports, mailbox, counters, identity.clone(), restarted, Instant::now()).run()
        }));
        match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::error!(%error, "a media worker gets no more events and ends");
                return;
            }
            Err(_) => {
                counters.one(Count::WorkerRestarts);
                tracing::error!("a media worker panicked and is started again");
                restarted = true;
            }
        }
    }
}
