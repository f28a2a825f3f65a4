//! The relay: it forwards media and obeys a forwarding table.
//!
//! It knows subjects by number, sources and tables; no role, no rule, no room, no wire message. Workers are OS threads that own
//! their peers outright, each with one UDP port (and the same TCP port); packets never cross threads, and the packet path has no
//! lock, no await and no policy.

#[allow(dead_code, reason = "used by the worker")]
mod counters;
#[allow(dead_code, reason = "used by the worker")]
mod demux;
#[allow(dead_code, reason = "used by the worker")]
mod guard;
mod handle;
#[allow(dead_code, reason = "used by the worker")]
mod socket;
#[allow(dead_code, reason = "used by the worker")]
mod tcp;

pub use handle::*;
