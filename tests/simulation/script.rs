//! What people do next: sensible for the most part, senseless often enough.
//!
//! A step is made of one number and of what the people can see, so any step may be left out of a meeting and the rest still
//! makes one.

pub mod agenda;
mod space;
mod words;

use std::collections::BTreeMap;

use hearth_forwarding::Generation;
use hearth_protocol::{
    FloorMode, HandKind, KnockId, ParticipantId, Request, RequestId, RoundOrder, Source, ThawStep,
};
use hearth_room::{Command, ConnectionId, Definition, SecretHash};

use crate::{
    cast::{Person, fresh},
    chance::Chance,
    judge::Judge,
    model::is_signal,
};

/// The people of a meeting and the numbers they use up.
#[derive(Clone, Debug)]
pub struct Script {
    pub people: Vec<Person>,
    pub counter: u64,
    pub asked: Vec<(ConnectionId, RequestId, Request)>,
    /// The last sign of life of each connection.
    pub alive: BTreeMap<ConnectionId, u32>,
    /// Whether the relay reports who is heard.
    pub are_heard: bool,
    /// Words, agendas and signals; or asides, shared devices, helpers and rungs.
    pub worded: bool,
}

#[derive(Clone, Copy)]
enum Deed {
    Come,
    Ask,
    AskAgain,
    Drop,
    Second,
    Refresh,
    LoseMedia,
    RestartRelay,
    Define,
    Revoke,
    Share,
    Voice,
}

const DEEDS: [(u32, Deed); 12] = [
    (24, Deed::Come),
    (60, Deed::Ask),
    (2, Deed::AskAgain),
    (6, Deed::Drop),
    (3, Deed::Second),
    (1, Deed::Refresh),
    (1, Deed::LoseMedia),
    (1, Deed::RestartRelay),
    (1, Deed::Define),
    (1, Deed::Revoke),
    (4, Deed::Share),
    (3, Deed::Voice),
];

impl Script {
    pub fn next(&mut self, now: u32, judge: &Judge, chance: &mut Chance) -> Option<Command> {
        let at = chance.below(u32::try_from(self.people.len()).expect("a handful")) as usize;
        match chance.weighed(&DEEDS) {
            Deed::Come if self.people[at].connections.is_empty() => Some(self.come(at, now, judge, chance)),
            Deed::Come | Deed::Ask => self.ask(at, judge, chance),
            Deed::AskAgain => {
                let (connection, request_id, mut request) = chance.pick(&self.asked)?.clone();
                if chance.one_in(2) {
                    request = Request::Freeze;
                }
                let connection = if chance.one_in(2) { connection } else { self.owner(connection)? };
                if is_signal(&request) && is_apart(connection, judge) {
                    return None;
                }
                let fresh = self.fresh();
                judge.model.live.contains(&connection).then_some(Command::Request {
                    connection,
                    request_id,
                    request,
                    fresh,
                })
            }
            Deed::Share if self.worded => None,
            Deed::Share => self.share(at, now, judge, chance),
            Deed::Drop => {
                let connection = *chance.pick(&self.people[at].connections)?;
                let last_seen = now.saturating_sub(chance.weighed(&[(3, 0), (1, 900), (1, 9_999)]));
                let heard_of = self.alive.get(&connection).copied().unwrap_or(now);
                Some(Command::Dropped { connection, last_seen: last_seen.max(heard_of) })
            }
            Deed::Second => Some(self.come(at, now, judge, chance)),
            Deed::Refresh if chance.one_in(2) => {
                Some(Command::Heard { connection: *chance.pick(&self.people[at].connections)? })
            }
            Deed::Refresh => {
                Some(Command::Refresh { connection: *chance.pick(&self.people[at].connections)? })
            }
            Deed::LoseMedia => {
                let row = chance.pick(&judge.table.rows)?;
                let generation = Generation(row.generation.0.saturating_sub(u32::from(chance.one_in(3))));
                Some(Command::MediaLost { subject: row.subject, generation })
            }
            Deed::RestartRelay => chance.one_in(3).then_some(Command::RelayRestarted),
            Deed::Define => chance.one_in(2).then(|| Command::Define(Box::new(redefined(judge, chance)))),
            Deed::Revoke => {
                let subject = self.people[at].subject.clone();
                chance.one_in(8).then_some(Command::Revoke { subject })
            }
            // Where nobody is heard, a restored room and the one before it can be compared for longer.
            Deed::Voice => self.are_heard.then(|| voiced(judge, chance)),
        }
    }

