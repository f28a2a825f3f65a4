//! Mute that holds.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{Audience, FloorMode, RefusalCode, Request, Role};
use hearth_room::{Command, Definition};

use crate::meeting::*;

const MICROPHONE: hearth_protocol::Source = hearth_protocol::Source::Microphone;

fn gate(m: &Meeting, name: &str, open: bool) -> Request {
    Request::SetGate { participant: m.id(name), source: MICROPHONE, open }
}

#[test]
fn everyone_enters_silent_and_unseen() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    m.joins("ann", Role::Member);
    for name in ["fay", "ann"] {
        for source in Source::ALL {
            assert_eq!(m.closed(name, source), [Reason::Self_]);
        }
    }
}

#[test]
fn a_member_does_not_unmute_what_a_facilitator_closed() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", gate(&m, "ann", false));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Facilitator]);
    for _ in 0..3 {
        m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    }
    m.ok("ann", Request::RenewMedia);
    m.drops("ann");
    m.returns("ann", None);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    assert!(!m.is_heard("ann", Source::Microphone));
}

#[test]
fn a_gate_reopens_into_silence() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", gate(&m, "ann", false));
    m.ok("fay", gate(&m, "ann", true));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    m.ok("ann", open(Source::Microphone));
    assert!(m.is_heard("ann", Source::Microphone));
}

#[test]
fn an_unmute_behind_another_reason_is_not_kept_for_later() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", gate(&m, "ann", false));
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    m.ok("fay", gate(&m, "ann", true));
    assert!(!m.is_heard("ann", Source::Microphone));
}

#[test]
fn no_command_of_another_makes_a_device_be_heard() {
    let ann = Meeting::seated(&["ann", "ben"]).id("ann");
    let freeze = |m: &mut Meeting| {
        m.ok("fay", Request::Freeze);
        for step in [
            hearth_protocol::ThawStep::Microphones,
            hearth_protocol::ThawStep::Cameras,
            hearth_protocol::ThawStep::Chat,
        ] {
            m.ok("fay", Request::Thaw { step });
        }
    };
    let floor = |m: &mut Meeting| {
        m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
        m.ok("fay", Request::Grant { participant: ann });
        m.ok("fay", Request::SetFloor { mode: FloorMode::Open });
    };
    let round = |m: &mut Meeting| {
        let order = hearth_protocol::RoundOrder::Seated;
        m.ok("fay", Request::RoundStart { order, turn_seconds: None, include_facilitators: true });
        m.ok("fay", Request::RoundSkip);
        m.ok("fay", Request::RoundEnd);
    };
    let quiet = |m: &mut Meeting| {
        m.ok("fay", Request::SetFloor { mode: FloorMode::Quiet });
        m.ok("fay", open(Source::Microphone));
        m.ok("fay", Request::SetFloor { mode: FloorMode::Open });
    };
    let hold = |m: &mut Meeting| {
        m.drops("fay");
        m.wait(30_000);
        m.returns("fay", None);
        m.ok("fay", Request::ResumeRoom);
    };
    let ways: [&dyn Fn(&mut Meeting); 5] = [&freeze, &floor, &round, &quiet, &hold];
    for (at, way) in ways.into_iter().enumerate() {
        let mut m = Meeting::seated(&["ann", "ben"]);
        way(&mut m);
        assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_], "way {at}");
        m.ok("ann", open(Source::Microphone));
        assert!(m.is_heard("ann", Source::Microphone), "way {at}");
    }
}

#[test]
fn closing_all_is_one_change_and_spares_facilitators_and_the_excepted() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    let version = m.table.version.0;
    m.ok("fay", Request::GateAll { source: MICROPHONE, except: vec![m.id("ben")] });
    assert_eq!(m.table.version.0, version + 1);
    assert!(!m.is_heard("ann", Source::Microphone) && !m.is_heard("cai", Source::Microphone));
    assert!(m.is_heard("ben", Source::Microphone) && m.is_heard("fay", Source::Microphone));
    assert!(m.is_heard("ann", Source::Camera));
}

#[test]
fn closing_all_reaches_whoever_is_away_for_a_moment() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("ann");
    m.ok("fay", Request::GateAll { source: MICROPHONE, except: Vec::new() });
    m.returns("ann", Some(m.row("ann").unwrap().generation.0));
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
}

