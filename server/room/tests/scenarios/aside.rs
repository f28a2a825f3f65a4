//! Asides: media never cross, everything holds inside, and people are moved by the server.

use hearth_forwarding::{Reason, Source, Space};
use hearth_protocol::{AsideId, FloorMode, HandKind, Millis, Notice, RefusalCode, Request, Role, ThawStep};
use hearth_room::{Act, Command, Definition};

use crate::meeting::*;

pub fn groups(m: &Meeting, groups: &[&[&str]], seconds: Option<u32>) -> Request {
    let group = |names: &&[&str]| names.iter().map(|name| m.id(name)).collect();
    Request::OpenAsides { groups: groups.iter().map(group).collect(), seconds }
}

pub fn to(m: &Meeting, name: &str, aside: Option<u32>) -> Request {
    Request::Move { participant: m.id(name), aside: aside.map(AsideId) }
}

pub fn apart(m: &Meeting, one: &str, other: &str) -> Request {
    Request::KeepApart { one: m.id(one), other: m.id(other), apart: true }
}

fn recall(aside: Option<u32>, seconds: u32) -> Request {
    Request::Recall { aside: aside.map(AsideId), seconds }
}

/// In this aside by the table and in everybody's eyes; none is the room.
pub fn check_in(m: &Meeting, name: &str, aside: Option<u32>) {
    assert_eq!(m.row(name).unwrap().space.0, aside.map_or(0, |id| u16::try_from(id).unwrap()), "{name}");
    for viewer in m.ids.keys().filter(|viewer| m.is_connected(viewer)) {
        assert_eq!(m.sees(viewer, name).unwrap().aside, aside.map(AsideId), "{viewer} looks at {name}");
    }
}

/// Ann and ben in aside 1, cai and dan in aside 2, fay in the room.
fn in_pairs(seconds: Option<u32>) -> Meeting {
    let mut m = Meeting::seated(&["ann", "ben", "cai", "dan"]);
    m.ok("fay", groups(&m, &[&["ann", "ben"], &["cai", "dan"]], seconds));
    m
}

fn speak(m: &mut Meeting, names: &[&str]) {
    for name in names {
        m.ok(name, open(Source::Microphone));
        m.ok(name, open(Source::Camera));
    }
}

#[test]
fn media_never_cross_from_one_space_to_another() {
    let mut m = in_pairs(None);
    speak(&mut m, &["ann", "ben", "cai", "dan"]);
    let space = |name: &str| ["ann", "ben"].contains(&name) as u8 + 2 * ["cai", "dan"].contains(&name) as u8;
    for source in Source::ALL {
        for one in ["fay", "ann", "ben", "cai", "dan"] {
            for other in ["fay", "ann", "ben", "cai", "dan"] {
                let expected = one != other && space(one) == space(other) && source != Source::Screen;
                assert_eq!(m.reaches(one, source, other), expected, "{one} {source:?} {other}");
            }
        }
    }
}

#[test]
fn crossing_is_silent_and_raises_the_epoch_both_ways() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.ok("ann", Request::OpenOnTurn { on: true });
    let epoch = m.table.epoch;
    m.ok("fay", groups(&m, &[&["ann", "ben"]], None));
    assert!(m.table.epoch > epoch);
    for source in [Source::Microphone, Source::Camera] {
        assert_eq!(m.closed("ann", source), [Reason::Self_]);
        assert!(m.closed("cai", source).is_empty(), "whoever stays is not disturbed");
    }
    speak(&mut m, &["ann", "ben"]);
    let epoch = m.table.epoch;
    m.ok("fay", to(&m, "ann", None));
    assert!(m.table.epoch > epoch);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    assert!(m.closed("ben", Source::Microphone).is_empty());
}

