//! All streams of one connection, under its keys.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    arrivals::Arrivals,
    header::Header,
    loss::Loss,
    receiver::{Place, Receiver},
    repairs::Repairs,
    reporters::{Reported, Reporters},
    rtcp::{self, Message},
    sender::{Outgoing, Sender, Unsealed, Written},
    srtp::{self, Open, Profile, Seal},
};
use crate::{
    counters::Count,
    feed::{Feed, Kind},
    packet::Numbers,
};

/// How often a browser is told what was sent and what came.
const REPORTS: Duration = Duration::from_secs(1);
/// Streams that are remembered. The guard lets fewer be heard at a time.
const RECEIVERS_MAX: usize = 48;
/// Streams that were forgotten but for their numbers: who comes back goes on, and nothing of before comes twice. When there are more, no
/// new one is heard.
const PAST_MAX: usize = 4_096;
/// Packets that wait to be sent again. What is asked for beyond is asked for again.
const ASKED_MAX: usize = 512;
/// A datagram of requests is full with so much: one more of them may add half a thousand. Bytes.
const REQUESTS_FULL: usize = 600;
/// Sender reports in one datagram.
const TOGETHER_MAX: usize = 12;
/// The CNAME of all that is sent, the same to everyone: it says nothing.
const NAME: &str = "hearth";
const ROUND_TRIP: Duration = Duration::from_millis(100);
const ROUND_TRIPS: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

#[derive(Debug)]
pub struct Session {
    keys: Option<(Seal, Open)>,
    receivers: Vec<Receiver>,
    /// SSRCs of streams that were forgotten, and the highest number of each.
    past: Vec<(u32, u64)>,
    reporters: Reporters,
    /// As the slots.
    senders: Vec<Sender>,
    arrivals: Arrivals,
    /// The next packet's transport-wide number.
    transport: u16,
    unsent: Vec<(usize, Unsealed)>,
    /// Slot and sequence number.
    asked: VecDeque<(usize, u16)>,
    repairs: Repairs,
    /// SSRCs of which a key frame is wanted.
    wishes: Vec<u32>,
    start: Instant,
    reports_at: Instant,
    round_trip: Duration,
    loss: Loss,
    lost: f32,
    plain: Vec<u8>,
    sealed: Vec<u8>,
}

/// A packet of a browser's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    NotAuthentic,
    /// A copy, a probe, or of a stream that stands for nothing.
    Nothing,
    Packet {
        place: Place,
        /// Of the stream that it belongs to, also if it came as a repair.
        ssrc: u32,
        number: u64,
        /// Empty: padding alone.
        payload: &'a [u8],
    },
}

/// What a browser reports and the worker has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    KeyFrameWanted { slot: usize },
    Counted(Count, u64),
}

impl Session {
    pub fn new(now: Instant) -> Self {
        Session {
            keys: None,
            receivers: Vec::new(),
            past: Vec::new(),
            reporters: Reporters::default(),
            senders: Vec::new(),
            arrivals: Arrivals::new(now),
            transport: 0,
            unsent: Vec::new(),
            asked: VecDeque::new(),
            repairs: Repairs::default(),
            wishes: Vec::new(),
            start: now,
            reports_at: now,
            round_trip: ROUND_TRIP,
            loss: Loss::default(),
            lost: 0.0,
            plain: Vec::new(),
            sealed: Vec::new(),
        }
    }

    /// What DTLS has agreed on (RFC 5764, section 4.2), once. `active`: this side was its client.
    pub fn unlock(&mut self, material: &[u8], profile: Profile, active: bool, now: Instant) {
        let Some([client, server]) = srtp::keys(material, profile).filter(|_| self.keys.is_none()) else {
            return;
        };
        let (own, other) = if active { (client, server) } else { (server, client) };
        self.keys = Some((Seal::from(&own), Open::from(&other)));
        self.reports_at = now + REPORTS / 2;
    }

    /// The slots' streams in their order. What was settled before goes on.
    pub fn negotiate(&mut self, lines: Vec<Outgoing>, place: impl Fn(u32) -> Option<Place>) {
        for (at, line) in lines.into_iter().enumerate() {
            match self.senders.get_mut(at) {
                Some(sender) => sender.renegotiate(line),
                None => self.senders.push(Sender::new(line)),
            }
        }
        for receiver in &mut self.receivers {
            receiver.place = place(receiver.ssrc);
        }
    }