#[test]
fn a_ticket_that_does_not_allow_a_source_keeps_it_closed() {
    let mut m = Meeting::seated(&[]);
    let mut ticket = claims("ann", Role::Member);
    ticket.publish = vec![MICROPHONE];
    m.waits_with(ticket);
    let knock = m.knock_of("ann");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    m.refused("ann", open(Source::Camera), RefusalCode::NotAllowed);
    m.ok("ann", open(Source::Microphone));
}

#[test]
fn a_question_to_unmute_is_answered_by_its_owner_alone() {
    let mut m = Meeting::seated(&["ann"]);
    m.refused("fay", Request::AskToUnmute { participant: m.id("ann") }, RefusalCode::NotPossible);
    m.ok("ann", close(Source::Microphone));
    m.ok("fay", Request::AskToUnmute { participant: m.id("ann") });
    let until = m.view("ann").you.asked_until;
    assert_eq!(until, Some(hearth_protocol::Millis(m.now + 30_000)));
    assert!(!m.is_heard("ann", Source::Microphone));
    m.wait(30_000);
    assert_eq!(m.view("ann").you.asked_until, None);
    m.ok("fay", Request::AskToUnmute { participant: m.id("ann") });
    m.ok("ann", open(Source::Microphone));
    assert_eq!(m.view("ann").you.asked_until, None);
    m.refused("ann", Request::AskToUnmute { participant: m.id("fay") }, RefusalCode::NotAllowed);
}

#[test]
fn nobody_answers_for_another() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", close(Source::Microphone));
    m.refused("ben", gate(&m, "ann", true), RefusalCode::NotAllowed);
    m.refused("ben", gate(&m, "ann", false), RefusalCode::NotAllowed);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn new_rules_bar_whoever_has_not_agreed_after_the_window() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let mut changed = definition();
    changed.ground_rules = rules(2, "rules-2");
    m.apply(Command::Define(Box::new(changed)));
    let agree = || Request::AcceptGroundRules { version: 2, hash: "rules-2".to_owned() };
    m.ok("fay", agree());
    m.ok("ben", agree());
    let epoch = m.table.epoch;
    m.wait(179_999);
    assert!(m.is_heard("ann", Source::Microphone) && !m.row("ann").unwrap().barred);
    m.wait(1);
    assert!(m.row("ann").unwrap().barred);
    assert!(m.closed("ann", Source::Microphone).contains(&Reason::Consent));
    assert!(m.is_heard("ben", Source::Microphone) && m.table.epoch > epoch);
    m.refused(
        "ann",
        Request::RaiseHand { kind: hearth_protocol::HandKind::Speak },
        RefusalCode::GroundRulesChanged,
    );
    m.refused("ann", open(Source::Microphone), RefusalCode::GroundRulesChanged);
    m.refused("ann", accept(), RefusalCode::GroundRulesChanged);
    // Nothing of the room reaches her, until she agrees and sees it all again.
    let (deltas, frames) = (m.hears("ann").deltas.len(), m.hears("ann").frames.len());
    m.ok("ben", Request::React { reaction: hearth_protocol::Reaction::ThankYou });
    m.ok("ben", Request::RaiseHand { kind: hearth_protocol::HandKind::Speak });
    m.ok("fay", Request::Lock { locked: true });
    assert_eq!((m.hears("ann").deltas.len(), m.hears("ann").frames.len()), (deltas, frames));
    m.ok("ann", agree());
    assert!(m.view("ann").room.locked);
    assert!(!m.row("ann").unwrap().barred);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn a_freeze_stops_the_time_to_agree() {
    let mut m = Meeting::seated(&["ann"]);
    let mut changed = definition();
    changed.ground_rules = rules(2, "rules-2");
    m.apply(Command::Define(Box::new(changed.clone())));
    m.wait(100_000);
    m.ok("fay", Request::Freeze);
    m.wait(500_000);
    assert!(!m.row("ann").unwrap().barred);
    changed.ground_rules = rules(3, "rules-3");
    m.apply(Command::Define(Box::new(changed)));
    for step in [
        hearth_protocol::ThawStep::Microphones,
        hearth_protocol::ThawStep::Cameras,
        hearth_protocol::ThawStep::Chat,
    ] {
        m.ok("fay", Request::Thaw { step });
    }
    m.wait(179_999);
    assert!(!m.row("ann").unwrap().barred);
    m.ok("ann", Request::AcceptGroundRules { version: 3, hash: "rules-3".to_owned() });
    m.wait(1);
    assert!(!m.row("ann").unwrap().barred && m.row("fay").unwrap().barred);
}

