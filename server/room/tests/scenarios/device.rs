//! Several people at one device: each comes through the door, and the gates are the device's.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{
    AsideId, ByeReason, FloorMode, Level, Notice, Participant, RefusalCode, Request, Role, RoundOrder,
};
use hearth_room::{Act, Claims, Command, Definition};

use crate::meeting::*;

fn sits(m: &mut Meeting, host: &str, name: &str) -> Result<(), RefusalCode> {
    m.sits_down(host, claims(name, Role::Member), RULES_HASH)
}

/// Through the door and beside `host`.
fn joins_beside(m: &mut Meeting, host: &str, name: &str) {
    sits(m, host, name).expect("may wait to sit there");
    let knock = m.knock_of(name);
    m.ok("fay", Request::Admit { knock, through_lock: false });
    let participants = &m.view("fay").participants;
    let id = participants.iter().find(|one| one.alias.starts_with(name)).expect("on the roster").id;
    m.ids.insert(name.to_owned(), id);
}

/// Una sits at ann's device; ben has one of his own.
fn with_una() -> Meeting {
    let mut m = Meeting::seated(&["ann", "ben"]);
    joins_beside(&mut m, "ann", "una");
    m
}

fn una(m: &Meeting, viewer: &str) -> Option<Participant> {
    m.sees(viewer, "una").cloned()
}

fn speak(m: &mut Meeting, names: &[&str]) {
    for name in names {
        m.ok(name, open(Source::Microphone));
    }
}

#[test]
fn whoever_sits_down_is_seen_by_everyone_and_sends_nothing_of_their_own() {
    let m = with_una();
    for viewer in ["fay", "ann", "ben"] {
        let seen = una(&m, viewer).unwrap();
        assert_eq!((seen.device, seen.role), (Some(m.id("ann")), Role::Member), "{viewer}");
    }
    assert!(m.row("una").is_none(), "no media connection");
    assert_eq!(m.table.rows.len(), 3);
    assert_eq!(m.acts(|act| *act == Act::Joined { subject: "una".to_owned() }), 1);
}

#[test]
fn a_person_beside_waits_for_a_facilitator_whatever_the_ticket_says() {
    let mut m = Meeting::with(|policy| policy.waiting_room = false).and_seated(&["ann"]);
    let mut ticket = claims("una", Role::Member);
    ticket.open_admission = true;
    m.sits_down("ann", ticket, RULES_HASH).unwrap();
    let desk = m.view("fay").desk.as_ref().unwrap();
    assert_eq!(desk.knocks[0].device, Some(m.id("ann")));
    assert_eq!((desk.seats, m.view("ann").participants.len()), (1, 2));
    m.wait(60 * 60_000);
    assert!(!m.hears("ann").is_waiting() && m.view("fay").desk.as_ref().unwrap().knocks.len() == 1);
}

#[test]
fn the_door_is_the_same_for_everyone() {
    let mut m = with_una();
    // A spent ticket, other rules, a role that is not a member's, somebody who is here already.
    let mut ticket = claims("vic", Role::Member);
    ticket.ticket = "once".to_owned();
    assert_eq!(m.sits_down("ann", ticket.clone(), "other rules"), Err(RefusalCode::GroundRulesChanged));
    m.sits_down("ann", ticket.clone(), RULES_HASH).unwrap();
    assert_eq!(m.sits_down("ann", ticket, RULES_HASH), Err(RefusalCode::BadTicket));
    for role in [Role::Facilitator, Role::PeerLead, Role::Interpreter, Role::Observer] {
        let answer = m.sits_down("ann", claims("wim", role), RULES_HASH);
        assert_eq!(answer, Err(RefusalCode::NotPossible), "{role:?}");
    }
    for name in ["una", "ben", "ann"] {
        assert_eq!(sits(&mut m, "ann", name), Err(RefusalCode::NotPossible), "{name}");
    }
    assert_eq!(sits(&mut m, "fay", "wim"), Err(RefusalCode::NotPossible), "a facilitator's gates stay open");
    // Denied.
    let knock = m.knock_of("vic");
    m.ok("fay", Request::Deny { knock });
    assert_eq!(sits(&mut m, "ann", "vic"), Err(RefusalCode::NotNow));
    // Locked.
    m.ok("fay", Request::Lock { locked: true });
    sits(&mut m, "ann", "wim").unwrap();
    let knock = m.knock_of("wim");
    m.refused("fay", Request::Admit { knock, through_lock: false }, RefusalCode::Locked);
    m.ok("fay", Request::Admit { knock, through_lock: true });
    // Frozen.
    m.ok("fay", Request::Freeze);
    assert_eq!(sits(&mut m, "ann", "xia"), Err(RefusalCode::Frozen));
}

