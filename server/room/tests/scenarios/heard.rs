//! Who was heard, for facilitators' eyes alone; and the order that begins with those who were heard least.

use hearth_forwarding::Source;
use hearth_protocol::{
    Change, HandKind, HandOrder, Level, ParticipantId, Request, Role, RoundOrder, SegmentSettings,
};
use hearth_room::{Command, Room};

use crate::meeting::*;

const RAISE: Request = Request::RaiseHand { kind: HandKind::Speak };

fn voiced(m: &mut Meeting, heard: &[(&str, u32)]) {
    let heard = heard.iter().map(|(name, ms)| (m.subject(name), *ms)).collect();
    m.apply(Command::Voiced { heard });
}

fn check_balance(m: &Meeting, expected: &[(&str, u32)], not_heard: &[&str]) {
    let desk = m.view("fay").desk.as_ref().expect("a facilitator has a desk");
    let balance: Vec<_> = desk.heard.iter().map(|one| (one.participant, one.seconds)).collect();
    let expected: Vec<_> = expected.iter().map(|(name, seconds)| (m.id(name), *seconds)).collect();
    assert_eq!(balance, expected);
    assert_eq!(desk.not_heard, not_heard.iter().map(|name| m.id(name)).collect::<Vec<_>>());
}

fn place(m: &Meeting, name: &str) -> u32 {
    m.sees("fay", name).and_then(|one| one.hand).expect("a hand").place
}

fn equity() -> Meeting {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    let settings = SegmentSettings { hands: Some(HandOrder::Equity), ..SegmentSettings::default() };
    m.ok("fay", Request::Override { settings });
    m
}

#[test]
fn the_balance_is_told_in_steps_and_not_all_the_time() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    check_balance(&m, &[], &["ann", "ben"]);
    voiced(&mut m, &[("ann", 7_000), ("fay", 900)]);
    check_balance(&m, &[("ann", 5)], &["ben"]);
    m.wait(1_000);
    voiced(&mut m, &[("ann", 9_000), ("ben", 6_000)]);
    check_balance(&m, &[("ann", 5)], &["ben"]);
    m.wait(4_000);
    voiced(&mut m, &[("fay", 10_000)]);
    check_balance(&m, &[("fay", 10), ("ann", 15), ("ben", 5)], &[]);
    let told = m.hears("fay").deltas.len();
    m.wait(10_000);
    voiced(&mut m, &[("ann", 500)]);
    assert_eq!(m.hears("fay").deltas.len(), told, "less than a step");
}

#[test]
fn members_are_told_nothing_of_it() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let before = (m.hears("ann").deltas.len(), m.hears("ann").frames.len());
    voiced(&mut m, &[("ann", 60_000), ("ben", 60_000)]);
    assert!(m.last.tell.iter().all(|tell| tell.to == m.at["fay"]));
    assert_eq!((m.hears("ann").deltas.len(), m.hears("ann").frames.len()), before);
    assert!(m.last.record.is_empty() && !m.last.durable && m.last.forward.is_none());
}

#[test]
fn whoever_passed_or_chose_to_be_silent_is_never_listed() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    let (turn_seconds, order) = (None, RoundOrder::Seated);
    m.ok("fay", Request::RoundStart { order, turn_seconds, include_facilitators: false });
    m.ok("ann", Request::Pass);
    check_balance(&m, &[], &["ben", "cai"]);
    m.ok("ben", Request::SetLevel { level: Level::Text });
    check_balance(&m, &[], &["cai"]);
    m.ok("fay", Request::RoundSkip);
    check_balance(&m, &[], &["cai"]);
    m.drops("cai");
    check_balance(&m, &[], &[]);
}

#[test]
fn interpreters_and_observers_are_in_no_balance() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("ivy", Role::Interpreter);
    m.joins("olga", Role::Observer);
    voiced(&mut m, &[("ivy", 30_000), ("olga", 30_000)]);
    check_balance(&m, &[], &["ann"]);
}

