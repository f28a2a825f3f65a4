//! What outlives the process: the audit, the snapshot of each running session, personal links. SQLite, in one file.
//!
//! No media, no words, no names. Every commit is durable when it returns (`synchronous = FULL`). One connection writes.

mod attendance;
mod audit;
mod clerk;
mod legacy;
mod link;
mod script;
mod session;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use hearth_room::{Attended, Legacy, Record, Snapshot};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{SqlSafeStr, Sqlite, Transaction};
use uuid::Uuid;

use crate::room_id::RoomId;

use self::clerk::Clerk;
use self::session::Draft;

pub use attendance::{Attested, Corrected, KeptSession, KeptStay};
pub use audit::{AuditRow, Audited, Broken, Pseudonym, first_broken};
pub use link::SealedLink;

/// One meeting of a room, as the store knows it. Drawn at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub Uuid);

impl SessionId {
    pub fn draw() -> SessionId {
        SessionId(Uuid::new_v4())
    }
}

/// What a room's task keeps through. [`Store`] is the one in use.
pub trait Ledger: fmt::Debug + Send + Sync {
    /// One transaction: the records, then the snapshot, or its erasure. Durable when it returns. May be repeated when its outcome
    /// is not known: records that are there already are skipped.
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<(), Fault>>;

    /// The session to wake, if there is one that did not end.
    fn kept(&self, room: &RoomId) -> BoxFuture<'_, Result<Option<Kept>, Fault>>;

    /// What the session that ended last leaves to the next one, as far as it still counts.
    fn legacy(&self, room: &RoomId) -> BoxFuture<'_, Result<Option<Legacy>, Fault>>;
}

#[derive(Clone, Debug)]
pub struct Commit {
    pub room: RoomId,
    pub session: SessionId,
    /// The session's clock, in milliseconds.
    pub clock: u32,
    /// The number within the session of the first of `records`, from 0.
    pub first: u64,
    pub records: Vec<Record>,
    /// Numbered by the room: what is there already is skipped.
    pub attendance: Vec<Attended>,
    /// Replaces the one before.
    pub snapshot: Option<Snapshot>,
    /// Erases the snapshot: the session is over.
    pub ended: bool,
    /// With `ended`: kept for the next session of the room.
    pub legacy: Option<Legacy>,
}

#[derive(Clone, Debug)]
pub struct Kept {
    pub session: SessionId,
    pub clock: u32,
    /// How many records of the session are kept.
    pub records: u64,
    pub snapshot: Snapshot,
    /// Whole, and nothing was recorded after it.
    pub proven_last: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the file `{0}` cannot be opened")]
    File(PathBuf, #[source] std::io::Error),
    #[error("the database does not answer as it should")]
    Database(#[from] sqlx::Error),
    #[error("the database could not be brought to this version")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("a snapshot could not be written or read")]
    Snapshot(#[from] serde_json::Error),
    #[error("records are missing before number {0}")]
    Gap(u64),
    #[error("the store is closed")]
    Closed,
}

#[derive(Clone)]
pub struct Store {
    pool: SqlitePool,
    clerk: Clerk,
    /// The last clone takes a temporary file away.
    _file: Arc<File>,
}

impl Store {
    pub async fn open(path: &Path) -> Result<Store, Fault> {
        Self::open_file(File { path: path.to_owned(), temporary: false }).await
    }

    /// A file that goes when the last clone goes.
    pub async fn temporary() -> Result<Store, Fault> {
        let path = std::env::temp_dir().join(format!("hearth-{}.sqlite", Uuid::new_v4()));
        Self::open_file(File { path, temporary: true }).await
    }

    async fn open_file(file: File) -> Result<Store, Fault> {
        file.make_private().map_err(|fault| Fault::File(file.path.clone(), fault))?;
        let options = SqliteConnectOptions::new()
            .filename(&file.path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            // What is deleted is overwritten: a destroyed key is gone.
            .pragma("secure_delete", "ON");
        // One that works on this machine's own file needs no trying out each time.
        let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
        let pool = pool.connect_with(options).await?;
        migrations().run(&pool).await?;
        legacy::forget(&mut *pool.acquire().await?, unix_ms()).await?;
        Ok(Store { clerk: Clerk::start(pool.clone()), pool, _file: Arc::new(file) })
    }

    /// As [`Store::open`], for one that has to be there already.
    pub async fn open_existing(path: &Path) -> Result<Store, Fault> {
        std::fs::metadata(path).map_err(|fault| Fault::File(path.to_owned(), fault))?;
        Self::open(path).await
    }

    /// Whether it answers.
    pub async fn is_ready(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Takes the write lock at once, so that nothing read in it can change before its end.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Ledger for Store {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move { self.clerk.commit(Draft::of(commit)?).await })
    }

    fn kept(&self, room: &RoomId) -> BoxFuture<'_, Result<Option<Kept>, Fault>> {
        let room = room.clone();
        Box::pin(async move { session::kept(self, &room).await })
    }

    fn legacy(&self, room: &RoomId) -> BoxFuture<'_, Result<Option<Legacy>, Fault>> {
        let room = room.clone();
        Box::pin(async move { legacy::find(self, &room, unix_ms()).await })
    }
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

const MIGRATIONS: [(&str, &str); 2] = [
    ("first", include_str!("store/migrations/0001_first.sql")),
    ("attendance", include_str!("store/migrations/0002_attendance.sql")),
];

fn migrations() -> Migrator {
    let numbered = (1..).zip(MIGRATIONS);
    let all = numbered.map(|(number, (name, sql))| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(all.collect())
}

struct File {
    path: PathBuf,
    temporary: bool,
}

impl File {
    /// Nobody else on the machine may read it; SQLite gives the files beside it the same rights.
    fn make_private(&self) -> std::io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path).map(drop)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if !self.temporary {
            return;
        }
        for beside in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(beside);
            // Gone already is as good; nothing else can be done about it here.
            let _ = std::fs::remove_file(path);
        }
    }
}
