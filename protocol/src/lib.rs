//! The wire types of Hearth's signalling, and nothing else.
//!
//! JSON text frames over one WebSocket at `/v1/room/{room}`. Times are milliseconds on the session's clock. Unknown fields are
//! ignored; unknown messages are refused. The browser's TypeScript is generated from these types.

mod agenda;
mod aside;
mod client;
mod desk;
mod id;
mod media;
mod refusal;
mod request;
mod server;
mod signal;
mod typescript;
mod view;
mod words;

pub use agenda::*;
pub use aside::*;
pub use client::*;
pub use desk::*;
pub use id::*;
pub use media::*;
pub use refusal::*;
pub use request::*;
pub use server::*;
pub use signal::*;
pub use typescript::typescript;
pub use view::*;
pub use words::*;

/// The version spoken here, compared in the first frame.
pub const VERSION: u32 = 1;
/// A longer frame closes the connection. Bytes.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// A longer session description is refused before it is parsed. Bytes.
pub const SDP_BYTES_MAX: usize = 48 * 1024;
/// A session description of more media lines is refused before it is parsed.
pub const SDP_MEDIA_LINES_MAX: usize = 64;
