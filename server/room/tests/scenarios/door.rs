//! Ticket, consent, waiting room, lock, capacity.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{ByeReason, KnockId, RefusalCode, Request, Role, ServerFrame};
use hearth_room::{Act, Command};

use crate::meeting::*;

fn admit(m: &Meeting, name: &str) -> Request {
    Request::Admit { knock: m.knock_of(name), through_lock: false }
}

fn admit_through_lock(m: &Meeting, name: &str) -> Request {
    Request::Admit { knock: m.knock_of(name), through_lock: true }
}

const LOCK: Request = Request::Lock { locked: true };

#[test]
fn the_way_in_is_ticket_consent_waiting_seat() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    m.knocks("mia", Role::Member);
    let frames = &m.hears("mia").frames;
    assert!(matches!(frames[..], [ServerFrame::Knocked { .. }, ServerFrame::GroundRules(_)]), "{frames:?}");
    m.ok("mia", accept());
    assert_eq!(m.hears("mia").frames.last(), Some(&ServerFrame::Waiting));
    assert!(m.hears("mia").view.is_none());
    m.ok("fay", admit(&m, "mia"));
    assert!(matches!(m.hears("mia").frames.last(), Some(ServerFrame::Seated { .. })));
    assert_eq!(m.view("mia").participants.len(), 2);
    assert_eq!(m.view("fay").participants.len(), 2);
}

#[test]
fn a_spent_ticket_never_opens_the_door_again() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    let mut ticket = claims("mia", Role::Member);
    ticket.ticket = "the-one".to_owned();
    m.waits_with(ticket.clone());
    ticket.subject = "eve".to_owned();
    m.knocks_with(ticket);
    assert_eq!(m.bye("eve"), Some(ByeReason::BadHello));
    assert_eq!(m.hears("eve").bye.as_ref().and_then(|bye| bye.code), Some(RefusalCode::BadTicket));
    assert!(m.hears("mia").is_waiting());
}

#[test]
fn before_a_seat_there_is_nothing_of_the_room() {
    let mut m = Meeting::seated(&["ann"]);
    let connection = m.knocks("mia", Role::Member);
    for request in [open(Source::Microphone), LOCK, Request::Freeze, Request::RenewMedia, Request::RoundSkip]
    {
        m.refused("mia", request, RefusalCode::NotSeated);
    }
    m.ok("mia", accept());
    m.refused("mia", Request::Admit { knock: KnockId(1), through_lock: true }, RefusalCode::NotSeated);
    assert_eq!(m.room.media_peer(connection), None);
    assert_eq!(m.table.rows.len(), 2);
    assert!(m.hears("mia").view.is_none() && m.hears("mia").deltas.is_empty());
}

#[test]
fn consent_is_compared_with_the_rules_as_they_are() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    m.knocks("mia", Role::Member);
    for (version, hash) in [(RULES, "other"), (RULES + 1, RULES_HASH), (0, "")] {
        let request = Request::AcceptGroundRules { version, hash: hash.to_owned() };
        m.refused("mia", request, RefusalCode::GroundRulesChanged);
    }
    assert!(m.view("fay").desk.as_ref().unwrap().knocks.is_empty());
    assert!(!m.hears("mia").is_waiting());
}

#[test]
fn rules_that_change_while_somebody_waits_are_read_again() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    m.waits("mia", Role::Member);
    let knock = m.knock_of("mia");
    let mut changed = definition();
    changed.ground_rules = rules(2, "rules-2");
    m.apply(Command::Define(Box::new(changed)));
    assert!(
        matches!(m.hears("mia").frames.last(), Some(ServerFrame::GroundRules(rules)) if rules.version == 2)
    );
    m.refused("fay", Request::Admit { knock, through_lock: false }, RefusalCode::NotFound);
    m.ok("mia", Request::AcceptGroundRules { version: 2, hash: "rules-2".to_owned() });
    m.ok("fay", admit(&m, "mia"));
}

