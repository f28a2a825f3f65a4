//! What may be asked, and when.

use hearth_forwarding::Source;
use hearth_protocol::{FloorMode, ParticipantId, RefusalCode, Request, Role, ThawStep};
use hearth_room::ConnectionId;

use super::{
    Judge,
    request::inside,
    right::{is_allowed_in_a_freeze, is_allowed_on_hold, is_for_facilitators},
};
use crate::model::{Model, Seat};

/// What the rules say of a request: refused for any of these, or carried out.
#[derive(Debug, Default)]
pub struct Verdict {
    pub refused: Vec<RefusalCode>,
    /// The rules leave it open whether this is refused.
    pub open: Vec<RefusalCode>,
}

impl Verdict {
    fn refuse(&mut self, when: bool, code: RefusalCode) -> &mut Self {
        if when {
            self.refused.push(code);
        }
        self
    }

    fn may_refuse(&mut self, when: bool, code: RefusalCode) -> &mut Self {
        if when {
            self.open.push(code);
        }
        self
    }
}

impl Judge {
    pub(super) fn verdict(&self, connection: ConnectionId, request: &Request) -> Verdict {
        let mut verdict = Verdict::default();
        match self.model.seat_behind(connection) {
            Some(seat) => self.verdict_seated(&mut verdict, seat, request),
            None => self.verdict_at_the_door(&mut verdict, connection, request),
        }
        verdict
    }

    fn verdict_at_the_door(&self, verdict: &mut Verdict, connection: ConnectionId, request: &Request) {
        let Request::AcceptGroundRules { version, hash } = request else {
            verdict.refuse(!matches!(request, Request::Leave), RefusalCode::NotSeated);
            return;
        };
        let rules = &self.model.definition.ground_rules;
        let stale = *version != rules.version || *hash != rules.hash;
        let agreed = self.model.door_behind(connection).is_some_and(|door| door.consented);
        verdict.refuse(stale && !agreed, RefusalCode::GroundRulesChanged);
        verdict.may_refuse(agreed, RefusalCode::NotPossible);
        verdict.may_refuse(agreed && stale, RefusalCode::GroundRulesChanged);
    }