#[test]
fn each_counts_in_the_capacity() {
    let mut m = Meeting::with(|policy| policy.capacity = 2).and_seated(&["ann"]);
    joins_beside(&mut m, "ann", "una");
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 2);
    sits(&mut m, "ann", "vic").unwrap();
    let knock = m.knock_of("vic");
    m.refused("fay", Request::Admit { knock, through_lock: true }, RefusalCode::Full);
}

#[test]
fn four_people_at_most_share_a_device() {
    let mut m = with_una();
    sits(&mut m, "ann", "vic").unwrap();
    sits(&mut m, "ann", "wim").unwrap();
    assert_eq!(sits(&mut m, "ann", "xia"), Err(RefusalCode::NotPossible), "who waits counts too");
}

#[test]
fn the_gates_are_the_devices() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    joins_beside(&mut m, "ann", "una");
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_], "seating is silent");
    speak(&mut m, &["ann"]);
    assert!(una(&m, "ben").unwrap().open.microphone);
    let microphone = hearth_protocol::Source::Microphone;
    m.ok("fay", Request::SetGate { participant: m.id("una"), source: microphone, open: false });
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Facilitator]);
    assert!(!una(&m, "ben").unwrap().open.microphone);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
}

#[test]
fn nobody_is_heard_past_what_was_closed_of_them_by_changing_places() {
    let microphone = hearth_protocol::Source::Microphone;
    let mut m = Meeting::seated(&["ann", "una"]);
    m.ok("fay", Request::SetGate { participant: m.id("una"), source: microphone, open: false });
    m.ok("una", Request::Leave);
    joins_beside(&mut m, "ann", "una");
    assert!(m.closed("ann", Source::Microphone).contains(&Reason::Facilitator));
    let mut m = with_una();
    m.ok("fay", Request::SetGate { participant: m.id("ann"), source: microphone, open: false });
    m.waits("una", Role::Member);
    assert_eq!(m.notices("ann", Notice::NewDevice), 1);
    let knock = m.knock_of("una");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert!(m.closed("una", Source::Microphone).contains(&Reason::Facilitator));
    assert_eq!(una(&m, "ben").unwrap().device, None);
    assert_eq!(m.acts(|act| *act == Act::Joined { subject: "una".to_owned() }), 1, "was here all the time");
}

#[test]
fn what_was_closed_of_a_device_stays_closed_of_whoever_stands_up_from_it() {
    let goes: [fn(&mut Meeting); 3] = [
        |m| {
            m.ok("ann", Request::UnshareDevice { participant: m.id("una") });
        },
        |m| {
            m.ok("ann", Request::Leave);
        },
        |m| {
            m.ok("fay", Request::SendToWaiting { participant: m.id("ann") });
        },
    ];
    for go in goes {
        let mut m = with_una();
        let microphone = hearth_protocol::Source::Microphone;
        m.ok("fay", Request::SetGate { participant: m.id("una"), source: microphone, open: false });
        go(&mut m);
        m.joins("una", Role::Member);
        m.refused("una", open(Source::Microphone), RefusalCode::NotPossible);
        m.ok("una", open(Source::Camera));
    }
}

