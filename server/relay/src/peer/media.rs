//! What was negotiated: which line is which feed or slot, its payload types, its layers.

use std::time::Duration;

use str0m::{
    Rtc, RtcConfig,
    format::Codec,
    media::{Mid, Pt},
    rtp::{Extension, ExtensionMap, Ssrc},
};

use crate::{
    feed::{Feed, Kind},
    guard,
    offer::{Sketch, Use},
    rtp::{Outgoing, Place},
};

/// The stack's own reports would not be sent.
const NEVER: Duration = Duration::from_hours(24 * 365);

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
    RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, true)
        .enable_vp8(true)
        .set_extension_map(extensions)
        .set_rtcp_report_interval_audio(NEVER)
        .set_rtcp_report_interval_video(NEVER)
}

#[derive(Debug, Default)]
pub struct Lines {
    pub slots: Vec<SlotLine>,
    pub feeds: [Option<FeedLine>; Feed::COUNT],
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
    /// After an accepted offer.
    pub fn update(&mut self, rtc: &Rtc, offer: &Sketch) {
        self.feeds = Default::default();
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
                        }
                    }
                }
                Use::Feed(_) | Use::Nothing => {}
            }
        }
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
            let ids = &mut negotiated.ids;
            for (id, extension) in [
                (&mut ids.mid, Extension::RtpMid),
                (&mut ids.rid, Extension::RtpStreamId),
                (&mut ids.rrid, Extension::RepairedRtpStreamId),
                (&mut ids.level, Extension::AudioLevel),
                (&mut ids.transport, Extension::TransportSequenceNumber),
            ] {
                *id = id.or(extensions.id_of(extension));
            }
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
    pub fn carries(&self, feed: Feed, payload_type: u8) -> Option<Option<u8>> {
        let payload_type = Pt::from(payload_type);
        let line = self.feeds[feed.index()].as_ref()?;
        match line.red {
            Some((red, primary)) if red == payload_type => Some(Some(*primary)),
            Some(_) | None => line.payload_types.contains(&payload_type).then_some(None),
        }
    }

    /// Before an offer is accepted, so that the answer names the slots' streams as it did before.
    pub fn declare(&self, rtc: &mut Rtc, outgoing: &[Outgoing]) {
        for (slot, line) in self.slots.iter().zip(outgoing).filter(|(_, line)| line.ssrc != 0) {
            if rtc.media(slot.id).is_some() {
                let repair = line.repair.map(|(ssrc, _)| Ssrc::from(ssrc));
                rtc.direct_api().declare_stream_tx(Ssrc::from(line.ssrc), repair, slot.id, None);
            }
        }
    }

    /// After it: the stack sends nothing in them, and each takes some kilobytes.
    pub fn withdraw(rtc: &mut Rtc, outgoing: &[Outgoing]) {
        let mut direct = rtc.direct_api();
        for line in outgoing {
            direct.remove_stream_tx(Ssrc::from(line.ssrc));
        }
    }

    /// The slots' streams in their order.
    pub fn outgoing(&self, rtc: &mut Rtc) -> Vec<Outgoing> {
        let repairs: Vec<_> =
            rtc.codec_config().params().iter().map(|params| (params.pt(), params.resend())).collect();
        let resend = |payload_type: Option<Pt>| {
            let known = repairs.iter().find(|(media, _)| Some(*media) == payload_type)?;
            known.1.map(|payload_type| *payload_type)
        };
        let outgoing = |slot: &SlotLine| {
            let media = rtc.media(slot.id);
            let id_of = |extension| media.and_then(|media| media.remote_extmap().id_of(extension));
            let mid_id = id_of(Extension::RtpMid);
            let transport_id = id_of(Extension::TransportSequenceNumber);
            let mut direct = rtc.direct_api();
            let stream = direct.stream_tx_by_mid(slot.id, None);
            let ssrcs = stream.map(|stream| (*stream.ssrc(), stream.rtx().map(|ssrc| *ssrc)));
            let (ssrc, repair) = ssrcs.unwrap_or_default();
            Outgoing {
                kind: slot.kind,
                ssrc,
                repair: repair.zip(resend(slot.payload_type)),
                mid: slot.mid.clone(),
                mid_id,
                transport_id,
            }
        };
        self.slots.iter().map(outgoing).collect()
    }

    /// Which feed and layer of it the guard means.
    pub fn place(&self, layer: &guard::Layer, ssrc: u32) -> Option<Place> {
        Feed::ALL.into_iter().find_map(|feed| {
            let line = self.feeds[feed.index()].as_ref().filter(|line| *line.id == *layer.mid)?;
            let number = match layer.rid {
                None => line.rids.is_empty().then_some(0)?,
                Some(rid) => line.rids.iter().position(|known| known == rid)?,
            };
            Some(Place { feed, layer: number, repair: layer.repair == Some(ssrc) })
        })
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
