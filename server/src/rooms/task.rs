mod guest;
mod help;
mod negotiation;
mod wake;

use std::{
    collections::BTreeMap,
    future,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use hearth_forwarding::ForwardingTable;
use hearth_protocol::{Bye, ByeReason, Millis, Outcome, Request, RequestId, ServerFrame};
use hearth_relay::{Event, MediaEvents, OfferRefused};
use hearth_room::{Command, ConnectionId, Definition, Effects, Room, Tell, Words};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};

use self::{guest::Guest, wake::wake};
use super::{
    call::{Arrival, Call},
    clock::Clock,
    directory::House,
    group::{ACKNOWLEDGED_WITHIN, Group},
    media::{self, RoomMedia},
    order::{Batch, Order, Step},
    secret,
    stage::Stage,
};
use crate::{
    room_id::RoomId,
    signalling::{Outbox, Written},
    store::{Commit, Fault, SessionId},
};

/// How long a farewell card is waited on.
const FAREWELL_WITHIN: Duration = Duration::from_millis(200);
/// How long one attempt to record may take.
const RECORDED_WITHIN: Duration = Duration::from_secs(2);
/// How long a room takes to say goodbye when the process stops.
pub(super) const GOODBYE_WITHIN: Duration = Duration::from_millis(500);

/// The life of a room's task: from the first arrival to the end of the session, the stop of the process, or nobody being there.
pub(super) async fn run(
    house: Arc<House>,
    id: RoomId,
    definition: Arc<Definition>,
    mut inbox: mpsc::Receiver<Call>,
) {
    let (room, session, clock, records) = match wake(&*house.ledger, &id, definition).await {
        Ok(awake) => awake,
        Err(fault) => {
            tracing::error!(%fault, "a room cannot be woken");
            return;
        }
    };
    let (media, events) = house.media.open();
    let table = room.table();
    media.forward(table.clone());
    let task = Task {
        room,
        id,
        session,
        clock,
        records,
        guests: BTreeMap::new(),
        visited: false,
        media,
        events,
        relay_alive: true,
        recorded: table,
        order: Order::default(),
        works: FuturesUnordered::new(),
        works_begun: 0,
        stage: Stage::default(),
        ending: None,
        house,
    };
    task.run(&mut inbox).await;
}

struct Task {
    house: Arc<House>,
    id: RoomId,
    session: SessionId,
    room: Room,
    clock: Clock,
    /// Records of the session so far.
    records: u64,
    guests: BTreeMap<ConnectionId, Guest>,
    /// Somebody was here: from then on the room may fall asleep.
    visited: bool,
    media: Box<dyn RoomMedia>,
    events: MediaEvents,
    /// Whether the relay may say anything yet.
    relay_alive: bool,
    /// The table that belongs to what was recorded last.
    recorded: ForwardingTable,
    order: Order,
    works: FuturesUnordered<BoxFuture<'static, Work>>,
    works_begun: u64,
    stage: Stage,
    ending: Option<Ending>,
}

#[derive(Clone, Copy)]
enum Ending {
    /// The session is over: nothing more is heard, all that is waiting is still carried out.
    Ended,
    /// The process stops: until then.
    Stopping(Instant),
    /// Too much was waiting.
    GivenUp,
}

/// What goes on beside the task and comes back to it.
enum Work {
    Farewell { number: u64, outbox: Option<Outbox> },
    Recorded { batch_records: u64, ended: bool, result: Result<(), NotRecorded> },
    Answered { connection: ConnectionId, request_id: RequestId, answer: Result<String, OfferRefused> },
}

#[derive(Debug, thiserror::Error)]
enum NotRecorded {
    #[error("it took too long")]
    TimedOut,
    #[error(transparent)]
    Fault(Fault),
}

enum Heard {
    Call(Option<Call>),
    Media(Option<Event>),
    Applied(bool),
    Work(Option<Work>),
    Time,
}

