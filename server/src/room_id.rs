use std::fmt;

use serde::{Deserialize, Serialize};

/// The opaque name of a standing room: 1 to 64 of `A–Z a–z 0–9 - _`. It says nothing about who meets there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomId(String);

impl RoomId {
    pub const BYTES_MAX: usize = 64;

    pub fn parse(text: &str) -> Option<RoomId> {
        let fits = (1..=Self::BYTES_MAX).contains(&text.len());
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (fits && plain).then(|| RoomId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RoomId {
    type Error = NotARoomId;

    fn try_from(text: String) -> Result<Self, NotARoomId> {
        RoomId::parse(&text).ok_or(NotARoomId)
    }
}

impl std::str::FromStr for RoomId {
    type Err = NotARoomId;

    fn from_str(text: &str) -> Result<Self, NotARoomId> {
        RoomId::parse(text).ok_or(NotARoomId)
    }
}

impl From<RoomId> for String {
    fn from(id: RoomId) -> String {
        id.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room's id is 1 to 64 letters, digits, `-` or `_`")]
pub struct NotARoomId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        for good in ["a", "Hearth-1_x", &"x".repeat(64)] {
            assert!(RoomId::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a b", "a/b", "..", "é", &"x".repeat(65)] {
            assert!(RoomId::parse(bad).is_none(), "{bad}");
        }
    }
}
