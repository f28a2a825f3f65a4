use std::fmt::Write;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::Desk;

/// One number, with its Prometheus name. `…_total` only grows; all others are gauges.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: &'static str,
    pub label: Option<(&'static str, &'static str)>,
    pub value: u64,
}

/// Not for everyone: from these numbers somebody at the door could tell what goes on inside.
pub(super) async fn metrics(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    let presented =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = presented.strip_prefix("Bearer ").unwrap_or_default();
    let known = bool::from(token.as_bytes().ct_eq(desk.metrics_token.as_bytes()));
    if desk.metrics_token.is_empty() || !known {
        return StatusCode::NOT_FOUND.into_response();
    }
    let text = write((desk.samples)());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// The Prometheus text format, samples of one name together.
fn write(mut samples: Vec<Sample>) -> String {
    samples.sort_by_key(|sample| (sample.name, sample.label));
    let mut text = String::new();
    let mut previous = "";
    for Sample { name, label, value } in samples {
        if name != previous {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            let _ = writeln!(text, "# TYPE {name} {kind}");
            previous = name;
        }
        let _ = match label {
            Some((key, of)) => writeln!(text, "{name}{{{key}=\"{of}\"}} {value}"),
            None => writeln!(text, "{name} {value}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_name_stand_together_under_one_type() {
        let sample = |name, label, value| Sample { name, label, value };
        let text = write(vec![
            sample("hearth_stopped_total", Some(("reason", "self")), 2),
            sample("hearth_rooms", None, 1),
            sample("hearth_stopped_total", Some(("reason", "floor")), 3),
        ]);
        let expected = "# TYPE hearth_rooms gauge\nhearth_rooms 1\n# TYPE hearth_stopped_total counter\n\
            hearth_stopped_total{reason=\"floor\"} 3\nhearth_stopped_total{reason=\"self\"} 2\n";
        assert_eq!(text, expected);
    }
}
