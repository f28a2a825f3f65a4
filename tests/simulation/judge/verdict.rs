//! What may be asked, and when.

use hearth_forwarding::{Reason, Reasons, Source};
use hearth_protocol::{Audience, FloorMode, ParticipantId, RefusalCode, Request, Role, ThawStep};
use hearth_room::ConnectionId;

use super::{Judge, request::inside};
use crate::model::{Door, Model, Seat};

/// What the rules say of a request: refused for any of these, or carried out.
#[derive(Debug, Default)]
pub struct Verdict {
    pub refused: Vec<RefusalCode>,
    /// The rules leave it open whether this is refused.
    pub open: Vec<RefusalCode>,
}

impl Verdict {
    pub(super) fn refuse_for(&mut self, reason: Option<RefusalCode>) {
        self.refused.extend(reason);
    }

    pub(super) fn refuse(&mut self, when: bool, code: RefusalCode) -> &mut Self {
        if when {
            self.refused.push(code);
        }
        self
    }

    pub(super) fn may_refuse(&mut self, when: bool, code: RefusalCode) -> &mut Self {
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
            None => self.verdict_at_the_door(&mut verdict, request),
        }
        verdict
    }

    fn verdict_at_the_door(&self, verdict: &mut Verdict, request: &Request) {
        let Request::AcceptGroundRules { version, hash } = request else {
            verdict.refuse(!matches!(request, Request::Leave), RefusalCode::NotSeated);
            return;
        };
        let rules = &self.model.definition.ground_rules;
        let stale = *version != rules.version || *hash != rules.hash;
        verdict.refuse(stale, RefusalCode::GroundRulesChanged);
    }

    fn verdict_seated(&self, verdict: &mut Verdict, seat: &Seat, request: &Request) {
        let model = &self.model;
        if !self.has_right(seat, request) {
            verdict.refuse(true, RefusalCode::NotAllowed);
            return;
        }
        if let Some(code) = self.is_not_now(seat, request) {
            let others = seat.is_facilitator() && !model.leads(seat);
            verdict.refuse(true, code).may_refuse(others, RefusalCode::NotAllowed);
            return;
        }
        match request {
            Request::AcceptGroundRules { version, hash } => {
                let present = model.agrees(&(*version, hash.clone()));
                verdict.refuse(!present, RefusalCode::GroundRulesChanged);
            }
            Request::SetOwn { source, open: true } => self.verdict_unmute(verdict, seat, inside(*source)),
            Request::SetOwn { open: false, .. } | Request::Leave | Request::RenewMedia => {}
            Request::OpenOnTurn { .. } => {}
            Request::RaiseHand { .. } => {
                verdict.refuse(!seat.may_send(Source::Microphone), RefusalCode::NotAllowed);
                let granted = model.floor.mode == FloorMode::Hands && model.is_speaker(seat.number);
                verdict.refuse(granted, RefusalCode::NotPossible);
            }
            Request::LowerHand => {
                verdict.refuse(!model.has_hand(seat.number), RefusalCode::NotPossible);
            }
            Request::Yield => {
                verdict.refuse(model.speaker_at(seat).is_none(), RefusalCode::NotPossible);
            }
            Request::Pass | Request::Defer => {
                let round = model.floor.round.as_ref();
                let concerned = round.is_some_and(|round| {
                    round.next.contains(&seat.number) || model.speaker_at(seat).is_some()
                });
                verdict.refuse(!concerned, RefusalCode::NotPossible);
            }
            Request::SetLevel { .. } => {}
            // The shell hands these in by a command of their own.
            Request::ShareDevice { .. } => {
                verdict.refuse(true, RefusalCode::NotPossible);
            }
            Request::UnshareDevice { participant } => self.verdict_unshare(verdict, seat, *participant),
            Request::OpenAsides { groups, seconds } => {
                self.verdict_open_asides(verdict, seat, groups, *seconds);
            }
            Request::OpenCrisisAside { participant } => {
                self.verdict_open_crisis(verdict, seat, participant.0)
            }
            Request::Move { participant, aside } => {
                self.verdict_move(verdict, seat, participant.0, aside.map_or(0, |aside| aside.0));
            }
            Request::Recall { aside, .. } => self.verdict_recall(verdict, aside.map(|aside| aside.0)),
            Request::KeepApart { one, other, .. } => self.verdict_keep_apart(verdict, one.0, other.0),
            Request::SetCeiling { participant, .. } => {
                let role = participant.map(|of| model.role_of(of.0));
                verdict.refuse(role == Some(None), RefusalCode::NotFound);
                let facilitator = role.flatten().is_some_and(Role::is_facilitator);
                verdict.refuse(facilitator, RefusalCode::NotAllowed);
            }
            Request::LendHelper { participant, on } => {
                verdict.refuse(!model.leads(seat), RefusalCode::NotAllowed);
                let target = model.seat_of(participant.0);
                verdict.refuse(target.is_none(), RefusalCode::NotFound);
                let able =
                    target.is_some_and(|seat| seat.claims.role == Role::Member && seat.connection.is_some());
                let stopped = model.freeze.is_some() || model.hold.is_some();
                verdict.refuse(*on && (!able || stopped), RefusalCode::NotPossible);
            }
            Request::Say { .. }
            | Request::SayTurn { .. }
            | Request::Unsay { .. }
            | Request::AnswerScale { .. }
            | Request::Milestone { .. }
            | Request::SetGoal { .. }
            | Request::TakeFeedback { .. }
            | Request::GiveFeedback { .. }
            | Request::Rate { .. }
            | Request::ShowPrompt { .. }
            | Request::StartTimer { .. }
            | Request::StopTimer
            | Request::OpenScale { .. }
            | Request::CloseScale
            | Request::AnswerSignal { .. }
            | Request::React { .. } => self.verdict_words(verdict, seat, request),
            Request::StepTo { .. }
            | Request::Override { .. }
            | Request::ChangeFormat { .. }
            | Request::ImportFormat { .. }
            | Request::Breach { .. }
            | Request::Break { .. }
            | Request::EndBreak
            | Request::RoundSuspendStop => self.verdict_agenda(verdict, seat, request),
            Request::CorrectAttendance { participant, minutes, note } => {
                verdict.refuse(model.subject_of(participant.0).is_none(), RefusalCode::NotFound);
                let note = note.trim();
                let slip = *minutes > 24 * 60 || note.chars().count() > 200;
                verdict.refuse(slip || note.chars().any(char::is_control), RefusalCode::NotPossible);
            }
            // Signals are taken before.
            Request::Distress
            | Request::NotAlone { .. }
            | Request::Export
            | Request::ExportFormat
            | Request::CareMoment { .. }
            | Request::AttestAttendance => {}
            Request::Offer(_) | Request::View { .. } => {
                verdict.may_refuse(true, RefusalCode::NotPossible).may_refuse(true, RefusalCode::BadMessage);
            }
            Request::Admit { knock, through_lock } => self.verdict_admit(verdict, knock.0, *through_lock),
            Request::Deny { knock } => {
                let waits = model.doors.iter().any(|door| door.id == Some(knock.0) && model.is_listed(door));
                verdict.refuse(!waits, RefusalCode::NotFound);
            }
            Request::UndoDenial { knock } => {
                verdict.refuse(!model.denials.contains_key(&knock.0), RefusalCode::NotFound);
            }
            Request::AdmitAll { if_version } => {
                let seen = seat.connection.and_then(|connection| self.seen.get(&connection).copied());
                verdict.refuse(seen != Some(*if_version), RefusalCode::Changed);
            }
            Request::SetGate { participant, open, .. } => {
                let target = model.role_of(participant.0);
                let spared = !open && target.is_some_and(Role::is_facilitator) && !seat.is_facilitator();
                let beyond = self.is_beyond(seat, participant.0);
                verdict.refuse(spared || target.is_some() && beyond, RefusalCode::NotAllowed);
                verdict.refuse(model.seat_of(participant.0).is_none(), RefusalCode::NotFound);
            }
            Request::AskToUnmute { participant } => {
                let device = model.seat_of(model.device_number(participant.0));
                let device = device.filter(|device| device.connection.is_some());
                verdict.refuse(device.is_none(), RefusalCode::NotFound);
                let reasons = device.map(|device| model.reasons(device, Source::Microphone));
                verdict.refuse(
                    reasons.is_some_and(|reasons| reasons != Reasons::of(Reason::Self_)),
                    RefusalCode::NotPossible,
                );
            }
            Request::GateAll { .. } | Request::OrderHands { .. } | Request::Lock { .. } => {}
            Request::SetFloor { mode } => {
                verdict.refuse(*mode == FloorMode::Round, RefusalCode::NotPossible);
            }
            Request::Grant { participant } => {
                verdict.refuse(self.is_beyond(seat, participant.0), RefusalCode::NotAllowed);
                let target = model.seat_of(participant.0).filter(|seat| model.is_here(seat));
                verdict.refuse(target.is_none(), RefusalCode::NotFound);
                let able = target.is_some_and(|seat| seat.space == 0 && seat.may_send(Source::Microphone));
                verdict.refuse(model.floor.mode != FloorMode::Hands || !able, RefusalCode::NotPossible);
            }
            Request::Revoke { participant } => {
                verdict.refuse(self.is_beyond(seat, participant.0), RefusalCode::NotAllowed);
                let granted = model.floor.round.is_none() && model.is_speaker(participant.0);
                verdict.refuse(!granted, RefusalCode::NotPossible);
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
                    .any(|seat| model.is_here(seat) && model.takes_turns(seat, *include_facilitators));
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
                let removed = model.subject_of(participant.0).is_some_and(|subject| {
                    model.removed.contains(subject) && !model.revoked.contains(subject)
                });
                verdict
                    .refuse(!removed, RefusalCode::NotFound)
                    .may_refuse(!removed, RefusalCode::NotPossible);
            }
            Request::ResumeRoom => {
                verdict.refuse(model.hold.is_none() || !model.is_staffed(), RefusalCode::NotPossible);
            }
            Request::HandOver { participant } => {
                verdict.refuse(!model.leads(seat), RefusalCode::NotAllowed);
                let able = model.facilitators().any(|other| other.number == participant.0);
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

    /// Frozen and on hold little is accepted of anybody but facilitators, and without agreement to the rules of them as well.
    pub(super) fn is_not_now(&self, seat: &Seat, request: &Request) -> Option<RefusalCode> {
        if self.is_always_allowed(seat, request) {
            return None;
        }
        let (model, spared) = (&self.model, self.is_spared(seat, request));
        let whole = model.freeze.as_ref().is_some_and(|freeze| freeze.thawed.is_empty());
        let spared = spared || self.is_to_facilitators(request);
        if whole && !spared && !matches!(request, Request::Thaw { .. } | Request::ResumeRoom) {
            return Some(RefusalCode::Frozen);
        }
        if matches!(request, Request::AcceptGroundRules { .. }) {
            return None;
        }
        if model.is_barred(seat) && !matches!(request, Request::Freeze) {
            return Some(RefusalCode::GroundRulesChanged);
        }
        let still = matches!(
            request,
            Request::LowerHand | Request::OpenOnTurn { .. } | Request::Export | Request::ResumeRoom
        );
        let spared = self.is_spared(seat, request);
        (model.hold.is_some() && !spared && !still).then_some(RefusalCode::OnHold)
    }

    fn is_to_facilitators(&self, request: &Request) -> bool {
        let Request::Say { to, .. } = request else { return false };
        match to {
            Audience::Facilitators => true,
            Audience::Participant { participant } => {
                self.model.role_of(participant.0).is_some_and(Role::is_facilitator)
            }
            Audience::Room | Audience::Everywhere | Audience::Team => false,
        }
    }

    fn verdict_unmute(&self, verdict: &mut Verdict, seat: &Seat, source: Source) {
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
        let waits = |door: &&Door| door.id == Some(knock) && self.model.is_listed(door);
        let Some(door) = self.model.doors.iter().find(waits) else {
            verdict.refuse(true, RefusalCode::NotFound);
            return;
        };
        let subject = &door.claims.subject;
        let held = self.model.seat(subject).is_some() || self.model.aside.contains_key(subject);
        verdict.refuse(!self.model.inside_the_lock(subject) && !through_lock, RefusalCode::Locked);
        verdict.refuse(self.model.is_unexpected(&door.claims), RefusalCode::NotPossible);
        verdict.refuse(!held && self.model.is_full_for(door.claims.role), RefusalCode::Full);
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
