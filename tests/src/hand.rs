//! A client whose packets are made by hand and sealed under its real connection's keys: authentic, and like nothing that a stack would send.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use hearth_protocol::Source as Sent;
use str0m::{
    crypto::from_feature_flags,
    ice::{StunMessage, TransId},
};

use crate::generator::{CAMERA, Generator, Keys, MICROPHONE, Offering, Stamp};

pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

#[derive(Debug)]
pub struct Hand {
    pub client: Generator,
    pub sdp: String,
    pub answer: String,
    pub voice: Line,
    pub camera: Line,
    number: u32,
    /// Of RTCP, far above what the client's own stack uses.
    index: AtomicU32,
}

/// What a description says of one media line.
#[derive(Clone, Debug)]
pub struct Line {
    pub mid: String,
    pub payload_type: u8,
    pub repair_type: u8,
    /// Zero where none is declared.
    pub ssrc: u32,
    pub repair_ssrc: u32,
}

/// An RTP packet in the making.
#[derive(Clone, Debug, Default)]
pub struct Rtp {
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub extensions: Vec<(u8, Vec<u8>)>,
    pub payload: Vec<u8>,
    /// Bytes of padding behind the payload.
    pub padding: u8,
}

impl Rtp {
    /// The packet, and how much of it is its head.
    pub fn bytes(&self) -> (Vec<u8>, usize) {
        let extended = u8::from(!self.extensions.is_empty()) << 4;
        let padded = u8::from(self.padding > 0) << 5;
        let mut packet = vec![0x80 | extended | padded, self.payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        if !self.extensions.is_empty() {
            let mut elements = Vec::new();
            for (id, value) in &self.extensions {
                elements.push(id << 4 | (value.len() as u8 - 1));
                elements.extend(value);
            }
            elements.resize(elements.len().next_multiple_of(4), 0);
            packet.extend([0xbe, 0xde, 0, (elements.len() / 4) as u8]);
            packet.extend(elements);
        }
        let head = packet.len();
        packet.extend(&self.payload);
        packet.extend((0..self.padding).map(|at| if at + 1 == self.padding { self.padding } else { 0 }));
        (packet, head)
    }
}

impl Hand {
    /// Starts with the answer of the server. `number` is put into each stamp.
    pub fn start(number: u32, offering: Offering, answer: &str) -> Result<Hand, String> {
        let (sdp, voice, camera) =
            (offering.sdp.clone(), line(&offering, Sent::Microphone), line(&offering, Sent::Camera));
        let client = offering.start(answer)?;
        let (answer, index) = (answer.to_owned(), AtomicU32::new(1 << 20));
        Ok(Hand { client, sdp, answer, voice, camera, number, index })
    }

    /// Only then anything can be sealed.
    pub fn is_ready(&self) -> bool {
        self.client.is_connected() && self.client.keys().is_some()
    }

    pub fn keys(&self) -> &Keys {
        self.client.keys().expect("waited for until it is ready")
    }

    /// Where the client listens.
    pub fn address(&self) -> SocketAddr {
        let candidate = self.sdp.lines().find(|line| line.starts_with("a=candidate:")).expect("a candidate");
        let words: Vec<&str> = candidate.split(' ').collect();
        format!("{}:{}", words[4], words[5]).parse().expect("an address and a port")
    }

    /// What a check of this client bears, and what it is signed with.
    pub fn credentials(&self) -> (String, String) {
        let (relay, password) = credentials(&self.answer);
        (format!("{relay}:{}", credentials(&self.sdp).0), password)
    }

    pub fn sealed(&self, rtp: &Rtp) -> Vec<u8> {
        let (packet, head) = rtp.bytes();
        self.keys().seal_rtp(&packet, head)
    }

    pub fn send(&self, rtp: &Rtp) {
        self.client.send_raw(self.sealed(rtp));
    }

    /// Seals and sends one RTCP datagram.
    pub fn report(&self, compound: &[u8]) {
        let index = self.index.fetch_add(1, Ordering::Relaxed);
        self.client.send_raw(self.keys().seal_rtcp(compound, index));
    }

    pub fn extension(&self, uri: &str) -> u8 {
        extension(&self.sdp, uri)
    }

    /// 20 ms of voice, stamped.
    pub fn speech(&self, phase: u32, sequence: u16) -> Rtp {
        Rtp {
            payload_type: self.voice.payload_type,
            sequence,
            timestamp: u32::from(sequence) * 960,
            ssrc: self.voice.ssrc,
            payload: [&self.stamp(phase, MICROPHONE, sequence)[..], &[0; 60]].concat(),
            ..Rtp::default()
        }
    }

