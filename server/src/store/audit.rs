use hearth_room::{Act, Record};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::script::Script;
use super::{Fault, SessionId, Store};
use crate::room_id::RoomId;

/// A subject as the audit knows it: the same within a room, unlike in any other, nobody's without the room's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pseudonym(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// From 1, per room.
    pub sequence: i64,
    pub session: SessionId,
    /// From 0, per session.
    pub number: i64,
    pub clock_ms: i64,
    pub written_ms: i64,
    pub actor: Option<Pseudonym>,
    pub act: String,
    pub subject: Option<Pseudonym>,
    pub detail: String,
    pub previous: Vec<u8>,
    pub hash: Vec<u8>,
}

impl AuditRow {
    /// The hash that binds this row to all before it.
    fn seal(&self, room: &RoomId) -> Vec<u8> {
        let fields = serde_json::json!([
            room.as_str(),
            self.sequence,
            self.session.0.to_string(),
            self.number,
            self.clock_ms,
            self.written_ms,
            self.actor.as_ref().map(|actor| &actor.0),
            self.act,
            self.subject.as_ref().map(|subject| &subject.0),
            self.detail,
        ]);
        Sha256::new().chain_update(&self.previous).chain_update(fields.to_string()).finalize().to_vec()
    }
}

impl Store {
    pub async fn audit(&self, room: &RoomId) -> Result<Vec<AuditRow>, Fault> {
        let rows = sqlx::query("SELECT * FROM audit WHERE room = ? ORDER BY sequence")
            .bind(room.as_str())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Who this subject is in the room's audit; none when the key is gone.
    pub async fn pseudonym(&self, room: &RoomId, subject: &str) -> Result<Option<Pseudonym>, Fault> {
        let key = sqlx::query_scalar::<_, Vec<u8>>("SELECT key FROM room_key WHERE room = ?")
            .bind(room.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(key.map(|key| RoomKey(key).pseudonym(subject)))
    }

    /// Makes the room's pseudonyms so far nobody's, for ever. The audit itself stays whole.
    pub async fn destroy_key(&self, room: &RoomId) -> Result<(), Fault> {
        sqlx::query("DELETE FROM room_key WHERE room = ?").bind(room.as_str()).execute(&self.pool).await?;
        // The write-ahead log still holds the key until it is emptied.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.pool).await?;
        Ok(())
    }
}

/// A room's audit that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    pub rows: usize,
    /// The hash of the last row: whoever keeps it elsewhere can tell later that nothing up to here was taken away.
    pub head: Vec<u8>,
}

/// How a room's audit does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("row {0} was changed, came from elsewhere, or one before it is missing")]
    Chain(i64),
    #[error("it ends at row {found}, and {known} were written: its end was cut off, or begun anew")]
    End { found: i64, known: i64 },
    #[error("no row has the hash that was given: it is another audit, or its end was cut off")]
    Unknown,
}

impl Store {
    /// Every room that has an audit, or had one.
    pub async fn audited_rooms(&self) -> Result<Vec<RoomId>, Fault> {
        let rooms = "SELECT room FROM audit UNION SELECT room FROM audit_head UNION SELECT room FROM session ORDER BY room";
        let rooms = sqlx::query_scalar::<_, String>(rooms).fetch_all(&self.pool).await?;
        Ok(rooms.iter().filter_map(|room| RoomId::parse(room)).collect())
    }

    /// Whether the room's audit is what was written. `known`: the hash of a row that must be in it.
    pub async fn verify_audit(
        &self,
        room: &RoomId,
        known: Option<&[u8]>,
    ) -> Result<Result<Audited, Broken>, Fault> {
        let rows = self.audit(room).await?;
        if let Some(at) = first_broken(room, &rows) {
            return Ok(Err(Broken::Chain(at)));
        }
        let (found, head) = rows.last().map_or((0, vec![0; 32]), |row| (row.sequence, row.hash.clone()));
        let written = sqlx::query("SELECT sequence, hash FROM audit_head WHERE room = ?")
            .bind(room.as_str())
            .fetch_optional(&self.pool)
            .await?;
        // Told twice, in two tables that are written together.
        let running: Option<Vec<u8>> = sqlx::query_scalar("SELECT audit_head FROM session WHERE room = ?")
            .bind(room.as_str())
            .fetch_optional(&self.pool)
            .await?;
        let (last, hash) = match written {
            Some(row) => (row.try_get("sequence")?, row.try_get::<Vec<u8>, _>("hash")?),
            None => (0, vec![0; 32]),
        };
        if last != found || hash != head || running.is_some_and(|running| running != head) {
            return Ok(Err(Broken::End { found, known: last }));
        }
        if known.is_some_and(|known| rows.iter().all(|row| row.hash != known)) {
            return Ok(Err(Broken::Unknown));
        }
        Ok(Ok(Audited { rows: rows.len(), head }))
    }
}

