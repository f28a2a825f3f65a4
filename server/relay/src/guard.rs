//! What is never opened.
//!
//! Format checks on every datagram, and per peer a table of which SSRC stands for which negotiated layer. A packet that the guard
//! lets pass is not yet authentic: only [`Guard::authenticated`], called for what could be opened, makes a layer count as heard, and
//! a layer that is heard cannot be claimed by another SSRC.

mod datagram;

use std::time::{Duration, Instant};

use crate::{
    pace::Pace,
    rtp::{Header, Ids},
};
pub use datagram::{Kind, Transaction, kind, local_ufrag, transaction};

/// SSRCs known at one time for one peer.
pub const SSRCS_MAX: usize = 32;
/// So many that no description declared may come at once, then one in this time.
const FRESH_MAX: u32 = 32;
const FRESH_EVERY: Duration = Duration::from_secs(5);
/// A layer counts as heard this long after its last authentic packet.
pub const HEARD: Duration = Duration::from_secs(2);
/// libwebrtc probes bandwidth with packets of this SSRC. They carry no media.
const PROBE: u32 = 0;

/// What an offer and its answer have settled about receiving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    pub ids: Ids,
    /// The media lines on which the browser sends; no others.
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub mid: String,
    /// Simulcast layers; empty: none.
    pub rids: Vec<String>,
    /// Payload types of media, and of retransmissions (RFC 4588).
    pub payloads: Vec<u8>,
    pub repairs: Vec<u8>,
    /// `a=ssrc`. A line without layers that declares SSRCs accepts no others.
    pub ssrcs: Vec<u32>,
}

/// A packet may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Its SSRC stands for its layer already.
    Known,
    /// Its SSRC is the first of its layer.
    New,
    /// Its SSRC now stands for its layer instead of this one.
    Instead(u32),
}

/// What an SSRC stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer<'a> {
    pub mid: &'a str,
    pub rid: Option<&'a str>,
    /// The SSRCs that stand for the layer's media and for its retransmissions, where they are known.
    pub main: Option<u32>,
    pub repair: Option<u32>,
}

macro_rules! rejects {
    ($($(#[$doc:meta])* $reject:ident => $name:literal,)*) => {
        /// Why a packet goes no further.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reject { $($(#[$doc])* $reject,)* }

        impl Reject {
            pub const ALL: &'static [Reject] = &[$(Reject::$reject,)*];
            pub const COUNT: usize = Self::ALL.len();

            /// The name used in counters.
            pub const fn name(self) -> &'static str {
                match self { $(Reject::$reject => $name,)* }
            }
        }
    };
}

rejects! {
    /// Neither STUN, DTLS, RTP nor RTCP, or not well-formed. The worker counts here what [`kind`] does not know.
    Malformed => "malformed",
    /// DTLS, RTP or RTCP from an address without a passed ICE check. Found by the worker.
    Unchecked => "unchecked",
    /// Not declared, and names no media line.
    UnknownSsrc => "unknown_ssrc",
    /// Names a media line that was not negotiated for sending.
    UnknownMid => "unknown_mid",
    /// Names a layer that was not negotiated, or none where one is needed.
    UnknownRid => "unknown_rid",
    /// A payload type that does not belong to its media line.
    UnknownPayload => "unknown_payload",
    /// The line has declared its SSRCs, and this is none of them.
    UndeclaredSsrc => "undeclared_ssrc",
    /// A known SSRC that names another layer than its own.
    OtherLayer => "other_layer",
    /// A layer that was heard from another SSRC a moment ago.
    LayerTaken => "layer_taken",
    /// More SSRCs than a peer may have.
    TooManySsrcs => "too_many_ssrcs",
    /// It could not be opened: not from whose address it bears. Found by the peer.
    NotAuthentic => "not_authentic",
    /// An authentic check from one address too many. Found by the peer.
    TooManyAddresses => "too_many_addresses",
    /// An authentic check that came before, from elsewhere: a copy, or copied. Found by the peer.
    CopiedCheck => "copied_check",
}

/// One peer's table. Holds at most [`SSRCS_MAX`] entries whatever arrives.
#[derive(Debug, Default)]
pub struct Guard {
    negotiated: Negotiated,
    streams: Vec<Stream>,
    fresh: Option<Pace>,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    place: Place,
    /// Stands for its layer now. At most one of a layer does.
    holds: bool,
    seen: Instant,
    heard: Option<Instant>,
}

/// Indexes into [`Negotiated`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    rid: Option<usize>,
    repair: bool,
}

