//! What happens by itself, and when.

use hearth_forwarding::{Space, Subject};
use hearth_protocol::{KnockId, ServerFrame, SignalId};

use crate::seat::Place;
use crate::{Effects, Room};

/// What happens by itself, in the order in which it does at one and the same instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    End,
    MediaStop(Subject),
    TurnLost,
    AsideOver(Space),
    TurnWarned,
    TurnOver,
    GrantLost(Subject),
    HandLost(Subject),
    AskOver(Subject),
    GraceOver(Subject),
    KnockOver(KnockId),
    LeadLost,
    Short,
    Hold,
    LetIn,
    HoldOver,
    BreakOver,
    ConsentOver,
    RefusalsCounted(String),
    Signal(SignalId),
    Reminder,
    StayOver,
    Proof,
    Beat,
}

impl Room {
    pub(crate) fn run_due(&mut self, out: &mut Effects, now: u32) {
        let now = now.max(self.now);
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= now) {
            self.now = self.now.max(at);
            self.fire(out, due, now);
            self.settle_state(out);
        }
        self.now = now;
    }

    pub(crate) fn next_due(&self) -> Option<(u32, Due)> {
        if self.ended {
            return None;
        }
        let policy = &self.definition.policy;
        let seats = self.seats.iter().filter_map(|(subject, seat)| {
            let Place::Held { since, media } = seat.place else { return None };
            let due = if media { Due::MediaStop(*subject) } else { Due::GraceOver(*subject) };
            let at = if media { policy.media_end(since) } else { policy.grace_end(since) };
            Some((at, due))
        });
        let held = |subject| self.absent_since(subject);
        let grants = self.floor.grants.iter().filter_map(|grant| {
            let at = held(grant.subject)?.saturating_add(policy.turn_grace_ms);
            Some((at, Due::GrantLost(grant.subject)))
        });
        let hands = self.floor.hands.0.iter().filter_map(|hand| {
            let at = held(hand.subject)?.saturating_add(policy.hand_grace_ms);
            Some((at, Due::HandLost(hand.subject)))
        });
        let asks =
            self.seats.iter().filter_map(|(subject, seat)| Some((seat.asked_until?, Due::AskOver(*subject))));
        let knocks =
            self.knocks.iter().filter(|(_, knock)| knock.connection.is_none() && knock.beside.is_none());
        let knocks = knocks.map(|(id, knock)| (policy.grace_end(knock.dropped), Due::KnockOver(*id)));
        let refusals =
            self.refusals.iter().map(|(sub, one)| (one.ends_at, Due::RefusalsCounted(sub.clone())));
        let signals = self.signal_dues().map(|(at, id)| (at, Due::Signal(id)));
        let window = self.consent_window.as_ref().filter(|window| window.paused.is_none());
        let single = [
            self.ends_at.map(|at| (at, Due::End)),
            self.asides.next_end().map(|(at, space)| (at, Due::AsideOver(space))),
            self.turn_lost_at().map(|at| (at, Due::TurnLost)),
            self.lead_lost_at().map(|at| (at, Due::LeadLost)),
            self.turn_warned_at().map(|at| (at, Due::TurnWarned)),
            self.turn_over_at().map(|at| (at, Due::TurnOver)),
            self.short_until().map(|at| (at, Due::Short)),
            self.hold_due(),
            self.lets_in().map(|(at, _)| (at, Due::LetIn)),
            self.rests.until.map(|at| (at, Due::BreakOver)),
            window.map(|window| (window.ends_at, Due::ConsentOver)),
            self.cards.reminder.map(|at| (at, Due::Reminder)),
            self.stay_over().map(|at| (at, Due::StayOver)),
            self.proof_due().map(|at| (at, Due::Proof)),
            self.beat.map(|at| (at, Due::Beat)),
        ];
        let single = single.into_iter().flatten();
        seats
            .chain(grants)
            .chain(hands)
            .chain(asks)
            .chain(knocks)
            .chain(refusals)
            .chain(signals)
            .chain(single)
            .min()
    }

    fn hold_due(&self) -> Option<(u32, Due)> {
        let since = self.unattended_since?;
        Some(match &self.hold {
            None => (since.saturating_add(self.definition.policy.unattended_ms), Due::Hold),
            Some(hold) => (hold.ends_at, Due::HoldOver),
        })
    }

    fn fire(&mut self, out: &mut Effects, due: Due, now: u32) {
        match due {
            Due::End | Due::HoldOver => self.end(out, None),
            Due::MediaStop(subject) => {
                if let Some(seat) = self.seats.get_mut(&subject)
                    && let Place::Held { since, .. } = seat.place
                {
                    seat.place = Place::Held { since, media: false };
                    seat.asked_until = None;
                }
            }
            Due::GraceOver(subject) => self.give_up(out, subject),
            Due::AsideOver(space) => self.end_aside(out, space),
            Due::TurnLost => self.lose_turn(out),
            Due::TurnWarned => self.warn_of_turn(out),
            Due::TurnOver => self.stop_turn(out),
            Due::GrantLost(subject) => self.floor.grants.retain(|grant| grant.subject != subject),
            Due::HandLost(subject) => {
                self.floor.hands.lower(subject);
            }
            Due::AskOver(subject) => {
                if let Some(seat) = self.seats.get_mut(&subject) {
                    seat.asked_until = None;
                }
            }
            Due::KnockOver(id) => {
                let sub = self.knocks.get(&id).map(|knock| knock.claims.subject.clone());
                sub.and_then(|sub| self.forget_knock_of(&sub));
            }
            // Done by settling.
            Due::LeadLost | Due::StayOver => {}
            Due::Short | Due::Hold => self.hold(out, self.now),
            Due::Proof => {
                out.durable = true;
                self.prove();
            }
            Due::LetIn => self.let_a_facilitator_in(out),
            Due::BreakOver => {
                let _ = self.end_rest(out, None);
            }
            Due::ConsentOver => self.end_window(out),
            Due::RefusalsCounted(sub) => self.count_refusals(out, &sub),
            Due::Signal(id) => self.signal_due(id),
            Due::Reminder => self.remind(),
            // Beats that were missed are not made up for.
            Due::Beat => {
                self.tell_the_waiting(out);
                self.beat = self.beat_after(now);
            }
        }
    }

    fn tell_the_waiting(&mut self, out: &mut Effects) {
        for (_, connection, _) in self.waiting().filter(|(_, _, knock)| knock.beside.is_none()) {
            out.frame(connection, ServerFrame::Waiting);
        }
    }
}