/// Everything told at the door, from the knock on.
fn told_at_the_door(m: &mut Meeting, name: &str, ms: u32) -> Vec<(u32, ServerFrame)> {
    let from = m.hears(name).frames.len();
    let mut told = Vec::new();
    let until = m.now + ms;
    while m.now < until {
        m.wait(1_000);
        let now = m.now;
        told.extend(m.hears(name).frames[from + told.len()..].iter().cloned().map(|frame| (now, frame)));
    }
    told
}

#[test]
fn waiting_full_locked_and_paused_look_the_same() {
    let mut beats = Vec::new();
    for case in 0..4 {
        let mut m =
            Meeting::with(|policy| policy.capacity = if case == 1 { 1 } else { 12 }).and_seated(&["ann"]);
        match case {
            2 => drop(m.ok("fay", LOCK)),
            3 => m.drops("fay"),
            _ => {}
        }
        m.wait(7_300);
        m.waits("mia", Role::Member);
        assert!(m.hears("mia").is_waiting(), "case {case}");
        beats.push(told_at_the_door(&mut m, "mia", 21_000));
    }
    assert_eq!(beats[0].len(), 4);
    assert!(beats.iter().all(|told| *told == beats[0]), "{beats:?}");
}

#[test]
fn who_else_waits_shows_in_no_beat() {
    let mut alone = Meeting::seated(&[]);
    let mut among = Meeting::seated(&[]);
    among.wait(1_234);
    among.waits("eve", Role::Member);
    among.wait(2_000);
    alone.wait(3_234);
    for m in [&mut alone, &mut among] {
        m.waits("mia", Role::Member);
    }
    assert_eq!(told_at_the_door(&mut alone, "mia", 20_000), told_at_the_door(&mut among, "mia", 20_000));
}

#[test]
fn denied_removed_full_and_locked_are_one_refusal() {
    for case in 0..4 {
        let mut m = Meeting::with(|policy| {
            policy.capacity = if case == 2 { 1 } else { 12 };
            policy.outside_waits = false;
        })
        .and_seated(&["ann"]);
        match case {
            0 => {
                m.waits("mia", Role::Member);
                let knock = m.knock_of("mia");
                m.ok("fay", Request::Deny { knock });
                assert_eq!(m.bye("mia"), Some(ByeReason::NotNow));
            }
            1 => {
                m.joins("mia", Role::Member);
                m.ok("fay", Request::Remove { participant: m.id("mia") });
            }
            2 => {}
            _ => drop(m.ok("fay", LOCK)),
        }
        m.knocks("mia", Role::Member);
        let heard = m.hears("mia");
        assert!(heard.frames.is_empty(), "case {case}: {:?}", heard.frames);
        let bye = heard.bye.as_ref().unwrap();
        assert_eq!((bye.reason, bye.code, &bye.card), (ByeReason::NotNow, Some(RefusalCode::NotNow), &None));
    }
}

#[test]
fn a_denial_stands_until_it_is_undone() {
    let mut m = Meeting::seated(&[]);
    m.waits("mia", Role::Member);
    let knock = m.knock_of("mia");
    m.ok("fay", Request::Deny { knock });
    m.knocks("mia", Role::Member);
    assert_eq!(m.bye("mia"), Some(ByeReason::NotNow));
    assert_eq!(m.view("fay").desk.as_ref().unwrap().denied.len(), 1);
    m.ok("fay", Request::UndoDenial { knock });
    m.refused("fay", Request::UndoDenial { knock }, RefusalCode::NotFound);
    m.waits("mia", Role::Member);
    assert!(m.hears("mia").is_waiting());
}

#[test]
fn nobody_comes_in_by_somebody_elses_arrival() {
    let mut m = Meeting::with(|policy| policy.waiting_room = false);
    let mut ticket = claims("mia", Role::Member);
    ticket.open_admission = true;
    m.waits_with(ticket);
    assert!(m.hears("mia").is_waiting());
    m.joins("fay", Role::Facilitator);
    assert!(m.hears("mia").is_waiting());
    m.drops("fay");
    m.returns("fay", None);
    assert!(m.hears("mia").is_waiting());
}

