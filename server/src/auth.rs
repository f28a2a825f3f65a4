//! Who may knock: signed tickets, and personal links that are redeemed for one.
//!
//! Default-deny: a ticket that does not say something does not grant it. Nothing here decides what happens inside a room.

mod key;
mod link;
mod ticket;

pub use key::{Key, Keyring};
pub use link::{Browser, LinkFault, LinkSecret, Links, issue};
pub use ticket::{Grant, Ticket, TicketRefused, Tickets, Verifier};
