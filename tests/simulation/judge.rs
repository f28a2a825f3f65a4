//! The judge: follows a meeting with the second model and holds the room to the laws.

mod act;
mod admit;
mod agenda;
mod carry;
mod chat;
mod door;
mod durable;
mod request;
mod right;
mod rules;
mod share;
mod signal;
mod space;
mod tally;
mod verdict;
mod view;
mod wire;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::{ForwardingTable, Row, Source};
use hearth_protocol::{DoorSignal, RequestId, ServerFrame};
use hearth_room::{Act, Command, ConnectionId, Definition, Effects, Room, Tell, Words};
use share::Share;
pub use tally::Tally;
pub use verdict::next_step;
use wire::Heard;

use crate::{
    client::Client,
    model::{Model, SOURCES},
};

/// A law that did not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    pub law: &'static str,
    pub what: String,
}

/// `law!(holds, "which", "what is wrong {}", …)?`
macro_rules! law {
    ($holds:expr, $law:expr, $($what:tt)+) => {
        if $holds { Ok(()) } else { Err($crate::judge::Broken { law: $law, what: format!($($what)+) }) }
    };
}
pub(crate) use law;

#[derive(Clone, Debug)]
pub struct Judge {
    pub model: Model,
    pub clients: BTreeMap<ConnectionId, Client>,
    pub tally: Tally,
    pub table: ForwardingTable,
    /// The reply to every request that was answered.
    answers: BTreeMap<(String, RequestId), ServerFrame>,
    /// When each who waits was last told so.
    beats: BTreeMap<ConnectionId, u32>,
    /// The list of knocks that each facilitator saw before the step.
    seen: BTreeMap<ConnectionId, u32>,
    /// Nobody has the keys of a session that was restarted: its first table begins a new epoch.
    pub woken: bool,
    /// Who sat at another's device before the step.
    beside: BTreeSet<u32>,
    /// No name outlives a restart: those who return are guests until they show a ticket again.
    restarted: bool,
    /// How many refusals the audit does not hold yet, and since when.
    owed: BTreeMap<String, (u32, u32)>,
    /// When each one asked for what they have no right to.
    wanting: BTreeMap<String, Vec<u32>>,
    /// What whoever sees nothing of the room was told of their own signal.
    door_signals: BTreeMap<ConnectionId, DoorSignal>,
    /// Who may listen changes in this step, though the table need not show it.
    epoch_rises: bool,
}

/// What the audit must hold after a step: each of `must` once, and of `may` nothing else.
#[derive(Debug, Default)]
struct Audit {
    must: Vec<(Option<String>, Act)>,
    may: Vec<Act>,
}

/// What is judged: one command, or time alone, and everything the room answered up to the same instant.
pub struct Step<'a> {
    pub now: u32,
    pub command: Option<&'a Command>,
    pub effects: &'a [Effects],
    pub room: &'a Room,
}

impl Judge {
    pub fn new(definition: Definition) -> Judge {
        Judge {
            model: Model::new(definition),
            clients: BTreeMap::new(),
            tally: Tally::default(),
            table: ForwardingTable::default(),
            answers: BTreeMap::new(),
            beats: BTreeMap::new(),
            seen: BTreeMap::new(),
            woken: false,
            beside: BTreeSet::new(),
            restarted: false,
            owed: BTreeMap::new(),
            wanting: BTreeMap::new(),
            door_signals: BTreeMap::new(),
            epoch_rises: false,
        }
    }

