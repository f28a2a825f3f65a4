//! What the audit says, replayed: what was acknowledged must be in it, nothing may be in it twice or uncalled for, and the room must
//! be as it says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hearth::{
    RoomId,
    store::{AuditRow, first_broken},
};
use hearth_protocol::{KnockId, RefusalCode, Request, RequestId, Source};

use super::program::ROOM;
use crate::signalling::Client;

/// What one facilitator asked, in order, and what came of it as far as they know.
#[derive(Clone, Debug)]
pub struct Asked {
    pub id: RequestId,
    pub request: Request,
    pub act: &'static str,
    /// Whom it concerns, where the asker knew.
    pub subject: Option<String>,
    /// An `ok` to it is in the audit. Otherwise it may have been so already.
    pub surely: bool,
    pub answer: Option<Result<(), RefusalCode>>,
}

impl Asked {
    /// Long ago, and answered.
    pub fn admitted(subject: &str) -> Asked {
        let request = Request::Admit { knock: KnockId(0), through_lock: false };
        let (id, subject) = (Client::fresh_id(), Some(subject.to_owned()));
        Asked { id, request, act: "admitted", subject, surely: true, answer: Some(Ok(())) }
    }
}

/// Where somebody stands after all that is in the audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Nowhere,
    Waiting,
    Seated,
    Denied,
    Removed,
}

/// The room as the audit tells it.
#[derive(Clone, Debug, Default)]
pub struct Referee {
    read: usize,
    pub locked: bool,
    /// So many steps of a thaw are done.
    pub frozen: Option<usize>,
    /// Closed by a facilitator.
    pub closed: BTreeSet<(String, &'static str)>,
    pub standing: BTreeMap<String, Standing>,
    pub spent: BTreeSet<String>,
    /// Acts since the last reading, by who did them: what, and to whom.
    news: BTreeMap<String, VecDeque<(String, Option<String>)>>,
}

const ACTS: [&str; 12] = [
    "gate_closed",
    "gate_opened",
    "all_gates_closed",
    "locked",
    "unlocked",
    "frozen",
    "thawed",
    "removed",
    "removal_undone",
    "admitted",
    "denied",
    "denial_undone",
];

impl Referee {
    /// Reads on. `core`: everybody whose seat is there all the time and is no facilitator's.
    pub fn read(
        &mut self,
        rows: &[AuditRow],
        names: &[(String, String)],
        core: &[String],
    ) -> Result<(), String> {
        let room = RoomId::parse(ROOM).expect("a room's id");
        if let Some(at) = first_broken(&room, rows) {
            return Err(format!("the audit's chain is broken at {at} of {}", rows.len()));
        }
        if rows.len() < self.read {
            return Err(format!("of {} rows of the audit {} are left", self.read, rows.len()));
        }
        let names: BTreeMap<_, _> = names.iter().cloned().collect();
        for row in &rows[self.read..] {
            let name = |pseudonym: &hearth::store::Pseudonym| {
                names
                    .get(&pseudonym.0)
                    .cloned()
                    .ok_or_else(|| format!("row {} names a stranger", row.sequence))
            };
            let actor = row.actor.as_ref().map(name).transpose()?;
            let subject = row.subject.as_ref().map(name).transpose()?;
            self.follow(row, subject.as_deref(), core);
            if let Some(actor) = actor.filter(|_| ACTS.contains(&row.act.as_str())) {
                self.news.entry(actor).or_default().push_back((row.act.clone(), subject));
            }
        }
        self.read = rows.len();
        Ok(())
    }

    /// Every `ok` to this facilitator is in the audit, no refusal is, and nothing that was not asked for. What is in it leaves `asked`.
    pub fn judge(&mut self, who: &str, asked: &mut Vec<Asked>) -> Result<(), String> {
        let mut news = self.news.remove(who).unwrap_or_default();
        let mut left = Vec::new();
        for one in asked.drain(..) {
            let is_next = news.front().is_some_and(|(act, subject)| {
                act == one.act && one.subject.as_ref().is_none_or(|known| subject.as_ref() == Some(known))
            });
            match (one.answer, is_next) {
                (Some(Ok(())) | None, true) => {
                    news.pop_front();
                }
                (Some(Ok(())), false) if one.surely => {
                    return Err(format!(
                        "{who} was told ok, and it is lost: {one:?}; next is {:?}",
                        news.front()
                    ));
                }
                // The same again, by the next request perhaps.
                (Some(Ok(()) | Err(_)), _) => {}
                (None, false) => left.push(one),
            }
        }
        *asked = left;
        match news.front() {
            Some(act) => Err(format!("{who} did not ask for this, or not twice: {act:?}")),
            None => Ok(()),
        }
    }

    pub fn standing(&self, subject: &str) -> Standing {
        self.standing.get(subject).copied().unwrap_or_default()
    }

    fn follow(&mut self, row: &AuditRow, subject: Option<&str>, core: &[String]) {
        let source = SOURCES.into_iter().find(|(_, name)| row.detail.contains(&format!("\"{name}\"")));
        let source = source.map(|(_, name)| name);
        let mut stands = |standing| {
            if let Some(subject) = subject {
                self.standing.insert(subject.to_owned(), standing);
            }
        };
        match row.act.as_str() {
            "locked" => self.locked = true,
            "unlocked" => self.locked = false,
            "frozen" => self.frozen = Some(0),
            "thawed" => self.frozen = self.frozen.map(|steps| steps + 1).filter(|steps| *steps < 3),
            "consented" => stands(Standing::Waiting),
            "joined" => stands(Standing::Seated),
            "left" | "denial_undone" | "removal_undone" => stands(Standing::Nowhere),
            "denied" => stands(Standing::Denied),
            "removed" => stands(Standing::Removed),
            "ticket_spent" => self.spent.extend(subject.map(str::to_owned)),
            "all_gates_closed" => {
                let all = core.iter().filter_map(|subject| Some((subject.clone(), source?)));
                self.closed.extend(all);
            }
            "gate_closed" => self.closed.extend(subject.and_then(|one| Some((one.to_owned(), source?)))),
            "gate_opened" => {
                if let (Some(subject), Some(source)) = (subject, source) {
                    self.closed.remove(&(subject.to_owned(), source));
                }
            }
            _ => {}
        }
    }
}

pub const SOURCES: [(Source, &str); 3] =
    [(Source::Microphone, "microphone"), (Source::Camera, "camera"), (Source::Screen, "screen")];
