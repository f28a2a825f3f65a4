//! A driver for scenarios: people by name, their connections, and what each was told.

#![allow(dead_code)]

mod fold;
mod seen;

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::{ForwardingTable, Generation, Source};
use hearth_protocol::{
    Audience, Bye, Card, Change, GroundRules, Message, Outcome, ParticipantId, RefusalCode, Request,
    RequestId, Role, RoomView, Secret, ServerFrame,
};
use hearth_room::{
    Attended, Claims, Command, ConnectionId, Definition, Effects, Format, FormatRules, Fresh, Policy, Record,
    Room, SecretHash, Snapshot, Words,
};

use fold::fold;

pub const RULES: u32 = 1;
pub const RULES_HASH: &str = "rules-1";

pub fn definition() -> Definition {
    let removal_card = Card {
        title: "You are no longer part of this session".to_owned(),
        text: "Your care team is there for you.".to_owned(),
        crisis_line: "988".to_owned(),
        contact: "the clinic".to_owned(),
    };
    Definition {
        title: "Group".to_owned(),
        ground_rules: rules(RULES, RULES_HASH),
        crisis_line: "988".to_owned(),
        removal_card,
        policy: Policy::default(),
        format: Format::default(),
        formats: Vec::new(),
        roster: BTreeSet::new(),
    }
}

pub fn rules(version: u32, hash: &str) -> GroundRules {
    GroundRules { version, hash: hash.to_owned(), rules: vec!["What is said here stays here.".to_owned()] }
}

pub fn claims(subject: &str, role: Role) -> Claims {
    Claims {
        issuer: "clinic".to_owned(),
        ticket: String::new(),
        expires: 600_000,
        subject: subject.to_owned(),
        role,
        rank: 0,
        alias: subject.to_owned(),
        publish: vec![
            hearth_protocol::Source::Microphone,
            hearth_protocol::Source::Camera,
            hearth_protocol::Source::Screen,
        ],
        open_admission: false,
        interprets: None,
        title: None,
        guardian_consent: true,
    }
}

/// What one connection has heard, and the view that its deltas add up to.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub frames: Vec<ServerFrame>,
    pub view: Option<RoomView>,
    pub deltas: Vec<Vec<Change>>,
    pub messages: Vec<Message>,
    pub bye: Option<Bye>,
    pub secret: Option<Secret>,
}

impl Heard {
    pub fn count(&self, wanted: impl Fn(&ServerFrame) -> bool) -> usize {
        self.frames.iter().filter(|frame| wanted(frame)).count()
    }

    pub fn is_gone(&self) -> bool {
        self.bye.is_some()
    }

    pub fn is_waiting(&self) -> bool {
        self.view.is_none() && self.bye.is_none() && self.count(|frame| *frame == ServerFrame::Waiting) > 0
    }
}

#[derive(Clone)]
pub struct Meeting {
    pub room: Room,
    pub definition: Definition,
    pub now: u32,
    pub heard: BTreeMap<ConnectionId, Heard>,
    /// The newest connection of each name.
    pub at: BTreeMap<String, ConnectionId>,
    pub ids: BTreeMap<String, ParticipantId>,
    pub record: Vec<Record>,
    pub attended: Vec<Attended>,
    pub table: ForwardingTable,
    pub ended: bool,
    pub last: Effects,
    pub drawn: u64,
    /// Whether what deltas add up to is compared with a fresh snapshot, each time.
    pub compares: bool,
    /// Whose each connection is.
    pub whose: BTreeMap<ConnectionId, String>,
    /// What each connection was told, when, byte for byte.
    pub told: Vec<(u32, ConnectionId, String)>,
    /// What was done for everyone, and when: tables, records, what had to be durable.
    pub done: Vec<(u32, Effects)>,
}

impl Meeting {
    pub fn new() -> Meeting {
        Meeting::of(definition())
    }

    pub fn with(change: impl FnOnce(&mut Policy)) -> Meeting {
        let mut definition = definition();
        change(&mut definition.policy);
        Meeting::of(definition)
    }

    /// In a format that asks for something else.
    pub fn with_rules(change: impl FnOnce(&mut FormatRules)) -> Meeting {
        let mut definition = definition();
        change(&mut definition.format.rules);
        Meeting::of(definition)
    }

    /// In a format that is shipped.
    pub fn in_format(name: &str) -> Meeting {
        let format = Format::find_shipped(name).unwrap_or_else(|| panic!("{name} is not shipped")).clone();
        Meeting::of(Definition { format, ..definition() })
    }

