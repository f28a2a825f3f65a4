use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Request, RequestId, Secret};

/// What a browser sends. The first frame is `hello`, within ten seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    Hello(Hello),
    Request {
        request_id: RequestId,
        request: Request,
    },
    /// Answered by `pong` with the same nonce. Browsers cannot see WebSocket pings, so they send their own.
    Ping {
        nonce: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Hello {
    pub version: u32,
    pub credential: Credential,
    /// The generation of the media connection that the page still holds, if it does. It is kept where it is still the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub media_generation: Option<u32>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Credential {
    /// A signed ticket: opens the door once.
    Ticket { ticket: String },
    /// The secret from `knocked`: back to the same place at the door.
    Waiting { secret: Secret },
    /// The secret from `seated`: back to one's own seat.
    Resume { secret: Secret },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credential::Ticket { .. } => "Ticket(…)",
            Credential::Waiting { .. } => "Waiting(…)",
            Credential::Resume { .. } => "Resume(…)",
        })
    }
}