#[test]
fn open_admission_needs_both_the_ticket_and_the_room() {
    for (waiting_room, open_admission, passes) in
        [(true, true, false), (false, false, false), (true, false, false), (false, true, true)]
    {
        let mut m = Meeting::with(|policy| policy.waiting_room = waiting_room).and_seated(&[]);
        let mut ticket = claims("mia", Role::Member);
        ticket.open_admission = open_admission;
        m.waits_with(ticket);
        assert_eq!(m.hears("mia").view.is_some(), passes, "{waiting_room} {open_admission}");
    }
}

#[test]
fn admission_pauses_with_nobody_in_charge() {
    let mut m = Meeting::with(|policy| policy.waiting_room = false).and_seated(&["ann"]);
    m.drops("fay");
    let mut ticket = claims("mia", Role::Member);
    ticket.open_admission = true;
    m.waits_with(ticket);
    assert!(m.hears("mia").is_waiting());
}

#[test]
fn admitting_all_acts_on_the_list_that_was_seen_and_passes_no_lock() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits("mia", Role::Member);
    let if_version = m.view("fay").desk.as_ref().unwrap().knocks_version;
    m.waits("eve", Role::Member);
    m.refused("fay", Request::AdmitAll { if_version }, RefusalCode::Changed);
    let if_version = m.view("fay").desk.as_ref().unwrap().knocks_version;
    m.ok("fay", LOCK);
    m.ok("fay", Request::AdmitAll { if_version });
    assert!(m.hears("mia").is_waiting() && m.hears("eve").is_waiting());
    m.ok("fay", Request::Lock { locked: false });
    m.ok("fay", Request::AdmitAll { if_version });
    assert!(m.hears("mia").view.is_some() && m.hears("eve").view.is_some());
}

#[test]
fn admitting_all_fills_no_more_than_the_room() {
    let mut m = Meeting::with(|policy| policy.capacity = 2).and_seated(&["ann"]);
    m.waits("mia", Role::Member);
    m.waits("eve", Role::Member);
    let if_version = m.view("fay").desk.as_ref().unwrap().knocks_version;
    m.ok("fay", Request::AdmitAll { if_version });
    assert!(m.hears("mia").view.is_some());
    assert!(m.hears("eve").is_waiting());
    m.refused("fay", admit(&m, "eve"), RefusalCode::Full);
}

#[test]
fn a_locked_room_lets_in_whom_it_knew_and_whom_a_facilitator_lets_through() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.waits("mia", Role::Member);
    m.drops("ben");
    m.ok("fay", LOCK);
    m.refused("fay", admit(&m, "mia"), RefusalCode::Locked);
    m.ok("fay", admit_through_lock(&m, "mia"));
    assert_eq!(m.acts(|act| matches!(act, Act::Admitted { through_lock: true, .. })), 1);
    // Within the grace at the lock: still in the set when the grace is long over.
    m.wait(200_000);
    m.waits("ben", Role::Member);
    m.ok("fay", admit(&m, "ben"));
    // Left by choice: stays in the set.
    m.ok("ann", Request::Leave);
    m.waits("ann", Role::Member);
    m.ok("fay", admit(&m, "ann"));
    m.waits("eve", Role::Member);
    m.refused("fay", admit(&m, "eve"), RefusalCode::Locked);
}

#[test]
fn a_facilitator_outside_a_locked_room_waits_like_all_others() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", LOCK);
    m.drops("fay");
    m.waits("gus", Role::Facilitator);
    assert!(m.hears("gus").is_waiting());
    m.wait(40_000);
    assert!(m.hears("gus").is_waiting());
    m.returns("fay", None);
    m.ok("fay", admit_through_lock(&m, "gus"));
}

#[test]
fn locking_at_the_very_moment_of_a_join_keeps_the_door_shut() {
    let mut m = Meeting::with(|policy| policy.waiting_room = false).and_seated(&[]);
    let mut ticket = claims("mia", Role::Member);
    ticket.open_admission = true;
    m.knocks_with(ticket);
    m.ok("fay", LOCK);
    m.ok("mia", accept());
    assert!(m.hears("mia").is_waiting());
}

