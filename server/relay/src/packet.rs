//! One received and decrypted media packet, as everything behind the WebRTC stack sees it.

use std::sync::Arc;

use crate::feed::Feed;

#[derive(Clone, Debug)]
pub struct Packet {
    pub feed: Feed,
    /// Simulcast layer, 0 the smallest; 0 where there is one alone.
    pub layer: usize,
    /// Extended: it does not wrap.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    /// RFC 6464: −dBov, 0 the loudest, 127 silence. A hint by the sender, no more.
    pub level: Option<u8>,
    pub picture: Option<Picture>,
    /// The payload is several in one (RFC 2198), each to be of this payload type.
    pub red: Option<u8>,
    /// Shared by all who get it. Empty: padding alone.
    pub payload: Arc<[u8]>,
}

/// What the VP8 payload descriptor and the clear start of a key frame say (RFC 7741, RFC 6386 section 9.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    pub starts_key_frame: bool,
    pub picture_id: Option<u16>,
    pub tl0_index: Option<u8>,
    pub key_index: Option<u8>,
    /// Of a key frame. Pixels.
    pub height: Option<u16>,
}

/// The numbers that a packet gets in a listener's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub picture_id: Option<u16>,
    pub tl0_index: Option<u8>,
    pub key_index: Option<u8>,
}
