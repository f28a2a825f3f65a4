use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::signed::{Timed, unix_seconds};
use super::ticket::ID_BYTES_MAX;
use super::{Key, TicketRefused, Tickets, Verifier};
use crate::room_id::RoomId;

/// A portal's word that somebody may not be in a room any more: whatever tickets they hold. Shown twice it means the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub room: RoomId,
    pub subject: String,
}

/// `revokes` in the place of a ticket's `sub`: neither passes for the other.
#[derive(Debug, Serialize, Deserialize)]
struct WireClaims {
    iss: String,
    aud: String,
    nbf: u64,
    exp: u64,
    room: RoomId,
    revokes: String,
}

impl Timed for WireClaims {
    fn not_before(&self) -> u64 {
        self.nbf
    }

    fn expires(&self) -> u64 {
        self.exp
    }
}

impl Tickets {
    /// Signs a revocation that can be shown from now for `lifetime`; what it does lasts.
    pub fn revoke(&self, name: &str, key: &Key, revocation: &Revocation, lifetime: Duration) -> String {
        let now = unix_seconds(SystemTime::now());
        let claims = WireClaims {
            iss: key.issuer.clone(),
            aud: self.audience.clone(),
            nbf: now,
            exp: now + lifetime.as_secs(),
            room: revocation.room.clone(),
            revokes: revocation.subject.clone(),
        };
        Tickets::sign(name, key, &claims)
    }
}

impl Verifier {
    pub fn revocation(&self, signed: &str) -> Result<Revocation, TicketRefused> {
        let claims: WireClaims = self.open(signed, &["iss", "aud", "nbf", "exp"], SystemTime::now())?;
        if !(1..=ID_BYTES_MAX).contains(&claims.revokes.len()) {
            return Err(TicketRefused::Invalid);
        }
        Ok(Revocation { room: claims.room, subject: claims.revokes })
    }
}

#[cfg(test)]
mod tests {
    use hearth_protocol::Role;

    use super::*;
    use crate::auth::{Grant, Keyring};

    const MINUTE: Duration = Duration::from_secs(60);

    fn tickets() -> Tickets {
        Tickets { audience: "hearth".into(), skew: Duration::from_secs(30), lifetime_max: MINUTE * 60 }
    }

    fn verifier(key: &Key) -> Verifier {
        let mut keys = Keyring::default();
        keys.insert("portal", key.clone());
        Verifier::new(tickets(), keys)
    }

    fn eve() -> Revocation {
        Revocation { room: RoomId::parse("room-1").unwrap(), subject: "eve".into() }
    }

    #[test]
    fn what_a_portal_signs_is_read() {
        let key = Key::draw("portal");
        let signed = tickets().revoke("portal", &key, &eve(), MINUTE);
        assert_eq!(verifier(&key).revocation(&signed), Ok(eve()));
    }

    #[test]
    fn what_somebody_else_signs_is_not() {
        let signed = tickets().revoke("portal", &Key::draw("portal"), &eve(), MINUTE);
        assert_eq!(verifier(&Key::draw("portal")).revocation(&signed), Err(TicketRefused::Invalid));
    }

    #[test]
    fn no_ticket_revokes_and_no_revocation_opens_the_door() {
        let key = Key::draw("portal");
        let verifier = verifier(&key);
        let grant = Grant {
            room: eve().room,
            subject: "eve".into(),
            role: Role::Member,
            rank: 0,
            alias: "River".into(),
            publish: Vec::new(),
            open_admission: false,
            interprets: None,
            title: None,
            guardian_consent: false,
        };
        let ticket = tickets().mint("portal", &key, &grant, MINUTE);
        assert_eq!(verifier.revocation(&ticket), Err(TicketRefused::Invalid));
        let signed = tickets().revoke("portal", &key, &eve(), MINUTE);
        assert_eq!(verifier.verify(&signed, &eve().room), Err(TicketRefused::Invalid));
    }
}
