//! The crisis aside: two people out of the reach of what stops everyone else, while the facilitator is there.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{
    AsideId, Audience, ChatPolicy, FloorMode, Level, RefusalCode, Request, Role, ThawStep,
};

use crate::meeting::*;

fn crisis(m: &Meeting, name: &str) -> Request {
    Request::OpenCrisisAside { participant: m.id(name) }
}

/// Gus with ann in a crisis aside; fay leads the room with ben.
fn with_ann() -> Meeting {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("gus", crisis(&m, "ann"));
    m
}

#[test]
fn freeze_does_not_reach_it() {
    let mut m = with_ann();
    m.ok("ann", open(Source::Microphone));
    m.ok("gus", open(Source::Microphone));
    m.ok("fay", Request::Freeze);
    assert!(m.reaches("ann", Source::Microphone, "gus") && m.reaches("gus", Source::Microphone, "ann"));
    assert!(!m.is_heard("ben", Source::Microphone));
    m.ok("ann", close(Source::Microphone));
    m.ok("ann", open(Source::Microphone));
    m.ok("ann", open(Source::Camera));
    m.refused("ann", Request::RaiseHand { kind: hearth_protocol::HandKind::Speak }, RefusalCode::Frozen);
}

#[test]
fn it_can_be_opened_out_of_a_freeze_and_a_hold() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", Request::Freeze);
    m.ok("fay", crisis(&m, "ann"));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    m.ok("ann", open(Source::Microphone));
    assert!(m.reaches("ann", Source::Microphone, "fay"));
    m.drops("fay");
    m.wait(60_000);
    m.returns("fay", None);
    assert!(m.view("fay").room.hold.is_some());
    for name in ["ann", "fay"] {
        assert_eq!(m.closed(name, Source::Microphone), [Reason::Self_], "{name}");
        m.ok(name, open(Source::Microphone));
    }
    assert!(m.reaches("ann", Source::Microphone, "fay") && m.reaches("fay", Source::Microphone, "ann"));
    m.refused("ben", open(Source::Microphone), RefusalCode::Frozen);
}

#[test]
fn what_is_spared_ends_at_once_when_the_facilitator_drops() {
    let mut m = with_ann();
    m.ok("ann", open(Source::Microphone));
    m.ok("fay", Request::Freeze);
    assert!(m.closed("ann", Source::Microphone).is_empty());
    m.drops("gus");
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Freeze]);
    m.refused("ann", open(Source::Microphone), RefusalCode::Frozen);
    m.returns("gus", None);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_], "and nobody is heard by it");
}

#[test]
fn the_two_are_told_that_they_are_spared_while_it_is_so_and_nobody_else_is() {
    let mut m = with_ann();
    let check = |m: &Meeting, expected: [bool; 4]| {
        let told = ["ann", "gus", "ben", "fay"].map(|name| m.view(name).you.spared.is_some());
        assert_eq!(told, expected);
    };
    check(&m, [false; 4]);
    m.ok("fay", Request::Break { seconds: 60 });
    check(&m, [true, true, false, false]);
    m.ok("fay", Request::EndBreak);
    check(&m, [false; 4]);
    m.ok("fay", Request::Freeze);
    check(&m, [true, true, false, false]);
    m.drops("gus");
    assert_eq!(m.view("ann").you.spared, None, "it reaches her now");
}

#[test]
fn it_ends_when_the_facilitator_goes_and_not_by_time() {
    let mut m = with_ann();
    m.wait(3 * 60 * 60_000);
    assert_eq!(m.sees("ben", "ann").unwrap().aside, Some(AsideId(1)));
    m.ok("fay", Request::Freeze);
    m.ok("gus", Request::Leave);
    assert_eq!(m.sees("ben", "ann").unwrap().aside, None);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Freeze]);
    let mut m = with_ann();
    m.ok("gus", Request::Move { participant: m.id("gus"), aside: None });
    assert_eq!(m.sees("ben", "ann").unwrap().aside, None);
}

