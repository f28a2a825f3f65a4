use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use hearth_protocol::{Refusal, RefusalCode};
use tokio::time::timeout;

use crate::auth::Verifier;
use crate::rooms::{Directory, NotEntered};

const PATH: &str = "/v1/revocations";
const BODY_BYTES_MAX: usize = 4096;
const BODY_WITHIN: Duration = Duration::from_secs(5);
const DONE_WITHIN: Duration = Duration::from_secs(5);

/// Where a portal takes back what it has signed. The body is the signed revocation alone.
pub fn revocations(directory: Directory, verifier: Verifier) -> Router {
    Router::new().route(PATH, post(revoke)).with_state((directory, verifier))
}

/// Once this has answered 204 nothing more reaches the subject, and a restart changes nothing of it.
async fn revoke(State((directory, verifier)): State<(Directory, Verifier)>, body: Body) -> Response {
    let body = timeout(BODY_WITHIN, to_bytes(body, BODY_BYTES_MAX)).await;
    let Ok(Ok(body)) = body else { return not_signed() };
    let signed = std::str::from_utf8(&body).map(str::trim).unwrap_or_default();
    let Ok(revocation) = verifier.revocation(signed) else { return not_signed() };
    match timeout(DONE_WITHIN, directory.revoke(&revocation.room, &revocation.subject)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(NotEntered::NoSuchRoom)) => {
            refuse(StatusCode::NOT_FOUND, RefusalCode::NotFound, "There is no such room here.")
        }
        Ok(Err(NotEntered::Unavailable)) | Err(_) => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            RefusalCode::RecordUnavailable,
            "This could not be recorded, so it may not outlast a restart. Send it again.",
        ),
    }
}

fn not_signed() -> Response {
    let message = "The body has to be a revocation, signed by one of this server's ticket keys and not expired. \
                   See `hearth help revocation`.";
    refuse(StatusCode::FORBIDDEN, RefusalCode::BadTicket, message)
}

fn refuse(status: StatusCode, code: RefusalCode, message: &str) -> Response {
    (status, Json(Refusal { code, message: message.to_owned() })).into_response()
}
