//! A client whose packets are made by hand and sealed under its real connection's keys: authentic, and like nothing that a stack would send.

use std::sync::atomic::{AtomicU32, Ordering};

use hearth_protocol::Source as Sent;
use hearth_tests::generator::{CAMERA, Generator, Keys, MICROPHONE, Offering, Shape};

use crate::meeting::{Meeting, wait};

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
    subject: u32,
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
    pub fn join(meeting: &Meeting, subject: u32, shape: &Shape) -> Hand {
        let offering = Generator::offer(subject, shape).expect("an offer");
        let (sdp, voice, camera) =
            (offering.sdp.clone(), line(&offering, Sent::Microphone), line(&offering, Sent::Camera));
        let answer = meeting.try_offer(subject, 1, &offering).expect("an answer");
        let client = offering.start(&answer).expect("a client");
        wait("a connection", || client.is_connected() && client.keys().is_some());
        client.keep();
        Hand { client, sdp, answer, voice, camera, subject, index: AtomicU32::new(1 << 20) }
    }

    pub fn keys(&self) -> &Keys {
        self.client.keys().expect("waited for")
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
            payload: [&stamp(self.subject, phase, MICROPHONE, sequence)[..], &[0; 60]].concat(),
            ..Rtp::default()
        }
    }

    /// A picture of one packet, a key frame every time.
    pub fn picture(&self, phase: u32, sequence: u16) -> Rtp {
        let picture = (0x8000 | sequence & 0x7fff).to_be_bytes();
        let head = [0x90, 0xe0, picture[0], picture[1], sequence as u8, 0];
        let key = [0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00];
        let payload = [&head[..], &key, &stamp(self.subject, phase, CAMERA, sequence)].concat();
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
}

/// As `hearth_tests::generator::Stamp` has it.
fn stamp(sender: u32, phase: u32, source: u8, counter: u16) -> Vec<u8> {
    let mut bytes = b"HrTh".to_vec();
    bytes.extend(sender.to_be_bytes());
    bytes.extend(phase.to_be_bytes());
    bytes.push(source);
    bytes.extend(u32::from(counter).to_be_bytes());
    bytes.extend([0; 8]);
    bytes
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