    /// A picture of one packet, a key frame every time.
    pub fn picture(&self, phase: u32, sequence: u16) -> Rtp {
        let picture = (0x8000 | sequence & 0x7fff).to_be_bytes();
        let head = [0x90, 0xe0, picture[0], picture[1], sequence as u8, 0];
        let key = [0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00];
        let payload = [&head[..], &key, &self.stamp(phase, CAMERA, sequence)].concat();
        Rtp {
            payload_type: self.camera.payload_type,
            sequence,
            timestamp: u32::from(sequence) * 3_000,
            ssrc: self.camera.ssrc,
            payload,
            ..Rtp::default()
        }
    }

    /// The same again as a retransmission (RFC 4588).
    pub fn repair(&self, of: &Rtp, sequence: u16) -> Rtp {
        Rtp {
            payload_type: self.camera.repair_type,
            sequence,
            ssrc: self.camera.repair_ssrc,
            payload: [&of.sequence.to_be_bytes()[..], &of.payload].concat(),
            ..of.clone()
        }
    }

    fn stamp(&self, phase: u32, source: u8, counter: u16) -> [u8; Stamp::BYTES] {
        let mut bytes = [0; Stamp::BYTES];
        Stamp { sender: self.number, phase, source, counter: counter.into(), sent_us: 0 }.write(&mut bytes);
        bytes
    }
}

/// An RTP packet that nobody authenticated, as anyone can send it who knows the address and has seen the description.
pub fn forged(description: &str, mid: &str, rid: Option<&str>, payload_type: u8, ssrc: u32) -> Vec<u8> {
    let mut extensions = vec![(extension(description, MID), mid.as_bytes().to_vec())];
    extensions.extend(rid.map(|rid| (extension(description, RID), rid.as_bytes().to_vec())));
    let payload = vec![0x5a; 60];
    Rtp { payload_type, sequence: 7, timestamp: 9, ssrc, extensions, payload, padding: 0 }.bytes().0
}

/// A check of ICE (RFC 8445) that bears this name and is signed with this password.
pub fn check(username: &str, password: &str, nominates: bool) -> Vec<u8> {
    let message = StunMessage::binding_request(username, TransId::new(), true, 7, 1_000, nominates);
    let mut buffer = vec![0; 512];
    let hmac = from_feature_flags().sha1_hmac_provider;
    let length = message
        .to_bytes(Some(password.as_bytes()), &mut buffer, |key, parts| hmac.sha1_hmac(key, parts))
        .expect("it fits");
    buffer.truncate(length);
    buffer
}

fn credentials(sdp: &str) -> (String, String) {
    let value = |name: &str| {
        let line = sdp.lines().find_map(|line| line.trim_end().strip_prefix(name));
        line.expect("ICE credentials").to_owned()
    };
    (value("a=ice-ufrag:"), value("a=ice-pwd:"))
}

/// An RTCP packet; `count` is also the format of feedback.
pub fn rtcp(count: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80 | count, kind, 0, 0];
    packet.extend(body);
    packet.resize(packet.len().next_multiple_of(4), 0);
    let words = (packet.len() / 4 - 1) as u16;
    packet[2..4].copy_from_slice(&words.to_be_bytes());
    packet
}

pub fn extension(sdp: &str, uri: &str) -> u8 {
    let mut lines = sdp.lines().map(str::trim_end);
    let line = lines.find(|line| line.starts_with("a=extmap:") && line.ends_with(uri));
    let id = line.and_then(|line| line["a=extmap:".len()..].split([' ', '/']).next());
    id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no extension {uri}"))
}

/// The payload type of a codec in a description.
pub fn payload_type(sdp: &str, codec: &str) -> u8 {
    let line =
        sdp.lines().find(|line| line.starts_with("a=rtpmap:") && line.contains(codec)).expect("the codec");
    line["a=rtpmap:".len()..].split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

pub fn mid_of(offering: &Offering, sent: Sent) -> String {
    offering.tracks.iter().find(|track| track.source == sent).expect("the track").mid.clone()
}

fn line(offering: &Offering, sent: Sent) -> Line {
    let mid = mid_of(offering, sent);
    let named = format!("a=mid:{mid}");
    let section =
        offering.sdp.split("m=").find(|section| section.lines().any(|line| line.trim_end() == named));
    let section = section.expect("a section of that mid");
    let ssrcs: Vec<u32> = section
        .lines()
        .filter_map(|line| line.strip_prefix("a=ssrc:")?.split(' ').next()?.parse().ok())
        .collect();
    let main = ssrcs.first().copied().unwrap_or(0);
    let codec = if sent == Sent::Microphone { "opus" } else { "VP8" };
    let media = payload_type(section, codec);
    Line {
        mid,
        payload_type: media,
        repair_type: if sent == Sent::Microphone { media } else { payload_type(section, "rtx") },
        ssrc: main,
        repair_ssrc: ssrcs.into_iter().find(|ssrc| *ssrc != main).unwrap_or(0),
    }
}
