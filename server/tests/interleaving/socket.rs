//! Over real sockets: a WebSocket client that knows nothing but the protocol.

use std::{net::SocketAddr, sync::Arc};

use futures_util::{SinkExt, StreamExt};
use hearth::{
    RoomId,
    auth::{Grant, Key, Keyring, Tickets, Verifier},
    config::Definitions,
    origin::Origins,
    rooms::Directory,
    signalling::{self, Limits, Proxies, Signalling},
    store::Store,
};
use hearth_protocol::*;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

use crate::{meeting, scripted::ScriptedRelay};

struct House {
    address: SocketAddr,
    tickets: (Tickets, Key),
    directory: Directory,
}

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    asked: u32,
}

impl House {
    async fn open() -> House {
        let definitions = Definitions::new([(meeting::room("one"), meeting::definition())]);
        let store = Store::temporary().await.expect("a temporary store");
        let directory = Directory::new(definitions, Arc::new(store), Arc::new(ScriptedRelay::default()));
        let key = Key::draw("test");
        let mut keys = Keyring::default();
        keys.insert("test", key.clone());
        let tickets = Tickets {
            audience: "hearth".into(),
            skew: std::time::Duration::from_secs(10),
            lifetime_max: std::time::Duration::from_secs(600),
        };
        let verifier = Verifier::new(tickets.clone(), keys);
        let router = signalling::router(
            Signalling::new(directory.clone(), verifier, Origins::new(None, &[]), Limits::default()),
            Proxies::default(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        House { address, tickets: (tickets, key), directory }
    }

    fn ticket(&self, subject: &str, role: Role) -> String {
        let grant = Grant {
            room: RoomId::parse("one").expect("an id"),
            subject: subject.into(),
            role,
            rank: 0,
            alias: subject.into(),
            publish: vec![Source::Microphone],
            open_admission: false,
            interprets: None,
            title: None,
            guardian_consent: false,
        };
        self.tickets.0.mint("test", &self.tickets.1, &grant, std::time::Duration::from_secs(60))
    }

    async fn connect(&self) -> Client {
        let (socket, _) =
            connect_async(format!("ws://{}/v1/room/one", self.address)).await.expect("a socket");
        Client { socket, asked: 0 }
    }

    async fn hello(&self, credential: Value) -> Client {
        let mut client = self.connect().await;
        client.send(json!({"type": "hello", "version": VERSION, "credential": credential})).await;
        client
    }

    async fn knock(&self, subject: &str, role: Role) -> Client {
        let mut client = self.hello(json!({"type": "ticket", "ticket": self.ticket(subject, role)})).await;
        let ServerFrame::Knocked { secret } = client.next().await else { panic!("not knocked") };
        assert_eq!(secret.0.len(), 43);
        let ServerFrame::GroundRules(rules) = client.next().await else { panic!("no rules") };
        client.ask(Request::AcceptGroundRules { version: rules.version, hash: rules.hash }).await;
        client
    }
}

impl Client {
    async fn send(&mut self, frame: Value) {
        self.text(frame.to_string()).await;
    }

    async fn text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.expect("the server reads");
    }

    async fn ask(&mut self, request: Request) -> RequestId {
        self.asked += 1;
        let request_id = RequestId(format!("r{}", self.asked));
        let frame = ClientFrame::Request { request_id: request_id.clone(), request };
        self.send(serde_json::to_value(frame).expect("a frame")).await;
        request_id
    }

    async fn next(&mut self) -> ServerFrame {
        loop {
            let message = self.socket.next().await.expect("open").expect("readable");
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).expect("a frame");
            }
        }
    }

    async fn until<T>(&mut self, mut wanted: impl FnMut(&ServerFrame) -> Option<T>) -> T {
        loop {
            let frame = self.next().await;
            if let Some(found) = wanted(&frame) {
                return found;
            }
        }
    }

    async fn ok(&mut self, id: &RequestId) {
        self.until(|frame| match frame {
            ServerFrame::Ok { request_id, .. } if request_id == id => Some(()),
            ServerFrame::Refusal { refusal, .. } => panic!("refused: {refusal:?}"),
            _ => None,
        })
        .await;
    }

    async fn snapshot(&mut self) -> RoomView {
        self.until(|frame| match frame {
            ServerFrame::Snapshot { view, .. } => Some((**view).clone()),
            _ => None,
        })
        .await
    }

    async fn refused(&mut self) -> RefusalCode {
        self.until(|frame| match frame {
            ServerFrame::Refusal { refusal, .. } => Some(refusal.code),
            _ => None,
        })
        .await
    }

    /// Reads on to the end of the connection: the bye and the code of the close frame.
    async fn end(&mut self) -> (Option<Bye>, Option<u16>) {
        let mut bye = None;
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    if let Ok(ServerFrame::Bye(said)) = serde_json::from_str(&text) {
                        bye = Some(said);
                    }
                }
                Some(Ok(Message::Close(frame))) => return (bye, frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (bye, None),
            }
        }
    }
}

