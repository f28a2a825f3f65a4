//! A raw client of the signalling protocol: it says what it likes, remembers everything it was told, and folds snapshots and deltas
//! into the view that a page would hold.
//!
//! It reads on a task of its own, so that it answers pings while a test looks elsewhere. Waiting is by predicate, with a deadline
//! after which the test fails with what had been told by then.

mod told;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt, stream::SplitStream};
use hearth_protocol::{
    ClientFrame, Credential, Hello, MediaOffer, Outcome, Refusal, Request, RequestId, RoomView, Secret,
    ServerFrame, TrackLabel, VERSION,
};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Bytes, Message, client::IntoClientRequest, http::HeaderValue},
};

pub use told::Told;

/// How long a test waits before it fails. Nothing that works takes so long.
pub const DEADLINE: Duration = Duration::from_secs(20);
const OUTBOX: usize = 1024;
/// Request ids are unique per subject and session, over all its connections: one that was heard before is answered as then.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// One signalling connection. Dropping it cuts the socket without a word, as a dying phone would.
#[derive(Debug)]
pub struct Client {
    outbox: mpsc::Sender<Message>,
    told: Arc<Mutex<Told>>,
    changed: watch::Receiver<u64>,
    tasks: [JoinHandle<()>; 2],
}

impl Client {
    /// As a page of the server's own would connect.
    pub async fn connect(server: SocketAddr, room: &str) -> Client {
        let origin = format!("http://{server}");
        Client::connect_from(server, room, Some(&origin)).await.expect("the server takes a connection")
    }

