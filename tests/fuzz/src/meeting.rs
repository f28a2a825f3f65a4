//! A meeting out of bytes: whoever comes, asks, drops and waits, in any order, at any time, over restarts. The room must not panic,
//! and after every step what it says of itself must hold together.

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::{ForwardingTable, Generation, Reason, Source, Subject};
use hearth_protocol::{
    Change, Desk, GroundRules, Request, RequestId, Role, Secret, ServerFrame, Source as Sent,
};
use hearth_room::{Claims, Command, ConnectionId, Definition, Effects, Fresh, Room, SecretHash, Words};

use crate::{
    choices::Choices,
    definition::{definition, rules},
    request,
};

const STEPS_MAX: usize = 300;
/// More timeouts than that at one instant: one of them stays due.
const DUE_MAX: usize = 64;
const PEOPLE: u8 = 10;
const ROLES: [Role; PEOPLE as usize] = [
    Role::Facilitator,
    Role::Member,
    Role::Member,
    Role::Member,
    Role::Cofacilitator,
    Role::Observer,
    Role::Interpreter,
    Role::PeerLead,
    Role::Member,
    Role::Facilitator,
];
const ALIASES: [&str; 8] =
    ["Heron", "heron", "", "Facilitator", "Wi\u{202e}llow", "Ωmega", "\u{0}", "Larch Larch"];

pub fn hold(bytes: &[u8]) {
    let mut choices = Choices::of(bytes);
    let mut meeting = Meeting::new(&mut choices);
    meeting.gather(&mut choices);
    for _ in 0..STEPS_MAX {
        if choices.are_over() {
            break;
        }
        meeting.step(&mut choices);
    }
    meeting.let_pass(4 * 3_600_000);
}

#[derive(Debug)]
struct Meeting {
    room: Room,
    definition: Definition,
    now: u32,
    drawn: u64,
    live: Vec<ConnectionId>,
    /// The newest secret of each connection, dead ones included.
    secrets: BTreeMap<ConnectionId, SecretHash>,
    asked: Vec<(RequestId, Request)>,
    /// Who was last told what facilitators see, and what they were told.
    desk: Option<(ConnectionId, Desk)>,
    /// The last table that the relay was given; none since a restart.
    table: Option<ForwardingTable>,
    /// Whose connection was lost, and when.
    dropped: BTreeMap<Subject, u32>,
    /// Who ever chose that their microphone may open by itself.
    on_turn: BTreeSet<Subject>,
    ended: bool,
}

impl Meeting {
    fn new(choices: &mut Choices<'_>) -> Meeting {
        let definition = definition(choices);
        Meeting {
            room: Room::new(definition.clone()),
            definition,
            now: 0,
            drawn: 0,
            live: Vec::new(),
            secrets: BTreeMap::new(),
            asked: Vec::new(),
            desk: None,
            table: Some(ForwardingTable::default()),
            dropped: BTreeMap::new(),
            on_turn: BTreeSet::new(),
            ended: false,
        }
    }