    /// In a format of one's own: what it has beside its name and title, and a first segment that is open.
    pub fn in_agenda(toml: &str) -> Meeting {
        let format = read(&format!("{FIRST}{toml}"));
        Meeting::of(Definition { format, ..definition() })
    }

    pub fn of(definition: Definition) -> Meeting {
        Meeting {
            room: Room::new(definition.clone()),
            definition,
            now: 0,
            heard: BTreeMap::new(),
            at: BTreeMap::new(),
            ids: BTreeMap::new(),
            record: Vec::new(),
            attended: Vec::new(),
            table: ForwardingTable::default(),
            ended: false,
            last: Effects::default(),
            drawn: 0,
            compares: true,
            whose: BTreeMap::new(),
            told: Vec::new(),
            done: Vec::new(),
        }
    }

    /// A facilitator `fay` and these members, all seated with open microphones and cameras.
    pub fn seated(members: &[&str]) -> Meeting {
        Meeting::new().and_seated(members)
    }

    pub fn and_seated(mut self, members: &[&str]) -> Meeting {
        self.joins("fay", Role::Facilitator);
        for member in members {
            self.joins(member, Role::Member);
        }
        for name in members.iter().chain(&["fay"]) {
            self.ok(name, open(Source::Microphone));
            self.ok(name, open(Source::Camera));
        }
        self
    }

