//! What people write. Kept nowhere: only what is needed to take a message away again.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chat {}
