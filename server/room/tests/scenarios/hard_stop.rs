//! Turns that end by themselves, where a segment says so.

use hearth_protocol::{
    Change, FloorMode, Millis, Notice, ParticipantId, RefusalCode, Request, RoundOrder, ThawStep,
};
use hearth_room::Room;

use crate::meeting::*;

const FAIR: &str = r#"
[[segment]]
kind = "repair"
title = "Making it right"
floor = "round"
turn_seconds = 90
hard_stop = true
reactions = "off"
"#;

fn fair() -> Meeting {
    let mut m = Meeting::in_agenda(FAIR).and_seated(&["ann", "ben"]);
    m.ok("fay", step(1));
    m
}

fn turn(m: &Meeting) -> Option<ParticipantId> {
    m.view("fay").floor.speakers.first().map(|one| one.participant)
}

fn warnings(m: &Meeting, name: &str) -> usize {
    let deltas = m.hears(name).deltas.iter().flatten();
    deltas.filter(|change| **change == Change::Notice { notice: Notice::TurnEndsSoon }).count()
}

#[test]
fn a_turn_ends_by_itself_and_whoever_has_it_is_told_before() {
    let mut m = fair();
    let speaker = m.view("ben").floor.speakers[0].clone();
    assert_eq!((speaker.stops, speaker.until), (true, Some(Millis(m.now + 90_000))));
    m.wait(59_999);
    assert_eq!(warnings(&m, "ann"), 0);
    m.wait(1);
    assert_eq!((warnings(&m, "ann"), warnings(&m, "ben"), warnings(&m, "fay")), (1, 0, 0));
    m.wait(29_999);
    assert_eq!(turn(&m), Some(m.id("ann")));
    m.wait(1);
    assert_eq!(turn(&m), Some(m.id("ben")));
    assert!(m.last.record.is_empty(), "whose turn ended is not recorded");
    m.wait(90_000);
    assert_eq!(m.view("fay").floor.mode, FloorMode::Hands);
    assert_eq!((warnings(&m, "ann"), warnings(&m, "ben")), (1, 1));
}

#[test]
fn one_touch_suspends_the_stop_for_this_turn_alone() {
    let mut m = fair();
    m.refused("ann", Request::RoundSuspendStop, RefusalCode::NotAllowed);
    m.ok("fay", Request::RoundSuspendStop);
    assert!(!m.view("ann").floor.speakers[0].stops);
    m.refused("fay", Request::RoundSuspendStop, RefusalCode::NotPossible);
    m.wait(600_000);
    assert_eq!((turn(&m), warnings(&m, "ann")), (Some(m.id("ann")), 0));
    m.ok("ann", Request::Yield);
    assert!(m.view("ann").floor.speakers[0].stops);
}

#[test]
fn more_time_brings_a_new_warning() {
    let mut m = fair();
    m.wait(60_000);
    m.ok("fay", Request::RoundExtend { seconds: 60 });
    m.wait(59_999);
    assert_eq!(warnings(&m, "ann"), 1);
    m.wait(1);
    assert_eq!(warnings(&m, "ann"), 2);
    m.wait(30_000);
    assert_eq!(turn(&m), Some(m.id("ben")));
}

#[test]
fn more_time_that_is_given_in_a_long_break_brings_a_new_warning_too() {
    let mut m = fair();
    m.wait(60_000);
    m.ok("fay", Request::Break { seconds: 500 });
    m.wait(400_000);
    m.ok("fay", Request::RoundExtend { seconds: 60 });
    m.wait(100_000 + 59_999);
    assert_eq!(warnings(&m, "ann"), 1);
    m.wait(1);
    assert_eq!(warnings(&m, "ann"), 2);
}

#[test]
fn a_freeze_and_a_break_stop_the_clock() {
    let pauses: [fn(&mut Meeting); 2] = [
        |m| {
            m.ok("fay", Request::Freeze);
            m.wait(500_000);
            m.ok("fay", Request::Thaw { step: ThawStep::Microphones });
        },
        |m| {
            m.ok("fay", Request::Break { seconds: 500 });
            m.wait(500_000);
        },
    ];
    for pause in pauses {
        let mut m = fair();
        m.wait(40_000);
        pause(&mut m);
        assert_eq!((turn(&m), warnings(&m, "ann")), (Some(m.id("ann")), 0));
        m.wait(49_999);
        assert_eq!((turn(&m), warnings(&m, "ann")), (Some(m.id("ann")), 1));
        m.wait(1);
        assert_eq!(turn(&m), Some(m.id("ben")));
    }
}

#[test]
fn a_care_moment_cuts_nobody_off() {
    let mut m = fair();
    m.wait(70_000);
    m.ok("fay", Request::CareMoment { on: true });
    assert!(!m.view("ann").floor.speakers[0].stops);
    m.wait(600_000);
    m.ok("fay", Request::CareMoment { on: false });
    m.wait(600_000);
    assert_eq!(turn(&m), Some(m.id("ann")));
}

#[test]
fn nothing_else_stops_a_turn() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let start = Request::RoundStart {
        order: RoundOrder::Seated,
        turn_seconds: Some(60),
        include_facilitators: false,
    };
    m.ok("fay", start.clone());
    m.wait(600_000);
    assert_eq!((turn(&m), warnings(&m, "ann")), (Some(m.id("ann")), 0));
    let mut m = fair();
    let untimed =
        Request::RoundStart { order: RoundOrder::Seated, turn_seconds: None, include_facilitators: false };
    m.ok("fay", untimed);
    assert!(!m.view("ann").floor.speakers[0].stops, "without a time there is nothing to stop at");
    m.ok("fay", start);
    assert!(m.view("ann").floor.speakers[0].stops);
}

#[test]
fn a_stop_is_kept_over_a_restart() {
    let mut m = fair();
    m.wait(60_000);
    let text = serde_json::to_string(&m.room.snapshot()).unwrap();
    let room = Room::restore(definition(), serde_json::from_str(&text).unwrap(), true);
    let mut m = Meeting { room, ..m };
    for name in ["fay", "ann", "ben"] {
        m.returns(name, None);
    }
    m.wait(29_999);
    assert_eq!((turn(&m), warnings(&m, "ann")), (Some(m.id("ann")), 0), "it was told before");
    m.wait(1);
    assert_eq!(turn(&m), Some(m.id("ben")));
}
