//! One browser's media connection: how it is reached and known ([`transport`]), what was negotiated ([`media`]), its packets
//! ([`crate::rtp`]). The only file, with its children, that names the crates of ICE and DTLS.
//!
//! Sans-IO: datagrams and time go in, datagrams and signals come out of [`Peer::drain`]. Nothing is paced or held back: what is
//! written is sent by the next drain.

mod identity;
mod media;
mod red;
mod route;
mod transport;

use std::{sync::Arc, time::Instant};

use aws_lc_rs::rand;

pub use identity::Identity;
use media::Lines;
pub use red::{Block, fits, unwrap, wrap};
use transport::Transport;

use crate::{
    answer,
    counters::Count,
    demux::Path,
    feed::{Feed, Kind},
    guard::{self, Entry, Guard, Reject},
    offer::Description,
    packet::{Numbers, Packet},
    recent::REPEATED_MAX,
    rtp::{Header, Heard, News, Place, Reported, Session, vp8},
};

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the description cannot be answered: {0}")]
    Offer(String),
    #[error("the handshake broke")]
    Handshake(#[source] dimpl::Error),
    #[error("the certificate is not the description's")]
    Certificate,
    #[error("the handshake brought what nobody knows here")]
    Unknown,
    #[error("the media connection is closed")]
    Closed,
    #[error("the media connection does not come to rest")]
    Endless,
}

/// What a drain brings besides datagrams.
#[derive(Debug)]
pub enum Signal {
    Packet(Packet),
    Counted(Count, u64),
    /// The browser wants a key frame in this slot.
    KeyFrameWanted {
        slot: usize,
    },
    Connected,
    Disconnected,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// `checked`: a STUN request that is this peer's, so its address may be bound. `moved`: media goes there from now on, and went
    /// elsewhere before.
    Taken {
        checked: bool,
        moved: bool,
    },
    NotAccepted,
    Rejected(Reject),
}

impl Received {
    fn unchecked(moved: bool) -> Received {
        Received::Taken { checked: false, moved }
    }
}

pub struct Peer {
    transport: Transport,
    guard: Guard,
    lines: Lines,
    session: Session,
    connected: bool,
    /// Of its descriptions (RFC 8866, section 5.2).
    number: u64,
    answers: u32,
    /// What the next drain brings.
    signals: Vec<Signal>,
    /// Panics at the next datagram.
    #[cfg(any(test, feature = "tests"))]
    pub doomed: bool,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("connected", &self.connected).finish_non_exhaustive()
    }
}

impl Peer {
    pub fn new(identity: &Identity, now: Instant) -> Self {
        let mut number = [0; 8];
        // Never fails once the process has started.
        rand::fill(&mut number).expect("the system has random numbers");
        Peer {
            transport: Transport::new(identity),
            guard: Guard::default(),
            lines: Lines::default(),
            session: Session::new(now),
            connected: false,
            number: u64::from_be_bytes(number) >> 1,
            answers: 0,
            signals: Vec::new(),
            #[cfg(any(test, feature = "tests"))]
            doomed: false,
        }
    }

    /// Answers an offer; what it changes counts at once. One that is refused changes nothing.
    pub fn answer(&mut self, offer: &Description, now: Instant) -> Result<String, Fault> {
        self.transport.check(offer)?;
        self.lines.check(offer)?;
        self.transport.accept(offer, now);
        self.lines.accept(offer);
        self.guard.negotiate(self.lines.negotiated(offer));
        let (guard, lines) = (&self.guard, &self.lines);
        let place = |ssrc| lines.place(&guard.layer(ssrc)?, ssrc);
        self.session.negotiate(self.lines.outgoing(offer), place);
        self.answers += 1;
        let local = answer::Local {
            session: (self.number, self.answers),
            credentials: &self.transport.credentials(),
            fingerprint: self.transport.fingerprint(),
            candidates: &self.transport.candidates(),
        };
        Ok(answer::write(offer, &local, |mid| self.lines.ssrcs(mid)))
    }

