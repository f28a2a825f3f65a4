//! What a session leaves to the next one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Room;

/// What a session leaves to the next one in the same room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Legacy {
    /// Denied and removed subjects. To be inherited for twelve hours.
    pub denied: BTreeSet<String>,
    pub spent: Vec<SpentTicket>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentTicket {
    pub issuer: String,
    pub ticket: String,
    /// Until its `exp` and skew.
    pub remaining_ms: u32,
}

impl Room {
    /// What the next session inherits.
    pub fn legacy(&self) -> Legacy {
        let unexpired = self.spent.iter().filter(|(_, expires)| **expires >= self.now);
        let spent = unexpired.map(|((issuer, ticket), expires)| SpentTicket {
            issuer: issuer.clone(),
            ticket: ticket.clone(),
            remaining_ms: expires - self.now,
        });
        Legacy { denied: self.denied.clone(), spent: spent.collect() }
    }
}
