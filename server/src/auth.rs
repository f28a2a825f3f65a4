//! Who may knock: signed tickets, personal links that are redeemed for one, and a portal's word that somebody may not any more.
//!
//! Default-deny: a ticket that does not say something does not grant it. Nothing here decides what happens inside a room.

mod key;
mod link;
mod revocation;
mod signed;
mod ticket;

pub use key::{Key, Keyring};
pub use link::{Browser, LinkFault, LinkSecret, Links, issue};
pub use revocation::Revocation;
pub use ticket::{Grant, Ticket, TicketRefused, Tickets, Verifier};
