//! The walls of the house, and how big its rooms may be. A rule that cannot be written as a type is written here.

mod musts;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines a file may have before its tests. Only ever lowered.
const LINES_MAX: usize = 500;

#[test]
fn only_the_peer_names_the_crates_of_ice_and_dtls() {
    let is_peer = |file: &Path| file.ends_with("relay/src/peer.rs") || has_parts(file, "relay/src/peer/");
    let is_this = |file: &Path| file.ends_with("tests/tidy/main.rs");
    for file in sources("server").into_iter().filter(|file| !is_peer(file) && !is_this(file)) {
        for stack in ["str0m", "dimpl::", "is::"] {
            forbid(&file, stack);
        }
    }
}

#[test]
fn the_store_and_the_tickets_know_nothing_of_rooms_and_sockets() {
    let leaf = |file: &PathBuf| {
        ["store", "cluster", "auth"].iter().any(|name| {
            file.ends_with(format!("server/src/{name}.rs")) || has_parts(file, &format!("server/src/{name}/"))
        })
    };
    let files: Vec<_> = sources("server/src").into_iter().filter(leaf).collect();
    assert!(!files.is_empty(), "nothing to check: has the store moved?");
    for file in files {
        for wall in ["crate::signalling", "crate::http", "crate::rooms"] {
            forbid(&file, wall);
        }
    }
}

#[test]
fn signalling_and_http_decide_no_permission() {
    let edge =
        |file: &PathBuf| has_parts(file, "server/src/signalling") || has_parts(file, "server/src/http");
    for file in sources("server/src").into_iter().filter(edge) {
        for rule in
            ["hearth_protocol::Role", "is_facilitator", "RefusalCode::NotAllowed", "hearth_room::Room"]
        {
            forbid(&file, rule);
        }
    }
}

#[test]
fn the_room_is_pure_and_the_relay_knows_no_rule() {
    let manifest = |of: &str| read(&root().join(of).join("Cargo.toml"));
    for name in ["tokio", "tracing", "getrandom", "rand", "uuid", "hearth-relay"] {
        assert!(!manifest("server/room").contains(name), "the room's manifest names {name}");
    }
    for name in ["hearth-room", "hearth-protocol", "axum", "sqlx"] {
        assert!(!manifest("server/relay").contains(name), "the relay's manifest names {name}");
    }
    for name in ["hearth-protocol", "hearth-room", "hearth-relay", "tokio"] {
        assert!(!manifest("server/forwarding").contains(name), "forwarding is a leaf and names {name}");
    }
}

#[test]
fn no_file_grows_past_its_noun() {
    for file in all_sources() {
        let text = read(&file);
        let lines = before_tests(&text).lines().count();
        assert!(
            lines <= LINES_MAX,
            "{} has {lines} lines before its tests, more than {LINES_MAX}: which noun is hiding in it?",
            file.display()
        );
    }
}

#[test]
fn nothing_is_left_to_be_done() {
    for file in all_sources().into_iter().filter(|file| !file.ends_with("tests/tidy/main.rs")) {
        let text = read(&file);
        for word in ["TODO", "FIXME", "XXX"] {
            assert!(!text.contains(word), "{} says {word}", file.display());
        }
    }
}

fn forbid(file: &Path, word: &str) {
    let text = read(file);
    let found = text.lines().position(|line| !line.trim_start().starts_with("//") && line.contains(word));
    assert!(found.is_none(), "{}:{} names {word}", file.display(), found.unwrap_or_default() + 1);
}

fn before_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code)
}

fn all_sources() -> Vec<PathBuf> {
    ["protocol", "server", "tests"].into_iter().flat_map(sources).collect()
}

fn sources(under: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(under)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of this repository").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "no sources under {under}");
    files
}

fn has_parts(file: &Path, parts: &str) -> bool {
    file.to_str().is_some_and(|file| file.contains(parts))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the server lies in the repository").to_owned()
}