    fn fresh(&mut self) -> hearth_room::Fresh {
        self.counter += 1;
        fresh(self.counter)
    }

    pub fn receive(&mut self, connection: ConnectionId, hash: SecretHash) {
        let holder = self.people.iter_mut().find(|person| person.connections.contains(&connection));
        if let Some(person) = holder {
            person.secrets.push(hash);
        }
    }

    pub fn forget(&mut self, connection: ConnectionId) {
        for person in &mut self.people {
            person.connections.retain(|known| *known != connection);
        }
    }

    pub fn forget_all(&mut self) {
        for person in &mut self.people {
            person.connections.clear();
        }
    }

    /// Another live connection of the same person.
    fn owner(&self, connection: ConnectionId) -> Option<ConnectionId> {
        let person = self.people.iter().find(|person| person.connections.contains(&connection))?;
        person.connections.last().copied()
    }

    fn come(&mut self, at: usize, now: u32, judge: &Judge, chance: &mut Chance) -> Command {
        let fresh = self.fresh();
        let connection = ConnectionId(self.counter);
        let person = &mut self.people[at];
        person.connections.push(connection);
        if !person.secrets.is_empty() && !chance.one_in(4) {
            let hash = match chance.below(8) {
                0 => *chance.pick(&person.secrets).expect("not empty"),
                1 => SecretHash([u8::try_from(at).expect("a handful"); 32]),
                _ => *person.secrets.last().expect("not empty"),
            };
            let media_generation = chance.one_in(2).then(|| {
                let number = judge.model.numbers.get(&person.subject).copied().unwrap_or_default();
                Generation(judge.model.generations.get(&number).copied().unwrap_or_default())
            });
            return Command::Return { connection, hash, media_generation, fresh };
        }
        let unexpired = person.tickets.last().filter(|ticket| ticket.expires > now).cloned();
        let claims = match unexpired {
            Some(ticket) if chance.one_in(6) => ticket,
            Some(_) | None => person.new_ticket(now, chance),
        };
        Command::Knock { connection, claims, fresh }
    }

    fn ask(&mut self, at: usize, judge: &Judge, chance: &mut Chance) -> Option<Command> {
        let connection = *chance.pick(&self.people[at].connections)?;
        let request = match judge.model.seat_behind(connection) {
            None if !chance.one_in(6) => self.ask_at_the_door(judge, chance),
            Some(seat) if !judge.model.agrees(&seat.agreed) && chance.one_in(3) => {
                self.ask_at_the_door(judge, chance)
            }
            Some(seat) if judge.model.charges(seat.claims.role) && !chance.one_in(3) => {
                facilitate(connection, judge, chance)
            }
            Some(seat) if judge.model.helpers.contains(&seat.number) && chance.one_in(3) => {
                help(judge, chance)
            }
            Some(seat) if judge.model.people_at(seat).count() > 1 && chance.one_in(4) => {
                let other = judge.model.people_at(seat).last().map_or(0, |other| other.number);
                Request::UnshareDevice { participant: ParticipantId(other) }
            }
            Some(seat) if self.worded && chance.one_in(3) => words::write(seat, judge, chance),
            Some(_) if !chance.one_in(3) => take_part(chance),
            Some(_) | None => anything(judge, chance),
        };
        let other = if self.worded { space::is_of_places(&request) } else { words::is_of_words(&request) };
        let apart = is_signal(&request) && is_apart(connection, judge);
        let request = if other || apart { Request::LowerHand } else { request };
        let fresh = self.fresh();
        let request_id = RequestId(format!("r{}", self.counter));
        self.asked.push((connection, request_id.clone(), request.clone()));
        Some(Command::Request { connection, request_id, request, fresh })
    }

