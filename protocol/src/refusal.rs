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
