use std::time::Duration;

use hearth_forwarding::{ForwardingTable, Version};
use hearth_protocol::{RefusalCode, ServerFrame};
use hearth_room::{Attended, Legacy, Record, Snapshot, Tell, Words};
use tokio::{sync::oneshot, time::Instant};

use crate::signalling::refusal;

/// How long the relay may take to acknowledge a table.
pub(super) const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(500);

/// What one command brought about and what is still to be done of it, once the relay holds the table of `version`.
#[derive(Debug)]
pub(super) struct Group {
    pub version: Version,
    pub table: Option<ForwardingTable>,
    /// When the relay counts as failed.
    pub deadline: Instant,
    /// The farewell under way, by its number.
    pub farewell: Option<u64>,
    pub record: Vec<Record>,
    pub attendance: Vec<Attended>,
    pub snapshot: Option<Snapshot>,
    /// The session's clock at the command.
    pub clock: u32,
    pub tell: Vec<Tell>,
    pub ended: bool,
    /// With `ended`: what the session leaves to the next one.
    pub legacy: Option<Legacy>,
    /// The relay did not acknowledge it in time.
    pub unacknowledged: bool,
    /// Who asked from outside the room, to be told when it is done.
    pub done: Option<oneshot::Sender<()>>,
    /// What of it need not wait for a record that fails was said.
    pub looked_through: bool,
}

impl Group {
    pub fn is_empty(&self) -> bool {
        self.farewell.is_none() && self.tell.is_empty() && self.done.is_none() && !self.needs_record()
    }

    pub fn needs_record(&self) -> bool {
        !self.record.is_empty() || !self.attendance.is_empty() || self.snapshot.is_some() || self.ended
    }

    pub fn changes_what_is_kept(&self) -> bool {
        self.needs_record() || self.table.is_some()
    }

    /// Takes every `ok` out and gives the refusals that are said instead.
    pub fn refusals(&mut self, code: RefusalCode) -> Vec<Tell> {
        self.answers().into_iter().map(|answer| refused(answer, code)).collect()
    }

    /// Takes every `ok` out.
    pub fn answers(&mut self) -> Vec<Tell> {
        let (answers, rest) = std::mem::take(&mut self.tell).into_iter().partition(is_ok);
        self.tell = rest;
        answers
    }
}

fn is_ok(tell: &Tell) -> bool {
    matches!(tell.words, Words::Frame(ServerFrame::Ok { .. }))
}

fn refused(answer: Tell, code: RefusalCode) -> Tell {
    let Words::Frame(ServerFrame::Ok { request_id, .. }) = answer.words else { return answer };
    let frame = ServerFrame::Refusal { request_id: Some(request_id), refusal: refusal(code) };
    Tell { to: answer.to, words: Words::Frame(frame) }
}
