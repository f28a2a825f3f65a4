//! One browser's media connection: ICE, DTLS, SRTP and RTCP by str0m. The only file, with its children, that names the stack.
//!
//! Sans-IO: datagrams and time go in, datagrams and signals come out of [`Peer::drain`]. Nothing is paced or held back: what is
//! written is sent by the next drain, and the only copies that outlive it are those for retransmission, which
//! [`Peer::forget_sent`] discards.

mod dtls;
mod identity;
mod media;
mod red;
mod repairs;
mod route;
mod seal;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Event, IceConnectionState, Input, Output, Rtc,
    change::SdpOffer,
    config::DtlsVersion,
    ice::StunMessage,
    media::{KeyframeRequestKind, Mid, Rid},
    net::{Protocol, Receive},
    rtp::{RtpPacket, RtpWrite, Ssrc, Vp8Descriptor},
};

pub use identity::Identity;
use media::Lines;
pub use red::{Block, fits, unwrap, wrap};
use repairs::{Repairs, Sent};
use route::Route;

use crate::{
    counters::Count,
    demux::{Path, Via},
    feed::{Feed, Kind},
    guard::{self, Entry, Guard, Reject},
    offer::Sketch,
    packet::{Numbers, Packet, Picture},
    recent::REPEATED_MAX,
};

/// What is kept of a slot's video for retransmission: at most so much, at most so old.
const KEPT_PACKETS: usize = 512;
const KEPT: Duration = Duration::from_millis(1_500);
/// Repairs may take this share of what is sent, so that they do not keep a full link full.
const REPAIRS_MAX: Option<f32> = Some(0.3);
/// Slots that one connection may have had, over all its offers.
const SLOTS_MAX: usize = 128;
/// SSRCs that the descriptions of one connection may declare, over all its offers.
const DECLARED_MAX: usize = 256;
/// How often the stack says what was lost and asked for again.
const STATS: Duration = Duration::from_secs(1);
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
    identity: Identity,
    guard: Guard,
    lines: Lines,
    connected: bool,
    route: Route,
    repairs: Repairs,
    /// A packet went to the stack and nothing has come of it yet.
    awaited: bool,
    /// SSRCs that were ever declared.
    declared: Vec<u32>,
    lost: Lost,
    /// Requests to send again that the stack has counted for each line and layer, received and sent.
    nacks: HashMap<(Mid, Option<Rid>), [u64; 2]>,
    /// Panics at the next datagram.
    #[cfg(any(test, feature = "tests"))]
    pub doomed: bool,
}

