use sqlx::Row;

use super::{Fault, Store};
use crate::room_id::RoomId;

/// A personal link as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedLink {
    pub room: RoomId,
    pub sealed: Vec<u8>,
    /// Who redeemed it first, as [`Store::redeem_link`] was told.
    pub browser: Vec<u8>,
}

impl Store {
    pub async fn add_link(&self, id: &[u8; 32], room: &RoomId, sealed: &[u8]) -> Result<(), Fault> {
        sqlx::query("INSERT INTO link VALUES (?, ?, ?, NULL)")
            .bind(id.as_slice())
            .bind(room.as_str())
            .bind(sealed)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Binds the link to this browser if it is not bound yet, and reads it, bound to whomever. Does the same work for every id.
    pub async fn redeem_link(&self, id: &[u8; 32], browser: &[u8; 32]) -> Result<Option<SealedLink>, Fault> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE link SET browser = ? WHERE id = ? AND browser IS NULL")
            .bind(browser.as_slice())
            .bind(id.as_slice())
            .execute(&mut *transaction)
            .await?;
        let row = sqlx::query("SELECT room, sealed, browser FROM link WHERE id = ?")
            .bind(id.as_slice())
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let room: String = row.try_get("room")?;
        let Some(room) = RoomId::parse(&room) else { return Ok(None) };
        Ok(Some(SealedLink { room, sealed: row.try_get("sealed")?, browser: row.try_get("browser")? }))
    }

    /// The session is over, and its links with it.
    pub async fn revoke_links(&self, room: &RoomId) -> Result<(), Fault> {
        sqlx::query("DELETE FROM link WHERE room = ?").bind(room.as_str()).execute(&self.pool).await?;
        Ok(())
    }
}
