use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Desk;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// People can be let in: the store answers, and the server is not stopping.
pub(super) async fn readyz(State(desk): State<Desk>) -> (StatusCode, &'static str) {
    if *desk.open.borrow() && desk.store.is_ready().await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

/// What this server does and does not do, for whoever wants to know before they enter.
pub(super) async fn capabilities() -> Json<Value> {
    Json(json!({
        "name": "hearth",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": { "path": "/v1/room/{room}", "version": hearth_protocol::VERSION },
        "recording": { "audio": false, "video": false, "chat": false, "transcript": false },
        "media": { "relayed": true, "stored": false, "encryption": "hop-by-hop (DTLS-SRTP)", "end_to_end": false },
        "kept": {
            "audit": "acts of power, by pseudonyms whose key can be destroyed",
            "running_session": "restrictions in force, erased at its end",
            "names": false,
            "words": false,
        },
        "hidden_participants": false,
    }))
}
