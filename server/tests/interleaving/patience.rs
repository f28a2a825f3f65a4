//! How long a connection is waited for: over a stream in memory, with a clock that the test moves.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, SinkExt, StreamExt};
use hearth_protocol::*;
use serde_json::json;
use tokio::{
    io::{DuplexStream, duplex},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role as End},
};

use crate::meeting::*;

/// A browser and the session that speaks with it.
struct Line {
    socket: WebSocketStream<DuplexStream>,
    session: JoinHandle<()>,
}

impl Line {
    async fn open(meeting: &Meeting, buffered: usize) -> Line {
        let (browser, server) = duplex(buffered);
        let signalling = Arc::new(meeting.signalling());
        let session = tokio::spawn(async move { signalling.serve(&room("one"), None, server).await });
        let socket = WebSocketStream::from_raw_socket(browser, End::Client, None).await;
        settle().await;
        Line { socket, session }
    }

    /// At the door, having agreed to the ground rules.
    async fn at_the_door(meeting: &Meeting, buffered: usize) -> Line {
        let mut line = Line::open(meeting, buffered).await;
        let ticket = meeting.signed("one", "ann", Role::Member);
        let credential = json!({"type": "ticket", "ticket": ticket});
        line.send(json!({"type": "hello", "version": VERSION, "credential": credential})).await;
        let rules = json!({"type": "accept_ground_rules", "version": 1, "hash": "h"});
        line.send(json!({"type": "request", "request_id": "rules", "request": rules})).await;
        line.read();
        line
    }

    async fn send(&mut self, frame: serde_json::Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the session reads");
        settle().await;
    }

    /// All that came, pings answered.
    fn read(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(Some(Ok(message))) = self.socket.next().now_or_never() {
            messages.push(message);
        }
        messages
    }
}

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
