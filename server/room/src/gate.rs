//! The switch on one source of one seat.
//!
//! Every reason is owned by exactly one rule. Two are kept here, because a person decides them: `self` by its owner, `facilitator` by
//! facilitators. All others are derived from the state that their rule owns (floor, freeze, hold, consent, ticket, level, format,
//! presence), so no
//! command can forget one, and none can take away another's.

use hearth_forwarding::{Reason, Reasons, Source, Subject};
use hearth_protocol::{FloorMode, RefusalCode, Role};
use serde::{Deserialize, Serialize};

use crate::aside::ROOM;
use crate::level::leaves_open;
use crate::seat::{Seat, spoken};
use crate::{Act, Effects, Room};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gate {
    /// Reason `self`.
    pub own: bool,
    /// Reason `facilitator`.
    pub facilitator: bool,
    /// The derived reasons as they stood after the last command.
    pub derived: Reasons,
}

impl Gate {
    pub const BORN: Gate = Gate { own: true, facilitator: false, derived: Reasons::NONE };

    pub fn reasons(self) -> Reasons {
        let own = if self.own { Reasons::of(Reason::Self_) } else { Reasons::NONE };
        let facilitator = if self.facilitator { Reasons::of(Reason::Facilitator) } else { Reasons::NONE };
        own.union(facilitator).union(self.derived)
    }

    /// Closed by a facilitator: reopening it leads into silence.
    pub fn close(&mut self) {
        self.facilitator = true;
        self.own = true;
    }
}

impl Room {
    /// Brings every gate in line with the state. Whatever closes, by any rule but the floor's, adds `self`; and so does the floor
    /// when it goes away, unless its owner opted in to open on their own turn.
    pub(crate) fn settle_gates(&mut self) {
        let speaking: Vec<bool> = self.seats.keys().map(|device| self.has_floor(*device)).collect();
        let derived: Vec<_> =
            self.seats.iter().map(|(subject, seat)| self.derived_reasons(*subject, seat)).collect();
        for ((seat, reasons), speaks) in self.seats.values_mut().zip(derived).zip(speaking) {
            let on_turn = seat.open_on_turn && speaks;
            for ((source, gate), now) in Source::ALL.into_iter().zip(&mut seat.gates).zip(reasons) {
                let opens_by_itself = on_turn && source == Source::Microphone;
                let closes = now.iter().any(|reason| reason != Reason::Floor);
                let floor_comes = gate.derived.contains(Reason::Floor) && !now.contains(Reason::Floor);
                gate.own |= closes || (floor_comes && !opens_by_itself);
                gate.derived = now;
            }
            // The question makes sense where the owner's click is all that is missing.
            let microphone = seat.gates[Source::Microphone.index()].reasons();
            seat.asked_until = seat.asked_until.filter(|_| microphone == Reasons::of(Reason::Self_));
        }
    }

    fn derived_reasons(&self, subject: Subject, seat: &Seat) -> [Reasons; Source::COUNT] {
        let crisis = self.is_in_crisis(seat);
        let hold = self.hold.is_some() && !crisis;
        let consent = self.is_barred(seat);
        let (level, ceiling) = (self.level_at(subject), self.ceiling_at(subject, seat));
        Source::ALL.map(|source| {
            [
                (Reason::Ticket, !seat.may_publish(source)),
                (Reason::Floor, self.floor_closes(subject, seat, source)),
                (Reason::Freeze, !crisis && self.freeze_closes(seat, source)),
                (Reason::Unattended, hold),
                (Reason::Consent, consent),
                (Reason::Level, !leaves_open(level, source)),
                (Reason::Ceiling, !leaves_open(ceiling, source)),
                (Reason::Format, self.format_closes(seat, source)),
                (Reason::Away, !seat.is_present()),
            ]
            .into_iter()
            .filter_map(|(reason, closed)| closed.then_some(reason))
            .collect()
        })
    }