#[test]
fn nobody_is_hidden() {
    let m = in_pairs(Some(300));
    for name in ["ann", "ben"] {
        check_in(&m, name, Some(1));
    }
    for name in ["cai", "dan"] {
        check_in(&m, name, Some(2));
    }
    check_in(&m, "fay", None);
    for viewer in ["fay", "ann", "dan"] {
        let asides = &m.view(viewer).room.asides;
        assert_eq!(asides.iter().map(|aside| aside.id.0).collect::<Vec<_>>(), [1, 2]);
        assert!(asides.iter().all(|aside| aside.ends_at == Some(Millis(300_000))));
    }
}

#[test]
fn only_facilitators_open_fill_and_close_asides() {
    let mut m = in_pairs(None);
    m.joins("pat", Role::PeerLead);
    m.joins("oda", Role::Observer);
    for name in ["ann", "pat", "oda"] {
        for request in [
            groups(&m, &[&["ann"]], None),
            Request::OpenCrisisAside { participant: m.id("ann") },
            to(&m, name, Some(2)),
            to(&m, name, None),
            recall(None, 0),
        ] {
            let answer = m.asks(name, request);
            assert!(matches!(answer, Err(RefusalCode::NotAllowed | RefusalCode::TooFast)), "{answer:?}");
        }
    }
    check_in(&m, "ann", Some(1));
    check_in(&m, "pat", None);
}

#[test]
fn every_reason_in_force_holds_inside() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let camera = hearth_protocol::Source::Camera;
    m.ok("fay", Request::SetGate { participant: m.id("ann"), source: camera, open: false });
    m.ok("fay", groups(&m, &[&["ann", "ben"]], None));
    assert_eq!(m.closed("ann", Source::Camera), [Reason::Self_, Reason::Facilitator]);
    m.refused("ann", open(Source::Camera), RefusalCode::NotPossible);
    m.ok("fay", Request::Freeze);
    assert!(m.closed("ben", Source::Microphone).contains(&Reason::Freeze));
    m.refused("ben", open(Source::Microphone), RefusalCode::Frozen);
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        m.ok("fay", Request::Thaw { step });
    }
    m.ok("fay", Request::GateAll { source: camera, except: Vec::new() });
    assert!(m.closed("ben", Source::Camera).contains(&Reason::Facilitator));
    m.drops("fay");
    m.wait(31_000);
    assert!(m.closed("ben", Source::Microphone).contains(&Reason::Unattended));
    m.refused("ben", open(Source::Microphone), RefusalCode::OnHold);
}

#[test]
fn an_aside_opened_in_a_freeze_is_born_frozen() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", Request::Freeze);
    m.ok("fay", groups(&m, &[&["ann", "ben"]], None));
    for source in Source::ALL {
        assert!(m.closed("ann", source).contains(&Reason::Freeze));
        m.refused("ann", open(source), RefusalCode::Frozen);
    }
}

#[test]
fn new_ground_rules_bar_inside_too() {
    let mut m = in_pairs(None);
    let changed = Definition { ground_rules: rules(2, "rules-2"), ..definition() };
    m.apply(Command::Define(Box::new(changed)));
    m.wait(180_000);
    assert!(m.row("ann").unwrap().barred && m.closed("ann", Source::Microphone).contains(&Reason::Consent));
}

#[test]
fn turns_are_the_rooms() {
    for mode in [FloorMode::Hands, FloorMode::Facilitator] {
        let mut m = in_pairs(None);
        m.ok("fay", Request::SetFloor { mode });
        assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
        m.ok("ann", open(Source::Microphone));
        m.ok("fay", to(&m, "ann", None));
        assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Floor]);
    }
}

#[test]
fn quiet_is_everyones() {
    let mut m = in_pairs(None);
    speak(&mut m, &["ann"]);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Quiet });
    assert!(!m.is_heard("ann", Source::Microphone));
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
}

#[test]
fn whoever_is_taken_aside_lets_the_floor_go_and_keeps_the_hand() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", Request::Grant { participant: m.id("ann") });
    m.ok("ben", Request::RaiseHand { kind: HandKind::Speak });
    m.ok("fay", groups(&m, &[&["ann", "ben"]], None));
    assert!(m.view("cai").floor.speakers.is_empty());
    assert_eq!(m.view("ben").you.hand.unwrap().place, 1);
    m.refused("fay", Request::Grant { participant: m.id("ann") }, RefusalCode::NotPossible);
    m.ok("fay", to(&m, "ann", None));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Floor]);
}

