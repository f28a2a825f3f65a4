//! One stream to a browser: a slot's. Its packets in the clear, what is kept of them for repairs, and what reports say of it.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{header, rtcp, srtp, vp8};
use crate::{feed::Kind, packet::Numbers};

/// What is kept for repairs: at most so much, at most so old (libwebrtc keeps its own as long).
const KEPT_MAX: usize = 512;
const KEPT: Duration = Duration::from_secs(1);
/// A packet is not sent again sooner than this.
const AGAIN: Duration = Duration::from_millis(10);

/// What has been settled about a slot's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub kind: Kind,
    pub ssrc: u32,
    /// SSRC and payload type of retransmissions (RFC 4588).
    pub repair: Option<(u32, u8)>,
    pub mid: String,
    pub mid_id: Option<u8>,
    pub transport_id: Option<u8>,
}

#[derive(Clone, Debug)]
pub struct Unsealed {
    pub payload_type: u8,
    pub numbers: Numbers,
    pub payload: Arc<[u8]>,
}

#[derive(Debug)]
pub struct Sender {
    line: Outgoing,
    /// By number.
    kept: VecDeque<Kept>,
    highest: Option<u64>,
    /// The latest packet's time, and when it left.
    last: Option<(u32, Instant)>,
    packets: u32,
    bytes: u32,
    /// Packets when it was last reported.
    reported: u32,
    /// Of the next repair. It only grows: a number used twice would repeat a nonce.
    repairs: u64,
    /// The share that was lost, as the browser last reported.
    lost: f32,
}

#[derive(Debug)]
struct Kept {
    packet: Unsealed,
    at: Instant,
    repaired: Option<Instant>,
}

impl Sender {
    pub fn new(line: Outgoing) -> Self {
        Sender {
            line,
            kept: VecDeque::new(),
            highest: None,
            last: None,
            packets: 0,
            bytes: 0,
            reported: 0,
            repairs: 0,
            lost: 0.0,
        }
    }

    /// Another SSRC has its own numbers and nothing that could be repaired.
    pub fn renegotiate(&mut self, line: Outgoing) {
        let is_same = (line.ssrc, line.repair) == (self.line.ssrc, self.line.repair);
        if is_same {
            self.line = line;
        } else {
            *self = Sender { repairs: self.repairs, ..Sender::new(line) };
        }
    }

    pub fn ssrc(&self) -> u32 {
        self.line.ssrc
    }

    pub fn kind(&self) -> Kind {
        self.line.kind
    }

    pub fn lost(&self) -> f32 {
        self.lost
    }

    /// Appends a packet, unsealed: the length of its header, its SSRC and its number.
    pub fn write(&mut self, to: &mut Vec<u8>, packet: Unsealed, transport: u16, now: Instant) -> Written {
        let number = packet.numbers.sequence;
        let written = self.line.write(to, &packet, None, transport);
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(packet.payload.len() as u32);
        if self.highest < Some(number) {
            (self.highest, self.last) = (Some(number), Some((packet.numbers.timestamp, now)));
        }
        if self.line.repair.is_some() {
            self.keep(packet, now);
        }
        written
    }

    /// Appends what a browser asks for again as a packet of the repair stream. None: it is not kept, or has just been sent again.
    pub fn repair(
        &mut self,
        to: &mut Vec<u8>,
        sequence: u16,
        transport: u16,
        now: Instant,
    ) -> Option<Written> {
        let number = srtp::index(self.highest, sequence);
        let at = self.kept.binary_search_by_key(&number, |kept| kept.packet.numbers.sequence).ok()?;
        let kept = &mut self.kept[at];
        let is_old = now.saturating_duration_since(kept.at) > KEPT;
        let is_repaired = kept.repaired.is_some_and(|at| now.saturating_duration_since(at) < AGAIN);
        if is_old || is_repaired {
            return None;
        }
        kept.repaired = Some(now);
        self.repairs += 1;
        Some(self.line.write(to, &kept.packet, Some(self.repairs), transport))
    }

    pub fn forget(&mut self) {
        self.kept = VecDeque::new();
    }

