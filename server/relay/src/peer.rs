//! One browser's media connection: ICE, DTLS and descriptions by str0m, media by [`crate::rtp`]. The only file, with its children,
//! that names the stack.
//!
//! Sans-IO: datagrams and time go in, datagrams and signals come out of [`Peer::drain`]. Nothing is paced or held back: what is
//! written is sent by the next drain. The stack never sees a packet of media, and whatever it would send of RTCP stays here.

mod dtls;
mod identity;
mod media;
mod red;
mod route;

use std::{
    sync::{Arc, PoisonError},
    time::Instant,
};

use str0m::{
    Event, IceConnectionState, Input, Output, Rtc,
    change::SdpOffer,
    config::DtlsVersion,
    ice::StunMessage,
    net::{Protocol, Receive},
};

pub use identity::Identity;
use media::Lines;
pub use red::{Block, fits, unwrap, wrap};
use route::Route;

use crate::{
    counters::Count,
    demux::{Path, Via},
    feed::{Feed, Kind},
    guard::{self, Entry, Guard, Reject},
    offer::Sketch,
    packet::{Numbers, Packet},
    recent::REPEATED_MAX,
    rtp::{Header, Heard, News, Place, Session, vp8},
};

/// Slots that one connection may have had, over all its offers.
const SLOTS_MAX: usize = 128;
/// SSRCs that the descriptions of one connection may declare, over all its offers.
const DECLARED_MAX: usize = 256;
/// A drain that brings more than this has a fault in it.
const DRAIN_MAX: usize = 20_000;

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the description cannot be answered: {0}")]
    Offer(String),
    #[error("the media connection broke")]
    Stack(#[source] str0m::RtcError),
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

pub struct Peer {
    rtc: Rtc,
    /// When the stack wants to be called. None: at once.
    rtc_at: Option<Instant>,
    identity: Identity,
    guard: Guard,
    lines: Lines,
    session: Session,
    keys: dtls::Keys,
    connected: bool,
    route: Route,
    /// SSRCs that were ever declared.
    declared: Vec<u32>,
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
        let mut rtc = media::config()
            .set_crypto_provider(identity.crypto())
            .set_dtls_cert(identity.certificate())
            // DTLS 1.3 would end with AES128_CM_SHA1_80 here; 1.2 with AEAD_AES_256_GCM.
            .set_dtls_version(DtlsVersion::Dtls12)
            .set_rtp_mode(true)
            .build(now);
        for candidate in identity.candidates() {
            rtc.add_local_candidate(candidate);
        }
        Peer {
            rtc,
            rtc_at: None,
            identity: identity.clone(),
            guard: Guard::default(),
            lines: Lines::default(),
            session: Session::new(now),
            keys: dtls::made(),
            connected: false,
            route: Route::default(),
            declared: Vec::new(),
            signals: Vec::new(),
            #[cfg(any(test, feature = "tests"))]
            doomed: false,
        }
    }

    /// Answers an offer; what it changes counts at once.
    pub fn answer(&mut self, offer: &Sketch) -> Result<String, Fault> {
        if self.lines.slots_after(offer) > SLOTS_MAX {
            return Err(Fault::Offer("too many slots".to_owned()));
        }
        self.declare(offer)?;
        let parsed =
            SdpOffer::from_sdp_string(&offer.sdp).map_err(|error| Fault::Offer(error.to_string()))?;
        self.rtc_at = None;
        let settled = self.session.lines();
        self.lines.declare(&mut self.rtc, &settled);
        let accepted = self.rtc.sdp_api().accept_offer(parsed);
        let answer = accepted.map_err(|error| {
            Lines::withdraw(&mut self.rtc, &settled);
            Fault::Offer(error.to_string())
        })?;
        self.lines.update(&self.rtc, offer);
        self.guard.negotiate(self.lines.negotiated(&self.rtc, offer));
        let outgoing = self.lines.outgoing(&mut self.rtc);
        Lines::withdraw(&mut self.rtc, &outgoing);
        let (guard, lines) = (&self.guard, &self.lines);
        self.session.negotiate(outgoing, |ssrc| lines.place(&guard.layer(ssrc)?, ssrc));
        Ok(answer.to_sdp_string())
    }

    /// The browser's checks name this. A new one may come with each offer.
    pub fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
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
        self.route.nominated()
    }

    pub fn receive(&mut self, now: Instant, path: Path, kind: guard::Kind, datagram: &[u8]) -> Received {
        #[cfg(any(test, feature = "tests"))]
        assert!(!self.doomed, "a bug planted in the peer");
        let protocol = match path.via {
            Via::Udp => Protocol::Udp,
            Via::Tcp => Protocol::Tcp,
        };
        let local = self.identity.local_for(path.remote);
        match kind {
            guard::Kind::Stun => {
                let Ok(receive) = Receive::new(protocol, path.remote, local, datagram) else {
                    return Received::Rejected(Reject::Malformed);
                };
                let authentic = self.is_authentic(datagram);
                if guard::local_ufrag(datagram).is_some() && !authentic {
                    return Received::NotAccepted;
                }
                if authentic && !self.route.admits(path, now) {
                    return Received::Rejected(Reject::TooManyAddresses);
                }
                let input = Input::Receive(now, receive);
                if !self.rtc.accepts(&input) {
                    return Received::NotAccepted;
                }
                // An error here is the datagram's, not the connection's: whatever breaks for good shows in the next drain.
                drop(self.rtc.handle_input(input));
                self.rtc_at = None;
                let moved = authentic && guard::nominates(datagram) && self.route.check(path, now);
                return Received::Taken { checked: authentic, moved };
            }
            guard::Kind::Dtls => {
                let Ok(receive) = Receive::new(protocol, path.remote, local, datagram) else {
                    return Received::Rejected(Reject::Malformed);
                };
                drop(self.rtc.handle_input(Input::Receive(now, receive)));
                self.rtc_at = None;
            }
            guard::Kind::Rtp => {
                if let Err(reject) = self.receive_media(now, datagram) {
                    return Received::Rejected(reject);
                }
            }
            guard::Kind::Rtcp => {
                let signals = &mut self.signals;
                let mut note = |news| signals.push(Signal::from(news));
                if !self.session.receive_reports(now, datagram, &mut note) {
                    return Received::Rejected(Reject::NotAuthentic);
                }
            }
        }
        Received::Taken { checked: false, moved: self.route.media(path, now) }
    }

    /// Everything that is due goes out; when to come back.
    pub fn drain(
        &mut self,
        now: Instant,
        send: &mut dyn FnMut(Path, &[u8]),
        signals: &mut Vec<Signal>,
    ) -> Result<Instant, Fault> {
        let is_due = self.rtc_at.is_some_and(|at| at <= now);
        if is_due {
            self.rtc.handle_input(Input::Timeout(now)).map_err(Fault::Stack)?;
        }
        if is_due || self.rtc_at.is_none() {
            self.rtc_at = Some(self.drain_stack(now, send)?);
        }
        if self.connected {
            let (path, news) = (self.route.nominated(), &mut self.signals);
            let mut send = |packet: &[u8]| path.into_iter().for_each(|path| send(path, packet));
            self.session.flush(now, &mut send, &mut |note| news.push(note.into()));
        }
        signals.append(&mut self.signals);
        let own = self.session.due().filter(|_| self.connected);
        Ok(self.rtc_at.into_iter().chain(own).min().unwrap_or(now))
    }

    fn drain_stack(&mut self, now: Instant, send: &mut dyn FnMut(Path, &[u8])) -> Result<Instant, Fault> {
        for _ in 0..DRAIN_MAX {
            match self.rtc.poll_output().map_err(Fault::Stack)? {
                Output::Timeout(at) if self.rtc.is_alive() => {
                    self.unlock(now);
                    return Ok(at);
                }
                Output::Timeout(_) => return Err(Fault::Closed),
                Output::Transmit(transmit) => {
                    let via = if transmit.proto == Protocol::Udp { Via::Udp } else { Via::Tcp };
                    let path = Path { via, remote: transmit.destination };
                    match guard::kind(&transmit.contents) {
                        Some(guard::Kind::Stun) => send(path, &transmit.contents),
                        Some(guard::Kind::Dtls) => {
                            send(self.route.nominated().unwrap_or(path), &transmit.contents);
                        }
                        // Of streams that it knows nothing of.
                        Some(guard::Kind::Rtp | guard::Kind::Rtcp) | None => {}
                    }
                }
                Output::Event(event) => self.handle(&event),
            }
        }
        Err(Fault::Endless)
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
        Some((count, *payload_type))
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
        payload_type.is_some_and(|payload_type| self.session.write(slot, *payload_type, numbers, payload))
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
        self.rtc_at = None;
        if self.rtc.close().is_ok() {
            drop(self.drain(now, send, &mut Vec::new()));
        }
    }

    fn declare(&mut self, offer: &Sketch) -> Result<(), Fault> {
        for ssrc in offer.lines.iter().flat_map(|line| &line.ssrcs) {
            if !self.declared.contains(ssrc) {
                self.declared.push(*ssrc);
            }
        }
        if self.declared.len() <= DECLARED_MAX {
            return Ok(());
        }
        self.declared.truncate(DECLARED_MAX);
        Err(Fault::Offer("too many SSRCs".to_owned()))
    }

    /// A STUN request with our ufrag, under our password.
    fn is_authentic(&mut self, datagram: &[u8]) -> bool {
        let ours = self.rtc.direct_api().local_ice_credentials();
        if guard::local_ufrag(datagram) != Some(&*ours.ufrag) {
            return false;
        }
        let crypto = self.identity.crypto();
        StunMessage::parse(datagram).is_ok_and(|message| {
            message.verify(ours.pass.as_bytes(), |key, parts| crypto.sha1_hmac_provider.sha1_hmac(key, parts))
        })
    }

    /// As soon as DTLS has agreed on keys, and the stack has found the certificate to be the description's.
    fn unlock(&mut self, now: Instant) {
        if self.session.is_locked()
            && let Some(agreed) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            self.session.unlock(&agreed.material, agreed.profile, agreed.active, now);
        }
    }

    fn receive_media(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Reject> {
        let header = self.guard.header(datagram)?;
        let entry = self.guard.rtp(now, &header)?;
        let is_settled = entry == Entry::Known && self.session.knows(header.ssrc);
        let (guard, lines) = (&self.guard, &self.lines);
        let place = || guard.layer(header.ssrc).and_then(|layer| lines.place(&layer, header.ssrc));
        let place = (!is_settled).then(place);
        match self.session.receive(now, &header, datagram, place) {
            Heard::NotAuthentic => return Err(Reject::NotAuthentic),
            Heard::Nothing => self.signals.push(Signal::Counted(Count::CameToNothing, 1)),
            Heard::Packet { place, ssrc, number, payload } => {
                self.guard.authenticated(now, ssrc);
                let packet = packet(&self.lines, &header, place, number, payload);
                self.signals.push(match packet {
                    Ok(packet) => Signal::Packet(packet),
                    Err(count) => Signal::Counted(count, 1),
                });
            }
        }
        Ok(())
    }

    /// The stack's other events concern media, which it does not see.
    fn handle(&mut self, event: &Event) {
        if let Event::Connected = event {
            self.connected = true;
            self.signals.push(Signal::Connected);
        } else if let Event::IceConnectionStateChange(IceConnectionState::Disconnected) = event {
            self.signals.push(Signal::Disconnected);
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
