//! What a default run must reach. The names are read from the sources themselves, so that whatever is new there is asked for at once.

use std::{collections::BTreeSet, fs};

use hearth_forwarding::Reason;

use crate::judge::Tally;

const REQUESTS: &str = include_str!("../../protocol/src/request.rs");
const REFUSALS: &str = include_str!("../../protocol/src/refusal.rs");
const CHANGES: &str = include_str!("../../protocol/src/server.rs");
const COMMANDS: &str = include_str!("../../server/room/src/command.rs");
const ACTS: &str = include_str!("../../server/room/src/effect.rs");
const DUES: &str = include_str!("../../server/room/src/due.rs");

/// What is not reached, and why: read as the tests run.
const EXCEPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/coverage.txt");

/// What was not reached.
pub fn missing(tally: &Tally) -> Vec<String> {
    let mut asked = named("request", variants(REQUESTS, "pub enum Request {"));
    asked.extend(named("refusal", variants(REFUSALS, "pub enum RefusalCode {")));
    asked.extend(named("change", variants(CHANGES, "pub enum Change {")));
    asked.extend(named("notice", variants(CHANGES, "pub enum Notice {")));
    asked.extend(named("command", variants(COMMANDS, "pub enum Command {")));
    asked.extend(named("act", variants(ACTS, "pub enum Act {")));
    asked.extend(named("due", variants(DUES, "pub(crate) enum Due {")));
    asked.extend(named("reason", Reason::ALL.iter().map(|reason| format!("{reason:?}"))));
    let mut reached = named("request", tally.granted.names());
    reached.extend(named("refusal", tally.refusals.keys().map(|code| format!("{code:?}"))));
    reached.extend(named("change", tally.changes.names()));
    reached.extend(named("notice", tally.notices.keys().cloned()));
    reached.extend(named("command", tally.commands.names()));
    reached.extend(named("act", tally.acts.names()));
    reached.extend(named("due", tally.happened.keys().map(|due| (*due).to_owned())));
    reached.extend(named("reason", tally.closed.keys().map(|reason| format!("{reason:?}"))));
    let exceptions = fs::read_to_string(EXCEPTIONS).expect("the list is here");
    let excepted = exceptions.lines().filter_map(|line| Some(line.split_once(": ")?.0.to_owned()));
    reached.extend(excepted);
    asked.difference(&reached).cloned().collect()
}

fn named(kind: &str, names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    names.into_iter().map(|name| format!("{kind} {name}")).collect()
}

fn variants(source: &str, opening: &str) -> Vec<String> {
    let from = source.find(opening).unwrap_or_else(|| panic!("no `{opening}`"));
    let lines = source[from..].lines().skip(1).take_while(|line| *line != "}");
    let lines = lines.filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    let name =
        |line: &str| line.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    names.map(name).collect()
}

#[test]
fn the_names_are_read_as_they_stand_in_the_sources() {
    let names = variants(
        "pub enum Word {\n    /// A word.\n    One,\n    Two {\n        Text: u32,\n    },\n    Three(u8),\n}\n    Four",
        "pub enum Word {",
    );
    assert_eq!(names, ["One", "Two", "Three"]);
    assert!(variants(DUES, "pub(crate) enum Due {").contains(&"MediaStop".to_owned()));
}
