//! Requests drawn from the samples of the protocol: whatever is added there is tried here.

use std::{collections::BTreeMap, sync::OnceLock};

use hearth_protocol::Request;
use serde_json::{Value, json};

use crate::choices::Choices;

const SAMPLES: &str = include_str!("../../../protocol/samples/client.json");
/// Words that people write, kind and unkind.
const TEXTS: [&str; 10] = [
    "",
    " ",
    "Hello.",
    "a\u{202e}b",
    "\u{0}\u{7}\u{1b}[31m",
    "<script>alert(1)</script>",
    "e\u{301}\u{301}\u{301}\u{301}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\r\n\r\n",
    "title = \"x\"\n[[segments]]\nkind = \"share\"\ntitle = \"y\"\n",
];
const LONG: [usize; 4] = [200, 1_000, 1_001, 40_000];

/// One of everything that can be asked, each field with any of the values that the samples have for its name.
#[derive(Debug)]
struct Samples {
    requests: Vec<Value>,
    words: BTreeMap<String, Vec<Value>>,
}

pub fn draw(choices: &mut Choices<'_>) -> Option<Request> {
    let samples = samples();
    let sample = choices.pick(&samples.requests)?;
    let mut varied = sample.clone();
    samples.vary("", &mut varied, choices);
    serde_json::from_value(varied).or_else(|_| serde_json::from_value(sample.clone())).ok()
}

fn samples() -> &'static Samples {
    static SAMPLES_READ: OnceLock<Samples> = OnceLock::new();
    SAMPLES_READ.get_or_init(|| {
        let samples: BTreeMap<String, Value> = serde_json::from_str(SAMPLES).expect("the samples are JSON");
        let requests: Vec<Value> =
            samples.into_values().filter_map(|sample| sample.get("request").cloned()).collect();
        let mut words = BTreeMap::new();
        requests.iter().for_each(|request| collect("", request, &mut words));
        words.insert("hash".to_owned(), vec![json!("first"), json!("second")]);
        words.insert("format".to_owned(), vec![json!("teen"), json!("twelve_step"), json!("restricted")]);
        words.insert("confirm".to_owned(), vec![json!("secret-1"), json!("")]);
        Samples { requests, words }
    })
}

fn collect(name: &str, value: &Value, words: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| collect(name, field, words)),
        Value::Array(items) => items.iter().for_each(|item| collect(name, item, words)),
        Value::String(_) => {
            let known = words.entry(name.to_owned()).or_default();
            if !known.contains(value) {
                known.push(value.clone());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Samples {
    fn vary(&self, name: &str, value: &mut Value, choices: &mut Choices<'_>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut().filter(|(name, _)| *name != "type") {
                    self.vary(name, field, choices);
                }
            }
            Value::Array(items) => {
                let first = items.first().cloned();
                items.resize(usize::from(choices.below(6)), first.unwrap_or_else(|| json!(1)));
                items.iter_mut().for_each(|item| self.vary(name, item, choices));
            }
            Value::String(_) => {
                let known = self.words.get(name).map(Vec::as_slice).unwrap_or_default();
                match choices.below(8) {
                    0 => *value = text(choices).into(),
                    1..=7 => *value = choices.pick(known).cloned().unwrap_or_default(),
                    _ => unreachable!("below 8"),
                }
            }
            Value::Number(_) => *value = choices.number().into(),
            Value::Bool(_) => *value = choices.flip().into(),
            Value::Null => {}
        }
    }
}

fn text(choices: &mut Choices<'_>) -> String {
    let text = choices.pick(&TEXTS).copied().unwrap_or_default();
    if choices.one_in(8) { text.repeat(*choices.pick(&LONG).expect("four")) } else { text.to_owned() }
}