impl Task {
    async fn run(mut self, inbox: &mut mpsc::Receiver<Call>) {
        loop {
            self.carry_out();
            if self.is_over() {
                break;
            }
            match self.hear(inbox).await {
                Heard::Call(Some(call)) => self.call(call),
                Heard::Media(Some(event)) => self.event(event),
                Heard::Work(Some(work)) => self.worked(work),
                Heard::Media(None) | Heard::Applied(false) => self.relay_alive = false,
                Heard::Time => self.time_passed(),
                Heard::Applied(true) | Heard::Call(None) | Heard::Work(None) => {}
            }
        }
        self.leave().await;
    }

    async fn hear(&mut self, inbox: &mut mpsc::Receiver<Call>) -> Heard {
        let wake = self.wake_at();
        tokio::select! {
            biased;
            Some(work) = self.works.next() => Heard::Work(Some(work)),
            applied = self.events.applied.changed(), if self.relay_alive => Heard::Applied(applied.is_ok()),
            event = self.events.events.recv(), if self.relay_alive => Heard::Media(event),
            () = at(wake) => Heard::Time,
            call = inbox.recv(), if self.ending.is_none() => Heard::Call(call),
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let timeout = self.room.poll_timeout().filter(|_| self.ending.is_none());
        let order = self.order.deadline(*self.events.applied.borrow());
        let stop = match self.ending {
            Some(Ending::Stopping(until)) => Some(until),
            Some(Ending::Ended | Ending::GivenUp) | None => None,
        };
        [timeout.map(|time| self.clock.instant(time)), order, stop].into_iter().flatten().min()
    }

    fn is_over(&self) -> bool {
        match self.ending {
            Some(Ending::GivenUp) => true,
            Some(Ending::Ended) => self.order.is_empty(),
            Some(Ending::Stopping(until)) => self.order.is_empty() || until <= Instant::now(),
            None => {
                self.visited
                    && self.guests.is_empty()
                    && self.order.is_empty()
                    && self.works.is_empty()
                    && self.room.poll_timeout().is_none()
            }
        }
    }

    /// Last words, as far as they can still be said.
    async fn leave(self) {
        let bye = || Bye { reason: ByeReason::Restarting, code: None, card: None };
        for guest in self.guests.values() {
            guest.outbox.bye(bye());
        }
        let Some(Ending::Stopping(until)) = self.ending else { return };
        let finished = self.guests.into_values().map(|guest| guest.outbox.finished());
        // Whoever does not read is not waited for.
        _ = tokio::time::timeout_at(until, futures_util::future::join_all(finished)).await;
    }

    fn call(&mut self, call: Call) {
        match call {
            Call::Enter { connection, arrival, outbox, entered } => {
                // Whoever does not wait for the answer any more never came in.
                if entered.send(()).is_ok() {
                    self.enter(connection, arrival, outbox);
                }
            }
            Call::Request { connection, request_id, request } => {
                self.request(connection, request_id, request)
            }
            Call::ShareDevice { connection, request_id, ticket, version, hash } => {
                let claims = ticket.claims(self.clock.now());
                self.apply(Command::ShareDevice { connection, request_id, claims, version, hash });
            }
            Call::Heard { connection } => self.apply(Command::Heard { connection }),
            Call::Ping { connection, nonce } => self.ping(connection, nonce),
            Call::Refresh { connection } => self.apply(Command::Refresh { connection }),
            Call::Dropped { connection, last_seen } => {
                if let Some(guest) = self.guests.remove(&connection) {
                    self.house.counters.outbox_overflows.fetch_add(guest.outbox.overflows(), Relaxed);
                }
                let last_seen = self.clock.at(last_seen);
                self.apply(Command::Dropped { connection, last_seen });
            }
            Call::Revoke { subject, done } => {
                self.visited = true;
                self.apply_for(Command::Revoke { subject }, Some(done));
            }
            Call::Define(definition) => {
                self.apply(Command::Define(Box::new(Arc::unwrap_or_clone(definition))))
            }
            Call::Shutdown => {
                self.apply(Command::Shutdown);
                self.ending.get_or_insert(Ending::Stopping(Instant::now() + GOODBYE_WITHIN * 4 / 5));
            }
        }
    }

    fn enter(&mut self, connection: ConnectionId, arrival: Arrival, outbox: Outbox) {
        self.visited = true;
        let fresh = secret::fresh();
        let (command, ticketed) = match arrival {
            Arrival::Ticket(ticket) => {
                let claims = ticket.claims(self.clock.now());
                let ticketed = claims.role.is_facilitator();
                (Command::Knock { connection, claims, fresh }, ticketed)
            }
            Arrival::Secret { hash, media_generation } => {
                (Command::Return { connection, hash, media_generation, fresh }, false)
            }
        };
        self.guests.insert(connection, Guest::new(outbox, ticketed));
        self.apply(command);
    }

    fn request(&mut self, connection: ConnectionId, request_id: RequestId, request: Request) {
        if let Request::Offer(offer) = request {
            self.apply(Command::Heard { connection });
            return self.offer(connection, request_id, offer);
        }
        if let Request::View { tiles } = request {
            self.apply(Command::Heard { connection });
            let viewed = self.view(connection, &tiles);
            return self.answer(connection, request_id, viewed.map(|()| None));
        }
        self.apply(Command::Request { connection, request_id, request, fresh: secret::fresh() });
    }

    fn ping(&mut self, connection: ConnectionId, nonce: u32) {
        let Some(guest) = self.guests.get(&connection) else { return };
        // How long the session has been going on is nobody's business before the door.
        let inside = self.peer(connection).is_ok() || guest.pages.stands_by();
        let now = Millis(if inside { self.clock.now() } else { 0 });
        guest.outbox.frame(&ServerFrame::Pong { nonce, now });
    }

    fn worked(&mut self, work: Work) {
        match work {
            Work::Farewell { number, outbox } => {
                if let Some(outbox) = outbox {
                    outbox.cut();
                }
                self.order.farewell_over(number);
            }
            Work::Recorded { batch_records, ended, result: Ok(()) } => {
                self.records += batch_records;
                let recovered = self.order.is_failing();
                for group in self.order.recorded() {
                    self.tell(group);
                }
                if ended {
                    self.house.counters.sessions_ended.fetch_add(1, Relaxed);
                    // Nobody need be listening.
                    _ = self.house.ended.send(self.id.clone());
                }
                if recovered {
                    self.hand_over(self.room.table());
                }
            }
            Work::Recorded { result: Err(fault), .. } => {
                tracing::error!(%fault, "the record cannot be kept: trying again");
                self.house.counters.ledger_failures.fetch_add(1, Relaxed);
                self.order.not_recorded(Instant::now());
                self.hand_over(self.room.table());
            }
            Work::Answered { connection, request_id, answer } => {
                let answer =
                    answer.map(|sdp| Some(Outcome::Answer { sdp })).map_err(|refused| media::code(&refused));
                self.answer(connection, request_id, answer);
            }
        }
    }

    fn apply(&mut self, command: Command) {
        self.apply_for(command, None);
    }

    /// `done`: dropped by a room that is just ending.
    fn apply_for(&mut self, command: Command, done: Option<oneshot::Sender<()>>) {
        if self.ending.is_some() {
            return;
        }
        let now = self.clock.now();
        let effects = self.room.apply(now, command);
        self.take(now, effects, done);
    }

    fn time_passed(&mut self) {
        let now = self.clock.now();
        if self.ending.is_none() && self.room.poll_timeout().is_some_and(|due| due <= now) {
            let effects = self.room.handle_timeout(now);
            self.take(now, effects, None);
        }
    }

    fn take(&mut self, clock: u32, effects: Effects, done: Option<oneshot::Sender<()>>) {
        let Effects { version, farewell, forward, record, attendance, durable, tell, ended } = effects;
        let farewell = farewell.map(|farewell| self.bid_farewell(farewell));
        if let Some(table) = &forward {
            self.hand_over(table.clone());
        }
        let group = Group {
            version,
            table: forward,
            deadline: Instant::now() + ACKNOWLEDGED_WITHIN,
            farewell,
            record,
            attendance,
            snapshot: durable.then(|| self.room.snapshot()),
            clock,
            tell,
            ended,
            legacy: ended.then(|| self.room.legacy()),
            unacknowledged: false,
            done,
            looked_through: false,
        };
        if ended {
            self.ending = Some(Ending::Ended);
        }
        if group.is_empty() && group.table.is_none() {
            return;
        }
        if self.order.push(group).is_err() {
            tracing::error!("too much is waiting for the record: the room is given up until its next waking");
            self.house.counters.queue_overflows.fetch_add(1, Relaxed);
            self.media.forward(ForwardingTable { rows: Vec::new(), ..self.room.table() });
            self.ending = Some(Ending::GivenUp);
        }
    }

    /// While the record cannot be kept, nothing becomes looser than what was recorded last.
    fn hand_over(&self, table: ForwardingTable) {
        let table = if self.order.is_failing() { media::no_looser(table, &self.recorded) } else { table };
        self.media.forward(table);
    }

    fn bid_farewell(&mut self, farewell: Tell) -> u64 {
        self.works_begun += 1;
        let number = self.works_begun;
        let outbox = self.guests.get(&farewell.to).map(|guest| guest.outbox.clone());
        self.say([farewell]);
        self.works.push(Box::pin(async move {
            if let Some(outbox) = &outbox {
                // Heard or not: it is over then.
                _ = timeout(FAREWELL_WITHIN, outbox.clone().finished()).await;
            }
            Work::Farewell { number, outbox }
        }));
        number
    }

    /// Carries out all that can be carried out now.
    fn carry_out(&mut self) {
        self.help();
        loop {
            let applied = *self.events.applied.borrow();
            match self.order.next(Instant::now(), applied) {
                Some(Step::Say(words)) => self.say(words),
                Some(Step::Tell(group)) => self.tell(*group),
                Some(Step::Record(batch)) => self.record(*batch),
                Some(Step::RelayFailed) => {
                    tracing::error!("the relay does not acknowledge: it counts as failed");
                    self.house.counters.relay_failures.fetch_add(1, Relaxed);
                }
                None => return,
            }
        }
    }

    fn record(&mut self, batch: Batch) {
        let Batch { records, attendance, snapshot, clock, ended, legacy } = batch;
        let (ledger, batch_records) = (self.house.ledger.clone(), records.len() as u64);
        let commit = Commit {
            room: self.id.clone(),
            session: self.session,
            clock,
            first: self.records,
            records,
            attendance,
            snapshot,
            ended,
            legacy,
        };
        self.works.push(Box::pin(async move {
            let result = match timeout(RECORDED_WITHIN, ledger.commit(commit)).await {
                Ok(result) => result.map_err(NotRecorded::Fault),
                Err(_) => Err(NotRecorded::TimedOut),
            };
            Work::Recorded { batch_records, ended, result }
        }));
    }

    fn tell(&mut self, group: Group) {
        let moved = group.table.is_some();
        if let Some(table) = group.table {
            self.recorded = table;
        }
        self.say(group.tell);
        if let Some(done) = group.done {
            // Who asked may have gone.
            _ = done.send(());
        }
        if moved {
            self.tell_speaking();
        }
    }

    fn say(&mut self, words: impl IntoIterator<Item = Tell>) {
        let mut written = Written::default();
        for Tell { to, words } in words {
            // Whoever dropped in the meantime hears nothing; the drop is a command of its own.
            let Some(guest) = self.guests.get_mut(&to) else { continue };
            let anew = matches!(words, Words::Snapshot(_));
            guest.tell(words, &mut written);
            if anew {
                let present = self.stage.present(self.room.media_peer(to));
                if !present.is_empty() {
                    guest.outbox.delta("", &present);
                }
                self.tell_speaking();
            }
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => future::pending().await,
    }
}