    /// The browser's checks name this. A new one may come with each offer.
    pub fn ufrag(&self) -> String {
        self.transport.credentials().ufrag
    }

    /// The slots in the order in which they were first offered; they never move. `None`: inactive now.
    pub fn slots(&self) -> impl Iterator<Item = (&str, Kind, bool)> {
        self.lines.slots.iter().map(|slot| (&*slot.mid, slot.kind, slot.active))
    }

    /// How many simulcast layers a feed has; none: it is not sent.
    pub fn layers(&self, feed: Feed) -> Option<usize> {
        self.lines.feeds[feed.index()].as_ref().map(|line| line.rids.len().max(1))
    }

    pub fn is_connected(&self) -> bool {
        self.connected
    }

    pub fn nominated(&self) -> Option<Path> {
        self.transport.route.nominated()
    }

    pub fn receive(&mut self, now: Instant, path: Path, kind: guard::Kind, datagram: &[u8]) -> Received {
        #[cfg(any(test, feature = "tests"))]
        assert!(!self.doomed, "a bug planted in the peer");
        match kind {
            guard::Kind::Stun => self.transport.receive_check(now, path, datagram),
            guard::Kind::Dtls => self.transport.receive_handshake(now, path, datagram),
            guard::Kind::Rtp => match self.receive_media(now, datagram) {
                Ok(fresh) => Received::unchecked(fresh && self.transport.route.fresh(path, now)),
                Err(reject) => Received::Rejected(reject),
            },
            guard::Kind::Rtcp => {
                let signals = &mut self.signals;
                let mut note = |news| signals.push(Signal::from(news));
                match self.session.receive_reports(now, datagram, &mut note) {
                    Reported::NotAuthentic => Received::Rejected(Reject::NotAuthentic),
                    Reported::Copy => Received::unchecked(false),
                    Reported::New => Received::unchecked(self.transport.route.fresh(path, now)),
                }
            }
        }
    }

    /// Everything that is due goes out; when to come back.
    pub fn drain(
        &mut self,
        now: Instant,
        send: &mut dyn FnMut(Path, &[u8]),
        signals: &mut Vec<Signal>,
    ) -> Result<Instant, Fault> {
        let Peer { transport, session, connected, signals: noted, .. } = self;
        let reach = transport.drain(now, send, &mut |news| match news {
            transport::News::Agreed { material, profile } => session.unlock(&material, profile, false, now),
            transport::News::Connected => {
                *connected = true;
                noted.push(Signal::Connected);
            }
            transport::News::Disconnected => noted.push(Signal::Disconnected),
        })?;
        if self.connected {
            let (path, noted) = (self.transport.route.nominated(), &mut self.signals);
            let mut send = |packet: &[u8]| path.into_iter().for_each(|path| send(path, packet));
            self.session.flush(now, &mut send, &mut |note| noted.push(note.into()));
        }
        signals.append(&mut self.signals);
        let media = self.session.due().filter(|_| self.connected);
        Ok(media.map_or(reach, |media| media.min(reach)))
    }

    /// How many of the latest frames are to go along with each new one in this slot, and their payload type. More as more is lost; one
    /// also while nothing is, since what is lost first is lost before anybody knows.
    pub fn repeats(&self, slot: usize) -> Option<(usize, u8)> {
        let line = self.lines.slots.get(slot)?;
        let (_, payload_type) = (line.red?, line.payload_type?);
        let count = match self.session.lost() {
            lost if lost < 0.02 => 1,
            lost if lost < 0.1 => 2,
            _ => REPEATED_MAX,
        };
        Some((count, payload_type))
    }

