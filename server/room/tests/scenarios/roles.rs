//! Who may do what: every power, tried by every role.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{
    AsideId, BreachCode, FloorMode, KnockId, Level, RefusalCode, Request, Role, RoundOrder, SegmentSettings,
    SignalId, ThawStep,
};

use crate::meeting::*;

const FACILITATORS: &[&str] = &["fay", "gus"];
const LEAD: &[&str] = &["fay"];
const WITH_PEER_LEAD: &[&str] = &["fay", "gus", "pat"];
const WITH_HELPER: &[&str] = &["fay", "gus", "hal"];
const WITH_BOTH: &[&str] = &["fay", "gus", "pat", "hal"];
const EVERYONE: [&str; 7] = ["fay", "gus", "pat", "hal", "ann", "ivy", "oda"];

/// The lead, a cofacilitator, a peer lead, a helper, a member, an interpreter and an observer.
fn everyone() -> Meeting {
    let mut m = Meeting::with_rules(|rules| rules.peer_lead = true).and_seated(&["ann", "hal"]);
    for (name, role) in [
        ("gus", Role::Cofacilitator),
        ("pat", Role::PeerLead),
        ("ivy", Role::Interpreter),
        ("oda", Role::Observer),
    ] {
        m.joins(name, role);
    }
    m.ok("fay", Request::LendHelper { participant: m.id("hal"), on: true });
    m
}

/// These are not refused for want of right, and all others are.
fn check(m: &Meeting, request: &Request, allowed: &[&str]) {
    for name in EVERYONE {
        let answer = m.clone().asks(name, request.clone());
        assert_eq!(
            answer != Err(RefusalCode::NotAllowed),
            allowed.contains(&name),
            "{name} {request:?} {answer:?}"
        );
    }
}

