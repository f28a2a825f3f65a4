//! Who may do what: one table of role against power, and nothing else decides it.

use hearth_protocol::{Request, Role};

/// What a request asks the right for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// Anyone with a seat, over that seat alone.
    Own,
    Admit,
    CloseGate,
    OpenGate,
    Ask,
    Grant,
    SetFloor,
    OrderHands,
    Round,
    Lock,
    Freeze,
    Thaw,
    Remove,
    RemoveFacilitator,
    SendToWaiting,
    SendFacilitatorToWaiting,
    CloseFacilitatorGate,
    ResumeRoom,
    HandOver,
    TakeLead,
    End,
    /// Open, fill and close asides.
    Aside,
    /// The agenda and what it sets.
    Agenda,
    ChangeFormat,
    ExportFormat,
    Ceiling,
    LendHelper,
    Timer,
    /// Prompt cards, scales, the care moment.
    Show,
    Attendance,
    AnswerSignal,
    Breach,
    Break,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub role: Role,
    pub lead: bool,
    /// The lead has lent them some of the desk.
    pub helper: bool,
    /// The format allows a peer lead.
    pub peer_lead: bool,
    /// The present freeze is theirs.
    pub froze: bool,
}

impl Standing {
    pub fn is_helper(&self) -> bool {
        self.role == Role::Member && self.helper
    }
}

pub(crate) fn may(standing: &Standing, power: Power) -> bool {
    let facilitator = standing.role.is_facilitator();
    let peer_lead = standing.role == Role::PeerLead && standing.peer_lead;
    let helper = standing.is_helper();
    match power {
        Power::Own => true,
        Power::Grant | Power::Round | Power::CloseGate => facilitator || peer_lead || helper,
        Power::Timer => facilitator || helper,
        Power::Agenda | Power::Freeze | Power::SendToWaiting | Power::ResumeRoom => facilitator || peer_lead,
        Power::Admit
        | Power::OpenGate
        | Power::CloseFacilitatorGate
        | Power::Ask
        | Power::SetFloor
        | Power::OrderHands
        | Power::Lock
        | Power::Remove
        | Power::Aside
        | Power::ExportFormat
        | Power::Ceiling
        | Power::Show
        | Power::Attendance
        | Power::AnswerSignal
        | Power::Breach
        | Power::Break
        | Power::TakeLead => facilitator,
        Power::Thaw => (facilitator && standing.lead) || ((facilitator || peer_lead) && standing.froze),
        Power::RemoveFacilitator
        | Power::SendFacilitatorToWaiting
        | Power::HandOver
        | Power::ChangeFormat
        | Power::LendHelper
        | Power::End => facilitator && standing.lead,
    }
}

impl Power {
    pub fn over_facilitator(self) -> Power {
        match self {
            Power::Remove => Power::RemoveFacilitator,
            Power::SendToWaiting => Power::SendFacilitatorToWaiting,
            Power::CloseGate => Power::CloseFacilitatorGate,
            Power::Own
            | Power::Admit
            | Power::OpenGate
            | Power::Ask
            | Power::Grant
            | Power::SetFloor
            | Power::OrderHands
            | Power::Round
            | Power::Lock
            | Power::Freeze
            | Power::Thaw
            | Power::RemoveFacilitator
            | Power::SendFacilitatorToWaiting
            | Power::CloseFacilitatorGate
            | Power::ResumeRoom
            | Power::HandOver
            | Power::TakeLead
            | Power::End
            | Power::Aside
            | Power::Agenda
            | Power::ChangeFormat
            | Power::ExportFormat
            | Power::Ceiling
            | Power::LendHelper
            | Power::Timer
            | Power::Show
            | Power::Attendance
            | Power::AnswerSignal
            | Power::Breach
            | Power::Break => self,
        }
    }
}

