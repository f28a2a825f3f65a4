use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A seat on the roster: a number, stable for the session, that says nothing about the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct ParticipantId(pub u32);

/// Somebody at the door, as facilitators see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct KnockId(pub u32);

/// Chosen by the client, unique per subject and session, 1 to 64 bytes. A repeated one is answered as before and not carried out again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct RequestId(pub String);

impl RequestId {
    pub const BYTES_MAX: usize = 64;

    pub fn is_valid(&self) -> bool {
        (1..=Self::BYTES_MAX).contains(&self.0.len())
    }
}

/// Milliseconds on the session's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct Millis(pub u32);

/// A waiting or resume secret: 256 bits, base64url without padding. Worth a seat; never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
