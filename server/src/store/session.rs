use hearth_room::{Attended, Legacy};
use sha2::{Digest, Sha256};
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::audit::Standing;
use super::script::Script;
use super::{Commit, Fault, Kept, SessionId, Store, attendance, audit, legacy};
use crate::room_id::RoomId;

/// A commit in the words in which it is written. Made before it waits for its turn.
#[derive(Debug)]
pub(super) struct Draft {
    room: RoomId,
    session: SessionId,
    clock: u32,
    first: u64,
    lines: Vec<audit::Line>,
    attendance: Vec<Attended>,
    snapshot: Option<String>,
    ended: bool,
    legacy: Option<String>,
}

impl Draft {
    pub fn of(commit: Commit) -> Result<Draft, Fault> {
        let Commit { room, session, clock, first, records, attendance, snapshot, ended, legacy } = commit;
        let legacy = legacy.filter(|legacy| *legacy != Legacy::default());
        Ok(Draft {
            room,
            session,
            clock,
            first,
            lines: records.into_iter().map(audit::Line::of).collect::<Result<_, _>>()?,
            attendance,
            snapshot: snapshot.map(|snapshot| serde_json::to_string(&snapshot)).transpose()?,
            ended,
            legacy: legacy.map(|legacy| serde_json::to_string(&legacy)).transpose()?,
        })
    }
}

/// Within a transaction.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    draft: &Draft,
    now_ms: i64,
) -> Result<(), Fault> {
    let Draft { room, session, clock, first, lines, attendance, .. } = draft;
    let mut standing = Standing::of(connection, room, *session).await?;
    let mut script = Script::default();
    standing.append(connection, &mut script, *first, lines, now_ms).await?;
    for attended in attendance {
        attendance::append(&mut script, &standing.key, room, *session, *clock, attended, now_ms)?;
        if script.is_long() {
            script.run(connection).await?;
        }
    }
    if draft.ended {
        script.then("DELETE FROM session WHERE room = ?").bind(room.as_str());
        legacy::leave(&mut script, room, draft.legacy.as_deref(), now_ms);
    } else if let Some(snapshot) = &draft.snapshot {
        save(&mut script, draft, &standing, snapshot);
    } else {
        follow(&mut script, draft, &standing);
    }
    script.run(connection).await
}

