use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::Uri};
use hearth_protocol::{Refusal, RefusalCode};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until, timeout};

use super::Desk;
use crate::auth::{Browser, LinkSecret};
use crate::room_id::RoomId;

pub(super) const PATH: &str = "/v1/links/redeem";

/// Gives the room and a ticket for a personal link's secret.
///
/// The link belongs to the browser that redeems it first, known by its cookie. A browser without one is given it and sent here
/// once more, so that a link is only ever bound to a browser that has shown its cookie: a lost answer locks nobody out.
pub(super) async fn redeem(State(desk): State<Desk>, request: Request) -> Response {
    let answer_refusal_at = Instant::now() + REFUSAL_AFTER;
    let (parts, body) = request.into_parts();
    let browser = browser(&parts.headers);
    if desk.origins.permit(&parts.headers) {
        match browser {
            None if !is_second_time(&parts.uri) => return introduce(desk.secure),
            None => {}
            Some(browser) => match ticket(&desk, body, &browser).await {
                Outcome::Ticket(redeemed) => return Json(redeemed).into_response(),
                Outcome::Refused => {}
                Outcome::Fault => return unavailable(),
            },
        }
    }
    sleep_until(answer_refusal_at).await;
    refuse()
}

#[derive(Deserialize)]
struct Redeem {
    secret: String,
}

#[derive(Serialize)]
struct Redeemed {
    room: RoomId,
    ticket: String,
    /// For a page whose line breaks before anybody could tell it where else help is.
    crisis_line: String,
}

enum Outcome {
    Ticket(Redeemed),
    Refused,
    Fault,
}

const BODY_BYTES_MAX: usize = 1024;
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// A wrong link, a used one and one of another browser are refused after the same time, in the same words.
const REFUSAL_AFTER: Duration = Duration::from_millis(300);
const COOKIE: &str = "hearth_browser";
const SECOND_TIME: &str = "again";

async fn ticket(desk: &Desk, body: Body, browser: &Browser) -> Outcome {
    let Ok(Ok(body)) = timeout(BODY_WITHIN, to_bytes(body, BODY_BYTES_MAX)).await else {
        return Outcome::Refused;
    };
    let Ok(Redeem { secret }) = serde_json::from_slice(&body) else { return Outcome::Refused };
    let Some(secret) = LinkSecret::parse(&secret) else { return Outcome::Refused };
    match desk.links.redeem(&secret, browser).await {
        Ok(Some((room, ticket))) => {
            let crisis_line = (desk.crisis_line)(&room);
            Outcome::Ticket(Redeemed { room, ticket, crisis_line })
        }
        Ok(None) => Outcome::Refused,
        Err(error) => {
            tracing::error!(%error, "a personal link could not be looked up");
            Outcome::Fault
        }
    }
}

fn browser(headers: &HeaderMap) -> Option<Browser> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut values =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    values.find(|(name, _)| *name == COOKIE).and_then(|(_, value)| Browser::parse(value))
}

fn is_second_time(uri: &Uri) -> bool {
    uri.query() == Some(SECOND_TIME)
}

/// 307: the browser repeats the same POST by itself, now with the cookie, which lasts as long as the browser is open.
fn introduce(secure: bool) -> Response {
    let secure = if secure { "; Secure" } else { "" };
    let browser = Browser::draw().text();
    let cookie = format!("{COOKIE}={browser}; Path=/v1/links; HttpOnly; SameSite=Strict{secure}");
    let location = format!("{PATH}?{SECOND_TIME}");
    (StatusCode::TEMPORARY_REDIRECT, [(header::SET_COOKIE, cookie), (header::LOCATION, location)])
        .into_response()
}

fn refuse() -> Response {
    let message = "This link does not open the room now. Please open it in the browser where you used it first, or ask \
                   for a new link.";
    (StatusCode::FORBIDDEN, Json(Refusal { code: RefusalCode::NotNow, message: message.into() }))
        .into_response()
}

fn unavailable() -> Response {
    let message = "The room cannot be reached for a moment. Please try again.";
    let refusal = Refusal { code: RefusalCode::RecordUnavailable, message: message.into() };
    (StatusCode::SERVICE_UNAVAILABLE, Json(refusal)).into_response()
}
