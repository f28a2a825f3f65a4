//! Who is told what, in which order, and what is recorded.

use hearth_forwarding::Source;
use hearth_protocol::{Change, FloorMode, Request, Role, ServerFrame};
use hearth_room::{Act, Command, Words};

use crate::meeting::*;

#[test]
fn a_view_changes_by_sections_and_a_lost_count_brings_a_snapshot() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", close(Source::Microphone));
    let delta = m.hears("ben").deltas.last().unwrap();
    assert!(matches!(delta[..], [Change::Participant(_)]), "{delta:?}");
    let connection = m.at["ben"];
    m.apply(Command::Refresh { connection });
    let told: Vec<_> =
        m.last.tell.iter().map(|tell| (tell.to, matches!(tell.words, Words::Snapshot(_)))).collect();
    assert_eq!(told, [(connection, true)]);
}

#[test]
fn what_changes_nothing_tells_nobody() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let version = m.table.version;
    m.ok("ann", close(Source::Screen));
    m.ok("fay", Request::SetFloor { mode: FloorMode::Open });
    assert_eq!(m.last.tell.len(), 1, "the answer alone: {:?}", m.last.tell);
    assert!(m.last.forward.is_none() && m.table.version == version);
}

#[test]
fn others_hear_of_a_newcomer_no_later_than_the_newcomer_of_them() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("oda", Role::Observer);
    let told: Vec<_> = m.last.tell.iter().map(|tell| tell.to).collect();
    let position = |name: &str| told.iter().rposition(|to| *to == m.at[name]).unwrap();
    assert!(position("ann") < position("oda") && position("fay") < position("oda"));
    assert!(m.last.forward.is_some());
}

#[test]
fn an_answer_comes_before_what_follows_from_it_and_a_bye_comes_last() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits("ben", Role::Member);
    let frames = &m.hears("ben").frames;
    assert!(matches!(frames[frames.len() - 2..], [ServerFrame::Ok { .. }, ServerFrame::Waiting]));
    m.ok("ann", Request::Leave);
    assert!(matches!(m.last.tell.first().unwrap().words, Words::Frame(ServerFrame::Ok { .. })));
    assert!(matches!(m.last.tell.last().unwrap().words, Words::Bye(_)));
}

#[test]
fn acts_of_power_are_recorded_once_and_nothing_else_is() {
    let mut m = Meeting::seated(&["ann"]);
    m.record.clear();
    m.ok("ann", Request::RaiseHand { kind: hearth_protocol::HandKind::Speak });
    m.ok("ann", Request::LowerHand);
    m.ok("ann", close(Source::Microphone));
    m.ok("ann", Request::React { reaction: hearth_protocol::Reaction::ThankYou });
    assert!(m.record.is_empty(), "{:?}", m.record);
    let microphone = hearth_protocol::Source::Microphone;
    m.ok("fay", Request::SetGate { participant: m.id("ann"), source: microphone, open: false });
    m.ok("fay", Request::Lock { locked: true });
    m.ok("fay", Request::Lock { locked: true });
    m.ok("ann", Request::Leave);
    let acts: Vec<_> = m.record.iter().map(|record| (record.actor.as_deref(), record.act.clone())).collect();
    let (subject, source) = ("ann".to_owned(), microphone);
    assert_eq!(
        acts,
        [
            (Some("fay"), Act::GateClosed { subject: subject.clone(), source }),
            (Some("fay"), Act::Locked),
            (Some("ann"), Act::Left { subject, dropped: false }),
        ]
    );
}

#[test]
fn the_way_in_is_on_the_record() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    m.record.clear();
    m.joins("ann", Role::Member);
    let acts: Vec<_> = m.record.iter().map(|record| record.act.clone()).collect();
    let subject = || "ann".to_owned();
    assert_eq!(
        acts,
        [
            Act::TicketSpent { subject: subject() },
            Act::Consented { subject: subject(), version: RULES },
            Act::Admitted { subject: subject(), through_lock: false },
            Act::Joined { subject: subject() },
        ]
    );
}
