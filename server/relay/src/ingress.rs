//! The first thing after decryption: the gate.
//!
//! By index, unconditional, and on nothing that the sender wrote. Only a packet that comes through here is looked at for its
//! loudness or its layer.

use hearth_forwarding::Reasons;

use crate::{feed::Feed, permits::Permits};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Open,
    /// Dropped, and counted under each of these reasons.
    Closed(Reasons),
    /// No row in the present table.
    Unknown,
}

pub fn gate(permits: &Permits, speaking: usize, feed: Feed) -> Admission {
    match permits.closed(speaking, feed) {
        None => Admission::Unknown,
        Some(reasons) if reasons.is_empty() => Admission::Open,
        Some(reasons) => Admission::Closed(reasons),
    }
}
