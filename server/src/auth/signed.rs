//! What a portal signs: a JWT with HS256, under a key that is known here by name. What it says is read by its own module.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Serialize, de::DeserializeOwned};

use super::{Key, TicketRefused, Tickets, Verifier};

const BYTES_MAX: usize = 4096;

/// Claims that count for a time. Those of one kind are no good as another: each kind has one that no other has.
pub(super) trait Timed: DeserializeOwned {
    fn not_before(&self) -> u64;
    fn expires(&self) -> u64;
}

impl Tickets {
    pub(super) fn sign(name: &str, key: &Key, claims: &impl Serialize) -> String {
        let header = Header { kid: Some(name.to_owned()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key.secret()))
            .expect("plain claims under an HMAC key can always be signed")
    }
}

impl Verifier {
    pub(super) fn open<C: Timed>(
        &self,
        signed: &str,
        needed: &[&str],
        now: SystemTime,
    ) -> Result<C, TicketRefused> {
        if signed.len() > BYTES_MAX {
            return Err(TicketRefused::Unreadable);
        }
        let header = jsonwebtoken::decode_header(signed).map_err(|_| TicketRefused::Unreadable)?;
        if header.crit.is_some() {
            // RFC 7515, section 4.1.11: what is marked critical has to be understood, and nothing is.
            return Err(TicketRefused::Unreadable);
        }
        let key =
            header.kid.as_deref().and_then(|name| self.keys.get(name)).ok_or(TicketRefused::UnknownKey)?;
        let claims: C = self.decode(signed, key, needed)?;
        self.check_time(&claims, unix_seconds(now))?;
        Ok(claims)
    }

    /// How long it counts still, with the skew.
    pub(super) fn remaining(&self, claims: &impl Timed, now: SystemTime) -> Duration {
        let until = claims.expires().saturating_add(self.tickets.skew.as_secs());
        Duration::from_secs(until.saturating_sub(unix_seconds(now)))
    }

    /// Signature, issuer and audience. The library checks neither `nbf` nor what is missing unless told to; times are checked apart.
    fn decode<C: Timed>(&self, signed: &str, key: &Key, needed: &[&str]) -> Result<C, TicketRefused> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(needed);
        validation.set_issuer(&[&key.issuer]);
        validation.set_audience(&[&self.tickets.audience]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let decoded = jsonwebtoken::decode::<C>(signed, &DecodingKey::from_secret(key.secret()), &validation);
        match decoded {
            Ok(data) => Ok(data.claims),
            Err(error) => {
                use jsonwebtoken::errors::ErrorKind::{InvalidAudience, InvalidIssuer};
                let elsewhere = matches!(error.kind(), InvalidAudience | InvalidIssuer);
                Err(if elsewhere { TicketRefused::Elsewhere } else { TicketRefused::Invalid })
            }
        }
    }

    fn check_time(&self, claims: &impl Timed, now: u64) -> Result<(), TicketRefused> {
        let skew = self.tickets.skew.as_secs();
        if claims.not_before() > now.saturating_add(skew) {
            return Err(TicketRefused::Early);
        }
        if claims.expires().saturating_add(skew) <= now {
            return Err(TicketRefused::Late);
        }
        if claims.expires().saturating_sub(claims.not_before()) > self.tickets.lifetime_max.as_secs() {
            return Err(TicketRefused::LongLived);
        }
        Ok(())
    }
}

pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
