//! The room, decided purely: commands, time, ids and secrets in; effects out.
//!
//! Nothing here knows a clock, a socket, a lock, randomness or an async runtime. The same commands at the same times give the
//! same effects, always. All rules of the room are here and nowhere else.

mod alias;
mod answers;
mod command;
mod consent;
mod definition;
mod door;
mod effect;
mod floor;
mod forwarding;
mod gate;
mod hand;
mod lead;
mod policy;
mod room;
mod round;
mod safety;
mod seat;
mod snapshot;
mod view;

pub use command::*;
pub use definition::*;
pub use effect::*;
pub use room::{Legacy, Room, SpentTicket};
pub use snapshot::Snapshot;
