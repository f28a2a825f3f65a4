//! What was negotiated: which line is which feed or slot, its payload types, its layers.

use str0m::{
    Rtc, RtcConfig,
    format::Codec,
    media::{Mid, Pt},
    rtp::{Extension, ExtensionMap, Ssrc, Vp8Descriptor, Vp8Patch},
};

use crate::{
    feed::{Feed, Kind},
    guard,
    offer::{Sketch, Use},
    packet::Numbers,
};

/// SSRCs whose place is remembered; the guard lets no more through.
const SOURCES_MAX: usize = 2 * guard::SSRCS_MAX;

/// Opus, with redundancy (RFC 2198), and VP8, with retransmission (RFC 4588); no other codec. Opus is never sent again: it has no
/// stream for that, and the same number under another header would repeat a nonce.
pub fn config() -> RtcConfig {
    let mut extensions = ExtensionMap::empty();
    let allowed = [
        Extension::AudioLevel,
        Extension::AbsoluteSendTime,
        Extension::TransportSequenceNumber,
        Extension::RtpMid,
        Extension::RtpStreamId,
        Extension::RepairedRtpStreamId,
    ];
    for (id, extension) in (1..).zip(allowed) {
        extensions.set(id, extension);
    }
    RtcConfig::new().clear_codecs().enable_opus(true, true).enable_vp8(true).set_extension_map(extensions)
}

#[derive(Debug, Default)]
pub struct Lines {
    pub slots: Vec<SlotLine>,
    pub feeds: [Option<FeedLine>; Feed::COUNT],
    /// Where packets of an SSRC belong, once the stack has said so. None: nowhere.
    sources: Vec<(Ssrc, Option<(Feed, usize)>)>,
}

#[derive(Debug)]
pub struct SlotLine {
    pub id: Mid,
    pub mid: String,
    pub kind: Kind,
    pub active: bool,
    pub payload_type: Option<Pt>,
    pub red: Option<Pt>,
}

#[derive(Debug)]
pub struct FeedLine {
    pub id: Mid,
    /// Smallest picture first; empty: one layer without a name.
    pub rids: Vec<String>,
    payload_types: Vec<Pt>,
    /// Of RFC 2198, and what is in it.
    red: Option<(Pt, Pt)>,
}

impl Lines {
    /// After an accepted offer. Which slots are new.
    pub fn update(&mut self, rtc: &Rtc, offer: &Sketch) -> Vec<Mid> {
        self.feeds = Default::default();
        self.sources.clear();
        let mut fresh = Vec::new();
        for slot in &mut self.slots {
            slot.active = false;
        }
        for line in &offer.lines {
            let id = Mid::from(line.mid.as_str());
            let Some(media) = rtc.media(id) else { continue };
            let payload_types = payload_types(rtc, media.remote_pts(), line.kind);
            let red = red(rtc, &payload_types, &line.red);
            match line.use_ {
                Use::Feed(feed) if media.direction().is_receiving() => {
                    self.feeds[feed.index()] =
                        Some(FeedLine { id, rids: by_size(&line.rids), payload_types, red });
                }
                Use::Slot => {
                    let active = media.direction().is_sending();
                    let payload_type = payload_types.first().copied();
                    let red = red.filter(|(_, primary)| Some(*primary) == payload_type).map(|(red, _)| red);
                    match self.slots.iter_mut().find(|slot| slot.id == id) {
                        Some(slot) => {
                            (slot.active, slot.payload_type, slot.red) = (active, payload_type, red);
                        }
                        None => {
                            let (mid, kind) = (line.mid.clone(), line.kind);
                            self.slots.push(SlotLine { id, mid, kind, active, payload_type, red });
                            fresh.push(id);
                        }
                    }
                }
                Use::Feed(_) | Use::Nothing => {}
            }
        }
        fresh
    }

    pub fn slots_after(&self, offer: &Sketch) -> usize {
        let is_known = |mid: &str| self.slots.iter().any(|slot| slot.mid == mid);
        let slots = offer.lines.iter().filter(|line| line.use_ == Use::Slot);
        self.slots.len() + slots.filter(|line| !is_known(&line.mid)).count()
    }

    /// What the guard is to let through: the lines that are feeds.
    pub fn negotiated(&self, rtc: &Rtc, offer: &Sketch) -> guard::Negotiated {
        let mut negotiated = guard::Negotiated::default();
        for line in &offer.lines {
            let feed = self.feeds.iter().flatten().find(|feed| *feed.id == *line.mid);
            let (Some(feed), Some(media)) = (feed, rtc.media(Mid::from(line.mid.as_str()))) else { continue };
            let extensions = media.remote_extmap();
            // The ids are the same on all lines of a bundle (RFC 8285 section 6); not all lines have all extensions.
            negotiated.mid_id = negotiated.mid_id.or(extensions.id_of(Extension::RtpMid));
            negotiated.rid_id = negotiated.rid_id.or(extensions.id_of(Extension::RtpStreamId));
            negotiated.rrid_id = negotiated.rrid_id.or(extensions.id_of(Extension::RepairedRtpStreamId));
            let repairs =
                rtc.codec_config().params().iter().filter(|params| feed.payload_types.contains(&params.pt()));
            negotiated.lines.push(guard::Line {
                mid: line.mid.clone(),
                rids: feed.rids.clone(),
                payloads: (feed.payload_types.iter())
                    .chain(feed.red.iter().map(|(red, _)| red))
                    .map(|payload_type| **payload_type)
                    .collect(),
                repairs: repairs
                    .filter_map(|params| params.resend())
                    .map(|payload_type| *payload_type)
                    .collect(),
                ssrcs: line.ssrcs.clone(),
            });
        }
        negotiated
    }

