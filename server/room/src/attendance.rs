//! Who was here, from when to when. It depends on no voice, no camera and no turn.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attendance {}