#[test]
fn every_power_is_tried_by_every_role() {
    let m = everyone();
    let ann = m.id("ann");
    let microphone = hearth_protocol::Source::Microphone;
    let gate = |participant, open| Request::SetGate { participant, source: microphone, open };
    let knock = KnockId(99);
    let round =
        || Request::RoundStart { order: RoundOrder::Seated, turn_seconds: None, include_facilitators: false };
    for (request, allowed) in [
        (Request::Admit { knock, through_lock: false }, FACILITATORS),
        (Request::Admit { knock, through_lock: true }, FACILITATORS),
        (Request::Deny { knock }, FACILITATORS),
        (Request::UndoDenial { knock }, FACILITATORS),
        (Request::AdmitAll { if_version: 0 }, FACILITATORS),
        (Request::SendToWaiting { participant: ann }, WITH_PEER_LEAD),
        (Request::SendToWaiting { participant: m.id("gus") }, LEAD),
        (Request::SendToWaiting { participant: m.id("fay") }, &[]),
        (gate(ann, false), WITH_BOTH),
        (gate(m.id("gus"), false), FACILITATORS),
        (gate(ann, true), FACILITATORS),
        (Request::GateAll { source: microphone, except: Vec::new() }, WITH_BOTH),
        (Request::AskToUnmute { participant: ann }, FACILITATORS),
        (Request::SetFloor { mode: FloorMode::Hands }, FACILITATORS),
        (Request::Grant { participant: ann }, WITH_BOTH),
        (Request::Revoke { participant: ann }, WITH_BOTH),
        (Request::LowerHandOf { participant: ann }, FACILITATORS),
        (Request::OrderHands { participants: Vec::new() }, FACILITATORS),
        (round(), WITH_BOTH),
        (Request::RoundExtend { seconds: 1 }, WITH_BOTH),
        (Request::RoundSkip, WITH_BOTH),
        (Request::RoundEnd, WITH_BOTH),
        (Request::RoundSuspendStop, WITH_BOTH),
        (Request::Lock { locked: true }, FACILITATORS),
        (Request::Freeze, WITH_PEER_LEAD),
        (Request::Thaw { step: ThawStep::Microphones }, LEAD),
        (Request::Break { seconds: 60 }, FACILITATORS),
        (Request::EndBreak, FACILITATORS),
        (Request::Remove { participant: ann }, FACILITATORS),
        (Request::Remove { participant: m.id("pat") }, FACILITATORS),
        (Request::Remove { participant: m.id("gus") }, LEAD),
        (Request::Remove { participant: m.id("fay") }, &[]),
        (Request::UndoRemoval { participant: ann }, FACILITATORS),
        (Request::ResumeRoom, WITH_PEER_LEAD),
        (Request::HandOver { participant: m.id("gus") }, LEAD),
        (Request::TakeLead, FACILITATORS),
        (Request::End { seconds: 60 }, LEAD),
        (Request::CancelEnd, LEAD),
        (Request::EndNow { confirm: None }, LEAD),
        (Request::OpenAsides { groups: vec![vec![ann]], seconds: None }, FACILITATORS),
        (Request::OpenCrisisAside { participant: ann }, FACILITATORS),
        (Request::Move { participant: ann, aside: Some(AsideId(1)) }, FACILITATORS),
        (Request::Recall { aside: None, seconds: 1 }, FACILITATORS),
        (Request::KeepApart { one: ann, other: m.id("hal"), apart: true }, FACILITATORS),
        (Request::LendHelper { participant: ann, on: true }, LEAD),
        (Request::StepTo { segment: 0 }, WITH_PEER_LEAD),
        (Request::Override { settings: SegmentSettings::default() }, FACILITATORS),
        (Request::ChangeFormat { format: String::new() }, LEAD),
        (Request::ImportFormat { toml: String::new() }, LEAD),
        (Request::ExportFormat, FACILITATORS),
        (Request::SetCeiling { participant: None, level: Level::default() }, FACILITATORS),
        (Request::StartTimer { seconds: 60, label: String::new() }, WITH_HELPER),
        (Request::StopTimer, WITH_HELPER),
        (Request::ShowPrompt { prompt: None }, FACILITATORS),
        (Request::OpenScale { question: String::new() }, FACILITATORS),
        (Request::CloseScale, FACILITATORS),
        (Request::CareMoment { on: true }, FACILITATORS),
        (Request::AttestAttendance, FACILITATORS),
        (Request::AnswerSignal { signal: SignalId(1), text: None }, FACILITATORS),
        (Request::Breach { code: BreachCode::Other, participant: None }, FACILITATORS),
    ] {
        check(&m, &request, allowed);
    }
}

#[test]
fn a_peer_lead_without_the_formats_leave_is_a_member() {
    let mut m = everyone();
    let mut changed = m.definition.clone();
    changed.format.rules.peer_lead = false;
    m.apply(hearth_room::Command::Define(Box::new(changed)));
    for request in [
        Request::Grant { participant: m.id("ann") },
        Request::ResumeRoom,
        Request::StepTo { segment: 0 },
        Request::Freeze,
        Request::SendToWaiting { participant: m.id("ann") },
    ] {
        m.refused("pat", request, RefusalCode::NotAllowed);
    }
}

#[test]
fn a_freeze_by_a_peer_lead_is_thawed_by_them_or_the_lead() {
    let mut m = everyone();
    m.ok("pat", Request::Freeze);
    assert!(m.closed("pat", Source::Camera).contains(&Reason::Freeze), "and stops them too");
    m.refused("gus", Request::Thaw { step: ThawStep::Microphones }, RefusalCode::NotAllowed);
    m.ok("pat", Request::Thaw { step: ThawStep::Microphones });
    m.ok("fay", Request::Thaw { step: ThawStep::Cameras });
}

