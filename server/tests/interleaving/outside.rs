//! What reaches a room from outside: a portal that takes somebody's tickets back, an operator who changes the settings.

use std::time::Duration;

use hearth::{
    config::Definitions,
    rooms::{Arrival, NotEntered},
};
use hearth_forwarding::Subject;
use hearth_protocol::*;
use tokio::task::JoinHandle;

use crate::meeting::*;

fn revoke(
    meeting: &Meeting,
    name: &'static str,
    subject: &'static str,
) -> JoinHandle<Result<(), NotEntered>> {
    let directory = meeting.directory.clone();
    tokio::spawn(async move { directory.revoke(&room(name), subject).await })
}

#[tokio::test(start_paused = true)]
async fn a_revocation_removes_and_is_done_once_it_is_recorded() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let id = member.id();
    meeting.ledger.fail();
    let revoked = revoke(&meeting, "one", "ann");
    settle().await;
    assert!(!revoked.is_finished(), "not before it is recorded");
    assert_eq!(bye(&member.read()), Some(ByeReason::Removed));
    assert!(media_of(&meeting).table().row(Subject(id.0)).is_none(), "no media any more");

    meeting.ledger.recover();
    pass(Duration::from_secs(10)).await;
    assert_eq!(revoked.await.expect("it ends"), Ok(()));
    facilitator.read();
    assert!(facilitator.sees(id).is_none());

    let mut again = meeting.arrive("one", Arrival::Ticket(meeting.ticket("one", "ann", Role::Member))).await;
    assert_eq!(bye(&again.read()), Some(ByeReason::NotNow), "another ticket opens nothing");
}

#[tokio::test(start_paused = true)]
async fn who_is_revoked_before_anybody_came_is_refused_after_a_restart_too() {
    let meeting = Meeting::new();
    assert_eq!(revoke(&meeting, "one", "ann").await.expect("it ends"), Ok(()));
    let meeting = meeting.restarted();
    let _facilitator = meeting.facilitator("one").await;
    let mut ann = meeting.arrive("one", Arrival::Ticket(meeting.ticket("one", "ann", Role::Member))).await;
    assert_eq!(bye(&ann.read()), Some(ByeReason::NotNow));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_not_there_revokes_nobody() {
    let meeting = Meeting::new();
    assert_eq!(revoke(&meeting, "three", "ann").await.expect("it ends"), Err(NotEntered::NoSuchRoom));
}

#[tokio::test(start_paused = true)]
async fn new_ground_rules_are_shown_to_those_inside_and_to_the_next_room_that_wakes() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    facilitator.read();
    let rules = GroundRules { version: 2, hash: "other".into(), rules: vec!["We listen.".into()] };
    let changed = |name: &str| {
        let definition = hearth_room::Definition { ground_rules: rules.clone(), ..definition() };
        (room(name), definition)
    };
    meeting.directory.define(Definitions::new(["one", "two", "three"].map(changed))).await;
    settle().await;
    let shown = |frames: &[ServerFrame]| {
        frames.iter().any(|frame| matches!(frame, ServerFrame::GroundRules(shown) if *shown == rules))
    };
    assert!(shown(&facilitator.read()));
    let ticket = meeting.ticket("two", "facilitator", Role::Facilitator);
    let mut there = meeting.arrive("two", Arrival::Ticket(ticket)).await;
    assert!(shown(&there.read()));
}