    /// Discards what is too old to be of use.
    pub fn expire(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|kept| now.saturating_duration_since(kept.at) > KEPT) {
            self.kept.pop_front();
        }
        if self.kept.is_empty() {
            self.forget();
        }
    }

    /// What has left since the last report. None: nothing.
    pub fn report(&mut self, ntp: u64, now: Instant) -> Option<rtcp::Sent> {
        let (timestamp, at) = self.last?;
        if std::mem::replace(&mut self.reported, self.packets) == self.packets {
            return None;
        }
        let passed = now.saturating_duration_since(at).as_micros();
        let ticks = (passed * u128::from(self.line.kind.clock_rate()) / 1_000_000) as u32;
        Some(rtcp::Sent {
            ssrc: self.line.ssrc,
            ntp,
            timestamp: timestamp.wrapping_add(ticks),
            packets: self.packets,
            bytes: self.bytes,
        })
    }

    pub fn reported(&mut self, block: &rtcp::Block) {
        self.lost = f32::from(block.lost_share) / 256.0;
    }

    #[cfg(any(test, feature = "tests"))]
    pub fn check_consistent(&self) {
        let number = |kept: &Kept| kept.packet.numbers.sequence;
        assert!(self.kept.len() <= KEPT_MAX);
        assert!(self.kept.iter().map(number).is_sorted_by(|one, next| one < next), "kept in their order");
        assert!(self.kept.back().is_none_or(|newest| Some(number(newest)) <= self.highest));
    }

    fn keep(&mut self, packet: Unsealed, now: Instant) {
        self.expire(now);
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
        }
        let number = packet.numbers.sequence;
        let kept = Kept { packet, at: now, repaired: None };
        match self.kept.back() {
            Some(newest) if newest.packet.numbers.sequence > number => {
                let at = self.kept.partition_point(|kept| kept.packet.numbers.sequence < number);
                self.kept.insert(at, kept);
            }
            Some(_) | None => self.kept.push_back(kept),
        }
    }
}

/// What sealing a packet needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub header: usize,
    pub rollovers: u32,
}

impl Outgoing {
    /// As itself, or as a repair with this number.
    fn write(&self, to: &mut Vec<u8>, packet: &Unsealed, repair: Option<u64>, transport: u16) -> Written {
        let start = to.len();
        let Unsealed { payload_type, numbers, payload } = packet;
        let own = (self.ssrc, *payload_type, numbers.sequence);
        let (ssrc, payload_type, number) = match (repair, self.repair) {
            (Some(number), Some((ssrc, payload_type))) => (ssrc, payload_type, number),
            (Some(_), None) | (None, _) => own,
        };
        to.extend_from_slice(&[0x80, payload_type & 0x7f | u8::from(numbers.marker) << 7]);
        to.extend_from_slice(&(number as u16).to_be_bytes());
        to.extend_from_slice(&numbers.timestamp.to_be_bytes());
        to.extend_from_slice(&ssrc.to_be_bytes());
        self.extend(to, start, transport);
        let header = to.len() - start;
        if repair.is_some() {
            to.extend_from_slice(&(numbers.sequence as u16).to_be_bytes());
        }
        let body = to.len();
        to.extend_from_slice(payload);
        if self.kind == Kind::Video {
            vp8::rewrite(&mut to[body..], numbers);
        }
        Written { header, rollovers: (number >> 16) as u32 }
    }

