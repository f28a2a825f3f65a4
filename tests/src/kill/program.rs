//! The server as people run it: a process of its own, a settings file, and a store that outlives it.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use hearth::{
    Config, Grant, RoomId,
    auth::Key,
    config::Sources,
    store::{AuditRow, Store},
};

/// The room of the settings below.
pub const ROOM: &str = "hearth";
const SETTINGS: &str = r#"
[http]
port = 0
[media]
port = 0
[store]
path = "STORE"
[tickets.keys.portal]
issuer = "https://portal.test"
secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
[log]
format = "json"
[room.policy]
capacity = 50
knocks_max = 200
[rooms.hearth]
"#;
const STARTED_WITHIN: Duration = Duration::from_secs(20);
/// How long a ticket is good for.
const TICKET: Duration = Duration::from_secs(600);

/// Settings and a store, for one process after another. Gone with its folder when it is dropped.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    binary: PathBuf,
    config: Config,
    key: (String, Key),
}

/// A running server.
#[derive(Debug)]
pub struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Home {
    /// `name`: no other home has it.
    pub fn make(name: &str) -> Home {
        let folder = std::env::temp_dir().join(format!("hearth-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files can be made");
        let file = folder.join("hearth.toml");
        let store = folder.join("hearth.sqlite");
        let settings = SETTINGS.replace("STORE", store.to_str().expect("the folder's name is text"));
        std::fs::write(&file, settings).expect("the folder can be written to");
        let sources = Sources { file: Some(file), ..Sources::default() };
        let config = Config::load(&sources).expect("the settings above are good");
        let keys = config.keyring().expect("the key above is long enough");
        let (name, key) = keys.first().expect("the settings above name a key");
        let key = (name.to_owned(), key.clone());
        Home { folder, binary: binary(), config, key }
    }

    /// Returns when the doors are open.
    pub fn start(&self) -> Program {
        let mut command = Command::new(&self.binary);
        // What is set where the tests run is nothing to it.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HEARTH_")) {
            command.env_remove(name);
        }
        command.arg("serve").arg("--config").arg(self.folder.join("hearth.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().expect("the server's program can be run");
        // Killed and waited for when it is dropped, started or not.
        let mut program = Program { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let stderr = program.child.stderr.take().expect("it was asked for");
        let (lines, told) = mpsc::channel();
        // Reads to the end, so that the server is never held up by its own words.
        thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).for_each(|line| {
                // Heard or not.
                let _ = lines.send(line);
            })
        });
        let mut said = Vec::new();
        loop {
            let Ok(line) = told.recv_timeout(STARTED_WITHIN) else {
                panic!("the server did not start:\n{}", said.join("\n"));
            };
            if let Some(address) = address(&line) {
                program.address = address;
                return program;
            }
            said.push(line);
        }
    }

    pub fn ticket(&self, grant: &Grant) -> String {
        let (name, key) = &self.key;
        self.config.ticketing().mint(name, key, grant, TICKET)
    }

    /// The room's audit as the files have it, and who is who in it. Read from a copy: the server finds what the kill left.
    pub async fn record(&self, subjects: &[String]) -> (Vec<AuditRow>, Vec<(String, String)>) {
        let copy = self.folder.join("copy");
        // Left from the time before, or not there.
        let _ = std::fs::remove_dir_all(&copy);
        std::fs::create_dir_all(&copy).expect("the folder can be written to");
        for name in ["hearth.sqlite", "hearth.sqlite-wal"] {
            let from = self.folder.join(name);
            if from.exists() {
                std::fs::copy(from, copy.join(name)).expect("the store's file can be copied");
            }
        }
        let store = Store::open(&copy.join("hearth.sqlite")).await.expect("what a kill left can be opened");
        let room = RoomId::parse(ROOM).expect("a room's id");
        let rows = store.audit(&room).await.expect("the audit can be read");
        let mut names = Vec::new();
        for subject in subjects {
            if let Some(pseudonym) = store.pseudonym(&room, subject).await.expect("the key can be read") {
                names.push((pseudonym.0, subject.clone()));
            }
        }
        store.close().await;
        (rows, names)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Nothing else can be done about it here.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Program {
    /// At once, in the middle of whatever it does.
    pub fn kill(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Beside this test's own program, where cargo puts both.
fn binary() -> PathBuf {
    if let Ok(named) = std::env::var("HEARTH_BINARY") {
        return named.into();
    }
    let this = std::env::current_exe().expect("a running program has a path");
    let folders = this.ancestors().skip(1).take(2).map(|folder| folder.join("hearth"));
    let built = folders.into_iter().find(|path: &PathBuf| Path::is_file(path));
    built.expect("the server is built: run `cargo build --workspace --bin hearth` first")
}

fn address(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line["fields"]["url"].as_str()?.strip_prefix("http://")?.parse().ok()
}
