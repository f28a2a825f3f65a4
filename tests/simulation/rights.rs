//! Whose each request is, said once more beside the room's own policy: for the judge of the simulation and for hostile clients.

use hearth_protocol::Request;

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
