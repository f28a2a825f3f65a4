use hearth_room::Legacy;
use sqlx::{Row, SqliteConnection};

use super::script::Script;
use super::{Fault, Store};
use crate::room_id::RoomId;

/// Whoever was denied is denied in a session that begins within this time.
const DENIED_MS: i64 = 12 * 60 * 60 * 1000;

const FORGET: &str = "DELETE FROM legacy WHERE left_ms <= ?";

/// Takes away what no session of any room can inherit any more.
pub(super) async fn forget(connection: &mut SqliteConnection, now_ms: i64) -> Result<(), Fault> {
    sqlx::query(FORGET).bind(now_ms - DENIED_MS).execute(connection).await?;
    Ok(())
}

/// Replaces what an earlier session left.
pub(super) fn leave(script: &mut Script, room: &RoomId, legacy: Option<&str>, now_ms: i64) {
    script.then(FORGET).bind(now_ms - DENIED_MS);
    script.then("DELETE FROM legacy WHERE room = ?").bind(room.as_str());
    if let Some(legacy) = legacy {
        script.then("INSERT INTO legacy VALUES (?, ?, ?)").bind(room.as_str()).bind(now_ms).bind(legacy);
    }
}

/// With the time between subtracted. A clock that was set back makes it count for longer, never for less.
pub(super) async fn find(store: &Store, room: &RoomId, now_ms: i64) -> Result<Option<Legacy>, Fault> {
    let row = sqlx::query("SELECT left_ms, legacy FROM legacy WHERE room = ?")
        .bind(room.as_str())
        .fetch_optional(&store.pool)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mut legacy: Legacy = serde_json::from_str(&row.try_get::<String, _>("legacy")?)?;
    let passed_ms = (now_ms - row.try_get::<i64, _>("left_ms")?).max(0);
    if passed_ms >= DENIED_MS {
        legacy.denied.clear();
    }
    let passed_ms = u32::try_from(passed_ms).unwrap_or(u32::MAX);
    legacy.spent.retain_mut(|ticket| {
        ticket.remaining_ms = ticket.remaining_ms.saturating_sub(passed_ms);
        ticket.remaining_ms > 0
    });
    Ok(Some(legacy))
}

#[cfg(test)]
mod tests {
    use hearth_room::SpentTicket;

    use super::*;

    const MINUTE: i64 = 60_000;

    async fn check(passed_ms: i64, denied: usize, spent: &[u32]) {
        let store = Store::temporary().await.unwrap();
        let room = RoomId::parse("room-1").unwrap();
        let ticket =
            |id: &str, remaining_ms| SpentTicket { issuer: "portal".into(), ticket: id.into(), remaining_ms };
        let legacy = Legacy {
            denied: ["s-1".to_owned()].into(),
            spent: vec![ticket("t-1", 5 * 60_000), ticket("t-2", 60_000)],
        };
        let now_ms = 1_000_000_000_000;
        let mut script = Script::default();
        leave(&mut script, &room, Some(&serde_json::to_string(&legacy).unwrap()), now_ms);
        script.run(&mut store.pool.acquire().await.unwrap()).await.unwrap();
        let found = find(&store, &room, now_ms + passed_ms).await.unwrap().unwrap();
        assert_eq!(found.denied.len(), denied, "after {passed_ms}");
        let remaining: Vec<u32> = found.spent.iter().map(|ticket| ticket.remaining_ms).collect();
        assert_eq!(remaining, spent, "after {passed_ms}");
        assert!(find(&store, &RoomId::parse("room-2").unwrap(), now_ms).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_next_session_inherits_what_still_counts() {
        check(0, 1, &[300_000, 60_000]).await;
        check(2 * MINUTE, 1, &[180_000]).await;
        check(12 * 60 * MINUTE - 1, 1, &[]).await;
        check(12 * 60 * MINUTE, 0, &[]).await;
        check(-MINUTE, 1, &[300_000, 60_000]).await;
    }
}
