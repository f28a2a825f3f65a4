//! One media line of an offer.

use hearth_forwarding::Source;

use super::{Codec, Extension, Line, Reach, SSRCS_MAX, Use, unusable};
use crate::{
    feed::{Feed, Kind},
    handle::OfferRefused,
};

const LAYERS_MAX: usize = 3;
const FEEDBACK_MAX: usize = 256;
/// What browsers offer: DTLS, SRTP, feedback (RFC 5764, RFC 7850).
const PROTOCOLS: [&str; 2] = ["UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF"];
/// Numbers that a header extension of the one-byte form can have (RFC 8285, section 4.2).
const IDS: std::ops::RangeInclusive<u8> = 1..=14;

#[derive(Debug)]
pub struct Section<'a> {
    pub reach: Reach<'a>,
    kind: Kind,
    protocol: &'static str,
    port: &'a str,
    formats: Vec<u8>,
    mid: Option<&'a str>,
    muxed: bool,
    sends: bool,
    receives: bool,
    rids: Vec<&'a str>,
    simulcast: bool,
    ssrcs: Vec<u32>,
    extensions: Vec<(u8, Extension)>,
    /// Payload types, and what is said of each.
    codecs: Vec<(u8, &'a str)>,
    parameters: Vec<(u8, &'a str)>,
    feedback: Vec<(&'a str, &'a str)>,
}

impl<'a> Section<'a> {
    pub fn new(media: &'a str) -> Result<Self, OfferRefused> {
        let mut words = media.split(' ');
        let kind = match words.next() {
            Some("audio") => Kind::Audio,
            Some("video") => Kind::Video,
            Some("application") => return Err(unusable("data channels are not carried here")),
            Some(_) | None => return Err(unusable("a media line that is neither audio nor video")),
        };
        let port = words.next().unwrap_or("0");
        let protocol = words.next().and_then(|offered| PROTOCOLS.into_iter().find(|known| *known == offered));
        let mut formats = Vec::new();
        for format in words.filter_map(number) {
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        Ok(Section {
            reach: Reach::default(),
            kind,
            protocol: protocol.ok_or_else(|| unusable("a media line without DTLS and SRTP"))?,
            port,
            formats,
            mid: None,
            muxed: false,
            // RFC 8866 section 6.7: sendrecv unless said otherwise.
            sends: true,
            receives: true,
            rids: Vec::new(),
            simulcast: false,
            ssrcs: Vec::new(),
            extensions: Vec::new(),
            codecs: Vec::new(),
            parameters: Vec::new(),
            feedback: Vec::new(),
        })
    }

    pub fn read(&mut self, name: &str, value: &'a str) {
        match name {
            "sendrecv" => (self.sends, self.receives) = (true, true),
            "sendonly" => (self.sends, self.receives) = (true, false),
            "recvonly" => (self.sends, self.receives) = (false, true),
            "inactive" => (self.sends, self.receives) = (false, false),
            "rtcp-mux" => self.muxed = true,
            "mid" => self.mid = Some(value),
            "rid" => {
                let mut words = value.split(' ');
                if let (Some(rid), Some("send")) = (words.next(), words.next()) {
                    self.rids.push(rid);
                }
            }
            "simulcast" => self.simulcast = true,
            "ssrc" => {
                let ssrc = value.split(' ').next().and_then(|ssrc| ssrc.parse().ok());
                // One more than there may be, so that it is refused.
                let is_new = |ssrc: &u32| self.ssrcs.len() <= SSRCS_MAX && !self.ssrcs.contains(ssrc);
                self.ssrcs.extend(ssrc.filter(is_new));
            }
            "extmap" => self.read_extension(value),
            "rtpmap" => note(&mut self.codecs, value),
            "fmtp" => note(&mut self.parameters, value),
            "rtcp-fb" if self.feedback.len() < FEEDBACK_MAX => self.feedback.extend(value.split_once(' ')),
            _ => self.reach.read(name, value),
        }
    }

    /// `is_bundled`: port 0 of such a line is no refusal (RFC 9143, section 6).
    pub fn finish(
        self,
        tracks: &[(String, Source)],
        is_bundled: impl Fn(&str) -> bool,
    ) -> Result<Line, OfferRefused> {
        // No longer than fits into a header extension of the one-byte form.
        let mid = self
            .mid
            .filter(|mid| is_plain(mid, 16))
            .ok_or_else(|| unusable("a media line without a plain mid"))?;
        if self.rids.len() > LAYERS_MAX || !self.rids.iter().all(|rid| is_plain(rid, 8)) {
            return Err(unusable("layers that are not understood"));
        }
        let is_refused = self.port == "0" && !is_bundled(mid);
        let codec = self.codec().filter(|_| !is_refused);
        if codec.is_some() && !self.muxed {
            return Err(unusable("a media line without a=rtcp-mux"));
        }
        let label = tracks.iter().find(|(labelled, _)| *labelled == mid).map(|(_, source)| *source);
        let use_ = match (self.sends, self.receives, label) {
            _ if codec.is_none() => Use::Nothing,
            (true, _, Some(source)) => {
                Use::Feed(Feed::of(source, self.kind).ok_or_else(|| unusable("a source of the wrong kind"))?)
            }
            (false, true, _) => Use::Slot,
            (true, _, None) | (false, false, _) => Use::Nothing,
        };
        Ok(Line {
            mid: mid.to_owned(),
            kind: self.kind,
            protocol: self.protocol,
            use_,
            sends: self.sends,
            codec,
            rids: self.rids.iter().map(|rid| (*rid).to_owned()).collect(),
            simulcast: self.simulcast,
            ssrcs: self.ssrcs,
            extensions: self.extensions,
        })
    }

    fn read_extension(&mut self, value: &str) {
        let Some((id, uri)) = value.split_once(' ') else { return };
        // A direction may follow the number, attributes the URI (RFC 8285, section 5).
        let id = id.split('/').next().and_then(|id| id.parse().ok()).filter(|id| IDS.contains(id));
        let uri = uri.split(' ').next();
        let known = Extension::ALL.into_iter().find(|known| Some(known.uri()) == uri);
        let known = known.filter(|known| known.suits(self.kind));
        if let (Some(id), Some(known)) = (id, known)
            && !self.extensions.iter().any(|(other, extension)| *other == id || *extension == known)
        {
            self.extensions.push((id, known));
        }
    }

    /// The first that is carried here, in the browser's order.
    fn codec(&self) -> Option<Codec> {
        let (name, understood): (_, &[&'static str]) = match self.kind {
            Kind::Audio => ("opus/48000/2", &["transport-cc"]),
            Kind::Video => ("VP8/90000", &["transport-cc", "ccm fir", "nack", "nack pli"]),
        };
        let payload_type = self.formats.iter().copied().find(|format| self.is(*format, name))?;
        let along = |name: &'static str, of: &dyn Fn(&str) -> bool| {
            let mut formats = self.formats.iter().copied().filter(move |format| self.is(*format, name));
            formats.find(|format| self.parameter(*format).is_some_and(of))
        };
        let said = |what: &str| {
            let mut said = self.feedback.iter();
            said.any(|(of, said)| *said == what && (*of == "*" || of.parse() == Ok(payload_type)))
        };
        let (red, repair) = match self.kind {
            Kind::Audio => {
                let holds = |blocks: &str| blocks.split('/').all(|block| block.parse() == Ok(payload_type));
                (along("red/48000/2", &holds), None)
            }
            Kind::Video => {
                let of = |parameters: &str| {
                    let mut parameters = parameters.split(';').map(str::trim);
                    parameters.any(|parameter| {
                        parameter.strip_prefix("apt=").and_then(number) == Some(payload_type)
                    })
                };
                (None, along("rtx/90000", &of))
            }
        };
        let feedback = understood.iter().copied().filter(|what| said(what)).collect();
        Some(Codec { payload_type, red, repair, feedback })
    }

    fn is(&self, format: u8, name: &str) -> bool {
        self.codecs.iter().any(|(of, codec)| *of == format && codec.eq_ignore_ascii_case(name))
    }

    fn parameter(&self, format: u8) -> Option<&'a str> {
        self.parameters.iter().find(|(of, _)| *of == format).map(|(_, parameter)| *parameter)
    }
}

/// What is said first of a payload type counts.
fn note<'a>(said: &mut Vec<(u8, &'a str)>, value: &'a str) {
    let Some((of, what)) = value.split_once(' ') else { return };
    if let Some(of) = number(of).filter(|of| said.iter().all(|(known, _)| known != of)) {
        said.push((of, what.trim()));
    }
}

/// RFC 3550 section 5.1: seven bits.
fn number(word: &str) -> Option<u8> {
    word.parse().ok().filter(|number| *number < 128)
}

fn is_plain(name: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
