//! A connection over a stream in memory, so that a test says what is read and when.

use std::sync::Arc;

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
pub struct Line {
    socket: WebSocketStream<DuplexStream>,
    pub session: JoinHandle<()>,
}

impl Line {
    pub async fn open(meeting: &Meeting, buffered: usize) -> Line {
        let (browser, server) = duplex(buffered);
        let signalling = Arc::new(meeting.signalling());
        let session = tokio::spawn(async move { signalling.serve(&room("one"), None, server).await });
        let socket = WebSocketStream::from_raw_socket(browser, End::Client, None).await;
        settle().await;
        Line { socket, session }
    }

    /// At the door, having agreed to the ground rules.
    pub async fn at_the_door(meeting: &Meeting, buffered: usize) -> Line {
        let mut line = Line::open(meeting, buffered).await;
        let ticket = meeting.signed("one", "ann", Role::Member);
        line.hello(json!({"type": "ticket", "ticket": ticket})).await;
        let rules = json!({"type": "accept_ground_rules", "version": 1, "hash": "h"});
        line.send(json!({"type": "request", "request_id": "rules", "request": rules})).await;
        line.read();
        line
    }

    /// With a secret of before. What comes of it waits to be read.
    pub async fn back(meeting: &Meeting, kind: &str, secret: &Secret) -> Line {
        let mut line = Line::open(meeting, 65_536).await;
        line.hello(json!({"type": kind, "secret": secret.0})).await;
        line
    }

    async fn hello(&mut self, credential: serde_json::Value) {
        self.send(json!({"type": "hello", "version": VERSION, "credential": credential})).await;
    }

    pub async fn send(&mut self, frame: serde_json::Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the session reads");
        settle().await;
    }

    /// All that came, pings answered.
    pub fn read(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(Some(Ok(message))) = self.socket.next().now_or_never() {
            messages.push(message);
        }
        messages
    }

    /// All frames that came, pings answered.
    pub fn frames(&mut self) -> Vec<ServerFrame> {
        let texts = self.read().into_iter().filter_map(|message| message.into_text().ok());
        texts.filter_map(|text| serde_json::from_str(&text).ok()).collect()
    }
}
