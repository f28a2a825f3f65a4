use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hearth_protocol::{Role, Source};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::signed::{Timed, unix_seconds};
use super::{Key, Keyring};
use crate::room_id::RoomId;

/// What a ticket is to say. Nothing is granted that is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub room: RoomId,
    /// The stable pseudonymous identity, one per person.
    pub subject: String,
    pub role: Role,
    /// Among facilitators: the lowest connected one leads.
    pub rank: u16,
    pub alias: String,
    pub publish: Vec<Source>,
    /// Passes the waiting room where the room's policy has open admission too.
    pub open_admission: bool,
    /// For an interpreter: the subject of whom they speak for.
    #[serde(default)]
    pub interprets: Option<String>,
    /// A facilitator's credential, or in which capacity an observer listens.
    #[serde(default)]
    pub title: Option<String>,
    /// A guardian has agreed.
    #[serde(default)]
    pub guardian_consent: bool,
}

/// A verified ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub grant: Grant,
    issuer: String,
    id: String,
    /// Until `exp` and the skew.
    remaining: Duration,
}

impl Ticket {
    /// As the room takes it. What is left of its life is counted from now on the session's clock, which may have stood still.
    pub fn claims(self, session_now_ms: u32) -> hearth_room::Claims {
        let remaining_ms = u32::try_from(self.remaining.as_millis()).unwrap_or(u32::MAX);
        hearth_room::Claims {
            issuer: self.issuer,
            ticket: self.id,
            expires: session_now_ms.saturating_add(remaining_ms),
            subject: self.grant.subject,
            role: self.grant.role,
            rank: self.grant.rank,
            alias: self.grant.alias,
            publish: self.grant.publish,
            open_admission: self.grant.open_admission,
            interprets: self.grant.interprets,
            title: self.grant.title,
            guardian_consent: self.grant.guardian_consent,
        }
    }
}

/// Why a ticket does not count. For counters and tests; whoever presents it only learns that it is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketRefused {
    #[error("not a signed ticket that can be read")]
    Unreadable,
    #[error("signed by a key that is not known here")]
    UnknownKey,
    #[error("the signature does not hold, or a claim that is needed is missing")]
    Invalid,
    #[error("for another issuer, audience or room")]
    Elsewhere,
    #[error("not valid yet")]
    Early,
    #[error("expired")]
    Late,
    #[error("valid for longer than a ticket may be")]
    LongLived,
}

/// What all tickets have in common here.
#[derive(Clone, Debug)]
pub struct Tickets {
    pub audience: String,
    /// How far clocks may differ.
    pub skew: Duration,
    /// From `nbf` to `exp`: how long a spent ticket may have to be remembered.
    pub lifetime_max: Duration,
}

impl Tickets {
    /// Signs a ticket that is valid from now for `lifetime`.
    pub fn mint(&self, name: &str, key: &Key, grant: &Grant, lifetime: Duration) -> String {
        let now = unix_seconds(SystemTime::now());
        let claims = WireClaims {
            iss: key.issuer.clone(),
            aud: self.audience.clone(),
            sub: grant.subject.clone(),
            jti: Uuid::new_v4().to_string(),
            nbf: now,
            exp: now + lifetime.as_secs(),
            room: grant.room.clone(),
            role: grant.role,
            rank: Some(grant.rank),
            alias: grant.alias.clone(),
            publish: grant.publish.clone(),
            admission: if grant.open_admission { Admission::Open } else { Admission::Ask },
            interprets: grant.interprets.clone(),
            title: grant.title.clone(),
            guardian_consent: grant.guardian_consent,
        };
        Tickets::sign(name, key, &claims)
    }
}

/// Checks tickets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Verifier {
    pub(super) tickets: Arc<Tickets>,
    pub(super) keys: Arc<Keyring>,
}

impl Verifier {
    pub fn new(tickets: Tickets, keys: Keyring) -> Verifier {
        Verifier { tickets: Arc::new(tickets), keys: Arc::new(keys) }
    }

    pub fn verify(&self, ticket: &str, room: &RoomId) -> Result<Ticket, TicketRefused> {
        self.verify_at(ticket, room, SystemTime::now())
    }

