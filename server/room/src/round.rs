//! A round: one turn each, in an order that was fixed at its start. Silence never ends a turn, and passing is never remarked on.

use std::collections::{BTreeSet, VecDeque};

use hearth_forwarding::{Source, Subject};
use hearth_protocol::{FloorMode, Notice, RefusalCode, Role, RoundOrder};
use serde::{Deserialize, Serialize};

use crate::aside::ROOM;
use crate::seat::Seat;
use crate::{Act, Effects, Room};

/// A turn, its extensions included, is never longer than this; what was suspended counts anew.
const TURN_MS_MAX: u32 = 60 * 60_000;
/// So long before a turn is stopped its owner is told.
const WARNING_MS: u32 = 30_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Round {
    pub turn: Option<Turn>,
    pub queue: VecDeque<Subject>,
    /// Had their turn, or let it go by.
    pub done: BTreeSet<Subject>,
    /// Were away when their turn came, once already.
    pub deferred: BTreeSet<Subject>,
    pub turn_ms: Option<u32>,
    /// Turns end when their time is over: where the segment says so, and nowhere else.
    #[serde(default)]
    pub hard_stop: bool,
    pub facilitators: bool,
    /// Suspended by freeze, hold or a break since then.
    pub paused: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub subject: Subject,
    pub since: u32,
    /// Gentle, unless it stops.
    pub until: Option<u32>,
    /// The turn ends by itself then.
    #[serde(default)]
    pub stops: bool,
    /// Its owner was told that it will.
    #[serde(default)]
    pub warned: bool,
    /// From here on an absence counts: the turn's start, or the last time the round went on.
    pub counts_from: u32,
}

impl Round {
    fn includes(&self, seat: &Seat) -> bool {
        may_have_turn(seat, self.facilitators)
    }

    fn knows(&self, subject: Subject) -> bool {
        let turn = self.turn.is_some_and(|turn| turn.subject == subject);
        turn || self.done.contains(&subject) || self.queue.contains(&subject)
    }

    fn begin(&mut self, subject: Subject, now: u32) {
        let now = self.paused.map_or(now, |since| since.min(now));
        let until = self.turn_ms.map(|turn_ms| now.saturating_add(turn_ms));
        let stops = self.hard_stop && until.is_some();
        self.turn = Some(Turn { subject, since: now, until, stops, warned: false, counts_from: now });
    }
}

/// What a round is started with.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub order: RoundOrder,
    pub turn_seconds: Option<u32>,
    pub facilitators: bool,
    pub hard_stop: bool,
    /// The floor when everyone has had a turn.
    pub after: FloorMode,
}

fn warning_at(until: u32) -> u32 {
    until.saturating_sub(WARNING_MS)
}

fn may_have_turn(seat: &Seat, facilitators: bool) -> bool {
    let role = match seat.role {
        Role::Member | Role::PeerLead => true,
        Role::Facilitator | Role::Cofacilitator => facilitators,
        Role::Interpreter | Role::Observer => false,
    };
    role && seat.space == ROOM && seat.may_publish(Source::Microphone)
}

impl Room {
    pub(crate) fn start_round(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        order: RoundOrder,
        turn_seconds: Option<u32>,
        facilitators: bool,
    ) -> Result<(), RefusalCode> {
        let running = self.floor.mode == FloorMode::Round;
        let after = if running { self.floor.before } else { self.floor.mode };
        let hard_stop = self.agenda.segment().is_some_and(|segment| segment.hard_stop);
        self.set_round(out, Plan { order, turn_seconds, facilitators, hard_stop, after })?;
        self.record(out, Some(actor), Act::RoundStarted);
        Ok(())
    }

