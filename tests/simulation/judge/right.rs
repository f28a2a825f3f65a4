//! Who may ask for what.

use hearth_protocol::Request;

pub fn is_allowed_in_a_freeze(request: &Request) -> bool {
    matches!(
        request,
        Request::Leave
            | Request::SetOwn { open: false, .. }
            | Request::RenewMedia
            | Request::Offer(_)
            | Request::View { .. }
    )
}

pub fn is_allowed_on_hold(request: &Request) -> bool {
    matches!(
        request,
        Request::Leave
            | Request::SetOwn { .. }
            | Request::RenewMedia
            | Request::Offer(_)
            | Request::View { .. }
            | Request::ResumeRoom
            | Request::Remove { .. }
            | Request::Lock { locked: true }
            | Request::Freeze
    )
}

pub fn is_for_facilitators(request: &Request) -> bool {
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
        | Request::RenewMedia => false,
        Request::Admit { .. }
        | Request::Deny { .. }
        | Request::UndoDenial { .. }
        | Request::AdmitAll { .. }
        | Request::SetGate { .. }
        | Request::GateAll { .. }
        | Request::AskToUnmute { .. }
        | Request::SetFloor { .. }
        | Request::Grant { .. }
        | Request::Revoke { .. }
        | Request::LowerHandOf { .. }
        | Request::OrderHands { .. }
        | Request::RoundStart { .. }
        | Request::RoundExtend { .. }
        | Request::RoundSkip
        | Request::RoundEnd
        | Request::Lock { .. }
        | Request::Freeze
        | Request::Thaw { .. }
        | Request::Remove { .. }
        | Request::UndoRemoval { .. }
        | Request::SendToWaiting { .. }
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
        | Request::RoundSuspendStop
        | Request::EndNow { .. } => true,
    }
}
