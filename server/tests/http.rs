//! What the server answers over HTTP, asked through a real socket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hearth::auth::{Key, Keyring, Links, Verifier};
use hearth::http::{CONTENT_SECURITY_POLICY, Desk, Listener, Sample, router};
use hearth::store::Store;
use hearth::{Config, Grant, RoomId};
use hearth_protocol::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

struct House {
    listener: Listener,
    links: Links,
    verifier: Verifier,
    open: watch::Sender<bool>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn cookie(&self) -> String {
        self.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }
}

async fn house(metrics_token: &str) -> House {
    let config = Config::for_tests();
    let store = Store::temporary().await.unwrap();
    let key = Key::draw("hearth");
    let mut keys = Keyring::default();
    keys.insert("link", key.clone());
    let links = Links::new(store.clone(), config.ticketing(), "link", key);
    let (open, opened) = watch::channel(true);
    let desk = Desk {
        links: links.clone(),
        origins: config.origins(),
        store,
        open: opened,
        crisis_line: Arc::new(|_| "Call 988.".into()),
        samples: Arc::new(|| vec![Sample { name: "hearth_rooms", label: None, value: 3 }]),
        metrics_token: metrics_token.into(),
        secure: false,
    };
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let listener = Listener::start(socket, address, router(desk, Router::new()), 16);
    House { listener, links, verifier: Verifier::new(config.ticketing(), keys), open }
}

impl House {
    async fn ask(&self, request: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.listener.address()).await.unwrap();
        let host = self.listener.address();
        let length = body.len();
        let text = format!(
            "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "", "").await
    }

    async fn redeem(&self, secret: &str, cookie: &str) -> Answer {
        let body = serde_json::json!({ "secret": secret }).to_string();
        self.ask("POST /v1/links/redeem?again", &format!("Cookie: {cookie}\r\n"), &body).await
    }

    /// A browser's first visit: it is sent here once more, with its cookie.
    async fn introduce(&self) -> String {
        let answer = self.ask("POST /v1/links/redeem", "", "{}").await;
        assert_eq!((answer.status, answer.header("location")), (307, Some("/v1/links/redeem?again")));
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        answer.cookie()
    }
}

fn grant() -> Grant {
    Grant {
        room: RoomId::parse("hearth").unwrap(),
        subject: "s-1".into(),
        role: Role::Member,
        rank: 100,
        alias: "River".into(),
        publish: Vec::new(),
        open_admission: false,
        interprets: None,
        title: None,
        guardian_consent: false,
    }
}

#[tokio::test]
async fn a_link_gives_a_ticket_to_its_first_browser_and_to_no_other() {
    let house = house("").await;
    let secret = house.links.issue(&grant()).await.unwrap().text();
    let (mine, other) = (house.introduce().await, house.introduce().await);
    for _ in 0..2 {
        let answer = house.redeem(&secret, &mine).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let redeemed: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(redeemed["room"], "hearth");
        assert_eq!(redeemed["crisis_line"], "Call 988.");
        let ticket = house.verifier.verify(redeemed["ticket"].as_str().unwrap(), &grant().room).unwrap();
        assert_eq!(ticket.grant, grant());
    }
    assert_eq!(house.redeem(&secret, &other).await.status, 403);
}

#[tokio::test]
async fn every_refusal_of_a_link_is_the_same() {
    let house = house("").await;
    let used = house.links.issue(&grant()).await.unwrap().text();
    let (mine, other) = (house.introduce().await, house.introduce().await);
    assert_eq!(house.redeem(&used, &mine).await.status, 200);
    let unused = house.links.issue(&grant()).await.unwrap().text();
    house.links.revoke(&grant().room).await.unwrap();

    let without_date = |answer: Answer| {
        assert_eq!(answer.status, 403, "{answer:?}");
        let head: Vec<_> =
            answer.head.lines().filter(|line| !line.starts_with("date")).map(str::to_owned).collect();
        (head, answer.body)
    };
    let other_browser = without_date(house.redeem(&used, &other).await);
    let wrong = "A".repeat(43);
    for refused in [
        house.redeem(&wrong, &mine).await,
        house.redeem("no secret at all", &mine).await,
        house.redeem(&unused, &mine).await,
        house.redeem(&used, &mine).await,
        house.redeem(&used, "hearth_browser=x").await,
        house.ask("POST /v1/links/redeem?again", &format!("Cookie: {mine}\r\n"), "{").await,
        house.ask("POST /v1/links/redeem?again", &format!("Cookie: {mine}\r\n"), &"x".repeat(5000)).await,
        house.ask("POST /v1/links/redeem", "Origin: https://elsewhere.example\r\n", "{}").await,
    ] {
        assert_eq!(without_date(refused), other_browser);
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_it_safe() {
    let house = house("").await;
    for path in [
        "/",
        "/join",
        "/nothing/../../here",
        "/healthz",
        "/assets/none.js",
        "/.well-known/hearth",
        "/metrics",
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.header("content-security-policy"), Some(CONTENT_SECURITY_POLICY), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(
            answer.header("permissions-policy").unwrap().contains("camera=(self), microphone=(self)"),
            "{path}"
        );
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
    assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
}

#[tokio::test]
async fn the_room_page_and_the_join_page_are_one() {
    let house = house("").await;
    let (room, join) = (house.get("/").await, house.get("/join").await);
    assert_eq!((room.status, &room.body), (join.status, &join.body));
    assert!(room.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(house.get("/assets/none.js").await.status, 404);
    assert_eq!(house.ask("DELETE /", "", "").await.status, 405);
}

#[tokio::test]
async fn readiness_ends_when_the_server_begins_to_stop_and_life_does_not() {
    let house = house("").await;
    assert_eq!((house.get("/healthz").await.status, house.get("/readyz").await.status), (200, 200));
    house.open.send_replace(false);
    assert_eq!((house.get("/healthz").await.status, house.get("/readyz").await.status), (200, 503));
}

#[tokio::test]
async fn numbers_are_told_to_whoever_knows_the_token() {
    let with = house("t0ken").await;
    assert_eq!(with.get("/metrics").await.status, 404);
    assert_eq!(with.ask("GET /metrics", "Authorization: Bearer other\r\n", "").await.status, 404);
    let told = with.ask("GET /metrics", "Authorization: Bearer t0ken\r\n", "").await;
    assert_eq!((told.status, told.body.as_str()), (200, "# TYPE hearth_rooms gauge\nhearth_rooms 3\n"));
    let without = house("").await;
    assert_eq!(without.ask("GET /metrics", "Authorization: Bearer \r\n", "").await.status, 404);
}

#[tokio::test]
async fn the_capability_statement_says_that_nothing_records() {
    let answer = house("").await.get("/.well-known/hearth").await;
    let statement: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let recording = statement["recording"].as_object().unwrap();
    assert!(!recording.is_empty() && recording.values().all(|kind| kind == false), "{statement}");
}

#[tokio::test]
async fn a_stopped_listener_takes_nobody_in_and_keeps_nobody() {
    let house = house("").await;
    let address = house.listener.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    house.listener.stop(Duration::from_secs(5)).await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
