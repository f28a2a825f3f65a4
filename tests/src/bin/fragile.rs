//! Hearth as `hearth dev --json` runs it, with a bug to plant: at each SIGUSR1 the relay's worker panics. For the tests of the pages;
//! the program that people run has no such way in.

use hearth::{Config, RoomId, Server, config::Sources};
use hearth_protocol::Role;
use hearth_tests::group::grant;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

const MEMBERS: [&str; 4] = ["River", "Wren", "Sage", "Linden"];

#[tokio::main]
async fn main() {
    let mut config =
        Config::load(&Sources { dev: true, ..Sources::default() }).expect("the defaults are good");
    (config.http.port, config.media.port) = (0, 0);
    let definitions = config.definitions().expect("the defaults are good");
    let room = definitions.ids().next().cloned().expect("the settings of `hearth dev` name a room");
    let mut end = signal(SignalKind::interrupt()).expect("signals can be listened to");
    let mut breaks = signal(SignalKind::user_defined1()).expect("signals can be listened to");
    let server = Server::start(config).await.expect("a server with free ports starts");
    let facilitator = link(&server, &room, "Maple", Role::Facilitator).await;
    let mut members = vec![];
    for alias in MEMBERS {
        members.push(link(&server, &room, alias, Role::Member).await);
    }
    println!("{}", json!({ "url": server.base_url(), "facilitator": facilitator, "members": members }));
    loop {
        tokio::select! {
            _ = breaks.recv() => server.relay().break_worker(0),
            _ = end.recv() => break,
        }
    }
    server.stop().await;
}

async fn link(server: &Server, room: &RoomId, alias: &str, role: Role) -> String {
    server.link(&grant(room, alias, role)).await.expect("the store is there")
}
