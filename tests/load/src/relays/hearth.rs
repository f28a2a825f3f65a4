//! Hearth itself, by its signalling: settings with a room for each group, tickets, ground rules, one offer.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

use hearth::{Config, Grant, RoomId, auth::Key, config::Sources};
use hearth_protocol::{Request, Role, Source, Tile};

use crate::{
    Fallible,
    client::{Client, Shape},
    process::{self, Process},
    scenario::Scenario,
    signalling::Line,
};

const SETTINGS: &str = r#"
[http]
port = 0
connections_max = 20000
[media]
port = 0
[store]
path = "STORE"
[tickets.keys.portal]
issuer = "https://portal.test"
secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
[log]
format = "json"
[room]
format = "FORMAT"
[room.policy]
waiting_room = false
knocks_max = 400
capacity = CAPACITY
"#;
const STARTED_WITHIN: Duration = Duration::from_secs(30);
/// Used at once. The server remembers which were spent for as long as they are good.
const TICKET: Duration = Duration::from_secs(10);
/// More people need a format with an audience.
const GROUP_MAX: usize = 49;

/// A running server. Its folder goes with it.
#[derive(Debug)]
pub struct Hearth {
    pub process: Process,
    pub address: SocketAddr,
    /// Where it takes media.
    pub media: SocketAddr,
    folder: PathBuf,
    config: Config,
    key: (String, Key),
}

impl Hearth {
    pub fn start(rooms: usize, people: usize) -> Fallible<Hearth> {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("hearth-load-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let file = folder.join("hearth.toml");
        fs::write(&file, settings(&folder.join("hearth.sqlite"), rooms, people))?;
        let config = Config::load(&Sources { file: Some(file.clone()), ..Sources::default() })?;
        let keys = config.keyring()?;
        let (name, key) = keys.first().ok_or("the settings name no key")?;
        let key = (name.to_owned(), key.clone());

        let mut command = process::command(binary()?);
        command.arg("serve").arg("--config").arg(&file).stderr(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let (address, media) = addresses(&mut process)?;
        Ok(Hearth { process, address, media, folder, config, key })
    }

    pub fn ticket(&self, room: &str, subject: &str, role: Role) -> Fallible<String> {
        let grant = Grant {
            room: RoomId::parse(room).ok_or("no room's id")?,
            subject: subject.to_owned(),
            role,
            rank: 1,
            alias: alias(subject),
            publish: vec![Source::Microphone, Source::Camera],
            open_admission: true,
            interprets: None,
            title: None,
            guardian_consent: false,
        };
        let (name, key) = &self.key;
        Ok(self.config.ticketing().mint(name, key, &grant, TICKET))
    }

    /// A seat: whoever comes first is the facilitator, and nobody waits.
    pub async fn sit(&self, room: usize, seat: usize) -> Fallible<Line> {
        let role = if seat == 0 { Role::Facilitator } else { Role::Member };
        let room = name(room);
        let ticket = self.ticket(&room, &subject(seat), role)?;
        Line::join(self.address, &room, ticket).await
    }

    /// A seat with media.
    pub async fn join(
        &self,
        number: u32,
        room: usize,
        seat: usize,
        shape: &Shape,
    ) -> Fallible<(Client, Line)> {
        let line = self.sit(room, seat).await?;
        let offering = Client::offer(number, shape, self.address.ip())?;
        let answer = line.offer(offering.sdp.clone(), offering.tracks.clone()).await?;
        Ok((offering.accept(&answer)?, line))
    }
}

impl Drop for Hearth {
    fn drop(&mut self) {
        // Nothing else can be done about it here.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn name(room: usize) -> String {
    format!("room-{room}")
}

fn subject(seat: usize) -> String {
    format!("s{seat}")
}

fn alias(subject: &str) -> String {
    format!("Guest {subject}")
}

/// Opens what somebody sends.
pub async fn open(line: &Line, shape: &Shape) -> Fallible<()> {
    if shape.microphone {
        line.open(Source::Microphone).await?;
    }
    if !shape.camera.is_empty() {
        line.open(Source::Camera).await?;
    }
    Ok(())
}

/// Chooses layers, as a page does by the size of its tiles.
pub async fn view(line: &Line, scenario: &Scenario, seat: usize) -> Fallible<()> {
    let mut tiles = vec![];
    for other in (0..scenario.cameras()).filter(|other| *other != seat) {
        let alias = alias(&subject(other));
        let participant = line.until("everyone", |heard| heard.people.get(&alias).copied()).await?;
        tiles.push(Tile { participant, source: Source::Camera, height: 180 << scenario.layer(seat, other) });
    }
    line.request(Request::View { tiles }).await.map(|_| ())
}

fn settings(store: &Path, rooms: usize, people: usize) -> String {
    let format = if people > GROUP_MAX { "psychoeducation" } else { "support_circle" };
    let mut settings = SETTINGS
        .replace("STORE", &store.to_string_lossy())
        .replace("FORMAT", format)
        .replace("CAPACITY", &people.max(12).to_string());
    for room in 0..rooms {
        let _ = writeln!(settings, "[rooms.{}]", name(room));
    }
    settings
}

/// Beside this program, where cargo puts both.
fn binary() -> Fallible<PathBuf> {
    if let Ok(named) = std::env::var("HEARTH_BINARY") {
        return Ok(named.into());
    }
    let this = std::env::current_exe()?;
    let built = this.with_file_name("hearth");
    if built.is_file() {
        return Ok(built);
    }
    Err("the server is not built: run `cargo build --release -p hearth` first".into())
}

/// For signalling and for media, as the server logs them once its doors are open.
fn addresses(process: &mut Process) -> Fallible<(SocketAddr, SocketAddr)> {
    let stderr = process.child().stderr.take().ok_or("the server says nothing")?;
    let (lines, told) = mpsc::channel();
    // Reads to the end, so that the server is never held up by its own words.
    thread::spawn(move || {
        BufReader::new(stderr).lines().map_while(Result::ok).for_each(|line| {
            // Heard or not.
            let _ = lines.send(line);
        });
    });
    let mut said = vec![];
    loop {
        let Ok(line) = told.recv_timeout(STARTED_WITHIN) else {
            return Err(format!("the server did not start:\n{}", said.join("\n")).into());
        };
        let parsed: Option<serde_json::Value> = serde_json::from_str(&line).ok();
        let found = parsed.as_ref().and_then(|line| {
            let url = line["fields"]["url"].as_str()?.strip_prefix("http://")?;
            let media = line["fields"]["media"].as_str()?.trim_matches(['[', ']']).split(", ").next()?;
            Some((url.parse().ok()?, media.parse().ok()?))
        });
        if let Some(found) = found {
            return Ok(found);
        }
        said.push(line);
    }
}