#[test]
fn a_hand_of_somebody_heard_less_comes_before_as_it_stands_when_a_hand_is_raised() {
    let mut m = equity();
    let check = |m: &Meeting, expected: &[&str]| {
        let places: Vec<_> = expected.iter().map(|name| place(m, name)).collect();
        assert_eq!(places, (1..=u32::try_from(expected.len()).unwrap()).collect::<Vec<_>>());
    };
    voiced(&mut m, &[("ann", 20_000), ("ben", 10_000)]);
    m.ok("fay", Request::SetFloor { mode: hearth_protocol::FloorMode::Hands });
    m.ok("ann", RAISE);
    m.ok("ben", RAISE);
    check(&m, &["ben", "ann"]);
    m.wait(5_000);
    voiced(&mut m, &[("ben", 60_000)]);
    check(&m, &["ben", "ann"]);
    m.ok("ann", Request::RaiseHand { kind: HandKind::Question });
    check(&m, &["ben", "ann"]);
    m.ok("cai", RAISE);
    check(&m, &["cai", "ann", "ben"]);
    m.wait(5_000);
    voiced(&mut m, &[("ann", 200_000)]);
    check(&m, &["cai", "ann", "ben"]);
    m.ok("fay", Request::Grant { participant: m.id("cai") });
    check(&m, &["ben", "ann"]);
}

#[test]
fn a_round_by_equity_begins_with_who_was_heard_least() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    voiced(&mut m, &[("ann", 30_000), ("cai", 10_000)]);
    let (turn_seconds, order) = (None, RoundOrder::Equity);
    m.ok("fay", Request::RoundStart { order, turn_seconds, include_facilitators: false });
    let floor = &m.view("fay").floor;
    assert_eq!(floor.speakers[0].participant, m.id("ben"));
    assert_eq!(floor.round.as_ref().unwrap().next, [m.id("cai"), m.id("ann")]);
    m.wait(5_000);
    voiced(&mut m, &[("cai", 90_000)]);
    assert_eq!(m.view("fay").floor.round.as_ref().unwrap().next, [m.id("cai"), m.id("ann")]);
}

#[test]
fn after_a_restart_the_balance_begins_anew_and_nobody_is_listed_as_not_heard() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    voiced(&mut m, &[("ann", 60_000)]);
    let room = Room::restore(definition(), m.room.snapshot(), true);
    let mut m = Meeting { room, ..m };
    m.returns("fay", None);
    m.returns("ann", None);
    m.returns("ben", None);
    check_balance(&m, &[], &[]);
    voiced(&mut m, &[("ben", 5_000)]);
    check_balance(&m, &[("ben", 5)], &[]);
}

#[test]
fn reports_of_strangers_and_of_those_who_left_change_nothing() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", close(Source::Microphone));
    m.ok("ann", Request::Leave);
    voiced(&mut m, &[("ann", 60_000)]);
    m.apply(Command::Voiced { heard: vec![(hearth_forwarding::Subject(99), u32::MAX)] });
    check_balance(&m, &[], &[]);
    let last = m.hears("fay").deltas.last().cloned().unwrap_or_default();
    assert!(!last.iter().any(|change| matches!(change, Change::Left { participant: ParticipantId(99) })));
}

#[test]
fn what_is_said_in_an_aside_is_counted_and_not_told_before_one_is_back() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    let pair = vec![m.id("ann"), m.id("ben")];
    m.ok("fay", Request::OpenAsides { groups: vec![pair], seconds: None });
    voiced(&mut m, &[("ann", 20_000)]);
    check_balance(&m, &[], &["ann", "ben", "cai"]);
    m.ok("fay", Request::Recall { aside: None, seconds: 0 });
    m.wait(5_000);
    voiced(&mut m, &[("cai", 5_000)]);
    check_balance(&m, &[("ann", 20), ("cai", 5)], &["ben"]);
}

#[test]
fn whoever_yields_in_silence_let_their_turn_go_by() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let (turn_seconds, order) = (None, RoundOrder::Seated);
    m.ok("fay", Request::RoundStart { order, turn_seconds, include_facilitators: false });
    m.ok("ann", Request::Yield);
    check_balance(&m, &[], &["ben"]);
}
