//! Section 5: modes, hands, grants and rounds.

use std::collections::BTreeSet;

use hearth_forwarding::Source;
use hearth_protocol::{FloorMode, HandKind, HandOrder, Notice, Role, RoundOrder};

use super::{Hand, Model, Round, Seat, Speaker};

/// What a round is started with.
pub struct Turns {
    pub order: RoundOrder,
    pub turn_ms: Option<u32>,
    pub facilitators: bool,
    pub hard_stop: bool,
    /// The floor when everyone has had a turn.
    pub after: FloorMode,
}

impl Speaker {
    fn of(number: u32) -> Speaker {
        Speaker { number, since: 0, until: None, responds: false, stops: false, warned: false }
    }
}

impl Model {
    pub fn set_mode(&mut self, mode: FloorMode) {
        if self.floor.mode == mode {
            return;
        }
        self.floor.mode = mode;
        self.floor.speakers.clear();
        self.floor.round = None;
    }

    /// No speakers and no round any more, whatever the mode.
    pub fn clear_floor(&mut self) {
        self.floor.speakers.clear();
        self.floor.round = None;
    }

    pub fn raise(&mut self, number: u32, kind: HandKind) {
        if let Some(hand) = self.hands.iter_mut().find(|hand| hand.number == number) {
            hand.kind = kind;
            return;
        }
        self.hands.push(Hand { number, kind, since: self.now });
        self.order_by_equity();
    }

    /// At a raise and at a grant, and never in between.
    fn order_by_equity(&mut self) {
        if self.agenda.hands == HandOrder::Equity {
            let mut hands = std::mem::take(&mut self.hands);
            hands.sort_by_key(|hand| self.heard_steps(hand.number));
            self.hands = hands;
        }
    }

    pub fn has_hand(&self, number: u32) -> bool {
        self.hands.iter().any(|hand| hand.number == number)
    }

    /// Whether there was one.
    pub fn lower(&mut self, number: u32) -> bool {
        let before = self.hands.len();
        self.hands.retain(|hand| hand.number != number);
        self.hands.len() != before
    }

    pub fn order_hands(&mut self, first: &[u32]) {
        let place =
            |hand: &Hand| first.iter().position(|number| *number == hand.number).unwrap_or(first.len());
        self.hands.sort_by_key(place);
    }

    pub fn grant(&mut self, number: u32) {
        let responds = self.hands.iter().any(|hand| hand.number == number && hand.kind == HandKind::Respond);
        self.lower(number);
        self.order_by_equity();
        if self.is_speaker(number) {
            return;
        }
        let responds = responds && !self.floor.speakers.is_empty();
        let max = self.policy().speakers_max.max(1) as usize;
        self.floor.speakers.retain(|speaker| !speaker.responds);
        while !responds && self.floor.speakers.len() >= max {
            self.floor.speakers.remove(0);
        }
        self.floor.speakers.push(Speaker { since: self.now, responds, ..Speaker::of(number) });
        self.ask(number);
    }

    /// Takes the floor or the turn from whoever leaves or gives it back.
    pub fn leave_floor(&mut self, number: u32) {
        if let Some(round) = &mut self.floor.round {
            round.next.retain(|next| *next != number);
        }
        if !self.is_speaker(number) {
            return;
        }
        if self.floor.round.is_some() {
            self.next_turn();
        } else {
            self.floor.speakers.retain(|speaker| speaker.number != number);
        }
    }

    /// Lets one's turn go by, now or when it would come.
    pub fn pass(&mut self, number: u32) {
        if let Some(round) = &mut self.floor.round {
            round.done.insert(number);
        }
        self.leave_floor(number);
    }

    pub fn skip(&mut self) {
        if let Some(number) = self.floor.speakers.first().map(|speaker| speaker.number) {
            self.pass(number);
        }
    }

    pub fn takes_turns(&self, seat: &Seat, facilitators: bool) -> bool {
        let role = match seat.claims.role {
            Role::Member | Role::PeerLead => true,
            Role::Facilitator | Role::Cofacilitator => facilitators,
            Role::Interpreter | Role::Observer => false,
        };
        role && seat.space == 0 && seat.may_send(Source::Microphone)
    }