#[test]
fn the_capacity_counts_held_seats_and_members_alone() {
    let mut m = Meeting::with(|policy| policy.capacity = 2).and_seated(&["ann", "ben"]);
    m.drops("ben");
    m.joins("ivy", Role::Interpreter);
    m.joins("gus", Role::Cofacilitator);
    m.joins("oda", Role::Observer);
    m.waits("mia", Role::Member);
    m.refused("fay", admit(&m, "mia"), RefusalCode::Full);
    m.wait(120_000);
    m.ok("fay", admit(&m, "mia"));
}

#[test]
fn at_most_two_observe_and_none_of_them_passes_the_waiting_room() {
    let mut m = Meeting::with(|policy| policy.waiting_room = false).and_seated(&[]);
    for name in ["oda", "olaf"] {
        let mut ticket = claims(name, Role::Observer);
        ticket.open_admission = true;
        m.waits_with(ticket);
        assert!(m.hears(name).is_waiting());
        m.ok("fay", admit(&m, name));
    }
    m.waits("otto", Role::Observer);
    m.refused("fay", admit(&m, "otto"), RefusalCode::Full);
}

#[test]
fn an_observer_sends_nothing_and_is_on_every_roster() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("oda", Role::Observer);
    for source in Source::ALL {
        m.refused("oda", open(source), RefusalCode::NotAllowed);
        assert!(m.closed("oda", source).contains(&Reason::Ticket));
    }
    assert_eq!(m.sees("ann", "oda").unwrap().role, Role::Observer);
    assert!(m.view("oda").you.publish.is_empty());
}

#[test]
fn one_subject_knocks_once_and_twenty_wait_at_most() {
    let mut m = Meeting::seated(&[]);
    let first = m.waits("mia", Role::Member);
    m.waits("mia", Role::Member);
    assert_eq!(m.heard[&first].bye.as_ref().unwrap().reason, ByeReason::Replaced);
    assert_eq!(m.view("fay").desk.as_ref().unwrap().knocks.len(), 1);
    for number in 1..20 {
        m.waits(&format!("m{number}"), Role::Member);
    }
    m.knocks("late", Role::Member);
    assert_eq!(m.bye("late"), Some(ByeReason::NotNow));
    m.knocks("mia", Role::Member);
    assert_eq!(m.bye("mia"), None, "known at the door");
}

#[test]
fn a_waiting_secret_leads_back_to_the_same_place() {
    let mut m = Meeting::seated(&[]);
    m.waits("mia", Role::Member);
    let knock = m.knock_of("mia");
    m.drops("mia");
    assert!(m.view("fay").desk.as_ref().unwrap().knocks.is_empty());
    m.wait(60_000);
    let old = m.hears("mia").secret.clone().unwrap();
    m.returns("mia", None);
    assert!(m.hears("mia").is_waiting());
    assert_eq!(m.knock_of("mia"), knock);
    m.returns_with("mia", &old, None);
    assert!(m.hears("mia").is_waiting(), "perhaps the new one never arrived");
    m.apply(Command::Heard { connection: m.at["mia"] });
    m.returns_with("mia", &old, None);
    assert_eq!(m.bye("mia"), Some(ByeReason::BadHello), "spent: the new one is known to have arrived");
}

#[test]
fn a_knock_is_forgotten_after_the_grace() {
    let mut m = Meeting::seated(&[]);
    m.waits("mia", Role::Member);
    m.drops("mia");
    m.wait(120_000);
    m.returns("mia", None);
    assert_eq!(m.bye("mia"), Some(ByeReason::BadHello));
}

#[test]
fn a_second_facilitator_is_confirmed_by_the_first() {
    let mut m = Meeting::seated(&[]);
    m.waits("gus", Role::Cofacilitator);
    assert!(m.hears("gus").is_waiting());
    m.ok("fay", admit(&m, "gus"));
    assert_eq!(m.view("gus").participants.len(), 2);
}

#[test]
fn a_facilitator_comes_in_where_nobody_could_confirm() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.joins("gus", Role::Cofacilitator);
    assert!(m.hears("gus").view.is_some());
}

#[test]
fn a_facilitator_who_waited_comes_in_when_nobody_is_left_to_confirm() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits("gus", Role::Cofacilitator);
    m.drops("fay");
    m.wait(29_999);
    assert!(m.hears("gus").is_waiting());
    m.wait(1);
    assert!(m.hears("gus").view.is_some());
    assert!(m.view("gus").room.hold.is_some(), "resuming is still explicit");
}