/// Where the chain does not hold: the sequence of the first row that was changed, is missing or came from elsewhere.
pub fn first_broken(room: &RoomId, rows: &[AuditRow]) -> Option<i64> {
    let mut previous = vec![0; 32];
    for (row, sequence) in rows.iter().zip(1..) {
        if row.sequence != sequence || row.previous != previous || row.hash != row.seal(room) {
            return Some(sequence);
        }
        previous.clone_from(&row.hash);
    }
    None
}

/// The hash of the room's last row; zeros before the first.
pub(super) async fn head(connection: &mut SqliteConnection, room: &RoomId) -> Result<Vec<u8>, Fault> {
    let head = sqlx::query_scalar("SELECT hash FROM audit WHERE room = ? ORDER BY sequence DESC LIMIT 1")
        .bind(room.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(head.unwrap_or_else(|| vec![0; 32]))
}

/// How many records of the session are kept.
pub(super) async fn known(
    connection: &mut SqliteConnection,
    room: &RoomId,
    session: SessionId,
) -> Result<u64, Fault> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM audit WHERE room = ? AND session = ?")
        .bind(room.as_str())
        .bind(session.0.as_bytes().as_slice())
        .fetch_one(connection)
        .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Where a room's audit stands, to go on from there.
pub(super) struct Standing<'r> {
    room: &'r RoomId,
    session: SessionId,
    pub key: RoomKey,
    /// Records of the session that are kept.
    pub records: u64,
    sequence: i64,
    pub head: Vec<u8>,
}

impl<'r> Standing<'r> {
    pub async fn of(
        connection: &mut SqliteConnection,
        room: &'r RoomId,
        session: SessionId,
    ) -> Result<Standing<'r>, Fault> {
        const STANDING: &str = "SELECT (SELECT key FROM room_key WHERE room = ?1) AS key, \
            (SELECT number FROM audit WHERE room = ?1 AND session = ?2 ORDER BY number DESC LIMIT 1) AS number, \
            (SELECT sequence FROM audit WHERE room = ?1 ORDER BY sequence DESC LIMIT 1) AS sequence, \
            (SELECT hash FROM audit WHERE room = ?1 ORDER BY sequence DESC LIMIT 1) AS hash";
        let row = sqlx::query(STANDING)
            .bind(room.as_str())
            .bind(session.0.as_bytes().as_slice())
            .fetch_one(&mut *connection)
            .await?;
        let number: Option<i64> = row.try_get("number")?;
        Ok(Standing {
            room,
            session,
            key: match row.try_get("key")? {
                Some(key) => RoomKey(key),
                None => RoomKey::of(connection, room).await?,
            },
            records: number.and_then(|last| u64::try_from(last).ok()).map_or(0, |last| last + 1),
            sequence: row.try_get::<Option<i64>, _>("sequence")?.unwrap_or(0),
            head: row.try_get::<Option<_>, _>("hash")?.unwrap_or_else(|| vec![0; 32]),
        })
    }

    /// Appends those of `lines` that are not there yet. `first` is the number of the first one within the session.
    pub async fn append(
        &mut self,
        connection: &mut SqliteConnection,
        script: &mut Script,
        first: u64,
        lines: &[Line],
        written_ms: i64,
    ) -> Result<(), Fault> {
        let known = self.records;
        if first > known {
            return Err(Fault::Gap(first));
        }
        let skip = usize::try_from(known - first).unwrap_or(usize::MAX);
        if skip >= lines.len() {
            return Ok(());
        }
        for line in &lines[skip..] {
            let row = self.next(line, written_ms);
            insert(script, self.room, row);
            if script.is_long() {
                script.run(connection).await?;
            }
        }
        script
            .then(
                "INSERT INTO audit_head VALUES (?, ?, ?) ON CONFLICT (room) DO UPDATE SET \
                 sequence = excluded.sequence, hash = excluded.hash",
            )
            .bind(self.room.as_str())
            .bind(self.sequence)
            .bind(self.head.as_slice());
        Ok(())
    }

    fn next(&mut self, line: &Line, written_ms: i64) -> AuditRow {
        let name = |subject: &Option<String>| subject.as_deref().map(|subject| self.key.pseudonym(subject));
        self.sequence += 1;
        let mut row = AuditRow {
            sequence: self.sequence,
            session: self.session,
            number: i64::try_from(self.records).unwrap_or(i64::MAX),
            clock_ms: i64::from(line.at),
            written_ms,
            actor: name(&line.actor),
            act: line.act.clone(),
            subject: name(&line.subject),
            detail: line.detail.clone(),
            previous: std::mem::take(&mut self.head),
            hash: Vec::new(),
        };
        row.hash = row.seal(self.room);
        self.records += 1;
        self.head.clone_from(&row.hash);
        row
    }
}

