//! Who may be heard: the mode, grants, and with `round.rs` and `hand.rs` whose turn it is and who would like one.

use hearth_forwarding::{Source, Subject};
use hearth_protocol::{FloorMode, HandKind, HandOrder, RefusalCode};
use serde::{Deserialize, Serialize};

use crate::aside::ROOM;
use crate::hand::Hands;
use crate::round::Round;
use crate::{Act, Effects, Room};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Floor {
    pub mode: FloorMode,
    /// The mode after a round.
    pub before: FloorMode,
    /// Oldest first. In mode `hands` alone.
    pub grants: Vec<Grant>,
    pub hands: Hands,
    /// In mode `round` alone.
    pub round: Option<Round>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub subject: Subject,
    pub since: u32,
    /// Beside the speaker, in answer to a `respond` hand.
    pub respond: bool,
}

impl Floor {
    pub fn in_mode(mode: FloorMode) -> Floor {
        Floor { mode, before: mode, grants: Vec::new(), hands: Hands::default(), round: None }
    }

    pub fn holders(&self) -> impl Iterator<Item = Subject> {
        let turn = self.round.as_ref().and_then(|round| round.turn.as_ref());
        self.grants.iter().map(|grant| grant.subject).chain(turn.map(|turn| turn.subject))
    }

    pub fn is_holder(&self, subject: Subject) -> bool {
        self.holders().any(|holder| holder == subject)
    }

    /// Ends every grant and any round.
    pub fn set_mode(&mut self, mode: FloorMode) {
        self.mode = mode;
        self.grants.clear();
        self.round = None;
    }

    fn end_grant(&mut self, subject: Subject) -> bool {
        let before = self.grants.len();
        self.grants.retain(|grant| grant.subject != subject);
        self.grants.len() < before
    }
}

impl Room {
    pub(crate) fn set_floor(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        mode: FloorMode,
    ) -> Result<(), RefusalCode> {
        if mode == FloorMode::Round {
            return Err(RefusalCode::NotPossible);
        }
        if mode == self.floor.mode {
            return Ok(());
        }
        self.floor.set_mode(mode);
        self.record(out, Some(actor), Act::FloorSet { mode });
        Ok(())
    }

    /// A grant ends those before it; in answer to a `respond` hand it stands beside them, one at a time.
    pub(crate) fn grant(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        to: Subject,
    ) -> Result<(), RefusalCode> {
        let seat = self.seats.get(&to).filter(|_| self.is_here(to)).ok_or(RefusalCode::NotFound)?;
        let turns = self.floor.mode == FloorMode::Hands && seat.space == ROOM;
        if !turns || !seat.may_publish(Source::Microphone) {
            return Err(RefusalCode::NotPossible);
        }
        let kind = self.floor.hands.lower(to);
        self.order_hands();
        if self.floor.is_holder(to) {
            return Ok(());
        }
        let respond = kind == Some(HandKind::Respond) && !self.floor.grants.is_empty();
        let speakers_max = usize::try_from(self.definition.policy.speakers_max).unwrap_or(usize::MAX).max(1);
        self.floor.grants.retain(|grant| !grant.respond);
        if !respond {
            let over = (self.floor.grants.len() + 1).saturating_sub(speakers_max);
            self.floor.grants.drain(..over);
        }
        self.floor.grants.push(Grant { subject: to, since: self.now, respond });
        self.record(out, Some(actor), Act::Granted { subject: self.sub(to) });
        self.ask(to);
        Ok(())
    }

    pub(crate) fn revoke(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        from: Subject,
    ) -> Result<(), RefusalCode> {
        if !self.floor.end_grant(from) {
            return Err(RefusalCode::NotPossible);
        }
        self.record(out, Some(actor), Act::Revoked { subject: self.sub(from) });
        Ok(())
    }

    pub(crate) fn yield_floor(&mut self, out: &mut Effects, subject: Subject) -> Result<(), RefusalCode> {
        if self.floor.end_grant(subject) {
            return Ok(());
        }
        if !self.floor.is_holder(subject) {
            return Err(RefusalCode::NotPossible);
        }
        self.pass(out, subject)
    }

    pub(crate) fn raise_hand(&mut self, subject: Subject, kind: HandKind) -> Result<(), RefusalCode> {
        let seat = self.seats.get(&subject).ok_or(RefusalCode::NotSeated)?;
        if !seat.may_publish(Source::Microphone) {
            return Err(RefusalCode::NotAllowed);
        }
        if self.floor.grants.iter().any(|grant| grant.subject == subject) {
            return Err(RefusalCode::NotPossible);
        }
        if self.floor.hands.raise(subject, kind, self.now) {
            self.order_hands();
        }
        Ok(())
    }

    /// At a raise and at a grant, and never in between.
    fn order_hands(&mut self) {
        if self.hand_order() == HandOrder::Equity {
            let mut hands = std::mem::take(&mut self.floor.hands.0);
            self.by_equity(&mut hands, |hand| hand.subject);
            self.floor.hands.0 = hands;
        }
    }

    pub(crate) fn lower_hand(&mut self, subject: Subject) -> Result<(), RefusalCode> {
        self.floor.hands.lower(subject).map(|_| ()).ok_or(RefusalCode::NotPossible)
    }

    /// Puts the question to unmute on somebody's screen. Only their own click answers it.
    pub(crate) fn ask(&mut self, subject: Subject) {
        let until = self.now.saturating_add(self.definition.policy.ask_ms);
        let subject = self.device_of(subject);
        let Some(seat) = self.seats.get_mut(&subject) else { return };
        seat.asked_until = Some(until);
    }

    /// Turns are the room's: whoever goes into an aside lets theirs go by. The hand stays up.
    pub(crate) fn leave_turns(&mut self, out: &mut Effects, subject: Subject) {
        self.floor.end_grant(subject);
        self.leave_round(out, subject);
    }

    /// Whoever left, was sent out or stayed away too long has no hand, no floor and no turn.
    pub(crate) fn leave_floor(&mut self, out: &mut Effects, subject: Subject) {
        self.floor.hands.lower(subject);
        self.leave_turns(out, subject);
    }
}
