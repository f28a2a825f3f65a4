//! What belongs to each member alone: goal line, milestones, feedback, the rating, and the export of it all.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owned {}
