//! Private signals of members to the facilitators: distress, and that somebody may be watching. Never refused, whatever the state of
//! the room.
//!
//! Nobody but facilitators and the sender is told anything of it, by what is said as little as by when: a signal changes no table,
//! raises no number that others see, is recorded nowhere and stands in no snapshot. One of each kind for each subject, so a
//! flood of them is still one.

use std::collections::BTreeMap;

use hearth_forwarding::Subject;
use hearth_protocol::{
    Audience, DoorSignal, KnockId, MessageKind, Millis, OwnSignal, OwnSignalState, RefusalCode, Request,
    ServerFrame, Signal, SignalId, SignalKind,
};

use crate::knock::{At, Knock};
use crate::seat::participant;
use crate::{ConnectionId, Effects, Fresh, Policy, Room, alias};

/// An answered call for help goes from the desk and from its sender's screen after this.
const ANSWERED_MS: u32 = 5 * 60_000;
const REPEAT_MS_MIN: u32 = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signals {
    next: u32,
    raised: BTreeMap<(Sender, SignalKind), Raised>,
    /// What whoever sees nothing of the room was told of their own.
    told: BTreeMap<ConnectionId, DoorSignal>,
}

/// A subject, at the door too. A device of theirs that nobody has let in while their seat is held speaks for itself: it learns nothing
/// of what was sent from the seat, and takes nothing of it back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sender {
    sub: String,
    new_device: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Raised {
    id: SignalId,
    since: u32,
    repeated: u32,
    /// When the desk is told again.
    repeat_at: Option<u32>,
    /// Nobody answered in time.
    overdue: bool,
    answered: Option<Answered>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answered {
    by: Subject,
    /// Until when it still stands there.
    until: Option<u32>,
}

impl Signals {
    fn of(&self, sender: Sender, kind: SignalKind) -> Option<&Raised> {
        self.raised.get(&(sender, kind))
    }

    /// Two of one kind become one: whoever was not answered yet is not forgotten.
    fn keep(&mut self, sender: Sender, kind: SignalKind, raised: Raised) {
        let key = (sender, kind);
        if self.raised.get(&key).is_none_or(|one| one.answered.is_some()) {
            self.raised.insert(key, raised);
        }
    }
}

impl Sender {
    fn seated(sub: &str) -> Sender {
        Sender { sub: sub.to_owned(), new_device: false }
    }
}

impl Raised {
    fn next_due(&self, policy: &Policy) -> Option<u32> {
        match self.answered {
            Some(answered) => answered.until,
            None => self.overdue_at(policy).into_iter().chain(self.repeat_at).min(),
        }
    }

    fn overdue_at(&self, policy: &Policy) -> Option<u32> {
        if self.overdue { None } else { self.since.checked_add(policy.signal_unanswered_ms) }
    }

    fn repeat(&mut self, now: u32, policy: &Policy) {
        if self.overdue_at(policy).is_some_and(|at| at <= now) {
            self.overdue = true;
        }
        if self.repeat_at.is_some_and(|at| at <= now) {
            self.repeated = self.repeated.saturating_add(1);
            self.repeat_at = now.checked_add(policy.signal_repeat_ms.max(REPEAT_MS_MIN));
        }
    }

    fn state(&self, attended: bool) -> OwnSignalState {
        match self.answered {
            Some(_) => OwnSignalState::Answered,
            None if self.overdue || !attended => OwnSignalState::Unanswered,
            None => OwnSignalState::Sent,
        }
    }
}

impl Room {
    /// Whether this was a signal. It is taken before any rule could refuse it.
    pub(crate) fn takes_signal(&mut self, at: At, request: &Request) -> bool {
        let Some(sender) = self.sender_at(at) else { return false };
        if let Request::Distress = request {
            self.raise_signal(sender, SignalKind::Distress);
        } else if let Request::NotAlone { on: true } = request {
            self.raise_signal(sender, SignalKind::NotAlone);
        } else if let Request::NotAlone { on: false } = request {
            self.signals.raised.remove(&(sender, SignalKind::NotAlone));
        } else {
            return false;
        }
        true
    }

    fn sender_at(&self, at: At) -> Option<Sender> {
        Some(match at {
            At::Door(knock) => {
                let knock = self.knocks.get(&knock)?;
                Sender { sub: knock.claims.subject.clone(), new_device: self.is_new_device(knock) }
            }
            At::Seat(subject) => Sender::seated(&self.seats.get(&subject)?.sub),
        })
    }

    /// One that stands already stands. After an answer one may call again.
    fn raise_signal(&mut self, sender: Sender, kind: SignalKind) {
        let key = (sender, kind);
        let again = kind == SignalKind::Distress;
        if self.signals.raised.get(&key).is_some_and(|one| one.answered.is_none() || !again) {
            return;
        }
        self.signals.next = self.signals.next.wrapping_add(1);
        let raised = Raised {
            id: SignalId(self.signals.next),
            since: self.now,
            repeated: 0,
            repeat_at: self.now.checked_add(self.definition.policy.signal_repeat_ms.max(REPEAT_MS_MIN)),
            overdue: false,
            answered: None,
        };
        self.signals.raised.insert(key, raised);
    }

    /// Whose it was is told so. Words reach only who sees the room; and none are put on a screen that somebody may be watching.
    pub(crate) fn answer_signal(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        id: SignalId,
        text: Option<&str>,
        fresh: &Fresh,
    ) -> Result<(), RefusalCode> {
        let found = self.signals.raised.iter().find(|(_, one)| one.id == id);
        let (key, _) = found.ok_or(RefusalCode::NotFound)?;
        let (key, subject) = (key.clone(), self.subjects.get(&key.0.sub).copied());
        if subject == Some(actor) {
            return Err(RefusalCode::NotPossible);
        }
        if let Some(text) = text {
            let reads = key.1 == SignalKind::Distress && !key.0.new_device;
            let readers = subject.filter(|to| reads && self.is_hearing(*to));
            let to = readers.ok_or(RefusalCode::NotPossible)?;
            let to = Audience::Participant { participant: participant(to) };
            self.write(out, actor, to, MessageKind::Answer, text, fresh)?;
        }
        let until = self.now.checked_add(ANSWERED_MS).filter(|_| key.1 == SignalKind::Distress);
        if let Some(raised) = self.signals.raised.get_mut(&key) {
            raised.answered.get_or_insert(Answered { by: actor, until });
        }
        Ok(())
    }

    pub(crate) fn signal_dues(&self) -> impl Iterator<Item = (u32, SignalId)> {
        let policy = &self.definition.policy;
        self.signals.raised.values().filter_map(|one| Some((one.next_due(policy)?, one.id)))
    }

    pub(crate) fn signal_due(&mut self, id: SignalId) {
        let (now, policy) = (self.now, &self.definition.policy);
        for raised in self.signals.raised.values_mut().filter(|one| one.id == id && one.answered.is_none()) {
            raised.repeat(now, policy);
        }
        let over =
            |one: &Raised| one.answered.and_then(|answered| answered.until).is_some_and(|at| at <= now);
        self.signals.raised.retain(|_, one| one.id != id || !over(one));
    }

    /// Whoever was removed, or has gone from the door, signals no more.
    pub(crate) fn settle_signals(&mut self) {
        for ((sender, kind), one) in std::mem::take(&mut self.signals.raised) {
            let knock = self.knock_of(&sender.sub);
            if sender.new_device {
                // Its seat may be gone by now: then it waits like anyone.
                let apart = knock.map(|knock| self.is_new_device(knock.1));
                let sender = apart.map(|new_device| Sender { new_device, ..sender });
                sender.into_iter().for_each(|sender| self.signals.keep(sender, kind, one.clone()));
            } else if knock.is_some() || self.seat_of(&sender.sub).is_some() {
                self.signals.keep(sender, kind, one);
            }
        }
    }

    /// What was sent from a new device is sent from the seat, once that is the one that has it.
    pub(crate) fn bring_signals_in(&mut self, sub: &str) {
        for kind in [SignalKind::Distress, SignalKind::NotAlone] {
            let device = Sender { new_device: true, ..Sender::seated(sub) };
            if let Some(one) = self.signals.raised.remove(&(device, kind)) {
                self.signals.keep(Sender::seated(sub), kind, one);
            }
        }
    }

    /// As its sender sees it, in the room.
    pub(crate) fn own_signal(&self, subject: Subject) -> Option<OwnSignal> {
        let raised = self.sent_from(subject, SignalKind::Distress)?;
        let attended = self.hearing().any(|(_, other)| other != subject && self.is_facilitator(other));
        Some(OwnSignal { since: Millis(raised.since), state: raised.state(attended) })
    }

    pub(crate) fn is_not_alone(&self, subject: Subject) -> bool {
        self.sent_from(subject, SignalKind::NotAlone).is_some()
    }

    fn sent_from(&self, subject: Subject, kind: SignalKind) -> Option<&Raised> {
        if self.signals.raised.is_empty() {
            return None;
        }
        self.signals.of(self.sender_at(At::Seat(subject))?, kind)
    }

    pub(crate) fn signals_at_the_desk(&self) -> Vec<Signal> {
        let mut signals: Vec<Signal> = (self.signals.raised.iter())
            .map(|((sender, kind), raised)| {
                let seat = self.seat_of(&sender.sub).filter(|_| !sender.new_device);
                let knock = self.knock_of(&sender.sub);
                let knock = knock.filter(|(_, knock)| self.is_new_device(knock) == sender.new_device);
                let alias = seat.and_then(|subject| Some(self.seats.get(&subject)?.alias.shown(subject)));
                let claimed = knock.map(|(_, knock)| &knock.claims.alias);
                Signal {
                    id: raised.id,
                    kind: *kind,
                    participant: seat.map(participant),
                    knock: knock.map(|(id, _)| id),
                    alias: alias
                        .or_else(|| claimed.map(|alias| alias::at_the_door(alias)))
                        .unwrap_or_default(),
                    since: Millis(raised.since),
                    repeated: raised.repeated,
                    answered_by: raised.answered.map(|answered| participant(answered.by)),
                }
            })
            .collect();
        signals.sort_by_key(|signal| signal.id);
        signals
    }

    /// Whoever sees nothing of the room is told by a frame of its own, which shows nothing of who is inside either: only a
    /// facilitator's answer or the time alone changes it.
    pub(crate) fn tell_signals(&mut self, out: &mut Effects) {
        let mut told = BTreeMap::new();
        for (connection, at) in self.connections.iter().filter(|_| !self.signals.raised.is_empty()) {
            let sees = matches!(at, At::Seat(subject) if self.is_hearing(*subject));
            let sender = self.sender_at(*at).filter(|_| !sees);
            let raised = sender.and_then(|sender| self.signals.of(sender, SignalKind::Distress));
            let Some(raised) = raised else { continue };
            let crisis_line = self.definition.crisis_line.clone();
            let signal = DoorSignal { since: Millis(raised.since), state: raised.state(true), crisis_line };
            if self.signals.told.get(connection) != Some(&signal) {
                out.frame(*connection, ServerFrame::Signal(signal.clone()));
            }
            told.insert(*connection, signal);
        }
        self.signals.told = told;
    }

    /// Whoever has or had a seat, and was not removed.
    fn seat_of(&self, sub: &str) -> Option<Subject> {
        let subject = *self.subjects.get(sub)?;
        self.seats.get(&subject).filter(|seat| !seat.is_removed()).map(|_| subject)
    }

    fn knock_of(&self, sub: &str) -> Option<(KnockId, &Knock)> {
        self.knocks.iter().find(|(_, knock)| knock.claims.subject == sub).map(|(id, knock)| (*id, knock))
    }
}
