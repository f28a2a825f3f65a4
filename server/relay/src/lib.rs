//! The relay: it forwards media and obeys a forwarding table.
//!
//! It knows subjects by number, sources and tables; no role, no rule, no room, no wire message. Workers are OS threads that own
//! their peers outright, each with one UDP port (and the same TCP port); packets never cross threads, and the packet path has no
//! lock, no await and no policy.

mod answer;
mod counters;
mod demux;
mod feed;
mod fill;
#[cfg(any(test, feature = "tests"))]
pub mod fuzz;
mod group;
mod guard;
mod handle;
mod heard;
mod ingress;
mod keyframe;
mod layers;
mod mailbox;
mod member;
mod offer;
mod pace;
mod packet;
mod peer;
mod permits;
mod recent;
mod rtp;
mod slot;
mod socket;
mod speaker;
mod supervisor;
mod tcp;
mod voice;
mod window;
mod worker;

pub use handle::*;
