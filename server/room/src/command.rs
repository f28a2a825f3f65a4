use hearth_forwarding::{Generation, Subject};
use hearth_protocol::{Request, RequestId, Role, Secret, Source};
use serde::{Deserialize, Serialize};

use crate::Definition;

/// One signalling connection. Given by the shell, never used twice in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

/// SHA-256 of a secret. The room keeps hashes only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretHash(pub [u8; 32]);

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A secret that the shell has drawn for the room to give away, should it need one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    pub secret: Secret,
    pub hash: SecretHash,
}

/// What a verified ticket says. Signature, issuer, audience, room and time window were checked before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub issuer: String,
    /// `jti`: with the issuer, spent at the knock.
    pub ticket: String,
    /// `exp` with the allowed skew, on the session's clock: until then a spent ticket is remembered.
    pub expires: u32,
    /// `sub`: the stable pseudonymous identity.
    pub subject: String,
    pub role: Role,
    /// Among facilitators: the lowest connected one leads.
    pub rank: u16,
    pub alias: String,
    /// What may be sent. Everything else is born closed by reason `ticket`.
    pub publish: Vec<Source>,
    /// `admission: open`: passes the waiting room where the policy has open admission too.
    pub open_admission: bool,
    /// For an interpreter: the subject of whom they speak for.
    #[serde(default)]
    pub interprets: Option<String>,
    /// A facilitator's credential, or in which capacity an observer listens: shown on the roster.
    #[serde(default)]
    pub title: Option<String>,
    /// A guardian has agreed: asked for by formats for minors.
    #[serde(default)]
    pub guardian_consent: bool,
}

/// What comes to the room from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A new connection with a verified ticket.
    Knock { connection: ConnectionId, claims: Claims, fresh: Fresh },
    /// A new connection with a waiting or resume secret.
    Return {
        connection: ConnectionId,
        hash: SecretHash,
        /// The media connection that the page says it still holds.
        media_generation: Option<Generation>,
        fresh: Fresh,
    },
    /// A request by whoever sits behind this connection. `Offer` and `View` never come here: see [`crate::Room::media_peer`].
    Request { connection: ConnectionId, request_id: RequestId, request: Request, fresh: Fresh },
    /// What was said to this connection has arrived there: its secret too, so that the one before it is spent.
    Heard { connection: ConnectionId },
    /// The connection is gone. The last sign of life may lie before now.
    Dropped { connection: ConnectionId, last_seen: u32 },
    /// This connection lost count: it needs a snapshot.
    Refresh { connection: ConnectionId },
    /// The relay lost this media connection for good: a new generation is due, the seat is kept.
    MediaLost { subject: Subject, generation: Generation },
    /// The worker that carried this room's media was restarted: every media connection is to be made anew.
    RelayRestarted,
    /// Another person would sit at this device, with a verified ticket of their own and agreement to these ground rules.
    ShareDevice {
        connection: ConnectionId,
        request_id: RequestId,
        claims: Claims,
        version: u32,
        hash: String,
    },
    /// How long each was heard since the last report, in milliseconds, as the relay counted behind open gates.
    Voiced { heard: Vec<(Subject, u32)> },
    /// The standing room was changed. Changed ground rules open a window in which they are to be agreed to.
    Define(Box<Definition>),
    /// The issuer took this subject's tickets back: a removal.
    Revoke { subject: String },
    /// The process stops: say goodbye to everyone. The session may go on after a restart.
    Shutdown,
}
