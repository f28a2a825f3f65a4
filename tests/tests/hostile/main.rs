//! What a client may try that has read the protocol and means ill, through a started server, over real sockets, with real media.
//!
//! In each room Ada is hostile; Fay facilitates, and Ben wants his peace. Each attempt brings one typed refusal or not one forwarded
//! packet, and Fay and Ben go on undisturbed. Packets are told apart by the phase in their stamps: what was sent after an
//! acknowledgement carries a later one.

mod breach;
mod consent;
mod device;
mod door;
mod floor;
mod freeze;
mod level;
mod mute;
mod packets;
mod removal;
mod revocation;
mod rights;
mod scene;
mod secrets;
mod signal;
mod spaces;
mod wire;
mod words;
