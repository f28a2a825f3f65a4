//! What does not fit, in one line for people.

use figment::error::{Actual, Kind};
use figment::{Metadata, Source};

use super::PREFIX;

/// What cannot be used, in one line that says which setting it is and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadConfig(pub(super) String);

impl BadConfig {
    pub fn of(name: &str, text: &str) -> BadConfig {
        bad(name, text)
    }
}

/// One line for one thing that does not fit.
pub(super) fn explain(error: &figment::Error) -> BadConfig {
    let name = error.path.join(".");
    let from =
        error.metadata.as_ref().map(|metadata| format!(" ({})", source(metadata, &name))).unwrap_or_default();
    let text = match &error.kind {
        Kind::UnknownField(_, known) => {
            format!("does not exist: take it away, or use one of {}", known.join(", "))
        }
        Kind::MissingField(field) => format!("lacks `{field}`: add it"),
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!("is {}, and should be {}", actual_words(actual), expected_words(expected))
        }
        Kind::InvalidLength(length, expected) => format!("has {length} items, and should have {expected}"),
        Kind::UnknownVariant(actual, known) => {
            format!("is \"{actual}\", and should be one of {}", known.join(", "))
        }
        Kind::Message(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Kind::DuplicateField(_)
        | Kind::ISizeOutOfRange(_)
        | Kind::USizeOutOfRange(_)
        | Kind::Unsupported(_)
        | Kind::UnsupportedKey(_, _) => error.kind.to_string(),
    };
    match name.as_str() {
        "" => BadConfig(format!("the settings{from} cannot be read: {text}")),
        name => BadConfig(format!("the setting `{name}`{from} {text}")),
    }
}

fn actual_words(actual: &Actual) -> String {
    match actual {
        Actual::Str(text) => format!("\"{text}\""),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Bool(_)
        | Actual::Float(_)
        | Actual::Char(_)
        | Actual::Bytes(_)
        | Actual::Unit
        | Actual::Option
        | Actual::NewtypeStruct
        | Actual::Seq
        | Actual::Map
        | Actual::Enum
        | Actual::UnitVariant
        | Actual::NewtypeVariant
        | Actual::TupleVariant
        | Actual::StructVariant
        | Actual::Other(_) => actual.to_string(),
    }
}

fn expected_words(expected: &str) -> &str {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number",
        "a boolean" => "true or false",
        "a string" => "text (in the environment: '\"in quotes\"')",
        other => other,
    }
}

pub(super) fn bad(name: &str, text: &str) -> BadConfig {
    BadConfig(format!("the setting `{name}` {text}"))
}

pub(super) fn source(metadata: &Metadata, name: &str) -> String {
    match &metadata.source {
        Some(Source::File(path)) => format!("file {}", path.display()),
        Some(Source::Code(_) | Source::Custom(_)) | None if metadata.name.contains("environment") => {
            format!("environment {PREFIX}{}", name.replace('.', "__").to_uppercase())
        }
        Some(Source::Code(_)) => "command line".into(),
        Some(Source::Custom(_)) | None => "default".into(),
        Some(_) => metadata.name.to_string(),
    }
}