#[test]
fn an_observer_is_announced_before_receiving_anything_and_never_sends() {
    let mut m = Meeting::seated(&["ann"]);
    let mut ticket = claims("oda", Role::Observer);
    ticket.open_admission = true;
    ticket.title = Some("trainee, listening".to_owned());
    m.waits_with(ticket);
    assert!(m.hears("oda").is_waiting() && m.table.rows.len() == 2, "no media yet");
    let knock = m.knock_of("oda");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    let oda = m.view("oda").you.participant;
    m.ids.insert("oda".to_owned(), oda);
    // The same change that gives the observer a row tells everyone in which capacity.
    assert!(m.last.forward.as_ref().is_some_and(|table| table.rows.len() == 3));
    for viewer in ["ann", "fay"] {
        assert_eq!(m.sees(viewer, "oda").unwrap().title.as_deref(), Some("trainee, listening"));
    }
    for source in Source::ALL {
        assert!(m.closed("oda", source).contains(&Reason::Ticket));
        m.refused("oda", open(source), RefusalCode::NotAllowed);
    }
    m.joins("odo", Role::Observer);
    assert_eq!(m.sees("ann", "odo").unwrap().title.as_deref(), Some("listening"), "never without words");
    m.waits("ole", Role::Observer);
    let knock = m.knock_of("ole");
    m.refused("fay", Request::Admit { knock, through_lock: false }, RefusalCode::Full);
}

#[test]
fn a_credential_stands_by_facilitators_and_by_no_member() {
    let mut m = Meeting::new();
    for (name, role) in [("fay", Role::Facilitator), ("gus", Role::Cofacilitator), ("ann", Role::Member)] {
        let mut ticket = claims(name, role);
        ticket.title = Some(format!("LCSW {}\u{202e}", "x".repeat(200)));
        m.joins_with(ticket);
    }
    for name in ["fay", "gus"] {
        let title = m.sees("ann", name).unwrap().title.clone().unwrap();
        assert!(title.starts_with("LCSW") && title.chars().count() <= 80 && !title.contains('\u{202e}'));
    }
    assert_eq!(m.sees("fay", "ann").unwrap().title, None);
    let mut m = m.restarted(true);
    m.returns("fay", None);
    m.returns("ann", None);
    assert_eq!(m.sees("ann", "fay").unwrap().title, None, "a snapshot holds no words");
}

#[test]
fn an_interpreter_counts_in_no_cap_and_no_round() {
    let mut m = Meeting::with(|policy| policy.capacity = 1).and_seated(&["ann"]);
    m.joins("ivy", Role::Interpreter);
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 1);
    m.ok(
        "fay",
        Request::RoundStart { order: RoundOrder::Seated, turn_seconds: None, include_facilitators: true },
    );
    let floor = m.view("fay").floor.clone();
    let ivy = m.id("ivy");
    assert!(floor.speakers.iter().all(|speaker| speaker.participant != ivy));
    assert!(!floor.round.unwrap().next.contains(&ivy));
}

#[test]
fn an_interpreter_has_the_floor_with_the_assigned_member_in_a_round_too() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let mut ticket = claims("ivy", Role::Interpreter);
    ticket.interprets = Some("ben".to_owned());
    m.joins_with(ticket);
    m.ok(
        "fay",
        Request::RoundStart { order: RoundOrder::Seated, turn_seconds: None, include_facilitators: false },
    );
    assert_eq!(m.closed("ivy", Source::Microphone), [Reason::Self_, Reason::Floor]);
    m.refused("ivy", open(Source::Microphone), RefusalCode::NotPossible);
    m.ok("ann", Request::Pass);
    m.ok("ivy", open(Source::Microphone));
    m.ok("ben", open(Source::Microphone));
    m.ok("fay", Request::OpenAsides { groups: vec![vec![m.id("ben")]], seconds: None });
    m.ok("ivy", open(Source::Microphone));
    assert!(m.reaches("ivy", Source::Microphone, "ben") && !m.reaches("ivy", Source::Microphone, "ann"));
    m.joins("fin", Role::Interpreter);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    assert_eq!(m.closed("fin", Source::Microphone), [Reason::Self_, Reason::Floor], "speaks for nobody");
}
