//! Load on media relays, and what it takes. The program is `hearth-load`; what clients send is shared with the tests.
//!
//! A [`crowd`] of [`client`]s on one thread talks to one of the [`relays`], which is a [`process`] of its own.

use std::error::Error;

pub mod bench;
pub mod client;
pub mod crowd;
mod keys;
pub mod measure;
pub mod payload;
mod plot;
pub mod process;
pub mod relays;
pub mod report;
pub mod rooms;
mod rtcp;
pub mod scenario;
pub mod signalling;
mod srtp;
pub mod stamp;
mod stream;

pub type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;
