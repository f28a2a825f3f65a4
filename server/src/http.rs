//! Pages, links, revocations and probes over HTTP. Decides nothing about a room.

mod headers;
mod link;
mod listener;
mod metrics;
mod pages;
mod probe;
mod revocation;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::watch;

use crate::auth::Links;
use crate::origin::Origins;
use crate::room_id::RoomId;
use crate::store::Store;

pub use headers::CONTENT_SECURITY_POLICY;
pub use listener::Listener;
pub use metrics::Sample;
pub use pages::are_built;
pub use revocation::revocations;

/// What the handlers stand on. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub links: Links,
    pub origins: Origins,
    pub store: Store,
    /// False as soon as the server begins to stop.
    pub open: watch::Receiver<bool>,
    /// Where whoever is in this room finds help at once; empty: not known.
    pub crisis_line: Arc<dyn Fn(&RoomId) -> String + Send + Sync>,
    /// Everything that is counted, at this moment.
    pub samples: Arc<dyn Fn() -> Vec<Sample> + Send + Sync>,
    pub metrics_token: Arc<str>,
    /// Whether people reach this server over https.
    pub secure: bool,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

/// Everything but signalling, which is merged in as `signalling`. Every answer carries the headers of [`headers`].
pub fn router(desk: Desk, signalling: Router) -> Router {
    let secure = desk.secure;
    Router::new()
        .route("/healthz", get(probe::healthz))
        .route("/readyz", get(probe::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/.well-known/hearth", get(probe::capabilities))
        .route(link::PATH, post(link::redeem))
        .fallback(pages::page)
        .with_state(desk)
        .merge(signalling)
        .layer(axum::middleware::map_response(move |response| headers::add(secure, response)))
}