#[tokio::test]
async fn a_facilitator_and_a_member_meet() {
    let house = House::open().await;
    let mut facilitator = house.knock("kim", Role::Facilitator).await;
    assert_eq!(facilitator.snapshot().await.participants.len(), 1);
    let mut member = house.knock("ann", Role::Member).await;
    member.until(|frame| (*frame == ServerFrame::Waiting).then_some(())).await;

    let knock = facilitator
        .until(|frame| match frame {
            ServerFrame::Delta { changes, .. } => changes.iter().find_map(|change| match change {
                Change::Desk(desk) => desk.knocks.first().map(|knock| knock.id),
                _ => None,
            }),
            _ => None,
        })
        .await;
    let admitted = facilitator.ask(Request::Admit { knock, through_lock: false }).await;
    facilitator.ok(&admitted).await;
    let view = member.snapshot().await;
    let participant = view.you.participant;

    let muted =
        facilitator.ask(Request::SetGate { participant, source: Source::Microphone, open: false }).await;
    facilitator.ok(&muted).await;
    let gates = member
        .until(|frame| match frame {
            ServerFrame::Delta { changes, .. } => changes.iter().find_map(|change| match change {
                Change::You(you) => Some(you.gates.clone()),
                _ => None,
            }),
            _ => None,
        })
        .await;
    assert!(gates.microphone.contains(&Reason::Facilitator));
    member.ask(Request::SetOwn { source: Source::Microphone, open: true }).await;
    member.refused().await;

    member.send(json!({"type": "ping", "nonce": 7})).await;
    member.until(|frame| matches!(frame, ServerFrame::Pong { nonce: 7, .. }).then_some(())).await;
    member.ask(Request::Leave).await;
    let (bye, code) = member.end().await;
    assert_eq!(bye.expect("a bye").reason, ByeReason::Left);
    assert_eq!(code, Some(ByeReason::Left.close_code()));
    facilitator
        .until(|frame| match frame {
            ServerFrame::Delta { changes, .. } => {
                changes.contains(&Change::Left { participant }).then_some(())
            }
            _ => None,
        })
        .await;

    house.directory.shutdown().await;
    let (bye, code) = facilitator.end().await;
    assert_eq!(bye.expect("a bye").reason, ByeReason::Restarting);
    assert_eq!(code, Some(ByeReason::Restarting.close_code()));
}

#[tokio::test]
async fn a_bad_hello_is_dismissed_with_its_reason() {
    let house = House::open().await;
    let good = json!({"type": "ticket", "ticket": house.ticket("ann", Role::Member)});
    let check = async |frame: String, code| {
        let mut client = house.connect().await;
        client.text(frame).await;
        let (bye, close) = client.end().await;
        assert_eq!(bye.map(|bye| (bye.reason, bye.code)), Some((ByeReason::BadHello, Some(code))));
        assert_eq!(close, Some(ByeReason::BadHello.close_code()));
    };
    let hello = |version: u32, credential: &Value| {
        json!({"type": "hello", "version": version, "credential": credential}).to_string()
    };
    check(hello(VERSION + 1, &good), RefusalCode::VersionUnsupported).await;
    check(hello(VERSION, &json!({"type": "ticket", "ticket": "e30.e30.e30"})), RefusalCode::BadTicket).await;
    check(hello(VERSION, &json!({"type": "resume", "secret": "no"})), RefusalCode::BadTicket).await;
    check(json!({"type": "ping", "nonce": 1}).to_string(), RefusalCode::BadMessage).await;
    check("hello".into(), RefusalCode::BadMessage).await;
    check(json!({"type": "sing"}).to_string(), RefusalCode::UnknownMessage).await;
    check(hello(VERSION, &json!({"type": "ticket", "ticket": "x".repeat(20_000)})), RefusalCode::TooLarge)
        .await;
}

#[tokio::test]
async fn odd_frames_are_refused_and_a_huge_one_ends_the_connection() {
    let house = House::open().await;
    let mut client = house.knock("kim", Role::Facilitator).await;
    client.snapshot().await;
    client.send(json!({"type": "request", "request_id": "x", "request": {"type": "sing"}})).await;
    assert_eq!(client.refused().await, RefusalCode::UnknownMessage);
    client.text("{".into()).await;
    assert_eq!(client.refused().await, RefusalCode::BadMessage);
    client
        .send(json!({"type": "hello", "version": 1, "credential": {"type": "waiting", "secret": "x"}}))
        .await;
    assert_eq!(client.refused().await, RefusalCode::BadMessage);
    client.socket.send(Message::binary(vec![0; 10])).await.expect("sent");
    assert_eq!(client.refused().await, RefusalCode::BadMessage);
    client.text(" ".repeat(FRAME_BYTES_MAX + 1)).await;
    assert_eq!(client.end().await.1, Some(CloseCode::Size.into()));
}

#[tokio::test]
async fn a_flood_is_slowed_and_then_ended() {
    let house = House::open().await;
    let mut client = house.knock("kim", Role::Facilitator).await;
    client.snapshot().await;
    for _ in 0..60 {
        client.ask(Request::LowerHand).await;
    }
    client
        .until(|frame| {
            matches!(frame, ServerFrame::Refusal { refusal, .. } if refusal.code == RefusalCode::TooFast)
                .then_some(())
        })
        .await;
    for _ in 0..200 {
        // The server may have closed already.
        if client.socket.send(Message::text("{}")).await.is_err() {
            break;
        }
    }
    let (bye, _) = client.end().await;
    assert!(bye.is_none_or(|bye| bye.reason == ByeReason::Flooding));
}

#[tokio::test]
async fn another_sites_page_is_not_let_in() {
    let house = House::open().await;
    let mut request = format!("ws://{}/v1/room/one", house.address).into_client_request().expect("a request");
    request.headers_mut().insert("Origin", "https://elsewhere.example".parse().expect("a value"));
    let refused = connect_async(request).await.expect_err("another origin");
    assert!(matches!(refused, Error::Http(response) if response.status() == 403));
}