    /// An error: the server refused the connection before any frame.
    pub async fn connect_from(
        server: SocketAddr,
        room: &str,
        origin: Option<&str>,
    ) -> Result<Client, tungstenite::Error> {
        let mut request = format!("ws://{server}/v1/room/{room}").into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", HeaderValue::from_str(origin)?);
        }
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let (socket, _) = client_async(request, stream).await?;
        let (mut sink, stream) = socket.split();
        let (outbox, mut messages) = mpsc::channel(OUTBOX);
        let told = Arc::new(Mutex::new(Told::default()));
        let (count, changed) = watch::channel(0);
        let reader = tokio::spawn(read(stream, told.clone(), count));
        let writer = tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                // A closed socket is seen by the reader.
                let _ = sink.send(message).await;
            }
        });
        Ok(Client { outbox, told, changed, tasks: [reader, writer] })
    }

    pub async fn hello(&self, credential: Credential, media_generation: Option<u32>) {
        self.say(&ClientFrame::Hello(Hello { version: VERSION, credential, media_generation })).await;
    }

    pub async fn say(&self, frame: &ClientFrame) {
        self.say_text(&serde_json::to_string(frame).expect("a frame is JSON")).await;
    }

    /// Any text, be it a frame or not.
    pub async fn say_text(&self, text: &str) {
        self.say_raw(Message::text(text)).await;
    }

    pub async fn say_raw(&self, message: Message) {
        // Fails only when the writer is gone, which ends with the client.
        let _ = self.outbox.send(message).await;
    }

    /// Asks and does not wait for the answer.
    pub async fn ask(&self, request: Request) -> RequestId {
        let id = Client::fresh_id();
        self.ask_as(id.clone(), request).await;
        id
    }

    pub fn fresh_id() -> RequestId {
        RequestId(REQUESTS.fetch_add(1, Ordering::Relaxed).to_string())
    }

    pub async fn ask_as(&self, request_id: RequestId, request: Request) {
        self.say(&ClientFrame::Request { request_id, request }).await;
    }

    pub async fn answer(&self, id: &RequestId) -> Result<Option<Outcome>, Refusal> {
        self.until("an answer", |told| told.answer(id)).await.0
    }

    /// Asks and waits for the answer.
    pub async fn request(&self, request: Request) -> Result<Option<Outcome>, Refusal> {
        let id = self.ask(request).await;
        self.answer(&id).await
    }

    /// For a request that must not be refused.
    pub async fn must(&self, request: Request) -> Option<Outcome> {
        let what = format!("{request:?}");
        match self.request(request).await {
            Ok(outcome) => outcome,
            Err(refusal) => panic!("{what} was refused: {refusal:?}"),
        }
    }

    /// Asks, and measures until the answer has arrived, decoded.
    pub async fn timed(&self, request: Request) -> (Result<Option<Outcome>, Refusal>, Duration) {
        let asked = Instant::now();
        let id = self.ask(request).await;
        let (answer, at) = self.until("an answer", |told| told.answer(&id)).await;
        (answer, at.saturating_duration_since(asked))
    }

    /// Waits until `find` finds it in what was told.
    pub async fn until<T>(&self, what: &str, find: impl FnMut(&mut Told) -> Option<T>) -> T {
        match self.within(DEADLINE, find).await {
            Some(found) => found,
            None => panic!("waited in vain for {what}; told so far:\n{}", self.told().summary()),
        }
    }

    /// As [`Client::until`], for what may well not come.
    pub async fn within<T>(&self, wait: Duration, mut find: impl FnMut(&mut Told) -> Option<T>) -> Option<T> {
        let mut changed = self.changed.clone();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        loop {
            changed.mark_unchanged();
            if let Some(found) = find(&mut self.told()) {
                return Some(found);
            }
            tokio::select! {
                more = changed.changed() => if more.is_err() {
                    // The connection is closed: no more will be told.
                    return find(&mut self.told());
                },
                () = &mut deadline => return None,
            }
        }
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("folding what was told does not panic")
    }

    /// The view as it stands. There must have been a snapshot.
    pub fn view(&self) -> RoomView {
        self.told().view.clone().expect("a snapshot came before")
    }

    /// Waits until the view is as wished.
    pub async fn until_view(&self, what: &str, holds: impl Fn(&RoomView) -> bool) -> RoomView {
        self.until(what, |told| told.view.clone().filter(|view| holds(view))).await
    }

    /// Waits until the server has closed, and tells with which code.
    pub async fn until_closed(&self) -> u16 {
        self.until("the end", |told| told.closed).await
    }

    /// The secret with which one comes back: to the door, or once seated to the seat.
    pub fn secret(&self) -> Secret {
        self.told().secret.clone().expect("a secret came before")
    }

    /// Hello with a ticket, and agreement to the ground rules, as a page does on the person's clicks. Then one waits, or is seated.
    pub async fn knock(server: SocketAddr, room: &str, ticket: &str) -> Client {
        let client = Client::connect(server, room).await;
        client.hello(Credential::Ticket { ticket: ticket.to_owned() }, None).await;
        client.agree().await;
        client
    }

    /// Agrees to the ground rules when they come.
    pub async fn agree(&self) {
        let rules = self.until("the ground rules", |told| told.ground_rules.clone()).await;
        self.must(Request::AcceptGroundRules { version: rules.version, hash: rules.hash }).await;
    }

    /// Knocks where nobody has to admit: the first facilitator, or open admission.
    pub async fn join(server: SocketAddr, room: &str, ticket: &str) -> Client {
        let client = Client::knock(server, room, ticket).await;
        client.until_seated().await;
        client
    }

    /// Knocks, and is admitted by this facilitator.
    pub async fn join_through(
        server: SocketAddr,
        room: &str,
        ticket: &str,
        alias: &str,
        facilitator: &Client,
    ) -> Client {
        let client = Client::knock(server, room, ticket).await;
        facilitator.admit(alias).await;
        client.until_seated().await;
        client
    }

    pub async fn until_seated(&self) -> RoomView {
        self.until("a seat", |told| told.view.clone().filter(|_| told.seated)).await
    }

    /// As a facilitator: waits for the knock of this alias, and admits.
    pub async fn admit(&self, alias: &str) {
        let knock = self.until("a knock", |told| told.knock(alias)).await;
        self.must(Request::Admit { knock, through_lock: false }).await;
    }

    /// Back to one's seat on a new connection.
    pub async fn resume(server: SocketAddr, room: &str, secret: Secret, generation: Option<u32>) -> Client {
        let client = Client::connect(server, room).await;
        client.hello(Credential::Resume { secret }, generation).await;
        client
    }

    /// Answers the ping that follows a secret, and returns when the server has read that.
    pub async fn prove_arrival(&self) {
        let after = |payload: &Bytes| payload.iter().any(|byte| *byte != 0);
        let payload = self.until("a ping after a secret", |told| told.pinged.clone().filter(after)).await;
        self.say_raw(Message::Pong(payload)).await;
        self.catch_up().await;
    }

    /// Returns when everything has arrived here that was told before: with what was answered to anybody, all that followed from it.
    pub async fn catch_up(&self) {
        let nonce = u32::try_from(REQUESTS.fetch_add(1, Ordering::Relaxed)).expect("few requests in a test");
        self.say(&ClientFrame::Ping { nonce }).await;
        let answers =
            |frame: &ServerFrame| matches!(frame, ServerFrame::Pong { nonce: of, .. } if *of == nonce);
        self.until("a pong", |told| told.frames.iter().any(|(_, frame, _)| answers(frame)).then_some(()))
            .await;
    }

    /// The view, once it is no older than what was answered to anybody before this call.
    pub async fn caught_up(&self) -> RoomView {
        self.catch_up().await;
        self.view()
    }

    /// Offers media for the present generation and returns the answer.
    pub async fn offer(&self, sdp: String, tracks: Vec<TrackLabel>) -> Result<String, Refusal> {
        let generation = self.view().you.media_generation;
        let offer = Request::Offer(MediaOffer { generation, sdp, tracks });
        match self.request(offer).await? {
            Some(Outcome::Answer { sdp }) => Ok(sdp),
            other => panic!("an offer was answered by {other:?}"),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Reads until the end. tungstenite answers pings while it is read.
async fn read(
    mut stream: SplitStream<WebSocketStream<TcpStream>>,
    told: Arc<Mutex<Told>>,
    count: watch::Sender<u64>,
) {
    let note = |change: &mut dyn FnMut(&mut Told)| {
        change(&mut told.lock().expect("folding what was told does not panic"));
        count.send_modify(|count| *count += 1);
    };
    while let Some(message) = stream.next().await {
        let at = Instant::now();
        match message {
            Ok(Message::Text(text)) => match serde_json::from_str::<ServerFrame>(&text) {
                Ok(frame) => note(&mut |told| told.hear(at, frame.clone(), text.len())),
                Err(error) => note(&mut |told| told.faults.push(format!("{error}: {text}"))),
            },
            Ok(Message::Close(frame)) => {
                let code = frame.map_or(1005, |frame| frame.code.into());
                note(&mut |told| told.closed = told.closed.or(Some(code)));
            }
            Ok(Message::Ping(payload)) => note(&mut |told| told.pinged = Some(payload.clone())),
            Ok(Message::Pong(_)) => {}
            Ok(Message::Binary(bytes)) => {
                note(&mut |told| told.faults.push(format!("{} binary bytes", bytes.len())));
            }
            Ok(Message::Frame(_)) => unreachable!("never given to readers"),
            Err(_) => break,
        }
    }
    // 1006: closed without a word.
    note(&mut |told| told.closed = told.closed.or(Some(1006)));
}
