//! One meeting: a room, those who come to it, and the judge who watches.

use std::collections::{BTreeMap, BTreeSet};

use hearth_protocol::{Bye, Card, GroundRules, RequestId, ServerFrame};
use hearth_room::{Command, ConnectionId, Definition, Effects, Format, Policy, Record, Room, Words};

use crate::{
    cast::{self, hash_of},
    chance::Chance,
    judge::{Broken, Judge, Step, law},
    model::{is_in_memory, is_signal},
    script::{Script, agenda},
    unsignalled::Unsignalled,
};

#[derive(Debug)]
pub struct Meeting {
    pub judge: Judge,
    pub trace: Option<Vec<String>>,
    room: Room,
    /// The same room before it was restored, on the same inputs.
    twin: Option<Room>,
    /// Replies to these requests may differ in it: they were about what is in memory alone.
    apart: BTreeSet<RequestId>,
    /// The same room without the signals.
    unsignalled: Option<Unsignalled>,
    script: Script,
    now: u32,
}

impl Meeting {
    pub fn new(seed: u64) -> Meeting {
        let mut chance = Chance::new(seed);
        let worded = chance.one_in(2);
        let definition = definition(worded, &mut chance);
        let are_heard = chance.one_in(2);
        Meeting {
            room: Room::new(definition.clone()),
            judge: Judge::new(definition),
            trace: None,
            twin: None,
            script: Script {
                people: cast::cast(&mut chance),
                counter: 0,
                asked: Vec::new(),
                alive: BTreeMap::new(),
                are_heard: are_heard && worded,
                worded,
            },
            unsignalled: None,
            apart: BTreeSet::new(),
            now: 0,
        }
    }

    pub fn is_over(&self) -> bool {
        self.judge.model.ended
    }

    pub fn step(&mut self, dice: u64) -> Result<(), Broken> {
        let mut chance = Chance::new(dice);
        self.let_time_pass(&mut chance)?;
        if self.is_over() {
            return Ok(());
        }
        if chance.one_in(200) {
            self.catch_up()?;
            return self.restart(&mut chance);
        }
        match self.script.next(self.now, &self.judge, &mut chance) {
            Some(command) => self.command(command)?,
            None => self.catch_up()?,
        }
        if !chance.one_in(16) || self.is_over() {
            return Ok(());
        }
        let model = &self.judge.model;
        let hearing = model.seats.iter().filter(|seat| !model.is_barred(seat));
        let hearing: Vec<ConnectionId> = hearing.filter_map(|seat| seat.connection).collect();
        chance.pick(&hearing).map_or(Ok(()), |connection| self.judge.check_fresh(&self.room, *connection))
    }

    /// On to another instant, every timeout at its own; once in a while up to the very next one.
    fn let_time_pass(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let longest =
            chance.weighed(&[(10, 0), (20, 30), (30, 1_000), (20, 4_000), (8, 20_000), (2, 60_000)]);
        let to_next = self.room.poll_timeout().filter(|_| chance.one_in(10));
        let until = to_next.unwrap_or(self.now + chance.below(longest + 1)).max(self.now);
        while let Some(at) = self.room.poll_timeout().filter(|at| *at <= until) {
            if self.is_over() || at == until && chance.one_in(2) {
                break;
            }
            // What waits since before a restart is overdue.
            let at = if self.judge.woken { at.max(self.now) } else { at };
            law!(at >= self.now, "10", "{at} is over at {}, and still due", self.now)?;
            self.check_nothing_between(at, chance)?;
            self.now = at;
            let effects = self.room.handle_timeout(at);
            let next = self.room.poll_timeout();
            law!(next != Some(at), "10", "{at} stays due")?;
            self.judged(None, vec![effects])?;
        }
        self.now = until;
        Ok(())
    }

    /// What is due at this very instant.
    fn catch_up(&mut self) -> Result<(), Broken> {
        while self.room.poll_timeout().is_some_and(|at| at <= self.now) && !self.is_over() {
            let effects = self.room.handle_timeout(self.now);
            self.judged(None, vec![effects])?;
        }
        Ok(())
    }