    fn ask_at_the_door(&self, judge: &Judge, chance: &mut Chance) -> Request {
        let rules = &judge.model.definition.ground_rules;
        let version = rules.version + u32::from(chance.one_in(12));
        let hash = if chance.one_in(12) { String::new() } else { rules.hash.clone() };
        if chance.one_in(24) {
            return words::signal(chance);
        }
        if chance.one_in(30) { Request::Leave } else { Request::AcceptGroundRules { version, hash } }
    }
}

/// A device that nobody has let in, of somebody who has a seat: its signals stand by themselves, and are not driven.
fn is_apart(connection: ConnectionId, judge: &Judge) -> bool {
    let door = judge.model.door_behind(connection);
    door.is_some_and(|door| judge.model.seat(&door.claims.subject).is_some())
}

/// The standing room, changed: most of the time its ground rules.
fn redefined(judge: &Judge, chance: &mut Chance) -> Definition {
    let model = &judge.model;
    let mut definition = model.defined.as_ref().unwrap_or(&model.definition).clone();
    let policy = &mut definition.policy;
    match chance.below(8) {
        0 => policy.private_queue = !policy.private_queue,
        1 => policy.waiting_room = !policy.waiting_room,
        2 => policy.capacity += 1,
        3 => policy.speakers_max += 1,
        _ => {
            let rules = &mut definition.ground_rules;
            rules.version += 1;
            rules.hash = format!("of {}", rules.version);
        }
    }
    definition
}

fn take_part(chance: &mut Chance) -> Request {
    let source = *chance
        .pick(&[Source::Microphone, Source::Microphone, Source::Camera, Source::Screen])
        .expect("four");
    match chance.below(20) {
        0..=8 => Request::SetOwn { source, open: !chance.one_in(4) },
        9..=12 => Request::RaiseHand { kind: hand(chance) },
        13 => Request::LowerHand,
        14 => Request::Yield,
        15 | 16 => Request::Pass,
        17 => Request::Defer,
        18 => Request::OpenOnTurn { on: !chance.one_in(4) },
        _ => {
            if chance.one_in(4) {
                Request::Leave
            } else {
                Request::RenewMedia
            }
        }
    }
}

fn facilitate(connection: ConnectionId, judge: &Judge, chance: &mut Chance) -> Request {
    let desk = judge.clients.get(&connection).and_then(|client| client.view.as_ref()?.desk.as_ref());
    let waiting = desk.and_then(|desk| chance.pick(&desk.knocks).map(|knock| knock.id));
    match (waiting, chance.below(10)) {
        (Some(knock), 0..=4) => return Request::Admit { knock, through_lock: chance.one_in(2) },
        (Some(_), 5) => return Request::AdmitAll { if_version: desk.map_or(0, |desk| desk.knocks_version) },
        (Some(knock), 6) if chance.one_in(4) => return Request::Deny { knock },
        (Some(_) | None, _) => {}
    }
    if judge.model.hold.is_some() && chance.one_in(3) {
        return Request::ResumeRoom;
    }
    if let Some(freeze) = judge.model.freeze.as_ref().filter(|_| chance.one_in(3)) {
        return Request::Thaw { step: crate::judge::next_step(&freeze.thawed).unwrap_or(ThawStep::Chat) };
    }
    if judge.model.floor.round.is_some() && chance.one_in(4) {
        return anything_of_a_round(chance);
    }
    if judge.model.offered.iter().any(|subject| {
        judge.model.seat_behind(connection).is_some_and(|seat| seat.claims.subject == *subject)
    }) && chance.one_in(4)
    {
        return Request::TakeLead;
    }
    if judge.model.ends_at.is_some() && chance.one_in(3) {
        return Request::CancelEnd;
    }
    if judge.model.rest_until.is_some() && chance.one_in(4) {
        return Request::EndBreak;
    }
    if judge.model.floor.speakers.iter().any(|speaker| speaker.stops) && chance.one_in(6) {
        return Request::RoundSuspendStop;
    }
    if let Some(speaker) = judge.model.floor.speakers.first().filter(|_| chance.one_in(12)) {
        return Request::Revoke { participant: ParticipantId(speaker.number) };
    }
    if !judge.model.hands.is_empty() && chance.one_in(4) {
        let hand = chance.pick(&judge.model.hands).expect("not empty");
        return Request::Grant { participant: ParticipantId(hand.number) };
    }
    if chance.one_in(5) {
        return space::arrange(connection, judge, chance);
    }
    match chance.below(16) {
        0 | 1 => take_part(chance),
        2..=4 => words::show(judge, chance),
        5..=7 => agenda::course(judge, chance),
        8 if chance.one_in(4) => agenda::breach(judge, chance),
        _ => anything(judge, chance),
    }
}

