//! How long each was heard, from what the relay counts behind open gates.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hearing {}
