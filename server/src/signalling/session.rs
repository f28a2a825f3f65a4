use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{
    FutureExt, Sink, SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hearth_protocol::{Bye, ByeReason, ClientFrame, RefusalCode, Request, RequestId, ServerFrame};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    pin,
    time::{Instant, MissedTickBehavior, interval, timeout, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    Signalling, codec,
    door::Place,
    hello::{self, NoHello},
    outbox::{self, Letter, Mail, Outbox, WRITTEN_WITHIN},
    proof,
    rate::{Rates, Verdict},
    refusal,
};
use crate::{
    auth::Verifier,
    room_id::RoomId,
    rooms::{Handle, NotEntered},
};

const PING_EVERY: Duration = Duration::from_secs(4);
/// Without a sign of life for this long a peer is gone.
const GONE_AFTER: Duration = Duration::from_millis(9_500);
/// How long a room may take to take somebody in.
const ENTERED_WITHIN: Duration = Duration::from_secs(10);
/// How long last words and the closing handshake may take.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// Letters that go out together at most.
const TOGETHER_MAX: usize = 32;
/// More than so many bytes go out at once.
const TOGETHER_BYTES: usize = 4 * 1024;

/// What a WebSocket can be spoken over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

pub(super) type Socket<S> = WebSocketStream<S>;

/// The life of one connection after the opening handshake.
pub(super) async fn run(signalling: &Signalling, room: &RoomId, mut place: Place, stream: impl Stream) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await;
    let arrival = match hello::read(&mut socket).await {
        Ok(hello) => hello::arrival(hello, room, &signalling.verifier),
        Err(no_hello) => Err(no_hello),
    };
    let arrival = match arrival {
        Ok(arrival) => arrival,
        Err(NoHello::Gone) => return,
        Err(NoHello::Refused(code)) => return dismiss(socket, ByeReason::BadHello, Some(code)).await,
    };
    let (outbox, mail) = Outbox::new();
    let entering = timeout(ENTERED_WITHIN, signalling.directory.enter(room, arrival, &outbox));
    let handle = match entering.await.unwrap_or(Err(NotEntered::Unavailable)) {
        Ok(handle) => handle,
        Err(NotEntered::NoSuchRoom) => {
            return dismiss(socket, ByeReason::NotNow, Some(RefusalCode::NotNow)).await;
        }
        Err(NotEntered::Unavailable) => return dismiss(socket, ByeReason::Restarting, None).await,
    };
    place.heard();
    let (mut sink, mut stream) = socket.split();
    let mut last_seen = Instant::now();
    let reader = Reader { handle: &handle, outbox: &outbox, verifier: &signalling.verifier, room };
    let conversation = converse(&mut sink, &mut stream, &reader, mail, &mut last_seen);
    // A bug in here ends this connection like any other end: the room has to learn of it.
    let close = AssertUnwindSafe(conversation).catch_unwind().await.unwrap_or(None);
    handle.dropped(last_seen).await;
    if let Some(code) = close {
        // Whoever does not answer is left alone.
        _ = timeout(CLOSED_WITHIN, close_with(&mut sink, &mut stream, code)).await;
    }
}

enum End {
    Gone,
    Flooding,
    TooLarge,
}

/// Until either side ends it. Gives the code with which the socket is to be closed; none where that is of no use.
async fn converse(
    sink: &mut SplitSink<Socket<impl Stream>, Message>,
    stream: &mut SplitStream<Socket<impl Stream>>,
    reader: &Reader<'_>,
    mail: Mail,
    last_seen: &mut Instant,
) -> Option<u16> {
    let Reader { handle, outbox, .. } = *reader;
    let writing = write(sink, mail, handle);
    pin!(writing);
    let bye = tokio::select! {
        biased;
        () = outbox.cut_off() => return None,
        written = &mut writing => return written.map(ByeReason::close_code),
        end = reader.read(stream, last_seen) => match end {
            End::Gone => return None,
            End::TooLarge => return Some(CloseCode::Size.into()),
            End::Flooding => ByeReason::Flooding,
        },
        // What the room said last goes first: then this bye is never written.
        () = handle.gone() => ByeReason::Restarting,
    };
    outbox.bye(Bye { reason: bye, code: None, card: None });
    timeout(CLOSED_WITHIN, writing).await.ok().flatten().map(ByeReason::close_code)
}

/// What frames are read with.
#[derive(Clone, Copy)]
struct Reader<'a> {
    handle: &'a Handle,
    outbox: &'a Outbox,
    verifier: &'a Verifier,
    room: &'a RoomId,
}

