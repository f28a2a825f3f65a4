//! A listener's media line and what it carries.
//!
//! The browser sees one stream that never breaks: sequence numbers, timestamps, VP8 picture ids and TL0PICIDX go on over every
//! switch of source or layer. A picture starts at a key frame; the old layer goes on until the next has one.

use std::{collections::VecDeque, time::Instant};

use hearth_forwarding::Subject;

use crate::{
    demux::PeerKey,
    feed::{Feed, Kind},
    handle::Carried,
    packet::{Numbers, Packet, Picture},
    window::Window,
};

/// Farther from the newest packet than this, a packet belongs to another run of numbers. Packets.
const JUMP: u64 = 3_000;
/// Numbers that no packet had may be passed over: so many at once, then so many in a second. A browser that a stream's numbers run away
/// from by half of all there are counts rollovers otherwise and never opens a packet of it again (RFC 3711, appendix A), whoever it is of.
const SKIPPED_MAX: u64 = JUMP;
const SKIPPED_PER_MILLISECOND: u64 = 2;
/// Gaps left by padding that are remembered, so that a late packet still gets its right number.
const GAPS_MAX: usize = 32;
/// A switch moves the timestamp on by at least this. Hertz of the clock rate divided by this: 20 ms, 10 ms.
const fn step_min(kind: Kind) -> u32 {
    match kind {
        Kind::Audio => 960,
        Kind::Video => 900,
    }
}

/// What fills a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filling {
    pub from: PeerKey,
    pub subject: Subject,
    pub feed: Feed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    pub numbers: Numbers,
    /// The first of another source or layer: what is kept for retransmission belongs to the one before and has to go first.
    pub switched: bool,
}

/// Why a slot does not take a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Not of what the slot shows or waits for.
    OtherLayer,
    /// A picture starts with a key frame.
    NoKeyFrame,
    Padding,
    /// Its number was used already, or lies too far back.
    Late,
}

#[derive(Debug)]
pub struct Slot {
    kind: Kind,
    wanted: Option<Filling>,
    /// Layer to be shown; the present one goes on until it has a key frame.
    layer: usize,
    carries: Option<(Filling, usize)>,
    before: Option<(Filling, Instant)>,
    shown: Option<Carried>,
    told: bool,
    /// Of its tile. Device pixels.
    height: u32,
    run: Run,
    last: Last,
    /// Numbers that may still be passed over, as of the last packet.
    skips: u64,
    used: Window,
}

/// How the present source's numbers become the slot's.
#[derive(Debug, Default)]
struct Run {
    first_in: u64,
    highest_in: u64,
    first_out: u64,
    timestamp_offset: u32,
    picture_offset: u16,
    tl0_offset: u8,
    key_offset: u8,
    gaps: VecDeque<u64>,
}

/// The newest numbers that the slot has used.
#[derive(Debug)]
struct Last {
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0_index: u8,
    key_index: u8,
    at: Option<Instant>,
}

