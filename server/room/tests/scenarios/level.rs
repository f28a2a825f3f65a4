//! The disclosure ladder: what somebody chooses, and the ceiling that a facilitator sets.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{Level, ParticipantId, RefusalCode, Request, Role, ThawStep};
use hearth_room::{Act, Room};

use crate::meeting::*;

fn choose(level: Level) -> Request {
    Request::SetLevel { level }
}

fn ceiling(of: ParticipantId, level: Level) -> Request {
    Request::SetCeiling { participant: Some(of), level }
}

fn for_all(level: Level) -> Request {
    Request::SetCeiling { participant: None, level }
}

fn check_closes(level: Level, reason: Reason, closed: &[Source], by: impl Fn(&mut Meeting)) {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", open(Source::Screen));
    by(&mut m);
    for source in Source::ALL {
        let expected: &[Reason] = if closed.contains(&source) { &[Reason::Self_, reason] } else { &[] };
        assert_eq!(m.closed("ann", source), expected, "{level:?} {source:?}");
        assert_eq!(m.is_heard("ann", source), expected.is_empty(), "{level:?} {source:?}");
    }
    assert!(m.is_heard("ben", Source::Camera), "nobody else is closed");
    for source in closed {
        m.refused("ann", open(*source), RefusalCode::NotPossible);
    }
}

const RUNGS: [(Level, &[Source]); 4] = [
    (Level::Listen, &Source::ALL),
    (Level::Text, &Source::ALL),
    (Level::Voice, &[Source::Camera, Source::Screen]),
    (Level::Video, &[]),
];

#[test]
fn a_level_closes_all_that_is_above_it() {
    for (level, closed) in RUNGS {
        check_closes(level, Reason::Level, closed, |m| {
            m.ok("ann", choose(level));
            assert_eq!(m.view("ann").you.level, level);
            assert!(m.last.record.is_empty(), "what one keeps to oneself is not recorded");
        });
    }
}

#[test]
fn a_ceiling_closes_all_that_is_above_it() {
    for (level, closed) in RUNGS {
        check_closes(level, Reason::Ceiling, closed, |m| {
            m.ok("fay", ceiling(m.id("ann"), level));
            assert_eq!((m.view("ann").you.ceiling, m.view("ann").you.level), (level, Level::Video));
        });
    }
}

#[test]
fn a_higher_level_opens_nothing_by_itself() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", choose(Level::Listen));
    m.ok("ann", choose(Level::Video));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    m.ok("ann", open(Source::Microphone));
}

#[test]
fn a_ceiling_is_never_a_floor() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", choose(Level::Text));
    m.ok("fay", ceiling(m.id("ann"), Level::Video));
    assert_eq!(m.view("ann").you.level, Level::Text);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    m.ok("fay", ceiling(m.id("ann"), Level::Voice));
    m.ok("ann", choose(Level::Video));
    assert_eq!(m.closed("ann", Source::Camera), [Reason::Self_, Reason::Ceiling]);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn a_level_and_a_ceiling_are_kept_over_leaving_and_returning() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", choose(Level::Voice));
    m.ok("fay", ceiling(m.id("ann"), Level::Text));
    m.ok("ann", Request::Leave);
    m.joins("ann", Role::Member);
    assert_eq!((m.view("ann").you.level, m.view("ann").you.ceiling), (Level::Voice, Level::Text));
    assert_eq!(m.closed("ann", Source::Camera), [Reason::Self_, Reason::Level, Reason::Ceiling]);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
}

#[test]
fn a_ceiling_of_all_members_is_one_of_those_who_join_later() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("ivy", Role::Interpreter);
    m.ok("ivy", open(Source::Camera));
    m.ok("fay", for_all(Level::Voice));
    m.joins("ben", Role::Member);
    for name in ["ann", "ben"] {
        assert_eq!(m.closed(name, Source::Camera), [Reason::Self_, Reason::Ceiling], "{name}");
    }
    assert!(m.is_heard("fay", Source::Camera) && m.is_heard("ivy", Source::Camera));
    m.ok("fay", ceiling(m.id("ben"), Level::Video));
    assert_eq!(m.view("ben").you.ceiling, Level::Voice, "where both are set, the lower one counts");
    m.ok("fay", ceiling(m.id("ann"), Level::Text));
    m.ok("fay", for_all(Level::Video));
    assert_eq!((m.view("ann").you.ceiling, m.view("ben").you.ceiling), (Level::Text, Level::Video));
    assert!(!m.is_heard("ben", Source::Camera), "what reopens is silent");
}

#[test]
fn a_ceiling_is_set_by_facilitators_alone_and_never_over_one() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("gus", Role::Cofacilitator);
    m.refused("ann", ceiling(m.id("ben"), Level::Listen), RefusalCode::NotAllowed);
    m.refused("ann", for_all(Level::Listen), RefusalCode::NotAllowed);
    m.refused("gus", ceiling(m.id("fay"), Level::Listen), RefusalCode::NotAllowed);
    m.refused("fay", ceiling(ParticipantId(99), Level::Listen), RefusalCode::NotFound);
    m.ok("gus", ceiling(m.id("ann"), Level::Voice));
    assert_eq!(m.acts(|act| matches!(act, Act::CeilingSet { .. })), 1);
}

#[test]
fn in_a_freeze_a_lower_level_is_accepted_and_a_higher_one_is_not() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::Freeze);
    m.ok("ann", choose(Level::Text));
    m.refused("ann", choose(Level::Voice), RefusalCode::Frozen);
    m.ok("ann", choose(Level::Listen));
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        m.ok("fay", Request::Thaw { step });
    }
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Level]);
}

#[test]
fn on_hold_a_lower_level_is_accepted() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(30_000);
    m.ok("ann", choose(Level::Text));
    m.refused("ann", choose(Level::Video), RefusalCode::OnHold);
}

#[test]
fn whoever_listens_does_not_write_either() {
    let mut m = Meeting::seated(&["ann"]);
    let writes = |m: &Meeting| m.room.may_write(hearth_forwarding::Subject(m.id("ann").0));
    assert!(writes(&m));
    m.ok("ann", choose(Level::Text));
    assert!(writes(&m));
    m.ok("ann", choose(Level::Listen));
    assert!(!writes(&m));
    m.ok("ann", choose(Level::Video));
    m.ok("fay", for_all(Level::Listen));
    assert!(!writes(&m));
}

#[test]
fn levels_and_ceilings_wake_as_they_were() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", choose(Level::Text));
    assert!(m.last.durable);
    m.ok("ann", choose(Level::Listen));
    assert!(m.last.durable, "also where no gate shows it");
    m.ok("ben", Request::Leave);
    m.ok("fay", ceiling(m.id("ben"), Level::Text));
    m.ok("fay", for_all(Level::Voice));
    let text = serde_json::to_string(&m.room.snapshot()).unwrap();
    let room = Room::restore(definition(), serde_json::from_str(&text).unwrap(), true);
    let mut m = Meeting { room, ..m };
    m.returns("fay", None);
    m.returns("ann", None);
    m.joins("ben", Role::Member);
    assert_eq!((m.view("ann").you.level, m.view("ann").you.ceiling), (Level::Listen, Level::Voice));
    assert_eq!((m.view("ben").you.level, m.view("ben").you.ceiling), (Level::Video, Level::Text));
    assert_eq!(m.closed("ben", Source::Microphone), [Reason::Self_, Reason::Ceiling]);
}
