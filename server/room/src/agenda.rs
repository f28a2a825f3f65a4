//! The parts of the meeting: a step applies all that a part sets in one change, and opens no gate that another rule closed.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agenda {}
