//! Formats that ask more of the door and of who is there: `teen`, `restricted`, `dual_diagnosis`.

use hearth_forwarding::Source;
use hearth_protocol::{ByeReason, RefusalCode, Request, Role};
use hearth_room::{Act, Claims, Definition, Format, Room};

use crate::meeting::*;

fn teen(name: &str) -> Claims {
    claims(name, Role::Member)
}

fn without_consent(name: &str) -> Claims {
    Claims { guardian_consent: false, ..teen(name) }
}

fn teens() -> Meeting {
    let mut m = Meeting::in_format("teen");
    m.joins("fay", Role::Facilitator);
    m.joins("gus", Role::Cofacilitator);
    m.joins("tia", Role::Member);
    m.ok("tia", open(Source::Microphone));
    m
}

#[test]
fn with_one_facilitator_for_a_minute_a_group_of_minors_is_on_hold() {
    let mut m = teens();
    m.wait(100_000);
    m.drops("gus");
    m.wait(59_999);
    assert!(m.is_heard("tia", Source::Microphone));
    m.wait(1);
    assert!(!m.is_heard("tia", Source::Microphone) && !m.is_heard("fay", Source::Microphone));
    assert_eq!(m.acts(|act| *act == Act::Held), 1);
    assert!(!m.view("fay").room.hold.as_ref().unwrap().may_resume);
    m.refused("tia", open(Source::Microphone), RefusalCode::OnHold);
    m.refused("fay", Request::ResumeRoom, RefusalCode::NotPossible);
    m.returns("gus", None);
    assert!(m.view("fay").room.hold.as_ref().unwrap().may_resume);
    assert!(!m.is_heard("tia", Source::Microphone), "going on is explicit");
    m.ok("fay", Request::ResumeRoom);
    m.ok("tia", open(Source::Microphone));
}

#[test]
fn the_minute_begins_at_the_last_sign_of_life_and_ends_when_somebody_is_back() {
    let mut m = teens();
    m.wait(10_000);
    m.drops("gus");
    m.wait(59_000);
    m.returns("gus", None);
    m.wait(60_000);
    assert!(m.view("fay").room.hold.is_none());
    m.wait(1_000);
    let connection = m.at["gus"];
    m.apply(hearth_room::Command::Dropped { connection, last_seen: m.now - 1_000 });
    m.wait(58_999);
    assert!(m.view("fay").room.hold.is_none());
    m.wait(1);
    assert!(m.view("fay").room.hold.is_some());
}

#[test]
fn a_group_of_minors_that_begins_with_one_facilitator_has_a_minute() {
    let mut m = Meeting::in_format("teen");
    m.wait(100_000);
    m.joins("fay", Role::Facilitator);
    m.wait(60_000);
    assert!(m.view("fay").room.hold.is_some());
    m.joins("gus", Role::Cofacilitator);
    m.ok("gus", Request::ResumeRoom);
    m.wait(600_000);
    assert!(m.view("fay").room.hold.is_none());
}

#[test]
fn nobody_but_facilitators_counts_as_one() {
    let mut m = teens();
    m.joins("pat", Role::PeerLead);
    m.joins("ivy", Role::Interpreter);
    m.drops("gus");
    m.wait(60_000);
    assert!(m.view("fay").room.hold.is_some());
}

#[test]
fn a_minor_without_a_guardians_consent_reads_what_everybody_reads_who_may_not_come_in() {
    let mut m = teens();
    m.knocks_with(without_consent("tom"));
    assert_eq!(m.bye("tom"), Some(ByeReason::NotNow));
    assert!(m.view("fay").desk.as_ref().unwrap().knocks.is_empty());
    m.knocks_with(teen("tom"));
    assert_eq!(m.bye("tom"), None);
}

