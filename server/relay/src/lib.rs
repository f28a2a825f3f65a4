//! The relay: it forwards media and obeys a forwarding table.
//!
//! It knows subjects by number, sources and tables; no role, no rule, no room, no wire message. Workers are OS threads that own
//! their peers outright, each with one UDP port (and the same TCP port); packets never cross threads, and the packet path has no
//! lock, no await and no policy.

mod handle;

pub use handle::*;
