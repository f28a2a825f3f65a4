//! Smaller spaces beside the room. Media never cross from one to another, and nobody in an aside becomes more than they were.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asides {}