impl Slot {
    /// `start`: any number; where the slot's own numbers begin.
    pub fn new(kind: Kind, start: u64) -> Self {
        Slot {
            kind,
            wanted: None,
            layer: 0,
            carries: None,
            before: None,
            shown: None,
            told: true,
            height: 0,
            run: Run::default(),
            last: Last {
                // SRTP's rollover counter begins at 0, and the browser must agree (RFC 3711 section 3.3.1).
                sequence: start & 0x3fff,
                timestamp: (start >> 16) as u32,
                picture_id: (start >> 48) as u16 & 0x7fff,
                tl0_index: (start >> 8) as u8,
                key_index: (start >> 4) as u8 & 0x1f,
                at: None,
            },
            skips: SKIPPED_MAX,
            used: Window::default(),
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn wanted(&self) -> Option<Filling> {
        self.wanted
    }

    pub fn carries(&self) -> Option<Filling> {
        self.carries.map(|(filling, _)| filling)
    }

    /// What it was filled with before it was left, and since when.
    pub fn before(&self) -> Option<(Filling, Instant)> {
        self.before
    }

    /// What the browser is to be told; a switch shows from its first packet on.
    pub fn shown(&self) -> Option<Carried> {
        self.shown
    }

    pub fn is_told(&self) -> bool {
        self.told
    }

    pub fn set_told(&mut self) {
        self.told = true;
    }

    /// Whose key frame it waits for, and for which layer.
    pub fn awaits(&self) -> Option<(Filling, usize)> {
        let wanted = self.wanted.filter(|_| self.kind == Kind::Video)?;
        (self.carries != Some((wanted, self.layer))).then_some((wanted, self.layer))
    }

    /// What goes out now, else what is awaited: the layer that a listener's own wish for a key frame is about.
    pub fn source_layer(&self) -> Option<(Filling, usize)> {
        self.awaits().or(self.carries)
    }

    pub fn set_layer(&mut self, layer: usize) {
        self.layer = layer;
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn set_height(&mut self, height: u32) {
        self.height = height;
    }

    /// Fills the slot from now on, or leaves it empty. True: it carried something and is empty at once, so what is kept of that has
    /// to be discarded.
    pub fn assign(&mut self, wanted: Option<Filling>, now: Instant) -> bool {
        if self.wanted == wanted {
            return false;
        }
        self.before = self.wanted.map(|left| (left, now)).or(self.before);
        self.wanted = wanted;
        // Nobody is shown in another's place, not even for a moment: the slot is empty, and the browser told so, until the next
        // source's first packet.
        self.carries().is_some() && self.carries() != wanted && self.empty()
    }

    /// Carries nothing any more. True: it did before.
    pub fn empty(&mut self) -> bool {
        let carried = self.carries.take().is_some();
        if self.shown.take().is_some() {
            self.told = false;
        }
        carried
    }

    /// The numbers for a packet, if this slot takes it.
    pub fn take(&mut self, from: PeerKey, packet: &Packet, now: Instant) -> Result<Forwarded, Skip> {
        let present = self.carries.filter(|(filling, layer)| {
            filling.from == from && filling.feed == packet.feed && *layer == packet.layer
        });
        let wanted = self.wanted.filter(|filling| {
            filling.from == from
                && filling.feed == packet.feed
                && (self.kind == Kind::Audio || packet.layer == self.layer)
        });
        let switches = match (present, wanted) {
            (None, Some(_)) => self.may_start(packet),
            (Some(_), _) if self.is_far(packet.sequence, now) => {
                if !self.may_start(packet) {
                    return Err(Skip::NoKeyFrame);
                }
                true
            }
            (Some(_), _) => false,
            (None, None) => return Err(Skip::OtherLayer),
        };
        if switches {
            let filling = wanted.or(present.map(|(filling, _)| filling)).ok_or(Skip::OtherLayer)?;
            self.start(filling, packet, now);
        } else if present.is_none() {
            return Err(if packet.payload.is_empty() { Skip::Padding } else { Skip::NoKeyFrame });
        }
        let numbers = self.number(packet, now)?;
        Ok(Forwarded {
            numbers: Numbers { marker: numbers.marker || (switches && self.kind == Kind::Audio), ..numbers },
            switched: switches,
        })
    }

    /// Whether this packet of the present source went out here, since it fills the slot.
    pub fn has_sent(&self, sequence: u64) -> bool {
        self.carries.is_some() && self.run.place(sequence).is_some_and(|number| self.used.has(number))
    }

    /// It belongs to another run of numbers, or would run away from who listens.
    fn is_far(&self, sequence: u64, now: Instant) -> bool {
        let most = self.last.sequence + 1 + self.skips(now);
        sequence.abs_diff(self.run.highest_in) > JUMP
            || self.run.place(sequence).is_some_and(|number| number > most)
    }

    fn skips(&self, now: Instant) -> u64 {
        let passed = self.last.at.map_or(0, |at| now.saturating_duration_since(at).as_millis() as u64);
        (self.skips + passed * SKIPPED_PER_MILLISECOND).min(SKIPPED_MAX)
    }

    fn may_start(&self, packet: &Packet) -> bool {
        !packet.payload.is_empty()
            && match self.kind {
                Kind::Audio => true,
                Kind::Video => packet.picture.is_some_and(|picture| picture.starts_key_frame),
            }
    }

    fn start(&mut self, filling: Filling, packet: &Packet, now: Instant) {
        let passed = self.last.at.map_or(0, |at| now.saturating_duration_since(at).as_micros());
        let passed = (passed * u128::from(self.kind.clock_rate()) / 1_000_000) as u32;
        let timestamp = self.last.timestamp.wrapping_add(passed.max(step_min(self.kind)));
        let picture = packet.picture.unwrap_or_default();
        self.run = Run {
            first_in: packet.sequence,
            highest_in: packet.sequence,
            first_out: self.last.sequence + 1,
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
            picture_offset: (self.last.picture_id + 1).wrapping_sub(picture.picture_id.unwrap_or(0)),
            tl0_offset: self.last.tl0_index.wrapping_add(1).wrapping_sub(picture.tl0_index.unwrap_or(0)),
            key_offset: (self.last.key_index + 1).wrapping_sub(picture.key_index.unwrap_or(0)),
            gaps: VecDeque::new(),
        };
        let same = self.carries.is_some_and(|(before, _)| before == filling);
        self.carries = Some((filling, packet.layer));
        if !same {
            self.shown = Some(Carried {
                subject: filling.subject,
                source: filling.feed.source(),
                from_timestamp: timestamp,
            });
            self.told = false;
        }
    }

    fn number(&mut self, packet: &Packet, now: Instant) -> Result<Numbers, Skip> {
        let run = &mut self.run;
        let sequence = run.place(packet.sequence).ok_or(Skip::Late)?;
        let newest = sequence > self.last.sequence;
        if packet.payload.is_empty() {
            run.close_gap(packet.sequence);
            return Err(Skip::Padding);
        }
        if !self.used.take(sequence) {
            return Err(Skip::Late);
        }
        let Picture { picture_id, tl0_index, key_index, .. } = packet.picture.unwrap_or_default();
        let numbers = Numbers {
            sequence,
            timestamp: packet.timestamp.wrapping_add(run.timestamp_offset),
            marker: packet.marker,
            picture_id: picture_id.map(|id| id.wrapping_add(run.picture_offset) & 0x7fff),
            tl0_index: tl0_index.map(|index| index.wrapping_add(run.tl0_offset)),
            key_index: key_index.map(|index| index.wrapping_add(run.key_offset) & 0x1f),
        };
        run.highest_in = run.highest_in.max(packet.sequence);
        if newest {
            self.skips = self.skips(now).saturating_sub(sequence - self.last.sequence - 1);
            self.last = Last {
                sequence,
                timestamp: numbers.timestamp,
                picture_id: numbers.picture_id.unwrap_or(self.last.picture_id),
                tl0_index: numbers.tl0_index.unwrap_or(self.last.tl0_index),
                key_index: numbers.key_index.unwrap_or(self.last.key_index),
                at: Some(now),
            };
        }
        Ok(numbers)
    }
}

impl Run {
    fn place(&self, sequence: u64) -> Option<u64> {
        let gaps = self.gaps.iter().filter(|gap| **gap < sequence).count() as u64;
        Some(self.first_out + sequence.checked_sub(self.first_in)? - gaps)
    }

    /// Padding alone is not forwarded; later packets move up. Only while no later one has its number already.
    fn close_gap(&mut self, sequence: u64) {
        if sequence <= self.highest_in {
            return;
        }
        self.highest_in = sequence;
        self.gaps.push_back(sequence);
        if self.gaps.len() > GAPS_MAX {
            let oldest = self.gaps.pop_front().expect("just filled");
            self.first_out += oldest + 1 - self.first_in - 1;
            self.first_in = oldest + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    const ANNA: PeerKey = PeerKey(1, 1);
    const BERT: PeerKey = PeerKey(2, 1);

    fn filling(from: PeerKey, feed: Feed) -> Filling {
        Filling { from, subject: Subject(from.0), feed }
    }

    fn frame(feed: Feed, sequence: u64, timestamp: u32, key: bool) -> Packet {
        let video = feed.kind() == Kind::Video;
        Packet {
            feed,
            layer: 0,
            sequence,
            timestamp,
            marker: video,
            level: None,
            red: None,
            picture: video.then_some(Picture {
                starts_key_frame: key,
                picture_id: Some(sequence as u16 & 0x7fff),
                tl0_index: Some(sequence as u8),
                key_index: None,
                height: None,
            }),
            payload: Arc::from(&b"payload"[..]),
        }
    }

    /// Goes on by one step each, whatever the sources' own numbers are.
    fn check_continuous(feed: Feed, sources: &[(PeerKey, u64, u32)]) {
        let mut slot = Slot::new(feed.kind(), 0xfedc_ba98_7654_3210);
        let mut now = Instant::now();
        let mut before: Option<Numbers> = None;
        for (from, first, timestamp) in sources {
            slot.assign(Some(filling(*from, feed)), now);
            for step in 0..5 {
                let packet =
                    frame(feed, first + step, timestamp.wrapping_add(3_000 * step as u32), step == 0);
                now += Duration::from_millis(33);
                let taken = slot.take(*from, &packet, now).expect("taken");
                assert_eq!(taken.switched, step == 0);
                if let Some(before) = before {
                    assert_eq!(taken.numbers.sequence, before.sequence + 1);
                    assert_eq!(taken.numbers.picture_id, before.picture_id.map(|id| (id + 1) & 0x7fff));
                    assert_eq!(taken.numbers.tl0_index, before.tl0_index.map(|index| index.wrapping_add(1)));
                    let step = taken.numbers.timestamp.wrapping_sub(before.timestamp);
                    assert!((900..10_000).contains(&step), "timestamp step {step}");
                }
                before = Some(taken.numbers);
            }
        }
    }

    #[test]
    fn numbers_go_on_over_switches() {
        let sources =
            [(ANNA, 65_530, u32::MAX - 4_000), (BERT, 3, 7), (ANNA, 66_000, 900_000), (BERT, 900_000, 1)];
        check_continuous(Feed::Camera, &sources);
        check_continuous(Feed::Microphone, &sources);
    }

    #[test]
    fn a_slot_for_somebody_else_is_empty_until_a_key_frame() {
        let now = Instant::now();
        let mut slot = Slot::new(Kind::Video, 0);
        slot.assign(Some(filling(ANNA, Feed::Camera)), now);
        assert!(slot.take(ANNA, &frame(Feed::Camera, 1, 0, false), now).is_err());
        assert!(slot.take(ANNA, &frame(Feed::Camera, 2, 0, true), now).is_ok());
        assert!(slot.assign(Some(filling(BERT, Feed::Camera)), now));
        assert_eq!((slot.shown(), slot.is_told()), (None, false));
        assert_eq!(slot.awaits(), Some((filling(BERT, Feed::Camera), 0)));
        assert!(slot.take(BERT, &frame(Feed::Camera, 9, 0, false), now).is_err());
        assert!(slot.take(ANNA, &frame(Feed::Camera, 3, 0, true), now).is_err());
        assert!(slot.take(BERT, &frame(Feed::Camera, 10, 0, true), now).is_ok());
        assert_eq!(slot.shown().map(|shown| shown.subject), Some(Subject(2)));
        assert!(slot.take(ANNA, &frame(Feed::Camera, 4, 0, true), now).is_err());
    }

    #[test]
    fn the_old_layer_goes_on_until_the_next_has_a_key_frame() {
        let now = Instant::now();
        let mut slot = Slot::new(Kind::Video, 0);
        slot.assign(Some(filling(ANNA, Feed::Camera)), now);
        let upper = |sequence: u64, key: bool| Packet { layer: 1, ..frame(Feed::Camera, sequence, 0, key) };
        let first = slot.take(ANNA, &frame(Feed::Camera, 2, 0, true), now).expect("taken");
        slot.set_told();
        slot.set_layer(1);
        assert!(slot.take(ANNA, &upper(70, false), now).is_err());
        assert!(slot.take(ANNA, &frame(Feed::Camera, 3, 0, false), now).is_ok());
        let switched = slot.take(ANNA, &upper(71, true), now).expect("taken");
        assert!(switched.switched && slot.is_told());
        assert_eq!(switched.numbers.sequence, first.numbers.sequence + 2);
        assert!(slot.take(ANNA, &frame(Feed::Camera, 4, 0, false), now).is_err());
    }

    #[test]
    fn an_emptied_slot_takes_nothing_and_says_so() {
        let now = Instant::now();
        let mut slot = Slot::new(Kind::Audio, 0);
        slot.assign(Some(filling(ANNA, Feed::Microphone)), now);
        assert!(slot.take(ANNA, &frame(Feed::Microphone, 1, 0, false), now).is_ok());
        slot.set_told();
        assert!(slot.assign(None, now));
        assert_eq!((slot.shown(), slot.is_told()), (None, false));
        assert!(slot.take(ANNA, &frame(Feed::Microphone, 2, 0, false), now).is_err());
    }

    #[test]
    fn padding_leaves_no_gap_and_late_packets_keep_their_place() {
        let now = Instant::now();
        let mut slot = Slot::new(Kind::Video, 0);
        slot.assign(Some(filling(ANNA, Feed::Camera)), now);
        let mut take = |sequence: u64, padding: bool| {
            let mut packet = frame(Feed::Camera, sequence, 0, sequence == 10);
            if padding {
                packet.payload = Arc::from(&[][..]);
            }
            slot.take(ANNA, &packet, now).ok().map(|taken| taken.numbers.sequence)
        };
        let first = take(10, false).expect("taken");
        assert_eq!(take(12, false), Some(first + 2));
        assert_eq!(take(13, true), None);
        assert_eq!(take(14, false), Some(first + 3));
        assert_eq!(take(11, false), Some(first + 1));
        assert_eq!(take(9, false), None);
        for sequence in 15..200 {
            assert_eq!(take(sequence, true), None);
        }
        assert_eq!(take(200, false), Some(first + 4));
    }

    #[test]
    fn a_late_packet_from_before_padding_takes_no_number_of_the_next_sources() {
        let now = Instant::now();
        let mut slot = Slot::new(Kind::Audio, 0);
        slot.assign(Some(filling(ANNA, Feed::Microphone)), now);
        let mut packet = frame(Feed::Microphone, 10, 0, false);
        let first = slot.take(ANNA, &packet, now).expect("taken").numbers.sequence;
        packet.payload = Arc::from(&[][..]);
        packet.sequence = 50;
        assert_eq!(slot.take(ANNA, &packet, now), Err(Skip::Padding));
        let late = slot.take(ANNA, &frame(Feed::Microphone, 40, 0, false), now).expect("taken");
        assert_eq!(late.numbers.sequence, first + 30);
        slot.assign(Some(filling(BERT, Feed::Microphone)), now);
        let next = slot.take(BERT, &frame(Feed::Microphone, 7, 0, false), now).expect("taken");
        assert!(next.switched);
        assert_eq!(next.numbers.sequence, first + 31);
    }

    #[test]
    fn no_number_is_used_twice_whatever_comes_twice() {
        let now = Instant::now();
        let mut slot = Slot::new(Kind::Audio, 0);
        slot.assign(Some(filling(ANNA, Feed::Microphone)), now);
        let mut numbers = Vec::new();
        // Copies, also from another SSRC with the same numbers, what comes late, and what starts anew.
        for sequence in [10, 11, 11, 13, 12, 12, 10, 9_000, 9_000, 9_001, 13, 9_001, 9_002] {
            let taken = slot.take(ANNA, &frame(Feed::Microphone, sequence, 0, false), now);
            numbers.extend(taken.map(|taken| taken.numbers.sequence));
        }
        let mut unique = numbers.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!((numbers.len(), unique.len()), (9, 9), "{numbers:?}");
        assert!(slot.has_sent(9_002) && !slot.has_sent(9_003) && !slot.has_sent(13));
        slot.assign(None, now);
        assert!(!slot.has_sent(9_002));
    }

    #[test]
    fn numbers_never_run_away_from_who_listens() {
        let check = |feed: Feed, padded: bool| {
            let start = Instant::now();
            let mut slot = Slot::new(feed.kind(), 0);
            slot.assign(Some(filling(ANNA, feed)), start);
            let first = slot.take(ANNA, &frame(feed, 10, 0, true), start).expect("taken").numbers.sequence;
            let mut last = first;
            for step in 1..500 {
                let now = start + Duration::from_millis(2 * step);
                let mut packet = frame(feed, 10 + 2_990 * step, 0, false);
                if padded && step % 20 != 0 {
                    packet.payload = Arc::from(&[][..]);
                }
                last = slot.take(ANNA, &packet, now).map_or(last, |taken| taken.numbers.sequence);
            }
            assert!(last - first <= SKIPPED_MAX + 1_000 * SKIPPED_PER_MILLISECOND + 500, "{}", last - first);
            let next = slot.take(ANNA, &frame(feed, 5_000_000, 0, true), start + Duration::from_secs(1));
            assert!(next.is_ok(), "and it goes on");
        };
        for feed in [Feed::Microphone, Feed::Camera] {
            check(feed, false);
            check(feed, true);
        }
    }

    #[test]
    fn a_sender_that_starts_anew_goes_on_in_the_slot() {
        let now = Instant::now();
        let mut slot = Slot::new(Kind::Video, 0);
        slot.assign(Some(filling(ANNA, Feed::Camera)), now);
        let first = slot.take(ANNA, &frame(Feed::Camera, 50_000, 0, true), now).expect("taken");
        assert!(slot.take(ANNA, &frame(Feed::Camera, 7, 0, false), now).is_err());
        let next = slot.take(ANNA, &frame(Feed::Camera, 8, 0, true), now).expect("taken");
        assert_eq!(next.numbers.sequence, first.numbers.sequence + 1);
    }
}
