//! Who may ask for what.

use hearth_protocol::Request;

/// Accepted of everyone at any time.
pub fn is_always_allowed(request: &Request) -> bool {
    matches!(request, Request::Leave | Request::SetOwn { open: false, .. } | Request::RenewMedia)
}

/// Whose a request is by the ticket alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Right {
    Everyone,
    Facilitators,
    /// And a peer lead, where the format allows one.
    PeerLeads,
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
        | Request::GateAll { .. }
        | Request::SendToWaiting { .. }
        | Request::Freeze
        | Request::StepTo { .. }
        | Request::StartTimer { .. }
        | Request::StopTimer => Right::PeerLeads,
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
        | Request::ResumeRoom
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
