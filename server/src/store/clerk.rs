//! One hand for all that the rooms commit: it writes together what waits at the same time, and says to each what became of its own.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use super::session::{self, Draft};
use super::{Fault, unix_ms};

/// Commits that wait; a room has one at a time. More: the room waits for a place, as it waits for the disk.
const WAITING_MAX: usize = 1_024;
/// Commits in one transaction: the first is not to wait long for the last.
const TOGETHER_MAX: usize = 64;

/// Writes down what the rooms hand in: all that waits at a moment in one transaction. A storm of joins costs one sync of the disk and
/// not one for each of them, and nobody waits longer for it.
#[derive(Clone, Debug)]
pub(super) struct Clerk {
    desk: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    draft: Draft,
    done: oneshot::Sender<Result<(), Fault>>,
}

impl Clerk {
    /// Works until nobody can hand in anything any more.
    pub fn start(pool: SqlitePool) -> Clerk {
        let (desk, mut waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            // A bug ends the commits at hand: those who handed them in try again, and all others go on.
            while AssertUnwindSafe(work(&pool, &mut waiting)).catch_unwind().await.is_err() {
                tracing::error!("a bug in what writes commits down");
            }
        });
        Clerk { desk }
    }

    /// Durable when it returns. Whoever does not wait for that may find it written or not.
    pub async fn commit(&self, draft: Draft) -> Result<(), Fault> {
        let (done, answer) = oneshot::channel();
        self.desk.send(Job { draft, done }).await.map_err(|_| Fault::Closed)?;
        answer.await.unwrap_or(Err(Fault::Closed))
    }
}

async fn work(pool: &SqlitePool, waiting: &mut mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while waiting.recv_many(&mut jobs, TOGETHER_MAX).await > 0 {
        // Whoever waits no longer is not to find later what it takes for not written.
        jobs.retain(|job| !job.done.is_closed());
        if jobs.len() > 1 && write(pool, &jobs).await.is_ok() {
            for job in jobs.drain(..) {
                // As above.
                _ = job.done.send(Ok(()));
            }
        }
        // Alone, or together with one that cannot be written: that one alone is to hear of it.
        for job in jobs.drain(..).filter(|job| !job.done.is_closed()) {
            let written = write(pool, std::slice::from_ref(&job)).await;
            _ = job.done.send(written);
        }
    }
}

async fn write(pool: &SqlitePool, jobs: &[Job]) -> Result<(), Fault> {
    // The write lock at once, so that nothing read in it can change before its end.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let now_ms = unix_ms();
    for job in jobs {
        session::write(&mut transaction, &job.draft, now_ms).await?;
    }
    Ok(transaction.commit().await?)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};
    use hearth_room::{Act, Record};

    use crate::room_id::RoomId;
    use crate::store::{Commit, Fault, Ledger, SessionId, Store};

    fn room(number: usize) -> RoomId {
        RoomId::parse(&format!("room-{number}")).unwrap()
    }

    fn commit(number: usize, first: u64) -> Commit {
        Commit {
            room: room(number),
            session: SessionId::draw(),
            clock: 1,
            first,
            records: vec![Record { at: 1, actor: None, act: Act::Started }],
            attendance: Vec::new(),
            snapshot: None,
            ended: false,
            legacy: None,
        }
    }

    #[tokio::test]
    async fn what_cannot_be_written_keeps_nothing_else_from_being_written() {
        let store = Store::temporary().await.unwrap();
        let gap = 7;
        // All hand in before the clerk has a turn on this one thread, so all go together.
        let commits = (0..200).map(|at| store.commit(commit(at, if at == gap { 5 } else { 0 })));
        for (at, written) in join_all(commits).await.into_iter().enumerate() {
            let rows = store.audit(&room(at)).await.unwrap().len();
            if at == gap {
                assert!(matches!(written, Err(Fault::Gap(5))), "{written:?}");
                assert_eq!(rows, 0);
            } else {
                assert!(written.is_ok(), "{at}: {written:?}");
                assert_eq!(rows, 1, "{at}");
            }
        }
    }

    #[tokio::test]
    async fn who_gave_up_before_it_was_begun_finds_nothing_written() {
        let store = Store::temporary().await.unwrap();
        assert!(store.commit(commit(1, 0)).now_or_never().is_none(), "handed in, and waits");
        store.commit(commit(2, 0)).await.unwrap();
        assert_eq!(store.audit(&room(1)).await.unwrap().len(), 0);
        assert_eq!(store.audit(&room(2)).await.unwrap().len(), 1);
    }
}