    pub fn judge(&mut self, step: &Step<'_>) -> Result<(), Broken> {
        let mut audit = Audit::default();
        self.epoch_rises = false;
        let before = self.rules_before();
        self.beside = self.model.beside().collect();
        let ran = self.model.floor.round.is_some();
        self.model.advance(step.now, &mut audit.must);
        let connection = step.command.and_then(newcomer);
        self.model.live.extend(connection);
        self.seen = self
            .clients
            .iter()
            .filter_map(|(connection, client)| Some((*connection, client.knocks_version()?)))
            .collect();
        let heard = self.listen(step)?;
        // What is due comes before a command of the same instant.
        if !comes_first(step) {
            self.relieve(&heard, &mut audit)?;
        }
        self.model.settle();
        self.model.advance(step.now, &mut audit.must);
        if let Some(command) = step.command.filter(|_| !self.model.ended) {
            self.tally.command(command);
            self.follow(step, command, &heard, &mut audit)?;
            self.model.settle();
        }
        self.relieve(&heard, &mut audit)?;
        self.model.settle();
        self.model.advance(step.now, &mut audit.must);
        if ran && self.model.floor.round.is_none() {
            audit.may.push(Act::RoundEnded);
        }
        self.follow_byes(step, &heard)?;
        self.model.settle_signals();
        self.check_rules(&before, &heard)?;
        self.check_seatings(step, &heard)?;
        self.check_words(step, &heard)?;
        self.check_door_signals(&heard)?;
        self.check_tables(step)?;
        self.check_audit(step, audit)?;
        self.tally.add_happened(&mut self.model.happened);
        self.check_views(step)
    }

    fn follow(
        &mut self,
        step: &Step<'_>,
        command: &Command,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        match command {
            Command::Knock { connection, claims, fresh } => {
                self.knock(*connection, claims, fresh, heard, audit)
            }
            Command::Return { connection, hash, media_generation, fresh } => {
                self.come_back(*connection, *hash, *media_generation, fresh, step, heard, audit)
            }
            Command::Request { connection, request_id, request, .. } => {
                self.model.hear(*connection);
                self.request(*connection, request_id, request, step, heard, audit)
            }
            Command::Heard { connection } => {
                self.model.hear(*connection);
                Ok(())
            }
            Command::Dropped { connection, last_seen } => {
                self.drop_out(*connection, *last_seen);
                Ok(())
            }
            Command::Refresh { connection } => self.refresh(*connection, heard),
            Command::MediaLost { subject, generation } => {
                let present = self.model.generations.get(&subject.0) == Some(&generation.0);
                self.renew(&[subject.0], present, step)
            }
            Command::RelayRestarted => {
                let everyone: Vec<u32> = self.table.rows.iter().map(|row| row.subject.0).collect();
                self.renew(&everyone, true, step)
            }
            Command::ShareDevice { connection, request_id, claims, version, hash } => {
                self.model.hear(*connection);
                let asked = Share { claims, rules: &(*version, hash.clone()) };
                self.share_device(*connection, request_id, &asked, heard, audit)
            }
            // Not driven yet.
            Command::Voiced { heard } => {
                let heard: Vec<(u32, u32)> = heard.iter().map(|(subject, ms)| (subject.0, *ms)).collect();
                self.model.voiced(&heard);
                Ok(())
            }
            Command::Define(definition) => {
                self.model.change(|model| model.define((**definition).clone()));
                Ok(())
            }
            Command::Revoke { subject } => self.revoked(subject, heard, audit),
            Command::Shutdown => self.shut_down(heard),
        }
    }

    /// The process was restarted: nobody is connected, and nothing is looser than it was.
    pub fn restart(&mut self, room: &Room, proven: bool) -> Result<(), Broken> {
        self.clients.clear();
        self.beats.clear();
        self.door_signals.clear();
        self.model.aliases.clear();
        self.model.change(|model| {
            model.lose_everyone();
            model.wake(proven);
        });
        self.model.settle();
        self.woken = true;
        self.restarted = true;
        let table = room.table();
        law!(table.rows.iter().all(is_shut), "7", "woken open: {table:?}")?;
        law!(table.version >= self.table.version, "versions", "woken with {:?}", table.version)?;
        law!(table.epoch >= self.table.epoch, "epoch", "woken with {:?}", table.epoch)?;
        self.table = table;
        Ok(())
    }

    /// The media connections of these count a new generation, or nobody's does.
    fn renew(&mut self, subjects: &[u32], due: bool, step: &Step<'_>) -> Result<(), Broken> {
        let table = step.room.table();
        for row in &table.rows {
            let before = self.model.generations.get(&row.subject.0).copied().unwrap_or_default();
            let rises = due && subjects.contains(&row.subject.0);
            law!(
                (row.generation.0 > before) == rises,
                "generations",
                "{:?} went from {before} to {:?}",
                row.subject,
                row.generation
            )?;
        }
        Ok(())
    }