    fn verdict_seated(&self, verdict: &mut Verdict, seat: &Seat, request: &Request) {
        let model = &self.model;
        if is_for_facilitators(request) && !seat.is_facilitator() {
            verdict.refuse(true, RefusalCode::NotAllowed);
            return;
        }
        let frozen = model.freeze.is_some() && !seat.is_facilitator();
        let whole = model.freeze.as_ref().is_some_and(|freeze| freeze.thawed.is_empty());
        verdict.refuse(frozen && whole && !is_allowed_in_a_freeze(request), RefusalCode::Frozen);
        verdict.may_refuse(model.hold.is_some() && !is_allowed_on_hold(request), RefusalCode::OnHold);
        let observes = seat.claims.role == Role::Observer && !is_allowed_in_a_freeze(request);
        verdict.may_refuse(observes, RefusalCode::NotAllowed);
        match request {
            Request::AcceptGroundRules { .. } => {
                verdict
                    .may_refuse(true, RefusalCode::NotPossible)
                    .may_refuse(true, RefusalCode::GroundRulesChanged);
            }
            Request::SetOwn { source, open: true } => self.verdict_unmute(verdict, seat, inside(*source)),
            Request::SetOwn { open: false, .. } | Request::Leave | Request::RenewMedia => {}
            Request::OpenOnTurn { .. } | Request::RaiseHand { .. } => {
                let idle = seat.is_facilitator() || model.is_speaker(seat.number);
                verdict.may_refuse(idle, RefusalCode::NotPossible);
            }
            Request::LowerHand => {
                verdict.may_refuse(
                    !model.hands.iter().any(|hand| hand.number == seat.number),
                    RefusalCode::NotPossible,
                );
            }
            Request::Yield => {
                verdict.refuse(!model.is_speaker(seat.number), RefusalCode::NotPossible);
            }
            Request::Pass | Request::Defer => {
                let round = model.floor.round.as_ref();
                let concerned = round
                    .is_some_and(|round| round.next.contains(&seat.number) || model.is_speaker(seat.number));
                verdict.refuse(!concerned, RefusalCode::NotPossible);
            }
            Request::React { .. } => {
                verdict.may_refuse(true, RefusalCode::TooFast);
            }
            // Not driven yet.
            Request::SetLevel { .. }
            | Request::Distress
            | Request::NotAlone { .. }
            | Request::Say { .. }
            | Request::SayTurn { .. }
            | Request::Unsay { .. }
            | Request::AnswerScale { .. }
            | Request::Milestone { .. }
            | Request::SetGoal { .. }
            | Request::TakeFeedback { .. }
            | Request::GiveFeedback { .. }
            | Request::Rate { .. }
            | Request::Export
            | Request::ShareDevice { .. }
            | Request::UnshareDevice { .. }
            | Request::OpenAsides { .. }
            | Request::OpenCrisisAside { .. }
            | Request::Move { .. }
            | Request::Recall { .. }
            | Request::KeepApart { .. }
            | Request::StepTo { .. }
            | Request::Override { .. }
            | Request::ChangeFormat { .. }
            | Request::ImportFormat { .. }
            | Request::ExportFormat
            | Request::SetCeiling { .. }
            | Request::LendHelper { .. }
            | Request::ShowPrompt { .. }
            | Request::StartTimer { .. }
            | Request::StopTimer
            | Request::OpenScale { .. }
            | Request::CloseScale
            | Request::CareMoment { .. }
            | Request::AttestAttendance
            | Request::CorrectAttendance { .. }
            | Request::AnswerSignal { .. }
            | Request::Breach { .. }
            | Request::Break { .. }
            | Request::EndBreak
            | Request::RoundSuspendStop => {}
            Request::Offer(_) | Request::View { .. } => {
                verdict.may_refuse(true, RefusalCode::NotPossible).may_refuse(true, RefusalCode::BadMessage);
            }
            Request::Admit { knock, through_lock } => self.verdict_admit(verdict, knock.0, *through_lock),
            Request::Deny { knock } => {
                let waits = model.doors.iter().any(|door| door.id == Some(knock.0) && door.is_listed());
                verdict.refuse(!waits, RefusalCode::NotFound);
            }
            Request::UndoDenial { .. } => {
                verdict.may_refuse(true, RefusalCode::NotFound).may_refuse(true, RefusalCode::NotPossible);
            }
            Request::AdmitAll { if_version } => {
                let seen = seat.connection.and_then(|connection| self.seen.get(&connection).copied());
                verdict.refuse(seen != Some(*if_version), RefusalCode::Changed);
            }
            Request::SetGate { participant, .. } | Request::AskToUnmute { participant, .. } => {
                verdict.refuse(model.seat_of(participant.0).is_none(), RefusalCode::NotFound);
                let away = model.seat_of(participant.0).is_some_and(|seat| seat.connection.is_none());
                verdict.may_refuse(away, RefusalCode::NotFound).may_refuse(true, RefusalCode::NotPossible);
            }
            Request::GateAll { .. } | Request::OrderHands { .. } | Request::Lock { .. } => {}
            Request::SetFloor { mode } => {
                verdict.refuse(*mode == FloorMode::Round, RefusalCode::NotPossible);
            }
            Request::Grant { participant } => {
                let target = model.seat_of(participant.0);
                verdict.refuse(target.is_none_or(|seat| seat.connection.is_none()), RefusalCode::NotFound);
                let able = target.is_some_and(|seat| seat.may_send(Source::Microphone));
                verdict.refuse(model.floor.mode != FloorMode::Hands || !able, RefusalCode::NotPossible);
            }
            Request::Revoke { participant } => {
                let codes = [RefusalCode::NotFound, RefusalCode::NotPossible];
                codes.into_iter().for_each(|code| {
                    verdict
                        .refuse(!model.is_speaker(participant.0), code)
                        .may_refuse(model.floor.round.is_some(), code);
                });
            }
            Request::LowerHandOf { participant } => {
                let raised = model.hands.iter().any(|hand| hand.number == participant.0);
                verdict
                    .may_refuse(!raised, RefusalCode::NotFound)
                    .may_refuse(!raised, RefusalCode::NotPossible);
            }
            Request::RoundStart { include_facilitators, .. } => {
                let nobody = !model
                    .seats
                    .iter()
                    .any(|seat| seat.connection.is_some() && model.takes_turns(seat, *include_facilitators));
                verdict.may_refuse(nobody || model.is_paused(), RefusalCode::NotPossible);
            }
            Request::RoundExtend { .. } | Request::RoundSkip | Request::RoundEnd => {
                verdict.refuse(model.floor.round.is_none(), RefusalCode::NotPossible);
                verdict.may_refuse(true, RefusalCode::NotPossible);
            }
            Request::Freeze => {
                verdict.may_refuse(model.freeze.is_some(), RefusalCode::NotPossible);
            }
            Request::Thaw { step } => self.verdict_thaw(verdict, seat, *step),
            Request::Remove { participant } | Request::SendToWaiting { participant } => {
                self.verdict_remove(verdict, seat, *participant);
            }
            Request::UndoRemoval { participant } => {
                let removed =
                    model.subject_of(participant.0).is_some_and(|subject| model.removed.contains(subject));
                verdict
                    .refuse(!removed, RefusalCode::NotFound)
                    .may_refuse(!removed, RefusalCode::NotPossible);
            }
            Request::ResumeRoom => {
                verdict.refuse(model.hold.is_none(), RefusalCode::NotPossible);
            }
            Request::HandOver { participant } => {
                verdict.refuse(!model.leads(seat), RefusalCode::NotAllowed);
                let able = model.in_charge().any(|other| other.number == participant.0);
                verdict.refuse(!able, RefusalCode::NotFound).may_refuse(!able, RefusalCode::NotPossible);
                verdict.may_refuse(participant.0 == seat.number, RefusalCode::NotPossible);
            }
            Request::TakeLead => {
                verdict.refuse(!model.offered.contains(&seat.claims.subject), RefusalCode::NotPossible);
                verdict.may_refuse(!model.offered.contains(&seat.claims.subject), RefusalCode::NotAllowed);
            }
            Request::End { .. } => {
                verdict
                    .refuse(!model.leads(seat), RefusalCode::NotAllowed)
                    .may_refuse(true, RefusalCode::NotPossible);
            }
            Request::CancelEnd => {
                verdict.refuse(!model.leads(seat), RefusalCode::NotAllowed);
                verdict.refuse(model.ends_at.is_none(), RefusalCode::NotPossible);
            }
            Request::EndNow { confirm } => {
                verdict.refuse(!model.leads(seat), RefusalCode::NotAllowed);
                let _ = confirm;
                verdict.may_refuse(true, RefusalCode::ConfirmationNeeded);
            }
        }
    }

