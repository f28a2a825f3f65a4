//! Rounds.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{FloorMode, Millis, ParticipantId, RefusalCode, Request, Role, RoundOrder, ThawStep};

use crate::meeting::*;

fn start(turn_seconds: Option<u32>) -> Request {
    Request::RoundStart { order: RoundOrder::Seated, turn_seconds, include_facilitators: false }
}

fn turn(m: &Meeting) -> Option<ParticipantId> {
    m.view("fay").floor.speakers.first().map(|one| one.participant)
}

fn check_turns(m: &Meeting, now: &str, next: &[&str]) {
    assert_eq!(turn(m), Some(m.id(now)));
    let queue = m.view("fay").floor.round.as_ref().expect("a round runs").next.clone();
    assert_eq!(queue, next.iter().map(|name| m.id(name)).collect::<Vec<_>>());
}

#[test]
fn each_has_a_turn_and_is_heard_in_it_alone() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.ok("fay", start(None));
    check_turns(&m, "ann", &["ben", "cai"]);
    m.ok("ann", open(Source::Microphone));
    m.refused("ben", open(Source::Microphone), RefusalCode::NotPossible);
    assert!(m.is_heard("ann", Source::Microphone) && m.is_heard("fay", Source::Microphone));
    m.ok("ann", Request::Yield);
    check_turns(&m, "ben", &["cai"]);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Floor]);
    assert_eq!(m.closed("ben", Source::Microphone), [Reason::Self_]);
    m.refused("ann", Request::Yield, RefusalCode::NotPossible);
    m.ok("fay", Request::RoundSkip);
    check_turns(&m, "cai", &[]);
    m.ok("cai", Request::Pass);
    assert_eq!(m.view("fay").floor.mode, FloorMode::Open, "back to the mode before");
    assert!(m.view("fay").floor.round.is_none());
}

#[test]
fn passing_and_deferring_are_always_possible() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.refused("ann", Request::Pass, RefusalCode::NotPossible);
    m.ok("fay", start(None));
    m.ok("ann", Request::Defer);
    check_turns(&m, "ben", &["cai", "ann"]);
    m.ok("cai", Request::Pass);
    check_turns(&m, "ben", &["ann"]);
    m.ok("ann", Request::Defer);
    m.ok("ben", Request::Pass);
    check_turns(&m, "ann", &[]);
    m.ok("ann", Request::Defer);
    check_turns(&m, "ann", &[]);
    assert!(m.last.record.is_empty(), "passing is never recorded");
}

#[test]
fn a_given_order_is_kept_and_the_rest_follow_as_seated() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    let participants = vec![m.id("cai"), ParticipantId(77), m.id("cai")];
    let order = RoundOrder::Manual { participants };
    m.ok("fay", Request::RoundStart { order, turn_seconds: None, include_facilitators: true });
    check_turns(&m, "cai", &["fay", "ann", "ben"]);
}

#[test]
fn observers_and_interpreters_have_no_turn() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("oda", Role::Observer);
    m.joins("ivy", Role::Interpreter);
    m.ok("fay", start(None));
    check_turns(&m, "ann", &[]);
}

#[test]
fn a_turn_is_gentle_and_can_be_extended() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", start(Some(60)));
    let until = m.now + 60_000;
    assert_eq!(m.view("ann").floor.speakers[0].until, Some(Millis(until)));
    m.ok("fay", Request::RoundExtend { seconds: 30 });
    assert_eq!(m.view("ann").floor.speakers[0].until, Some(Millis(until + 30_000)));
    m.wait(600_000);
    check_turns(&m, "ann", &["ben"]);
    m.ok("fay", Request::RoundExtend { seconds: u32::MAX });
    m.ok("fay", start(None));
    m.refused("fay", Request::RoundExtend { seconds: 1 }, RefusalCode::NotPossible);
}

#[test]
fn a_joiner_goes_to_the_end_and_nobody_has_two_turns() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", start(None));
    m.joins("cai", Role::Member);
    check_turns(&m, "ann", &["ben", "cai"]);
    m.ok("ann", Request::Yield);
    m.ok("ann", Request::Leave);
    m.joins("ann", Role::Member);
    check_turns(&m, "ben", &["cai"]);
    m.ok("cai", Request::Leave);
    m.joins("cai", Role::Member);
    check_turns(&m, "ben", &["cai"]);
}

#[test]
fn a_drop_keeps_the_turn_then_defers_once_then_skips() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", start(None));
    m.drops("ann");
    m.wait(19_999);
    m.returns("ann", None);
    check_turns(&m, "ann", &["ben"]);
    m.drops("ann");
    m.wait(20_000);
    assert_eq!(turn(&m), Some(m.id("ben")));
    m.ok("ben", Request::Yield);
    assert_eq!(turn(&m), None, "whoever is not there is not shown");
    assert_eq!(m.view("fay").floor.mode, FloorMode::Round);
    m.wait(20_000);
    assert_eq!(m.view("fay").floor.mode, FloorMode::Open, "skipped, and the round is over");
}

#[test]
fn a_deferred_turn_waits_for_whoever_comes_back() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", start(None));
    m.drops("ann");
    m.wait(20_000);
    m.returns("ann", None);
    check_turns(&m, "ben", &["ann"]);
    m.ok("ben", Request::Yield);
    check_turns(&m, "ann", &[]);
}

#[test]
fn a_freeze_suspends_a_round_and_its_time() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", start(Some(60)));
    let until = m.now + 60_000;
    m.wait(10_000);
    m.ok("fay", Request::Freeze);
    assert_eq!(m.view("ann").floor.speakers[0].until, None);
    assert!(m.view("ann").floor.round.as_ref().unwrap().paused);
    m.refused("ann", Request::Pass, RefusalCode::Frozen);
    m.wait(100_000);
    m.ok("fay", Request::Thaw { step: ThawStep::Microphones });
    assert_eq!(m.view("ann").floor.speakers[0].until, Some(Millis(until + 100_000)));
    check_turns(&m, "ann", &["ben"]);
}

#[test]
fn a_hold_suspends_a_round() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", start(None));
    m.drops("fay");
    m.wait(30_000);
    m.refused("ann", Request::Pass, RefusalCode::OnHold);
    m.drops("ann");
    m.wait(60_000);
    m.returns("fay", None);
    m.ok("fay", Request::ResumeRoom);
    m.wait(19_999);
    assert_eq!(m.view("fay").floor.round.as_ref().unwrap().next, [m.id("ben")]);
    m.wait(1);
    assert_eq!(turn(&m), Some(m.id("ben")));
}

#[test]
fn a_change_of_mode_ends_a_round() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", start(None));
    m.refused("fay", Request::SetFloor { mode: FloorMode::Round }, RefusalCode::NotPossible);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    assert!(m.view("fay").floor.round.is_none());
    m.refused("ann", start(None), RefusalCode::NotAllowed);
    m.refused("fay", Request::RoundEnd, RefusalCode::NotPossible);
}
