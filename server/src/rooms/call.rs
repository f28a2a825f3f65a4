use std::sync::Arc;

use hearth_forwarding::Generation;
use hearth_protocol::{Request, RequestId};
use hearth_room::{ConnectionId, Definition, SecretHash};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{auth::Ticket, signalling::Outbox};

/// With what somebody comes.
#[derive(Clone, Debug)]
pub enum Arrival {
    Ticket(Ticket),
    Secret { hash: SecretHash, media_generation: Option<Generation> },
}

/// What a connection says to its room's task.
#[derive(Debug)]
pub(super) enum Call {
    /// Answered when the room has taken the connection in; the answer is dropped by a room that is just ending.
    Enter {
        connection: ConnectionId,
        arrival: Arrival,
        outbox: Outbox,
        entered: oneshot::Sender<()>,
    },
    Request {
        connection: ConnectionId,
        request_id: RequestId,
        request: Request,
    },
    /// Somebody would sit at this connection's device, with a verified ticket.
    ShareDevice {
        connection: ConnectionId,
        request_id: RequestId,
        ticket: Box<Ticket>,
        version: u32,
        hash: String,
    },
    /// What was said to this connection has arrived there.
    Heard {
        connection: ConnectionId,
    },
    Ping {
        connection: ConnectionId,
        nonce: u32,
    },
    Refresh {
        connection: ConnectionId,
    },
    Dropped {
        connection: ConnectionId,
        last_seen: Instant,
    },
    /// Somebody's tickets count no more. Answered when that is durable.
    Revoke {
        subject: String,
        done: oneshot::Sender<()>,
    },
    /// The standing definition has changed.
    Define(Arc<Definition>),
    Shutdown,
}

/// Calls that may wait for a room's task; further callers wait themselves.
pub(super) const CALLS_MAX: usize = 256;

/// One connection's way to its room. A room that is gone hears nothing: see [`Handle::gone`].
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) connection: ConnectionId,
    pub(super) calls: mpsc::Sender<Call>,
}

impl Handle {
    pub async fn request(&self, request_id: RequestId, request: Request) {
        self.call(Call::Request { connection: self.connection, request_id, request }).await;
    }

    pub async fn share_device(&self, request_id: RequestId, ticket: Ticket, version: u32, hash: String) {
        let connection = self.connection;
        self.call(Call::ShareDevice { connection, request_id, ticket: Box::new(ticket), version, hash })
            .await;
    }

    /// What was said to this connection has arrived there, secrets included.
    pub async fn heard(&self) {
        self.call(Call::Heard { connection: self.connection }).await;
    }

    pub async fn ping(&self, nonce: u32) {
        self.call(Call::Ping { connection: self.connection, nonce }).await;
    }

    /// This connection lost deltas and needs a snapshot.
    pub async fn refresh(&self) {
        self.call(Call::Refresh { connection: self.connection }).await;
    }

    /// The connection is over. To be said exactly once, last.
    pub async fn dropped(self, last_seen: Instant) {
        self.call(Call::Dropped { connection: self.connection, last_seen }).await;
    }

    /// Returns when the room's task is over.
    pub async fn gone(&self) {
        self.calls.closed().await;
    }

    async fn call(&self, call: Call) {
        // A room that is gone needs to hear nothing any more.
        let _ = self.calls.send(call).await;
    }
}
