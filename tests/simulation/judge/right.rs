//! Who may ask for what.

use hearth_protocol::{Audience, Level, Request, Role};

use super::Judge;
use crate::model::Seat;

/// Whose a request is by the ticket, and by what the lead has lent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Right {
    Everyone,
    Facilitators,
    /// And a peer lead, where the format allows one.
    PeerLeads,
    /// And to helpers, over members alone.
    PeerLeadsAndHelpers,
    Helpers,
}

impl Judge {
    pub(super) fn has_right(&self, seat: &Seat, request: &Request) -> bool {
        let peer_lead = seat.claims.role == Role::PeerLead && self.model.charges(Role::PeerLead);
        let helper = self.model.helpers.contains(&seat.number);
        let froze = self.model.freeze.as_ref().is_some_and(|freeze| freeze.by == seat.number);
        seat.is_facilitator()
            || match right_to(request) {
                Right::Everyone => true,
                Right::PeerLeadsAndHelpers => peer_lead || helper,
                Right::PeerLeads => peer_lead,
                Right::Helpers => helper,
                Right::Facilitators => peer_lead && froze && matches!(request, Request::Thaw { .. }),
            }
    }

    /// Accepted of this one at any time.
    pub(super) fn is_always_allowed(&self, seat: &Seat, request: &Request) -> bool {
        let lower = |level: Level| level <= self.model.level(seat.number);
        matches!(
            request,
            Request::Leave
                | Request::UnshareDevice { .. }
                | Request::SetOwn { open: false, .. }
                | Request::RenewMedia
        ) || matches!(request, Request::SetLevel { level } if lower(*level))
    }

    /// Of facilitators anything, and what two in a crisis do with each other: neither freeze nor hold reaches it.
    pub(super) fn is_spared(&self, seat: &Seat, request: &Request) -> bool {
        let theirs = matches!(
            request,
            Request::SetOwn { .. }
                | Request::SetLevel { .. }
                | Request::Say { to: Audience::Room | Audience::Facilitators, .. }
        );
        seat.is_facilitator() || theirs && self.model.is_in_crisis(seat)
    }

    /// What is lent to a helper reaches members alone.
    pub(super) fn is_beyond(&self, seat: &Seat, target: u32) -> bool {
        self.model.helpers.contains(&seat.number) && self.model.role_of(target) != Some(Role::Member)
    }
}

pub fn right_to(request: &Request) -> Right {
    match request {
        Request::AcceptGroundRules { .. }
        | Request::SetOwn { .. }
        | Request::OpenOnTurn { .. }
        | Request::RaiseHand { .. }
        | Request::LowerHand
        | Request::Yield
        | Request::Pass
        | Request::Defer
        | Request::React { .. }
        | Request::Leave
        | Request::SetLevel { .. }
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
        | Request::Offer(_)
        | Request::View { .. }
        | Request::RenewMedia => Right::Everyone,
        Request::Grant { .. }
        | Request::Revoke { .. }
        | Request::RoundStart { .. }
        | Request::RoundExtend { .. }
        | Request::RoundSkip
        | Request::RoundSuspendStop
        | Request::RoundEnd
        | Request::SetGate { open: false, .. }
        | Request::GateAll { .. } => Right::PeerLeadsAndHelpers,
        Request::SendToWaiting { .. } | Request::Freeze | Request::StepTo { .. } | Request::ResumeRoom => {
            Right::PeerLeads
        }
        Request::StartTimer { .. } | Request::StopTimer => Right::Helpers,
        Request::Admit { .. }
        | Request::Deny { .. }
        | Request::UndoDenial { .. }
        | Request::AdmitAll { .. }
        | Request::SetGate { open: true, .. }
        | Request::AskToUnmute { .. }
        | Request::SetFloor { .. }
        | Request::LowerHandOf { .. }
        | Request::OrderHands { .. }
        | Request::Lock { .. }
        | Request::Thaw { .. }
        | Request::Remove { .. }
        | Request::UndoRemoval { .. }
        | Request::HandOver { .. }
        | Request::TakeLead
        | Request::End { .. }
        | Request::CancelEnd
        | Request::OpenAsides { .. }
        | Request::OpenCrisisAside { .. }
        | Request::Move { .. }
        | Request::Recall { .. }
        | Request::KeepApart { .. }
        | Request::Override { .. }
        | Request::ChangeFormat { .. }
        | Request::ImportFormat { .. }
        | Request::ExportFormat
        | Request::SetCeiling { .. }
        | Request::LendHelper { .. }
        | Request::ShowPrompt { .. }
        | Request::OpenScale { .. }
        | Request::CloseScale
        | Request::CareMoment { .. }
        | Request::AttestAttendance
        | Request::CorrectAttendance { .. }
        | Request::AnswerSignal { .. }
        | Request::Breach { .. }
        | Request::Break { .. }
        | Request::EndBreak
        | Request::EndNow { .. } => Right::Facilitators,
    }
}