/// The right that a request needs, and its name in the record.
pub(crate) fn needed(request: &Request) -> (Power, &'static str) {
    match request {
        Request::AcceptGroundRules { .. } => (Power::Own, "accept_ground_rules"),
        Request::SetOwn { .. } => (Power::Own, "set_own"),
        Request::OpenOnTurn { .. } => (Power::Own, "open_on_turn"),
        Request::RaiseHand { .. } => (Power::Own, "raise_hand"),
        Request::LowerHand => (Power::Own, "lower_hand"),
        Request::React { .. } => (Power::Own, "react"),
        Request::Yield => (Power::Own, "yield"),
        Request::Pass => (Power::Own, "pass"),
        Request::Defer => (Power::Own, "defer"),
        Request::Leave => (Power::Own, "leave"),
        Request::Admit { .. } => (Power::Admit, "admit"),
        Request::Deny { .. } => (Power::Admit, "deny"),
        Request::UndoDenial { .. } => (Power::Admit, "undo_denial"),
        Request::AdmitAll { .. } => (Power::Admit, "admit_all"),
        Request::SendToWaiting { .. } => (Power::SendToWaiting, "send_to_waiting"),
        Request::SetGate { open: true, .. } => (Power::OpenGate, "open_gate"),
        Request::SetGate { open: false, .. } => (Power::CloseGate, "close_gate"),
        Request::GateAll { .. } => (Power::CloseGate, "gate_all"),
        Request::AskToUnmute { .. } => (Power::Ask, "ask_to_unmute"),
        Request::SetFloor { .. } => (Power::SetFloor, "set_floor"),
        Request::Grant { .. } => (Power::Grant, "grant"),
        Request::Revoke { .. } => (Power::Grant, "revoke"),
        Request::LowerHandOf { .. } => (Power::OrderHands, "lower_hand_of"),
        Request::OrderHands { .. } => (Power::OrderHands, "order_hands"),
        Request::RoundStart { .. } => (Power::Round, "round_start"),
        Request::RoundExtend { .. } => (Power::Round, "round_extend"),
        Request::RoundSkip => (Power::Round, "round_skip"),
        Request::RoundEnd => (Power::Round, "round_end"),
        Request::Lock { .. } => (Power::Lock, "lock"),
        Request::Freeze => (Power::Freeze, "freeze"),
        Request::Thaw { .. } => (Power::Thaw, "thaw"),
        Request::Remove { .. } => (Power::Remove, "remove"),
        Request::UndoRemoval { .. } => (Power::Remove, "undo_removal"),
        Request::ResumeRoom => (Power::ResumeRoom, "resume_room"),
        Request::HandOver { .. } => (Power::HandOver, "hand_over"),
        Request::TakeLead => (Power::TakeLead, "take_lead"),
        Request::End { .. } => (Power::End, "end"),
        Request::CancelEnd => (Power::End, "cancel_end"),
        Request::EndNow { .. } => (Power::End, "end_now"),
        Request::Offer(_) => (Power::Own, "offer"),
        Request::View { .. } => (Power::Own, "view"),
        Request::RenewMedia => (Power::Own, "renew_media"),
        Request::SetLevel { .. } => (Power::Own, "set_level"),
        Request::Distress => (Power::Own, "distress"),
        Request::NotAlone { .. } => (Power::Own, "not_alone"),
        Request::Say { .. } => (Power::Own, "say"),
        Request::SayTurn { .. } => (Power::Own, "say_turn"),
        Request::Unsay { .. } => (Power::Own, "unsay"),
        Request::AnswerScale { .. } => (Power::Own, "answer_scale"),
        Request::Milestone { .. } => (Power::Own, "milestone"),
        Request::SetGoal { .. } => (Power::Own, "set_goal"),
        Request::TakeFeedback { .. } => (Power::Own, "take_feedback"),
        Request::GiveFeedback { .. } => (Power::Own, "give_feedback"),
        Request::Rate { .. } => (Power::Own, "rate"),
        Request::Export => (Power::Own, "export"),
        Request::ShareDevice { .. } => (Power::Own, "share_device"),
        Request::UnshareDevice { .. } => (Power::Own, "unshare_device"),
        Request::OpenAsides { .. } => (Power::Aside, "open_asides"),
        Request::OpenCrisisAside { .. } => (Power::Aside, "open_crisis_aside"),
        Request::Move { .. } => (Power::Aside, "move"),
        Request::Recall { .. } => (Power::Aside, "recall"),
        Request::KeepApart { .. } => (Power::Aside, "keep_apart"),
        Request::StepTo { .. } => (Power::Agenda, "step_to"),
        Request::Override { .. } => (Power::SetFloor, "override"),
        Request::ChangeFormat { .. } => (Power::ChangeFormat, "change_format"),
        Request::ImportFormat { .. } => (Power::ChangeFormat, "import_format"),
        Request::ExportFormat => (Power::ExportFormat, "export_format"),
        Request::SetCeiling { .. } => (Power::Ceiling, "set_ceiling"),
        Request::LendHelper { .. } => (Power::LendHelper, "lend_helper"),
        Request::ShowPrompt { .. } => (Power::Show, "show_prompt"),
        Request::StartTimer { .. } => (Power::Timer, "start_timer"),
        Request::StopTimer => (Power::Timer, "stop_timer"),
        Request::OpenScale { .. } => (Power::Show, "open_scale"),
        Request::CloseScale => (Power::Show, "close_scale"),
        Request::CareMoment { .. } => (Power::Show, "care_moment"),
        Request::AttestAttendance => (Power::Attendance, "attest_attendance"),
        Request::CorrectAttendance { .. } => (Power::Attendance, "correct_attendance"),
        Request::AnswerSignal { .. } => (Power::AnswerSignal, "answer_signal"),
        Request::Breach { .. } => (Power::Breach, "breach"),
        Request::Break { .. } => (Power::Break, "break"),
        Request::EndBreak => (Power::Break, "end_break"),
        Request::RoundSuspendStop => (Power::Round, "round_suspend_stop"),
    }
}
