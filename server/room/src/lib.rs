//! The room, decided purely: commands, time, ids and secrets in; effects out.
//!
//! Nothing here knows a clock, a socket, a lock, randomness or an async runtime. The same commands at the same times give the
//! same effects, always. All rules of the room are here and nowhere else.

mod alias;
mod answers;
mod bye;
mod command;
mod consent;
mod definition;
mod door;
mod due;
mod effect;
mod floor;
mod forwarding;
mod gate;
mod hand;
mod knock;
mod lead;
mod legacy;
mod policy;
mod presence;
mod request;
mod room;
mod round;
mod safety;
mod seat;
mod snapshot;
mod view;

pub use command::*;
pub use definition::*;
pub use effect::*;
pub use legacy::{Legacy, SpentTicket};
pub use room::Room;
pub use snapshot::Snapshot;