    fn verify_at(&self, ticket: &str, room: &RoomId, now: SystemTime) -> Result<Ticket, TicketRefused> {
        let claims: WireClaims = self.open(ticket, &["iss", "aud", "sub", "nbf", "exp"], now)?;
        if claims.room != *room {
            return Err(TicketRefused::Elsewhere);
        }
        if !claims.fits() {
            return Err(TicketRefused::Invalid);
        }
        Ok(Ticket {
            remaining: self.remaining(&claims, now),
            issuer: claims.iss,
            id: claims.jti,
            grant: Grant {
                room: claims.room,
                subject: claims.sub,
                role: claims.role,
                rank: claims.rank.unwrap_or(u16::MAX),
                alias: claims.alias,
                publish: claims.publish,
                open_admission: claims.admission == Admission::Open,
                interprets: claims.interprets,
                title: claims.title,
                guardian_consent: claims.guardian_consent,
            },
        })
    }
}

pub(super) const ID_BYTES_MAX: usize = 128;
/// The room cuts an alias to its own rules; this only keeps a page of text out.
const ALIAS_BYTES_MAX: usize = 256;
/// There are three sources.
const TITLE_BYTES_MAX: usize = 64;
const PUBLISH_MAX: usize = 3;

/// The claims as they are signed.
#[derive(Debug, Serialize, Deserialize)]
struct WireClaims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    nbf: u64,
    exp: u64,
    room: RoomId,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rank: Option<u16>,
    alias: String,
    #[serde(default)]
    publish: Vec<Source>,
    #[serde(default)]
    admission: Admission,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interprets: Option<String>,
    /// A credential, or in which capacity somebody listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default)]
    guardian_consent: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Admission {
    /// A facilitator lets in.
    #[default]
    Ask,
    Open,
}

impl Timed for WireClaims {
    fn not_before(&self) -> u64 {
        self.nbf
    }

    fn expires(&self) -> u64 {
        self.exp
    }
}