    pub fn start_round(&mut self, turns: &Turns) {
        let Turns { order, turn_ms, facilitators, hard_stop, after } = turns;
        let facilitators = *facilitators;
        let mut seats: Vec<&Seat> = self
            .seats
            .iter()
            .filter(|seat| self.is_here(seat) && self.takes_turns(seat, facilitators))
            .collect();
        seats.sort_by_key(|seat| seat.number);
        let mut next: Vec<u32> = seats.iter().map(|seat| seat.number).collect();
        match order {
            RoundOrder::Seated => {}
            RoundOrder::Manual { participants } => {
                let place = |number: &u32| {
                    participants.iter().position(|listed| listed.0 == *number).unwrap_or(participants.len())
                };
                next.sort_by_key(place);
            }
            RoundOrder::Equity => next.sort_by_key(|number| self.heard_steps(*number)),
        }
        self.floor.before = *after;
        self.floor.mode = FloorMode::Round;
        self.floor.speakers.clear();
        self.floor.round = Some(Round {
            done: BTreeSet::new(),
            counts_from: self.now,
            next,
            turn_ms: *turn_ms,
            hard_stop: *hard_stop,
            facilitators,
            deferred: BTreeSet::new(),
            paused: self.is_paused(),
            left_ms: None,
        });
        self.next_turn();
    }

    pub fn join_round(&mut self, seat: &Seat) {
        let speaks = self.is_speaker(seat.number);
        let joins = self.floor.round.as_ref().is_some_and(|round| {
            let known = speaks || round.done.contains(&seat.number) || round.next.contains(&seat.number);
            !known && self.takes_turns(seat, round.facilitators)
        });
        if let Some(round) = self.floor.round.as_mut().filter(|_| joins) {
            round.next.push(seat.number);
        }
    }

    pub fn next_turn(&mut self) {
        self.floor.speakers.clear();
        let now = self.now;
        let Some(round) = &mut self.floor.round else { return };
        if round.next.is_empty() {
            self.end_round();
            return;
        }
        let number = round.next.remove(0);
        round.left_ms = round.turn_ms.map(i64::from);
        round.counts_from = now;
        let until = round.turn_ms.filter(|_| !round.paused).map(|turn| now + turn);
        let stops = round.hard_stop && round.turn_ms.is_some();
        self.floor.speakers.push(Speaker { since: now, until, stops, ..Speaker::of(number) });
        self.ask(number);
    }

    /// Half a minute before a turn is cut off its owner is told.
    pub fn turn_warned_at(&self) -> Option<u32> {
        let speaker = self.stopping_speaker().filter(|speaker| !speaker.warned)?;
        Some(speaker.until?.saturating_sub(30_000).max(speaker.since))
    }

    pub fn turn_over_at(&self) -> Option<u32> {
        self.stopping_speaker()?.until
    }

    fn stopping_speaker(&self) -> Option<&Speaker> {
        self.floor.round.as_ref().filter(|round| !round.paused)?;
        self.floor.speakers.first().filter(|speaker| speaker.stops)
    }

    pub fn warn_of_turn(&mut self) {
        let Some(speaker) = self.floor.speakers.first_mut() else { return };
        speaker.warned = true;
        let number = speaker.number;
        self.expect_notice(Notice::TurnEndsSoon, |seat| seat.number == number);
    }

    /// In a care moment nobody is cut off, nor when it is over.
    pub fn settle_care(&mut self) {
        if self.words.care && self.floor.round.is_some() {
            self.floor.speakers.iter_mut().for_each(|speaker| speaker.stops = false);
        }
    }

    pub fn end_round(&mut self) {
        self.floor.round = None;
        self.floor.speakers.clear();
        self.floor.mode = self.floor.before;
    }

    /// To the end: one's turn, or one's place before it has come.
    pub fn defer(&mut self, number: u32) {
        let speaks = self.is_speaker(number);
        let Some(round) = &mut self.floor.round else { return };
        if speaks && round.next.is_empty() {
            return;
        }
        round.next.retain(|next| *next != number);
        round.next.push(number);
        if speaks {
            self.next_turn();
        }
    }
}
