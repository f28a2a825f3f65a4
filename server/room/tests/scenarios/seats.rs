//! One seat per subject; drops, resuming, taking over, leaving.

use hearth_forwarding::{Generation, Source};
use hearth_protocol::{ByeReason, Change, Notice, RefusalCode, Request, Role, ServerFrame};
use hearth_room::{Act, Command};

use crate::meeting::*;

#[test]
fn a_drop_looks_like_leaving_to_all_but_facilitators() {
    let mut told = Vec::new();
    for drops in [true, false] {
        let mut m = Meeting::seated(&["ann", "ben"]);
        if drops {
            m.drops("ben");
            m.wait(5_000);
        } else {
            m.wait(5_000);
            m.ok("ben", Request::Leave);
        }
        told.push(m.hears("ann").deltas.last().unwrap().clone());
        assert_eq!(m.view("fay").desk.as_ref().unwrap().away.len(), 1);
        assert!(m.view("ann").desk.is_none());
    }
    assert_eq!(told[0], told[1]);
}

#[test]
fn media_stop_five_seconds_after_the_last_sign_of_life() {
    let mut m = Meeting::seated(&["ann"]);
    m.wait(60_000);
    let connection = m.at["ann"];
    let last_seen = m.now - 3_000;
    m.apply(Command::Dropped { connection, last_seen });
    assert!(m.row("ann").is_some());
    m.wait(1_999);
    assert!(m.is_heard("ann", Source::Microphone));
    m.wait(1);
    assert!(m.row("ann").is_none());
}

#[test]
fn a_drop_noticed_too_late_stops_media_at_once() {
    let mut m = Meeting::seated(&["ann"]);
    m.wait(60_000);
    let connection = m.at["ann"];
    m.apply(Command::Dropped { connection, last_seen: m.now - 10_000 });
    assert!(m.row("ann").is_none());
}

#[test]
fn a_socket_alone_that_drops_keeps_its_media() {
    let mut m = Meeting::seated(&["ann"]);
    let generation = m.row("ann").unwrap().generation;
    m.drops("ann");
    m.wait(4_000);
    m.returns("ann", Some(generation.0));
    assert_eq!(m.row("ann").unwrap().generation, generation);
    assert!(m.is_heard("ann", Source::Microphone));
    let epoch = m.table.epoch;
    m.drops("ann");
    m.returns("ann", None);
    assert_eq!(m.row("ann").unwrap().generation, Generation(generation.0 + 1));
    assert!(!m.is_heard("ann", Source::Microphone), "a page made anew is silent");
    assert!(m.table.epoch > epoch);
}

#[test]
fn a_muted_member_stays_muted_after_rejoining() {
    let mut m = Meeting::seated(&["ann"]);
    let microphone = hearth_protocol::Source::Microphone;
    m.ok("fay", Request::SetGate { participant: m.id("ann"), source: microphone, open: false });
    m.drops("ann");
    m.wait(60_000);
    m.returns("ann", None);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    m.ok("ann", Request::Leave);
    m.joins("ann", Role::Member);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    assert!(!m.is_heard("ann", Source::Microphone));
}

#[test]
fn the_grace_ends_the_seat_and_its_secret() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("ann");
    m.wait(119_999);
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 1);
    m.wait(1);
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 0);
    assert_eq!(m.acts(|act| matches!(act, Act::Left { dropped: true, .. })), 1);
    m.returns("ann", None);
    assert_eq!(m.bye("ann"), Some(ByeReason::BadHello));
}

#[test]
fn only_the_resume_secret_takes_a_seat_over() {
    let mut m = Meeting::seated(&["ann"]);
    let present = m.at["ann"];
    m.waits("ann", Role::Member);
    assert!(m.hears("ann").is_waiting());
    assert!(m.heard[&present].bye.is_none());
    let notice = Change::Notice { notice: Notice::NewDevice };
    assert!(m.heard[&present].deltas.iter().flatten().any(|change| *change == notice));
    assert!(m.view("fay").desk.as_ref().unwrap().knocks[0].new_device);
    assert!(m.is_heard("ann", Source::Microphone));
}

#[test]
fn a_facilitator_moves_a_seat_to_the_new_device() {
    let mut m = Meeting::seated(&["ann"]);
    let present = m.at["ann"];
    let old = m.hears("ann").secret.clone().unwrap();
    let (generation, epoch) = (m.row("ann").unwrap().generation, m.table.epoch);
    m.joins("ann", Role::Member);
    assert_eq!(m.heard[&present].bye.as_ref().unwrap().reason, ByeReason::Replaced);
    assert!(m.row("ann").unwrap().generation > generation);
    assert!(m.table.epoch > epoch);
    assert!(!m.is_heard("ann", Source::Microphone));
    assert_eq!(m.acts(|act| matches!(act, Act::Joined { subject } if subject == "ann")), 1);
    m.returns_with("ann", &old, None);
    assert_eq!(m.bye("ann"), Some(ByeReason::BadHello), "the old secret died");
}