#[test]
fn a_round_goes_on_without_those_aside_and_takes_them_back_at_the_end() {
    let mut m = Meeting::seated(&["ann", "ben", "cai", "dan"]);
    m.ok(
        "fay",
        Request::RoundStart {
            order: hearth_protocol::RoundOrder::Seated,
            turn_seconds: None,
            include_facilitators: false,
        },
    );
    m.ok("fay", groups(&m, &[&["ann", "cai"]], None));
    let floor = m.view("fay").floor.clone();
    assert_eq!(floor.speakers[0].participant, m.id("ben"));
    assert_eq!(floor.round.unwrap().next, [m.id("dan")]);
    m.ok("fay", recall(None, 0));
    let round = m.view("fay").floor.round.clone().unwrap();
    assert_eq!(round.next, [m.id("dan"), m.id("ann"), m.id("cai")]);
}

#[test]
fn a_recall_counts_down_for_everyone_to_see() {
    let mut m = in_pairs(None);
    speak(&mut m, &["ann", "ben"]);
    m.ok("fay", recall(Some(1), 60));
    assert_eq!(m.view("cai").room.asides[0].ends_at, Some(Millis(60_000)));
    assert_eq!(m.view("cai").room.asides[1].ends_at, None);
    assert_eq!(["ann", "cai", "fay"].map(|name| m.notices(name, Notice::Recalled)), [1, 0, 0]);
    m.wait(59_999);
    check_in(&m, "ann", Some(1));
    m.ok("fay", recall(Some(1), 3_600));
    m.wait(1);
    check_in(&m, "ann", None);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    assert_eq!(m.view("fay").room.asides.len(), 1);
    m.refused("fay", recall(Some(1), 0), RefusalCode::NotFound);
}

#[test]
fn a_timed_aside_ends_by_itself_and_the_end_survives_a_restart() {
    let mut m = in_pairs(Some(300));
    m.wait(299_999);
    check_in(&m, "cai", Some(2));
    assert_eq!(m.room.poll_timeout(), Some(300_000));
    m.wait(1);
    check_in(&m, "cai", None);
    assert!(m.last.durable && m.view("ann").room.asides.is_empty());
    m.refused("fay", recall(None, 0), RefusalCode::NotPossible);
}

#[test]
fn a_number_is_never_used_twice() {
    let mut m = in_pairs(None);
    m.ok("fay", recall(None, 0));
    m.refused("fay", to(&m, "ann", Some(1)), RefusalCode::NotFound);
    m.ok("fay", groups(&m, &[&["ann"]], None));
    check_in(&m, "ann", Some(3));
    let mut m = m.restarted(true);
    m.returns("fay", None);
    m.returns("ben", None);
    m.ok("fay", groups(&m, &[&["ben"]], None));
    check_in(&m, "ben", Some(4));
}

#[test]
fn an_aside_closes_when_nobody_is_left_in_it() {
    let mut m = in_pairs(None);
    m.ok("ann", Request::Leave);
    assert_eq!(m.view("fay").room.asides.len(), 2);
    m.ok("ben", Request::Leave);
    assert_eq!(m.view("fay").room.asides.iter().map(|aside| aside.id.0).collect::<Vec<_>>(), [2]);
    m.drops("cai");
    m.drops("dan");
    m.wait(119_000);
    assert_eq!(m.view("fay").room.asides.len(), 1, "they may still come back to it");
    m.wait(1_000);
    assert!(m.view("fay").room.asides.is_empty());
}

