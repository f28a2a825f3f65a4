//! What a payload says of itself, and the clock that all clients of a process share.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What a payload says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub sender: u32,
    pub phase: u32,
    pub source: u8,
    pub counter: u32,
    /// Microseconds since the origin that all clients of a process share.
    pub sent_us: u64,
}

impl Stamp {
    pub const BYTES: usize = 25;
    const MAGIC: [u8; 4] = *b"HrTh";

    pub fn write(self, to: &mut [u8]) {
        to[..4].copy_from_slice(&Self::MAGIC);
        to[4..8].copy_from_slice(&self.sender.to_be_bytes());
        to[8..12].copy_from_slice(&self.phase.to_be_bytes());
        to[12] = self.source;
        to[13..17].copy_from_slice(&self.counter.to_be_bytes());
        to[17..25].copy_from_slice(&self.sent_us.to_be_bytes());
    }

    /// Finds the stamp behind whatever payload descriptor stands before it.
    pub fn find(payload: &[u8]) -> Option<Stamp> {
        let at = payload.windows(4).take(24).position(|window| window == Self::MAGIC)?;
        let bytes = payload.get(at..at + Self::BYTES)?;
        let word = |from: usize| u32::from_be_bytes(bytes[from..from + 4].try_into().expect("four bytes"));
        Some(Stamp {
            sender: word(4),
            phase: word(8),
            source: bytes[12],
            counter: word(13),
            sent_us: u64::from_be_bytes(bytes[17..25].try_into().expect("eight bytes")),
        })
    }
}

/// Microseconds since the origin of all stamps.
pub fn now_us() -> u64 {
    Instant::now().saturating_duration_since(origin().0).as_micros() as u64
}

/// A time of the system's clock, as the kernel stamps datagrams with, in the time of stamps. Nanoseconds since 1970.
pub fn at_us(system_ns: u64) -> u64 {
    system_ns.saturating_sub(origin().1) / 1_000
}

fn origin() -> (Instant, u64) {
    static ORIGIN: std::sync::OnceLock<(Instant, u64)> = std::sync::OnceLock::new();
    *ORIGIN.get_or_init(|| {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (Instant::now(), system.as_nanos() as u64)
    })
}
