//! Section 5: modes, hands, grants and rounds.

use std::collections::BTreeSet;

use hearth_forwarding::Source;
use hearth_protocol::{FloorMode, HandKind, Role, RoundOrder};

use super::{Hand, Model, Round, Seat, Speaker};

impl Model {
    pub fn set_mode(&mut self, mode: FloorMode) {
        if self.floor.mode == mode {
            return;
        }
        self.floor.mode = mode;
        self.floor.speakers.clear();
        self.floor.round = None;
    }

    pub fn raise(&mut self, number: u32, kind: HandKind) {
        match self.hands.iter_mut().find(|hand| hand.number == number) {
            Some(hand) => hand.kind = kind,
            None => self.hands.push(Hand { number, kind, since: self.now }),
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
        if self.is_speaker(number) {
            return;
        }
        let responds = responds && !self.floor.speakers.is_empty();
        let max = self.policy().speakers_max.max(1) as usize;
        self.floor.speakers.retain(|speaker| !speaker.responds);
        while !responds && self.floor.speakers.len() >= max {
            self.floor.speakers.remove(0);
        }
        self.floor.speakers.push(Speaker { number, since: self.now, until: None, responds });
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

    pub fn start_round(&mut self, order: &RoundOrder, turn_ms: Option<u32>, facilitators: bool) {
        let mut seats: Vec<&Seat> = self
            .seats
            .iter()
            .filter(|seat| self.is_here(seat) && self.takes_turns(seat, facilitators))
            .collect();
        seats.sort_by_key(|seat| seat.number);
        let mut next: Vec<u32> = seats.iter().map(|seat| seat.number).collect();
        if let RoundOrder::Manual { participants } = order {
            let place = |number: &u32| {
                participants.iter().position(|listed| listed.0 == *number).unwrap_or(participants.len())
            };
            next.sort_by_key(place);
        }
        if self.floor.round.is_none() {
            self.floor.before = self.floor.mode;
        }
        self.floor.mode = FloorMode::Round;
        self.floor.speakers.clear();
        self.floor.round = Some(Round {
            done: BTreeSet::new(),
            counts_from: self.now,
            next,
            turn_ms,
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
        self.floor.speakers.push(Speaker { number, since: now, until, responds: false });
        self.ask(number);
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
