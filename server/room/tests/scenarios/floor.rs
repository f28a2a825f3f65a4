//! Modes, grants, hands, reactions.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{Change, FloorMode, HandKind, Reaction, RefusalCode, Request, Role};

use crate::meeting::*;

fn mode(mode: FloorMode) -> Request {
    Request::SetFloor { mode }
}

fn raise(kind: HandKind) -> Request {
    Request::RaiseHand { kind }
}

fn grant(m: &Meeting, name: &str) -> Request {
    Request::Grant { participant: m.id(name) }
}

/// With microphones that would be heard if nothing but the floor stood in their way.
fn check_heard(floor: FloorMode, expected: [bool; 3]) {
    let mut m = Meeting::seated(&["ann", "ben"]);
    for name in ["ann", "ben"] {
        m.ok(name, Request::OpenOnTurn { on: true });
    }
    m.ok("fay", mode(floor));
    if floor == FloorMode::Hands {
        m.ok("fay", grant(&m, "ann"));
    }
    let heard = ["fay", "ann", "ben"].map(|name| m.is_heard(name, Source::Microphone));
    assert_eq!(heard, expected, "{floor:?}");
    assert!(m.is_heard("ben", Source::Camera), "cameras stay as they are");
}

#[test]
fn each_mode_says_who_is_heard() {
    check_heard(FloorMode::Open, [true, true, true]);
    check_heard(FloorMode::Hands, [true, true, false]);
    check_heard(FloorMode::Facilitator, [true, false, false]);
    check_heard(FloorMode::Quiet, [false, false, false]);
}

#[test]
fn the_floor_closes_without_self_and_comes_back_with_a_question() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", mode(FloorMode::Hands));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Floor]);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    m.ok("fay", grant(&m, "ann"));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    assert!(m.view("ann").you.asked_until.is_some());
    m.ok("ann", open(Source::Microphone));
    assert!(m.is_heard("ann", Source::Microphone));
}

#[test]
fn who_opted_in_opens_on_their_own_turn_and_on_no_other_occasion() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", Request::OpenOnTurn { on: true });
    m.ok("fay", mode(FloorMode::Hands));
    m.ok("fay", mode(FloorMode::Open));
    assert!(!m.is_heard("ann", Source::Microphone));
    m.ok("fay", mode(FloorMode::Hands));
    m.ok("ann", open(Source::Microphone));
    m.refused("ann", open(Source::Screen), RefusalCode::NotPossible);
    assert!(!m.is_heard("ann", Source::Microphone));
    m.ok("fay", grant(&m, "ann"));
    assert!(m.is_heard("ann", Source::Microphone));
    assert_eq!(m.closed("ann", Source::Screen), [Reason::Self_], "a screen never opens by itself");
    // Any closing by another rule takes it back.
    m.ok("fay", Request::Revoke { participant: m.id("ann") });
    let microphone = hearth_protocol::Source::Microphone;
    m.ok("fay", Request::SetGate { participant: m.id("ann"), source: microphone, open: false });
    m.ok("fay", Request::SetGate { participant: m.id("ann"), source: microphone, open: true });
    m.ok("fay", grant(&m, "ann"));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn nobody_speaks_out_of_turn() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", mode(FloorMode::Hands));
    m.ok("fay", grant(&m, "ann"));
    for request in [open(Source::Microphone), open(Source::Screen), Request::Yield] {
        m.refused("ben", request, RefusalCode::NotPossible);
    }
    m.refused("ben", grant(&m, "ben"), RefusalCode::NotAllowed);
    m.refused("ben", mode(FloorMode::Open), RefusalCode::NotAllowed);
    assert!(!m.is_heard("ben", Source::Microphone));
    m.ok("ben", open(Source::Camera));
}

#[test]
fn a_new_grant_ends_the_one_before_and_a_response_stands_beside_it() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    let speakers =
        |m: &Meeting| m.view("ann").floor.speakers.iter().map(|one| one.participant).collect::<Vec<_>>();
    m.ok("fay", mode(FloorMode::Hands));
    m.ok("fay", grant(&m, "ann"));
    m.ok("ben", raise(HandKind::Respond));
    m.ok("fay", grant(&m, "ben"));
    assert_eq!(speakers(&m), [m.id("ann"), m.id("ben")]);
    m.ok("cai", raise(HandKind::Respond));
    m.ok("fay", grant(&m, "cai"));
    assert_eq!(speakers(&m), [m.id("ann"), m.id("cai")]);
    m.ok("fay", grant(&m, "ben"));
    assert_eq!(speakers(&m), [m.id("ben")]);
    assert!(m.view("ben").you.hand.is_none(), "a grant lowers the hand");
    m.ok("ben", Request::Yield);
    assert!(speakers(&m).is_empty());
    m.ok("fay", grant(&m, "ann"));
    m.ok("fay", mode(FloorMode::Facilitator));
    assert!(speakers(&m).is_empty());
}

#[test]
fn at_most_speakers_max_hold_the_floor() {
    let mut m = Meeting::with(|policy| policy.speakers_max = 2).and_seated(&["ann", "ben", "cai"]);
    m.ok("fay", mode(FloorMode::Hands));
    for name in ["ann", "ben", "cai"] {
        m.ok("fay", grant(&m, name));
    }
    let speakers: Vec<_> = m.view("fay").floor.speakers.iter().map(|one| one.participant).collect();
    assert_eq!(speakers, [m.id("ben"), m.id("cai")]);
}