#[test]
fn whoever_is_barred_is_not_let_back_in_by_newer_rules_still() {
    let mut m = Meeting::seated(&["ann"]);
    let mut changed = definition();
    changed.ground_rules = rules(2, "rules-2");
    m.apply(Command::Define(Box::new(changed.clone())));
    m.ok("fay", Request::AcceptGroundRules { version: 2, hash: "rules-2".to_owned() });
    m.wait(changed.policy.consent_window_ms);
    assert!(m.row("ann").unwrap().barred);
    changed.ground_rules = rules(3, "rules-3");
    m.apply(Command::Define(Box::new(changed)));
    assert!(m.row("ann").unwrap().barred, "the version she had agreed to counted no more");
    assert!(!m.row("fay").unwrap().barred);
    m.ok("ann", Request::AcceptGroundRules { version: 3, hash: "rules-3".to_owned() });
    assert!(!m.row("ann").unwrap().barred);
}

#[test]
fn a_facilitator_who_does_not_agree_to_the_rules_has_no_power_and_is_not_in_charge() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits("eve", Role::Member);
    let knock = m.knock_of("eve");
    m.definition.ground_rules = rules(2, "rules-2");
    let mut m = m.restarted(true);
    m.returns("fay", None);
    m.returns("ann", None);
    let agree = || Request::AcceptGroundRules { version: 2, hash: "rules-2".to_owned() };
    m.ok("ann", agree());
    for request in [
        Request::Admit { knock, through_lock: false },
        Request::SetFloor { mode: FloorMode::Quiet },
        Request::Say { to: Audience::Everywhere, text: "Good evening.".to_owned() },
        Request::Remove { participant: m.id("ann") },
        gate(&m, "ann", true),
        Request::EndNow { confirm: None },
        open(Source::Microphone),
    ] {
        m.refused("fay", request, RefusalCode::GroundRulesChanged);
    }
    m.ok("fay", close(Source::Microphone));
    m.wait(29_999);
    assert!(m.view("ann").room.hold.is_none());
    m.wait(1);
    assert!(m.view("ann").room.hold.as_ref().is_some_and(|hold| !hold.may_resume));
    m.ok("fay", Request::Freeze);
    assert!(m.view("ann").room.frozen.is_some(), "closing is always safe");
    m.ok("fay", agree());
    m.ok("fay", Request::ResumeRoom);
}

#[test]
fn nobody_is_in_charge_from_the_moment_that_the_last_facilitator_is_barred() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("gus", Request::Leave);
    m.wait(60_000);
    m.apply(Command::Define(Box::new(Definition { ground_rules: rules(2, "rules-2"), ..definition() })));
    m.ok("ann", Request::AcceptGroundRules { version: 2, hash: "rules-2".to_owned() });
    m.wait(180_000 + 29_999);
    assert!(m.row("fay").unwrap().barred && m.view("ann").room.hold.is_none());
    m.wait(1);
    assert!(m.view("ann").room.hold.is_some());
    // Nobody is there who could confirm another.
    m.knocks("hal", Role::Facilitator);
    m.ok("hal", Request::AcceptGroundRules { version: 2, hash: "rules-2".to_owned() });
    m.ok("hal", Request::ResumeRoom);
}

#[test]
fn a_window_is_for_the_rules_that_it_was_opened_for() {
    for (version, hash, barred) in [(2, "rules-2", false), (3, "rules-3", true)] {
        let mut m = Meeting::seated(&["ann"]);
        m.apply(Command::Define(Box::new(Definition { ground_rules: rules(2, "rules-2"), ..definition() })));
        m.definition.ground_rules = rules(version, hash);
        let mut m = m.restarted(true);
        m.returns("ann", None);
        assert_eq!(m.row("ann").unwrap().barred, barred, "{hash}");
    }
}
