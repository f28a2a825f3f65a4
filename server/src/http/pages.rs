use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// The built web client, part of the program. Empty when it was not built before the server: see `build.rs`.
#[derive(RustEmbed)]
#[folder = "../web-client/app/dist"]
#[allow_missing = true]
struct Dist;

pub fn are_built() -> bool {
    Dist::get(INDEX).is_some()
}

pub(super) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = match uri.path() {
        "/" | "/join" => INDEX,
        path => path.trim_start_matches('/'),
    };
    match Dist::get(path) {
        Some(file) => serve(path, file, &headers),
        None if path == INDEX => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
        None => (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response(),
    }
}

const INDEX: &str = "index.html";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Hearth</title>\
    <h1>The pages are not built yet</h1>\
    <p>This server was built without its web client. Run <code>make web</code> and build it again, or just <code>make run</code>.</p>";

fn serve(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    // The build names assets by their content; whatever has a fixed name is asked for again each time.
    let kept = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = etag(&file);
    let common = [(header::CACHE_CONTROL, kept.to_owned()), (header::ETAG, tag.clone())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = if kind.type_() == mime_guess::mime::TEXT {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    (common, [(header::CONTENT_TYPE, kind)], file.data).into_response()
}

fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}
