//! Signalling: one WebSocket at `/v1/room/{room}` per browser, JSON text frames of the `protocol` crate.
//!
//! A session reads frames, adds who sent them and hands them to the room's task; what is to be said comes back through its
//! outbox. Nothing here decides what anybody may do: only whether a frame can be read, and whether too many of them come.

mod codec;
mod door;
mod hello;
mod outbox;
mod rate;
mod refusal;
mod session;
mod upgrade;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension, Router,
    extract::{ConnectInfo, Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};

use door::Door;
pub use door::Limits;
pub use outbox::{Letter, Mail, Outbox};
pub(crate) use refusal::refusal;

use crate::{auth::Verifier, origin::Origins, room_id::RoomId, rooms::Directory};

/// The one route of signalling. The peer's address is read from `ConnectInfo<SocketAddr>`.
pub fn router(directory: Directory, verifier: Verifier, origins: Origins) -> Router {
    with_limits(directory, verifier, origins, Limits::default())
}

pub fn with_limits(directory: Directory, verifier: Verifier, origins: Origins, limits: Limits) -> Router {
    let signalling = Arc::new(Signalling { directory, verifier, origins, door: Door::new(limits) });
    Router::new().route("/v1/room/{room}", get(open)).with_state(signalling)
}

#[derive(Debug)]
struct Signalling {
    directory: Directory,
    verifier: Verifier,
    origins: Origins,
    door: Arc<Door>,
}

async fn open(
    State(signalling): State<Arc<Signalling>>,
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
    let address = address.map(|Extension(ConnectInfo(address))| address.ip());
    let Some(place) = signalling.door.come_in(address) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    upgrade::upgrade(request, move |socket| session::run(signalling, room, place, socket))
}