#[test]
fn the_lowest_ceiling_of_those_at_a_device_is_the_devices() {
    let mut m = with_una();
    m.ok("fay", Request::SetCeiling { participant: Some(m.id("una")), level: Level::Text });
    assert!(m.closed("ann", Source::Microphone).contains(&Reason::Ceiling));
    m.ok("ann", Request::UnshareDevice { participant: m.id("una") });
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn a_turn_of_one_opens_the_devices_floor() {
    let mut m = with_una();
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    assert!(m.closed("ann", Source::Microphone).contains(&Reason::Floor));
    m.ok("fay", Request::Grant { participant: m.id("una") });
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    assert!(m.view("ann").you.asked_until.is_some(), "asked on the only screen there is");
    m.ok("ann", Request::SayTurn { text: "I will write today.".to_owned() });
    let message = m.message("ben", "I will write today.");
    assert_eq!(message.from, m.id("una"));
    m.ok("ann", Request::Unsay { message: message.id });
    m.ok("ann", open(Source::Microphone));
    m.ok("ann", Request::Yield);
    assert!(!m.is_heard("ann", Source::Microphone));
    m.ok(
        "fay",
        Request::RoundStart { order: RoundOrder::Seated, turn_seconds: None, include_facilitators: false },
    );
    let speaks = |m: &Meeting| m.view("fay").floor.speakers[0].participant;
    for name in ["ann", "ben", "una"] {
        assert_eq!(speaks(&m), m.id(name));
        m.ok(if name == "una" { "ann" } else { name }, Request::Pass);
    }
    assert!(m.view("fay").floor.round.is_none());
}

#[test]
fn an_absent_devices_people_have_no_turn_for_longer_than_anybody() {
    let mut m = with_una();
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", Request::Grant { participant: m.id("una") });
    m.drops("ann");
    m.wait(5_000);
    assert!(una(&m, "ben").is_none() && m.view("ben").floor.speakers.is_empty());
    let away = &m.view("fay").desk.as_ref().unwrap().away;
    assert!(away.iter().any(|one| one.participant == m.id("una")));
    m.wait(15_000);
    m.returns("ann", None);
    assert!(una(&m, "ben").is_some() && m.view("ben").floor.speakers.is_empty());
}

#[test]
fn with_the_seat_its_people_go() {
    let goes: [fn(&mut Meeting); 4] = [
        |m| {
            m.ok("ann", Request::Leave);
        },
        |m| {
            m.drops("ann");
            m.wait(120_000);
        },
        |m| {
            m.ok("fay", Request::SendToWaiting { participant: m.id("ann") });
        },
        |m| {
            m.ok("fay", Request::Remove { participant: m.id("ann") });
        },
    ];
    for go in goes {
        let mut m = with_una();
        sits(&mut m, "ann", "vic").unwrap();
        go(&mut m);
        assert!(una(&m, "ben").is_none() && m.table.rows.len() == 2);
        let desk = m.view("fay").desk.as_ref().unwrap();
        assert!(desk.knocks.iter().all(|knock| knock.alias != "vic"));
        assert!(desk.away.iter().any(|one| one.participant == m.id("una")));
        let went = |act: &Act| matches!(act, Act::Left { subject, .. } | Act::SentToWaiting { subject } if subject == "una");
        assert_eq!(m.acts(went), 1);
    }
}

#[test]
fn whoever_is_removed_hears_nothing_more_at_anothers_device_either() {
    let mut m = with_una();
    speak(&mut m, &["ben"]);
    m.ok("fay", Request::Remove { participant: m.id("una") });
    assert!(m.row("ann").is_none() && una(&m, "ben").is_none());
    let desk = m.view("fay").desk.as_ref().unwrap();
    assert_eq!(desk.removed[0].participant, m.id("una"));
    let knock = desk.knocks[0].id;
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert!(m.row("ann").is_some());
    assert_eq!(sits(&mut m, "ann", "una"), Err(RefusalCode::NotNow));
    // Taken back by the issuer: nobody is there to be asked.
    let mut m = with_una();
    m.apply(Command::Revoke { subject: "una".to_owned() });
    assert_eq!(m.bye("ann"), Some(ByeReason::NotNow));
    assert!(m.row("ann").is_none());
    m.waits("ann", Role::Member);
    assert!(m.hears("ann").is_waiting());
}

#[test]
fn sending_one_of_them_to_wait_sends_the_device() {
    let mut m = with_una();
    m.ok("fay", Request::SendToWaiting { participant: m.id("una") });
    assert!(m.row("ann").is_none() && una(&m, "ben").is_none());
    assert_eq!(m.view("fay").desk.as_ref().unwrap().knocks.len(), 1);
}

#[test]
fn nobody_sends_away_who_sits_at_anothers_device() {
    let mut m = with_una();
    for name in ["ben", "fay"] {
        m.refused(name, Request::UnshareDevice { participant: m.id("una") }, RefusalCode::NotFound);
    }
    m.refused("ann", Request::UnshareDevice { participant: m.id("ann") }, RefusalCode::NotFound);
    m.ok("fay", Request::Freeze);
    m.ok("ann", Request::UnshareDevice { participant: m.id("una") });
    assert!(una(&m, "ben").is_none() && m.row("ann").is_some());
}

#[test]
fn an_aside_takes_the_whole_device() {
    let mut m = with_una();
    let group = |m: &Meeting, names: &[&str]| names.iter().map(|name| m.id(name)).collect::<Vec<_>>();
    m.ok("fay", Request::KeepApart { one: m.id("una"), other: m.id("ben"), apart: true });
    let together = Request::OpenAsides { groups: vec![group(&m, &["ann", "ben"])], seconds: None };
    m.refused("fay", together, RefusalCode::NotPossible);
    m.ok("fay", Request::OpenAsides { groups: vec![group(&m, &["una", "ann"])], seconds: None });
    assert_eq!(una(&m, "ben").unwrap().aside, Some(AsideId(1)));
    assert_eq!(m.row("ann").unwrap().space.0, 1);
    joins_beside(&mut m, "ann", "vic");
    assert_eq!(m.sees("ben", "vic").unwrap().aside, Some(AsideId(1)));
    m.ok("fay", Request::Move { participant: m.id("una"), aside: None });
    assert_eq!(m.sees("ben", "vic").unwrap().aside, None);
    assert!(m.view("fay").room.asides.is_empty());
}

#[test]
fn nobody_beside_helps_leads_or_keeps_the_room_going() {
    let mut m = with_una();
    let lend = Request::LendHelper { participant: m.id("una"), on: true };
    m.refused("fay", lend, RefusalCode::NotPossible);
    m.refused("fay", Request::HandOver { participant: m.id("una") }, RefusalCode::NotFound);
}

#[test]
fn one_answer_to_new_rules_is_the_answer_of_all_at_the_device() {
    let mut m = with_una();
    sits(&mut m, "ann", "vic").unwrap();
    let changed = Definition { ground_rules: rules(2, "rules-2"), ..definition() };
    m.apply(Command::Define(Box::new(changed)));
    assert!(m.view("fay").desk.as_ref().unwrap().knocks.is_empty(), "agreed to other rules");
    m.ok("ann", Request::AcceptGroundRules { version: 2, hash: "rules-2".to_owned() });
    let agreed = |m: &Meeting, name: &str| {
        m.acts(|act| *act == Act::Consented { subject: name.to_owned(), version: 2 })
    };
    assert_eq!((agreed(&m, "ann"), agreed(&m, "una")), (1, 1));
}

#[test]
fn a_restart_finds_them_where_they_were() {
    let mut m = with_una();
    m.ok("fay", Request::Lock { locked: true });
    let mut m = m.restarted(true);
    m.returns("fay", None);
    assert!(una(&m, "fay").is_none());
    m.returns("ann", None);
    assert_eq!(una(&m, "fay").unwrap().device, Some(m.id("ann")));
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 3);
}

