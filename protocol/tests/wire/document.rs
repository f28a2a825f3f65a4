//! docs/protocol.md says what the types say: no less, and nothing else.
//!
//! A table whose first head cell is the name of a type holds that type: a row for each message, value or field.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::schema::{Field, Schema, Type};
use hearth_protocol::{ByeReason, RequestId};
use serde_json::Value;

/// A table's rows by the code in their first cell; each with the cells after it.
type Table = BTreeMap<String, Vec<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document() -> String {
    fs::read_to_string(root().join("docs/protocol.md")).expect("docs/protocol.md is there")
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The words in code type, in order.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// All tables whose first head cell is one word in code type, by that word.
fn tables(document: &str) -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::new();
    for block in document.split("\n\n").filter(|block| block.starts_with("| `")) {
        let mut lines = block.lines();
        let head = lines.next().and_then(|line| code(line).first().cloned()).expect("a table has a head");
        let mut table = Table::new();
        for row in lines.skip(1) {
            let mut cells = cells(row);
            let first = cells.remove(0);
            let name = code(&first)
                .first()
                .cloned()
                .unwrap_or_else(|| panic!("{head}: a row without a name: {first}"));
            assert!(table.insert(name.clone(), cells).is_none(), "{head}: {name} stands there twice");
        }
        assert!(tables.insert(head.clone(), table).is_none(), "{head} has two tables");
    }
    tables
}

fn marked(field: &Field) -> String {
    format!("{}{}", field.name, if field.optional { "?" } else { "" })
}

fn written(kind: &Type) -> String {
    match kind {
        Type::Named(name) => name.clone(),
        Type::List(of) => format!("{}[]", written(of)),
        Type::Literal(_) | Type::Object(_) | Type::Union(_) | Type::Both(_) => panic!("{kind:?} has no name"),
    }
}

/// What stands beside a message's tag: its fields, or the type that has them.
fn beside_the_tag(kind: &Type) -> Vec<String> {
    match kind {
        Type::Object(fields) => fields.iter().filter(|field| field.name != "type").map(marked).collect(),
        Type::Both(parts) => parts.iter().flat_map(beside_the_tag).collect(),
        Type::Named(name) => vec![name.clone()],
        Type::Literal(_) | Type::List(_) | Type::Union(_) => Vec::new(),
    }
}

fn is_scalar(kind: &Type) -> bool {
    matches!(kind, Type::Named(name) if ["number", "string"].contains(&name.as_str()))
}

/// What the document must hold for a type: row names, each with the code words of its second cell where that is defined.
fn expected(schema: &Schema, name: &str) -> BTreeMap<String, Option<Vec<String>>> {
    let mut rows = BTreeMap::new();
    for kind in schema.alternatives(name) {
        match (kind, schema.tag(kind)) {
            (Type::Literal(value), _) => {
                rows.insert(value.clone(), None);
            }
            (kind, Some(tag)) => {
                rows.insert(tag, Some(beside_the_tag(kind)));
            }
            (kind, None) => {
                for field in schema.fields(kind) {
                    rows.insert(marked(&field), Some(vec![written(&field.kind)]));
                }
            }
        }
    }
    rows
}

#[test]
fn every_message_value_and_field_of_the_types_is_in_the_document_and_no_other() {
    let schema = Schema::generated();
    let mut tables = tables(&document());
    for (name, kind) in schema.types.iter().filter(|(_, kind)| !is_scalar(kind)) {
        let table = tables.remove(name).unwrap_or_else(|| panic!("{name} has no table"));
        let expected = expected(&schema, name);
        let (said, meant): (BTreeSet<_>, BTreeSet<_>) = (table.keys().collect(), expected.keys().collect());
        assert_eq!(said, meant, "the rows of {name}: {kind:?}");
        for (row, words) in expected {
            let Some(words) = words else { continue };
            assert_eq!(code(&table[&row][0]), words, "{name}, {row}");
        }
    }
    let scalars = tables.remove("scalars").expect("scalars have a table");
    for (name, cells) in &scalars {
        assert_eq!(code(&cells[0]), [written(&schema.types[name])], "{name}");
    }
    let scalar_types: BTreeSet<_> =
        schema.types.iter().filter(|(_, kind)| is_scalar(kind)).map(|(name, _)| name).collect();
    assert_eq!(scalars.keys().collect::<BTreeSet<_>>(), scalar_types);
    tables.remove("limits");
    assert!(tables.is_empty(), "tables of what is no type: {:?}", tables.keys());
}

#[test]
fn every_limit_is_in_the_document_as_it_is() {
    let limits = tables(&document()).remove("limits").expect("limits have a table");
    let said: BTreeMap<String, usize> = limits
        .into_iter()
        .map(|(name, cells)| (name, cells[0].parse().expect("a limit is a number")))
        .collect();
    assert_eq!(said, Schema::generated().limits);
    assert!(document().contains(&format!("A `request_id` has 1 to {} bytes.", RequestId::BYTES_MAX)));
}

#[test]
fn every_close_code_is_in_the_document_as_it_is() {
    for (name, cells) in &tables(&document())["ByeReason"] {
        let reason: ByeReason = serde_json::from_value(Value::from(name.as_str())).expect("compared above");
        assert_eq!(cells[0], reason.close_code().to_string(), "{name}");
        assert_eq!(cells[2].starts_with("yes"), reason.is_temporary(), "{name}");
    }
}

#[test]
fn every_example_in_the_document_is_a_golden_sample() {
    let read = |file| -> BTreeMap<String, Value> {
        let text =
            fs::read_to_string(root().join("protocol/samples").join(file)).expect("the samples are there");
        serde_json::from_str(&text).expect("the samples are JSON")
    };
    let samples: Vec<Value> =
        ["client.json", "server.json"].into_iter().flat_map(|file| read(file).into_values()).collect();
    let document = document();
    let examples: Vec<&str> =
        document.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty(), "the document has examples");
    for example in examples {
        let example: Value = serde_json::from_str(example).unwrap_or_else(|why| panic!("{example}: {why}"));
        assert!(samples.contains(&example), "no sample: {example}");
    }
}
