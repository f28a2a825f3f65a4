//! What happens when things happen at the same moment: with a scripted relay, a scripted ledger and a clock that stands still
//! until a test moves it. Nothing here waits.

mod disturbance;
mod meeting;
mod order;
mod passing;
mod scripted;
mod socket;
