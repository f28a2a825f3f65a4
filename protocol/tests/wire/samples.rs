//! The golden samples in `protocol/samples`, read by the server's side here and by the browser's side in the SDK's tests.
//!
//! - `client.json`, `server.json`: name → frame. Every message, value and optional field (there and not there) is in one.
//! - `ignored.json`: `client` and `server`, each name → `sent` with fields unknown here, `understood` without them.
//! - `refused.json`: name → `text` of a frame that is refused, with the refusal's `code`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use hearth_protocol::{ClientFrame, RefusalCode, ServerFrame};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::schema::Schema;

type Samples = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Ignored {
    client: BTreeMap<String, Understood>,
    server: BTreeMap<String, Understood>,
}

#[derive(Deserialize)]
struct Understood {
    sent: Value,
    understood: Value,
}

#[derive(Deserialize)]
struct Refused {
    text: String,
    code: RefusalCode,
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// Decodes text, as the wire has it, and encodes it again.
fn there_and_back<Frame: DeserializeOwned + Serialize>(name: &str, sent: &Value) -> Value {
    let frame: Frame = serde_json::from_str(&sent.to_string())
        .unwrap_or_else(|why| panic!("{name} is not understood: {why}"));
    serde_json::to_value(&frame).expect("a frame has only string keys")
}

fn check_lossless<Frame: DeserializeOwned + Serialize>(file: &str) {
    for (name, sample) in read::<Samples>(file) {
        assert_eq!(there_and_back::<Frame>(&name, &sample), sample, "{name} in {file}");
    }
}

fn check_ignored<Frame: DeserializeOwned + Serialize>(samples: BTreeMap<String, Understood>) {
    for (name, Understood { sent, understood }) in samples {
        assert_ne!(sent, understood, "{name} holds nothing to ignore");
        assert_eq!(there_and_back::<Frame>(&name, &sent), understood, "{name}");
    }
}

#[test]
fn every_sample_is_decoded_and_encoded_without_loss() {
    check_lossless::<ClientFrame>("client.json");
    check_lossless::<ServerFrame>("server.json");
}

#[test]
fn every_message_value_and_optional_field_has_a_sample_that_fits_the_generated_typescript() {
    let schema = Schema::generated();
    let mut met = BTreeSet::new();
    for (file, frame) in [("client.json", "ClientFrame"), ("server.json", "ServerFrame")] {
        for (name, sample) in read::<Samples>(file) {
            schema.meet(frame, &sample, &mut met).unwrap_or_else(|why| panic!("{name} in {file}: {why}"));
        }
    }
    let missing: Vec<_> = schema.all().difference(&met).cloned().collect();
    assert!(missing.is_empty(), "without a sample: {missing:#?}");
}

#[test]
fn unknown_fields_are_ignored() {
    let Ignored { client, server } = read("ignored.json");
    check_ignored::<ClientFrame>(client);
    check_ignored::<ServerFrame>(server);
}

#[test]
fn what_is_not_a_message_of_this_protocol_is_refused() {
    for (name, Refused { text, code }) in read::<BTreeMap<String, Refused>>("refused.json") {
        assert!(serde_json::from_str::<ClientFrame>(&text).is_err(), "{name} was understood");
        assert!(
            [RefusalCode::BadMessage, RefusalCode::UnknownMessage].contains(&code),
            "{name} is refused for what it is, not for what it asks"
        );
    }
}