    /// Law 10: nothing changes before the instant that was named.
    fn check_nothing_between(&self, at: u32, chance: &mut Chance) -> Result<(), Broken> {
        if at == self.now || !chance.one_in(32) {
            return Ok(());
        }
        let between = self.now + chance.below(at - self.now);
        let mut room = self.room.clone();
        let effects = room.handle_timeout(between);
        let quiet = effects == Effects { version: effects.version, ..Effects::default() };
        law!(quiet, "10", "{at} was named, but at {between}: {effects:?}")?;
        law!(room.poll_timeout() == Some(at), "10", "{at} was named, then {:?}", room.poll_timeout())?;
        law!(room.table() == self.room.table(), "10", "the table changed by itself")
    }

    fn command(&mut self, command: Command) -> Result<(), Broken> {
        self.part_before(&command);
        let mut effects = vec![self.room.apply(self.now, command.clone())];
        while self.room.poll_timeout().is_some_and(|at| at <= self.now) {
            law!(effects.len() < 20, "10", "{:?} stays due", self.room.poll_timeout())?;
            effects.push(self.room.handle_timeout(self.now));
        }
        if let Command::Knock { connection, .. }
        | Command::Return { connection, .. }
        | Command::Request { connection, .. }
        | Command::ShareDevice { connection, .. }
        | Command::Refresh { connection } = &command
        {
            self.script.alive.insert(*connection, self.now);
        }
        if let Command::Dropped { connection, .. } = &command {
            self.script.forget(*connection);
        }
        if let Command::Shutdown = &command {
            self.script.forget_all();
        }
        self.judged(Some(&command), effects)
    }

    fn judged(&mut self, command: Option<&Command>, effects: Vec<Effects>) -> Result<(), Broken> {
        if let Some(trace) = &mut self.trace {
            trace.push(shown(self.now, command, &effects));
        }
        self.follow_twin(command, &effects)?;
        let before = self.facilitators();
        let step = Step { now: self.now, command, effects: &effects, room: &self.room };
        self.judge.judge(&step)?;
        self.follow_unsignalled(command, &effects, before)?;
        for tell in effects.iter().flat_map(|effects| effects.farewell.iter().chain(&effects.tell)) {
            match &tell.words {
                Words::Frame(ServerFrame::Knocked { secret } | ServerFrame::Seated { secret }) => {
                    let hash = hash_of(secret).expect("only fresh secrets are given");
                    self.script.alive.insert(tell.to, self.now);
                    self.script.receive(tell.to, hash);
                }
                Words::Bye(_) => self.script.forget(tell.to),
                Words::Frame(_) | Words::Snapshot(_) | Words::Delta(_) => {}
            }
        }
        Ok(())
    }

    /// A signal comes: from here on the meeting is held once more without it.
    fn part_before(&mut self, command: &Command) {
        let Command::Request { connection, request, .. } = command else { return };
        let live = self.judge.model.live.contains(connection);
        if live && is_signal(request) && self.unsignalled.is_none() {
            self.unsignalled = Some(Unsignalled::new(&self.room, self.judge.model.signals.raised.is_empty()));
        }
    }

    fn facilitators(&self) -> BTreeSet<ConnectionId> {
        self.judge.model.facilitators().filter_map(|seat| seat.connection).collect()
    }

    /// Law 11.
    fn follow_unsignalled(
        &mut self,
        command: Option<&Command>,
        effects: &[Effects],
        mut spared: BTreeSet<ConnectionId>,
    ) -> Result<(), Broken> {
        let Some(mut without) = self.unsignalled.take() else { return Ok(()) };
        spared.extend(self.facilitators());
        let goes_on = without.follow(self.now, command, effects, spared, &self.script, &self.room)?;
        self.unsignalled = Some(without).filter(|_| goes_on);
        Ok(())
    }