#[test]
fn admitting_all_moves_nobodys_seat() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits("ann", Role::Member);
    let if_version = m.view("fay").desk.as_ref().unwrap().knocks_version;
    m.ok("fay", Request::AdmitAll { if_version });
    assert!(m.hears("ann").is_waiting());
}

#[test]
fn denying_a_new_device_leaves_its_owner_alone() {
    let mut m = Meeting::seated(&["ann"]);
    let present = m.at["ann"];
    m.waits("ann", Role::Member);
    let knock = m.knock_of("ann");
    m.ok("fay", Request::Deny { knock });
    assert_eq!(m.bye("ann"), Some(ByeReason::NotNow));
    m.at.insert("ann".to_owned(), present);
    m.drops("ann");
    m.returns("ann", None);
    assert!(m.hears("ann").view.is_some());
}

#[test]
fn a_spent_secret_leads_to_the_waiting_room() {
    let mut m = Meeting::seated(&["ann"]);
    let spent = m.hears("ann").secret.clone().unwrap();
    m.drops("ann");
    let present = m.returns("ann", None);
    m.ok("ann", open(Source::Microphone));
    m.returns_with("ann", &spent, None);
    assert!(matches!(m.hears("ann").frames[..], [ServerFrame::Knocked { .. }, ServerFrame::GroundRules(_)]));
    assert!(m.heard[&present].bye.is_none());
    m.ok("ann", accept());
    assert!(m.view("fay").desk.as_ref().unwrap().knocks[0].new_device);
}

#[test]
fn whoever_never_received_their_new_secret_comes_back_with_the_one_before() {
    let mut m = Meeting::seated(&["ann"]);
    let before = m.hears("ann").secret.clone().unwrap();
    for _ in 0..3 {
        m.drops("ann");
        m.returns_with("ann", &before, None);
        assert!(m.hears("ann").view.is_some());
    }
    // Whoever heard of a newer one has it, and the one before the last is spent.
    let newer = m.hears("ann").secret.clone().unwrap();
    m.drops("ann");
    m.returns_with("ann", &newer, None);
    m.returns_with("ann", &before, None);
    assert!(m.hears("ann").view.is_none());
}

#[test]
fn what_arrived_spends_the_secret_before_it() {
    let mut m = Meeting::seated(&["ann"]);
    let before = m.hears("ann").secret.clone().unwrap();
    let abandoned = m.at["ann"];
    m.returns("ann", None);
    m.apply(Command::Heard { connection: abandoned });
    m.returns_with("ann", &before, None);
    assert!(m.hears("ann").view.is_some(), "a connection that was replaced proves nothing");
    m.apply(Command::Heard { connection: m.at["ann"] });
    m.returns_with("ann", &before, None);
    assert!(m.hears("ann").view.is_none(), "a spent secret leads to the door");
}

#[test]
fn a_spent_secret_of_a_facilitator_opens_nothing_even_with_nobody_there() {
    let mut m = Meeting::seated(&["ann"]);
    let spent = m.hears("fay").secret.clone().unwrap();
    m.drops("fay");
    m.returns("fay", None);
    m.ok("fay", open(Source::Microphone));
    m.drops("fay");
    m.returns_with("fay", &spent, None);
    m.ok("fay", accept());
    m.wait(60_000);
    assert!(m.hears("fay").is_waiting());
}

#[test]
fn whoever_leaves_while_another_device_waits_waits_on() {
    let mut m = Meeting::seated(&["ann"]);
    let present = m.at["ann"];
    m.waits("ann", Role::Member);
    m.asks_over(present, Request::Leave).unwrap();
    assert!(m.hears("ann").is_waiting());
    assert!(!m.view("fay").desk.as_ref().unwrap().knocks[0].new_device);
}

#[test]
fn the_resume_secret_takes_over_from_a_connection_that_still_stands() {
    let mut m = Meeting::seated(&["ann"]);
    let old = m.at["ann"];
    m.returns("ann", None);
    assert_eq!(m.heard[&old].bye.as_ref().unwrap().reason, ByeReason::Replaced);
    assert_eq!(m.room.media_peer(old), None);
    m.says_in_vain(old, open(Source::Microphone));
}

#[test]
fn a_ticket_of_another_role_is_refused_for_a_held_seat() {
    let mut m = Meeting::seated(&["ann"]);
    m.knocks("ann", Role::Facilitator);
    assert_eq!(m.bye("ann"), Some(ByeReason::NotNow));
    m.knocks("fay", Role::Member);
    assert_eq!(m.bye("fay"), Some(ByeReason::NotNow));
}