/// What a helper may do, and to members alone.
fn help(judge: &Judge, chance: &mut Chance) -> Request {
    let source = *chance.pick(&[Source::Microphone, Source::Camera, Source::Screen]).expect("three");
    let participant = anybody(judge, chance);
    match chance.below(6) {
        0 | 1 => Request::SetGate { participant, source, open: chance.one_in(3) },
        2 => Request::GateAll { source, except: some(judge, chance) },
        3 => Request::Grant { participant },
        4 => Request::Revoke { participant },
        _ => anything_of_a_round(chance),
    }
}

fn anything_of_a_round(chance: &mut Chance) -> Request {
    match chance.below(4) {
        0 => Request::RoundExtend { seconds: chance.below(100) },
        1 => Request::RoundEnd,
        _ => Request::RoundSkip,
    }
}

/// As the relay counted behind open gates.
fn voiced(judge: &Judge, chance: &mut Chance) -> Command {
    let one = |chance: &mut Chance| {
        let number = anybody(judge, chance).0;
        (hearth_forwarding::Subject(number), chance.weighed(&[(1, 0), (1, 600), (3, 4_000), (1, 20_000)]))
    };
    Command::Voiced { heard: (0..1 + chance.below(3)).map(|_| one(chance)).collect() }
}

/// Once in a while none that can be told.
fn some_text(chance: &mut Chance) -> String {
    match chance.below(24) {
        0 => String::new(),
        1 => "a\u{7}b".to_owned(),
        2 => "ä".repeat(1_001),
        3 => format!("  {}\n", "ä".repeat(1_000)),
        number => format!(" words {} \n", number % 7),
    }
}

fn hand(chance: &mut Chance) -> HandKind {
    *chance.pick(&[HandKind::Speak, HandKind::Respond, HandKind::Question]).expect("three")
}

/// Somebody who is there, was there, or never was.
fn anybody(judge: &Judge, chance: &mut Chance) -> ParticipantId {
    let seat = chance.pick(&judge.model.seats).map(|seat| seat.number);
    match chance.below(10) {
        0 => ParticipantId(chance.below(30)),
        1 => ParticipantId(u32::MAX),
        2 => {
            let known: Vec<u32> = judge.model.numbers.values().copied().collect();
            ParticipantId(chance.pick(&known).copied().unwrap_or_default())
        }
        _ => ParticipantId(seat.unwrap_or_default()),
    }
}

fn some(judge: &Judge, chance: &mut Chance) -> Vec<ParticipantId> {
    (0..chance.below(5)).map(|_| anybody(judge, chance)).collect()
}