#[test]
fn consent_is_looked_at_again_at_the_commit() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits_with(without_consent("tom"));
    let knock = m.knock_of("tom");
    m.ok("fay", Request::ChangeFormat { format: "teen".to_owned() });
    m.refused("fay", Request::Admit { knock, through_lock: true }, RefusalCode::NotPossible);
    m.ok("fay", Request::AdmitAll { if_version: m.view("fay").desk.as_ref().unwrap().knocks_version });
    assert!(m.hears("tom").view.is_none());
    m.drops("ann");
    m.returns("ann", None);
    assert!(m.bye("ann").is_none(), "whoever has a seat keeps it");
}

#[test]
fn no_ticket_passes_the_waiting_room_of_minors_or_of_a_closed_group() {
    for name in ["teen", "restricted"] {
        let mut open = definition();
        open.policy.waiting_room = false;
        open.roster = ["fay", "gus", "tia"].map(str::to_owned).into();
        open.format = Format::find_shipped(name).unwrap().clone();
        let mut m = Meeting::of(open);
        m.joins("fay", Role::Facilitator);
        m.waits_with(Claims { open_admission: true, ..teen("tia") });
        assert!(m.hears("tia").is_waiting(), "{name}");
    }
}

#[test]
fn only_those_on_the_list_come_into_a_closed_group() {
    let format = Format::find_shipped("restricted").unwrap().clone();
    let roster = ["fay", "ann"].map(str::to_owned).into();
    let mut m = Meeting::of(Definition { format, roster, ..definition() });
    m.joins("fay", Role::Facilitator);
    m.joins("ann", Role::Member);
    for (name, role) in [("ben", Role::Member), ("gus", Role::Facilitator), ("oda", Role::Observer)] {
        m.knocks(name, role);
        assert_eq!(m.bye(name), Some(ByeReason::NotNow), "{name}");
    }
    m.ok("ann", Request::Leave);
    m.apply(hearth_room::Command::Define(Box::new(Definition {
        format: Format::find_shipped("restricted").unwrap().clone(),
        roster: ["fay".to_owned()].into(),
        ..definition()
    })));
    m.knocks("ann", Role::Member);
    assert_eq!(m.bye("ann"), Some(ByeReason::NotNow), "who was taken from the list is not let in again");
}

#[test]
fn a_room_without_a_list_cannot_become_a_closed_group() {
    let mut m = Meeting::seated(&["ann"]);
    m.refused("fay", Request::ChangeFormat { format: "restricted".to_owned() }, RefusalCode::NotPossible);
    m.drops("fay");
    m.returns("fay", None);
    assert!(m.bye("fay").is_none());
}

#[test]
fn a_lead_cannot_shed_the_second_facilitator_by_another_format() {
    let mut m = teens();
    m.drops("gus");
    m.ok("fay", Request::ChangeFormat { format: "support_circle".to_owned() });
    m.wait(60_000);
    assert!(m.view("fay").room.hold.is_some());
    m.knocks_with(without_consent("tom"));
    assert_eq!(m.bye("tom"), Some(ByeReason::NotNow));
}

#[test]
fn the_minute_goes_on_after_a_restart() {
    let mut m = teens();
    m.drops("gus");
    m.wait(40_000);
    m.ok("fay", open(Source::Camera));
    let text = serde_json::to_string(&m.room.snapshot()).unwrap();
    let format = Format::find_shipped("teen").unwrap().clone();
    let defined = Definition { format, ..definition() };
    let room = Room::restore(defined, serde_json::from_str(&text).unwrap(), true);
    let mut m = Meeting { room, ..m };
    m.returns("fay", None);
    m.wait(19_999);
    assert!(m.view("fay").room.hold.is_none());
    m.wait(1);
    assert!(m.view("fay").room.hold.is_some());
}

#[test]
fn a_dual_diagnosis_group_waits_longer_for_its_cofacilitator() {
    let mut m = Meeting::in_format("dual_diagnosis");
    m.joins("fay", Role::Facilitator);
    m.wait(299_999);
    assert!(m.view("fay").room.hold.is_none());
    m.wait(1);
    assert!(m.view("fay").room.hold.is_some());
}