    /// Who is there from the start: with the first byte alone a meeting is under way, and what follows is asked at a seat.
    fn gather(&mut self, choices: &mut Choices<'_>) {
        for who in 0..choices.below(PEOPLE) {
            let mut claims = self.claims(who, &mut Choices::of(&[]));
            claims.expires = 3_600_000;
            claims.publish = [Sent::Microphone, Sent::Camera, Sent::Screen].to_vec();
            self.come(claims);
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(32) {
            0..=3 => {
                let claims = self.somebody(choices);
                self.come(claims);
            }
            4 => {
                let claims = self.somebody(choices);
                self.knock(claims);
            }
            5 | 6 => self.come_back(choices),
            7..=20 => self.ask(choices),
            21 => self.admit(),
            22 => self.drop_one(choices),
            23 => self.restart(choices),
            24 => self.odd(choices),
            25 => {
                if let Some(connection) = choices.pick(&self.live).copied() {
                    self.apply(Command::Refresh { connection });
                }
            }
            26..=28 => self.let_pass(choices.pause()),
            _ => {
                let next = self.room.poll_timeout();
                self.let_pass(next.map_or(0, |at| at.saturating_sub(self.now)));
            }
        }
    }

    /// The whole way to a seat, if the room lets it be gone.
    fn come(&mut self, claims: Claims) {
        let connection = self.knock(claims);
        let GroundRules { version, hash, .. } = self.definition.ground_rules.clone();
        self.request(connection, Request::AcceptGroundRules { version, hash });
        self.admit();
    }

    fn knock(&mut self, claims: Claims) -> ConnectionId {
        let connection = self.connect();
        let fresh = self.fresh();
        self.apply(Command::Knock { connection, claims, fresh });
        connection
    }

    fn come_back(&mut self, choices: &mut Choices<'_>) {
        let known: Vec<SecretHash> = self.secrets.values().copied().collect();
        let Some(hash) = choices.pick(&known).copied() else { return };
        let media_generation = choices.flip().then(|| Generation(choices.number()));
        let connection = self.connect();
        let fresh = self.fresh();
        self.apply(Command::Return { connection, hash, media_generation, fresh });
    }

    fn ask(&mut self, choices: &mut Choices<'_>) {
        // Members' wishes are refused for the most part: half of what is asked, a facilitator asks.
        let facilitator = self.desk.as_ref().map(|(facilitator, _)| *facilitator);
        let facilitator = facilitator.filter(|facilitator| self.live.contains(facilitator));
        let anybody = choices.pick(&self.live).copied();
        let Some(connection) = facilitator.filter(|_| choices.flip()).or(anybody) else { return };
        if choices.one_in(16)
            && let Some((request_id, request)) = choices.pick(&self.asked).cloned()
        {
            let fresh = self.fresh();
            return self.apply(Command::Request { connection, request_id, request, fresh });
        }
        let Some(request) = request::draw(choices) else { return };
        self.request(connection, request);
    }

    /// Whoever was told goodbye is not listened to any more.
    fn request(&mut self, connection: ConnectionId, request: Request) {
        if !self.live.contains(&connection) {
            return;
        }
        self.drawn += 1;
        let request_id = RequestId(format!("r{}", self.drawn));
        self.asked.push((request_id.clone(), request.clone()));
        let fresh = self.fresh();
        self.apply(Command::Request { connection, request_id, request, fresh });
    }

    /// Whoever saw the list last admits the first of it.
    fn admit(&mut self) {
        let Some((facilitator, desk)) = &self.desk else { return };
        let (facilitator, first) = (*facilitator, desk.knocks.first().map(|knock| knock.id));
        if let Some(knock) = first {
            self.request(facilitator, Request::Admit { knock, through_lock: true });
        }
    }

    fn drop_one(&mut self, choices: &mut Choices<'_>) {
        let Some(connection) = choices.pick(&self.live).copied() else { return };
        let last_seen = self.now.saturating_sub(choices.pause().min(20_000));
        self.note_drop(connection);
        self.live.retain(|live| *live != connection);
        self.apply(Command::Dropped { connection, last_seen });
    }

    /// What comes from elsewhere than a connection.
    fn odd(&mut self, choices: &mut Choices<'_>) {
        let subject = Subject(choices.number());
        match choices.below(7) {
            0 => {
                let generation = Generation(choices.number());
                self.apply(Command::MediaLost { subject, generation });
            }
            1 => self.apply(Command::RelayRestarted),
            2 => {
                let heard = (0..choices.below(4)).map(|_| (Subject(choices.number()), choices.number()));
                self.apply(Command::Voiced { heard: heard.collect() });
            }
            3 => {
                self.definition.ground_rules = rules(1 + u32::from(choices.below(3)));
                self.definition.policy.capacity = choices.number();
                self.definition.policy.waiting_room = choices.flip();
                self.apply(Command::Define(Box::new(self.definition.clone())));
            }
            4 => self.apply(Command::Revoke { subject: name(choices) }),
            5 => self.share(choices),
            _ => self.apply(Command::Shutdown),
        }
    }

    fn share(&mut self, choices: &mut Choices<'_>) {
        let Some(connection) = choices.pick(&self.live).copied() else { return };
        let claims = self.somebody(choices);
        let GroundRules { version, hash, .. } = rules(1 + u32::from(choices.below(2)));
        self.drawn += 1;
        let request_id = RequestId(format!("r{}", self.drawn));
        self.apply(Command::ShareDevice { connection, request_id, claims, version, hash });
    }

    fn let_pass(&mut self, pause: u32) {
        let until = self.now.saturating_add(pause);
        let mut at_once = 0;
        while let Some(at) = self.room.poll_timeout().filter(|at| *at <= until) {
            // What waits since before a restart is overdue.
            let at = if self.table.is_none() { at.max(self.now) } else { at };
            assert!(at >= self.now, "{at} is over at {}, and still due", self.now);
            at_once = if at == self.now { at_once + 1 } else { 0 };
            assert!(at_once < DUE_MAX, "{at} stays due");
            self.now = at;
            let effects = self.room.handle_timeout(at);
            self.check(None, &effects);
        }
        self.now = until;
    }

    /// The process stops at this instant and starts again.
    fn restart(&mut self, choices: &mut Choices<'_>) {
        let kept = serde_json::to_string(&self.room.snapshot()).expect("a snapshot is JSON");
        let proven = choices.flip();
        let wake = |kept: &str| {
            let snapshot = serde_json::from_str(kept).expect("what was written can be read");
            Room::restore(self.definition.clone(), snapshot, proven)
        };
        let woken = wake(&kept);
        let again = serde_json::to_string(&woken.snapshot()).expect("a snapshot is JSON");
        let twice = serde_json::to_string(&wake(&again).snapshot()).expect("a snapshot is JSON");
        assert_eq!(again, twice, "woken twice, it is another");
        assert!(woken.table().rows.is_empty(), "woken with media: {:?}", woken.table());
        self.check_no_looser(&woken);
        self.room = woken;
        self.live.clear();
        self.dropped.clear();
        self.desk = None;
        self.table = None;
    }

    /// Whoever returns to the woken room finds every gate closed by themselves, and by all that closed it before.
    fn check_no_looser(&self, woken: &Room) {
        let Some(table) = &self.table else { return };
        for connection in &self.live {
            let Some((subject, _)) = self.room.media_peer(*connection) else { continue };
            let (Some(hash), Some(before)) = (self.secrets.get(connection), table.row(subject)) else {
                continue;
            };
            let mut woken = woken.clone();
            let connection = ConnectionId(u64::MAX);
            let fresh = Fresh { secret: Secret("probe".to_owned()), hash: SecretHash([255; 32]) };
            woken.apply(self.now, Command::Return { connection, hash: *hash, media_generation: None, fresh });
            let table = woken.table();
            let Some(after) = woken.media_peer(connection).and_then(|(subject, _)| table.row(subject)) else {
                continue;
            };
            for source in Source::ALL {
                let (before, after) = (before.closed[source.index()], after.closed[source.index()]);
                let lost: Vec<_> = before.iter().filter(|reason| !after.contains(*reason)).collect();
                assert!(lost.is_empty(), "{subject:?} {source:?} lost {lost:?} over a restart");
                assert!(after.contains(Reason::Self_), "{subject:?} {source:?} woke open");
            }
        }
    }

    fn apply(&mut self, command: Command) {
        if matches!(command, Command::Shutdown) {
            self.live.clone().into_iter().for_each(|connection| self.note_drop(connection));
        }
        let mine = opening(&self.room, &command);
        let effects = self.room.apply(self.now, command);
        self.check(mine, &effects);
        let next = self.room.poll_timeout();
        assert!(next.is_none_or(|at| at >= self.now || self.table.is_none()), "{next:?} at {}", self.now);
    }

    /// `opened`: whose own unmute, or wish to open by themselves, was just carried out.
    fn check(&mut self, opened: Option<(Subject, Option<Source>)>, effects: &Effects) {
        self.on_turn.extend(opened.filter(|(_, source)| source.is_none()).map(|(subject, _)| subject));
        for tell in effects.farewell.iter().chain(&effects.tell) {
            assert!(self.live.contains(&tell.to), "words to nobody: {:?}", tell.words);
            self.listen(tell.to, &tell.words);
        }
        let quiet = effects.record.is_empty() && (effects.forward.is_none() || self.table.is_none());
        assert!(quiet || !self.ended, "after the end: {effects:?}");
        self.ended |= effects.ended;
        if let Some(next) = &effects.forward {
            self.check_next(next, opened);
            self.table = Some(next.clone());
        }
        if self.table.is_some() || effects.forward.is_some() {
            self.check_rows();
        }
    }

    fn check_next(&self, next: &ForwardingTable, opened: Option<(Subject, Option<Source>)>) {
        assert!(next.rows.is_sorted_by(|one, other| one.subject < other.subject), "{next:?}");
        let Some(last) = &self.table else {
            let shut = next.rows.iter().all(|row| row.closed.iter().all(|closed| !closed.is_empty()));
            return assert!(shut, "woken open: {next:?}");
        };
        assert!(next.version > last.version && next.epoch >= last.epoch, "{last:?}\n{next:?}");
        for row in &next.rows {
            for source in Source::ALL {
                let was_open = last.row(row.subject).is_some_and(|row| row.closed[source.index()].is_empty());
                if was_open || !row.closed[source.index()].is_empty() {
                    continue;
                }
                let by_owner = opened == Some((row.subject, Some(source)));
                let by_turn = source == Source::Microphone && self.on_turn.contains(&row.subject);
                assert!(by_owner || by_turn, "{source:?} of {:?} opened by itself", row.subject);
            }
        }
    }

    /// A row for everyone who is connected, and for those alone who were a moment ago.
    fn check_rows(&self) {
        let table = self.room.table();
        assert_eq!(Some(&table), self.table.as_ref(), "the table changed without being handed over");
        assert!(!self.ended || table.rows.is_empty(), "media after the end: {table:?}");
        let mut seated = BTreeSet::new();
        for connection in &self.live {
            let Some((subject, generation)) = self.room.media_peer(*connection) else { continue };
            let row = table.row(subject).expect("whoever has a seat has a row");
            assert_eq!(row.generation, generation);
            assert!(seated.insert(subject), "two connections on one seat");
        }
        let linger = self.definition.policy.media_linger_ms;
        for row in table.rows.iter().filter(|row| !seated.contains(&row.subject)) {
            let dropped = self.dropped.get(&row.subject);
            let lingers = dropped.is_some_and(|at| self.now <= at.saturating_add(linger));
            assert!(lingers, "media of somebody who is not there: {row:?} at {}", self.now);
        }
    }

    fn listen(&mut self, to: ConnectionId, words: &Words) {
        match words {
            Words::Frame(ServerFrame::Knocked { secret } | ServerFrame::Seated { secret }) => {
                self.secrets.insert(to, hash_of(secret));
            }
            Words::Frame(_) => {}
            Words::Snapshot(view) => {
                self.desk = view.desk.clone().map(|desk| (to, desk)).or(self.desk.take());
            }
            Words::Delta(changes) => {
                assert!(!changes.is_empty(), "a delta without changes");
                for change in changes {
                    if let Change::Desk(desk) = change {
                        self.desk = Some((to, (**desk).clone()));
                    }
                }
            }
            Words::Bye(_) => self.live.retain(|connection| *connection != to),
        }
    }

    fn note_drop(&mut self, connection: ConnectionId) {
        if let Some((subject, _)) = self.room.media_peer(connection) {
            self.dropped.insert(subject, self.now);
        }
    }

    fn connect(&mut self) -> ConnectionId {
        self.drawn += 1;
        let connection = ConnectionId(self.drawn);
        self.live.push(connection);
        connection
    }

    fn fresh(&mut self) -> Fresh {
        self.drawn += 1;
        let secret = Secret(format!("secret-{}", self.drawn));
        let hash = hash_of(&secret);
        Fresh { secret, hash }
    }

    fn somebody(&mut self, choices: &mut Choices<'_>) -> Claims {
        let who = choices.below(PEOPLE);
        self.claims(who, choices)
    }

    fn claims(&mut self, who: u8, choices: &mut Choices<'_>) -> Claims {
        let who = usize::from(who);
        let subject = format!("subject-{who}");
        // Once in a while a ticket that was shown before, or one of another role.
        self.drawn += 1;
        let number = if choices.one_in(16) { 1 } else { self.drawn };
        let role = if choices.one_in(32) { choices.below(PEOPLE).into() } else { who };
        Claims {
            issuer: "clinic".to_owned(),
            ticket: format!("ticket-{number}"),
            expires: self.now.saturating_add(choices.pause()),
            subject,
            role: ROLES[role],
            rank: u16::from(choices.below(3)),
            alias: choices.pick(&ALIASES).copied().unwrap_or_default().to_owned(),
            publish: [Sent::Microphone, Sent::Camera, Sent::Screen][..usize::from(choices.below(4))].to_vec(),
            open_admission: choices.flip(),
            interprets: choices.one_in(3).then(|| name(choices)),
            title: choices.one_in(8).then(|| "LCSW".to_owned()),
            guardian_consent: choices.flip(),
        }
    }
}

/// Whose gate this command may open: the owner's, where it was asked for.
fn opening(room: &Room, command: &Command) -> Option<(Subject, Option<Source>)> {
    let Command::Request { connection, request, .. } = command else { return None };
    let (subject, _) = room.media_peer(*connection)?;
    if matches!(request, Request::OpenOnTurn { on: true }) {
        return Some((subject, None));
    }
    let Request::SetOwn { source, open: true } = request else { return None };
    let source = match source {
        Sent::Microphone => Source::Microphone,
        Sent::Camera => Source::Camera,
        Sent::Screen => Source::Screen,
    };
    Some((subject, Some(source)))
}

fn hash_of(secret: &Secret) -> SecretHash {
    let number: u64 = secret.0.trim_start_matches("secret-").parse().expect("a secret drawn here");
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    SecretHash(hash)
}

fn name(choices: &mut Choices<'_>) -> String {
    format!("subject-{}", choices.below(PEOPLE))
}
