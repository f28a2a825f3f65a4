use std::{iter::Chain, slice::Iter, sync::Arc};

use hearth_forwarding::{ForwardingTable, Version};
use hearth_protocol::{Bye, Change, Notice, RoomView, ServerFrame, Source};
use serde::{Deserialize, Serialize};

use crate::{Attended, ConnectionId};

/// What a command brings about, to be carried out in this order: the relay first, then the record, then the words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// The table these effects belong to. Nothing of `record` and `tell` happens before the relay has acknowledged it.
    pub version: Version,
    /// A last card: sent before all else, waited on for at most 200 ms.
    pub farewell: Option<Tell>,
    /// The new table, if it changed.
    pub forward: Option<ForwardingTable>,
    /// Acts of power, for the audit. To be durable before `tell`.
    pub record: Vec<Record>,
    /// Who was here, for good. To be durable with the snapshot of these effects, which does not hold it any more.
    pub attendance: Vec<Attended>,
    /// Whether anything changed that a restart must not loosen: the snapshot is to be durable before `tell`.
    pub durable: bool,
    pub tell: Vec<Tell>,
    /// The session is over: nothing comes after these effects.
    pub ended: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tell {
    pub to: ConnectionId,
    pub words: Words,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Words {
    /// Neither a snapshot nor a delta nor a bye.
    Frame(ServerFrame),
    /// The connection's outbox numbers it.
    Snapshot(Box<RoomView>),
    /// The connection's outbox numbers it.
    Delta(Changes),
    /// Said last; then the connection is closed.
    Bye(Bye),
}

/// What changed, for one recipient.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// First what many are told alike: one list for all of them, which need be written only once.
    pub alike: Arc<[Change]>,
    /// Then what is told to this one alone.
    pub own: Vec<Change>,
}

/// An act of power, as the audit keeps it: who did what to whom. Subjects are `sub` here; the store makes pseudonyms of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Session clock.
    pub at: u32,
    /// None: the room itself, by a rule.
    pub actor: Option<String>,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    Started,
    TicketSpent {
        subject: String,
    },
    Consented {
        subject: String,
        version: u32,
    },
    Admitted {
        subject: String,
        through_lock: bool,
    },
    Denied {
        subject: String,
    },
    DenialUndone {
        subject: String,
    },
    SentToWaiting {
        subject: String,
    },
    Joined {
        subject: String,
    },
    Left {
        subject: String,
        dropped: bool,
    },
    GateClosed {
        subject: String,
        source: Source,
    },
    GateOpened {
        subject: String,
        source: Source,
    },
    AllGatesClosed {
        source: Source,
    },
    FloorSet {
        mode: hearth_protocol::FloorMode,
    },
    Granted {
        subject: String,
    },
    Revoked {
        subject: String,
    },
    RoundStarted,
    RoundEnded,
    Locked,
    Unlocked,
    Frozen,
    Thawed {
        step: hearth_protocol::ThawStep,
    },
    Held,
    Resumed,
    Removed {
        subject: String,
    },
    RemovalUndone {
        subject: String,
    },
    LeadPassed {
        subject: String,
    },
    /// Into this aside, or back to the room.
    Moved {
        subject: String,
        aside: Option<u32>,
    },
    /// This aside, or all; with no actor: it must not go on.
    Recalled {
        aside: Option<u32>,
    },
    /// These two; the other one by their number in the session.
    KeptApart {
        subject: String,
        other: u32,
        apart: bool,
    },
    HelperLent {
        subject: String,
        on: bool,
    },
    Refused {
        request: String,
        count: u32,
    },
    /// Everything done about one breach of confidentiality bears its incident. With a subject: they are removed for it.
    Breach {
        incident: u32,
        code: hearth_protocol::BreachCode,
        subject: Option<String>,
    },
    /// Without a subject: of all members.
    CeilingSet {
        subject: Option<String>,
        level: hearth_protocol::Level,
    },
    SteppedTo {
        segment: u32,
    },
    Overridden,
    FormatChanged {
        format: String,
    },
    BreakBegun,
    BreakOver,
    EndAnnounced,
    EndCancelled,
    Ended,
}

impl Changes {
    pub fn alike(alike: Arc<[Change]>) -> Changes {
        Changes { alike, own: Vec::new() }
    }

    pub fn own(own: Vec<Change>) -> Changes {
        Changes { alike: Arc::default(), own }
    }

    pub fn is_empty(&self) -> bool {
        self.alike.is_empty() && self.own.is_empty()
    }

    pub fn iter(&self) -> Chain<Iter<'_, Change>, Iter<'_, Change>> {
        self.alike.iter().chain(&self.own)
    }

    /// Takes these out of what this recipient is told.
    pub fn take_out(&mut self, these: impl Fn(&Change) -> bool) -> Vec<Change> {
        let mut taken = Vec::new();
        if self.alike.iter().any(&these) {
            let (out, rest) = self.alike.iter().cloned().partition::<Vec<_>, _>(&these);
            (taken, self.alike) = (out, rest.into());
        }
        taken.extend(self.own.extract_if(.., |change| these(change)));
        taken
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = &'a Change;
    type IntoIter = Chain<Iter<'a, Change>, Iter<'a, Change>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Effects {
    /// Tells all of them the same.
    pub(crate) fn tell_alike(&mut self, to: impl IntoIterator<Item = ConnectionId>, change: Change) {
        let alike: Arc<[Change]> = Arc::new([change]);
        let words = || Words::Delta(Changes::alike(alike.clone()));
        self.tell.extend(to.into_iter().map(|to| Tell { to, words: words() }));
    }

    pub(crate) fn frame(&mut self, to: ConnectionId, frame: ServerFrame) {
        self.tell.push(Tell { to, words: Words::Frame(frame) });
    }

    pub(crate) fn notice(&mut self, to: ConnectionId, notice: Notice) {
        let words = Words::Delta(Changes::own(vec![Change::Notice { notice }]));
        self.tell.push(Tell { to, words });
    }

    pub(crate) fn bye(&mut self, to: ConnectionId, bye: Bye) {
        self.tell.push(Tell { to, words: Words::Bye(bye) });
    }
}
