use hearth_protocol::{Refusal, RefusalCode};

/// The refusals that do not come from the room's rules, with a sentence for people.
pub(crate) fn refusal(code: RefusalCode) -> Refusal {
    Refusal { code, message: message(code).to_owned() }
}

const fn message(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::NotSeated => "This works once you have a seat.",
        RefusalCode::TooFast => "That was a lot at once. Please wait a moment.",
        RefusalCode::BadMessage => "This message could not be read.",
        RefusalCode::UnknownMessage => "This message is not known here. Reloading the page may help.",
        RefusalCode::TooLarge => "This message is too long.",
        RefusalCode::BadOffer => "The media connection could not be set up from this offer.",
        RefusalCode::StaleGeneration => "This media connection has been replaced by a newer one.",
        RefusalCode::MediaUnavailable => {
            "Sound and pictures are being restored. Please try again in a moment."
        }
        RefusalCode::RecordUnavailable => {
            "This could not be confirmed just now. Please try again in a moment."
        }
        RefusalCode::NotNow => "The room cannot be entered now.",
        RefusalCode::BadTicket => "This link cannot be used any more. Please ask for a new one.",
        RefusalCode::VersionUnsupported => "Please reload the page.",
        RefusalCode::NotAllowed
        | RefusalCode::NotFound
        | RefusalCode::Changed
        | RefusalCode::GroundRulesChanged
        | RefusalCode::Frozen
        | RefusalCode::OnHold
        | RefusalCode::Locked
        | RefusalCode::Full
        | RefusalCode::NotPossible
        | RefusalCode::ConfirmationNeeded => "This is not possible just now.",
    }
}
