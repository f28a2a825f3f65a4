use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Why a request was not carried out. Stable on the wire; the message beside it is for people and may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The door stays closed for this person now. Deliberately says nothing more.
    NotNow,
    /// The ticket is not valid: ask for a new link.
    BadTicket,
    /// The version in the hello is not spoken here: reload the page.
    VersionUnsupported,
    /// This role may not do that.
    NotAllowed,
    /// Not before one has a seat.
    NotSeated,
    /// There is no such participant or knock (any more).
    NotFound,
    /// Something changed since: look again, then repeat.
    Changed,
    /// The ground rules changed since: read them again.
    GroundRulesChanged,
    /// The room is frozen, and this waits until it is thawed.
    Frozen,
    /// The room is on hold until a facilitator goes on.
    OnHold,
    /// The room is locked: admit with `through_lock`.
    Locked,
    /// The room is full.
    Full,
    /// It does not fit the present state: no round runs, it is not one's turn, nothing to undo.
    NotPossible,
    /// The answer to the first `end_now`: repeat it with the `confirm` given.
    ConfirmationNeeded,
    /// The format cannot be read, or asks for what cannot be; the message says where.
    BadFormat,
    /// Too many of these; wait a moment.
    TooFast,
    /// The frame is not a message of this protocol.
    BadMessage,
    /// A well-formed message of a type that is not known here.
    UnknownMessage,
    /// Longer than allowed.
    TooLarge,
    /// The session description is not one that can be answered.
    BadOffer,
    /// The offer is for a media connection that is no longer the present one.
    StaleGeneration,
    /// The relay did not answer in time. The restriction holds; media are being restored.
    MediaUnavailable,
    /// The server could not keep its record. Nothing was loosened.
    RecordUnavailable,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Refusal {
    pub code: RefusalCode,
    /// One plain sentence; reveals nothing about who is inside.
    pub message: String,
}

impl RefusalCode {
    /// One plain sentence for the person who asked.
    pub const fn message(self) -> &'static str {
        match self {
            RefusalCode::NotNow => "You cannot come in right now.",
            RefusalCode::BadTicket => "This link cannot be used any more. Please ask for a new one.",
            RefusalCode::VersionUnsupported => "This page is out of date. Please reload it.",
            RefusalCode::NotAllowed => "Your role does not include this.",
            RefusalCode::NotSeated => "This is possible once you are in the room.",
            RefusalCode::NotFound => "That is not there any more.",
            RefusalCode::Changed => "Something changed in the meantime. Please look again.",
            RefusalCode::GroundRulesChanged => "The ground rules have changed. Please read them again.",
            RefusalCode::Frozen => "The room is paused for a moment. Please wait.",
            RefusalCode::OnHold => "The room is on hold until a facilitator goes on.",
            RefusalCode::Locked => "The room is locked.",
            RefusalCode::Full => "The room is full.",
            RefusalCode::NotPossible => "This is not possible just now.",
            RefusalCode::ConfirmationNeeded => "Please confirm once more.",
            RefusalCode::BadFormat => "This format cannot be read.",
            RefusalCode::TooFast => "That was a lot at once. Please wait a moment.",
            RefusalCode::BadMessage => "The server could not read this message.",
            RefusalCode::UnknownMessage => "The server does not know this kind of message.",
            RefusalCode::TooLarge => "This message is too long.",
            RefusalCode::BadOffer => "The media connection could not be set up.",
            RefusalCode::StaleGeneration => "This media connection was replaced by a newer one.",
            RefusalCode::MediaUnavailable => "Sound and picture are being restored. Please wait a moment.",
            RefusalCode::RecordUnavailable => "The server could not keep its record, so nothing was changed.",
        }
    }
}
