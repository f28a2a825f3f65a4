//! The room, decided purely: commands, time, ids and secrets in; effects out.
//!
//! Nothing here knows a clock, a socket, a lock, randomness or an async runtime. The same commands at the same times give the
//! same effects, always. All rules of the room are here and nowhere else.

mod agenda;
mod alias;
mod answers;
mod aside;
mod attendance;
mod breach;
mod bye;
mod card;
mod chat;
mod command;
mod consent;
mod definition;
mod device;
mod door;
mod due;
mod effect;
mod floor;
mod format;
mod forwarding;
mod gate;
mod hand;
mod heard;
mod knock;
mod lead;
mod legacy;
mod level;
mod own;
mod policy;
mod presence;
mod reaction;
mod request;
mod rest;
mod room;
mod round;
mod safety;
mod scale;
mod seat;
mod signal;
mod snapshot;
mod staff;
mod view;

pub use attendance::{Attended, Entry, Kind, Stay};
pub use command::*;
pub use definition::*;
pub use effect::*;
pub use format::*;
pub use legacy::{Legacy, SpentTicket};
pub use room::Room;
pub use snapshot::Snapshot;
