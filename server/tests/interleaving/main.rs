//! What happens when things happen at the same moment: with a scripted relay, a scripted ledger and a clock that stands still
//! until a test moves it. Nothing here waits.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one frame among many")]

mod disturbance;
mod help;
mod line;
mod meeting;
mod order;
mod outside;
mod passing;
mod patience;
mod proof;
mod scripted;
mod socket;