    pub fn knows(&self, ssrc: u32) -> bool {
        self.receivers.iter().any(|receiver| receiver.ssrc == ssrc)
    }

    /// `place`: what the packet's SSRC stands for from now on, if it is authentic; None: what it stood for before.
    pub fn receive(
        &mut self,
        now: Instant,
        header: &Header,
        packet: &[u8],
        place: Option<Option<Place>>,
    ) -> Heard<'_> {
        let Some((_, open)) = &self.keys else { return Heard::NotAuthentic };
        let known = self.receivers.iter().position(|receiver| receiver.ssrc == header.ssrc);
        let number = match known {
            Some(at) => self.receivers[at].index(header.sequence),
            None => {
                let past = self.past.iter().find(|(ssrc, _)| *ssrc == header.ssrc);
                srtp::index(past.map(|(_, highest)| *highest), header.sequence)
            }
        };
        if !open.open(packet, header.length, (number >> 16) as u32, &mut self.plain) {
            return Heard::NotAuthentic;
        }
        // From here on it is the browser's own.
        let Some(at) = known.or_else(|| self.remember(header.ssrc, now)) else { return Heard::Nothing };
        if let Some(place) = place {
            for other in self.receivers.iter_mut().filter(|other| other.place == place) {
                other.place = None;
            }
            self.receivers[at].place = place;
        }
        if !self.receivers[at].take(number, header.timestamp, now) {
            return Heard::Nothing;
        }
        // Not of a copy: its number may be so old that it seems to be far ahead.
        if let Some(transport) = header.transport {
            self.arrivals.note(header.ssrc, transport, now);
        }
        if !self.strip(header.padded) {
            return Heard::Nothing;
        }
        let Some(place) = self.receivers[at].place else { return Heard::Nothing };
        if !place.repair {
            return Heard::Packet { place, ssrc: header.ssrc, number, payload: &self.plain };
        }
        let place = Place { repair: false, ..place };
        let Some((sequence, payload)) = self.plain.split_first_chunk() else { return Heard::Nothing };
        let main = self.receivers.iter_mut().find(|receiver| receiver.place == Some(place));
        match main.and_then(|main| Some((main.ssrc, main.repaired(u16::from_be_bytes(*sequence))?))) {
            Some((ssrc, number)) => Heard::Packet { place, ssrc, number, payload },
            None => Heard::Nothing,
        }
    }

    /// Whether nothing later of this stream has come.
    pub fn is_newest(&self, ssrc: u32, number: u64) -> bool {
        self.receivers.iter().any(|receiver| receiver.ssrc == ssrc && receiver.highest() == Some(number))
    }

    /// A compound packet of reports and wishes.
    pub fn receive_reports(&mut self, now: Instant, packet: &[u8], news: &mut dyn FnMut(News)) -> Reported {
        let Some((_, open)) = &self.keys else { return Reported::NotAuthentic };
        let mut plain = std::mem::take(&mut self.plain);
        let reported = match open.open_rtcp(packet, &mut plain) {
            None => Reported::NotAuthentic,
            Some(number) if self.is_fresh(&plain, number) => {
                rtcp::read(&plain).for_each(|message| self.hear(message, now, news));
                Reported::New
            }
            Some(_) => {
                news(News::Counted(Count::CameToNothing, 1));
                Reported::Copy
            }
        };
        self.plain = plain;
        reported
    }

    /// A packet for a slot. It leaves with the next flush.
    pub fn write(&mut self, slot: usize, payload_type: u8, numbers: Numbers, payload: Arc<[u8]>) -> bool {
        if self.keys.is_none() || slot >= self.senders.len() {
            return false;
        }
        self.unsent.push((slot, Unsealed { payload_type, numbers, payload }));
        true
    }

    /// Discards what is kept of a slot for repairs, and what has not left. A request for any packet before this gets nothing.
    pub fn forget_sent(&mut self, slot: usize) {
        if let Some(sender) = self.senders.get_mut(slot) {
            sender.forget();
        }
        self.unsent.retain(|(of, _)| *of != slot);
    }

    /// Repairs of what this feed has sent until now come to nothing: its gate was closed then, or others listened.
    pub fn begin(&mut self, feed: Feed) {
        let of_feed = |receiver: &&mut Receiver| receiver.place.is_some_and(|place| place.feed == feed);
        self.receivers.iter_mut().filter(of_feed).for_each(Receiver::begin);
    }

    pub fn request_key_frame(&mut self, place: Place) {
        let of = self.receivers.iter().find(|receiver| receiver.place == Some(place));
        if let Some(receiver) = of.filter(|receiver| !self.wishes.contains(&receiver.ssrc)) {
            self.wishes.push(receiver.ssrc);
        }
    }

    /// The share of what was sent that did not arrive, by what was said last.
    pub fn lost(&self) -> f32 {
        self.lost
    }

    /// When there is something to do without anything coming.
    pub fn due(&self) -> Option<Instant> {
        self.keys.as_ref()?;
        let asks = self.receivers.iter().filter_map(Receiver::ask_at).min();
        [Some(self.reports_at), self.arrivals.due(), asks].into_iter().flatten().min()
    }

    /// Everything that is due leaves: media first.
    pub fn flush(&mut self, now: Instant, send: &mut dyn FnMut(&[u8]), news: &mut dyn FnMut(News)) {
        let Some((seal, _)) = &mut self.keys else { return };
        for (slot, packet) in self.unsent.drain(..) {
            self.sealed.clear();
            let written = self.senders[slot].write(&mut self.sealed, packet, self.transport, now);
            let Written { header, rollovers } = written;
            seal.seal(&mut self.sealed, 0, header, rollovers);
            self.transport = self.transport.wrapping_add(1);
            self.repairs.earn();
            send(&self.sealed);
        }
        self.send_repairs(now, send, news);
        self.send_feedback(now, send, news);
        if now >= self.reports_at {
            self.reports_at = now + REPORTS;
            self.send_reports(now, send);
            self.lost = self.lost_lately();
            self.senders.iter_mut().for_each(|sender| sender.expire(now));
        }
    }

    /// Nothing is kept without end, and no two streams stand for the same.
    #[cfg(any(test, feature = "tests"))]
    pub fn check_consistent(&self) {
        assert!(self.receivers.len() <= RECEIVERS_MAX && self.past.len() <= PAST_MAX);
        assert!(self.asked.len() <= ASKED_MAX);
        assert!(self.wishes.len() <= RECEIVERS_MAX + 1);
        self.arrivals.check_consistent();
        self.senders.iter().for_each(Sender::check_consistent);
        for (at, receiver) in self.receivers.iter().enumerate() {
            receiver.check_consistent();
            let others = &self.receivers[at + 1..];
            assert!(others.iter().all(|other| other.ssrc != receiver.ssrc), "an SSRC stands there twice");
            assert!(self.past.iter().all(|(past, _)| *past != receiver.ssrc), "it was forgotten and is here");
            let is_rival = |other: &Receiver| other.place.is_some() && other.place == receiver.place;
            assert!(!others.iter().any(is_rival), "two streams stand for the same");
        }
    }

    fn send_repairs(&mut self, now: Instant, send: &mut dyn FnMut(&[u8]), news: &mut dyn FnMut(News)) {
        let Some((seal, _)) = &self.keys else { return };
        let mut repaired = 0;
        while let Some((slot, sequence)) = self.asked.pop_front() {
            self.sealed.clear();
            let sender = &mut self.senders[slot];
            let Some(written) = sender.repair(&mut self.sealed, sequence, self.transport, now) else {
                continue;
            };
            if !self.repairs.spend() {
                news(News::Counted(Count::RepairsOverBudget, 1));
                // What else is asked for is not there any more, so the rest of a storm costs nothing.
                self.asked.clear();
                self.senders.iter_mut().for_each(Sender::forget);
                break;
            }
            seal.seal(&mut self.sealed, 0, written.header, written.rollovers);
            self.transport = self.transport.wrapping_add(1);
            repaired += 1;
            send(&self.sealed);
        }
        if repaired > 0 {
            news(News::Counted(Count::Repaired, repaired));
        }
    }

    /// Requests for what is missing and for key frames, and when packets came.
    fn send_feedback(&mut self, now: Instant, send: &mut dyn FnMut(&[u8]), news: &mut dyn FnMut(News)) {
        let own = self.own();
        let Some((seal, _)) = &mut self.keys else { return };
        let mut seal_and_send = |report: &mut Vec<u8>| {
            if !report.is_empty() && seal.seal_rtcp(report, 0) {
                send(report);
            }
        };
        self.sealed.clear();
        for ssrc in self.wishes.drain(..) {
            rtcp::picture_loss(&mut self.sealed, own, ssrc);
        }
        let mut nacks = 0;
        for receiver in &mut self.receivers {
            if receiver.ask_at().is_some_and(|at| at <= now) {
                rtcp::nack(&mut self.sealed, own, receiver.ssrc, &receiver.ask(self.round_trip, now));
                nacks += 1;
            }
            if self.sealed.len() > REQUESTS_FULL {
                seal_and_send(&mut self.sealed);
                self.sealed.clear();
            }
        }
        seal_and_send(&mut self.sealed);
        if nacks > 0 {
            news(News::Counted(Count::NacksSent, nacks));
        }
        if self.arrivals.due().is_some_and(|at| at <= now) {
            self.arrivals.tell(own, |report| {
                self.sealed.clear();
                self.sealed.extend_from_slice(report);
                seal_and_send(&mut self.sealed);
            });
        }
    }

    fn send_reports(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        let (own, ntp) = (self.own(), self.ntp(now));
        let Some((seal, _)) = &mut self.keys else { return };
        let is_media = |receiver: &&mut Receiver| receiver.place.is_some_and(|place| !place.repair);
        let came: Vec<_> =
            self.receivers.iter_mut().filter(is_media).filter_map(|receiver| receiver.report(now)).collect();
        let sent: Vec<_> = self.senders.iter_mut().filter_map(|sender| sender.report(ntp, now)).collect();
        let mut blocks = came.chunks(rtcp::COUNT_MAX);
        let mut chunks = sent.chunks(TOGETHER_MAX);
        loop {
            self.sealed.clear();
            match (chunks.next(), blocks.next()) {
                (None, None) => return,
                (Some(sent), blocks) => {
                    let mut blocks = blocks.unwrap_or_default();
                    for sent in sent {
                        rtcp::sender_report(&mut self.sealed, sent, std::mem::take(&mut blocks));
                    }
                    rtcp::description(&mut self.sealed, NAME, sent.iter().map(|sent| sent.ssrc));
                }
                (None, Some(blocks)) => {
                    rtcp::receiver_report(&mut self.sealed, own, blocks);
                    rtcp::description(&mut self.sealed, NAME, std::iter::once(own));
                }
            }
            if seal.seal_rtcp(&mut self.sealed, 0) {
                send(&self.sealed);
            }
        }
    }

    fn hear(&mut self, message: Message, now: Instant, news: &mut dyn FnMut(News)) {
        match message {
            Message::Sender { ssrc, ntp } => {
                if let Some(receiver) = self.receivers.iter_mut().find(|receiver| receiver.ssrc == ssrc) {
                    receiver.sender_report(ntp, now);
                }
            }
            Message::Block(block) => {
                let round_trip = self.measure(&block, now);
                if let Some(at) = self.slot(block.ssrc) {
                    self.senders[at].reported(&block);
                    self.round_trip = round_trip.unwrap_or(self.round_trip);
                }
            }
            Message::Nack { ssrc, numbers } => {
                let Some(slot) = self.slot(ssrc) else { return };
                news(News::Counted(Count::NacksReceived, 1));
                let room = ASKED_MAX - self.asked.len();
                self.asked.extend(numbers.take(room).map(|number| (slot, number)));
            }
            Message::KeyFrame { ssrc } => {
                if let Some(slot) = self.slot(ssrc) {
                    news(News::KeyFrameWanted { slot });
                }
            }
            Message::Transport(feedback) => self.loss.note(&feedback),
        }
    }

    /// Of all in the last second, and of sound as its receiver reports say, which are right, but of some seconds ago.
    fn lost_lately(&mut self) -> f32 {
        self.loss.conclude();
        let sound = self.senders.iter().filter(|sender| sender.kind() == Kind::Audio).map(Sender::lost);
        sound.fold(self.loss.share(), f32::max)
    }

    fn slot(&self, ssrc: u32) -> Option<usize> {
        self.senders.iter().position(|sender| sender.ssrc() == ssrc)
    }

    /// RFC 3550, section 6.4.1.
    fn measure(&self, block: &rtcp::Block, now: Instant) -> Option<Duration> {
        let arrived = (self.ntp(now) >> 16) as u32;
        let passed = arrived.wrapping_sub(block.last_report).wrapping_sub(block.since_report);
        let passed = Duration::from_micros(u64::from(passed) * 1_000_000 / 65_536);
        let [least, most] = ROUND_TRIPS;
        (block.last_report != 0 && passed <= most).then(|| (7 * self.round_trip + passed.max(least)) / 8)
    }

    /// A clock of its own: nobody learns from it what time it is anywhere. It begins in the middle, as some take 0 for none.
    fn ntp(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start);
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        ((0x8000_0000 + passed.as_secs()) << 32) | fraction
    }

    /// Under which SSRC this side reports.
    fn own(&self) -> u32 {
        self.senders.first().map_or(1, Sender::ssrc)
    }

    /// None: there were too many.
    fn remember(&mut self, ssrc: u32, now: Instant) -> Option<usize> {
        let past = self.past.iter().position(|(known, _)| *known == ssrc);
        let receiver = match past.map(|at| self.past.swap_remove(at)) {
            Some((_, highest)) => Receiver::again(ssrc, highest, now),
            None if self.past.len() == PAST_MAX => return None,
            None => Receiver::new(ssrc, None, now),
        };
        if self.receivers.len() == RECEIVERS_MAX {
            let receivers = self.receivers.iter().enumerate();
            let oldest = receivers.min_by_key(|(_, receiver)| (receiver.place.is_some(), receiver.last_at));
            let oldest = self.receivers.swap_remove(oldest.map_or(0, |(at, _)| at));
            self.past.extend(oldest.highest().map(|highest| (oldest.ssrc, highest)));
        }
        self.receivers.push(receiver);
        Some(self.receivers.len() - 1)
    }

    /// False: more padding than there is.
    fn strip(&mut self, padded: bool) -> bool {
        let padding = match self.plain.last() {
            Some(padding) if padded => usize::from(*padding),
            Some(_) | None => return !padded,
        };
        let left = self.plain.len().checked_sub(padding).filter(|_| padding > 0);
        self.plain.truncate(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether a report of this number was not here before.
    fn is_fresh(&mut self, compound: &[u8], number: u32) -> bool {
        let Some(ssrc) = compound.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
        else {
            return false;
        };
        self.reporters.take(ssrc, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{feed::Feed, rtp::Ids};

    const IDS: Ids = Ids { mid: Some(4), rid: None, rrid: None, level: None, transport: Some(3) };
    const CAMERA: Place = Place { feed: Feed::Camera, layer: 0, repair: false };
    const REPAIR: Place = Place { repair: true, ..CAMERA };
    const SLOT: u32 = 5;
    const SLOT_REPAIR: u32 = 6;
    const PAYLOAD: &[u8] = &[0x90, 0x80, 1, 7, 7, 7];

    /// The relay and a browser that sees one slot.
    struct Pair {
        relay: Session,
        browser: Session,
        now: Instant,
        next: u64,
        heard: Vec<u64>,
        news: Vec<News>,
    }

    impl Pair {
        fn new() -> Self {
            let now = Instant::now();
            let (mut relay, mut browser) = (Session::new(now), Session::new(now));
            let material: Vec<u8> = (0..88).collect();
            relay.unlock(&material, Profile::Aes256Gcm, false, now);
            browser.unlock(&material, Profile::Aes256Gcm, true, now);
            relay.negotiate(
                vec![Outgoing {
                    kind: Kind::Video,
                    ssrc: SLOT,
                    repair: Some((SLOT_REPAIR, 97)),
                    mid: "1".to_owned(),
                    mid_id: IDS.mid,
                    transport_id: IDS.transport,
                }],
                |_| None,
            );
            Pair { relay, browser, now, next: 65_530, heard: Vec::new(), news: Vec::new() }
        }

        /// The relay writes so many packets.
        fn write(&mut self, count: u64) {
            for _ in 0..count {
                let numbers = Numbers {
                    sequence: self.next,
                    timestamp: self.next as u32,
                    marker: true,
                    picture_id: None,
                    tl0_index: None,
                    key_index: None,
                };
                assert!(self.relay.write(0, 96, numbers, PAYLOAD.into()));
                self.next += 1;
            }
        }

        /// What the relay has to send arrives, but for these: from the first on, counted.
        fn deliver(&mut self, lost: &[usize]) -> usize {
            let sent = self.sent();
            let Pair { now, .. } = self;
            for (_, packet) in sent.iter().enumerate().filter(|(at, _)| !lost.contains(at)) {
                if (192..224).contains(&packet[1]) {
                    assert_eq!(self.browser.receive_reports(*now, packet, &mut |_| {}), Reported::New);
                    continue;
                }
                let header = Header::parse(packet, &IDS).expect("well-formed");
                let place = if header.ssrc == SLOT { CAMERA } else { REPAIR };
                let is_new = !self.browser.knows(header.ssrc);
                match self.browser.receive(*now, &header, packet, is_new.then_some(Some(place))) {
                    Heard::Packet { place, ssrc, number, payload } => {
                        assert_eq!((place, ssrc, payload), (CAMERA, SLOT, PAYLOAD));
                        self.heard.push(number);
                    }
                    Heard::NotAuthentic | Heard::Nothing => panic!("{header:?} came to nothing"),
                }
            }
            sent.len()
        }

        fn sent(&mut self) -> Vec<Vec<u8>> {
            let mut sent = Vec::new();
            let Pair { relay, news, now, .. } = self;
            relay.flush(*now, &mut |packet| sent.push(packet.to_vec()), &mut |note| news.push(note));
            sent
        }

        /// The number of a packet that the browser hears, if it does.
        fn hear(&mut self, packet: &[u8]) -> Option<u64> {
            let header = Header::parse(packet, &IDS).expect("well-formed");
            let place = (!self.browser.knows(header.ssrc)).then_some(Some(CAMERA));
            match self.browser.receive(self.now, &header, packet, place) {
                Heard::Packet { number, .. } => Some(number),
                Heard::NotAuthentic | Heard::Nothing => None,
            }
        }

        /// What the browser has to say arrives.
        fn answer(&mut self) {
            let Pair { relay, browser, news, now, .. } = self;
            let mut said = Vec::new();
            browser.flush(*now, &mut |packet| said.push(packet.to_vec()), &mut |_| {});
            for packet in &said {
                let new = relay.receive_reports(*now, packet, &mut |note| news.push(note));
                let before = news.len();
                let copy = relay.receive_reports(*now, packet, &mut |note| news.push(note));
                assert_eq!([new, copy], [Reported::New, Reported::Copy]);
                assert_eq!(news[before..], [News::Counted(Count::CameToNothing, 1)], "it counts once");
            }
        }

        fn pass(&mut self, millis: u64) {
            self.now += Duration::from_millis(millis);
        }
    }

    #[test]
    fn what_is_lost_is_asked_for_and_repaired() {
        let mut pair = Pair::new();
        pair.write(10);
        pair.deliver(&[3, 4, 7]);
        pair.pass(20);
        pair.answer();
        assert!(pair.news.contains(&News::Counted(Count::NacksReceived, 1)));
        pair.deliver(&[]);
        pair.heard.sort_unstable();
        assert!(pair.heard.iter().copied().eq(65_530..65_540));
        assert!(pair.news.contains(&News::Counted(Count::Repaired, 3)));
    }

    #[test]
    fn what_was_forgotten_never_leaves_again_nor_what_still_waits() {
        let mut pair = Pair::new();
        pair.write(10);
        pair.deliver(&[4]);
        pair.relay.forget_sent(0);
        pair.pass(20);
        pair.answer();
        pair.write(3);
        pair.relay.forget_sent(0);
        assert_eq!(pair.deliver(&[]), 0);
    }

    #[test]
    fn reports_tell_what_was_lost_and_how_far_away_a_browser_is() {
        let mut pair = Pair::new();
        for second in 0..4 {
            pair.write(100);
            let lost: Vec<usize> = if second == 0 { vec![] } else { (0..100).step_by(4).collect() };
            pair.deliver(&lost);
            pair.pass(600);
            pair.answer();
            pair.deliver(&[]);
            pair.pass(500);
        }
        assert!((0.15..0.3).contains(&pair.relay.lost()), "{}", pair.relay.lost());
        assert!(pair.relay.round_trip < ROUND_TRIP, "{:?}", pair.relay.round_trip);
    }

    #[test]
    fn a_key_frame_is_wished_for_by_the_streams_own_name() {
        let mut pair = Pair::new();
        pair.write(1);
        pair.deliver(&[]);
        pair.browser.request_key_frame(CAMERA);
        pair.browser.request_key_frame(CAMERA);
        pair.answer();
        let wishes = pair.news.iter().filter(|news| **news == News::KeyFrameWanted { slot: 0 });
        assert_eq!(wishes.count(), 1);
    }

    #[test]
    fn a_stream_that_was_forgotten_goes_on_and_brings_nothing_of_before() {
        let mut pair = Pair::new();
        pair.write(20);
        let before = pair.sent();
        before.iter().for_each(|packet| assert!(pair.hear(packet).is_some()));
        pair.browser.receivers.iter_mut().for_each(|receiver| receiver.place = None);
        for ssrc in 100..100 + RECEIVERS_MAX as u32 {
            pair.browser.remember(ssrc, pair.now + Duration::from_secs(1));
        }
        assert!(!pair.browser.knows(SLOT));
        pair.write(2);
        let after = pair.sent();
        assert_eq!(pair.hear(&after[0]), Some(65_550));
        before.iter().for_each(|packet| assert_eq!(pair.hear(packet), None, "a replay"));
        assert_eq!(pair.hear(&after[1]), Some(65_551));
        for ssrc in 1_000..1_000 + 2 * PAST_MAX as u32 {
            if let Some(at) = pair.browser.remember(ssrc, pair.now) {
                pair.browser.receivers[at].take(1, 0, pair.now);
            }
        }
        assert_eq!((pair.browser.past.len(), pair.browser.receivers.len()), (PAST_MAX, RECEIVERS_MAX));
    }

    #[test]
    fn an_old_copy_is_no_news_of_how_much_arrives() {
        let mut pair = Pair::new();
        pair.write(1);
        let old = pair.sent().concat();
        assert!(pair.hear(&old).is_some());
        for transport in [20_000, 40_000] {
            pair.relay.transport = transport;
            pair.write(1);
            assert_eq!(pair.deliver(&[]), 1);
        }
        assert_eq!(pair.hear(&old), None);
        pair.pass(300);
        pair.answer();
        pair.write(1);
        assert_eq!(pair.deliver(&[]), 1);
        assert!(pair.browser.arrivals.due().is_some(), "the next one counts");
    }

    #[test]
    fn requests_fit_into_datagrams_however_much_is_missing() {
        let mut pair = Pair::new();
        let now = pair.now;
        for layer in 0..6 {
            let at = pair.browser.remember(100 + layer, now).expect("there is room");
            let receiver = &mut pair.browser.receivers[at];
            receiver.place = Some(Place { layer: layer as usize, ..CAMERA });
            let lost_here_and_there = (0..18 * 128).filter(|number| number % 18 != 1);
            lost_here_and_there.for_each(|number| assert!(receiver.take(number, 0, now)));
        }
        pair.pass(100);
        let mut said = Vec::new();
        pair.browser.flush(pair.now, &mut |packet| said.push(packet.len()), &mut |_| {});
        assert!(said.len() > 1 && said.iter().all(|length| *length < 1_200), "{said:?}");
    }

    #[test]
    fn more_senders_than_are_remembered_push_out_those_that_stand_for_nothing() {
        let mut pair = Pair::new();
        pair.write(1);
        pair.deliver(&[]);
        for ssrc in 100..100 + 2 * RECEIVERS_MAX as u32 {
            assert!(pair.browser.remember(ssrc, pair.now).is_some());
        }
        assert_eq!(pair.browser.receivers.len(), RECEIVERS_MAX);
        assert!(pair.browser.knows(SLOT));
    }
}
