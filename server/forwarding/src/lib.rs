//! What the room decides and the relay obeys, as plain data.
//!
//! A [`ForwardingTable`] says for every subject which of its sources are closed and why, which space it is in and whether
//! it is barred from receiving. Nothing else crosses from the room to the relay: no role, no rule, no name.
//!
//! A packet is forwarded from a speaker to a listener only if [`ForwardingTable::permits`] says so.

use serde::{Deserialize, Serialize};

/// A subject as the relay knows it: a number the room gave, stable for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject(pub u32);

/// Which media connection of a subject is the present one. Raised whenever an older one must no longer count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u32);

/// The room itself (0) or one aside. Media never crosses from one to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Space(pub u16);

/// Raised whenever who may listen changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u32);

/// The number of a table within its room. A later table has a higher one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(pub u64);

/// What a seat may send. `Screen` includes the sound of what is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    Microphone,
    Camera,
    Screen,
}

impl Source {
    pub const ALL: [Source; 3] = [Source::Microphone, Source::Camera, Source::Screen];
    pub const COUNT: usize = Self::ALL.len();

    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Why a gate is closed. Each reason is owned by exactly one rule of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    Self_,
    Facilitator,
    Floor,
    Freeze,
    Unattended,
    Consent,
    Ticket,
    Level,
    Ceiling,
    Format,
    Away,
}

impl Reason {
    pub const ALL: [Reason; 11] = [
        Reason::Self_,
        Reason::Facilitator,
        Reason::Floor,
        Reason::Freeze,
        Reason::Unattended,
        Reason::Consent,
        Reason::Ticket,
        Reason::Level,
        Reason::Ceiling,
        Reason::Format,
        Reason::Away,
    ];
    pub const COUNT: usize = Self::ALL.len();

    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in counters.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Self_ => "self",
            Reason::Facilitator => "facilitator",
            Reason::Floor => "floor",
            Reason::Freeze => "freeze",
            Reason::Unattended => "unattended",
            Reason::Consent => "consent",
            Reason::Ticket => "ticket",
            Reason::Level => "level",
            Reason::Ceiling => "ceiling",
            Reason::Format => "format",
            Reason::Away => "away",
        }
    }
}

/// A set of reasons. The gate is open if, and only if, the set is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reasons(u16);

impl Reasons {
    pub const NONE: Reasons = Reasons(0);

    pub const fn of(reason: Reason) -> Self {
        Reasons(1 << reason.index())
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & (1 << reason.index()) != 0
    }

    pub const fn with(self, reason: Reason) -> Self {
        Reasons(self.0 | (1 << reason.index()))
    }

    pub const fn without(self, reason: Reason) -> Self {
        Reasons(self.0 & !(1 << reason.index()))
    }

    pub const fn union(self, other: Self) -> Self {
        Reasons(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| self.contains(*reason))
    }
}

impl FromIterator<Reason> for Reasons {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        reasons.into_iter().fold(Reasons::NONE, Reasons::with)
    }
}

/// One subject whose media connection may exist. A subject without a row has no media at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub subject: Subject,
    /// Only a media connection of exactly this generation counts; any other is to be ended.
    pub generation: Generation,
    pub space: Space,
    /// May not receive anything.
    pub barred: bool,
    /// Why each source is closed, indexed by [`Source::index`].
    pub closed: [Reasons; Source::COUNT],
    /// Who is heard first when more talk than there are slots; higher first.
    pub weight: u8,
}

/// What may flow in one room. Replaced as a whole, never patched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardingTable {
    pub version: Version,
    pub epoch: Epoch,
    /// Sorted by subject, each subject once.
    pub rows: Vec<Row>,
}

/// Why a packet goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The speaker has no row, or its media connection is not the present one.
    NoSpeaker,
    /// The gate is closed.
    Closed(Reasons),
    /// The listener has no row, or its media connection is not the present one.
    NoListener,
    /// The listener is barred.
    Barred,
    /// Speaker and listener are in different spaces.
    OtherSpace,
    /// Nobody hears themselves.
    Own,
}

impl ForwardingTable {
    pub fn row(&self, subject: Subject) -> Option<&Row> {
        let at = self.rows.binary_search_by_key(&subject, |row| row.subject).ok()?;
        Some(&self.rows[at])
    }

    /// The whole law of forwarding, in one place. The relay may precompute it, never replace it.
    pub fn permits(
        &self,
        speaker: (Subject, Generation),
        source: Source,
        listener: (Subject, Generation),
    ) -> Result<(), Stop> {
        let from = self.row(speaker.0).filter(|row| row.generation == speaker.1).ok_or(Stop::NoSpeaker)?;
        let closed = from.closed[source.index()];
        if !closed.is_empty() {
            return Err(Stop::Closed(closed));
        }
        let to = self.row(listener.0).filter(|row| row.generation == listener.1).ok_or(Stop::NoListener)?;
        if from.subject == to.subject {
            return Err(Stop::Own);
        }
        if to.barred {
            return Err(Stop::Barred);
        }
        if from.space != to.space {
            return Err(Stop::OtherSpace);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: u32) -> Row {
        Row {
            subject: Subject(subject),
            generation: Generation(1),
            space: Space(0),
            barred: false,
            closed: [Reasons::NONE; Source::COUNT],
            weight: 0,
        }
    }

    fn check(change: impl FnOnce(&mut [Row]), expected: Result<(), Stop>) {
        let mut rows = vec![row(1), row(2)];
        change(&mut rows);
        let table = ForwardingTable { version: Version(1), epoch: Epoch(0), rows };
        let speaker = (Subject(1), Generation(1));
        let listener = (Subject(2), Generation(1));
        assert_eq!(table.permits(speaker, Source::Microphone, listener), expected);
    }

    #[test]
    fn an_open_gate_forwards() {
        check(|_| {}, Ok(()));
    }

    #[test]
    fn a_reason_is_in_a_set_once_and_goes_at_once() {
        for reason in Reason::ALL {
            let set = Reasons::of(reason);
            assert_eq!(set.with(reason), set);
            assert_eq!(set.union(set), set);
            assert_eq!(set.without(reason), Reasons::NONE);
            assert_eq!(Reasons::NONE.without(reason), Reasons::NONE);
            assert_eq!(set.iter().collect::<Vec<_>>(), [reason]);
        }
        assert_eq!(Reason::ALL.into_iter().collect::<Reasons>().iter().count(), Reason::COUNT);
    }

    #[test]
    fn every_reason_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Reason::ALL.map(Reason::name).into();
        assert_eq!(names.len(), Reason::COUNT);
        assert!(names.iter().all(|name| !name.is_empty()));
    }

    #[test]
    fn any_reason_closes() {
        for reason in Reason::ALL {
            let closed = Reasons::of(reason);
            check(|rows| rows[0].closed[Source::Microphone.index()] = closed, Err(Stop::Closed(closed)));
        }
    }

    #[test]
    fn a_bar_a_wall_and_a_stale_generation_stop() {
        check(|rows| rows[1].barred = true, Err(Stop::Barred));
        check(|rows| rows[1].space = Space(1), Err(Stop::OtherSpace));
        check(|rows| rows[0].generation = Generation(2), Err(Stop::NoSpeaker));
        check(|rows| rows[1].generation = Generation(2), Err(Stop::NoListener));
    }
}
