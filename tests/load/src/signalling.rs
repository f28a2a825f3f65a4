//! One signalling connection to Hearth that keeps no more than it needs: its place, its newest secret, its answers, and when it was
//! told of what.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt, stream::SplitStream};
use hearth_protocol::{
    Bye, Change, ClientFrame, Credential, GroundRules, Hello, MediaOffer, Outcome, ParticipantId, Refusal,
    Request, RequestId, Secret, ServerFrame, Source, TrackLabel, VERSION,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::Fallible;

const WITHIN: Duration = Duration::from_secs(30);
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// Dropping it cuts the socket without a word.
#[derive(Debug)]
pub struct Line {
    outbox: mpsc::Sender<Message>,
    heard: Arc<Mutex<Heard>>,
    changed: watch::Receiver<u64>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug, Default)]
pub struct Heard {
    pub rules: Option<GroundRules>,
    pub secret: Option<Secret>,
    pub seated: bool,
    /// Everyone, by the alias in their ticket.
    pub people: HashMap<String, ParticipantId>,
    /// One's own number, and the generation of one's media.
    pub you: Option<(ParticipantId, u32)>,
    pub answers: HashMap<RequestId, (Result<Option<Outcome>, Refusal>, Instant)>,
    /// The latest word about each participant's microphone.
    pub microphones: HashMap<ParticipantId, (bool, Instant)>,
    pub frames: u64,
    pub last: Option<Instant>,
    pub bye: Option<Bye>,
    pub closed: bool,
}

impl Line {
    /// To a seat, by ticket. `hears`: keeps track of what others do.
    pub async fn join(server: SocketAddr, room: &str, ticket: String) -> Fallible<Line> {
        let line = Line::connect(server, room).await?;
        line.hello(Credential::Ticket { ticket }).await;
        let rules = line.until("the ground rules", |heard| heard.rules.clone()).await?;
        line.request(Request::AcceptGroundRules { version: rules.version, hash: rules.hash }).await?;
        line.until("a seat", |heard| (heard.seated && heard.you.is_some()).then_some(())).await?;
        Ok(line)
    }

    /// Back to a seat, until the whole room has been seen again.
    pub async fn resume(server: SocketAddr, room: &str, secret: Secret) -> Fallible<Line> {
        let line = Line::connect(server, room).await?;
        line.hello(Credential::Resume { secret }).await;
        line.until("the seat", |heard| (heard.seated && heard.you.is_some()).then_some(())).await?;
        Ok(line)
    }