#[test]
fn whoever_drops_comes_back_to_an_aside_that_is_still_open() {
    let mut m = in_pairs(None);
    speak(&mut m, &["ann", "ben"]);
    m.drops("ann");
    m.wait(100_000);
    m.returns("ann", None);
    check_in(&m, "ann", Some(1));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    m.drops("ann");
    m.ok("fay", recall(Some(1), 0));
    m.returns("ann", None);
    check_in(&m, "ann", None);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn every_way_out_of_the_room_leads_out_of_the_aside() {
    let way_out: [fn(&mut Meeting); 3] = [
        |m| {
            m.ok("ann", Request::Leave);
            m.waits("ann", Role::Member);
        },
        |m| {
            m.ok("fay", Request::SendToWaiting { participant: m.id("ann") });
        },
        |m| {
            m.ok("fay", Request::Remove { participant: m.id("ann") });
            m.ok("fay", Request::UndoRemoval { participant: m.id("ann") });
            m.waits("ann", Role::Member);
        },
    ];
    for leave in way_out {
        let mut m = in_pairs(None);
        leave(&mut m);
        assert!(m.row("ann").is_none());
        let knock = m.view("fay").desk.as_ref().unwrap().knocks[0].id;
        m.ok("fay", Request::Admit { knock, through_lock: false });
        check_in(&m, "ann", None);
        check_in(&m, "ben", Some(1));
    }
}

#[test]
fn who_is_kept_apart_is_never_in_one_aside() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.refused("ann", apart(&m, "ben", "cai"), RefusalCode::NotAllowed);
    m.refused("fay", apart(&m, "ann", "ann"), RefusalCode::NotPossible);
    m.ok("fay", apart(&m, "ben", "ann"));
    assert_eq!(m.view("fay").desk.as_ref().unwrap().kept_apart.len(), 1);
    m.refused("fay", groups(&m, &[&["ann", "cai", "ben"]], None), RefusalCode::NotPossible);
    m.ok("fay", groups(&m, &[&["ann"], &["ben"]], None));
    m.refused("fay", to(&m, "ben", Some(1)), RefusalCode::NotPossible);
    m.ok("fay", to(&m, "ben", None));
    m.drops("ann");
    m.refused("fay", to(&m, "ben", Some(1)), RefusalCode::NotPossible);
    let mut m = m.restarted(true);
    m.returns("fay", None);
    m.returns("ben", None);
    m.refused("fay", to(&m, "ben", Some(1)), RefusalCode::NotPossible);
    m.ok("fay", Request::KeepApart { one: m.id("ann"), other: m.id("ben"), apart: false });
    m.ok("fay", to(&m, "ben", Some(1)));
    assert_eq!(m.acts(|act| matches!(act, Act::KeptApart { .. })), 2);
}

#[test]
fn who_is_to_be_kept_apart_from_now_on_is_taken_out_of_one_aside() {
    let mut m = in_pairs(None);
    m.ok("fay", apart(&m, "ann", "ben"));
    check_in(&m, "ann", None);
    check_in(&m, "ben", None);
    check_in(&m, "cai", Some(2));
    assert_eq!(m.notices("ann", Notice::Recalled), 1);
}

#[test]
fn what_cannot_be_done_whole_is_not_done_at_all() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.drops("cai");
    for (request, code) in [
        (groups(&m, &[], None), RefusalCode::NotPossible),
        (groups(&m, &[&["ann"], &[]], None), RefusalCode::NotPossible),
        (groups(&m, &[&["ann"], &["ben", "ann"]], None), RefusalCode::NotPossible),
        (groups(&m, &[&["ann"]], Some(0)), RefusalCode::NotPossible),
        (groups(&m, &[&["ann"], &["cai"]], None), RefusalCode::NotFound),
        (to(&m, "ann", Some(7)), RefusalCode::NotFound),
        (to(&m, "ann", Some(65_537)), RefusalCode::NotFound),
    ] {
        m.refused("fay", request, code);
        check_in(&m, "ann", None);
        assert!(m.view("fay").room.asides.is_empty());
    }
    let many: Vec<Vec<_>> = (0..151).map(|_| vec![m.id("ann")]).collect();
    m.refused("fay", Request::OpenAsides { groups: many, seconds: None }, RefusalCode::NotPossible);
}

