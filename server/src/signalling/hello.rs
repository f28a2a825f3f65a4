use std::time::Duration;

use futures_util::StreamExt;
use hearth_forwarding::Generation;
use hearth_protocol::{ClientFrame, Credential, Hello, RefusalCode, VERSION};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{
    codec,
    session::{Socket, Stream},
};
use crate::{
    auth::Verifier,
    room_id::RoomId,
    rooms::{Arrival, hash},
};

const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A hello is a ticket or a secret and two numbers.
const HELLO_BYTES_MAX: usize = 16 * 1024;

/// Why there is no hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoHello {
    /// The peer is gone: nothing can be said any more.
    Gone,
    Refused(RefusalCode),
}

/// Waits for the first frame, which has to be a hello.
pub(super) async fn read(socket: &mut Socket<impl Stream>) -> Result<Hello, NoHello> {
    timeout(HELLO_WITHIN, first_frame(socket)).await.unwrap_or(Err(NoHello::Refused(RefusalCode::BadMessage)))
}

/// With what this hello comes to the room.
pub(super) fn arrival(hello: Hello, room: &RoomId, verifier: &Verifier) -> Result<Arrival, NoHello> {
    if hello.version != VERSION {
        return Err(NoHello::Refused(RefusalCode::VersionUnsupported));
    }
    match hello.credential {
        Credential::Ticket { ticket } => {
            verifier.verify(&ticket, room).map(Arrival::Ticket).map_err(|refused| {
                tracing::debug!(%refused, "a ticket does not count");
                NoHello::Refused(RefusalCode::BadTicket)
            })
        }
        Credential::Waiting { secret } | Credential::Resume { secret } => Ok(Arrival::Secret {
            hash: hash(&secret),
            media_generation: hello.media_generation.map(Generation),
        }),
    }
}

async fn first_frame(socket: &mut Socket<impl Stream>) -> Result<Hello, NoHello> {
    loop {
        let Some(Ok(message)) = socket.next().await else { return Err(NoHello::Gone) };
        match message {
            Message::Text(text) if text.len() > HELLO_BYTES_MAX => {
                return Err(NoHello::Refused(RefusalCode::TooLarge));
            }
            Message::Text(text) => return hello(&text),
            Message::Binary(_) => return Err(NoHello::Refused(RefusalCode::BadMessage)),
            Message::Close(_) => return Err(NoHello::Gone),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

fn hello(text: &str) -> Result<Hello, NoHello> {
    match codec::decode(text) {
        Ok(ClientFrame::Hello(hello)) => Ok(hello),
        Ok(ClientFrame::Request { .. } | ClientFrame::Ping { .. }) => {
            Err(NoHello::Refused(RefusalCode::BadMessage))
        }
        Err(unreadable) => Err(NoHello::Refused(unreadable.code)),
    }
}
