//! `hearth dev`: a server to try out, and the links to try it with.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use hearth::config::{Config, Sources};
use hearth::{Grant, RoomId, Server, http, telemetry};
use hearth_protocol::{Role, Source};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use crate::{Failure, Goodbye};

pub async fn run(sources: &Sources, json: bool, members: usize) -> Result<(), Failure> {
    let config = Config::load(sources)?;
    telemetry::start(&config.log)?;
    let definitions = config.definitions()?;
    let room = definitions.ids().next().cloned().expect("the settings of `hearth dev` name a room");
    let goodbye = Goodbye::listen()?;
    let server = Server::start(config).await?;
    if !http::are_built() && !json {
        println!(
            "The pages are not part of this program yet: run `make web` and build it again, or just `make run`."
        );
    }
    let print = if json { print_json } else { print_words };
    print(&server, &Links::make(&server, &room, members).await?, true)?;
    tokio::select! {
        () = goodbye.come() => {}
        failure = links_after_each_session(&server, &room, members, print) => return failure,
    }
    if !json {
        println!("\nGoodbye.");
    }
    server.stop().await;
    Ok(())
}

const FACILITATOR: &str = "Maple";
const MEMBERS: [&str; 12] = [
    "River", "Wren", "Sage", "Linden", "Robin", "Clover", "Heron", "Fern", "Aspen", "Lark", "Juniper",
    "Finch",
];

struct Links {
    facilitator: String,
    members: Vec<(String, String)>,
}

impl Links {
    async fn make(server: &Server, room: &RoomId, count: usize) -> Result<Links, Failure> {
        let facilitator = server.link(&grant(room, Role::Facilitator, FACILITATOR)).await?;
        let mut members = Vec::new();
        for number in 0..count {
            let alias = match number / MEMBERS.len() {
                0 => MEMBERS[number].to_owned(),
                // The same again, with a number.
                again => format!("{} {}", MEMBERS[number % MEMBERS.len()], again + 1),
            };
            let link = server.link(&grant(room, Role::Member, &alias)).await?;
            members.push((alias, link));
        }
        Ok(Links { facilitator, members })
    }
}

fn grant(room: &RoomId, role: Role, alias: &str) -> Grant {
    Grant {
        room: room.clone(),
        subject: Uuid::new_v4().to_string(),
        role,
        rank: if role.is_facilitator() { 1 } else { u16::MAX },
        alias: alias.to_owned(),
        publish: vec![Source::Microphone, Source::Camera, Source::Screen],
        open_admission: false,
        interprets: None,
        title: None,
        guardian_consent: false,
    }
}

type Print = fn(&Server, &Links, bool) -> io::Result<()>;

async fn links_after_each_session(
    server: &Server,
    room: &RoomId,
    members: usize,
    print: Print,
) -> Result<(), Failure> {
    let mut ends = server.ended();
    loop {
        match ends.recv().await {
            Ok(ended) if ended == *room => print(server, &Links::make(server, room, members).await?, false)?,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

fn print_json(server: &Server, links: &Links, _first: bool) -> io::Result<()> {
    let members: Vec<&str> = links.members.iter().map(|(_, link)| link.as_str()).collect();
    let line = json!({ "url": server.base_url(), "facilitator": links.facilitator, "members": members });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn print_words(server: &Server, links: &Links, first: bool) -> io::Result<()> {
    let mut text = String::new();
    let heading =
        if first { "Hearth is open on" } else { "The session has ended. Fresh links for the next one on" };
    let _ = writeln!(text, "\n  {heading} {}\n", server.base_url());
    let _ = writeln!(text, "  facilitator\n    {FACILITATOR:<8} {}\n\n  members", links.facilitator);
    for (alias, link) in &links.members {
        let _ = writeln!(text, "    {alias:<8} {link}");
    }
    if first {
        text.push_str(NEXT);
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

const NEXT: &str = "
  1. Open the facilitator's link, and go in.
  2. Open a member's link in another tab. Whoever knocks waits until the facilitator lets them in.
  3. Each link stands for one person and belongs to the browser that opens it first, until the session ends.

  Ctrl-C says goodbye to the room and ends the server.
";