    /// Hands a packet over for a slot. It leaves with the next drain, which must come in this turn of the worker. `along`: its payload
    /// together with earlier ones.
    pub fn write(
        &mut self,
        slot: usize,
        packet: &Packet,
        along: Option<Arc<[u8]>>,
        numbers: Numbers,
    ) -> bool {
        let Some(line) = self.lines.slots.get(slot).filter(|line| line.active && self.connected) else {
            return false;
        };
        let (payload_type, payload) = match (along, line.red) {
            (Some(along), Some(red)) => (Some(red), along),
            (Some(_), None) | (None, _) => (line.payload_type, packet.payload.clone()),
        };
        payload_type.is_some_and(|payload_type| self.session.write(slot, payload_type, numbers, payload))
    }

    /// Discards what is kept of a slot for retransmission. A NACK for any packet before this gets nothing.
    pub fn forget_sent(&mut self, slot: usize) {
        self.session.forget_sent(slot);
    }

    /// Repairs of what this feed has sent until now come to nothing.
    pub fn begin(&mut self, feed: Feed) {
        self.session.begin(feed);
    }

    pub fn request_key_frame(&mut self, feed: Feed, layer: usize) {
        self.session.request_key_frame(Place { feed, layer, repair: false });
    }

    /// Says goodbye: the browser sees the end at once.
    pub fn close(&mut self, now: Instant, send: &mut dyn FnMut(Path, &[u8])) {
        self.transport.close(now, send);
    }

    #[cfg(any(test, feature = "tests"))]
    pub fn check_consistent(&self) {
        self.lines.check_consistent();
        self.guard.check_consistent();
        self.session.check_consistent();
    }

    /// Whether it is the newest of its stream.
    fn receive_media(&mut self, now: Instant, datagram: &[u8]) -> Result<bool, Reject> {
        let header = self.guard.header(datagram)?;
        let entry = self.guard.rtp(now, &header)?;
        let is_settled = entry == Entry::Known && self.session.knows(header.ssrc);
        let (guard, lines) = (&self.guard, &self.lines);
        let place = || guard.layer(header.ssrc).and_then(|layer| lines.place(&layer, header.ssrc));
        let place = (!is_settled).then(place);
        match self.session.receive(now, &header, datagram, place) {
            Heard::NotAuthentic => Err(Reject::NotAuthentic),
            Heard::Nothing => {
                self.signals.push(Signal::Counted(Count::CameToNothing, 1));
                Ok(false)
            }
            Heard::Packet { place, ssrc, number, payload } => {
                self.guard.authenticated(now, ssrc);
                let packet = packet(&self.lines, &header, place, number, payload);
                self.signals.push(match packet {
                    Ok(packet) => Signal::Packet(packet),
                    Err(count) => Signal::Counted(count, 1),
                });
                Ok(self.session.is_newest(ssrc, number))
            }
        }
    }
}

impl From<News> for Signal {
    fn from(news: News) -> Signal {
        match news {
            News::KeyFrameWanted { slot } => Signal::KeyFrameWanted { slot },
            News::Counted(count, by) => Signal::Counted(count, by),
        }
    }
}

/// Else under which count it goes no further.
fn packet(
    lines: &Lines,
    header: &Header,
    place: Place,
    sequence: u64,
    payload: &[u8],
) -> Result<Packet, Count> {
    let Place { feed, layer, repair: _ } = place;
    let red = match feed.kind() {
        Kind::Audio => lines.carries(feed, header.payload_type).ok_or(Count::NotNegotiated)?,
        // The guard knows both of its payload types, and a repair's is not the media's.
        Kind::Video => None,
    };
    let picture = match feed.kind() {
        Kind::Video if !payload.is_empty() => Some(vp8::picture(payload).ok_or(Count::BadPicture)?),
        Kind::Video | Kind::Audio => None,
    };
    Ok(Packet {
        feed,
        layer,
        sequence,
        timestamp: header.timestamp,
        marker: header.marker,
        level: header.level,
        picture,
        red,
        payload: payload.into(),
    })
}
