//! The program as people start it: what it prints, how it fails, how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Output, Stdio};

const ANY_PORTS: [&str; 4] = ["--http-port", "0", "--media-port", "0"];

fn hearth() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
    // What is set where the tests run is nothing to them.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HEARTH_")) {
        command.env_remove(name);
    }
    command
}

/// A running `hearth dev --json`, ended with the test.
struct Dev {
    child: Child,
    line: serde_json::Value,
}

impl Dev {
    fn start() -> Dev {
        let mut child =
            hearth().args(["dev", "--json"]).args(ANY_PORTS).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Dev { line: serde_json::from_str(&line).unwrap(), child }
    }

    fn address(&self) -> String {
        self.line["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned()
    }

    fn redeem(&self, link: &str, cookie: &str) -> String {
        let secret = link.split_once("/join#").unwrap().1;
        let body = serde_json::json!({ "secret": secret }).to_string();
        let mut stream = TcpStream::connect(self.address()).unwrap();
        write!(
            stream,
            "POST /v1/links/redeem?again HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: hearth_browser={cookie}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `hearth serve` with the room k3v9, ended with the test.
struct Serve {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    folder: std::path::PathBuf,
    address: String,
}

impl Serve {
    fn start() -> Serve {
        let folder = std::env::temp_dir().join(format!("hearth-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        write_settings(&folder, "Tuesday group");
        let mut child = hearth();
        child.args(["serve", "-c"]).arg(folder.join("hearth.toml")).args(ANY_PORTS);
        let mut child = child
            .env("HEARTH_LOG__FORMAT", "json")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut serve = Serve { child, said, folder, address: String::new() };
        let url = serve.until_said("the rooms are open")["fields"]["url"].as_str().unwrap().to_owned();
        serve.address = url.strip_prefix("http://").unwrap().to_owned();
        serve
    }

    /// Reads the log until it says so.
    fn until_said(&mut self, words: &str) -> serde_json::Value {
        loop {
            let mut line = String::new();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "it ended before it said: {words}");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["fields"]["message"] == words {
                return line;
            }
        }
    }

    fn signed_revocation(&self, room: &str, subject: &str) -> Output {
        let file = self.folder.join("hearth.toml");
        let mut command = hearth();
        command.args(["revocation", "--room", room, "--subject", subject, "-c"]).arg(file).output().unwrap()
    }

    /// The status and the body.
    fn hand_in(&self, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /v1/revocations HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn hang_up(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // Ended already is as good, and so is a folder that is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn write_settings(folder: &std::path::Path, title: &str) {
    let store = folder.join("hearth.sqlite");
    let secret = "A".repeat(43);
    let text = format!(
        "[store]\npath = \"{}\"\n[rooms.k3v9]\ntitle = \"{title}\"\n[tickets.keys.portal]\nissuer = \"portal\"\nsecret = \"{secret}\"\n",
        store.display()
    );
    std::fs::write(folder.join("hearth.toml"), text).unwrap();
}

fn check_fails(args: &[&str], expected: &[&str]) {
    let Output { status, stderr, .. } = hearth().args(args).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "{args:?}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    for words in expected {
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn the_links_that_it_prints_work_at_once_each_for_one_browser() {
    let dev = Dev::start();
    let links: Vec<&str> = [&dev.line["facilitator"]]
        .into_iter()
        .chain(dev.line["members"].as_array().unwrap())
        .map(|link| link.as_str().unwrap())
        .collect();
    assert_eq!(links.len(), 5);
    let (mine, other) = ("A".repeat(43), "B".repeat(42) + "A");
    for link in links {
        assert!(dev.redeem(link, &mine).starts_with("HTTP/1.1 200"), "{link}");
        assert!(dev.redeem(link, &other).starts_with("HTTP/1.1 403"), "{link}");
        assert!(dev.redeem(link, &mine).starts_with("HTTP/1.1 200"), "{link}");
    }
}

#[test]
fn both_ways_to_end_it_are_a_good_end() {
    for signal in ["INT", "TERM"] {
        let mut dev = Dev::start();
        let pid = dev.child.id().to_string();
        assert!(Command::new("kill").args([format!("-{signal}"), pid]).status().unwrap().success());
        assert!(dev.child.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn a_taken_port_is_one_line_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    check_fails(&["dev", "--http-port", &port, "--media-port", "0"], &[&port, "taken", "--http-port"]);
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    check_fails(&["dev", "--http-port", "0", "--media-port", &port], &[&port, "taken", "--media-port"]);
}

#[test]
fn what_cannot_work_is_one_line_that_says_what_to_do() {
    check_fails(&["serve", "--config", "/none/hearth.toml"], &["/none/hearth.toml", "--config"]);
    check_fails(&["serve"], &["rooms", "hearth config --defaults"]);
    check_fails(&["dev", "--address", "0.0.0.0"], &["media.advertised"]);
    check_fails(&["link", "--room", "none", "--alias", "River"], &["none", "rooms"]);
}

#[test]
fn the_printed_defaults_are_a_settings_file_that_works() {
    let defaults = hearth().args(["config", "--defaults"]).output().unwrap().stdout;
    let file = std::env::temp_dir().join(format!("hearth-{}.toml", uuid::Uuid::new_v4()));
    std::fs::write(&file, defaults).unwrap();
    let in_force = hearth().arg("config").arg("--config").arg(&file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(in_force.status.success(), "{}", String::from_utf8_lossy(&in_force.stderr));
    let text = String::from_utf8(in_force.stdout).unwrap();
    assert!(text.contains("http.port = 8080  # file"), "{text}");
}

#[test]
fn a_format_of_ones_own_is_checked_from_where_one_is_and_what_is_wrong_has_its_place() {
    let folder = std::env::temp_dir().join(format!("hearth-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let good = String::from_utf8(hearth().args(["formats", "show", "cbt"]).output().unwrap().stdout).unwrap();
    let check = |file: &str, text: &str| {
        std::fs::write(folder.join(file), text).unwrap();
        let output = hearth().args(["formats", "check", file]).current_dir(&folder).output().unwrap();
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let (passed, said) = check("our_cbt.toml", &good);
    assert!(passed && said.starts_with("our_cbt.toml is good"), "{said}");
    let at = good.lines().position(|line| line.starts_with("floor = ")).expect("a segment has a floor");
    let lines = good.lines().enumerate();
    let broken: Vec<&str> =
        lines.map(|(number, line)| if number == at { "floor = \"loud\"" } else { line }).collect();
    let (passed, said) = check("broken.toml", &broken.join("\n"));
    assert!(!passed && said.contains(&format!("broken.toml: Line {}, column 9: ", at + 1)), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    std::fs::remove_dir_all(&folder).unwrap();
    check_fails(&["formats", "check", "/none/ours.toml"], &["/none/ours.toml", "cannot be read"]);
}

#[test]
fn the_settings_that_the_operators_guide_names_exist() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operating.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let in_force = String::from_utf8(hearth().arg("config").output().unwrap().stdout).unwrap();
    let is_setting = |words: &&str| {
        let Some((section, name)) = words.split_once('.') else { return false };
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        ["http", "media", "store", "tickets", "metrics", "log", "room"].contains(&section) && plain(name)
    };
    let named: Vec<&str> = guide.split('`').skip(1).step_by(2).filter(is_setting).collect();
    assert!(named.len() > 8, "{named:?}");
    for name in named.into_iter().filter(|name| *name != "tickets.keys") {
        assert!(in_force.contains(&format!("{name} = ")), "{name} is no setting");
    }
}

#[test]
fn a_signed_revocation_is_taken_and_nothing_else_is() {
    let serve = Serve::start();
    let signed = serve.signed_revocation("k3v9", "7f3c");
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    assert!(serve.hand_in(&signed.stdout).starts_with("HTTP/1.1 204"));
    assert!(serve.hand_in(&signed.stdout).starts_with("HTTP/1.1 204"), "twice is as once");
    let mut forged = signed.stdout.clone();
    forged[30] ^= 1;
    for body in [forged, b"7f3c".to_vec(), Vec::new(), vec![b'x'; 5000]] {
        let answer = serve.hand_in(&body);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("bad_ticket"), "{answer}");
    }
    assert!(!serve.signed_revocation("none", "7f3c").status.success());
}

#[test]
fn a_hangup_reads_the_rooms_anew_and_a_file_that_does_not_fit_changes_nothing() {
    let mut serve = Serve::start();
    write_settings(&serve.folder, "Thursday group");
    serve.hang_up();
    serve.until_said("the rooms are as the settings have them now");
    std::fs::write(serve.folder.join("hearth.toml"), "[rooms.k3v9]\ncolour = 1\n").unwrap();
    serve.hang_up();
    let line = serve.until_said("the rooms stay as they were");
    assert!(line["fields"]["error"].as_str().unwrap().contains("colour"), "{line}");
}
