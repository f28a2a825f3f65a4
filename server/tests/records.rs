//! What the store keeps, read and proven from the command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hearth::RoomId;
use hearth::store::{Commit, Ledger, SessionId, Store};
use hearth_protocol::Role;
use hearth_room::{Act, Attended, Entry, Kind, Record, Stay};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

const ROOM: &str = "k3v9";
const MINUTE: u32 = 60_000;

/// A settings file and a store with one meeting of an hour. Gone with its folder.
struct Home(PathBuf);

impl Home {
    async fn make() -> Home {
        let folder = std::env::temp_dir().join(format!("hearth-records-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let home = Home(folder);
        let settings = format!("[store]\npath = \"{}\"\n[rooms.{ROOM}]\n", home.store().display());
        std::fs::write(home.0.join("hearth.toml"), settings).unwrap();
        let store = Store::open(&home.store()).await.unwrap();
        let session = SessionId::draw();
        let acts = [Act::Started, Act::Locked, Act::Removed { subject: "s-3".into() }, Act::Unlocked];
        let records = acts.into_iter().zip(1..).map(|(act, at)| record(at, act)).collect();
        store.commit(commit(session, 0, records, Vec::new(), false)).await.unwrap();
        let attended = vec![
            stay(0, "s-1", 0, 60 * MINUTE),
            stay(1, "s-2", 20 * MINUTE, 60 * MINUTE),
            Attended { number: 2, at: 0, entry: Entry::Attested { by: "s-f".into() } },
        ];
        let ended = vec![record(60 * MINUTE, Act::Ended)];
        store.commit(commit(session, 4, ended, attended, true)).await.unwrap();
        store.close().await;
        home
    }

    fn store(&self) -> PathBuf {
        self.0.join("hearth.sqlite")
    }

    fn run(&self, args: &[&str]) -> (bool, String, String) {
        let settings = self.0.join("hearth.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HEARTH_")) {
            command.env_remove(name);
        }
        let Output { status, stdout, stderr } =
            command.args(args).arg("--config").arg(settings).output().unwrap();
        (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// As somebody would who can write to the file and knows how it guards itself.
    async fn tamper(&self, statements: &[&'static str]) {
        let pool =
            SqlitePool::connect_with(SqliteConnectOptions::new().filename(self.store())).await.unwrap();
        for trigger in ["audit_is_never_changed", "audit_is_never_deleted", "audit_grows_at_its_end"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&pool).await.unwrap();
        }
        for statement in statements {
            sqlx::query(*statement).execute(&pool).await.unwrap();
        }
        pool.close().await;
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Nothing else can be done about it here.
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

fn record(at: u32, act: Act) -> Record {
    Record { at, actor: Some("s-f".into()), act }
}

fn stay(number: u32, subject: &str, from: u32, to: u32) -> Attended {
    let (role, kind) = (Role::Member, Kind::Group);
    let stay = Stay { subject: subject.into(), role, kind, from, to, facilitators: 1, members: 2 };
    Attended { number, at: to, entry: Entry::Stay(stay) }
}

fn commit(
    session: SessionId,
    first: u64,
    records: Vec<Record>,
    attendance: Vec<Attended>,
    ended: bool,
) -> Commit {
    let (room, clock) = (RoomId::parse(ROOM).unwrap(), 60 * MINUTE);
    Commit { room, session, clock, first, records, attendance, snapshot: None, ended, legacy: None }
}

async fn check_broken(statements: &[&'static str], where_: &str) {
    let home = Home::make().await;
    home.tamper(statements).await;
    let (whole, said, why) = home.run(&["audit", "verify"]);
    assert!(!whole, "{statements:?}: {said}");
    assert!(said.contains("k3v9: BROKEN") && said.contains(where_), "{statements:?}: {said}");
    assert_eq!(why.trim_end().lines().count(), 1, "{why}");
}

#[tokio::test]
async fn a_whole_audit_is_proven_and_its_head_can_be_asked_for_later() {
    let home = Home::make().await;
    let (whole, said, _) = home.run(&["audit", "verify"]);
    assert!(whole && said.starts_with("k3v9: whole, 5 rows, head "), "{said}");
    let head = said.trim_end().rsplit(' ').next().unwrap();
    assert!(home.run(&["audit", "verify", "--room", ROOM, "--head", head]).0);
    let (whole, said, _) = home.run(&["audit", "verify", "--room", ROOM, "--head", &"0".repeat(64)]);
    assert!(!whole && said.contains("no row has the hash"), "{said}");
    assert!(!home.run(&["audit", "verify", "--room", ROOM, "--head", "9f"]).0);
}

#[tokio::test]
async fn whatever_is_done_to_a_row_is_found_and_where() {
    check_broken(&["UPDATE audit SET act = 'unlocked' WHERE sequence = 2"], "row 2").await;
    check_broken(&["UPDATE audit SET written_ms = written_ms + 1 WHERE sequence = 4"], "row 4").await;
    check_broken(&["DELETE FROM audit WHERE sequence = 3"], "row 3").await;
    check_broken(&["DELETE FROM audit WHERE sequence = 1"], "row 1").await;
    check_broken(
        &[
            "UPDATE audit SET sequence = 99 WHERE sequence = 2",
            "UPDATE audit SET sequence = 2 WHERE sequence = 3",
            "UPDATE audit SET sequence = 3 WHERE sequence = 99",
        ],
        "row 2",
    )
    .await;
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_by_the_head_and_without_it_only_by_one_that_was_noted() {
    check_broken(&["DELETE FROM audit WHERE sequence = 5"], "ends at row 4, and 5 were written").await;
    check_broken(&["DELETE FROM audit"], "ends at row 0, and 5 were written").await;
    let home = Home::make().await;
    let (_, said, _) = home.run(&["audit", "verify"]);
    let head = said.trim_end().rsplit(' ').next().unwrap().to_owned();
    // Somebody who knows of both places.
    home.tamper(&[
        "DELETE FROM audit WHERE sequence = 5",
        "UPDATE audit_head SET sequence = 4, hash = (SELECT hash FROM audit WHERE sequence = 4)",
    ])
    .await;
    assert!(home.run(&["audit", "verify"]).0, "the store alone cannot tell");
    assert!(!home.run(&["audit", "verify", "--room", ROOM, "--head", &head]).0);
}

#[tokio::test]
async fn the_audit_names_only_whom_one_names() {
    let home = Home::make().await;
    let (_, said, _) = home.run(&["audit", "show", "--room", ROOM, "--subject", "s-3"]);
    let removed = said.lines().find(|line| line.contains(" removed ")).unwrap();
    assert!(removed.ends_with(" s-3") && !said.contains("s-f"), "{said}");
    let (_, said, _) = home.run(&["audit", "show", "--room", ROOM, "--json"]);
    let row: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!((row["act"].as_str(), row["clock_ms"].as_u64()), (Some("started"), Some(1)));
}

#[tokio::test]
async fn attendance_is_counted_and_credited_by_the_rooms_rule() {
    let home = Home::make().await;
    let (_, said, _) = home.run(&["attendance", "--room", ROOM, "--subject", "s-1", "--subject", "s-2"]);
    let line = |name: &str| said.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
    assert!(line("s-1").contains("60 min group") && line("s-1").ends_with(" credited"), "{said}");
    assert!(line("s-2").contains("40 min group") && line("s-2").ends_with("not credited"), "{said}");
    assert!(line("attested").contains(" by "), "{said}");
    let (_, csv, _) = home.run(&["attendance", "--room", ROOM, "--csv", "--subject", "s-1"]);
    assert!(csv.lines().nth(1).unwrap().contains(",\"s-1\",member,group,"), "{csv}");
    let (_, json, _) = home.run(&["attendance", "--room", ROOM, "--json"]);
    let session: serde_json::Value = serde_json::from_str(json.trim_end()).unwrap();
    assert_eq!(session["people"].as_array().unwrap().len(), 2);
    let (known, _, why) = home.run(&["attendance", "--room", ROOM, "--session", "zz"]);
    assert!(!known && why.contains("zz"), "{why}");
}

#[tokio::test]
async fn a_store_that_is_not_there_is_not_made() {
    let home = Home::make().await;
    std::fs::remove_file(home.store()).unwrap();
    for args in [&["audit", "verify"][..], &["attendance", "--room", ROOM][..]] {
        let (fine, _, why) = home.run(args);
        assert!(!fine && why.contains("store.path"), "{args:?}: {why}");
        assert!(!home.store().exists());
    }
}
