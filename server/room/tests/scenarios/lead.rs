//! The lead.

use hearth_protocol::{RefusalCode, Request, Role};

use crate::meeting::*;

fn facilitator(m: &mut Meeting, name: &str, rank: u16) {
    let mut ticket = claims(name, Role::Facilitator);
    ticket.rank = rank;
    m.waits_with(ticket);
    if m.hears(name).view.is_none() {
        let knock = m.knock_of(name);
        m.ok("fay", Request::Admit { knock, through_lock: false });
    }
    m.ids.insert(name.to_owned(), m.view(name).you.participant);
}

fn leads(m: &Meeting, name: &str) -> bool {
    let viewer =
        m.ids.keys().find(|viewer| m.hears(viewer).bye.is_none()).expect("somebody is there").clone();
    m.sees(&viewer, name).is_some_and(|one| one.lead)
}

fn three() -> Meeting {
    let mut m = Meeting::new();
    facilitator(&mut m, "fay", 1);
    facilitator(&mut m, "gus", 3);
    facilitator(&mut m, "hal", 2);
    m.joins("ann", Role::Member);
    m
}

#[test]
fn the_lead_is_not_lost_to_a_better_rank_that_comes_later() {
    let mut m = Meeting::new();
    facilitator(&mut m, "fay", 5);
    facilitator(&mut m, "gus", 1);
    assert!(leads(&m, "fay") && !leads(&m, "gus"));
}

#[test]
fn ten_seconds_of_absence_pass_the_lead_to_the_lowest_rank() {
    let mut m = three();
    m.drops("fay");
    m.wait(9_999);
    assert!(!leads(&m, "hal"));
    m.wait(1);
    assert!(leads(&m, "hal") && !leads(&m, "gus"));
}

#[test]
fn a_lead_whose_ticket_is_revoked_is_followed_by_another() {
    let mut m = three();
    m.apply(hearth_room::Command::Revoke { subject: "fay".to_owned() });
    m.wait(10_000);
    assert!(m.sees("ann", "hal").unwrap().lead);
}

#[test]
fn a_returning_lead_is_offered_the_lead() {
    let mut m = three();
    m.drops("fay");
    m.wait(10_000);
    m.returns("fay", None);
    assert!(m.view("fay").you.lead_offered && leads(&m, "hal"));
    m.refused("gus", Request::TakeLead, RefusalCode::NotPossible);
    m.ok("fay", Request::TakeLead);
    assert!(leads(&m, "fay") && !m.view("fay").you.lead_offered);
}

#[test]
fn the_lead_is_handed_over_by_its_holder_alone() {
    let mut m = three();
    m.refused("gus", Request::HandOver { participant: m.id("gus") }, RefusalCode::NotAllowed);
    m.refused("fay", Request::HandOver { participant: m.id("ann") }, RefusalCode::NotPossible);
    m.ok("fay", Request::HandOver { participant: m.id("gus") });
    assert!(leads(&m, "gus"));
    m.refused("fay", Request::TakeLead, RefusalCode::NotPossible);
}

#[test]
fn nobody_is_ever_elected() {
    let mut m = three();
    for name in ["fay", "gus", "hal"] {
        m.drops(name);
    }
    m.wait(60_000);
    assert!(!leads(&m, "ann"));
    m.refused("ann", Request::TakeLead, RefusalCode::NotAllowed);
    m.refused("ann", Request::ResumeRoom, RefusalCode::NotAllowed);
}

#[test]
fn what_is_the_leads_alone() {
    let mut m = three();
    for request in [
        Request::End { seconds: 60 },
        Request::EndNow { confirm: None },
        Request::Remove { participant: m.id("hal") },
    ] {
        m.refused("gus", request, RefusalCode::NotAllowed);
    }
    m.refused("gus", Request::Remove { participant: m.id("fay") }, RefusalCode::NotAllowed);
    m.refused("fay", Request::Remove { participant: m.id("fay") }, RefusalCode::NotAllowed);
    m.ok("gus", Request::Remove { participant: m.id("ann") });
    m.ok("fay", Request::Remove { participant: m.id("gus") });
}

