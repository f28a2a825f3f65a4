//! Questions answered from 0 to 10, without names.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scales {}