    /// Laws 1, 3, 5 and 6 on the table, and how tables follow one another.
    fn check_tables(&mut self, step: &Step<'_>) -> Result<(), Broken> {
        let mut last = self.table.clone();
        for effects in step.effects {
            durable::check(&last, effects)?;
            let Some(next) = &effects.forward else { continue };
            law!(next.version > last.version, "versions", "{:?} after {:?}", next.version, last.version)?;
            law!(next.rows.is_sorted_by_key(|row| row.subject), "versions", "rows out of order: {next:?}")?;
            law!(
                next.version == effects.version,
                "versions",
                "{:?} in effects of {:?}",
                next.version,
                effects.version
            )?;
            self.check_epoch(&last, next, effects)?;
            self.check_openings(&last, next, step)?;
            last = next.clone();
            self.woken = false;
        }
        let rose = last.epoch > self.table.epoch;
        law!(rose || !self.epoch_rises, "epoch", "stayed though somebody else listens now")?;
        law!(step.room.table() == last, "versions", "the table changed without being handed over")?;
        if last.version != self.table.version {
            self.tally.table(&last);
        }
        self.table = last;
        self.check_rows()
    }

    fn check_epoch(
        &self,
        last: &ForwardingTable,
        next: &ForwardingTable,
        effects: &Effects,
    ) -> Result<(), Broken> {
        let listening = |table: &ForwardingTable| -> Vec<_> {
            table.rows.iter().filter(|row| !row.barred).map(|row| (row.space, row.subject)).collect()
        };
        let devices = |table: &ForwardingTable| -> Vec<_> {
            table.rows.iter().map(|row| (row.subject, row.generation, row.barred)).collect()
        };
        let same_people = listening(last) == listening(next);
        let same = same_people && devices(last) == devices(next);
        law!(next.epoch >= last.epoch, "epoch", "went back from {:?} to {:?}", last.epoch, next.epoch)?;
        law!(
            same_people || next.epoch > last.epoch,
            "epoch",
            "who may listen changed within {:?}",
            next.epoch
        )?;
        let beside: BTreeSet<u32> = self.model.beside().collect();
        let moved = !self.model.ended && beside != self.beside;
        law!(
            !moved || next.epoch > self.table.epoch,
            "epoch",
            "somebody sat down beside somebody, or stood up, within {:?}",
            next.epoch
        )?;
        let renewed = |row: &Row| last.row(row.subject).is_some_and(|old| old.generation != row.generation);
        let sits = |tell: &Tell| matches!(tell.words, Words::Frame(ServerFrame::Seated { .. }));
        let taken_over = next.rows.iter().any(renewed) && effects.tell.iter().any(sits);
        law!(
            !taken_over || next.epoch > last.epoch,
            "epoch",
            "another device listens within {:?}",
            next.epoch
        )?;
        let quiet = same && !moved && !self.woken && !self.epoch_rises && !self.model.ended;
        law!(!quiet || next.epoch == last.epoch, "epoch", "rose though nobody came or went")
    }

    /// Law 3: a gate opens by its owner's own unmute, or on the turn of somebody who chose so.
    fn check_openings(
        &self,
        last: &ForwardingTable,
        next: &ForwardingTable,
        step: &Step<'_>,
    ) -> Result<(), Broken> {
        for row in &next.rows {
            for source in SOURCES {
                let was_open = last.row(row.subject).is_some_and(|row| row.closed[source.index()].is_empty());
                if was_open || !row.closed[source.index()].is_empty() {
                    continue;
                }
                let seat = self.model.seat_of(row.subject.0);
                let by_owner = seat.is_some_and(|seat| request::is_own_unmute(step.command, seat, source));
                let by_turn = source == Source::Microphone
                    && seat.is_some_and(|seat| seat.on_turn && self.model.speaker_at(seat).is_some());
                law!(by_owner || by_turn, "3", "{source:?} of {:?} opened by itself", row.subject)?;
            }
        }
        Ok(())
    }