#[test]
fn a_peer_lead_does_what_the_format_allows_and_no_more() {
    for allowed in [true, false] {
        let mut m = Meeting::with_rules(|rules| rules.peer_lead = allowed).and_seated(&["ann"]);
        m.joins("pat", Role::PeerLead);
        let microphone = hearth_protocol::Source::Microphone;
        let close = Request::SetGate { participant: m.id("ann"), source: microphone, open: false };
        assert_eq!(m.asks("pat", close).is_ok(), allowed);
        assert_eq!(m.asks("pat", Request::Freeze).is_ok(), allowed);
        let thaw = Request::Thaw { step: hearth_protocol::ThawStep::Microphones };
        assert_eq!(m.asks("pat", thaw).is_ok(), allowed);
        m.wait(60_000);
        let on_facilitator = Request::SetGate { participant: m.id("fay"), source: microphone, open: false };
        let reopen = Request::SetGate { participant: m.id("ann"), source: microphone, open: true };
        for request in [on_facilitator, reopen, Request::Lock { locked: true }] {
            m.refused("pat", request, RefusalCode::NotAllowed);
        }
    }
}

#[test]
fn a_peer_lead_may_begin_and_go_on_where_the_format_allows_it() {
    let mut m = Meeting::with_rules(|rules| rules.peer_lead = true);
    m.joins("pat", Role::PeerLead);
    m.wait(60_000);
    assert!(m.view("pat").room.hold.is_none());
    let mut m = Meeting::new();
    m.waits("pat", Role::PeerLead);
    assert!(m.hears("pat").is_waiting());
}

#[test]
fn a_peer_lead_goes_on_after_a_hold_where_the_format_allows_it_in_their_own_freeze_too() {
    let mut m = Meeting::with_rules(|rules| rules.peer_lead = true).and_seated(&["ann"]);
    m.joins("pat", Role::PeerLead);
    m.ok("fay", Request::Leave);
    m.ok("pat", Request::Freeze);
    m.drops("pat");
    m.wait(30_000);
    m.returns("pat", None);
    assert!(m.view("pat").room.hold.as_ref().is_some_and(|hold| hold.may_resume));
    m.refused("ann", Request::ResumeRoom, RefusalCode::NotAllowed);
    m.ok("pat", Request::ResumeRoom);
    assert!(m.view("ann").room.hold.is_none() && m.view("ann").room.frozen.is_some());
    m.ok("pat", Request::Thaw { step: hearth_protocol::ThawStep::Microphones });
    m.ok("ann", open(hearth_forwarding::Source::Microphone));
}

#[test]
fn a_lead_who_comes_back_as_a_member_leads_no_more() {
    let mut m = three();
    m.ok("fay", Request::Leave);
    m.waits("fay", Role::Member);
    let knock = m.knock_of("fay");
    m.ok("hal", Request::Admit { knock, through_lock: false });
    assert!(leads(&m, "hal") && !leads(&m, "fay") && !m.view("fay").you.lead_offered);
}

#[test]
fn whoever_was_sent_out_is_not_offered_the_lead_again() {
    let sent_out: [fn(&mut Meeting); 2] = [
        |m| {
            m.ok("hal", Request::SendToWaiting { participant: m.id("fay") });
        },
        |m| {
            m.ok("hal", Request::Remove { participant: m.id("fay") });
            m.ok("hal", Request::UndoRemoval { participant: m.id("fay") });
            m.waits("fay", Role::Facilitator);
        },
    ];
    for send_out in sent_out {
        let mut m = three();
        m.drops("fay");
        m.wait(10_000);
        m.returns("fay", None);
        assert!(m.view("fay").you.lead_offered);
        send_out(&mut m);
        let knock = m.view("hal").desk.as_ref().unwrap().knocks[0].id;
        m.ok("hal", Request::Admit { knock, through_lock: false });
        assert!(!m.view("fay").you.lead_offered);
        m.refused("fay", Request::TakeLead, RefusalCode::NotPossible);
    }
}
