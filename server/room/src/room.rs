use hearth_forwarding::{ForwardingTable, Generation, Subject};
use serde::{Deserialize, Serialize};

use crate::{Command, ConnectionId, Definition, Effects};

/// One session of a room.
#[derive(Clone, Debug)]
pub struct Room {
    _private: (),
}

/// All that a restart must know. Holds no words and no alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    _private: (),
}

impl Room {
    pub fn new(_definition: Definition) -> Room {
        unimplemented!()
    }

    /// `now`: milliseconds on the session's clock, never less than before.
    pub fn apply(&mut self, _now: u32, _command: Command) -> Effects {
        unimplemented!()
    }

    /// To be called at the time that [`Room::poll_timeout`] names.
    pub fn handle_timeout(&mut self, _now: u32) -> Effects {
        unimplemented!()
    }

    /// The next instant at which something changes by itself.
    pub fn poll_timeout(&self) -> Option<u32> {
        unimplemented!()
    }

    /// The table as it stands: the same as the last one in [`Effects::forward`].
    pub fn table(&self) -> ForwardingTable {
        unimplemented!()
    }

    /// Which media connection whoever sits behind this connection may make; none without a seat.
    pub fn media_peer(&self, _connection: ConnectionId) -> Option<(Subject, Generation)> {
        unimplemented!()
    }

    pub fn snapshot(&self) -> Snapshot {
        unimplemented!()
    }

    /// As it was, with nobody connected. `proven_last`: the snapshot is known to be the last one; otherwise the room wakes
    /// locked and on hold.
    pub fn restore(_definition: Definition, _snapshot: Snapshot, _proven_last: bool) -> Room {
        unimplemented!()
    }
}
