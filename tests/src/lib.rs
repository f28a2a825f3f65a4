//! What the integration, hostile and load tests are made of. Nothing imports this package.

pub mod chance;
pub mod generator;
pub mod group;
pub mod hand;
pub mod kill;
pub mod participant;
pub mod signalling;