/// A record in the audit's words, but for the names.
#[derive(Debug)]
pub(super) struct Line {
    at: u32,
    actor: Option<String>,
    act: String,
    subject: Option<String>,
    detail: String,
}

impl Line {
    pub fn of(record: Record) -> Result<Line, Fault> {
        let Record { at, actor, act } = record;
        let subject = subject(&act).map(str::to_owned);
        let (act, detail) = describe(&act)?;
        Ok(Line { at, actor, act, subject, detail })
    }
}

fn insert(script: &mut Script, room: &RoomId, row: AuditRow) {
    script
        .then("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(room.as_str())
        .bind(row.sequence)
        .bind(row.session.0.as_bytes().as_slice())
        .bind(row.number)
        .bind(row.clock_ms)
        .bind(row.written_ms)
        .bind(row.actor.map(|actor| actor.0))
        .bind(row.act)
        .bind(row.subject.map(|subject| subject.0))
        .bind(row.detail)
        .bind(row.previous)
        .bind(row.hash);
}

fn read(row: &SqliteRow) -> Result<AuditRow, Fault> {
    let session: Vec<u8> = row.try_get("session")?;
    Ok(AuditRow {
        sequence: row.try_get("sequence")?,
        session: SessionId(
            uuid::Uuid::from_slice(&session).map_err(|error| sqlx::Error::Decode(error.into()))?,
        ),
        number: row.try_get("number")?,
        clock_ms: row.try_get("clock_ms")?,
        written_ms: row.try_get("written_ms")?,
        actor: row.try_get::<Option<String>, _>("actor")?.map(Pseudonym),
        act: row.try_get("act")?,
        subject: row.try_get::<Option<String>, _>("subject")?.map(Pseudonym),
        detail: row.try_get("detail")?,
        previous: row.try_get("previous")?,
        hash: row.try_get("hash")?,
    })
}

/// The act's name, and what else it says, without the subject.
fn describe(act: &Act) -> Result<(String, String), Fault> {
    let mut detail = serde_json::to_value(act)?;
    let fields = detail.as_object_mut().expect("an act is tagged, so it is an object");
    fields.remove("subject");
    let name = fields.remove("act").expect("`act` is its tag");
    Ok((name.as_str().unwrap_or_default().to_owned(), detail.to_string()))
}

/// Whom the act concerns. A new act is to be looked at here: nothing that names a person may stay in its detail.
fn subject(act: &Act) -> Option<&str> {
    match act {
        Act::TicketSpent { subject }
        | Act::Consented { subject, version: _ }
        | Act::Admitted { subject, through_lock: _ }
        | Act::Denied { subject }
        | Act::DenialUndone { subject }
        | Act::SentToWaiting { subject }
        | Act::Joined { subject }
        | Act::Left { subject, dropped: _ }
        | Act::GateClosed { subject, source: _ }
        | Act::GateOpened { subject, source: _ }
        | Act::Granted { subject }
        | Act::Revoked { subject }
        | Act::Removed { subject }
        | Act::RemovalUndone { subject }
        | Act::LeadPassed { subject }
        | Act::CeilingSet { subject: Some(subject), level: _ }
        | Act::Moved { subject, aside: _ }
        | Act::KeptApart { subject, other: _, apart: _ }
        | Act::HelperLent { subject, on: _ } => Some(subject),
        Act::Breach { subject, incident: _, code: _ } => subject.as_deref(),
        Act::Started
        | Act::AllGatesClosed { source: _ }
        | Act::FloorSet { mode: _ }
        | Act::RoundStarted
        | Act::RoundEnded
        | Act::Locked
        | Act::Unlocked
        | Act::Frozen
        | Act::Thawed { step: _ }
        | Act::Held
        | Act::Resumed
        | Act::Recalled { aside: _ }
        | Act::Refused { request: _, count: _ }
        | Act::CeilingSet { subject: None, level: _ }
        | Act::SteppedTo { segment: _ }
        | Act::Overridden
        | Act::FormatChanged { format: _ }
        | Act::BreakBegun
        | Act::BreakOver
        | Act::EndAnnounced
        | Act::EndCancelled
        | Act::Ended => None,
    }
}

pub(super) struct RoomKey(Vec<u8>);

impl RoomKey {
    /// The room's key, drawn when there is none.
    pub async fn of(connection: &mut SqliteConnection, room: &RoomId) -> Result<RoomKey, Fault> {
        sqlx::query("INSERT INTO room_key VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(room.as_str())
            .bind(crate::chance::bytes::<32>().as_slice())
            .execute(&mut *connection)
            .await?;
        let key = sqlx::query_scalar("SELECT key FROM room_key WHERE room = ?")
            .bind(room.as_str())
            .fetch_one(connection)
            .await?;
        Ok(RoomKey(key))
    }

    pub fn pseudonym(&self, subject: &str) -> Pseudonym {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(subject.as_bytes());
        let tag = mac.finalize().into_bytes();
        Pseudonym(tag[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Commit, Ledger};

    fn room() -> RoomId {
        RoomId::parse("room-1").unwrap()
    }

    fn record(at: u32, actor: Option<&str>, act: Act) -> Record {
        Record { at, actor: actor.map(str::to_owned), act }
    }

    fn commit(session: SessionId, first: u64, records: Vec<Record>) -> Commit {
        Commit {
            room: room(),
            session,
            clock: 9,
            first,
            records,
            attendance: Vec::new(),
            snapshot: None,
            ended: false,
            legacy: None,
        }
    }

    async fn with_three() -> (Store, SessionId) {
        let store = Store::temporary().await.unwrap();
        let session = SessionId::draw();
        let removed = Act::Removed { subject: "person-b".into() };
        let records = vec![
            record(1, None, Act::Started),
            record(2, Some("person-a"), Act::Locked),
            record(3, Some("person-a"), removed),
        ];
        store.commit(commit(session, 0, records)).await.unwrap();
        (store, session)
    }

    #[tokio::test]
    async fn rows_are_chained_and_a_change_of_one_is_seen() {
        let (store, _) = with_three().await;
        let rows = store.audit(&room()).await.unwrap();
        assert_eq!(
            rows.iter().map(|row| row.act.as_str()).collect::<Vec<_>>(),
            ["started", "locked", "removed"]
        );
        assert_eq!(first_broken(&room(), &rows), None);

        let mut changed = rows.clone();
        changed[1].act = "unlocked".into();
        assert_eq!(first_broken(&room(), &changed), Some(2));
        let mut without = rows.clone();
        without.remove(0);
        assert_eq!(first_broken(&room(), &without), Some(1));
        assert_eq!(first_broken(&RoomId::parse("room-2").unwrap(), &rows), Some(1));
    }

    #[tokio::test]
    async fn nobody_is_named_and_a_destroyed_key_leaves_no_way_back() {
        let (store, session) = with_three().await;
        let rows = store.audit(&room()).await.unwrap();
        assert!(!format!("{rows:?}").contains("person"));
        assert_eq!(rows[1].actor, rows[2].actor);
        assert_eq!(rows[2].subject, store.pseudonym(&room(), "person-b").await.unwrap());

        store.destroy_key(&room()).await.unwrap();
        assert_eq!(store.pseudonym(&room(), "person-b").await.unwrap(), None);
        let again = record(4, Some("person-a"), Act::Unlocked);
        store.commit(commit(session, 3, vec![again])).await.unwrap();
        let after = store.audit(&room()).await.unwrap();
        assert_ne!(after[3].actor, rows[1].actor);
        assert_eq!(first_broken(&room(), &after), None);
    }

    #[tokio::test]
    async fn a_repeated_commit_adds_nothing_twice_and_a_gap_is_refused() {
        let (store, session) = with_three().await;
        let again = vec![record(3, None, Act::Held), record(4, None, Act::Ended)];
        store.commit(commit(session, 2, again.clone())).await.unwrap();
        store.commit(commit(session, 2, again)).await.unwrap();
        let rows = store.audit(&room()).await.unwrap();
        assert_eq!(
            rows.iter().map(|row| row.act.as_str()).collect::<Vec<_>>(),
            ["started", "locked", "removed", "ended"]
        );
        let gap = store.commit(commit(session, 9, vec![record(5, None, Act::Held)])).await;
        assert!(matches!(gap, Err(Fault::Gap(9))), "{gap:?}");
    }

    #[tokio::test]
    async fn the_database_itself_refuses_to_change_the_audit() {
        let (store, _) = with_three().await;
        for attempt in [
            "UPDATE audit SET act = 'unlocked' WHERE sequence = 2",
            "DELETE FROM audit WHERE sequence = 3",
            "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE sequence = 3",
            "INSERT INTO audit SELECT room, 9, session, 9, clock_ms, written_ms, actor, act, subject, detail, previous, hash FROM audit WHERE sequence = 3",
        ] {
            let refused = sqlx::query(attempt).execute(&store.pool).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{attempt}: {refused}");
        }
        assert_eq!(first_broken(&room(), &store.audit(&room()).await.unwrap()), None);
    }
}