#[test]
fn another_facilitator_is_moved_by_the_lead_alone() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("gus", groups(&m, &[&["gus", "ann"]], None));
    m.refused("gus", groups(&m, &[&["fay"]], None), RefusalCode::NotAllowed);
    m.ok("fay", to(&m, "gus", None));
    m.ok("fay", to(&m, "fay", Some(1)));
    check_in(&m, "fay", Some(1));
    m.refused("gus", to(&m, "fay", None), RefusalCode::NotAllowed);
}

#[test]
fn an_interpreter_goes_where_the_assigned_member_goes() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let mut ticket = claims("ivy", Role::Interpreter);
    ticket.interprets = Some("ann".to_owned());
    m.joins_with(ticket);
    m.ok("ivy", open(Source::Microphone));
    m.refused("fay", groups(&m, &[&["ivy", "ben"]], None), RefusalCode::NotPossible);
    m.ok("fay", groups(&m, &[&["ann", "ben"]], None));
    check_in(&m, "ivy", Some(1));
    assert_eq!(m.closed("ivy", Source::Microphone), [Reason::Self_]);
    m.refused("fay", to(&m, "ivy", None), RefusalCode::NotPossible);
    m.ok("fay", to(&m, "ann", None));
    check_in(&m, "ivy", None);
    m.ok("fay", to(&m, "ann", Some(1)));
    m.drops("ann");
    check_in(&m, "ivy", Some(1));
    m.wait(120_000);
    check_in(&m, "ivy", None);
}

#[test]
fn an_interpreter_who_would_meet_somebody_kept_apart_brings_everyone_back() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let mut ticket = claims("ivy", Role::Interpreter);
    ticket.interprets = Some("ann".to_owned());
    m.joins_with(ticket);
    m.ok("fay", apart(&m, "ivy", "ben"));
    m.refused("fay", groups(&m, &[&["ann", "ben"]], None), RefusalCode::NotPossible);
    m.ok("ivy", Request::Leave);
    m.ok("fay", groups(&m, &[&["ann", "ben"]], None));
    let mut ticket = claims("ivy", Role::Interpreter);
    ticket.interprets = Some("ann".to_owned());
    m.joins_with(ticket);
    for name in ["ann", "ben", "ivy"] {
        check_in(&m, name, None);
    }
}

#[test]
fn asides_survive_a_restart_that_lost_nothing_and_no_other() {
    let mut m = in_pairs(Some(300));
    m.wait(100_000);
    let mut sure = m.clone().restarted(true);
    sure.returns("fay", None);
    sure.returns("ann", None);
    check_in(&sure, "ann", Some(1));
    assert_eq!(sure.row("ann").unwrap().space, Space(1));
    assert_eq!(sure.closed("ann", Source::Microphone), [Reason::Self_]);
    assert_eq!(sure.view("ann").room.asides[0].ends_at, Some(Millis(300_000)));
    sure.wait(200_000);
    assert!(sure.view("ann").room.asides.is_empty());
    let mut unsure = m.restarted(false);
    unsure.returns("fay", None);
    unsure.returns("ann", None);
    check_in(&unsure, "ann", None);
    assert!(unsure.view("fay").room.asides.is_empty() && unsure.view("fay").room.hold.is_some());
}

#[test]
fn each_move_is_on_the_record_once() {
    let mut m = in_pairs(None);
    assert_eq!(m.acts(|act| matches!(act, Act::Moved { aside: Some(_), .. })), 4);
    m.ok("fay", to(&m, "ann", Some(1)));
    m.ok("fay", to(&m, "ann", None));
    assert_eq!(m.acts(|act| matches!(act, Act::Moved { .. })), 5);
    m.ok("fay", recall(None, 5));
    m.wait(5_000);
    assert_eq!(m.acts(|act| matches!(act, Act::Recalled { .. })), 1);
}