impl Guard {
    /// To be called after every offer. What an SSRC stood for is kept where that was negotiated again.
    pub fn negotiate(&mut self, negotiated: Negotiated) {
        let before = std::mem::replace(&mut self.negotiated, negotiated);
        let now = &self.negotiated;
        self.streams.retain_mut(|stream| {
            let line_before = &before.lines[stream.place.line];
            let Some(line) = now.lines.iter().position(|line| line.mid == line_before.mid) else {
                return false;
            };
            let rid = match stream.place.rid {
                None if now.lines[line].rids.is_empty() => None,
                None => return false,
                Some(rid) => {
                    let rid = now.lines[line].rids.iter().position(|now| *now == line_before.rids[rid]);
                    if rid.is_none() {
                        return false;
                    }
                    rid
                }
            };
            stream.place = Place { line, rid, ..stream.place };
            !now.lines[line].excludes(stream.ssrc)
        });
    }

    pub fn header<'a>(&self, packet: &'a [u8]) -> Result<Header<'a>, Reject> {
        Header::parse(packet, &self.negotiated.ids).ok_or(Reject::Malformed)
    }

    /// To be asked for each RTP packet before it is opened.
    pub fn rtp(&mut self, now: Instant, header: &Header) -> Result<Entry, Reject> {
        if header.ssrc == PROBE {
            return Ok(Entry::Known);
        }
        match self.streams.iter().position(|stream| stream.ssrc == header.ssrc) {
            Some(at) => self.known(now, at, header),
            None => self.unknown(now, header),
        }
    }

    /// To be called when a packet of this SSRC could be opened.
    pub fn authenticated(&mut self, now: Instant, ssrc: u32) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
            stream.heard = Some(now);
        }
    }

    /// What an SSRC stands for now. None also where another one does instead.
    pub fn layer(&self, ssrc: u32) -> Option<Layer<'_>> {
        let place = self.streams.iter().find(|stream| stream.ssrc == ssrc && stream.holds)?.place;
        let line = &self.negotiated.lines[place.line];
        let holder = |repair| self.holder(Place { repair, ..place }).map(|at| self.streams[at].ssrc);
        Some(Layer {
            mid: &line.mid,
            rid: place.rid.map(|rid| line.rids[rid].as_str()),
            main: holder(false),
            repair: holder(true),
        })
    }

    /// Not more SSRCs than a peer may have, and one for each layer.
    #[cfg(any(test, feature = "tests"))]
    pub fn check_consistent(&self) {
        assert!(self.streams.len() <= SSRCS_MAX);
        for (at, stream) in self.streams.iter().enumerate() {
            let others = &self.streams[at + 1..];
            assert!(others.iter().all(|other| other.ssrc != stream.ssrc), "an SSRC stands there twice");
            let is_rival = |other: &Stream| other.holds && stream.holds && other.place == stream.place;
            assert!(!others.iter().any(is_rival), "two SSRCs stand for one layer");
        }
    }

    fn known(&mut self, now: Instant, at: usize, header: &Header) -> Result<Entry, Reject> {
        let place = self.streams[at].place;
        let line = &self.negotiated.lines[place.line];
        if !line.carries(header.payload_type) {
            return Err(Reject::UnknownPayload);
        }
        let rid = place.rid.map(|rid| line.rids[rid].as_bytes());
        let named = if place.repair { header.rrid } else { header.rid };
        let other = if place.repair { header.rid } else { header.rrid };
        let agrees = header.mid.is_none_or(|mid| mid == line.mid.as_bytes())
            && named.is_none_or(|named| Some(named) == rid)
            && other.is_none();
        if !agrees {
            return Err(Reject::OtherLayer);
        }
        let entry = if self.streams[at].holds { Entry::Known } else { self.take(now, place)? };
        // Taking a layer may have removed its former holder and so moved the others.
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == header.ssrc) {
            stream.seen = now;
            stream.holds = true;
        }
        Ok(entry)
    }

    fn unknown(&mut self, now: Instant, header: &Header) -> Result<Entry, Reject> {
        let place = self.place(header)?;
        if self.holder(place).is_some_and(|at| self.streams[at].is_heard(now)) {
            return Err(Reject::LayerTaken);
        }
        let fresh = self.fresh.get_or_insert_with(|| Pace::new(FRESH_MAX, FRESH_EVERY, now));
        let is_declared = self.negotiated.lines[place.line].ssrcs.contains(&header.ssrc);
        if !is_declared && !fresh.take(now) {
            return Err(Reject::TooManySsrcs);
        }
        let entry = self.take(now, place)?;
        if self.streams.len() >= SSRCS_MAX && !self.forget_one() {
            return Err(Reject::TooManySsrcs);
        }
        self.streams.push(Stream { ssrc: header.ssrc, place, holds: true, seen: now, heard: None });
        Ok(entry)
    }

    /// What a packet of an unknown SSRC claims to be.
    fn place(&self, header: &Header) -> Result<Place, Reject> {
        let lines = &self.negotiated.lines;
        let line = match header.mid {
            Some(mid) => {
                lines.iter().position(|line| line.mid.as_bytes() == mid).ok_or(Reject::UnknownMid)?
            }
            None => {
                lines.iter().position(|line| line.ssrcs.contains(&header.ssrc)).ok_or(Reject::UnknownSsrc)?
            }
        };
        let found = &lines[line];
        if !found.carries(header.payload_type) {
            return Err(Reject::UnknownPayload);
        }
        if found.excludes(header.ssrc) {
            return Err(Reject::UndeclaredSsrc);
        }
        let position = |rid: &[u8]| {
            found.rids.iter().position(|known| known.as_bytes() == rid).ok_or(Reject::UnknownRid).map(Some)
        };
        let repairs = found.repairs.contains(&header.payload_type);
        match (header.rid, header.rrid) {
            (None, None) if found.rids.is_empty() => Ok(Place { line, rid: None, repair: repairs }),
            (Some(rid), None) if !repairs => Ok(Place { line, rid: position(rid)?, repair: false }),
            // Padding on a repair SSRC may bear the media's payload type.
            (None, Some(rrid)) => Ok(Place { line, rid: position(rrid)?, repair: true }),
            (None | Some(_), None) | (Some(_), Some(_)) => Err(Reject::UnknownRid),
        }
    }

    /// Makes room for a new holder of this layer, unless it is heard from another SSRC.
    fn take(&mut self, now: Instant, place: Place) -> Result<Entry, Reject> {
        let Some(at) = self.holder(place) else { return Ok(Entry::New) };
        let holder = &mut self.streams[at];
        let ssrc = holder.ssrc;
        match holder.heard {
            Some(_) if holder.is_heard(now) => return Err(Reject::LayerTaken),
            // A repaired packet counts for its media's SSRC, so a repair SSRC is never heard. It is kept: forged
            // repairs between two real ones then cost nothing.
            None if !place.repair => drop(self.streams.swap_remove(at)),
            None | Some(_) => holder.holds = false,
        }
        Ok(Entry::Instead(ssrc))
    }

    fn holder(&self, place: Place) -> Option<usize> {
        self.streams.iter().position(|stream| stream.holds && stream.place == place)
    }

    /// Forgets the SSRC that was seen longest ago among those that stand for nothing now, never heard ones first.
    fn forget_one(&mut self) -> bool {
        let oldest = (self.streams.iter().enumerate())
            .filter(|(_, stream)| !stream.holds)
            .min_by_key(|(_, stream)| (stream.heard.is_some(), stream.seen))
            .map(|(at, _)| at);
        if let Some(at) = oldest {
            self.streams.swap_remove(at);
        }
        oldest.is_some()
    }
}

impl Stream {
    fn is_heard(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| now.saturating_duration_since(heard) < HEARD)
    }
}

impl Line {
    fn carries(&self, payload: u8) -> bool {
        self.payloads.contains(&payload) || self.repairs.contains(&payload)
    }

    fn excludes(&self, ssrc: u32) -> bool {
        self.rids.is_empty() && !self.ssrcs.is_empty() && !self.ssrcs.contains(&ssrc)
    }
}

#[cfg(test)]
mod tests;