    /// Law 7: a restored room behaves as the one it was made from.
    fn follow_twin(&mut self, command: Option<&Command>, effects: &[Effects]) -> Result<(), Broken> {
        let Some(twin) = &mut self.twin else { return Ok(()) };
        let mut followed = match command {
            Some(command) => vec![twin.apply(self.now, command.clone())],
            None => vec![twin.handle_timeout(self.now)],
        };
        while twin.poll_timeout().is_some_and(|at| at <= self.now) && followed.len() < 20 {
            followed.push(twin.handle_timeout(self.now));
        }
        if let Some(Command::Request { request_id, request, .. }) = command
            && is_in_memory(request)
        {
            self.apart.insert(request_id.clone());
        }
        let (restored, before) = (comparable(effects, &self.apart), comparable(&followed, &self.apart));
        law!(restored == before, "7", "restored: {restored:#?}\nas it was: {before:#?}")?;
        law!(
            twin.table().rows == self.room.table().rows,
            "7",
            "{:?}\nas it was {:?}",
            self.room.table(),
            twin.table()
        )
    }

    /// The process stops and starts again, with or without a goodbye, and with or without proof that nothing is missing.
    fn restart(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        if chance.one_in(2) {
            self.command(Command::Shutdown)?;
        }
        let settled = chance.one_in(2);
        if settled {
            for connection in self.judge.model.live.clone() {
                self.command(Command::Dropped { connection, last_seen: self.now })?;
            }
            let until = self.now + self.judge.model.policy().media_linger_ms;
            while let Some(at) = self.room.poll_timeout().filter(|at| *at <= until) {
                self.now = at;
                let effects = self.room.handle_timeout(at);
                self.judged(None, vec![effects])?;
                if self.is_over() {
                    return Ok(());
                }
            }
        }
        // The room's clock is the meeting's.
        let effects = self.room.handle_timeout(self.now);
        self.judged(None, vec![effects])?;
        let proven = chance.one_in(2);
        let kept = serde_json::to_string(&self.room.snapshot()).expect("a snapshot is JSON");
        let words = self.script.people.iter().map(|person| &person.alias).filter(|alias| !alias.is_empty());
        for alias in words {
            law!(!kept.contains(alias.as_str()), "7", "the alias {alias:?} is in a snapshot")?;
        }
        law!(!kept.contains("secret-"), "7", "a secret is in a snapshot")?;
        let snapshot = serde_json::from_str(&kept).expect("what was written can be read");
        let restored = Room::restore(self.judge.model.definition.clone(), snapshot, proven);
        let again = serde_json::to_string(&restored.snapshot()).expect("a snapshot is JSON");
        let snapshot = serde_json::from_str(&again).expect("what was written can be read");
        let twice = Room::restore(self.judge.model.definition.clone(), snapshot, true).snapshot();
        let twice = serde_json::to_string(&twice).expect("a snapshot is JSON");
        law!(again == twice, "7", "restored {again}\nand again {twice}")?;
        // A change of the room that waits for the end of a freeze is handed in anew.
        let waits = self.judge.model.defined.take().is_some();
        // Who was heard, and the care moment, are forgotten; both have a say in rounds.
        let forgets = self.judge.model.is_anybody_heard() || self.judge.model.words.care;
        self.twin = (settled && proven && !waits && !forgets).then(|| self.room.clone());
        self.unsignalled = None;
        self.room = restored;
        self.script.forget_all();
        self.judge.restart(&self.room, proven)
    }
}