    async fn connect(server: SocketAddr, room: &str) -> Fallible<Line> {
        let mut request = format!("ws://{server}/v1/room/{room}").into_client_request()?;
        request.headers_mut().insert("Origin", HeaderValue::from_str(&format!("http://{server}"))?);
        let stream = dial(server).await?;
        stream.set_nodelay(true)?;
        let (socket, _) = client_async(request, stream).await?;
        let (mut sink, stream) = socket.split();
        let (outbox, mut messages) = mpsc::channel(64);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (count, changed) = watch::channel(0);
        let reader = tokio::spawn(read(stream, heard.clone(), count));
        let writer = tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                // A closed socket is seen by the reader.
                let _ = sink.send(message).await;
            }
        });
        Ok(Line { outbox, heard, changed, tasks: [reader, writer] })
    }

    pub async fn ask(&self, request: Request) -> RequestId {
        let request_id = RequestId(REQUESTS.fetch_add(1, Ordering::Relaxed).to_string());
        self.say(&ClientFrame::Request { request_id: request_id.clone(), request }).await;
        request_id
    }

    pub async fn answer(&self, id: &RequestId) -> Fallible<(Option<Outcome>, Instant)> {
        let (answer, at) = self.until("an answer", |heard| heard.answers.remove(id)).await?;
        Ok((answer.map_err(|refusal| format!("refused: {refusal:?}"))?, at))
    }

    pub async fn request(&self, request: Request) -> Fallible<Option<Outcome>> {
        let id = self.ask(request).await;
        Ok(self.answer(&id).await?.0)
    }

    /// Offers media, and gives the answer.
    pub async fn offer(&self, sdp: String, tracks: Vec<TrackLabel>) -> Fallible<String> {
        let (_, generation) = self.until("one's own view", |heard| heard.you).await?;
        match self.request(Request::Offer(MediaOffer { generation, sdp, tracks })).await? {
            Some(Outcome::Answer { sdp }) => Ok(sdp),
            other => Err(format!("an offer was answered by {other:?}").into()),
        }
    }

    pub async fn open(&self, source: Source) -> Fallible<()> {
        self.request(Request::SetOwn { source, open: true }).await.map(|_| ())
    }

    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().expect("nothing panics with it")
    }

    pub async fn until<T>(&self, what: &str, mut find: impl FnMut(&mut Heard) -> Option<T>) -> Fallible<T> {
        let mut changed = self.changed.clone();
        let waiting = async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = find(&mut self.heard()) {
                    return Ok(found);
                }
                if self.heard().closed || changed.changed().await.is_err() {
                    let bye = self.heard().bye.clone();
                    return Err(format!("the connection ended before {what}: {bye:?}").into());
                }
            }
        };
        tokio::time::timeout(WITHIN, waiting).await.map_err(|_| format!("waited in vain for {what}"))?
    }

    async fn hello(&self, credential: Credential) {
        self.say(&ClientFrame::Hello(Hello { version: VERSION, credential, media_generation: None })).await;
    }

    async fn say(&self, frame: &ClientFrame) {
        let text = serde_json::to_string(frame).expect("a frame is JSON");
        // Fails only when the writer is gone, which ends with the line.
        let _ = self.outbox.send(Message::text(text)).await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// From another address of this machine each time, as people come from: the server lets few in from one.
async fn dial(server: SocketAddr) -> io::Result<TcpStream> {
    static ADDRESSES: AtomicU32 = AtomicU32::new(1);
    let number = ADDRESSES.fetch_add(1, Ordering::Relaxed) % (1 << 20);
    let own = Ipv4Addr::from_bits(Ipv4Addr::new(127, 16, 0, 0).to_bits() | number);
    let socket = TcpSocket::new_v4()?;
    socket.bind((own, 0).into())?;
    socket.connect(server).await
}

/// Reads until the end. tungstenite answers pings while it is read.
async fn read(
    mut stream: SplitStream<WebSocketStream<TcpStream>>,
    heard: Arc<Mutex<Heard>>,
    count: watch::Sender<u64>,
) {
    while let Some(Ok(message)) = stream.next().await {
        if let Message::Text(text) = message {
            let at = Instant::now();
            if let Ok(frame) = serde_json::from_str::<ServerFrame>(&text) {
                heard.lock().expect("nothing panics with it").hear(frame, at);
            }
        }
        count.send_modify(|count| *count += 1);
    }
    heard.lock().expect("nothing panics with it").closed = true;
    count.send_modify(|count| *count += 1);
}

impl Heard {
    fn hear(&mut self, frame: ServerFrame, at: Instant) {
        self.frames += 1;
        self.last = Some(at);
        match frame {
            ServerFrame::Knocked { secret } => self.secret = Some(secret),
            ServerFrame::Seated { secret } => {
                self.secret = Some(secret);
                self.seated = true;
            }
            ServerFrame::GroundRules(rules) => self.rules = Some(rules),
            ServerFrame::Snapshot { view, .. } => {
                self.you = Some((view.you.participant, view.you.media_generation));
                self.people.extend(view.participants.into_iter().map(|person| (person.alias, person.id)));
            }
            ServerFrame::Delta { changes, .. } => {
                changes.into_iter().for_each(|change| self.fold(change, at))
            }
            ServerFrame::Ok { request_id, outcome } => {
                self.answers.insert(request_id, (Ok(outcome), at));
            }
            ServerFrame::Refusal { request_id: Some(request_id), refusal } => {
                self.answers.insert(request_id, (Err(refusal), at));
            }
            ServerFrame::Bye(bye) => self.bye = Some(bye),
            ServerFrame::Refusal { request_id: None, .. }
            | ServerFrame::Waiting
            | ServerFrame::Signal(_)
            | ServerFrame::StandBy { .. }
            | ServerFrame::Pong { .. } => {}
        }
    }

    fn fold(&mut self, change: Change, at: Instant) {
        match change {
            Change::You(you) => self.you = Some((you.participant, you.media_generation)),
            Change::Participant(participant) => {
                self.microphones.insert(participant.id, (participant.open.microphone, at));
                self.people.insert(participant.alias, participant.id);
            }
            Change::Left { .. }
            | Change::Room(_)
            | Change::Floor(_)
            | Change::Desk(_)
            | Change::Slot(_)
            | Change::Speaking { .. }
            | Change::Reaction { .. }
            | Change::Message(_)
            | Change::Unsaid { .. }
            | Change::ScaleResult(_)
            | Change::Milestone { .. }
            | Change::Notice { .. } => {}
        }
    }
}
