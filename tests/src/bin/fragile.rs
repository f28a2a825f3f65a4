//! Hearth as `hearth dev --json` runs it, with bugs to plant: at each SIGUSR1 the relay's worker panics, and from one SIGUSR2 to the
//! next nothing can be recorded, as on a full disk; a line says when that is so. For the tests of the pages; the program that people run has no such ways in.

use std::{env, fs, path::PathBuf, process};

use hearth::{Config, RoomId, Server, config::Sources};
use hearth_protocol::Role;
use hearth_tests::group::grant;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use tokio::signal::unix::{SignalKind, signal};

const MEMBERS: [&str; 4] = ["River", "Wren", "Sage", "Linden"];
/// What a commit writes to; links are another matter.
const RECORDED: [&str; 3] = ["audit", "session", "attendance"];

#[tokio::main]
async fn main() {
    let mut config =
        Config::load(&Sources { dev: true, ..Sources::default() }).expect("the defaults are good");
    (config.http.port, config.media.port) = (0, 0);
    let disk = Disk(env::temp_dir().join(format!("hearth-fragile-{}.sqlite", process::id())));
    config.store.path.clone_from(&disk.0);
    let definitions = config.definitions().expect("the defaults are good");
    let room = definitions.ids().next().cloned().expect("the settings of `hearth dev` name a room");
    let mut end = signal(SignalKind::interrupt()).expect("signals can be listened to");
    let mut breaks = signal(SignalKind::user_defined1()).expect("signals can be listened to");
    let mut fills = signal(SignalKind::user_defined2()).expect("signals can be listened to");
    let server = Server::start(config).await.expect("a server with free ports starts");
    let facilitator = link(&server, &room, "Maple", Role::Facilitator).await;
    let mut members = vec![];
    for alias in MEMBERS {
        members.push(link(&server, &room, alias, Role::Member).await);
    }
    println!("{}", json!({ "url": server.base_url(), "facilitator": facilitator, "members": members }));
    let mut full = false;
    loop {
        tokio::select! {
            _ = breaks.recv() => server.relay().break_worker(0),
            _ = fills.recv() => {
                full = !full;
                disk.fill(full).await;
                println!("{}", json!({ "full": full }));
            }
            _ = end.recv() => break,
        }
    }
    server.stop().await;
}

async fn link(server: &Server, room: &RoomId, alias: &str, role: Role) -> String {
    server.link(&grant(room, alias, role)).await.expect("the store is there")
}

/// Where the store is. Goes with the program.
struct Disk(PathBuf);

impl Disk {
    async fn fill(&self, full: bool) {
        let url = format!("sqlite://{}", self.0.display());
        let mut connection = SqliteConnection::connect(&url).await.expect("the store is there");
        for table in RECORDED {
            let statement = if full {
                format!(
                    "CREATE TRIGGER full_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
                )
            } else {
                format!("DROP TRIGGER full_{table}")
            };
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("a small change");
        }
        connection.close().await.expect("nothing is under way");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for beside in ["", "-wal", "-shm"] {
            // Gone already is as good.
            _ = fs::remove_file(format!("{}{beside}", self.0.display()));
        }
    }
}
