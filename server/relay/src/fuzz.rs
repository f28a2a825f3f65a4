//! What strangers' bytes reach first, each part by itself, for fuzzing. Where a part breaks its word, it panics.

mod offer;
mod reports;
mod session;

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind, Write},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hearth_forwarding::Subject;

use crate::{
    demux::{Demux, Path, PeerKey, Via},
    feed::{Feed, Kind},
    guard::{self, Guard, Line, Negotiated},
    packet::{Packet, Picture},
    rtp::Ids,
    slot::{Filling, Slot},
    tcp::frame::{Decoder, FRAME_MAX, Queue},
};

pub use offer::offer;
pub use reports::reports;
pub use session::session;

/// The bytes as a row of choices; when they are used up, all are zero.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        self.some(1).first().copied().unwrap_or(0)
    }

    fn number(&mut self) -> u32 {
        self.some(4).iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    fn some(&mut self, length: usize) -> &'a [u8] {
        let (some, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        some
    }

    /// As a datagram: its length stands before it.
    fn datagram(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()) * 6;
        self.some(length)
    }
}

/// Datagrams for one connection, with time, offers and what could be opened between them.
pub fn guard(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let mut guard = Guard::default();
    let mut now = Instant::now();
    guard.negotiate(negotiated(choices.byte()));
    while !choices.is_over() {
        match choices.byte() % 8 {
            0 => guard.negotiate(negotiated(choices.byte())),
            1 => now += Duration::from_millis(u64::from(choices.byte()) * 20),
            2 => guard.authenticated(now, choices.number()),
            kind => {
                let datagram = choices.datagram();
                let known = guard::kind(datagram);
                let named = guard::local_ufrag(datagram);
                assert!(named.is_none_or(|ufrag| (4..=256).contains(&ufrag.len())));
                assert!(named.is_none() || known == Some(guard::Kind::Stun));
                // As in the worker, and once in a while as if it were RTP all the same.
                if known != Some(guard::Kind::Rtp) && kind != 7 {
                    continue;
                }
                let passed = guard.header(datagram).and_then(|header| guard.rtp(now, &header));
                if let (Ok(_), Some(ssrc)) = (passed, datagram.get(8..12)) {
                    let ssrc = u32::from_be_bytes([ssrc[0], ssrc[1], ssrc[2], ssrc[3]]);
                    assert_eq!(guard.layer(ssrc).is_some(), ssrc != 0, "what passes stands for something");
                    if kind == 3 {
                        guard.authenticated(now, ssrc);
                    }
                }
            }
        }
        guard.check_consistent();
    }
}

fn negotiated(choice: u8) -> Negotiated {
    let line = |mid: &str, rids: &[&str], payloads: &[u8], repairs: &[u8], ssrcs: &[u32]| Line {
        mid: mid.into(),
        rids: rids.iter().map(|rid| (*rid).to_owned()).collect(),
        payloads: payloads.into(),
        repairs: repairs.into(),
        ssrcs: ssrcs.into(),
    };
    let mut lines = vec![
        line("0", &[], &[111, 63], &[], &[500]),
        line("1", &["q", "h", "f"], &[96], &[97], &[]),
        line("2", &[], &[96], &[97], &[]),
    ];
    if choice & 1 != 0 {
        lines.reverse();
    }
    lines.truncate(usize::from(choice >> 1 & 3));
    let id = |bit: u8, id: u8| (choice & bit == 0).then_some(id);
    let ids = Ids { mid: id(0x10, 4), rid: id(0x20, 10), rrid: id(0x40, 11), ..Ids::default() };
    Negotiated { ids, lines }
}

/// Peers that come, offer, are checked, and go.
pub fn demux(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let mut demux = Demux::default();
    while !choices.is_over() {
        let (order, who, what) = (choices.byte(), choices.byte(), choices.byte());
        let peer = PeerKey(u32::from(who % 5), 1);
        let via = if what & 0x80 == 0 { Via::Udp } else { Via::Tcp };
        let path = Path { via, remote: SocketAddr::from(([192, 0, 2, 1], u16::from(what & 0x7f))) };
        match order % 4 {
            0 => {
                let ufrag = format!("ufrag{}", what % 32);
                if demux.add_ufrag(ufrag.clone(), peer) {
                    assert_eq!(demux.by_ufrag(&ufrag), Some(peer));
                }
            }
            1 => {
                let before = demux.find(path);
                demux.bind(path, peer);
                assert!(demux.find(path) == Some(peer) || demux.find(path) == before);
            }
            2 => {
                demux.unbind(path);
                assert_eq!(demux.find(path), None);
            }
            _ => demux.remove(peer),
        }
        demux.check_consistent();
    }
}

