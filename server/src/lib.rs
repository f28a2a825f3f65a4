//! Hearth: signalling, HTTP, tickets, store, and their composition into one server.

pub mod auth;
mod chance;
pub mod config;
pub mod http;
pub mod origin;
pub mod room_id;
pub mod rooms;
pub mod server;
pub mod signalling;
pub mod store;
pub mod telemetry;

pub use auth::Grant;
pub use config::Config;
pub use room_id::RoomId;
pub use server::{Server, StartError};

/// The name of the key that signs what personal links are redeemed for.
const LINK_KEY: &str = "link";