    /// Nothing changes where nobody is there to have a turn.
    pub(crate) fn set_round(&mut self, out: &mut Effects, plan: Plan) -> Result<(), RefusalCode> {
        let Plan { order, turn_seconds, facilitators, hard_stop, after } = plan;
        let mut queue: Vec<Subject> = (self.seats.iter())
            .filter(|(subject, seat)| self.is_here(**subject) && may_have_turn(seat, facilitators))
            .map(|(subject, _)| *subject)
            .collect();
        match order {
            RoundOrder::Seated => {}
            RoundOrder::Manual { participants } => {
                let listed = |subject: &Subject| participants.iter().position(|listed| listed.0 == subject.0);
                queue.sort_by_cached_key(|subject| listed(subject).unwrap_or(usize::MAX));
            }
            RoundOrder::Equity => self.by_equity(&mut queue, |subject| *subject),
        }
        if queue.is_empty() {
            return Err(RefusalCode::NotPossible);
        }
        self.floor.before = after;
        self.floor.set_mode(FloorMode::Round);
        self.floor.round = Some(Round {
            turn: None,
            queue: queue.into(),
            done: BTreeSet::new(),
            deferred: BTreeSet::new(),
            turn_ms: turn_seconds.map(|seconds| seconds.saturating_mul(1_000).clamp(1_000, TURN_MS_MAX)),
            hard_stop,
            facilitators,
            paused: self.floor_is_paused().then_some(self.now),
        });
        self.next_turn(out);
        Ok(())
    }

    pub(crate) fn end_round(&mut self, out: &mut Effects, actor: Subject) -> Result<(), RefusalCode> {
        if self.floor.round.is_none() {
            return Err(RefusalCode::NotPossible);
        }
        self.close_round(out, Some(actor));
        Ok(())
    }

    pub(crate) fn extend_turn(&mut self, seconds: u32) -> Result<(), RefusalCode> {
        let round = self.floor.round.as_mut().ok_or(RefusalCode::NotPossible)?;
        // While it is suspended its time stands still.
        let now = round.paused.unwrap_or(self.now);
        let turn = round.turn.as_mut().ok_or(RefusalCode::NotPossible)?;
        let until = turn.until.as_mut().ok_or(RefusalCode::NotPossible)?;
        let extended = until.saturating_add(seconds.saturating_mul(1_000));
        *until = extended.min(turn.counts_from.saturating_add(TURN_MS_MAX));
        turn.warned &= warning_at(*until) <= now;
        Ok(())
    }

    /// One touch: this turn is not cut off any more.
    pub(crate) fn suspend_stop(&mut self) -> Result<(), RefusalCode> {
        let turn = self.floor.round.as_mut().and_then(|round| round.turn.as_mut());
        let turn = turn.filter(|turn| turn.stops).ok_or(RefusalCode::NotPossible)?;
        turn.stops = false;
        Ok(())
    }

    /// The present turn's end, where it stops by itself and its time runs.
    pub(crate) fn turn_over_at(&self) -> Option<u32> {
        self.stopping_turn()?.until
    }

    pub(crate) fn turn_warned_at(&self) -> Option<u32> {
        let turn = self.stopping_turn().filter(|turn| !turn.warned)?;
        turn.until.map(|until| warning_at(until).max(turn.since))
    }

    fn stopping_turn(&self) -> Option<Turn> {
        let round = self.floor.round.as_ref().filter(|round| round.paused.is_none())?;
        round.turn.filter(|turn| turn.stops)
    }

    pub(crate) fn warn_of_turn(&mut self, out: &mut Effects) {
        let turn = self.floor.round.as_mut().and_then(|round| round.turn.as_mut());
        let Some(turn) = turn else { return };
        turn.warned = true;
        let subject = turn.subject;
        let to = self.hearing().find(|(_, hearing)| *hearing == subject);
        to.into_iter().for_each(|(to, _)| out.notice(to, Notice::TurnEndsSoon));
    }

    pub(crate) fn stop_turn(&mut self, out: &mut Effects) {
        let turn = self.floor.round.as_ref().and_then(|round| round.turn);
        if let Some(turn) = turn {
            // Whoever has a turn can let it go.
            let _ = self.pass(out, turn.subject);
        }
    }

    /// A facilitator goes on to the next one.
    pub(crate) fn skip_turn(&mut self, out: &mut Effects) -> Result<(), RefusalCode> {
        let turn = self.floor.round.as_ref().and_then(|round| round.turn).ok_or(RefusalCode::NotPossible)?;
        self.pass(out, turn.subject)
    }

