//! What is shown to everyone for a while: prompt card, timer, the care moment.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cards {}