    pub fn fresh(&mut self) -> Fresh {
        self.drawn += 1;
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.drawn.to_le_bytes());
        Fresh { secret: Secret(format!("secret-{}", self.drawn)), hash: SecretHash(hash) }
    }

    pub fn hash_of(secret: &Secret) -> SecretHash {
        let drawn: u64 = secret.0.trim_start_matches("secret-").parse().expect("a secret drawn here");
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&drawn.to_le_bytes());
        SecretHash(hash)
    }

    pub fn connection(&mut self) -> ConnectionId {
        self.drawn += 1;
        ConnectionId(self.drawn)
    }

    // What people do.

    /// Through the door by the shortest lawful way: a facilitator admits, if there is one.
    pub fn joins(&mut self, name: &str, role: Role) -> ConnectionId {
        let connection = self.waits(name, role);
        if self.heard[&connection].view.is_none() {
            let facilitator = self.a_facilitator();
            let knock = self.knock_of(name);
            self.ok(&facilitator, Request::Admit { knock, through_lock: false });
        }
        let view = self.heard[&connection].view.as_ref();
        let you = view.unwrap_or_else(|| panic!("{name} has no seat")).you.participant;
        self.ids.insert(name.to_owned(), you);
        connection
    }

    /// Knocks and agrees to the ground rules.
    pub fn waits(&mut self, name: &str, role: Role) -> ConnectionId {
        self.waits_with(claims(name, role))
    }

    pub fn waits_with(&mut self, claims: Claims) -> ConnectionId {
        let name = claims.subject.clone();
        let connection = self.knocks_with(claims);
        if self.heard[&connection].bye.is_none() {
            self.ok(&name, accept());
        }
        connection
    }

    /// As far as they come.
    pub fn waits_with_or_not(&mut self, claims: Claims) {
        let connection = self.knocks_with(claims);
        if self.heard[&connection].bye.is_none() {
            let _ = self.asks_over(connection, accept());
        }
    }

    pub fn knocks(&mut self, name: &str, role: Role) -> ConnectionId {
        self.knocks_with(claims(name, role))
    }

    pub fn knocks_with(&mut self, mut claims: Claims) -> ConnectionId {
        let connection = self.connection();
        if claims.ticket.is_empty() {
            claims.ticket = format!("ticket-{}", connection.0);
        }
        self.at.insert(claims.subject.clone(), connection);
        self.whose.insert(connection, claims.subject.clone());
        let fresh = self.fresh();
        self.apply(Command::Knock { connection, claims, fresh });
        connection
    }

    /// Comes back with the newest secret that this name was given.
    pub fn returns(&mut self, name: &str, media: Option<u32>) -> ConnectionId {
        let old = self.at[name];
        let secret = self.heard[&old].secret.clone().expect("was given a secret");
        self.returns_with(name, &secret, media)
    }

    pub fn returns_with(&mut self, name: &str, secret: &Secret, media: Option<u32>) -> ConnectionId {
        let connection = self.connection();
        self.at.insert(name.to_owned(), connection);
        self.whose.insert(connection, name.to_owned());
        let fresh = self.fresh();
        let media_generation = media.map(Generation);
        self.apply(Command::Return { connection, hash: Meeting::hash_of(secret), media_generation, fresh });
        connection
    }

    /// Somebody comes to sit at the device of `host`, with this ticket and agreement to these rules.
    pub fn sits_down(&mut self, host: &str, mut claims: Claims, hash: &str) -> Result<(), RefusalCode> {
        self.drawn += 1;
        if claims.ticket.is_empty() {
            claims.ticket = format!("ticket-{}", self.drawn);
        }
        let (connection, request_id) = (self.at[host], RequestId(format!("request-{}", self.drawn)));
        let (version, hash) = (RULES, hash.to_owned());
        self.apply(Command::ShareDevice { connection, request_id, claims, version, hash });
        let answer = self.last.tell.iter().find_map(|tell| match &tell.words {
            Words::Frame(ServerFrame::Ok { .. }) if tell.to == connection => Some(Ok(())),
            Words::Frame(ServerFrame::Refusal { refusal, .. }) if tell.to == connection => {
                Some(Err(refusal.code))
            }
            Words::Frame(_) | Words::Snapshot(_) | Words::Delta(_) | Words::Bye(_) => None,
        });
        answer.expect("an answer")
    }

    pub fn drops(&mut self, name: &str) {
        let connection = self.at[name];
        self.apply(Command::Dropped { connection, last_seen: self.now });
    }

    pub fn asks(&mut self, name: &str, request: Request) -> Result<Option<Outcome>, RefusalCode> {
        let connection = self.at[name];
        self.asks_over(connection, request)
    }

    pub fn asks_over(
        &mut self,
        connection: ConnectionId,
        request: Request,
    ) -> Result<Option<Outcome>, RefusalCode> {
        self.drawn += 1;
        let id = RequestId(format!("request-{}", self.drawn));
        self.asks_again(connection, id, request)
    }

    pub fn asks_again(
        &mut self,
        connection: ConnectionId,
        request_id: RequestId,
        request: Request,
    ) -> Result<Option<Outcome>, RefusalCode> {
        let fresh = self.fresh();
        self.apply(Command::Request { connection, request_id: request_id.clone(), request, fresh });
        for tell in &self.last.tell {
            match &tell.words {
                Words::Frame(ServerFrame::Ok { request_id: answered, outcome })
                    if tell.to == connection && *answered == request_id =>
                {
                    return Ok(outcome.clone());
                }
                Words::Frame(ServerFrame::Refusal { request_id: answered, refusal })
                    if tell.to == connection && answered.as_ref() == Some(&request_id) =>
                {
                    return Err(refusal.code);
                }
                Words::Frame(_) | Words::Snapshot(_) | Words::Delta(_) | Words::Bye(_) => {}
            }
        }
        panic!("no answer to {request_id:?}: {:?}", self.last.tell)
    }

    /// Whoever has no place here any more is not even answered.
    pub fn says_in_vain(&mut self, connection: ConnectionId, request: Request) {
        let (version, fresh) = (self.table.version, self.fresh());
        let request_id = RequestId("in-vain".to_owned());
        self.apply(Command::Request { connection, request_id, request, fresh });
        assert_eq!(self.last, Effects { version, ..Effects::default() });
    }

    pub fn ok(&mut self, name: &str, request: Request) -> Option<Outcome> {
        let shown = format!("{request:?}");
        self.asks(name, request).unwrap_or_else(|code| panic!("{name} was refused {shown}: {code:?}"))
    }

    pub fn refused(&mut self, name: &str, request: Request, expected: RefusalCode) {
        let shown = format!("{request:?}");
        assert_eq!(self.asks(name, request), Err(expected), "{name} asked {shown}");
    }

    pub fn refuses(&mut self, name: &str, requests: &[(Request, RefusalCode)]) {
        for (request, code) in requests {
            self.refused(name, request.clone(), *code);
        }
    }

    pub fn says(&mut self, name: &str, to: Audience, text: &str) {
        self.ok(name, Request::Say { to, text: text.to_owned() });
    }

    /// Seated by a facilitator, with more in the ticket than a name and a role.
    pub fn joins_with(&mut self, claims: Claims) {
        let name = claims.subject.clone();
        self.waits_with(claims);
        if self.hears(&name).view.is_none() {
            let (facilitator, knock) = (self.a_facilitator(), self.knock_of(&name));
            self.ok(&facilitator, Request::Admit { knock, through_lock: false });
        }
        let you = self.view(&name).you.participant;
        self.ids.insert(name, you);
    }

    /// Through the store and back: serialized, as a restart would.
    pub fn restarted(mut self, proven_last: bool) -> Meeting {
        // The clock of the snapshot is that of the last command.
        self.apply(Command::Refresh { connection: ConnectionId(0) });
        let text = serde_json::to_string(&self.room.snapshot()).expect("a snapshot can be written");
        for name in self.at.keys() {
            assert!(!text.contains(&format!("alias\":{{\"text\":\"{name}")), "an alias in a snapshot");
        }
        let snapshot: Snapshot = serde_json::from_str(&text).expect("a snapshot can be read");
        assert_eq!(snapshot.at(), self.room.snapshot().at());
        let room = Room::restore(self.definition.clone(), snapshot, proven_last);
        Meeting { room, ..self }
    }

    // Time.

    /// Runs the room's own clockwork until then.
    pub fn wait(&mut self, ms: u32) {
        let until = self.now + ms;
        while let Some(at) = self.room.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now, "a timeout in the past");
            self.now = at;
            let effects = self.room.handle_timeout(at);
            self.take(effects);
            assert!(self.room.poll_timeout().is_none_or(|next| next > at), "a timeout that stays due");
        }
        self.now = until;
    }

    pub fn apply(&mut self, command: Command) {
        let effects = self.room.apply(self.now, command);
        self.take(effects);
    }

    fn take(&mut self, effects: Effects) {
        if let Some(table) = &effects.forward {
            assert!(table.version > self.table.version, "a table without a higher version");
            assert_eq!(table.version, effects.version);
            self.table = table.clone();
        }
        assert_eq!(effects.version, self.table.version);
        assert_eq!(self.room.table(), self.table);
        self.record.extend(effects.record.iter().cloned());
        assert!(
            effects.durable || effects.attendance.is_empty(),
            "attendance that a snapshot does not follow"
        );
        self.attended.extend(effects.attendance.iter().cloned());
        self.ended |= effects.ended;
        self.keep(&effects);
        for tell in effects.farewell.iter().chain(&effects.tell) {
            let heard = self.heard.entry(tell.to).or_default();
            assert!(heard.bye.is_none(), "told after goodbye: {:?}", tell.words);
            match &tell.words {
                Words::Frame(frame) => {
                    if let ServerFrame::Knocked { secret } | ServerFrame::Seated { secret } = frame {
                        heard.secret = Some(secret.clone());
                    }
                    heard.frames.push(frame.clone());
                }
                Words::Snapshot(view) => heard.view = Some((**view).clone()),
                Words::Delta(changes) => {
                    heard.deltas.push(changes.iter().cloned().collect());
                    for change in changes {
                        if let Change::Message(message) = change {
                            heard.messages.push(message.clone());
                        }
                    }
                    let view = heard.view.as_mut().expect("a delta needs a snapshot");
                    changes.iter().for_each(|change| fold(view, change));
                }
                Words::Bye(bye) => heard.bye = Some(bye.clone()),
            }
        }
        self.last = effects;
        if self.compares {
            self.views_are_current();
        }
    }
}

pub const FIRST: &str = r#"
name = "own"
title = "A format of one's own"
[[segment]]
kind = "welcome"
title = "Arriving"
floor = "open"
"#;

pub fn read(toml: &str) -> Format {
    Format::read(toml).unwrap_or_else(|bad| panic!("{bad} in {toml}"))
}

pub fn step(segment: u32) -> Request {
    Request::StepTo { segment }
}

pub fn accept() -> Request {
    Request::AcceptGroundRules { version: RULES, hash: RULES_HASH.to_owned() }
}

pub fn open(source: Source) -> Request {
    Request::SetOwn { source: spoken(source), open: true }
}

pub fn close(source: Source) -> Request {
    Request::SetOwn { source: spoken(source), open: false }
}

pub fn spoken(source: Source) -> hearth_protocol::Source {
    match source {
        Source::Microphone => hearth_protocol::Source::Microphone,
        Source::Camera => hearth_protocol::Source::Camera,
        Source::Screen => hearth_protocol::Source::Screen,
    }
}