impl WireClaims {
    fn fits(&self) -> bool {
        let ids = [&self.sub, &self.jti].into_iter().chain(&self.interprets);
        let named = ids.into_iter().all(|id| (1..=ID_BYTES_MAX).contains(&id.len()));
        let titled = self.title.as_ref().is_none_or(|title| (1..=TITLE_BYTES_MAX).contains(&title.len()));
        named
            && titled
            && (1..=ALIAS_BYTES_MAX).contains(&self.alias.len())
            && self.publish.len() <= PUBLISH_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::{Value, json};

    use super::*;

    fn key() -> Key {
        Key::new("portal", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE").unwrap()
    }

    fn verifier() -> Verifier {
        let mut keys = Keyring::default();
        keys.insert("clinic", key());
        keys.insert("other", Key::draw("other"));
        let tickets = Tickets {
            audience: "hearth".into(),
            skew: Duration::from_secs(30),
            lifetime_max: Duration::from_secs(3600),
        };
        Verifier::new(tickets, keys)
    }

    const NOW: u64 = 1_000_000;

    /// A good ticket, with `change` made to its header and claims before it is signed.
    fn ticket(change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let mut header = json!({ "alg": "HS256", "typ": "JWT", "kid": "clinic" });
        let mut claims = json!({
            "iss": "portal", "aud": "hearth", "sub": "s-1", "jti": "t-1", "nbf": NOW, "exp": NOW + 300,
            "room": "room-1", "role": "member", "alias": "River",
        });
        change(&mut header, &mut claims);
        sign(&header, &claims, key().secret())
    }

    fn sign(header: &Value, claims: &Value, secret: &[u8]) -> String {
        use base64::Engine;
        use hmac::Mac;
        let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap();
        mac.update(text.as_bytes());
        let tag = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{text}.{tag}")
    }

    fn verify(ticket: &str, now: u64) -> Result<Ticket, TicketRefused> {
        let room = RoomId::parse("room-1").unwrap();
        verifier().verify_at(ticket, &room, UNIX_EPOCH + Duration::from_secs(now))
    }

    fn check(change: impl FnOnce(&mut Value, &mut Value), now: u64, expected: TicketRefused) {
        assert_eq!(verify(&ticket(change), now).err(), Some(expected));
    }

    #[test]
    fn what_a_ticket_does_not_grant_is_denied() {
        let grant = verify(&ticket(|_, _| {}), NOW).unwrap().grant;
        assert_eq!(grant.publish, []);
        assert_eq!(grant.rank, u16::MAX);
        assert!(!grant.open_admission);
    }

    #[test]
    fn every_needed_claim_is_needed() {
        for name in ["iss", "aud", "sub", "jti", "nbf", "exp", "room", "role", "alias"] {
            let without = ticket(|_, claims| drop(claims.as_object_mut().unwrap().remove(name)));
            assert_eq!(verify(&without, NOW).err(), Some(TicketRefused::Invalid), "without {name}");
        }
    }

    #[test]
    fn a_ticket_for_elsewhere_does_not_count() {
        check(|_, claims| claims["iss"] = "other".into(), NOW, TicketRefused::Elsewhere);
        check(|_, claims| claims["aud"] = "another".into(), NOW, TicketRefused::Elsewhere);
        check(|_, claims| claims["room"] = "room-2".into(), NOW, TicketRefused::Elsewhere);
    }

    #[test]
    fn a_ticket_counts_within_its_time_and_the_skew() {
        let good = ticket(|_, _| {});
        assert_eq!(verify(&good, NOW - 31).err(), Some(TicketRefused::Early));
        assert!(verify(&good, NOW - 30).is_ok());
        assert!(verify(&good, NOW + 329).is_ok());
        assert_eq!(verify(&good, NOW + 330).err(), Some(TicketRefused::Late));
        check(|_, claims| claims["exp"] = (NOW + 3601).into(), NOW, TicketRefused::LongLived);
    }

    #[test]
    fn the_key_decides_the_algorithm_and_the_header_does_not() {
        check(|header, _| header["alg"] = "none".into(), NOW, TicketRefused::Unreadable);
        check(|header, _| header["alg"] = "HS512".into(), NOW, TicketRefused::Invalid);
        check(|header, _| header["alg"] = "RS256".into(), NOW, TicketRefused::Invalid);
        check(|header, _| header["kid"] = "nobody".into(), NOW, TicketRefused::UnknownKey);
        check(
            |header, _| drop(header.as_object_mut().unwrap().remove("kid")),
            NOW,
            TicketRefused::UnknownKey,
        );
        check(|header, _| header["crit"] = json!(["b64"]), NOW, TicketRefused::Unreadable);
    }

    #[test]
    fn a_key_does_not_sign_for_another() {
        check(|header, _| header["kid"] = "other".into(), NOW, TicketRefused::Invalid);
    }

    #[test]
    fn a_changed_ticket_and_one_of_nonsense_do_not_count() {
        let good = ticket(|_, _| {});
        let mut parts: Vec<&str> = good.split('.').collect();
        let other = ticket(|_, claims| claims["role"] = "facilitator".into());
        parts[1] = other.split('.').nth(1).unwrap();
        assert_eq!(verify(&parts.join("."), NOW).err(), Some(TicketRefused::Invalid));
        for nonsense in ["", ".", "..", "a.b.c", &"x".repeat(5000)] {
            assert_eq!(verify(nonsense, NOW).err(), Some(TicketRefused::Unreadable));
        }
        check(|_, claims| claims["sub"] = "x".repeat(129).into(), NOW, TicketRefused::Invalid);
        check(|_, claims| claims["role"] = "owner".into(), NOW, TicketRefused::Invalid);
        check(|_, claims| claims["publish"] = json!(["everything"]), NOW, TicketRefused::Invalid);
    }

    #[test]
    fn an_interpreters_ticket_says_for_whom() {
        let ticket = ticket(|_, claims| {
            claims["role"] = "interpreter".into();
            claims["interprets"] = "s-2".into();
        });
        assert_eq!(verify(&ticket, NOW).unwrap().claims(0).interprets.as_deref(), Some("s-2"));
    }

    #[test]
    fn what_is_minted_is_verified_and_expires_on_the_sessions_clock() {
        let verifier = verifier();
        let grant = Grant {
            room: RoomId::parse("room-1").unwrap(),
            subject: "s-1".into(),
            role: Role::Facilitator,
            rank: 1,
            alias: "Maple".into(),
            publish: vec![Source::Microphone],
            open_admission: true,
            interprets: Some("s-2".into()),
            title: Some("LCSW".into()),
            guardian_consent: true,
        };
        let minted = verifier.tickets.mint("clinic", &key(), &grant, Duration::from_secs(60));
        let ticket = verifier.verify(&minted, &grant.room).unwrap();
        assert_eq!(ticket.grant, grant);
        let claims = ticket.claims(5_000);
        assert!((5_000 + 80_000..=5_000 + 90_000).contains(&claims.expires), "{}", claims.expires);
    }
}
