//! Private signals: who raised which and who answered. What is due of them follows from the time alone.

use hearth_protocol::{Millis, Request};
use hearth_protocol::{OwnSignal, OwnSignalState, SignalKind};

use super::{Model, Seat};

const ANSWERED_MS: u32 = 300_000;

/// In memory alone: a restart forgets them.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    count: u32,
    pub raised: Vec<Raised>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    pub id: u32,
    pub subject: String,
    pub kind: SignalKind,
    pub since: u32,
    /// By whom, and when.
    pub answered: Option<(u32, u32)>,
}

/// Taken before any rule could refuse it.
pub fn is_signal(request: &Request) -> bool {
    matches!(request, Request::Distress | Request::NotAlone { .. })
}

impl Model {
    /// One that stands already stands; after an answer one may call for help again.
    pub fn signal(&mut self, subject: &str, request: &Request) {
        let kind = if *request == Request::Distress { SignalKind::Distress } else { SignalKind::NotAlone };
        let stands = self.raised(subject, kind).cloned();
        let mine = |one: &Raised| one.subject == subject && one.kind == kind;
        if *request == (Request::NotAlone { on: false }) {
            self.signals.raised.retain(|one| !mine(one));
            return;
        }
        if stands.is_some_and(|one| kind == SignalKind::NotAlone || one.answered.is_none()) {
            return;
        }
        self.signals.raised.retain(|one| !mine(one));
        self.signals.count += 1;
        let raised = Raised {
            id: self.signals.count,
            subject: subject.to_owned(),
            kind,
            since: self.now,
            answered: None,
        };
        self.signals.raised.push(raised);
    }

    pub fn raised(&self, subject: &str, kind: SignalKind) -> Option<&Raised> {
        self.signals.raised.iter().find(|one| one.subject == subject && one.kind == kind)
    }

    pub fn answer(&mut self, id: u32, by: u32) {
        let now = self.now;
        for one in self.signals.raised.iter_mut().filter(|one| one.id == id) {
            one.answered.get_or_insert((by, now));
        }
    }

    /// Whoever was removed or has gone from the door signals no more, and an answered call goes after a while.
    pub fn settle_signals(&mut self) {
        let Model { signals, numbers, removed, doors, now, .. } = self;
        signals.raised.retain(|one| {
            let seated = numbers.contains_key(&one.subject) && !removed.contains(&one.subject);
            let waits = doors.iter().any(|door| door.claims.subject == one.subject);
            let over = one.kind == SignalKind::Distress
                && one.answered.is_some_and(|(_, at)| *now >= at + ANSWERED_MS);
            (seated || waits) && !over
        });
    }

    /// When time alone changes what is seen of one.
    pub fn signal_dues(&self) -> impl Iterator<Item = (u32, &'static str)> {
        let policy = self.policy();
        self.signals.raised.iter().flat_map(|one| {
            let [repeat, told, over] = match one.answered {
                Some((_, at)) => {
                    [None, None, Some(at + ANSWERED_MS).filter(|_| one.kind == SignalKind::Distress)]
                }
                None => {
                    let next = one.since + (self.repeated(one) + 1) * policy.signal_repeat_ms;
                    let told = one.since + policy.signal_unanswered_ms;
                    [Some(next), Some(told).filter(|at| *at > self.now), None]
                }
            };
            let named = [(repeat, "SignalRepeated"), (told, "SignalUnanswered"), (over, "SignalOver")];
            named.into_iter().filter_map(|(at, name)| Some((at?, name)))
        })
    }

    pub fn repeated(&self, one: &Raised) -> u32 {
        let until = one.answered.map_or(self.now, |(_, at)| at);
        (until - one.since) / self.policy().signal_repeat_ms
    }

    /// Nobody answered within a minute, or nobody is there who could.
    pub fn signal_state(&self, one: &Raised, attended: bool) -> OwnSignalState {
        let late = self.now - one.since >= self.policy().signal_unanswered_ms;
        match one.answered {
            Some(_) => OwnSignalState::Answered,
            None if late || !attended => OwnSignalState::Unanswered,
            None => OwnSignalState::Sent,
        }
    }

    /// As its sender sees it in the room.
    pub fn own_signal(&self, seat: &Seat) -> Option<OwnSignal> {
        let one = self.raised(&seat.claims.subject, SignalKind::Distress)?;
        let attended = self.facilitators().any(|other| other.number != seat.number && !self.is_barred(other));
        Some(OwnSignal { since: Millis(one.since), state: self.signal_state(one, attended) })
    }
}
