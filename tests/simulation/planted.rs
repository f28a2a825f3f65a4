//! Bugs to plant in the room, one at a time and one line each: a judge that misses one has to be made stronger.
//!
//! `cargo test -p hearth-simulation planted -- --ignored --nocapture` plants each in a copy of the room, runs the simulation on it
//! and prints in which meeting it was caught. It takes about half a minute for each; `HEARTH_PLANTED=chat.rs,recall` plants those alone
//! whose words or file have one of these in them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// One blank line apart: what is wrong, in which file of the room, and what takes the place of what.
const BUGS: &str = include_str!("planted.txt");

#[derive(Debug)]
struct Bug {
    what: &'static str,
    file: &'static str,
    sound: &'static str,
    broken: &'static str,
}

fn bugs() -> Vec<Bug> {
    let bug = |text: &'static str| {
        let mut lines = text.lines();
        let mut line =
            |mark: &str| lines.next().and_then(|line| line.strip_prefix(mark)).expect("four lines");
        Bug { what: line(""), file: line(""), sound: line("- "), broken: line("+ ") }
    };
    BUGS.trim().split("\n\n").map(bug).collect()
}

impl Bug {
    /// The file with the bug in it. None: its place is not there any more, or not the only one.
    fn planted_in(&self, room: &Path) -> Option<String> {
        let text = fs::read_to_string(room.join("src").join(self.file)).ok()?;
        (text.matches(self.sound).count() == 1).then(|| text.replacen(self.sound, self.broken, 1))
    }
}

#[test]
fn every_planted_bug_still_has_its_place() {
    let room = root().join("server/room");
    let lost: Vec<_> = bugs().into_iter().filter(|bug| bug.planted_in(&room).is_none()).collect();
    assert!(lost.is_empty(), "not once in the file named: {lost:#?}");
}

#[test]
#[ignore = "builds the room once for each bug"]
fn every_planted_bug_is_caught() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");
    copy_workspace(&copy).expect("a copy of the room can be made");
    let room = copy.join("server/room");
    let wanted = std::env::var("HEARTH_PLANTED").unwrap_or_default();
    let is_wanted =
        |bug: &Bug| wanted.split(',').any(|part| bug.what.contains(part) || bug.file.contains(part));
    let mut missed = Vec::new();
    for bug in bugs().into_iter().filter(is_wanted) {
        let planted = bug.planted_in(&room).unwrap_or_else(|| panic!("no place for {bug:?}"));
        let path = room.join("src").join(bug.file);
        let sound = fs::read_to_string(&path).expect("it was just read");
        fs::write(&path, planted).expect("the copy can be written");
        let caught = simulate(&copy);
        fs::write(&path, sound).expect("the copy can be written");
        println!("| {} | {} |", bug.what, caught.as_deref().unwrap_or("**missed** |"));
        if caught.is_none() {
            missed.push(bug.what);
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}

/// The law that the room breaks, and in which meeting. None: it breaks none.
fn simulate(copy: &Path) -> Option<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "test",
            "--offline",
            "-p",
            "hearth-simulation",
            "the_room_keeps_its_laws",
            "--",
            "--nocapture",
        ])
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .env("HEARTH_BRIEF", "1")
        .current_dir(copy)
        .output()
        .expect("cargo runs");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let verdict = said.lines().find_map(|line| line.strip_prefix("broken: "));
    assert!(verdict.is_some() || output.status.success(), "{said}");
    verdict.map(str::to_owned)
}

/// The room, what it stands on, and the simulation.
fn copy_workspace(to: &Path) -> io::Result<()> {
    for part in ["protocol", "server/forwarding", "server/room", "tests/simulation"] {
        copy(&root().join(part), &to.join(part))?;
    }
    fs::create_dir_all(to.join("tests/src"))?;
    for file in ["Cargo.lock", "tests/src/chance.rs"] {
        fs::copy(root().join(file), to.join(file))?;
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let members = "members = [\"protocol\", \"server/forwarding\", \"server/room\", \"tests/simulation\"]";
    let lines = manifest.lines().filter(|line| !line.starts_with("default-members"));
    let lines = lines.map(|line| if line.starts_with("members") { members } else { line });
    fs::write(to.join("Cargo.toml"), lines.collect::<Vec<_>>().join("\n"))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else if fs::read(entry.path())? != fs::read(&to).unwrap_or_default() {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
