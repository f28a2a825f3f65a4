use hearth_protocol::{Refusal, RefusalCode};

/// A refusal in the words that belong to its code.
pub(crate) fn refusal(code: RefusalCode) -> Refusal {
    Refusal { code, message: code.message().to_owned() }
}
