//! Private signals of members to the facilitators: distress, and that somebody may be watching. In no snapshot and no record.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signals {}
