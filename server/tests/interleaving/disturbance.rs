//! Slow readers, full queues, other rooms, restarts.

use std::time::Duration;

use hearth_protocol::*;

use crate::meeting::*;

#[tokio::test(start_paused = true)]
async fn an_overflowing_outbox_becomes_one_fresh_snapshot() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut slow = meeting.member("one", "ann", &mut facilitator).await;
    for turn in 0..400 {
        facilitator.ask(Request::Lock { locked: turn % 2 == 0 }).await;
        facilitator.read();
    }
    facilitator.ask(Request::Lock { locked: true }).await;
    assert!(slow.read().is_empty(), "the deltas that nobody read are dropped");
    assert!(slow.lost && !slow.over);
    facilitator.ask(Request::Lock { locked: false }).await;
    assert!(slow.read().is_empty(), "no delta without what it builds on");
    slow.handle.refresh().await;
    settle().await;
    let frames = slow.read();
    assert!(matches!(frames[..], [ServerFrame::Snapshot { .. }]));
    assert!(!slow.view().room.locked);
    facilitator.ask(Request::Lock { locked: true }).await;
    slow.read();
    assert!(slow.view().room.locked, "deltas go on from the snapshot");
}

#[tokio::test(start_paused = true)]
async fn two_rooms_do_not_disturb_each_other() {
    let meeting = Meeting::new();
    let mut here = meeting.facilitator("one").await;
    let mut there = meeting.facilitator("two").await;
    meeting.relay.room(0).hold();
    let stuck = here.ask(Request::Lock { locked: true }).await;
    here.ask(Request::Freeze).await;
    let done = there.ask(Request::Freeze).await;
    assert!(is_told_ok(&there.read(), &done));
    assert!(here.read().iter().all(|frame| !is_told_ok(std::slice::from_ref(frame), &stuck)
        || !matches!(frame, ServerFrame::Delta { .. })));
    pass(Duration::from_millis(500)).await;
    let open = there.ask(Request::Lock { locked: true }).await;
    assert!(is_told_ok(&there.read(), &open));
    assert!(there.view().room.locked);
}

#[tokio::test(start_paused = true)]
async fn a_stop_says_goodbye_and_the_room_wakes_as_it_was() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    facilitator
        .ask(Request::SetGate { participant: member.id(), source: Source::Microphone, open: false })
        .await;
    facilitator.ask(Request::Lock { locked: true }).await;
    facilitator.read();
    let id = member.id();
    let secrets = [&facilitator, &member].map(|guest| guest.secret.clone().expect("a resume secret"));
    let goodbye = tokio::spawn({
        let directory = meeting.directory.clone();
        async move { directory.shutdown().await }
    });
    settle().await;
    assert_eq!(bye(&member.read()), Some(ByeReason::Restarting));
    assert_eq!(bye(&facilitator.read()), Some(ByeReason::Restarting));
    drop((facilitator, member));
    goodbye.await.expect("the goodbye ends");

    let meeting = meeting.restarted();
    let mut facilitator = meeting.resume("one", &secrets[0], None).await;
    let mut member = meeting.resume("one", &secrets[1], None).await;
    facilitator.read();
    member.read();
    assert_eq!(member.id(), id);
    assert!(facilitator.view().room.locked, "locked as it was");
    assert!(member.view().you.gates.microphone.contains(&Reason::Facilitator), "muted as it was");
}

#[tokio::test(start_paused = true)]
async fn a_bug_ends_one_rooms_task_and_no_other_and_the_room_wakes_again() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut there = meeting.facilitator("two").await;
    facilitator.ask(Request::Lock { locked: true }).await;
    facilitator.read();
    let secret = facilitator.secret.clone().expect("a resume secret");
    media_of(&meeting).break_at_the_next_view();
    facilitator.handle.request(RequestId("bug".into()), Request::View { tiles: Vec::new() }).await;
    facilitator.handle.gone().await;

    let done = there.ask(Request::Lock { locked: true }).await;
    assert!(is_told_ok(&there.read(), &done));
    let mut again = meeting.resume("one", &secret, None).await;
    again.read();
    assert!(again.view().room.locked, "as it was");
}
