//! RTP, RTCP and SRTP of one connection: sans-IO, and knowing no media line.
//!
//! Packets come in sealed and leave here in the clear under numbers that do not wrap; what goes out is told here in the clear and leaves
//! sealed. Between lie reports, requests for what was lost and for key frames, repairs, and the feedback that senders adapt to. What
//! waits to leave waits for [`Session::flush`] and no longer; the only copies that outlive it are those for repairs, which
//! [`Session::forget_sent`] discards.

mod arrivals;
pub mod header;
mod loss;
mod receiver;
mod repairs;
mod reporters;
pub mod rtcp;
mod sender;
mod session;
pub mod srtp;
pub mod vp8;

pub use header::{Header, Ids};
pub use receiver::Place;
pub use reporters::Reported;
pub use sender::Outgoing;
pub use session::{Heard, News, Session};
pub use srtp::Profile;