/// One step for people to read.
fn shown(now: u32, command: Option<&Command>, effects: &[Effects]) -> String {
    let mut lines =
        vec![command.map_or_else(|| format!("{now:>9} time"), |command| format!("{now:>9} {command:?}"))];
    for effects in effects {
        lines.extend(
            effects
                .forward
                .iter()
                .map(|table| format!("          forward {:?} {:?}", table.version, table.epoch)),
        );
        let rows = effects.forward.iter().flat_map(|table| &table.rows);
        lines.extend(rows.map(|row| {
            let closed =
                row.closed.map(|closed| closed.iter().map(|reason| reason.name()).collect::<Vec<_>>());
            format!("            {:?} {:?} barred {} {closed:?}", row.subject, row.generation, row.barred)
        }));
        lines.extend(
            effects
                .record
                .iter()
                .map(|record| format!("          record {:?} by {:?}", record.act, record.actor)),
        );
        let told = effects.farewell.iter().chain(&effects.tell);
        lines.extend(told.map(|tell| format!("          tell {:?} {:?}", tell.to, tell.words)));
    }
    lines.join("\n")
}

/// What two rooms that are one must have in common: all but versions and names.
fn comparable<'a>(
    effects: &'a [Effects],
    apart: &BTreeSet<RequestId>,
) -> (Vec<&'a Record>, Vec<(ConnectionId, Said<'a>)>) {
    let told = effects.iter().flat_map(|effects| &effects.tell).filter_map(|tell| {
        let said = match &tell.words {
            Words::Frame(ServerFrame::Signal(_)) => return None,
            Words::Frame(frame) if reply_to(frame).is_some_and(|id| apart.contains(id)) => return None,
            Words::Frame(frame) => Said::Frame(frame),
            Words::Bye(bye) => Said::Bye(bye),
            Words::Snapshot(_) => Said::Snapshot,
            Words::Delta(_) => return None,
        };
        Some((tell.to, said))
    });
    (effects.iter().flat_map(|effects| &effects.record).collect(), told.collect())
}

fn reply_to(frame: &ServerFrame) -> Option<&RequestId> {
    if let ServerFrame::Ok { request_id, .. } = frame {
        return Some(request_id);
    }
    if let ServerFrame::Refusal { request_id, .. } = frame { request_id.as_ref() } else { None }
}

#[derive(Debug, PartialEq)]
enum Said<'a> {
    Frame(&'a ServerFrame),
    Bye(&'a Bye),
    Snapshot,
}

fn definition(worded: bool, chance: &mut Chance) -> Definition {
    let policy = Policy {
        waiting_room: !chance.one_in(4),
        outside_waits: !chance.one_in(3),
        capacity: 2 + chance.below(5),
        observers_max: 1 + chance.below(2),
        reminder_ms: if chance.one_in(2) { 60_000 } else { Policy::default().reminder_ms },
        knocks_max: 3 + chance.below(17),
        hold_ms: if chance.one_in(2) { 60_000 } else { Policy::default().hold_ms },
        speakers_max: 1 + chance.below(3) / 2,
        private_queue: chance.one_in(3),
        ..Policy::default()
    };
    let house = agenda::HOUSE.as_slice();
    let mut format = match chance.below(8) {
        0 | 1 => house[0].clone(),
        2 => chance.pick(house).expect("three").clone(),
        _ => Format::default(),
    };
    format.rules.peer_lead = chance.one_in(3) && format.rules.facilitators_min == 1;
    if !worded {
        format = Format::default();
        format.rules.peer_lead = chance.one_in(3);
        format.rules.minors = chance.one_in(4);
    }
    let listed = if chance.one_in(4) { 0 } else { 11 };
    let listed = (0..listed).filter(|_| !chance.one_in(5)).map(|at| format!("subject-{at}"));
    let roster: BTreeSet<String> = listed.collect();
    let line = |text: &str| text.to_owned();
    Definition {
        title: line("A group"),
        ground_rules: GroundRules {
            version: 1,
            hash: line("first"),
            rules: vec![line("What is said here stays here.")],
        },
        crisis_line: line("Help at once"),
        removal_card: Card {
            title: line("Card"),
            text: line("Text"),
            crisis_line: line("Line"),
            contact: line("Whom to ask"),
        },
        policy,
        format,
        formats: house.to_vec(),
        roster,
    }
}
