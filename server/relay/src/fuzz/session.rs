//! A whole session with a browser that keeps to nothing.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::Choices;
use crate::{
    feed::{Feed, Kind},
    packet::Numbers,
    rtp::{
        Header, Heard, Ids, Outgoing, Place, Profile, Reported, Session,
        header::write_extensions,
        rtcp,
        srtp::{self, Open, Seal},
    },
};

const IDS: Ids = Ids { mid: Some(4), rid: None, rrid: None, level: None, transport: Some(3) };
const SLOTS: usize = 3;
/// Rollovers that numbers here reach.
const ROLLOVERS: u32 = 8;
const DATAGRAM_MAX: usize = 1_300;
const PROFILES: [Profile; 3] = [Profile::Aes256Gcm, Profile::Aes128Gcm, Profile::Aes128CmSha1_80];

/// The relay's side, and what it has done.
struct Drive {
    session: Session,
    now: Instant,
    /// The browser's hand, and the key to what it gets.
    seal: Seal,
    open: Open,
    variants: [u8; SLOTS],
    newest: [u64; SLOTS],
    used: BTreeSet<(usize, u64)>,
    /// What was written since the slot was last forgotten.
    allowed: BTreeSet<(usize, u64)>,
    /// SSRCs and numbers under which something was sealed.
    sealed: BTreeSet<(u32, u64)>,
    reported: BTreeSet<(u32, u32)>,
    heard: BTreeSet<(u32, u64)>,
}

/// Packets in any order and number, lost, late and repeated, wishes for repairs, other streams, time. No number is sealed twice; nothing
/// of a slot leaves once it was forgotten; nothing is heard twice; whatever is kept has an end.
pub fn session(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let mut drive = Drive::new(PROFILES[usize::from(choices.byte() % 3)]);
    while !choices.is_over() {
        let order = choices.byte();
        let slot = usize::from(order >> 4) % SLOTS;
        match order % 16 {
            0 => drive.now += Duration::from_millis(u64::from(choices.byte()) * 4),
            1..=3 => drive.write(slot, 1 + u64::from(choices.byte() % 4)),
            4 => drive.write(slot, u64::from(choices.byte()) << 7),
            5 => drive.write_late(slot, choices.byte().into()),
            6 | 7 => drive.flush(),
            8 => {
                drive.session.forget_sent(slot);
                drive.allowed.retain(|(of, _)| *of != slot);
            }
            9 => {
                drive.variants[slot] = choices.byte() % 4;
                drive.negotiate();
            }
            10 | 11 => drive.ask(slot, &mut choices),
            12 | 13 => drive.hear(&mut choices),
            14 => drive.report(choices.datagram().to_vec()),
            _ if slot == 0 => drive.session.begin(Feed::Camera),
            _ => drive.session.request_key_frame(place(choices.byte())),
        }
        drive.session.check_consistent();
    }
    drive.flush();
}

impl Drive {
    fn new(profile: Profile) -> Self {
        let now = Instant::now();
        let material: Vec<u8> = (0..88).collect();
        let [client, server] = srtp::keys(&material, profile).expect("long enough");
        let mut drive = Drive {
            session: Session::new(now),
            now,
            seal: Seal::from(&client),
            open: Open::from(&server),
            variants: [0; SLOTS],
            newest: [0x3ff0; SLOTS],
            used: BTreeSet::new(),
            allowed: BTreeSet::new(),
            sealed: BTreeSet::new(),
            reported: BTreeSet::new(),
            heard: BTreeSet::new(),
        };
        drive.session.unlock(&material, profile, false, now);
        drive.negotiate();
        drive
    }

    /// Streams may come and go, but none ever becomes another slot's.
    fn negotiate(&mut self) {
        let line = |(slot, variant): (usize, &u8)| {
            let ssrc = 100 * (slot as u32 + 1) + u32::from(variant & 1);
            Outgoing {
                kind: if slot == 0 { Kind::Audio } else { Kind::Video },
                ssrc,
                repair: (slot > 0 && variant & 2 == 0).then_some((ssrc + 10, 97)),
                mid: slot.to_string(),
                mid_id: IDS.mid,
                transport_id: IDS.transport,
            }
        };
        let lines = self.variants.iter().enumerate().map(line).collect();
        self.session.negotiate(lines, |ssrc| (ssrc % 7 != 0).then(|| place(ssrc as u8)));
    }

    fn write(&mut self, slot: usize, ahead: u64) {
        let sequence = self.newest[slot] + ahead.max(1);
        if sequence >> 16 < ROLLOVERS.into() {
            self.newest[slot] = sequence;
            self.put(slot, sequence);
        }
    }

    fn write_late(&mut self, slot: usize, back: u64) {
        let sequence = self.newest[slot] - back;
        if !self.used.contains(&(slot, sequence)) {
            self.put(slot, sequence);
        }
    }

    fn put(&mut self, slot: usize, sequence: u64) {
        let numbers = Numbers {
            sequence,
            timestamp: sequence as u32,
            marker: false,
            picture_id: None,
            tl0_index: None,
            key_index: None,
        };
        self.used.insert((slot, sequence));
        self.allowed.insert((slot, sequence));
        let payload = [&[0x10, 1, slot as u8][..], &sequence.to_be_bytes()].concat();
        assert!(self.session.write(slot, 96, numbers, payload.into()));
    }

