//! What was reached: a law that nothing ever touched is not checked.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    mem::{Discriminant, discriminant},
};

use hearth_forwarding::{ForwardingTable, Reason};
use hearth_protocol::{ByeReason, Change, RefusalCode, Request, ServerFrame};
use hearth_room::{Act, Command};

/// How often each kind of thing was met.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub asked: Kinds<Request>,
    pub granted: Kinds<Request>,
    pub acts: Kinds<Act>,
    pub frames: Kinds<ServerFrame>,
    pub refusals: BTreeMap<RefusalCode, u64>,
    pub byes: BTreeMap<u16, u64>,
    pub closed: BTreeMap<Reason, u64>,
    pub commands: Kinds<Command>,
    pub changes: Kinds<Change>,
    pub notices: BTreeMap<String, u64>,
    /// What happened by itself.
    pub happened: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug)]
pub struct Kinds<T>(HashMap<Discriminant<T>, (String, u64)>);

impl<T> Default for Kinds<T> {
    fn default() -> Self {
        Kinds(HashMap::new())
    }
}

impl<T: Debug> Kinds<T> {
    fn one(&mut self, of: &T) {
        let name = || {
            format!("{of:?}")
                .split(|sign: char| !sign.is_alphanumeric())
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        self.0.entry(discriminant(of)).or_insert_with(|| (name(), 0)).1 += 1;
    }

    fn add(&mut self, other: Kinds<T>) {
        for (kind, (name, count)) in other.0 {
            self.0.entry(kind).or_insert((name, 0)).1 += count;
        }
    }

    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.values().map(|(name, _)| name.clone())
    }

    pub fn by_name(&self) -> BTreeMap<&str, u64> {
        self.0.values().map(|(name, count)| (name.as_str(), *count)).collect()
    }
}

impl Tally {
    pub fn request(&mut self, request: &Request, reply: &ServerFrame) {
        self.asked.one(request);
        match reply {
            ServerFrame::Refusal { refusal, .. } => *self.refusals.entry(refusal.code).or_default() += 1,
            ServerFrame::Ok { .. }
            | ServerFrame::Knocked { .. }
            | ServerFrame::GroundRules(_)
            | ServerFrame::Waiting
            | ServerFrame::Signal(_)
            | ServerFrame::StandBy { .. }
            | ServerFrame::Seated { .. }
            | ServerFrame::Snapshot { .. }
            | ServerFrame::Delta { .. }
            | ServerFrame::Pong { .. }
            | ServerFrame::Bye(_) => self.granted.one(request),
        }
    }

    pub fn command(&mut self, command: &Command) {
        self.commands.one(command);
    }

    pub fn change(&mut self, change: &Change) {
        self.changes.one(change);
        if let Change::Notice { notice } = change {
            *self.notices.entry(format!("{notice:?}")).or_default() += 1;
        }
    }

    pub fn happens(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    pub fn add_happened(&mut self, happened: &mut BTreeMap<&'static str, u64>) {
        for (due, count) in std::mem::take(happened) {
            *self.happened.entry(due).or_default() += count;
        }
    }

    pub fn act(&mut self, act: &Act) {
        self.acts.one(act);
    }

    pub fn frame(&mut self, frame: &ServerFrame) {
        self.frames.one(frame);
    }

    pub fn bye(&mut self, reason: ByeReason) {
        *self.byes.entry(reason.close_code()).or_default() += 1;
    }

    pub fn table(&mut self, table: &ForwardingTable) {
        for reason in
            table.rows.iter().flat_map(|row| row.closed).flat_map(|closed| closed.iter().collect::<Vec<_>>())
        {
            *self.closed.entry(reason).or_default() += 1;
        }
    }

    pub fn add(&mut self, other: Tally) {
        self.asked.add(other.asked);
        self.granted.add(other.granted);
        self.acts.add(other.acts);
        self.frames.add(other.frames);
        self.commands.add(other.commands);
        self.changes.add(other.changes);
        for (notice, count) in other.notices {
            *self.notices.entry(notice).or_default() += count;
        }
        for (due, count) in other.happened {
            *self.happened.entry(due).or_default() += count;
        }
        for (code, count) in other.refusals {
            *self.refusals.entry(code).or_default() += count;
        }
        for (code, count) in other.byes {
            *self.byes.entry(code).or_default() += count;
        }
        for (reason, count) in other.closed {
            *self.closed.entry(reason).or_default() += count;
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "asked {:?}", self.asked.by_name())?;
        writeln!(f, "carried out {:?}", self.granted.by_name())?;
        writeln!(f, "refused {:?}", self.refusals)?;
        writeln!(f, "acts {:?}", self.acts.by_name())?;
        writeln!(f, "frames {:?}", self.frames.by_name())?;
        writeln!(f, "goodbyes {:?}", self.byes)?;
        writeln!(f, "told {:?} {:?}", self.changes.by_name(), self.notices)?;
        writeln!(f, "commands {:?}", self.commands.by_name())?;
        writeln!(f, "happened {:?}", self.happened)?;
        write!(f, "closed {:?}", self.closed)
    }
}