/// Any request of the protocol that reaches the room.
fn anything(judge: &Judge, chance: &mut Chance) -> Request {
    let source = *chance.pick(&[Source::Microphone, Source::Camera, Source::Screen]).expect("three");
    let knock = KnockId(chance.below(40));
    let model = &judge.model;
    match chance.below(75) {
        0 => Request::AcceptGroundRules { version: 1, hash: String::new() },
        1..=3 => Request::SetOwn { source, open: chance.one_in(2) },
        4 => Request::OpenOnTurn { on: chance.one_in(2) },
        5 => Request::RaiseHand { kind: hand(chance) },
        6 => Request::LowerHand,
        7 => Request::Yield,
        8 => Request::Pass,
        9 => Request::Defer,
        10 => {
            if chance.one_in(6) {
                Request::Leave
            } else {
                Request::LowerHand
            }
        }
        11 => Request::Admit { knock, through_lock: chance.one_in(2) },
        12 => Request::Deny { knock },
        13 => Request::AdmitAll { if_version: chance.below(9) },
        14 => {
            let denied: Vec<u32> = model.denials.keys().copied().collect();
            Request::UndoDenial { knock: chance.pick(&denied).map_or(knock, |denied| KnockId(*denied)) }
        }
        15..=20 => Request::SetGate { participant: anybody(judge, chance), source, open: chance.one_in(2) },
        21 | 22 => Request::GateAll { source, except: some(judge, chance) },
        23 => Request::AskToUnmute { participant: anybody(judge, chance) },
        24..=29 => {
            let modes = [
                FloorMode::Open,
                FloorMode::Hands,
                FloorMode::Hands,
                FloorMode::Round,
                FloorMode::Facilitator,
                FloorMode::Quiet,
            ];
            Request::SetFloor { mode: *chance.pick(&modes).expect("six") }
        }
        30..=32 => Request::Grant { participant: anybody(judge, chance) },
        33 => Request::Revoke { participant: anybody(judge, chance) },
        34 => Request::LowerHandOf { participant: anybody(judge, chance) },
        35 => Request::OrderHands { participants: some(judge, chance) },
        36..=38 => Request::RoundStart {
            order: if chance.one_in(2) {
                if chance.one_in(2) { RoundOrder::Seated } else { RoundOrder::Equity }
            } else {
                RoundOrder::Manual { participants: some(judge, chance) }
            },
            turn_seconds: chance.one_in(2).then(|| chance.below(200)),
            include_facilitators: chance.one_in(2),
        },
        39 | 40 => anything_of_a_round(chance),
        41..=44 => Request::Lock { locked: chance.one_in(2) },
        45 | 46 => Request::Freeze,
        47 => Request::Thaw {
            step: *chance.pick(&[ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat]).expect("three"),
        },
        48 | 49 => Request::Remove { participant: anybody(judge, chance) },
        50 | 51 => {
            let removed: Vec<u32> =
                model.removed.iter().filter_map(|subject| model.numbers.get(subject).copied()).collect();
            let participant = chance
                .pick(&removed)
                .map_or_else(|| anybody(judge, chance), |removed| ParticipantId(*removed));
            Request::UndoRemoval { participant }
        }
        52 => Request::SendToWaiting { participant: anybody(judge, chance) },
        53 => Request::ResumeRoom,
        54 => Request::HandOver { participant: anybody(judge, chance) },
        55 => Request::TakeLead,
        56 => Request::End { seconds: chance.below(400) },
        57 | 58 => Request::CancelEnd,
        59 => {
            let word = if chance.one_in(2) { Some("no such word".to_owned()) } else { model.word.clone() };
            Request::EndNow { confirm: word.filter(|_| chance.one_in(6)) }
        }
        60 => Request::RenewMedia,
        61 | 62 => words::signal(chance),
        63..=65 => words::show(judge, chance),
        66..=68 => agenda::course(judge, chance),
        69 => Request::AttestAttendance,
        70 => Request::CorrectAttendance {
            participant: anybody(judge, chance),
            minutes: chance.below(2_000),
            note: some_text(chance),
        },
        71 => agenda::breach(judge, chance),
        _ => space::anything(judge, chance),
    }
}