    fn flush(&mut self) {
        let mut sent = Vec::new();
        self.session.flush(self.now, &mut |packet| sent.push(packet.to_vec()), &mut |_| {});
        for packet in &sent {
            assert!(packet.len() <= DATAGRAM_MAX);
            if (192..224).contains(&packet[1]) {
                self.check_report(packet);
            } else {
                self.check_media(packet);
            }
        }
        assert!(self.session.due().is_some_and(|due| due > self.now), "it comes to rest");
    }

    fn check_media(&mut self, packet: &[u8]) {
        let header = Header::parse(packet, &IDS).expect("well-formed");
        let mut payload = Vec::new();
        let rollovers = (0..ROLLOVERS)
            .find(|rollovers| self.open.open(packet, header.length, *rollovers, &mut payload))
            .expect("sealed under some number");
        let index = u64::from(rollovers) << 16 | u64::from(header.sequence);
        assert!(self.sealed.insert((header.ssrc, index)), "a number is sealed twice");
        let is_repair = header.ssrc % 100 >= 10;
        let original = if is_repair { &payload[2..] } else { &payload };
        let (slot, sequence) = (usize::from(original[2]), &original[3..]);
        let sequence = u64::from_be_bytes(sequence.try_into().expect("as it was written"));
        assert!(is_repair || sequence == index);
        assert!(!is_repair || payload[..2] == (sequence as u16).to_be_bytes());
        assert_eq!(header.ssrc / 100, slot as u32 + 1, "it leaves in its own stream");
        assert!(self.allowed.contains(&(slot, sequence)), "it was forgotten");
    }

    fn check_report(&mut self, packet: &[u8]) {
        let mut plain = Vec::new();
        let index = self.open.open_rtcp(packet, &mut plain).expect("sealed");
        let ssrc = u32::from_be_bytes([plain[4], plain[5], plain[6], plain[7]]);
        assert!(self.reported.insert((ssrc, index)), "a report's number is sealed twice");
        assert!(rtcp::read(&plain).next().is_some(), "it says something");
    }

    /// For packets of a slot, there or not, again.
    fn ask(&mut self, slot: usize, choices: &mut Choices) {
        let newest = self.newest[slot] as u16;
        let back = u16::from(choices.byte()) << (choices.byte() % 9);
        let numbers: Vec<u16> = (0..u16::from(choices.byte() % 64))
            .map(|ahead| newest.wrapping_sub(back).wrapping_add(ahead))
            .collect();
        let mut report = Vec::new();
        let ssrc = 100 * (slot as u32 + 1) + u32::from(self.variants[slot] & 1);
        rtcp::nack(&mut report, 1, ssrc, &numbers);
        self.report(report);
    }

    fn report(&mut self, mut report: Vec<u8>) {
        let length = report.len();
        if !self.seal.seal_rtcp(&mut report, 0) {
            return;
        }
        let mut hear = || {
            let mut news = 0;
            (self.session.receive_reports(self.now, &report, &mut |_| news += 1), news)
        };
        let (reported, news) = hear();
        assert!(reported == Reported::New && news <= 1 + length / 8);
        assert_eq!(hear(), (Reported::Copy, 1), "a copy says nothing");
    }

    /// A packet of the browser's, authentic for one who counts rollovers so; and a copy of it.
    fn hear(&mut self, choices: &mut Choices) {
        let (look, ssrc) = (choices.byte(), 1_000 + u32::from(choices.byte() % 100));
        let [high, low] = [choices.byte(), choices.byte()];
        let mut packet = vec![0x90 | look & 0x20, 96, high, low, 0, 0, low, 0];
        packet.extend_from_slice(&ssrc.to_be_bytes());
        write_extensions(&mut packet, &[(3, &[choices.byte(), low])]);
        let length = packet.len();
        packet.extend_from_slice(&[high, choices.byte(), 7, choices.byte() % 4]);
        self.seal.seal(&mut packet, 0, length, u32::from(look >> 6));
        let header = Header::parse(&packet, &IDS).expect("well-formed");
        let is_new = !self.session.knows(ssrc) || look & 7 == 7;
        let named = is_new.then(|| (look & 8 == 0).then(|| place(ssrc as u8)));
        if let Heard::Packet { ssrc, number, place, .. } =
            self.session.receive(self.now, &header, &packet, named)
        {
            assert!(!place.repair);
            assert!(self.heard.insert((ssrc, number)), "it is heard twice");
        }
        let copy = self.session.receive(self.now, &header, &packet, None);
        assert!(matches!(copy, Heard::NotAuthentic | Heard::Nothing));
    }
}

/// Each its own; every other picture has the next one's repairs.
fn place(ssrc: u8) -> Place {
    match ssrc & 3 {
        0 | 1 => Place { feed: Feed::Camera, layer: usize::from(ssrc >> 2), repair: ssrc & 1 == 1 },
        _ => Place { feed: Feed::Microphone, layer: ssrc.into(), repair: false },
    }
}