impl Reader<'_> {
    /// Reads frames until the peer is gone or must go.
    async fn read(&self, stream: &mut SplitStream<Socket<impl Stream>>, last_seen: &mut Instant) -> End {
        let mut rates = Rates::new(*last_seen);
        let mut arrived = 0;
        loop {
            let Ok(Some(message)) = timeout_at(*last_seen + GONE_AFTER, stream.next()).await else {
                return End::Gone;
            };
            let now = Instant::now();
            *last_seen = now;
            let verdict = match message {
                Ok(Message::Text(text)) => self.text_frame(&text, &mut rates, now).await,
                Ok(Message::Binary(_)) => {
                    self.outbox.frame(&refused(None, RefusalCode::BadMessage));
                    rates.nuisance(now)
                }
                Ok(Message::Pong(payload)) => {
                    let verdict = rates.control(now);
                    let secrets = proof::secrets(&payload);
                    if verdict == Verdict::Fine && secrets > arrived {
                        arrived = secrets;
                        self.handle.heard().await;
                    }
                    verdict
                }
                Ok(Message::Ping(_)) => rates.control(now),
                Ok(Message::Close(_)) | Err(Error::ConnectionClosed) => return End::Gone,
                Ok(Message::Frame(_)) => Verdict::Fine,
                Err(Error::Capacity(_)) => return End::TooLarge,
                Err(_) => return End::Gone,
            };
            if verdict == Verdict::Flooding {
                return End::Flooding;
            }
        }
    }

    async fn text_frame(&self, text: &str, rates: &mut Rates, now: Instant) -> Verdict {
        let frame = match codec::decode(text) {
            Ok(frame) => frame,
            Err(unreadable) => {
                self.outbox.frame(&refused(unreadable.request_id, unreadable.code));
                return rates.nuisance(now);
            }
        };
        let verdict = rates.frame(&frame, now);
        match (frame, verdict) {
            (_, Verdict::Flooding) => {}
            // Only the first frame is a hello.
            (ClientFrame::Hello(_), _) => self.outbox.frame(&refused(None, RefusalCode::BadMessage)),
            (ClientFrame::Request { request_id, .. }, Verdict::TooFast) => {
                self.outbox.frame(&refused(Some(request_id), RefusalCode::TooFast));
            }
            (ClientFrame::Ping { .. }, Verdict::TooFast) => {
                self.outbox.frame(&refused(None, RefusalCode::TooFast));
            }
            (ClientFrame::Request { request_id, request }, Verdict::Fine) => {
                self.request(request_id, request).await;
            }
            (ClientFrame::Ping { nonce }, Verdict::Fine) => self.handle.ping(nonce).await,
        }
        verdict
    }

    /// Whoever sits down at a device brings a ticket, which is checked here like that of a hello.
    async fn request(&self, request_id: RequestId, request: Request) {
        let Request::ShareDevice { ticket, version, hash } = request else {
            return self.handle.request(request_id, request).await;
        };
        match self.verifier.verify(&ticket, self.room) {
            Ok(ticket) => self.handle.share_device(request_id, ticket, version, hash).await,
            Err(error) => {
                tracing::debug!(%error, "a ticket does not count");
                self.outbox.frame(&refused(Some(request_id), RefusalCode::BadTicket));
            }
        }
    }
}

fn refused(request_id: Option<RequestId>, code: RefusalCode) -> ServerFrame {
    ServerFrame::Refusal { request_id, refusal: refusal(code) }
}

/// Writes what the outbox holds, and pings. Ends with the bye that was written, or none when writing is of no use any more.
async fn write(
    sink: &mut SplitSink<Socket<impl Stream>, Message>,
    mut mail: Mail,
    handle: &Handle,
) -> Option<ByeReason> {
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut secrets = 0;
    loop {
        let letter = tokio::select! {
            biased;
            letter = mail.next() => letter?,
            _ = pings.tick() => Letter::Text(proof::ping(secrets), Instant::now() + WRITTEN_WITHIN),
        };
        // Whatever waits goes out together, within the time of what has to be out first.
        let mut all_until = Instant::now() + WRITTEN_WITHIN;
        let (mut next, mut fed) = (Some(letter), 0);
        while let Some(letter) = next.take() {
            match letter {
                Letter::Text(message, until) => {
                    all_until = all_until.min(until);
                    timeout_at(until, sink.feed(message)).await.ok()?.ok()?;
                }
                Letter::Secret(message, until) => {
                    all_until = all_until.min(until);
                    secrets += 1;
                    timeout_at(until, sink.feed(message)).await.ok()?.ok()?;
                    timeout_at(until, sink.feed(proof::ping(secrets))).await.ok()?.ok()?;
                }
                Letter::Lost => {
                    timeout_at(all_until, sink.flush()).await.ok()?.ok()?;
                    handle.refresh().await;
                }
                Letter::Bye(message, reason) => {
                    timeout_at(all_until, sink.send(message)).await.ok()?.ok()?;
                    return Some(reason);
                }
            }
            fed += 1;
            if fed < TOGETHER_MAX {
                next = mail.waiting()?;
            }
        }
        timeout_at(all_until, sink.flush()).await.ok()?.ok()?;
    }
}

/// Says goodbye to a connection that never came to its room.
async fn dismiss(mut socket: Socket<impl Stream>, reason: ByeReason, code: Option<RefusalCode>) {
    let bye = Message::text(outbox::json(&ServerFrame::Bye(Bye { reason, code, card: None })));
    let (mut sink, mut stream) = (&mut socket).split();
    let goodbye = async {
        // Whoever is gone need not hear it.
        if sink.send(bye).await.is_ok() {
            close_with(&mut sink, &mut stream, reason.close_code()).await;
        }
    };
    _ = timeout(CLOSED_WITHIN, goodbye).await;
}

async fn close_with(
    sink: &mut (impl Sink<Message, Error = Error> + Unpin),
    stream: &mut (impl futures_util::Stream<Item = Result<Message, Error>> + Unpin),
    code: u16,
) {
    let frame = CloseFrame { code: code.into(), reason: "".into() };
    if sink.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = stream.next().await {}
    }
}

/// Without extensions: frames are never compressed.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(hearth_protocol::FRAME_BYTES_MAX))
        .max_frame_size(Some(hearth_protocol::FRAME_BYTES_MAX))
        .read_buffer_size(4 * 1024)
        .write_buffer_size(TOGETHER_BYTES)
        .max_write_buffer_size(2 * outbox::BYTES_MAX)
}