#[test]
fn a_lone_facilitator_without_the_secret_takes_the_seat_back_by_a_ticket() {
    let mut m = Meeting::seated(&["ann"]);
    let id = m.id("fay");
    m.drops("fay");
    m.joins("fay", Role::Facilitator);
    assert_eq!(m.id("fay"), id);
    assert!(m.sees("ann", "fay").unwrap().lead);
    // While connected, even the same facilitator's ticket waits.
    let present = m.at["fay"];
    m.waits("fay", Role::Facilitator);
    assert!(m.hears("fay").is_waiting());
    assert!(m.heard[&present].bye.is_none());
}

#[test]
fn requests_are_remembered_over_reconnects() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let id = hearth_protocol::RequestId("once".to_owned());
    m.asks_again(m.at["fay"], id.clone(), Request::SetFloor { mode: hearth_protocol::FloorMode::Hands })
        .unwrap();
    m.drops("fay");
    m.returns("fay", None);
    m.asks_again(m.at["fay"], id.clone(), Request::Freeze).unwrap();
    assert!(m.view("fay").room.frozen.is_none(), "answered as before, not carried out");
    assert_eq!(m.acts(|act| matches!(act, Act::FloorSet { .. })), 1);
    for _ in 0..256 {
        m.ok("fay", Request::OrderHands { participants: Vec::new() });
    }
    m.asks_again(m.at["fay"], id, Request::Freeze).unwrap();
    assert!(m.view("fay").room.frozen.is_some(), "forgotten after 256 others");
}

#[test]
fn an_id_is_unique_per_subject_and_says_something() {
    let mut m = Meeting::seated(&["ann"]);
    let id = hearth_protocol::RequestId("same".to_owned());
    m.asks_again(m.at["ann"], id.clone(), close(Source::Microphone)).unwrap();
    m.asks_again(m.at["fay"], id, close(Source::Microphone)).unwrap();
    assert!(!m.is_heard("ann", Source::Microphone) && !m.is_heard("fay", Source::Microphone));
}

#[test]
fn leaving_ends_everything_of_a_seat_but_its_name() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let (id, epoch) = (m.id("ann"), m.table.epoch);
    m.ok("ann", Request::Leave);
    assert_eq!(m.bye("ann"), Some(ByeReason::Left));
    assert!(m.row("ann").is_none() && m.table.epoch > epoch);
    m.returns("ann", None);
    assert_eq!(m.bye("ann"), Some(ByeReason::BadHello));
    m.joins("ann", Role::Member);
    assert_eq!(m.id("ann"), id);
    assert_eq!(m.sees("ben", "ann").unwrap().alias, "ann");
}

#[test]
fn a_lost_media_connection_gets_a_new_generation_and_keeps_the_seat() {
    let mut m = Meeting::seated(&["ann"]);
    let row = m.row("ann").unwrap().clone();
    m.apply(Command::MediaLost { subject: row.subject, generation: Generation(row.generation.0 + 7) });
    assert_eq!(m.row("ann").unwrap().generation, row.generation, "a stale event");
    m.apply(Command::MediaLost { subject: row.subject, generation: row.generation });
    assert_eq!(m.view("ann").you.media_generation, row.generation.0 + 1);
    m.apply(Command::RelayRestarted);
    assert_eq!(m.view("ann").you.media_generation, row.generation.0 + 2);
    m.ok("ann", Request::RenewMedia);
    assert_eq!(m.view("ann").you.media_generation, row.generation.0 + 3);
    assert!(m.is_heard("ann", Source::Microphone));
}

#[test]
fn names_that_look_alike_get_a_number_and_keep_it() {
    let mut m = Meeting::seated(&[]);
    let mut names = Vec::new();
    for subject in ["a", "b", "c"] {
        let mut ticket = claims(subject, Role::Member);
        ticket.alias = "Robin".to_owned();
        m.waits_with(ticket);
        let knock = m.view("fay").desk.as_ref().unwrap().knocks[0].id;
        m.ok("fay", Request::Admit { knock, through_lock: false });
        names.push(m.view(subject).participants.last().unwrap().alias.clone());
    }
    assert_eq!(names, ["Robin", "Robin 2", "Robin 3"]);
    m.ok("b", Request::Leave);
    let mut ticket = claims("d", Role::Member);
    ticket.alias = "Robin 2".to_owned();
    m.waits_with(ticket);
    let knock = m.view("fay").desk.as_ref().unwrap().knocks[0].id;
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert_eq!(m.view("d").participants.last().unwrap().alias, "Robin 2 2");
}

#[test]
fn a_barred_connection_is_told_nothing_of_a_new_device() {
    let mut m = Meeting::seated(&["ann"]);
    m.definition.ground_rules = rules(2, "rules-2");
    let mut m = m.restarted(true);
    let barred = m.returns("ann", None);
    m.knocks("ann", Role::Member);
    assert!(m.heard[&barred].view.is_none() && m.heard[&barred].deltas.is_empty());
}
