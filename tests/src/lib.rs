//! What the integration, hostile and load tests are made of. Nothing imports this package.

pub mod generator;
pub mod participant;
pub mod signalling;