    /// One's own gate. Only an unmute that opens the gate now takes `self` away: nothing can be queued up behind another reason.
    pub(crate) fn set_own(
        &mut self,
        out: &mut Effects,
        subject: Subject,
        source: Source,
        open: bool,
    ) -> Result<(), RefusalCode> {
        if open && self.breaks_quiet(subject, source) {
            self.set_floor(out, subject, FloorMode::Facilitator)?;
            self.settle_gates();
        }
        let seat = self.seats.get_mut(&subject).ok_or(RefusalCode::NotSeated)?;
        let gate = &mut seat.gates[source.index()];
        if !open {
            gate.own = true;
            return Ok(());
        }
        let mut others = gate.reasons().without(Reason::Self_);
        if seat.open_on_turn && source == Source::Microphone {
            others = others.without(Reason::Floor);
        }
        if !others.is_empty() {
            return Err(why_closed(others));
        }
        gate.own = false;
        Ok(())
    }

    /// In `quiet` nobody is heard until a facilitator unmutes.
    fn breaks_quiet(&self, subject: Subject, source: Source) -> bool {
        let Some(seat) = self.seats.get(&subject) else { return false };
        let others = seat.gates[source.index()].reasons().without(Reason::Self_);
        source == Source::Microphone
            && self.floor.mode == FloorMode::Quiet
            && seat.role.is_facilitator()
            && others == Reasons::of(Reason::Floor)
    }

    pub(crate) fn set_gate(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        subject: Subject,
        source: Source,
        open: bool,
    ) -> Result<(), RefusalCode> {
        let device = self.device_of(subject);
        let seat = self.seats.get_mut(&device).filter(|seat| seat.is_held()).ok_or(RefusalCode::NotFound)?;
        let gate = &mut seat.gates[source.index()];
        if open {
            gate.facilitator = false;
        } else {
            gate.close();
        }
        let (subject, source) = (self.sub(subject), spoken(source));
        let act =
            if open { Act::GateOpened { subject, source } } else { Act::GateClosed { subject, source } };
        self.record(out, Some(actor), act);
        Ok(())
    }

    /// Closes one source of everyone but facilitators and those excepted. A helper reaches members alone.
    pub(crate) fn gate_all(&mut self, out: &mut Effects, actor: Subject, source: Source, except: &[Subject]) {
        let helper = self.standing(actor).is_helper();
        for (subject, seat) in &mut self.seats {
            let reached = if helper { seat.role == Role::Member } else { !seat.role.is_facilitator() };
            if seat.is_kept() && reached && !except.contains(subject) {
                seat.gates[source.index()].close();
            }
        }
        self.record(out, Some(actor), Act::AllGatesClosed { source: spoken(source) });
    }

    fn floor_closes(&self, subject: Subject, seat: &Seat, source: Source) -> bool {
        if source == Source::Camera {
            return false;
        }
        // Turns are the room's. Quiet is everyone's, but for two in a crisis.
        if seat.space != ROOM {
            return self.floor.mode == FloorMode::Quiet && !self.is_in_crisis(seat);
        }
        let facilitator = seat.role.is_facilitator();
        match self.floor.mode {
            FloorMode::Open => false,
            FloorMode::Hands | FloorMode::Round => {
                !facilitator && !self.has_floor(subject) && !self.speaks_for_holder(seat)
            }
            FloorMode::Facilitator => !facilitator,
            FloorMode::Quiet => true,
        }
    }

    /// An interpreter is heard while the assigned member has the turn.
    fn speaks_for_holder(&self, seat: &Seat) -> bool {
        let Some(assigned) = &seat.interprets else { return false };
        seat.role == Role::Interpreter
            && self.subjects.get(assigned).is_some_and(|subject| self.floor.is_holder(*subject))
    }
}

fn why_closed(reasons: Reasons) -> RefusalCode {
    if reasons.contains(Reason::Ticket) {
        RefusalCode::NotAllowed
    } else if reasons.contains(Reason::Unattended) {
        RefusalCode::OnHold
    } else if reasons.contains(Reason::Freeze) {
        RefusalCode::Frozen
    } else {
        RefusalCode::NotPossible
    }
}
