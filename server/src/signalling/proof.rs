//! Proof that a secret arrived. Each ping says how many secrets were written before it, and a pong returns what its ping said, after
//! all before it was read (RFC 6455, sections 5.5.2 and 5.5.3). A pong may answer the last of several pings alone, so every
//! ping says it.

use tokio_tungstenite::tungstenite::{Bytes, Message};

/// To be written after so many secrets.
pub(super) fn ping(secrets: u32) -> Message {
    Message::Ping(Bytes::copy_from_slice(&secrets.to_be_bytes()))
}

/// How many secrets have arrived, by the payload of a pong. Pongs may come unasked and say anything; whoever claims more than was
/// written gives up the older secret of their own.
pub(super) fn secrets(pong: &[u8]) -> u32 {
    pong.try_into().map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &[u8], expected: u32) {
        assert_eq!(secrets(payload), expected, "{payload:?}");
    }

    #[test]
    fn a_pong_returns_what_its_ping_said_and_anything_else_proves_nothing() {
        for written in [0, 1, 2, u32::MAX] {
            let Message::Ping(payload) = ping(written) else { panic!("not a ping") };
            check(&payload, written);
        }
        check(b"", 0);
        check(b"\0\0\x01", 0);
        check(b"\0\0\0\0\x01", 0);
    }
}
