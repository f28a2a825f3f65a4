//! Any bytes as a frame: read or refused by the server's own codec, and what was read says the same when it is written again.

#![allow(unreachable_pub)]

use hearth_protocol::RefusalCode;

// The very file of the server: fuzzing it needs nothing else of the program.
#[path = "../../../server/src/signalling/codec.rs"]
mod codec;

/// What the socket lets through at the most.
const FRAME_MAX: usize = 64 << 10;

pub fn read(bytes: &[u8]) {
    // The socket has seen to the length and to UTF-8.
    let Ok(text) = std::str::from_utf8(&bytes[..bytes.len().min(FRAME_MAX)]) else { return };
    match codec::decode(text) {
        Ok(frame) => {
            let written = serde_json::to_string(&frame).expect("what was read can be written");
            assert_eq!(codec::decode(&written).expect("what was written can be read"), frame);
        }
        Err(unreadable) => {
            let known = matches!(unreadable.code, RefusalCode::BadMessage | RefusalCode::UnknownMessage);
            assert!(known, "{unreadable:?}");
            assert!(unreadable.request_id.is_none_or(|id| id.is_valid()), "an id that cannot be answered");
        }
    }
}