    fn extend(&self, to: &mut Vec<u8>, start: usize, transport: u16) {
        let transport = transport.to_be_bytes();
        let mid = self.mid.as_bytes();
        let of_transport =
            self.transport_id.map(|id| (id, &transport[..])).filter(|(id, one)| header::fits(*id, one));
        let of_mid = self.mid_id.map(|id| (id, mid)).filter(|(id, mid)| header::fits(*id, mid));
        match (of_transport, of_mid) {
            (Some(transport), Some(mid)) => header::write_extensions(to, &[transport, mid]),
            (Some(one), None) | (None, Some(one)) => header::write_extensions(to, &[one]),
            (None, None) => return,
        }
        to[start] |= 0x10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{Header, Ids};

    const IDS: Ids = Ids { mid: Some(4), rid: None, rrid: None, level: None, transport: Some(3) };
    const PAYLOAD: &[u8] = &[0x90, 0x80, 1, 7, 7, 7];

    fn sender() -> Sender {
        Sender::new(Outgoing {
            kind: Kind::Video,
            ssrc: 5,
            repair: Some((6, 97)),
            mid: "12".to_owned(),
            mid_id: IDS.mid,
            transport_id: IDS.transport,
        })
    }

    fn packet(sequence: u64) -> Unsealed {
        let numbers = Numbers {
            sequence,
            timestamp: 1_000,
            marker: true,
            picture_id: Some(0x55),
            tl0_index: None,
            key_index: None,
        };
        Unsealed { payload_type: 96, numbers, payload: PAYLOAD.into() }
    }

    #[test]
    fn a_repair_is_the_packet_under_other_numbers() {
        let now = Instant::now();
        let mut sender = sender();
        let mut bytes = Vec::new();
        let written = sender.write(&mut bytes, packet(0x0002_ffff), 77, now);
        let own = Header::parse(&bytes, &IDS).expect("well-formed");
        assert_eq!((own.ssrc, own.payload_type, own.sequence), (5, 96, 0xffff));
        assert_eq!((own.mid, own.transport, own.marker), (Some(&b"12"[..]), Some(77), true));
        assert_eq!((written.header, written.rollovers), (own.length, 2));
        assert_eq!(bytes[own.length..], [0x90, 0x80, 0x55, 7, 7, 7]);

        let mut again = Vec::new();
        assert!(sender.repair(&mut again, 0xfffe, 78, now).is_none(), "never sent");
        let written = sender.repair(&mut again, 0xffff, 78, now).expect("it is kept");
        let repair = Header::parse(&again, &IDS).expect("well-formed");
        assert_eq!((repair.ssrc, repair.payload_type, repair.sequence), (6, 97, 1));
        assert_eq!((repair.timestamp, written.rollovers), (1_000, 0));
        assert_eq!(again[repair.length..], [0xff, 0xff, 0x90, 0x80, 0x55, 7, 7, 7]);
        assert!(sender.repair(&mut again, 0xffff, 79, now).is_none(), "a moment ago");
    }

    #[test]
    fn what_is_forgotten_or_old_is_never_repaired() {
        let now = Instant::now();
        let mut sender = sender();
        let mut bytes = Vec::new();
        sender.write(&mut bytes, packet(10), 0, now);
        assert!(sender.repair(&mut bytes, 10, 0, now + KEPT + AGAIN).is_none());
        sender.forget();
        assert!(sender.repair(&mut bytes, 10, 0, now).is_none());
        for number in 0..10 * KEPT_MAX as u64 {
            sender.write(&mut bytes, packet(20 + number), 0, now);
            assert!(sender.kept.len() <= KEPT_MAX);
        }
        sender.expire(now + KEPT * 2);
        assert_eq!(sender.kept.len(), 0);
    }

    #[test]
    fn an_extension_without_a_number_that_can_be_written_stays_out() {
        let mut sender = sender();
        sender.line.transport_id = Some(15);
        let mut bytes = Vec::new();
        sender.write(&mut bytes, packet(10), 77, Instant::now());
        let own = Header::parse(&bytes, &IDS).expect("well-formed");
        assert_eq!((own.mid, own.transport), (Some(&b"12"[..]), None));
    }

    #[test]
    fn late_packets_are_kept_in_their_place() {
        let now = Instant::now();
        let mut sender = sender();
        let mut bytes = Vec::new();
        for number in [10, 12, 11, 14, 13] {
            sender.write(&mut bytes, packet(number), 0, now);
        }
        assert!((10..15).all(|sequence| sender.repair(&mut bytes, sequence, 0, now).is_some()));
    }

    #[test]
    fn a_report_gives_the_time_of_now() {
        let now = Instant::now();
        let mut sender = sender();
        assert!(sender.report(1, now).is_none());
        sender.write(&mut Vec::new(), packet(10), 0, now);
        let sent = sender.report(1, now + Duration::from_millis(100)).expect("something was sent");
        assert_eq!((sent.ssrc, sent.packets, sent.timestamp), (5, 1, 1_000 + 9_000));
        assert!(sender.report(1, now).is_none(), "nothing since");
    }
}