/// The share of what was sent to a browser that did not arrive.
#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    /// Of all packets in the last second; too low where few are sent, as losses between two reports are not in it.
    soon: f32,
    /// Of sound, as its receiver reports say: right, but of some seconds ago.
    surely: f32,
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
            .set_stats_interval(Some(STATS))
            // Opus has no retransmission format of its own here, so nothing is kept of it.
            .set_send_buffer_audio(1)
            .set_send_buffer_video(KEPT_PACKETS)
            .build(now);
        for candidate in identity.candidates() {
            rtc.add_local_candidate(candidate);
        }
        Peer {
            rtc,
            identity: identity.clone(),
            guard: Guard::default(),
            lines: Lines::default(),
            connected: false,
            route: Route::default(),
            repairs: Repairs::default(),
            awaited: false,
            declared: Vec::new(),
            lost: Lost::default(),
            nacks: HashMap::new(),
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
        let answer =
            self.rtc.sdp_api().accept_offer(parsed).map_err(|error| Fault::Offer(error.to_string()))?;
        let fresh = self.lines.update(&self.rtc, offer);
        for mid in fresh {
            self.limit_kept(mid);
        }
        self.guard.negotiate(self.lines.negotiated(&self.rtc, offer));
        self.repairs.types = self.lines.repairs(&self.rtc);
        self.nacks.retain(|(mid, _), _| self.lines.has(*mid));
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
        let Ok(receive) = Receive::new(protocol, path.remote, local, datagram) else {
            return Received::Rejected(Reject::Malformed);
        };
        match kind {
            guard::Kind::Stun => {
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
                let moved = authentic && guard::nominates(datagram) && self.route.check(path, now);
                return Received::Taken { checked: authentic, moved };
            }
            guard::Kind::Rtp => match self.guard.rtp(now, datagram) {
                Ok(Entry::Known | Entry::New) => {}
                Ok(Entry::Instead(old)) => self.replace_source(old, datagram),
                Err(reject) => return Received::Rejected(reject),
            },
            guard::Kind::Dtls | guard::Kind::Rtcp => {}
        }
        let unopened = seal::unopened();
        drop(self.rtc.handle_input(Input::Receive(now, receive)));
        if seal::unopened() != unopened {
            return Received::Rejected(Reject::NotAuthentic);
        }
        self.awaited = kind == guard::Kind::Rtp;
        Received::Taken { checked: false, moved: self.route.media(path, now) }
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Fault> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(Fault::Stack)
    }

    /// Everything that is due goes out; when to come back.
    pub fn drain(
        &mut self,
        now: Instant,
        send: &mut dyn FnMut(Path, &[u8]),
        signals: &mut Vec<Signal>,
    ) -> Result<Instant, Fault> {
        let (mut repaired, mut excess) = (0, 0);
        for _ in 0..DRAIN_MAX {
            match self.rtc.poll_output().map_err(Fault::Stack)? {
                Output::Timeout(at) if self.rtc.is_alive() => {
                    let nothing = u64::from(std::mem::take(&mut self.awaited));
                    let counts = [
                        (Count::Repaired, repaired),
                        (Count::RepairsOverBudget, excess),
                        (Count::CameToNothing, nothing),
                    ];
                    let counts = counts.into_iter().filter(|(_, by)| *by > 0);
                    signals.extend(counts.map(|(count, by)| Signal::Counted(count, by)));
                    return Ok(at);
                }
                Output::Timeout(_) => return Err(Fault::Closed),
                Output::Transmit(transmit) => {
                    let via = if transmit.proto == Protocol::Udp { Via::Udp } else { Via::Tcp };
                    let path = Path { via, remote: transmit.destination };
                    let kind = guard::kind(&transmit.contents);
                    let is_check = kind == Some(guard::Kind::Stun);
                    if kind == Some(guard::Kind::Rtp) {
                        let sent = self.repairs.count(transmit.contents[1] & 0x7f);
                        repaired += u64::from(sent == Sent::Repair);
                        excess += u64::from(sent == Sent::Excess);
                        if sent == Sent::Excess {
                            self.forget_all_sent();
                            continue;
                        }
                    }
                    send(self.route.nominated().filter(|_| !is_check).unwrap_or(path), &transmit.contents);
                }
                Output::Event(event) => self.handle(event, now, signals),
            }
        }
        Err(Fault::Endless)
    }

    /// How many of the latest frames are to go along with each new one in this slot, and their payload type. More as more is lost; one
    /// also while nothing is, since what is lost first is lost before anybody knows.
    pub fn repeats(&self, slot: usize) -> Option<(usize, u8)> {
        let line = self.lines.slots.get(slot)?;
        let (_, payload_type) = (line.red?, line.payload_type?);
        let count = match self.lost.soon.max(self.lost.surely) {
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
        now: Instant,
    ) -> bool {
        let Some(line) = self.lines.slots.get(slot).filter(|line| line.active && self.connected) else {
            return false;
        };
        let (payload_type, payload) = match (along, line.red) {
            (Some(along), Some(red)) => (Some(red), along),
            (Some(_), None) | (None, _) => (line.payload_type, packet.payload.clone()),
        };
        let Some(payload_type) = payload_type else { return false };
        let patch = line.kind == Kind::Video && packet.picture.is_some();
        let patch = if patch { media::patch(&packet.payload, numbers) } else { None };
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(line.id, None) else { return false };
        let mut write = RtpWrite::new(payload_type, numbers.sequence.into(), numbers.timestamp, now, payload)
            .marker(numbers.marker)
            .nackable(line.kind == Kind::Video);
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        stream.write_rtp(write);
        true
    }

    /// Discards what is kept of a slot for retransmission. A NACK for any packet before this gets nothing.
    pub fn forget_sent(&mut self, slot: usize) {
        let Some(line) = self.lines.slots.get(slot) else { return };
        if line.kind == Kind::Video {
            self.limit_kept(line.id);
        }
    }

    /// What else was asked for is not there any more, so the rest of a storm costs nothing.
    fn forget_all_sent(&mut self) {
        (0..self.lines.slots.len()).for_each(|slot| self.forget_sent(slot));
    }

    pub fn request_key_frame(&mut self, feed: Feed, layer: usize) {
        let Some(line) = &self.lines.feeds[feed.index()] else { return };
        let rid = line.rids.get(layer).map(|rid| Rid::from(rid.as_str()));
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(line.id, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Says goodbye: the browser sees the end at once.
    pub fn close(&mut self, now: Instant, send: &mut dyn FnMut(Path, &[u8])) {
        if self.rtc.close().is_ok() {
            drop(self.drain(now, send, &mut Vec::new()));
        }
    }

    fn limit_kept(&mut self, mid: Mid) {
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.set_rtx_cache(KEPT_PACKETS, KEPT, REPAIRS_MAX);
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

    /// Another SSRC stands for a layer now. The stack forgets the old one and learns the new one, as a browser names the layer only
    /// in its first packets.
    fn replace_source(&mut self, old: u32, datagram: &[u8]) {
        let mut direct = self.rtc.direct_api();
        direct.remove_stream_rx(Ssrc::from(old));
        self.lines.forget_source(old);
        let Some(ssrc) = datagram.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
        else {
            return;
        };
        let Some(layer) = self.guard.layer(ssrc) else { return };
        let (Some(main), mid) = (layer.main, Mid::from(layer.mid)) else { return };
        direct.expect_stream_rx(
            Ssrc::from(main),
            layer.repair.map(Ssrc::from),
            mid,
            layer.rid.map(Rid::from),
        );
    }

    /// Of the stack's other events none concerns a relay of RTP; what they say is read when it is needed.
    fn handle(&mut self, event: Event, now: Instant, signals: &mut Vec<Signal>) {
        if let Event::RtpPacket(packet) = event {
            self.awaited = false;
            self.guard.authenticated(now, *packet.header.ssrc);
            signals.push(match self.packet(&packet) {
                Ok(packet) => Signal::Packet(packet),
                Err(count) => Signal::Counted(count, 1),
            });
        } else if let Event::KeyframeRequest(request) = event {
            let slot = self.lines.slots.iter().position(|slot| slot.id == request.mid);
            signals.extend(slot.map(|slot| Signal::KeyFrameWanted { slot }));
        } else if let Event::Connected = event {
            self.connected = true;
            signals.push(Signal::Connected);
        } else if let Event::PeerStats(stats) = event {
            self.lost.soon = stats.egress_loss_fraction.unwrap_or(self.lost.soon);
        } else if let Event::MediaEgressStats(stats) = event {
            let is_sound =
                self.lines.slots.iter().any(|slot| slot.id == stats.mid && slot.kind == Kind::Audio);
            self.lost.surely = stats.loss.filter(|_| is_sound).unwrap_or(self.lost.surely);
            signals.extend(self.nacks(stats.mid, stats.rid, Count::NacksReceived, stats.nacks));
        } else if let Event::MediaIngressStats(stats) = event {
            signals.extend(self.nacks(stats.mid, stats.rid, Count::NacksSent, stats.nacks));
        } else if let Event::IceConnectionStateChange(IceConnectionState::Disconnected) = event {
            signals.push(Signal::Disconnected);
        }
    }

    /// What has been added to a count of the stack's.
    fn nacks(&mut self, mid: Mid, rid: Option<Rid>, of: Count, count: u64) -> Option<Signal> {
        let known = self.nacks.entry((mid, rid)).or_default();
        let known = if of == Count::NacksReceived { &mut known[0] } else { &mut known[1] };
        let added = count.saturating_sub(std::mem::replace(known, count));
        (added > 0).then_some(Signal::Counted(of, added))
    }

    /// Else under which count it goes no further.
    fn packet(&mut self, packet: &RtpPacket) -> Result<Packet, Count> {
        let source = self.lines.source(&mut self.rtc, packet.header.ssrc);
        let (feed, layer) = source.ok_or(Count::NotNegotiated)?;
        let red = self.lines.carries(feed, packet.header.payload_type).ok_or(Count::NotNegotiated)?;
        let picture = match feed.kind() {
            Kind::Video if !packet.payload.is_empty() => {
                Some(picture(&packet.payload).ok_or(Count::BadPicture)?)
            }
            Kind::Video | Kind::Audio => None,
        };
        Ok(Packet {
            feed,
            layer,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            level: packet.header.ext_vals.audio_level.map(|level| level.unsigned_abs()),
            picture,
            red,
            payload: packet.payload.clone(),
        })
    }
}

/// None: not VP8, goes nowhere.
fn picture(payload: &[u8]) -> Option<Picture> {
    let descriptor = Vp8Descriptor::parse(payload).ok()?;
    let starts_key_frame = descriptor.starts_keyframe(payload);
    Some(Picture {
        starts_key_frame,
        picture_id: descriptor.picture_id(),
        tl0_index: descriptor.tl0_pic_idx(),
        key_index: descriptor.key_idx(),
        height: if starts_key_frame { media::key_frame_height(payload) } else { None },
    })
}
