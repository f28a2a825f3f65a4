//! What the integration, hostile and load tests are made of. Nothing imports this package.

pub mod generator;
