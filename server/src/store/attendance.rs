use hearth_protocol::Role;
use hearth_room::{Attended, Entry, Kind, Stay};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::audit::RoomKey;
use super::script::Script;
use super::{Fault, Pseudonym, SessionId, Store};
use crate::room_id::RoomId;

/// All that is kept of who was at one meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSession {
    pub session: SessionId,
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
    /// From its beginning to its end, or as far as it is known to have gone on. The session's clock.
    pub length_ms: u32,
    pub ended: bool,
    /// In the order of their end; those that go on are last.
    pub stays: Vec<KeptStay>,
    pub attested: Vec<Attested>,
    /// Oldest first.
    pub corrected: Vec<Corrected>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptStay {
    pub person: Pseudonym,
    pub role: Role,
    pub kind: Kind,
    /// Since 1970.
    pub began_ms: i64,
    /// On the session's clock, like `to_ms`.
    pub from_ms: u32,
    pub to_ms: u32,
    pub facilitators: u32,
    pub members: u32,
    /// Goes on, as far as the store knows.
    pub open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    pub by: Pseudonym,
    pub written_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    pub person: Pseudonym,
    pub by: Pseudonym,
    pub written_ms: i64,
    pub minutes: u32,
    pub note: String,
}

impl Store {
    /// As people write it, in UTC.
    pub async fn date(&self, unix_ms: i64) -> Result<String, Fault> {
        let date = sqlx::query_scalar("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ? / 1000, 'unixepoch')");
        Ok(date.bind(unix_ms).fetch_one(&self.pool).await?)
    }

    /// The room's meetings, oldest first.
    pub async fn attendance(&self, room: &RoomId) -> Result<Vec<KeptSession>, Fault> {
        let mut connection = self.pool.acquire().await?;
        let begun = sqlx::query(
            "SELECT session, min(written_ms) AS began, max(clock_ms) AS last, max(act = 'ended') AS ended, \
             coalesce(min(CASE act WHEN 'started' THEN clock_ms END), min(clock_ms)) AS started FROM audit WHERE room = ? GROUP BY session ORDER BY min(sequence)",
        )
        .bind(room.as_str())
        .fetch_all(&mut *connection)
        .await?;
        let mut sessions = Vec::new();
        for row in &begun {
            let session = session_id(row.try_get("session")?)?;
            let last =
                sqlx::query("SELECT max(to_ms) AS last FROM attendance WHERE room = ? AND session = ?")
                    .bind(room.as_str())
                    .bind(session.0.as_bytes().as_slice())
                    .fetch_one(&mut *connection)
                    .await?;
            let started: i64 = row.try_get("started")?;
            let last = last
                .try_get::<Option<i64>, _>("last")?
                .unwrap_or_default()
                .max(known(&mut connection, room, session).await?);
            sessions.push(KeptSession {
                session,
                began_ms: row.try_get("began")?,
                length_ms: clock(row.try_get::<i64, _>("last")?.max(last) - started),
                ended: row.try_get::<i64, _>("ended")? != 0,
                stays: Vec::new(),
                attested: Vec::new(),
                corrected: Vec::new(),
            });
        }
        let rows = sqlx::query("SELECT * FROM attendance WHERE room = ? ORDER BY rowid")
            .bind(room.as_str())
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            let session = session_id(row.try_get("session")?)?;
            if let Some(session) = sessions.iter_mut().find(|one| one.session == session) {
                session.take(row)?;
            }
        }
        self.go_on(&mut connection, room, &mut sessions).await?;
        Ok(sessions)
    }

    /// Who is there now is in the snapshot alone.
    async fn go_on(
        &self,
        connection: &mut SqliteConnection,
        room: &RoomId,
        sessions: &mut [KeptSession],
    ) -> Result<(), Fault> {
        let row = sqlx::query("SELECT id, snapshot FROM session WHERE room = ?").bind(room.as_str());
        let Some(row) = row.fetch_optional(&mut *connection).await? else { return Ok(()) };
        let id = session_id(row.try_get("id")?)?;
        let snapshot: hearth_room::Snapshot = serde_json::from_str(&row.try_get::<String, _>("snapshot")?)?;
        let key = RoomKey::of(connection, room).await?;
        let Some(session) = sessions.iter_mut().find(|one| one.session == id) else { return Ok(()) };
        for Stay { subject, role, kind, from, to, facilitators, members } in snapshot.unfinished_stays() {
            session.stays.push(KeptStay {
                person: key.pseudonym(&subject),
                role,
                kind,
                began_ms: session.began_ms + i64::from(from),
                from_ms: from,
                to_ms: to,
                facilitators,
                members,
                open: true,
            });
        }
        Ok(())
    }
}

