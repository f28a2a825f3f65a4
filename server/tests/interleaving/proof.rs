//! An older secret is spent as soon as the newer one is known to have arrived, and no sooner.

use hearth::rooms::Arrival;
use hearth_protocol::*;

use crate::{line::Line, meeting::*};

/// Ann, whose line has broken, and the secret that leads back to her seat.
async fn dropped(meeting: &Meeting) -> (Guest, Secret) {
    let mut facilitator = meeting.facilitator("one").await;
    let ann = meeting.member("one", "ann", &mut facilitator).await;
    let secret = ann.secret.clone().expect("a resume secret");
    ann.drop_out().await;
    (facilitator, secret)
}

fn given(frames: &[ServerFrame]) -> Secret {
    let secret = frames.iter().find_map(|frame| match frame {
        ServerFrame::Knocked { secret } | ServerFrame::Seated { secret } => Some(secret.clone()),
        _ => None,
    });
    secret.expect("a secret")
}

#[tokio::test(start_paused = true)]
async fn whoever_lost_the_newer_secret_comes_back_with_the_older() {
    let meeting = Meeting::new();
    let (_facilitator, older) = dropped(&meeting).await;
    for _ in 0..3 {
        let lost = Line::back(&meeting, "resume", &older).await;
        assert!(!lost.session.is_finished());
        // Written, and never read.
        drop(lost);
        settle().await;
    }
    let mut back = Line::back(&meeting, "resume", &older).await;
    assert!(back.frames().iter().any(|frame| matches!(frame, ServerFrame::Snapshot { .. })), "in the room");
}

#[tokio::test(start_paused = true)]
async fn the_pong_that_follows_the_newer_secret_spends_the_older() {
    let meeting = Meeting::new();
    let (_facilitator, older) = dropped(&meeting).await;
    let mut back = Line::back(&meeting, "resume", &older).await;
    let newer = given(&back.frames());
    settle().await;

    let mut thief = meeting.resume("one", &older, None).await;
    thief.read();
    assert!(thief.view.is_none(), "a spent secret leads to the door");
    assert!(!back.frames().iter().any(|frame| matches!(frame, ServerFrame::Bye(_))), "its owner stays");
    let mut again = meeting.resume("one", &newer, None).await;
    again.read();
    assert!(again.view.is_some());
}

#[tokio::test(start_paused = true)]
async fn at_the_door_the_pong_spends_the_older_secret_too() {
    let meeting = Meeting::new();
    let _facilitator = meeting.facilitator("one").await;
    let ticket = meeting.ticket("one", "ann", Role::Member);
    let mut knocking = meeting.arrive("one", Arrival::Ticket(ticket)).await;
    let older = given(&knocking.read());
    knocking.drop_out().await;

    drop(Line::back(&meeting, "waiting", &older).await);
    settle().await;
    let mut back = Line::back(&meeting, "waiting", &older).await;
    given(&back.frames());
    settle().await;
    let mut thief = meeting.resume("one", &older, None).await;
    assert_eq!(bye(&thief.read()), Some(ByeReason::BadHello), "as any secret that opens nothing");
}

#[tokio::test(start_paused = true)]
async fn a_pong_to_a_ping_from_before_the_secret_proves_nothing() {
    let meeting = Meeting::new();
    let (_facilitator, older) = dropped(&meeting).await;
    meeting.ledger.fail();
    let mut back = Line::back(&meeting, "resume", &older).await;
    // Pinged and answered, while its new secret waits for the record.
    for _ in 0..3 {
        pass(std::time::Duration::from_secs(4)).await;
        assert!(back.frames().is_empty());
        settle().await;
    }
    let mut again = meeting.resume("one", &older, None).await;
    meeting.ledger.recover();
    pass(std::time::Duration::from_secs(6)).await;
    again.read();
    assert!(again.view.is_some(), "the older one is good still");
}