    /// Whether a packet of this payload type is media of the feed, and if it is several in one, of which payload type those are.
    pub fn carries(&self, feed: Feed, payload_type: Pt) -> Option<Option<u8>> {
        let line = self.feeds[feed.index()].as_ref()?;
        match line.red {
            Some((red, primary)) if red == payload_type => Some(Some(*primary)),
            Some(_) | None => line.payload_types.contains(&payload_type).then_some(None),
        }
    }

    /// Payload types of retransmissions to this browser.
    pub fn repairs(&self, rtc: &Rtc) -> Vec<u8> {
        let params = rtc.codec_config().params().iter();
        params.filter_map(|params| params.resend()).map(|payload_type| *payload_type).collect()
    }

    pub fn source(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Option<(Feed, usize)> {
        if let Some((_, source)) = self.sources.iter().find(|(known, _)| *known == ssrc) {
            return *source;
        }
        let (mid, rid) = {
            let mut direct = rtc.direct_api();
            let stream = direct.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid())
        };
        let source = Feed::ALL.into_iter().find_map(|feed| {
            let line = self.feeds[feed.index()].as_ref().filter(|line| line.id == mid)?;
            let layer = match rid {
                None => line.rids.is_empty().then_some(0)?,
                Some(rid) => line.rids.iter().position(|known| **known == *rid)?,
            };
            Some((feed, layer))
        });
        if self.sources.len() == SOURCES_MAX {
            self.sources.remove(0);
        }
        self.sources.push((ssrc, source));
        source
    }

    pub fn has(&self, mid: Mid) -> bool {
        self.slots.iter().any(|slot| slot.id == mid) || self.feeds.iter().flatten().any(|feed| feed.id == mid)
    }

    pub fn forget_source(&mut self, ssrc: u32) {
        self.sources.retain(|(known, _)| **known != ssrc);
    }
}

fn payload_types(rtc: &Rtc, remote: &[Pt], kind: Kind) -> Vec<Pt> {
    let codec = match kind {
        Kind::Audio => Codec::Opus,
        Kind::Video => Codec::Vp8,
    };
    let params = rtc.codec_config().params().iter();
    params
        .filter(|params| params.spec().codec == codec && remote.contains(&params.pt()))
        .map(|params| params.pt())
        .collect()
}

/// What this line offered and we took of RFC 2198, and what is in it.
fn red(rtc: &Rtc, payload_types: &[Pt], offered: &[u8]) -> Option<(Pt, Pt)> {
    let mut params = rtc.codec_config().params().iter().filter(|params| payload_types.contains(&params.pt()));
    params.find_map(|params| {
        let red = params.red().filter(|red| offered.contains(&**red))?;
        Some((red, params.pt()))
    })
}

/// `q h f` are known by name; other names are listed from small to large.
fn by_size(rids: &[String]) -> Vec<String> {
    const KNOWN: [&str; 3] = ["q", "h", "f"];
    let place = |rid: &String| KNOWN.iter().position(|known| known == rid);
    let mut sorted = rids.to_vec();
    if sorted.iter().all(|rid| place(rid).is_some()) {
        sorted.sort_by_key(place);
    }
    sorted
}

/// The slot's picture numbers over the payload's own, where it has them.
pub fn patch(payload: &[u8], numbers: Numbers) -> Option<Vp8Patch> {
    let descriptor = Vp8Descriptor::parse(payload).ok()?;
    let patch = |picture_id: Option<u16>| {
        let mut patch = descriptor.patch();
        if let (Some(id), Some(_)) = (picture_id, descriptor.picture_id()) {
            patch = patch.picture_id(id);
        }
        if let (Some(index), Some(_)) = (numbers.tl0_index, descriptor.tl0_pic_idx()) {
            patch = patch.tl0_pic_idx(index);
        }
        if let (Some(index), Some(_)) = (numbers.key_index, descriptor.key_idx()) {
            patch = patch.key_idx(index);
        }
        patch.build()
    };
    // A sender with picture ids of seven bits gets the lower seven.
    patch(numbers.picture_id).or_else(|_| patch(numbers.picture_id.map(|id| id & 0x7f))).ok()
}

/// RFC 6386 section 9.1: start code and size follow the three bytes of the frame tag. In the clear also where frames are encrypted
/// end to end.
pub fn key_frame_height(payload: &[u8]) -> Option<u16> {
    let start = payload.windows(3).take(16).position(|bytes| bytes == [0x9d, 0x01, 0x2a])?;
    let height = payload.get(start + 5..start + 7)?;
    Some(u16::from_le_bytes([height[0], height[1]]) & 0x3fff).filter(|height| *height > 0)
}
