//! A break: the gentle form of a freeze.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{HandKind, Millis, RefusalCode, Request, Role, RoundOrder, ThawStep};
use hearth_room::{Act, Room};

use crate::meeting::*;

fn rest(seconds: u32) -> Request {
    Request::Break { seconds }
}

#[test]
fn a_break_closes_everyone_but_facilitators_and_ends_into_silence() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", rest(300));
    let until = m.now + 300_000;
    assert_eq!(m.view("ann").room.break_until, Some(Millis(until)));
    for source in [Source::Microphone, Source::Camera] {
        assert_eq!(m.closed("ann", source), [Reason::Self_, Reason::Freeze]);
        m.refused("ann", open(source), RefusalCode::Frozen);
        assert!(m.is_heard("fay", source));
    }
    m.joins("ben", Role::Member);
    m.refused("ben", open(Source::Microphone), RefusalCode::Frozen);
    m.wait(until - 1 - m.now);
    assert!(m.view("ann").room.break_until.is_some());
    m.wait(1);
    assert_eq!(m.view("ann").room.break_until, None);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_], "it reopens into silence");
    m.ok("ann", open(Source::Microphone));
    assert_eq!(m.acts(|act| matches!(act, Act::BreakBegun | Act::BreakOver)), 2);
}

#[test]
fn any_facilitator_ends_a_break_and_nobody_else() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("gus", Role::Cofacilitator);
    m.refused("ann", rest(60), RefusalCode::NotAllowed);
    m.refused("gus", Request::EndBreak, RefusalCode::NotPossible);
    m.ok("fay", rest(60));
    m.refused("ann", Request::EndBreak, RefusalCode::NotAllowed);
    m.ok("gus", Request::EndBreak);
    m.ok("ann", open(Source::Microphone));
}

#[test]
fn in_a_break_people_may_still_say_without_a_voice_what_they_want() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", rest(60));
    m.ok("ann", Request::RaiseHand { kind: HandKind::Speak });
    assert!(m.view("fay").participants[1].hand.is_some());
}

#[test]
fn a_break_suspends_a_round_and_its_time() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let order = RoundOrder::Seated;
    m.ok("fay", Request::RoundStart { order, turn_seconds: Some(60), include_facilitators: false });
    let until = m.now + 60_000;
    m.ok("fay", rest(600));
    assert!(m.view("ann").floor.round.as_ref().unwrap().paused);
    assert_eq!(m.view("ann").floor.speakers[0].until, None);
    m.drops("ann");
    m.wait(15_000);
    m.returns("ann", None);
    m.wait(585_000);
    assert_eq!(m.view("ann").floor.speakers[0].until, Some(Millis(until + 600_000)));
    assert_eq!(m.view("ann").floor.speakers[0].participant, m.id("ann"));
}

#[test]
fn a_freeze_wins_over_a_break() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", rest(60));
    m.ok("fay", Request::Freeze);
    assert_eq!(m.view("ann").room.break_until, None);
    m.refused("fay", rest(60), RefusalCode::NotPossible);
    m.wait(120_000);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Freeze]);
    m.ok("fay", Request::Thaw { step: ThawStep::Microphones });
    m.ok("ann", open(Source::Microphone));
}

#[test]
fn a_break_is_never_endless_and_a_second_one_takes_the_place_of_the_first() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", rest(u32::MAX));
    assert_eq!(m.view("ann").room.break_until, Some(Millis(m.now + 3_600_000)));
    m.ok("fay", rest(0));
    assert_eq!(m.view("ann").room.break_until, Some(Millis(m.now + 1_000)));
}

#[test]
fn a_break_wakes_as_it_was() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", rest(60));
    assert!(m.last.durable);
    let text = serde_json::to_string(&m.room.snapshot()).unwrap();
    let room = Room::restore(definition(), serde_json::from_str(&text).unwrap(), true);
    let mut m = Meeting { room, ..m };
    m.returns("fay", None);
    m.returns("ann", None);
    m.refused("ann", open(Source::Microphone), RefusalCode::Frozen);
    m.wait(60_000);
    m.ok("ann", open(Source::Microphone));
}
