//! The relay alone, over real sockets with real media: what it forwards, what it stops, what it survives.

mod copies;
mod descriptions;
mod forwarding;
mod heard;
mod hostile;
mod meeting;
mod members;
mod privacy;
mod profiles;
mod redundancy;
mod slots;
mod spaces;
mod strangers;
mod workers;
