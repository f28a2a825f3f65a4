//! Rooms that are awake: one task owns one [`hearth_room::Room`] and carries out its effects.
//!
//! Effects are carried out as *truth in order*: the table goes to the relay at once; what it brought about is recorded when the
//! relay has acknowledged it, and told when it is recorded. The room never waits: it goes on applying, and groups of effects
//! wait in a queue. No rule is decided here.
//!
//! - A relay that has not acknowledged within 500 ms counts as failed. Whoever asked is refused with `media_unavailable`; the
//!   rest is recorded and told, for a dead worker forwards nothing.
//! - A record that cannot be kept is tried again, with growing pauses. Until it is kept nothing is told, whoever asked is refused
//!   with `record_unavailable`, restrictions still reach the relay at once, and nothing becomes looser there than what was
//!   recorded last. Calls for help and their answers go ahead of all that waits. A room whose queue overflows meanwhile says goodbye and wakes from its last snapshot.

mod call;
mod clock;
mod directory;
mod group;
mod media;
mod order;
mod secret;
mod stage;
mod task;

pub use call::{Arrival, Handle};
pub use directory::{Directory, NotEntered};
pub use media::{MediaSource, RoomMedia};
pub use secret::hash;
