use std::fmt;

use hearth_protocol::{ClientFrame, RefusalCode, Request, RequestId};
use serde::{Deserialize, de};
use serde_json::Value;

/// Why a frame could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// What it was named, if it could be read as far as that.
    pub request_id: Option<RequestId>,
    pub code: RefusalCode,
}

/// Reads one text frame. Unknown fields are ignored; an unknown type of frame or request is told from a misshapen one.
pub(super) fn decode(text: &str) -> Result<ClientFrame, Unreadable> {
    let Ok(frame) = serde_json::from_str(text) else {
        return Err(unreadable(text));
    };
    if let ClientFrame::Request { request_id, .. } = &frame
        && !request_id.is_valid()
    {
        return Err(Unreadable { request_id: None, code: RefusalCode::BadMessage });
    }
    Ok(frame)
}

fn unreadable(text: &str) -> Unreadable {
    let Ok(frame) = serde_json::from_str::<Value>(text) else {
        return Unreadable { request_id: None, code: RefusalCode::BadMessage };
    };
    let request_id =
        frame["request_id"].as_str().map(|id| RequestId(id.to_owned())).filter(RequestId::is_valid);
    let is_unknown = is_unknown::<ClientFrame>(&frame)
        || (frame["type"] == "request" && request_id.is_some() && is_unknown::<Request>(&frame["request"]));
    let code = if is_unknown { RefusalCode::UnknownMessage } else { RefusalCode::BadMessage };
    Unreadable { request_id, code }
}

/// Whether the `type` of this object is none of `T`'s: asked by reading nothing but the type.
fn is_unknown<'de, T: Deserialize<'de>>(object: &'de Value) -> bool {
    let Some(name) = object["type"].as_str() else { return false };
    let only_type = de::value::MapDeserializer::new([("type", name)].into_iter());
    matches!(T::deserialize(only_type), Err(Flaw::UnknownVariant))
}

#[derive(Debug)]
enum Flaw {
    UnknownVariant,
    Other,
}

impl de::Error for Flaw {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Flaw::Other
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Flaw::UnknownVariant
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flaw::UnknownVariant => "an unknown type",
            Flaw::Other => "misshapen",
        })
    }
}

impl std::error::Error for Flaw {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Deserialize)]
    struct Refused {
        text: String,
        code: RefusalCode,
    }

    #[test]
    fn every_sample_of_a_refused_frame_is_refused_with_its_code() {
        let samples: BTreeMap<String, Refused> =
            serde_json::from_str(include_str!("../../../protocol/samples/refused.json")).expect("samples");
        assert!(!samples.is_empty());
        for (name, sample) in samples {
            let code = decode(&sample.text).expect_err(&name).code;
            assert_eq!(code, sample.code, "{name}");
        }
    }

    #[test]
    fn every_sample_of_a_client_frame_is_read() {
        let samples: BTreeMap<String, Value> =
            serde_json::from_str(include_str!("../../../protocol/samples/client.json")).expect("samples");
        for (name, sample) in samples {
            assert!(decode(&sample.to_string()).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_refusal_names_the_request_it_answers_where_it_can() {
        let check = |text: &str, id: Option<&str>, code| {
            let request_id = id.map(|id| RequestId(id.to_owned()));
            assert_eq!(decode(text), Err(Unreadable { request_id, code }));
        };
        let unknown = r#"{"type":"request","request_id":"a","request":{"type":"sing"}}"#;
        check(unknown, Some("a"), RefusalCode::UnknownMessage);
        let misshapen = r#"{"type":"request","request_id":"b","request":{"type":"lock"}}"#;
        check(misshapen, Some("b"), RefusalCode::BadMessage);
        let nameless = r#"{"type":"request","request_id":"","request":{"type":"pass"}}"#;
        check(nameless, None, RefusalCode::BadMessage);
        let endless =
            format!(r#"{{"type":"request","request_id":"{}","request":{{"type":"pass"}}}}"#, "x".repeat(65));
        check(&endless, None, RefusalCode::BadMessage);
        check("{", None, RefusalCode::BadMessage);
        let deep = "[".repeat(60_000);
        check(&deep, None, RefusalCode::BadMessage);
    }
}
