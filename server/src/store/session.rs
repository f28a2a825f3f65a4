use sha2::{Digest, Sha256};
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::{Commit, Fault, Kept, SessionId, Store, attendance, audit, legacy, unix_ms};
use crate::room_id::RoomId;

pub(super) async fn commit(store: &Store, commit: Commit) -> Result<(), Fault> {
    let written_ms = unix_ms();
    let mut transaction = store.begin().await?;
    let connection = &mut *transaction;
    audit::append(connection, &commit.room, commit.session, commit.first, &commit.records, written_ms)
        .await?;
    let Commit { room, session, clock, attendance, .. } = &commit;
    attendance::append(connection, room, *session, *clock, attendance, written_ms).await?;
    if commit.ended {
        erase(connection, &commit.room).await?;
        legacy::leave(connection, &commit.room, commit.legacy.as_ref(), written_ms).await?;
    } else if let Some(snapshot) = &commit.snapshot {
        save(connection, &commit, &serde_json::to_string(snapshot)?).await?;
    } else {
        follow(connection, &commit).await?;
    }
    transaction.commit().await?;
    Ok(())
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

async fn save(connection: &mut SqliteConnection, commit: &Commit, snapshot: &str) -> Result<(), Fault> {
    let records = audit::known(connection, &commit.room, commit.session).await?;
    let head = audit::head(connection, &commit.room).await?;
    sqlx::query("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(commit.room.as_str())
        .bind(commit.session.0.as_bytes().as_slice())
        .bind(i64::from(commit.clock))
        .bind(i64::try_from(records).unwrap_or(i64::MAX))
        .bind(snapshot)
        .bind(Sha256::digest(snapshot).as_slice())
        .bind(head)
        .execute(connection)
        .await?;
    Ok(())
}

/// Records without a snapshot loosen nothing that the snapshot before them holds: it is still the last one.
async fn follow(connection: &mut SqliteConnection, commit: &Commit) -> Result<(), Fault> {
    let records = audit::known(connection, &commit.room, commit.session).await?;
    let head = audit::head(connection, &commit.room).await?;
    sqlx::query("UPDATE session SET clock_ms = ?, records = ?, audit_head = ? WHERE room = ? AND id = ?")
        .bind(i64::from(commit.clock))
        .bind(i64::try_from(records).unwrap_or(i64::MAX))
        .bind(head)
        .bind(commit.room.as_str())
        .bind(commit.session.0.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

async fn erase(connection: &mut SqliteConnection, room: &RoomId) -> Result<(), Fault> {
    sqlx::query("DELETE FROM session WHERE room = ?").bind(room.as_str()).execute(connection).await?;
    Ok(())
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
