//! The last words to a connection.

use hearth_protocol::{Bye, ByeReason, RefusalCode};

/// Denied, removed, full or locked: one and the same.
pub(crate) fn not_now() -> Bye {
    Bye { reason: ByeReason::NotNow, code: Some(RefusalCode::NotNow), card: None }
}

/// A spent or unknown credential.
pub(crate) fn bad_ticket() -> Bye {
    Bye { reason: ByeReason::BadHello, code: Some(RefusalCode::BadTicket), card: None }
}

pub(crate) fn replaced() -> Bye {
    Bye { reason: ByeReason::Replaced, code: None, card: None }
}

pub(crate) fn left() -> Bye {
    Bye { reason: ByeReason::Left, code: None, card: None }
}

pub(crate) fn over() -> Bye {
    Bye { reason: ByeReason::Ended, code: None, card: None }
}