    /// Law 1: the table is what the model works out anew.
    fn check_rows(&mut self) -> Result<(), Broken> {
        for row in &self.table.rows {
            let Some(seat) = self.model.seat_of(row.subject.0) else {
                law!(is_shut(row), "1", "without a seat: {row:?}")?;
                continue;
            };
            law!(!seat.silent || is_shut(row), "1", "away, but not stopped: {row:?}")?;
            let known = self.model.generations.get(&row.subject.0).copied().unwrap_or_default();
            law!(row.generation.0 >= known, "generations", "went back: {row:?}")?;
            if seat.silent {
                continue;
            }
            let barred = self.model.is_barred(seat);
            law!(row.barred == barred, "1", "barred by the rules: {barred}, but {row:?}")?;
            for source in SOURCES {
                let said = row.closed[source.index()];
                let meant = self.model.reasons(seat, source);
                law!(
                    said == meant,
                    "1",
                    "{source:?} of {:?} is closed by {:?}, but the rules say {:?}",
                    row.subject,
                    said.iter().collect::<Vec<_>>(),
                    meant.iter().collect::<Vec<_>>()
                )?;
            }
        }
        for seat in self.model.seats.iter().filter(|seat| !seat.silent && seat.beside.is_none()) {
            let row = self.table.row(hearth_forwarding::Subject(seat.number));
            law!(row.is_some(), "1", "{} has a seat, but no row", seat.claims.subject)?;
        }
        self.check_spaces()?;
        let generations = self.table.rows.iter().map(|row| (row.subject.0, row.generation.0));
        self.model.generations.extend(generations);
        Ok(())
    }

    /// Law 9.
    fn check_audit(&mut self, step: &Step<'_>, mut audit: Audit) -> Result<(), Broken> {
        audit.must.append(&mut self.model.acted);
        for record in step.effects.iter().flat_map(|effects| &effects.record) {
            self.tally.act(&record.act);
            if let Act::Refused { count, .. } = &record.act {
                if step.command.is_none() {
                    self.tally.happens("RefusalsCounted");
                }
                self.settle(record.actor.as_deref().unwrap_or_default(), *count)?;
                continue;
            }
            let awaited = audit
                .must
                .iter()
                .position(|(actor, act)| *act == record.act && (actor.is_none() || *actor == record.actor));
            if let Some(at) = awaited {
                audit.must.remove(at);
                continue;
            }
            let allowed = audit.may.iter().position(|act| *act == record.act);
            law!(allowed.is_some(), "9", "not to be audited, or not again: {record:?}")?;
            audit.may.remove(allowed.expect("it was just found"));
        }
        law!(audit.must.is_empty(), "9", "not audited: {:?}", audit.must)?;
        law!(!self.model.ended || self.owed.is_empty(), "9", "refusals lost at the end: {:?}", self.owed)?;
        let late = self.owed.iter().find(|(_, (_, since))| step.now - since > 60_000);
        law!(late.is_none(), "9", "refusals never audited: {late:?}")
    }

    fn settle(&mut self, subject: &str, count: u32) -> Result<(), Broken> {
        let owed = self.owed.get_mut(subject).filter(|(owed, _)| *owed >= count && count > 0);
        let owed = owed.ok_or(Broken {
            law: "9",
            what: format!("{count} refusals of {subject} audited that were not"),
        })?;
        owed.0 -= count;
        if owed.0 == 0 {
            self.owed.remove(subject);
        }
        Ok(())
    }
}

fn is_shut(row: &Row) -> bool {
    row.barred && row.closed.iter().all(|closed| !closed.is_empty())
}

/// Whether whoever comes with this command was told so before anybody else was seated: what is due of it comes after it.
fn comes_first(step: &Step<'_>) -> bool {
    let Some(connection) = step.command.and_then(newcomer) else { return false };
    let tells = step.effects.iter().flat_map(|effects| &effects.tell);
    let seated = |tell: &&Tell| matches!(tell.words, Words::Frame(ServerFrame::Seated { .. }));
    tells.filter(seated).map(|tell| tell.to).next() == Some(connection)
}

fn newcomer(command: &Command) -> Option<ConnectionId> {
    match command {
        Command::Knock { connection, .. } | Command::Return { connection, .. } => Some(*connection),
        Command::Request { .. }
        | Command::Heard { .. }
        | Command::Dropped { .. }
        | Command::Refresh { .. }
        | Command::MediaLost { .. }
        | Command::RelayRestarted
        | Command::ShareDevice { .. }
        | Command::Voiced { .. }
        | Command::Define(_)
        | Command::Revoke { .. }
        | Command::Shutdown => None,
    }
}