pub(super) async fn kept(store: &Store, room: &RoomId) -> Result<Option<Kept>, Fault> {
    let mut connection = store.pool.acquire().await?;
    let row = sqlx::query("SELECT * FROM session WHERE room = ?")
        .bind(room.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let id: Vec<u8> = row.try_get("id")?;
    let session = SessionId(Uuid::from_slice(&id).map_err(|error| sqlx::Error::Decode(error.into()))?);
    let snapshot: String = row.try_get("snapshot")?;
    let checksum: Vec<u8> = row.try_get("checksum")?;
    let head: Vec<u8> = row.try_get("audit_head")?;
    let records: i64 = row.try_get("records")?;
    let known = audit::known(&mut connection, room, session).await?;
    let proven_last = checksum == Sha256::digest(&snapshot).as_slice()
        && head == audit::head(&mut connection, room).await?
        && u64::try_from(records).is_ok_and(|records| records == known);
    let clock: i64 = row.try_get("clock_ms")?;
    Ok(Some(Kept {
        session,
        clock: u32::try_from(clock).unwrap_or(u32::MAX),
        records: known,
        snapshot: serde_json::from_str(&snapshot)?,
        proven_last,
    }))
}

fn save(script: &mut Script, draft: &Draft, standing: &Standing, snapshot: &str) {
    // In place: a row that is replaced is another one, in other pages.
    script
        .then(
            "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (room) DO UPDATE SET id = excluded.id, \
             clock_ms = excluded.clock_ms, records = excluded.records, snapshot = excluded.snapshot, \
             checksum = excluded.checksum, audit_head = excluded.audit_head",
        )
        .bind(draft.room.as_str())
        .bind(draft.session.0.as_bytes().as_slice())
        .bind(i64::from(draft.clock))
        .bind(i64::try_from(standing.records).unwrap_or(i64::MAX))
        .bind(snapshot)
        .bind(Sha256::digest(snapshot).as_slice())
        .bind(standing.head.as_slice());
}

/// Records without a snapshot loosen nothing that the snapshot before them holds: it is still the last one.
fn follow(script: &mut Script, draft: &Draft, standing: &Standing) {
    script
        .then("UPDATE session SET clock_ms = ?, records = ?, audit_head = ? WHERE room = ? AND id = ?")
        .bind(i64::from(draft.clock))
        .bind(i64::try_from(standing.records).unwrap_or(i64::MAX))
        .bind(standing.head.as_slice())
        .bind(draft.room.as_str())
        .bind(draft.session.0.as_bytes().as_slice());
}

#[cfg(test)]
mod tests {
    use hearth_room::{Act, Record, Room};

    use super::*;
    use crate::config::Config;
    use crate::store::Ledger;

    struct Meeting {
        store: Store,
        room: RoomId,
        session: SessionId,
    }

    async fn meeting() -> Meeting {
        let room = RoomId::parse("hearth").unwrap();
        Meeting { store: Store::temporary().await.unwrap(), room, session: SessionId::draw() }
    }

    impl Meeting {
        async fn commit(&self, clock: u32, first: u64, acts: Vec<Act>, with_snapshot: bool, ended: bool) {
            let definition = Config::for_tests().definitions().unwrap().find(&self.room).unwrap();
            let records = acts.into_iter().map(|act| Record { at: clock, actor: None, act }).collect();
            let snapshot = with_snapshot.then(|| Room::new(definition.as_ref().clone()).snapshot());
            let (room, session) = (self.room.clone(), self.session);
            let (attendance, legacy) = (Vec::new(), None);
            let commit = Commit { room, session, clock, first, records, attendance, snapshot, ended, legacy };
            self.store.commit(commit).await.unwrap();
        }

        async fn kept(&self) -> Option<Kept> {
            self.store.kept(&self.room).await.unwrap()
        }

        async fn tamper(&self, sql: &'static str) {
            sqlx::query(sql).execute(&self.store.pool).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_session_is_woken_as_it_was_kept_last_and_not_after_its_end() {
        let meeting = meeting().await;
        assert!(meeting.kept().await.is_none());
        meeting.commit(1_000, 0, vec![Act::Started], true, false).await;
        meeting.commit(2_000, 1, vec![Act::Locked], true, false).await;
        let kept = meeting.kept().await.unwrap();
        assert_eq!(
            (kept.session, kept.clock, kept.records, kept.proven_last),
            (meeting.session, 2_000, 2, true)
        );
        meeting.commit(3_000, 2, vec![Act::Ended], false, true).await;
        assert!(meeting.kept().await.is_none());
        assert_eq!(meeting.store.audit(&meeting.room).await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn records_that_loosen_nothing_leave_the_snapshot_the_last() {
        let meeting = meeting().await;
        meeting.commit(1_000, 0, vec![Act::Started], true, false).await;
        meeting.commit(5_000, 1, vec![Act::RoundStarted], false, false).await;
        let kept = meeting.kept().await.unwrap();
        assert_eq!((kept.clock, kept.records, kept.proven_last), (5_000, 2, true));
    }

    #[tokio::test]
    async fn a_snapshot_that_is_older_than_the_audit_or_was_changed_is_not_proven() {
        for sql in [
            "UPDATE session SET records = 1",
            "UPDATE session SET audit_head = zeroblob(32)",
            "UPDATE session SET snapshot = snapshot || ' '",
        ] {
            let meeting = meeting().await;
            meeting.commit(1_000, 0, vec![Act::Started, Act::Locked], true, false).await;
            assert!(meeting.kept().await.unwrap().proven_last);
            meeting.tamper(sql).await;
            assert!(!meeting.kept().await.unwrap().proven_last, "{sql}");
        }
    }
}