    fn verdict_unmute(&self, verdict: &mut Verdict, seat: &Seat, source: Source) {
        use hearth_forwarding::Reason;
        let mut reasons = self.model.reasons(seat, source).without(Reason::Self_);
        let breaks_quiet = self.model.floor.mode == FloorMode::Quiet && seat.is_facilitator();
        if source == Source::Microphone && (breaks_quiet || seat.on_turn) {
            reasons = reasons.without(Reason::Floor);
        }
        for reason in reasons.iter() {
            let code = match reason {
                Reason::Freeze => RefusalCode::Frozen,
                Reason::Unattended => RefusalCode::OnHold,
                Reason::Ticket => RefusalCode::NotAllowed,
                Reason::Self_
                | Reason::Facilitator
                | Reason::Floor
                | Reason::Consent
                | Reason::Level
                | Reason::Ceiling
                | Reason::Format
                | Reason::Away => RefusalCode::NotPossible,
            };
            verdict.refuse(true, code);
        }
    }

    fn verdict_admit(&self, verdict: &mut Verdict, knock: u32, through_lock: bool) {
        let Some(door) = self.model.doors.iter().find(|door| door.id == Some(knock)) else {
            verdict.refuse(true, RefusalCode::NotFound);
            return;
        };
        let subject = &door.claims.subject;
        let held = self.model.seat(subject).is_some() || self.model.aside.contains_key(subject);
        verdict.refuse(!self.model.inside_the_lock(subject) && !through_lock, RefusalCode::Locked);
        verdict.refuse(!held && self.model.is_full_for(door.claims.role), RefusalCode::Full);
        verdict.refuse(door.connection.is_none(), RefusalCode::NotFound);
        verdict.may_refuse(door.connection.is_none(), RefusalCode::NotPossible);
    }

    fn verdict_thaw(&self, verdict: &mut Verdict, seat: &Seat, step: ThawStep) {
        let Some(freeze) = &self.model.freeze else {
            verdict
                .refuse(true, RefusalCode::NotPossible)
                .may_refuse(!self.model.leads(seat), RefusalCode::NotAllowed);
            return;
        };
        verdict.refuse(!self.model.leads(seat) && freeze.by != seat.number, RefusalCode::NotAllowed);
        verdict.refuse(next_step(&freeze.thawed) != Some(step), RefusalCode::NotPossible);
    }

    fn verdict_remove(&self, verdict: &mut Verdict, seat: &Seat, participant: ParticipantId) {
        let Some(target) = self.model.subject_of(participant.0) else {
            verdict.refuse(true, RefusalCode::NotFound);
            return;
        };
        let held = self.model.seat(target);
        verdict.refuse(self.model.removed.contains(target), RefusalCode::NotFound);
        verdict.may_refuse(self.model.removed.contains(target), RefusalCode::NotPossible);
        for code in [RefusalCode::NotFound, RefusalCode::NotPossible, RefusalCode::NotAllowed] {
            verdict.may_refuse(held.is_none(), code);
        }
        verdict.refuse(self.model.lead.as_deref() == Some(target), RefusalCode::NotAllowed);
        verdict.may_refuse(self.model.lead.as_deref() == Some(target), RefusalCode::NotPossible);
        let facilitator = held.is_some_and(Seat::is_facilitator);
        verdict.refuse(facilitator && !self.model.leads(seat), RefusalCode::NotAllowed);
        verdict.may_refuse(target == seat.claims.subject, RefusalCode::NotPossible);
    }
}

pub fn next_step(thawed: &[ThawStep]) -> Option<ThawStep> {
    [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat].get(thawed.len()).copied()
}

impl Model {
    pub fn leads(&self, seat: &Seat) -> bool {
        self.lead.as_ref() == Some(&seat.claims.subject)
    }
}