/// Whatever sources send, a slot takes only what it was given, starts pictures with a key frame, and uses each number once.
pub fn slot(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let feed = if choices.byte() & 1 == 0 { Feed::Microphone } else { Feed::Camera };
    let mut slot = Slot::new(feed.kind(), u64::from(choices.number()) << 17);
    let mut now = Instant::now();
    let mut wanted = None;
    let mut carried: Option<(PeerKey, usize)> = None;
    let mut used = BTreeSet::new();
    let filling = |from: PeerKey| Filling { from, subject: Subject(from.0), feed };
    while !choices.is_over() {
        let (order, who) = (choices.byte(), choices.byte());
        let from = PeerKey(u32::from(who % 3), 1);
        now += Duration::from_micros(u64::from(choices.byte()) * 500);
        match order % 16 {
            0 => {
                wanted = (who < 0xc0).then_some(from);
                slot.assign(wanted.map(filling), now);
                carried = carried.filter(|(from, _)| wanted == Some(*from));
            }
            1 => slot.set_layer(usize::from(who % 3)),
            2 => {
                slot.empty();
                carried = None;
            }
            _ => {
                let packet = packet(feed, &mut choices);
                let Ok(taken) = slot.take(from, &packet, now) else { continue };
                assert!(!packet.payload.is_empty(), "padding is not forwarded");
                if taken.switched {
                    assert_eq!(wanted, Some(from), "nobody else begins here");
                    let starts = packet.picture.is_some_and(|picture| picture.starts_key_frame);
                    assert!(feed.kind() == Kind::Audio || starts);
                    carried = Some((from, packet.layer));
                }
                assert_eq!(carried, Some((from, packet.layer)), "what was not given is not taken");
                assert!(used.insert(taken.numbers.sequence), "a number is used twice");
                assert!(slot.has_sent(packet.sequence));
                assert!(taken.numbers.picture_id.is_none_or(|id| id < 0x8000));
                assert!(slot.shown().is_some_and(|shown| shown.subject == Subject(from.0)));
            }
        }
    }
}

fn packet(feed: Feed, choices: &mut Choices) -> Packet {
    let look = choices.byte();
    let near = u64::from(choices.byte());
    // Most numbers lie near each other, some anywhere.
    let sequence = if look & 0x80 == 0 { 40_000 + near } else { u64::from(choices.number()) };
    let picture = Picture {
        starts_key_frame: look & 1 != 0,
        picture_id: (look & 2 != 0).then_some(near as u16 & 0x7fff),
        tl0_index: (look & 4 != 0).then_some(near as u8),
        key_index: (look & 8 != 0).then_some(near as u8 & 0x1f),
        height: None,
    };
    let is_video = feed.kind() == Kind::Video;
    Packet {
        feed,
        layer: if is_video { usize::from(look >> 4 & 1) } else { 0 },
        sequence,
        timestamp: (near as u32).wrapping_mul(u32::from(look) << 20 | 960),
        marker: look & 0x10 != 0,
        level: None,
        picture: is_video.then_some(picture),
        red: None,
        payload: if look & 0x60 == 0x60 { Arc::from(&[][..]) } else { Arc::from(&b"payload"[..]) },
    }
}

/// RFC 4571: however a stream is cut the same frames come out of it, and of what waits to be written only whole frames, or zeros, arrive.
pub fn frames(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let cut = usize::from(choices.byte()) + 1;
    let (whole, cut) = (decoded(choices.0, choices.0.len().max(1)), decoded(choices.0, cut));
    assert_eq!(whole, cut);
    assert!(whole.iter().all(|frame| (1..=FRAME_MAX).contains(&frame.len())));

    let mut queue = Queue::default();
    let mut wire = Wire::default();
    let (mut pushed, mut purged) = (BTreeSet::new(), false);
    while !choices.is_over() {
        match choices.byte() % 4 {
            0 => {
                queue.purge();
                purged = true;
            }
            1 => {
                wire.room = usize::from(choices.byte()) * 16;
                queue.write(&mut wire).expect("it takes or it does not");
            }
            _ => {
                let datagram = choices.datagram();
                if !datagram.is_empty() && queue.push(datagram) {
                    pushed.insert(datagram.to_vec());
                }
            }
        }
        assert!(queue.held() < 256 << 10);
    }
    wire.room = usize::MAX;
    queue.write(&mut wire).expect("it takes all");
    for frame in decoded(&wire.taken, wire.taken.len().max(1)) {
        let is_purged =
            |pushed: &Vec<u8>| purged && pushed.len() == frame.len() && is_cut_off(&frame, pushed);
        assert!(pushed.contains(&frame) || pushed.iter().any(is_purged), "nobody pushed that");
    }
}

/// It begins like that, and the rest is zeros.
fn is_cut_off(frame: &[u8], of: &[u8]) -> bool {
    let same = frame.iter().zip(of).take_while(|(byte, whole)| byte == whole).count();
    frame[same..].iter().all(|byte| *byte == 0)
}

/// The frames of a stream in pieces of this length, until it breaks.
fn decoded(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for piece in stream.chunks(piece) {
        let whole = decoder.decode(piece, |frame| frames.push(frame.to_vec())).is_ok();
        assert!(decoder.held() < 2 + FRAME_MAX);
        if !whole {
            break;
        }
    }
    frames
}

/// A socket that takes so much and no more.
#[derive(Default)]
struct Wire {
    room: usize,
    taken: Vec<u8>,
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room);
        if taken == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.room -= taken;
        self.taken.extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
