//! The room, decided purely: commands, time, ids and secrets in; effects out.
//!
//! Nothing here knows a clock, a socket, a lock, randomness or an async runtime. The same commands at the same times give the
//! same effects, always. All rules of the room are here and nowhere else.

mod command;
mod definition;
mod effect;
mod room;

pub use command::*;
pub use definition::*;
pub use effect::*;
pub use room::*;