#[test]
fn a_recall_of_all_leaves_it_alone() {
    let mut m = with_ann();
    m.refused("fay", Request::Recall { aside: None, seconds: 0 }, RefusalCode::NotPossible);
    m.ok("fay", Request::Recall { aside: Some(AsideId(1)), seconds: 0 });
    assert!(m.view("ann").room.asides.is_empty());
}

#[test]
fn it_looks_like_any_aside() {
    let crisis = with_ann();
    let mut plain = Meeting::seated(&["ann", "ben"]);
    plain.joins("gus", Role::Cofacilitator);
    let group = vec![plain.id("ann"), plain.id("gus")];
    plain.ok("gus", Request::OpenAsides { groups: vec![group], seconds: None });
    for name in ["ann", "ben", "gus", "fay"] {
        assert_eq!(crisis.view(name), plain.view(name), "{name}");
    }
    let acts = |m: &Meeting| {
        let mut acts: Vec<String> = m.record.iter().map(|record| format!("{:?}", record.act)).collect();
        acts.sort();
        acts
    };
    assert_eq!(acts(&crisis), acts(&plain));
}

#[test]
fn nobody_but_facilitators_joins_the_two() {
    let mut m = with_ann();
    let to = |m: &Meeting, name: &str| Request::Move { participant: m.id(name), aside: Some(AsideId(1)) };
    m.refused("fay", to(&m, "ben"), RefusalCode::NotPossible);
    m.refused("ann", to(&m, "ben"), RefusalCode::NotAllowed);
    m.ok("fay", to(&m, "fay"));
    m.refused("fay", crisis(&m, "gus"), RefusalCode::NotPossible);
    m.refused("gus", crisis(&m, "gus"), RefusalCode::NotPossible);
}

#[test]
fn a_facilitators_gate_and_the_rules_hold_in_it_and_quiet_does_not() {
    let mut m = with_ann();
    let microphone = hearth_protocol::Source::Microphone;
    m.ok("fay", Request::SetFloor { mode: FloorMode::Quiet });
    m.ok("ann", open(Source::Microphone));
    assert!(m.reaches("ann", Source::Microphone, "gus"));
    m.ok("gus", open(Source::Microphone));
    assert_eq!(m.view("ben").floor.mode, FloorMode::Quiet, "two in a crisis break nobody's quiet");
    m.ok("fay", Request::SetGate { participant: m.id("ann"), source: microphone, open: false });
    m.ok("fay", Request::Freeze);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Facilitator]);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    m.ok("fay", Request::Thaw { step: ThawStep::Microphones });
}

#[test]
fn after_a_restart_nobody_is_spared_until_the_facilitator_is_there() {
    let mut m = with_ann();
    m.ok("fay", Request::Freeze);
    let mut m = m.restarted(true);
    m.returns("ann", None);
    assert!(m.closed("ann", Source::Microphone).contains(&Reason::Freeze));
    m.returns("gus", None);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn words_and_levels_of_the_two_are_spared_as_well() {
    let say = |to| Request::Say { to, text: "I am with you.".to_owned() };
    for held in [false, true] {
        let mut m = with_ann();
        if held {
            m.drops("fay");
            m.drops("gus");
            m.wait(60_000);
            m.returns("gus", None);
            m.returns("fay", None);
        }
        m.ok("fay", Request::Freeze);
        m.ok("ann", Request::SetLevel { level: Level::Listen });
        m.ok("ann", Request::SetLevel { level: Level::Video });
        m.ok("ann", say(Audience::Room));
        assert_eq!(m.readers("I am with you."), ["ann", "gus"], "on hold: {held}");
        m.ok("ann", say(Audience::Facilitators));
        let spared = ["ann", "gus", "ben", "fay"].map(|name| m.view(name).you.spared);
        assert_eq!(spared, [Some(ChatPolicy::Room), Some(ChatPolicy::Room), None, None], "on hold: {held}");
        m.refused("ann", say(Audience::Participant { participant: m.id("ben") }), RefusalCode::Frozen);
        m.refused("ben", say(Audience::Room), RefusalCode::Frozen);
        m.ok("ben", Request::SetLevel { level: Level::Listen });
        m.refused("ben", Request::SetLevel { level: Level::Video }, RefusalCode::Frozen);
    }
}