impl KeptSession {
    fn take(&mut self, row: &SqliteRow) -> Result<(), Fault> {
        let name = |column| row.try_get::<String, _>(column).map(Pseudonym);
        let number = |column| row.try_get::<i64, _>(column).map(clock);
        let written_ms = row.try_get("written_ms")?;
        match row.try_get::<String, _>("entry")?.as_str() {
            "stay" => self.stays.push(KeptStay {
                person: name("person")?,
                role: word(row, "role")?,
                kind: word(row, "kind")?,
                began_ms: row.try_get("began_ms")?,
                from_ms: number("from_ms")?,
                to_ms: number("to_ms")?,
                facilitators: number("facilitators")?,
                members: number("members")?,
                open: false,
            }),
            "attested" => self.attested.push(Attested { by: name("signed_by")?, written_ms }),
            _ => self.corrected.push(Corrected {
                person: name("person")?,
                by: name("signed_by")?,
                written_ms,
                minutes: number("minutes")?,
                note: row.try_get("note")?,
            }),
        }
        Ok(())
    }
}

/// How far a session that goes on is known to have gone. The session's clock.
async fn known(connection: &mut SqliteConnection, room: &RoomId, session: SessionId) -> Result<i64, Fault> {
    let clock = sqlx::query_scalar("SELECT clock_ms FROM session WHERE room = ? AND id = ?")
        .bind(room.as_str())
        .bind(session.0.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(clock.unwrap_or_default())
}

/// Appends what is not there yet. `now`: the session's clock at the commit.
pub(super) fn append(
    script: &mut Script,
    key: &RoomKey,
    room: &RoomId,
    session: SessionId,
    now: u32,
    attended: &Attended,
    written_ms: i64,
) -> Result<(), Fault> {
    let Attended { number, at: _, entry } = attended;
    let (kind, person, stay, by, minutes, note) = match entry {
        Entry::Stay(stay) => ("stay", Some(&stay.subject), Some(stay), None, None, None),
        Entry::Attested { by } => ("attested", None, None, Some(by), None, None),
        Entry::Corrected { by, subject, minutes, note } => {
            ("corrected", Some(subject), None, Some(by), Some(i64::from(*minutes)), Some(note))
        }
    };
    let name = |subject: &String| key.pseudonym(subject).0;
    script
        .then("INSERT INTO attendance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(room.as_str())
        .bind(session.0.as_bytes().as_slice())
        .bind(i64::from(*number))
        .bind(written_ms)
        .bind(kind)
        .bind(person.map(name))
        .bind(stay.map(|stay| written(&stay.role)).transpose()?)
        .bind(stay.map(|stay| written(&stay.kind)).transpose()?)
        .bind(stay.map(|stay| written_ms - i64::from(now.saturating_sub(stay.from))))
        .bind(stay.map(|stay| i64::from(stay.from)))
        .bind(stay.map(|stay| i64::from(stay.to)))
        .bind(stay.map(|stay| i64::from(stay.facilitators)))
        .bind(stay.map(|stay| i64::from(stay.members)))
        .bind(by.map(name))
        .bind(minutes)
        .bind(note.map(String::as_str));
    Ok(())
}

/// The word that the wire has for it.
fn written(value: &impl serde::Serialize) -> Result<String, Fault> {
    Ok(serde_json::to_value(value)?.as_str().unwrap_or_default().to_owned())
}

fn word<T: serde::de::DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Fault> {
    Ok(serde_json::from_value(row.try_get::<String, _>(column)?.into())?)
}

fn clock(ms: i64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}

fn session_id(bytes: Vec<u8>) -> Result<SessionId, Fault> {
    Ok(SessionId(Uuid::from_slice(&bytes).map_err(|error| sqlx::Error::Decode(error.into()))?))
}

#[cfg(test)]
mod tests {
    use hearth_room::{Act, Record};

    use super::*;
    use crate::store::Commit;
    use crate::store::session::{self, Draft};

    fn stay(number: u32, subject: &str, from: u32, to: u32) -> Attended {
        let (role, kind) = (Role::Member, Kind::Group);
        let stay = Stay { subject: subject.into(), role, kind, from, to, facilitators: 1, members: 3 };
        Attended { number, at: to, entry: Entry::Stay(stay) }
    }

    async fn write(store: &Store, session: SessionId, attended: &[Attended]) {
        let mut connection = store.pool.acquire().await.unwrap();
        for (attended, now_ms) in [(&[][..], 1_000_000), (attended, 1_090_000)] {
            let commit = Commit {
                room: RoomId::parse("room-1").unwrap(),
                session,
                clock: 90_000,
                first: 0,
                records: vec![Record { at: 0, actor: None, act: Act::Started }],
                attendance: attended.to_vec(),
                snapshot: None,
                ended: false,
                legacy: None,
            };
            session::write(&mut connection, &Draft::of(commit).unwrap(), now_ms).await.unwrap();
        }
    }

    #[tokio::test]
    async fn entries_are_kept_once_by_pseudonym_and_never_changed() {
        let (store, session, room) =
            (Store::temporary().await.unwrap(), SessionId::draw(), RoomId::parse("room-1").unwrap());
        let correction = Attended {
            number: 1,
            at: 80_000,
            entry: Entry::Corrected {
                by: "person-f".into(),
                subject: "person-a".into(),
                minutes: 50,
                note: "by telephone".into(),
            },
        };
        let attest = Attended { number: 2, at: 90_000, entry: Entry::Attested { by: "person-f".into() } };
        let all = [stay(0, "person-a", 10_000, 70_000), correction, attest];
        write(&store, session, &all[..2]).await;
        // A commit whose outcome was not known is repeated as a whole.
        write(&store, session, &all).await;
        let sessions = store.attendance(&room).await.unwrap();
        let [kept] = sessions.as_slice() else { panic!("{sessions:?}") };
        assert_eq!((kept.stays.len(), kept.corrected.len(), kept.attested.len()), (1, 1, 1));
        assert_eq!((kept.stays[0].from_ms, kept.stays[0].to_ms, kept.length_ms), (10_000, 70_000, 70_000));
        assert_eq!(kept.stays[0].began_ms, 1_010_000);
        assert_eq!(Some(&kept.stays[0].person), store.pseudonym(&room, "person-a").await.unwrap().as_ref());
        assert_eq!(kept.corrected[0].person, kept.stays[0].person);
        assert!(!format!("{sessions:?}").contains("person-"));
        for attempt in ["UPDATE attendance SET to_ms = 9", "DELETE FROM attendance"] {
            let refused = sqlx::query(attempt).execute(&store.pool).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{attempt}: {refused}");
        }
        sqlx::query("INSERT OR REPLACE INTO attendance SELECT room, session, number, 1, entry, person, role, kind, 1, 1, 1, 1, 1, signed_by, 1, note FROM attendance")
            .execute(&store.pool).await.unwrap();
        assert_eq!(store.attendance(&room).await.unwrap(), sessions);
    }
}
