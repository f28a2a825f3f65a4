//! Each subject's last requests and their answers: a repeated one is answered as before and not carried out again.

use std::collections::{BTreeMap, VecDeque};

use hearth_protocol::{Outcome, Refusal, RefusalCode, RequestId, ServerFrame};
use serde::{Deserialize, Serialize};

use crate::{Act, Effects, Room};

/// Want of right is recorded one by one so often in a minute; beyond, it is counted and answered `too_fast`.
const REFUSALS_RECORDED: u32 = 5;
const MINUTE_MS: u32 = 60_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Ok,
    Confirm(String),
    /// The code alone: words that go with it may quote what was asked.
    Refused(RefusalCode),
}

/// A refusal on its way to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub code: RefusalCode,
    /// Instead of the code's own sentence.
    pub message: Option<String>,
}

impl From<RefusalCode> for Refused {
    fn from(code: RefusalCode) -> Refused {
        Refused { code, message: None }
    }
}

/// The oldest fall out beyond the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answers {
    order: VecDeque<RequestId>,
    given: BTreeMap<RequestId, Answer>,
}

impl Answers {
    pub fn find(&self, id: &RequestId) -> Option<&Answer> {
        self.given.get(id)
    }

    pub fn remember(&mut self, id: RequestId, answer: Answer, most: usize) {
        if self.given.insert(id.clone(), answer).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > most {
            if let Some(oldest) = self.order.pop_front() {
                self.given.remove(&oldest);
            }
        }
    }
}

impl Answer {
    /// None for what was only read: asked again, it is read again.
    pub fn of(result: &Result<Option<Outcome>, Refused>) -> Option<Answer> {
        match result {
            Ok(None) => Some(Answer::Ok),
            Ok(Some(Outcome::Confirm { word })) => Some(Answer::Confirm(word.clone())),
            Ok(Some(Outcome::Answer { .. } | Outcome::Export(_) | Outcome::Format { .. })) => None,
            Err(refused) => Some(Answer::Refused(refused.code)),
        }
    }

    pub fn frame(&self, request_id: RequestId) -> ServerFrame {
        match self {
            Answer::Ok => ServerFrame::Ok { request_id, outcome: None },
            Answer::Confirm(word) => {
                ServerFrame::Ok { request_id, outcome: Some(Outcome::Confirm { word: word.clone() }) }
            }
            Answer::Refused(code) => refusal(*code, code.message(), request_id),
        }
    }
}

fn refusal(code: RefusalCode, message: &str, request_id: RequestId) -> ServerFrame {
    let refusal = Refusal { code, message: message.to_owned() };
    ServerFrame::Refusal { request_id: Some(request_id), refusal }
}

/// What is said to a request that was carried out just now.
pub(crate) fn first(result: &Result<Option<Outcome>, Refused>, request_id: RequestId) -> ServerFrame {
    match result {
        Ok(outcome) => ServerFrame::Ok { request_id, outcome: outcome.clone() },
        Err(Refused { code, message }) => {
            refusal(*code, message.as_deref().unwrap_or(code.message()), request_id)
        }
    }
}

/// One subject's want of right within a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusals {
    pub ends_at: u32,
    count: u32,
    last: String,
}

impl Room {
    /// Records want of right, within limits, and says how it is answered. It never ends a connection.
    pub(crate) fn want_of_right(&mut self, out: &mut Effects, sub: &str, request: &str) -> RefusalCode {
        let ends_at = self.now.saturating_add(MINUTE_MS);
        let refusals = self.refusals.entry(sub.to_owned());
        let refusals = refusals.or_insert(Refusals { ends_at, count: 0, last: String::new() });
        refusals.count = refusals.count.saturating_add(1);
        if refusals.count > REFUSALS_RECORDED {
            request.clone_into(&mut refusals.last);
            return RefusalCode::TooFast;
        }
        let act = Act::Refused { request: request.to_owned(), count: 1 };
        self.record_as(out, Some(sub.to_owned()), act);
        RefusalCode::NotAllowed
    }

    /// The minute is over: what was beyond the limit is recorded as one count.
    pub(crate) fn count_refusals(&mut self, out: &mut Effects, sub: &str) {
        let Some(refusals) = self.refusals.remove(sub) else { return };
        let count = refusals.count.saturating_sub(REFUSALS_RECORDED);
        if count > 0 {
            self.record_as(out, Some(sub.to_owned()), Act::Refused { request: refusals.last, count });
        }
    }
}