#[test]
fn a_facilitators_own_unmute_breaks_the_quiet() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("fay", mode(FloorMode::Quiet));
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    m.ok("fay", open(Source::Camera));
    assert_eq!(m.view("ann").floor.mode, FloorMode::Quiet);
    m.ok("fay", open(Source::Microphone));
    assert!(m.is_heard("fay", Source::Microphone));
    assert_eq!(m.view("ann").floor.mode, FloorMode::Facilitator);
    assert!(!m.is_heard("ann", Source::Microphone) && !m.is_heard("gus", Source::Microphone));
}

#[test]
fn hands_keep_the_order_that_the_server_stamped() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    for name in ["ben", "ann", "cai"] {
        m.ok(name, raise(HandKind::Speak));
        m.wait(10);
    }
    m.ok("ben", raise(HandKind::Question));
    let place = |m: &Meeting, name: &str| m.view(name).you.hand.map(|hand| hand.place);
    assert_eq!(["ben", "ann", "cai"].map(|name| place(&m, name)), [Some(1), Some(2), Some(3)]);
    m.ok("ben", Request::LowerHand);
    m.ok("ben", raise(HandKind::Speak));
    assert_eq!(["ann", "cai", "ben"].map(|name| place(&m, name)), [Some(1), Some(2), Some(3)]);
    m.ok("fay", Request::OrderHands { participants: vec![m.id("ben")] });
    assert_eq!(["ben", "ann", "cai"].map(|name| place(&m, name)), [Some(1), Some(2), Some(3)]);
    m.refused("ann", Request::LowerHandOf { participant: m.id("ben") }, RefusalCode::NotAllowed);
    m.ok("fay", Request::LowerHandOf { participant: m.id("ben") });
    assert_eq!(place(&m, "ann"), Some(1));
    m.ok("ann", Request::Leave);
    assert_eq!(place(&m, "cai"), Some(1));
}

#[test]
fn a_drop_keeps_the_hand_for_a_minute_and_leaves_no_gap() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", raise(HandKind::Speak));
    m.ok("ben", raise(HandKind::Speak));
    m.drops("ann");
    m.wait(5_000);
    assert_eq!(m.view("ben").you.hand.unwrap().place, 1);
    m.wait(54_999);
    m.returns("ann", None);
    assert_eq!(m.view("ann").you.hand.unwrap().place, 1);
    m.drops("ann");
    m.wait(60_000);
    m.returns("ann", None);
    assert!(m.view("ann").you.hand.is_none());
}

#[test]
fn a_private_queue_shows_each_member_their_own_hand_alone() {
    let mut m = Meeting::with(|policy| policy.private_queue = true).and_seated(&["ann", "ben"]);
    let deltas = m.hears("ben").deltas.len();
    m.ok("ann", raise(HandKind::Speak));
    assert_eq!(m.hears("ben").deltas.len(), deltas, "not even a number");
    assert!(m.sees("ben", "ann").unwrap().hand.is_none());
    assert!(m.sees("ann", "ann").unwrap().hand.is_some());
    assert!(m.sees("fay", "ann").unwrap().hand.is_some());
    m.ok("ben", raise(HandKind::Speak));
    assert_eq!(m.view("ben").you.hand.unwrap().place, 2);
}

#[test]
fn silence_ends_nothing() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", mode(FloorMode::Hands));
    m.ok("fay", grant(&m, "ann"));
    m.ok("ann", open(Source::Microphone));
    m.wait(3 * 60 * 60_000);
    assert!(m.is_heard("ann", Source::Microphone));
    assert_eq!(m.view("fay").floor.speakers.len(), 1);
}

#[test]
fn an_interpreter_is_heard_while_the_assigned_member_has_the_floor() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let mut ticket = claims("ivy", Role::Interpreter);
    ticket.interprets = Some("ann".to_owned());
    m.waits_with(ticket);
    let knock = m.knock_of("ivy");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    m.ok("ivy", Request::OpenOnTurn { on: true });
    m.ok("fay", mode(FloorMode::Hands));
    m.refused("ivy", Request::SetFloor { mode: FloorMode::Open }, RefusalCode::NotAllowed);
    m.ok("fay", grant(&m, "ben"));
    assert!(m.asks("ivy", open(Source::Microphone)).is_ok(), "opted in: ready for the turn");
    let ivy = hearth_forwarding::Subject(m.view("ivy").you.participant.0);
    let closed = |m: &Meeting| m.table.row(ivy).unwrap().closed[0].iter().collect::<Vec<_>>();
    assert_eq!(closed(&m), [Reason::Floor]);
    m.ok("fay", grant(&m, "ann"));
    m.ok("ivy", open(Source::Microphone));
    assert!(closed(&m).is_empty());
    m.ok("fay", grant(&m, "ben"));
    assert_eq!(closed(&m), [Reason::Floor]);
}

#[test]
fn a_reaction_takes_no_floor_and_comes_no_faster_than_one_a_second() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let table = m.table.version;
    let react = || Request::React { reaction: Reaction::WithYou };
    m.ok("ann", react());
    let seen = Change::Reaction { participant: m.id("ann"), reaction: Reaction::WithYou };
    assert_eq!(m.hears("ben").deltas.last(), Some(&vec![seen]));
    m.refused("ann", react(), RefusalCode::TooFast);
    m.wait(1_000);
    m.ok("ann", react());
    assert_eq!(m.table.version, table);
    assert!(m.last.record.is_empty());
}
