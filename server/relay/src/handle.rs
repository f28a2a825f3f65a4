//! What the rest of the server holds of the relay.

use std::net::{IpAddr, SocketAddr};

use hearth_forwarding::{Epoch, ForwardingTable, Generation, Source, Subject, Version};
use tokio::sync::{mpsc, oneshot, watch};

#[derive(Clone, Debug)]
pub struct RelayConfig {
    pub workers: usize,
    /// Where to listen for UDP and TCP.
    pub bind: IpAddr,
    /// Worker n listens on `port + n`; 0: the system chooses each.
    pub port: u16,
    /// The addresses put into candidates. Empty: `bind`, which must then be a definite address.
    pub advertised: Vec<IpAddr>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the media port {0} is taken")]
    PortTaken(SocketAddr, #[source] std::io::Error),
    #[error("cannot listen for media on {0}")]
    Bind(SocketAddr, #[source] std::io::Error),
    #[error("no address to advertise: `bind` is unspecified and `advertised` is empty")]
    NothingToAdvertise,
    #[error("a worker thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// All workers. Dropping it ends them and joins their threads.
#[derive(Debug)]
pub struct Relay {
    _private: (),
}

impl Relay {
    pub fn start(_config: RelayConfig) -> Result<Relay, StartError> {
        unimplemented!()
    }

    /// Where each worker listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        unimplemented!()
    }

    /// Media for one room, on the worker with the least to do. Nothing is forwarded before its first table.
    pub fn open(&self) -> (Media, MediaEvents) {
        unimplemented!()
    }

    /// All counters with their Prometheus names and labels, summed over workers.
    pub fn counters(&self) -> Vec<Counter> {
        unimplemented!()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Counter {
    pub name: &'static str,
    pub label: Option<(&'static str, &'static str)>,
    pub value: u64,
}

/// One room's media. Dropping the last clone ends them.
#[derive(Clone, Debug)]
pub struct Media {
    _private: (),
}

impl Media {
    /// Hands over the newest table. Never blocks and never loses a restriction: a later table replaces one not yet applied.
    /// A media connection without a row of its generation is ended. Once [`MediaEvents::applied`] shows the version, everything
    /// that it closes is purged and no packet of it goes to the kernel any more.
    pub fn forward(&self, _table: ForwardingTable) {
        unimplemented!()
    }

    /// A browser's offer. The first one of a generation makes its media connection, which must have a row in the table that was
    /// handed over last. The answer carries all candidates.
    pub fn offer(&self, _offer: Offer) -> oneshot::Receiver<Result<String, OfferRefused>> {
        unimplemented!()
    }

    /// What this browser shows, most important first. The last one counts. It chooses among what the table permits, no more.
    pub fn view(&self, _subject: Subject, _generation: Generation, _tiles: Vec<Tile>) {
        unimplemented!()
    }
}

#[derive(Debug)]
pub struct MediaEvents {
    /// The highest version that is applied. The sender is gone when the worker is.
    pub applied: watch::Receiver<Version>,
    pub events: mpsc::Receiver<Event>,
}

#[derive(Clone, Debug)]
pub struct Offer {
    pub subject: Subject,
    pub generation: Generation,
    pub sdp: String,
    /// What each sending media line carries, by mid; all others are slots.
    pub tracks: Vec<(String, Source)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefused {
    #[error("this media connection is not the present one")]
    Stale,
    #[error("longer than a session description may be")]
    TooLarge,
    #[error("more media lines than a session description may have")]
    TooManyLines,
    #[error("too many offers in a short time")]
    TooFast,
    #[error("not a session description that can be answered: {0}")]
    Unusable(String),
    #[error("the relay is not there")]
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    pub subject: Subject,
    pub source: Source,
    /// Device pixels; 0: not shown.
    pub height: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What a browser's slot carries from now on.
    Slot { subject: Subject, generation: Generation, mid: String, carries: Option<Carried>, epoch: Epoch },
    /// Who is speaking, loudest first, among what may be heard.
    Speaking { subjects: Vec<Subject> },
    /// A media connection failed for good.
    Lost { subject: Subject, generation: Generation },
    /// The worker died and was started again: hand over the table again; all media connections are to be made anew.
    Restarted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub subject: Subject,
    pub source: Source,
    /// In the slot's own RTP time.
    pub from_timestamp: u32,
}
