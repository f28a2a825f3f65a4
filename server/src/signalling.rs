//! Signalling: one WebSocket at `/v1/room/{room}` per browser, JSON text frames of the `protocol` crate.
//!
//! A session reads frames, adds who sent them and hands them to the room's task; what is to be said comes back through its
//! outbox. Nothing here decides what anybody may do: only whether a frame can be read, and whether too many of them come.

mod codec;
mod door;
mod forwarded;
mod hello;
mod outbox;
mod proof;
mod rate;
mod refusal;
mod session;
mod upgrade;
mod written;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Extension, Router,
    extract::{ConnectInfo, Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};

use door::Door;
pub use door::Limits;
pub use forwarded::Proxies;
pub use outbox::{Letter, Mail, Outbox};
pub(crate) use refusal::refusal;
pub(crate) use written::Written;

use crate::{auth::Verifier, origin::Origins, room_id::RoomId, rooms::Directory};

/// The one route of signalling. The peer's address is read from `ConnectInfo<SocketAddr>`.
pub fn router(signalling: Signalling, proxies: Proxies) -> Router {
    Router::new().route("/v1/room/{room}", get(open)).with_state((Arc::new(signalling), proxies))
}

/// What a connection needs of its surroundings.
#[derive(Debug)]
pub struct Signalling {
    directory: Directory,
    verifier: Verifier,
    origins: Origins,
    door: Arc<Door>,
}

impl Signalling {
    pub fn new(directory: Directory, verifier: Verifier, origins: Origins, limits: Limits) -> Signalling {
        Signalling { directory, verifier, origins, door: Door::new(limits) }
    }

    /// Speaks with one client over any stream that is past the opening handshake, to the end of the connection. Where too many
    /// are connected already, the stream is dropped.
    pub async fn serve(&self, room: &RoomId, address: Option<IpAddr>, stream: impl session::Stream) {
        if let Some(place) = self.door.come_in(address) {
            session::run(self, room, place, stream).await;
        }
    }
}

async fn open(
    State((signalling, proxies)): State<(Arc<Signalling>, Proxies)>,
    Path(room): Path<String>,
    address: Option<Extension<ConnectInfo<SocketAddr>>>,
    request: Request,
) -> Response {
    if !signalling.origins.permit(request.headers()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(room) = RoomId::parse(&room) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let address =
        address.map(|Extension(ConnectInfo(address))| proxies.client(address.ip(), request.headers()));
    let Some(place) = signalling.door.come_in(address) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    upgrade::upgrade(request, async move |stream| session::run(&signalling, &room, place, stream).await)
}
