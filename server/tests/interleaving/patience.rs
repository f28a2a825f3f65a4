//! How long a connection is waited for: over a stream in memory, with a clock that the test moves.

use std::time::Duration;

use hearth_protocol::*;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::{line::Line, meeting::*};

#[tokio::test(start_paused = true)]
async fn without_a_hello_in_ten_seconds_the_connection_is_dismissed() {
    let meeting = Meeting::new();
    let mut line = Line::open(&meeting, 65_536).await;
    pass(Duration::from_millis(9_900)).await;
    assert!(line.read().is_empty() && !line.session.is_finished());
    pass(Duration::from_millis(200)).await;
    assert!(matches!(&line.read()[..], [Message::Text(bye), ..] if bye.contains("bad_hello")));
    pass(Duration::from_secs(2)).await;
    assert!(line.session.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_dead_peer_is_known_within_ten_seconds_and_a_quiet_one_stays() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut quiet = Line::at_the_door(&meeting, 65_536).await;
    let knock = facilitator.first_knock();
    facilitator.ask(Request::Admit { knock, through_lock: false }).await;
    for _ in 0..10 {
        pass(Duration::from_secs(2)).await;
        quiet.read();
        settle().await;
    }
    assert!(!quiet.session.is_finished(), "answering pings is enough");
    facilitator.read();
    assert!(facilitator.view().desk.as_ref().expect("a desk").away.is_empty());
    for _ in 0..10 {
        pass(Duration::from_secs(1)).await;
    }
    assert!(quiet.session.is_finished(), "dead: not even pings are answered");
    facilitator.read();
    let away = &facilitator.view().desk.as_ref().expect("a desk").away;
    assert!(matches!(away[..], [Away { how: AwayHow::Dropped, .. }]));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_written_in_five_seconds_ends_the_connection() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut stuck = Line::at_the_door(&meeting, 4_096).await;
    let knock = facilitator.first_knock();
    facilitator.ask(Request::Admit { knock, through_lock: false }).await;
    for turn in 0..100 {
        facilitator.ask(Request::Lock { locked: turn % 2 == 0 }).await;
        facilitator.read();
    }
    for nonce in 0..4 {
        pass(Duration::from_secs(1)).await;
        stuck.send(json!({"type": "ping", "nonce": nonce})).await;
    }
    assert!(!stuck.session.is_finished(), "alive, and slow");
    pass(Duration::from_millis(1_100)).await;
    assert!(stuck.session.is_finished(), "too slow");
}