#[test]
fn whoever_is_sent_back_with_a_device_comes_in_again_by_a_facilitator_alone() {
    let sent: [fn(&mut Meeting); 2] = [
        |m| {
            m.ok("fay", Request::SendToWaiting { participant: m.id("una") });
        },
        |m| {
            joins_beside(m, "ann", "vic");
            m.ok("fay", Request::Remove { participant: m.id("vic") });
        },
    ];
    for send in sent {
        let mut m = Meeting::with(|policy| policy.waiting_room = false).and_seated(&["ann", "ben"]);
        joins_beside(&mut m, "ann", "una");
        send(&mut m);
        m.waits_with(Claims { open_admission: true, ..claims("una", Role::Member) });
        assert!(m.hears("una").is_waiting());
    }
}

#[test]
fn nobody_is_taken_along_to_a_new_device_that_they_do_not_sit_at() {
    let mut m = with_una();
    m.waits("ann", Role::Member);
    let knock = m.knock_of("ann");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert!(una(&m, "ben").is_none() && m.sees("ben", "ann").is_some());
    assert_eq!(m.acts(|act| *act == Act::Left { subject: "una".to_owned(), dropped: true }), 1);
}

#[test]
fn nobody_says_at_anothers_device_what_they_may_not_say_at_their_own() {
    let mut m = with_una();
    m.ok("fay", Request::SetCeiling { participant: Some(m.id("una")), level: Level::Listen });
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", Request::Grant { participant: m.id("una") });
    m.refused("ann", Request::SayTurn { text: "Una writes.".to_owned() }, RefusalCode::NotPossible);
}

