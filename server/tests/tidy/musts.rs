//! `docs/musts.md` against the tests it names: each MUST is tried by a client that disobeys, every named test is there, and no
//! hostile test is forgotten.

use std::{collections::BTreeSet, path::PathBuf};

use crate::{read, root, sources};

/// What the names in the document begin with, and where such tests are.
const SHELVES: [(&str, &str); 7] = [
    ("hostile", "tests/tests/hostile"),
    ("relay", "tests/tests/relay"),
    ("media", "tests/tests"),
    ("scenarios", "server/room/tests/scenarios"),
    ("interleaving", "server/tests/interleaving"),
    ("http", "server/tests"),
    ("simulation", "tests/simulation"),
];
/// Tests with real sockets and real media.
const TRIED: [&str; 3] = ["hostile/", "relay/", "media::"];

/// A row of the table of MUSTs.
#[derive(Debug)]
struct Must {
    number: usize,
    tried: Vec<String>,
    scenarios: Vec<String>,
    laws: String,
}

#[test]
fn every_must_is_tried_by_a_client_that_disobeys() {
    let musts = musts();
    assert!(musts.len() >= 17, "the table has only {} rows", musts.len());
    for (at, must) in musts.iter().enumerate() {
        assert_eq!(must.number, at + 1, "the rows are numbered");
        assert!(!must.tried.is_empty(), "nobody tries MUST {}", must.number);
        for test in &must.tried {
            assert!(
                TRIED.iter().any(|shelf| test.starts_with(shelf)),
                "MUST {}: {test} has no real client",
                must.number
            );
        }
        assert!(!must.scenarios.is_empty(), "no scenario for MUST {}", must.number);
        for law in must.laws.split_whitespace() {
            let law: u32 = law.trim_end_matches(',').parse().expect("the number of a law");
            assert!((1..=11).contains(&law), "MUST {}: there is no law {law}", must.number);
        }
    }
}

#[test]
fn every_test_that_the_document_names_is_there() {
    let named = quoted(&document());
    assert!(named.len() > 50, "only {} tests are named", named.len());
    for test in named {
        let (file, name) = file_of(&test);
        let text = read(&file);
        let is_test = text.contains(&format!("fn {name}(")) && is_marked(&text, &name);
        assert!(is_test, "{test} is named, and is no test of {}", file.display());
    }
}

#[test]
fn every_hostile_test_is_in_the_document() {
    let named = quoted(&document());
    let mut forgotten = Vec::new();
    for file in sources("tests/tests/hostile") {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let text = read(&file);
        for name in tests_of(&text) {
            let test = format!("hostile/{stem}::{name}");
            if !named.contains(&test) {
                forgotten.push(test);
            }
        }
    }
    assert!(forgotten.is_empty(), "not in docs/musts.md: {forgotten:#?}");
}

fn document() -> String {
    read(&root().join("docs/musts.md"))
}

/// The rows whose first cell is a number: number, section, rule, tried by, scenarios, laws.
fn musts() -> Vec<Must> {
    let text = document();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix('|')?.trim_end_matches('|').split('|').map(str::trim).collect();
        let number = cells.first()?.parse().ok()?;
        let [_, _, _, tried, scenarios, laws] = cells[..] else { panic!("MUST {number} has another shape") };
        let list = |cell: &str| quoted(cell).into_iter().collect();
        Some(Must { number, tried: list(tried), scenarios: list(scenarios), laws: laws.to_owned() })
    });
    rows.collect()
}

/// Every `shelf/file::test` in backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.contains("::")).map(str::to_owned).collect()
}

fn file_of(test: &str) -> (PathBuf, String) {
    let (file, name) = test.split_once("::").expect("names hold ::");
    let (shelf, stem) = file.split_once('/').unwrap_or((file, file));
    let folder = SHELVES.iter().find(|(known, _)| *known == shelf);
    let (_, folder) = folder.unwrap_or_else(|| panic!("{test}: where are the tests of {shelf}?"));
    (root().join(folder).join(format!("{stem}.rs")), name.to_owned())
}

fn is_marked(text: &str, name: &str) -> bool {
    tests_of(text).any(|test| test == name)
}

/// The functions right below a test's attribute.
fn tests_of(text: &str) -> impl Iterator<Item = &str> {
    text.split("#[test]\n").skip(1).chain(text.split("#[tokio::test").skip(1)).filter_map(|after| {
        let (_, after) = after.split_once("fn ")?;
        after.split_once('(').map(|(name, _)| name)
    })
}