#[test]
fn a_late_knock_is_quiet() {
    let mut m = Meeting::seated(&[]);
    m.wait(15 * 60_000);
    m.waits("mia", Role::Member);
    assert!(m.view("fay").desk.as_ref().unwrap().knocks[0].quiet);
}

#[test]
fn sent_back_to_the_waiting_room_one_is_barred_and_detached() {
    let mut m = Meeting::with(|policy| policy.waiting_room = false).and_seated(&["ann", "ben"]);
    let epoch = m.table.epoch;
    let before = m.hears("ben").secret.clone().unwrap();
    m.ok("fay", Request::SendToWaiting { participant: m.id("ben") });
    assert!(m.row("ben").is_none());
    assert!(m.table.epoch > epoch);
    assert!(m.sees("ann", "ben").is_none());
    assert_eq!(m.hears("ben").frames.last(), Some(&ServerFrame::Waiting));
    m.refused("ben", open(Source::Microphone), RefusalCode::NotSeated);
    // The seat counts, the old secret is dead, and a ticket for open admission does not help.
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 2);
    let connection = m.at["ben"];
    m.returns_with("ben", &before, None);
    assert_eq!(m.bye("ben"), Some(ByeReason::BadHello));
    m.at.insert("ben".to_owned(), connection);
    let mut ticket = claims("ben", Role::Member);
    ticket.open_admission = true;
    m.waits_with(ticket);
    assert!(m.hears("ben").view.is_none());
    m.ok("fay", admit(&m, "ben"));
    assert_eq!(m.view("ben").you.participant, m.id("ben"));
    assert!(!m.is_heard("ben", Source::Microphone));
}

#[test]
fn a_facilitator_waits_for_nobody_who_is_not_there_on_hold_either() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(30_000);
    m.returns("fay", None);
    m.waits("gus", Role::Cofacilitator);
    assert!(m.hears("gus").is_waiting() && m.view("fay").room.hold.is_some());
    m.drops("fay");
    m.wait(29_999);
    assert!(m.hears("gus").is_waiting());
    m.wait(1);
    assert!(m.hears("gus").view.is_some());
}

#[test]
fn a_facilitator_waits_for_nobody_who_is_not_there_while_a_peer_lead_goes_on() {
    let mut m = Meeting::with_rules(|rules| rules.peer_lead = true).and_seated(&["ann"]);
    m.joins("pat", Role::PeerLead);
    m.waits("gus", Role::Cofacilitator);
    m.drops("fay");
    m.drops("gus");
    m.wait(60_000);
    m.returns("gus", None);
    assert!(m.hears("gus").view.is_some() && m.view("gus").room.hold.is_none());
}

#[test]
fn no_crowd_at_the_door_keeps_anybody_from_their_own_seat() {
    let mut m = Meeting::with(|policy| policy.knocks_max = 1).and_seated(&["ann"]);
    m.waits("eve", Role::Member);
    m.drops("ann");
    m.waits("ann", Role::Member);
    assert!(m.hears("ann").is_waiting());
    m.knocks("mia", Role::Member);
    assert_eq!(m.bye("mia"), Some(ByeReason::NotNow));
}

#[test]
fn a_revocation_is_no_denial_that_could_be_undone() {
    let mut m = Meeting::seated(&[]);
    m.waits("eve", Role::Member);
    let knock = m.knock_of("eve");
    m.ok("fay", Request::Deny { knock });
    for _ in 0..2 {
        m.apply(Command::Revoke { subject: "eve".to_owned() });
    }
    m.apply(Command::Revoke { subject: "mia".to_owned() });
    m.refused("fay", Request::UndoDenial { knock }, RefusalCode::NotFound);
    m.knocks("eve", Role::Member);
    assert_eq!(m.bye("eve"), Some(ByeReason::NotNow));
    for name in ["eve", "mia"] {
        assert_eq!(m.acts(|act| *act == Act::Removed { subject: name.to_owned() }), 1, "{name}");
    }
}