#[test]
fn the_lowest_level_that_anybody_at_a_device_chose_is_the_devices() {
    let mut m = Meeting::seated(&["ann", "una"]);
    m.ok("una", Request::SetLevel { level: Level::Listen });
    m.ok("una", Request::Leave);
    joins_beside(&mut m, "ann", "una");
    assert!(m.closed("ann", Source::Microphone).contains(&Reason::Level));
    m.ok("ann", Request::UnshareDevice { participant: m.id("una") });
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn nobody_sits_down_at_the_device_of_whoever_leads() {
    let mut m = Meeting::with_rules(|rules| rules.peer_lead = true).and_seated(&["ann"]);
    m.joins("pat", Role::PeerLead);
    assert_eq!(sits(&mut m, "pat", "una"), Err(RefusalCode::NotPossible));
}

#[test]
fn what_is_done_at_a_shared_device_is_recorded_of_whom_it_was_done_to() {
    let acts = |m: &Meeting| m.record.iter().map(|record| record.act.clone()).collect::<Vec<_>>();
    let source = hearth_protocol::Source::Microphone;
    let (ann, una, vic) = ("ann".to_owned(), "una".to_owned(), "vic".to_owned());
    let mut m = with_una();
    joins_beside(&mut m, "ann", "vic");
    m.record.clear();
    m.ok("fay", Request::SetGate { participant: m.id("una"), source, open: false });
    assert_eq!(acts(&m), [Act::GateClosed { subject: una.clone(), source }]);
    m.record.clear();
    m.ok("fay", Request::Remove { participant: m.id("una") });
    let sent = |subject: &String| Act::SentToWaiting { subject: subject.clone() };
    assert_eq!(acts(&m), [Act::Removed { subject: una.clone() }, sent(&vic), sent(&ann)]);
    let mut m = with_una();
    m.record.clear();
    m.ok("fay", Request::SendToWaiting { participant: m.id("una") });
    assert_eq!(acts(&m), [sent(&una), sent(&ann)]);
    let mut m = with_una();
    m.record.clear();
    m.ok("fay", Request::Remove { participant: m.id("ann") });
    assert_eq!(acts(&m), [Act::Left { subject: una, dropped: true }, Act::Removed { subject: ann }]);
}

#[test]
fn whoever_sits_down_is_reminded_and_whoever_stands_up_shares_no_key_any_more() {
    let mut m = Meeting::seated(&["ann"]);
    let reminded = m.notices("ann", Notice::Confidentiality);
    joins_beside(&mut m, "ann", "una");
    assert_eq!(m.notices("ann", Notice::Confidentiality), reminded + 1);
    let epoch = m.table.epoch;
    m.ok("ann", Request::UnshareDevice { participant: m.id("una") });
    assert!(m.table.epoch > epoch);
}
