use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hearth_protocol::{Bye, ByeReason, Change, RoomView, ServerFrame};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::written;

/// What waits for a slow reader at most. More: deltas are dropped for one fresh snapshot; where that is not enough, the
/// connection is cut.
pub const MESSAGES_MAX: usize = 256;
pub const BYTES_MAX: usize = 1024 * 1024;
/// A frame that is not written within this, or a snapshot not within this of being made, ends the connection.
pub const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// Where words for one connection are put. Never blocks. Numbers snapshots and deltas.
#[derive(Clone, Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
    finished: watch::Receiver<()>,
}

/// The other end, from which the connection's writer takes them.
#[derive(Debug)]
pub struct Mail {
    shared: Arc<Shared>,
    /// Dropped with this end: the outbox knows then that nothing more will be delivered.
    _finished: watch::Sender<()>,
}

#[derive(Debug)]
pub enum Letter {
    /// To be written until then.
    Text(Message, Instant),
    /// The same, with a secret in it: that it arrived is to be proven.
    Secret(Message, Instant),
    /// The last one.
    Bye(Message, ByeReason),
    /// Deltas were dropped and all else is written: it is time to ask for a snapshot.
    Lost,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
    cut: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Queued>,
    bytes: usize,
    seq: u32,
    lost: Lost,
    /// A bye was put in, or the connection was cut: nothing follows.
    closed: bool,
    overflows: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Lost {
    #[default]
    Nothing,
    Deltas,
    /// The snapshot was asked for.
    Asked,
}

#[derive(Debug)]
struct Queued {
    text: Utf8Bytes,
    kind: Kind,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Frame,
    Secret,
    Snapshot,
    Delta,
    Bye(ByeReason),
}

impl Outbox {
    pub fn new() -> (Outbox, Mail) {
        let shared = Arc::new(Shared::default());
        let (sender, finished) = watch::channel(());
        (Outbox { shared: shared.clone(), finished }, Mail { shared, _finished: sender })
    }

    pub fn frame(&self, frame: &ServerFrame) {
        let kind = match frame {
            ServerFrame::Knocked { .. } | ServerFrame::Seated { .. } => Kind::Secret,
            ServerFrame::GroundRules(_)
            | ServerFrame::Waiting
            | ServerFrame::Signal(_)
            | ServerFrame::StandBy { .. }
            | ServerFrame::Snapshot { .. }
            | ServerFrame::Delta { .. }
            | ServerFrame::Ok { .. }
            | ServerFrame::Refusal { .. }
            | ServerFrame::Pong { .. }
            | ServerFrame::Bye(_) => Kind::Frame,
        };
        self.put(kind, |_| json(frame));
    }

    pub fn snapshot(&self, view: Box<RoomView>) {
        self.put(Kind::Snapshot, |seq| json(&ServerFrame::Snapshot { seq, view }));
    }

    /// First what is written already, then what is for this connection alone.
    pub fn delta(&self, written: &str, own: &[Change]) {
        self.put(Kind::Delta, |seq| written::delta(seq, written, own));
    }

    /// Nothing that is put in later will be delivered.
    pub fn bye(&self, bye: Bye) {
        self.put(Kind::Bye(bye.reason), |_| json(&ServerFrame::Bye(bye)));
    }

    /// Ends the connection at once; what was not written is dropped.
    pub fn cut(&self) {
        self.shared.close(&mut self.shared.state());
    }

    /// Returns when the connection is over: after a bye, when it was written.
    pub async fn finished(mut self) {
        // The sender never sends: the only change is its end.
        while self.finished.changed().await.is_ok() {}
    }

    /// Returns when the connection is to be cut, whatever is being written.
    pub async fn cut_off(&self) {
        self.shared.cut.notified().await;
    }

    /// How often deltas had to be dropped.
    pub fn overflows(&self) -> u64 {
        self.shared.state().overflows
    }

    fn put(&self, kind: Kind, text: impl FnOnce(u32) -> String) {
        let mut state = self.shared.state();
        if state.closed || (kind == Kind::Delta && state.lost != Lost::Nothing) {
            return;
        }
        let text = text(state.seq.wrapping_add(1)).into();
        state.push(Queued { text, kind, since: Instant::now() });
        if state.is_over() {
            state.drop_deltas();
        }
        if state.is_over() {
            self.shared.close(&mut state);
        }
        self.shared.changed.notify_one();
    }
}

impl Mail {
    /// The next one; none when the connection is to be cut.
    pub async fn next(&mut self) -> Option<Letter> {
        loop {
            if let Some(letter) = self.waiting()? {
                return Some(letter);
            }
            self.shared.changed.notified().await;
        }
    }

    /// The next one, if one waits already; nothing at all when the connection is to be cut.
    pub fn waiting(&mut self) -> Option<Option<Letter>> {
        let mut state = self.shared.state();
        let Some(queued) = state.queue.pop_front() else {
            if state.closed {
                return None;
            }
            if state.lost == Lost::Deltas {
                state.lost = Lost::Asked;
                return Some(Some(Letter::Lost));
            }
            return Some(None);
        };
        state.bytes -= queued.text.len();
        let now = Instant::now();
        Some(Some(match queued.kind {
            Kind::Bye(reason) => Letter::Bye(Message::Text(queued.text), reason),
            Kind::Snapshot => Letter::Text(Message::Text(queued.text), queued.since + WRITTEN_WITHIN),
            Kind::Frame | Kind::Delta => Letter::Text(Message::Text(queued.text), now + WRITTEN_WITHIN),
            Kind::Secret => Letter::Secret(Message::Text(queued.text), now + WRITTEN_WITHIN),
        }))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way and leave the state torn.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, state: &mut State) {
        state.closed = true;
        state.queue.clear();
        state.bytes = 0;
        self.cut.notify_one();
        self.changed.notify_one();
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.queue.len() > MESSAGES_MAX || self.bytes > BYTES_MAX
    }

    fn push(&mut self, queued: Queued) {
        match queued.kind {
            Kind::Snapshot => {
                self.seq = self.seq.wrapping_add(1);
                self.lost = Lost::Nothing;
            }
            Kind::Delta => self.seq = self.seq.wrapping_add(1),
            Kind::Bye(_) => self.closed = true,
            Kind::Frame | Kind::Secret => {}
        }
        self.bytes += queued.text.len();
        self.queue.push_back(queued);
    }

    fn drop_deltas(&mut self) {
        self.queue.retain(|queued| queued.kind != Kind::Delta);
        self.bytes = self.queue.iter().map(|queued| queued.text.len()).sum();
        self.lost = Lost::Deltas;
        self.overflows += 1;
    }
}

pub(super) fn json(frame: &ServerFrame) -> String {
    serde_json::to_string(frame).expect("wire types have text keys and nothing that can fail to serialise")
}