    /// One's turn goes by, now or when it would come.
    pub(crate) fn pass(&mut self, out: &mut Effects, subject: Subject) -> Result<(), RefusalCode> {
        let round = self.floor.round.as_mut().ok_or(RefusalCode::NotPossible)?;
        if round.turn.is_some_and(|turn| turn.subject == subject) {
            round.done.insert(subject);
            self.next_turn(out);
            return Ok(());
        }
        let at = round.queue.iter().position(|queued| *queued == subject).ok_or(RefusalCode::NotPossible)?;
        round.queue.remove(at);
        round.done.insert(subject);
        Ok(())
    }

    /// One's turn moves to the end.
    pub(crate) fn defer(&mut self, out: &mut Effects, subject: Subject) -> Result<(), RefusalCode> {
        let round = self.floor.round.as_mut().ok_or(RefusalCode::NotPossible)?;
        if round.turn.is_some_and(|turn| turn.subject == subject) {
            if !round.queue.is_empty() {
                round.queue.push_back(subject);
                self.next_turn(out);
            }
            return Ok(());
        }
        let at = round.queue.iter().position(|queued| *queued == subject).ok_or(RefusalCode::NotPossible)?;
        round.queue.remove(at);
        round.queue.push_back(subject);
        Ok(())
    }

    /// A joiner goes to the end; whoever had a turn already has none again.
    pub(crate) fn join_round(&mut self, subject: Subject) {
        let Some(seat) = self.seats.get(&subject) else { return };
        let Some(round) = self.floor.round.as_mut() else { return };
        if round.includes(seat) && !round.knows(subject) {
            round.queue.push_back(subject);
        }
    }

    pub(crate) fn leave_round(&mut self, out: &mut Effects, subject: Subject) {
        let Some(round) = self.floor.round.as_mut() else { return };
        round.queue.retain(|queued| *queued != subject);
        if round.turn.is_some_and(|turn| turn.subject == subject) {
            self.next_turn(out);
        }
    }

    /// When the absence of whoever has the turn ends it.
    pub(crate) fn turn_lost_at(&self) -> Option<u32> {
        let round = self.floor.round.as_ref().filter(|round| round.paused.is_none())?;
        let turn = round.turn?;
        let dropped = self.absent_since(turn.subject)?;
        Some(dropped.max(turn.counts_from).saturating_add(self.definition.policy.turn_grace_ms))
    }

    /// Away for too long: deferred once, then skipped.
    pub(crate) fn lose_turn(&mut self, out: &mut Effects) {
        let Some(round) = self.floor.round.as_mut() else { return };
        let Some(turn) = round.turn else { return };
        if round.deferred.insert(turn.subject) {
            round.queue.push_back(turn.subject);
        } else {
            round.done.insert(turn.subject);
        }
        self.next_turn(out);
    }

    /// Suspended by freeze, hold and breaks, never lost: the turn's time stands still.
    pub(crate) fn settle_round(&mut self) {
        let (pause, now, care) = (self.floor_is_paused(), self.now, self.cards.care);
        let Some(round) = self.floor.round.as_mut() else { return };
        if let Some(turn) = round.turn.as_mut().filter(|_| care) {
            // Nobody is cut off in it, nor when it is over.
            turn.stops = false;
        }
        match (pause, round.paused) {
            (true, None) => round.paused = Some(now),
            (false, Some(since)) => {
                round.paused = None;
                let Some(turn) = round.turn.as_mut() else { return };
                turn.until = turn.until.map(|until| until.saturating_add(now.saturating_sub(since)));
                turn.counts_from = now;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    fn floor_is_paused(&self) -> bool {
        let frozen = self.freeze.as_ref().is_some_and(|freeze| !freeze.is_thawed(Source::Microphone));
        frozen || self.hold.is_some() || self.is_resting()
    }

    fn next_turn(&mut self, out: &mut Effects) {
        let Some(round) = self.floor.round.as_mut() else { return };
        round.turn = None;
        let Some(next) = round.queue.pop_front() else {
            self.close_round(out, None);
            return;
        };
        round.begin(next, self.now);
        self.ask(next);
    }

    fn close_round(&mut self, out: &mut Effects, actor: Option<Subject>) {
        let before = self.floor.before;
        self.floor.set_mode(before);
        self.record(out, actor, Act::RoundEnded);
    }
}
