//! The relay alone, over real sockets with real media: what it forwards, what it stops, what it survives.

mod forwarding;
mod heard;
mod hostile;
mod meeting;
mod redundancy;
mod slots;
mod spaces;
