//! The disclosure ladder: everyone chooses how much they take part; a facilitator may set a ceiling, never a floor.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Levels {}
