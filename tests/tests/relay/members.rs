//! A member with authentic packets like no browser's: they cost that member, and nobody else notices.

use hearth_forwarding::Source;
use hearth_protocol::Source as Sent;
use hearth_tests::{
    generator::{CAMERA, Generator, MICROPHONE, Pace, Shape},
    hand::{Hand, MID, REPAIRED_RID, Rtp, rtcp},
};

use crate::meeting::{Meeting, wait, wait_more};

const REJECTED: &str = "hearth_relay_rejected_packets_total";
const DROPPED: &str = "hearth_relay_dropped_packets_total";
/// RFC 4585 section 6.1.
const FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

/// Anna is by hand; Bert talks to Cleo and wants his peace.
struct Scene {
    meeting: Meeting,
    anna: Hand,
    bert: Generator,
    cleo: Generator,
}

impl Scene {
    fn of(shape: &Shape) -> Scene {
        let meeting = Meeting::of(&[1, 2, 3]);
        let anna = meeting.join_by_hand(1, shape);
        let (bert, cleo) = (meeting.join(2, &Shape::default()), meeting.join(3, &Shape::default()));
        bert.send(Sent::Microphone, Pace::VOICE);
        wait_more(&cleo, 2, MICROPHONE);
        Scene { meeting, anna, bert, cleo }
    }

    fn count(&self, name: &str, label: &str) -> u64 {
        self.meeting.count(name, label)
    }

    fn check_goes_on(&self) {
        wait_more(&self.cleo, 2, MICROPHONE);
        assert!(!self.bert.is_ended() && !self.cleo.is_ended());
        assert_eq!(self.count("hearth_relay_peers_total", "panicked"), 0);
        assert_eq!(self.count("hearth_relay_worker_restarts_total", ""), 0);
    }
}

/// A small generator of its own (xorshift), so that a seed replays a failure.
struct Dice(u64);

impl Dice {
    fn new() -> Dice {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_0003);
        println!("SEED={seed}");
        Dice(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

#[test]
fn a_spray_of_authentic_ssrcs_ends_at_a_limit() {
    let scene = Scene::of(&Shape { rids: vec!["q", "h"], ..Shape::default() });
    let anna = &scene.anna;
    let extensions = vec![
        (anna.extension(MID), anna.camera.mid.clone().into_bytes()),
        (anna.extension(REPAIRED_RID), b"q".to_vec()),
    ];
    for ssrc in 0..1_000 {
        let payload_type = anna.camera.repair_type;
        let rtp = Rtp {
            ssrc: 0x5000_0000 + ssrc,
            extensions: extensions.clone(),
            payload_type,
            ..anna.picture(1, 5)
        };
        anna.send(&rtp);
    }
    wait("refusals", || scene.count(REJECTED, "too_many_ssrcs") >= 900);
    scene.check_goes_on();
}

#[test]
fn a_burst_of_a_thousand_packets_is_not_forwarded_whole() {
    let scene = Scene::of(&Shape::default());
    wait("a slot", || {
        scene.anna.send(&scene.anna.speech(1, 50));
        scene.cleo.received_since(1, MICROPHONE, 1) > 0
    });
    // A few at a time: a socket's buffer does not hold them all.
    let next = std::cell::Cell::new(1_000);
    wait("a limit", || {
        let first = next.replace(next.get() + 100);
        (first..first + 100).for_each(|sequence| scene.anna.send(&scene.anna.speech(2, sequence)));
        scene.count(DROPPED, "over_budget") > 0 || next.get() > 60_000
    });
    assert!(scene.count(DROPPED, "over_budget") > 0);
    scene.check_goes_on();
}

#[test]
fn heads_that_do_not_add_up_go_nowhere() {
    let scene = Scene::of(&Shape::default());
    let anna = &scene.anna;
    let (good, head) = Rtp { extensions: vec![(1, vec![7; 4])], ..anna.speech(1, 50) }.bytes();
    let broken = |at: usize, value: u8| {
        let mut packet = good.clone();
        packet[at] = value;
        packet
    };
    // Twelve, then the form of the extension (12, 13) and its words (14, 15), then the elements.
    let packets = [broken(0, 0x9f), broken(14, 0xff), broken(15, 0xff), broken(16, 0x1f), broken(16, 0xee)];
    for packet in &packets {
        for _ in 0..20 {
            anna.client.send_raw(anna.keys().seal_rtp(packet, head));
        }
    }
    wait("refusals", || scene.count(REJECTED, "malformed") >= 20 * packets.len() as u64 - 20);
    scene.check_goes_on();
    assert_eq!(scene.cleo.received_since(1, MICROPHONE, 0), 0);
}

#[test]
fn padding_that_says_it_is_longer_than_its_packet_goes_nowhere() {
    let scene = Scene::of(&Shape::default());
    let anna = &scene.anna;
    for (sequence, length) in (100..).zip([0, 1, 90, 255]) {
        let (mut packet, head) = Rtp { padding: 4, ..anna.speech(1, sequence) }.bytes();
        *packet.last_mut().expect("padding") = length;
        anna.client.send_raw(anna.keys().seal_rtp(&packet, head));
        let bare = Rtp { payload: vec![], padding: length.max(1), ..anna.speech(1, 1_000 + sequence) };
        anna.send(&bare);
    }
    wait("drops", || scene.count(DROPPED, "copy_or_padding") >= 2);
    scene.check_goes_on();
}

#[test]
fn picture_descriptors_without_sense_go_nowhere() {
    let scene = Scene::of(&Shape::default());
    let anna = &scene.anna;
    let mut dice = Dice::new();
    let mut sequence = 100;
    let mut send = |payload: Vec<u8>| {
        sequence += 1;
        anna.send(&Rtp { payload, ..anna.picture(1, sequence) });
    };
    for length in 1..8 {
        [0x80, 0x90, 0xff, 0xf0].iter().for_each(|byte| send(vec![*byte; length]));
    }
    for _ in 0..500 {
        let length = 1 + dice.below(24);
        let mut payload = dice.bytes(length);
        payload[0] |= 0x80;
        send(payload);
    }
    wait("refusals", || scene.count(DROPPED, "bad_picture") > 0);
    scene.check_goes_on();
    // A true picture after all of that is shown, and the next ones too.
    let next = std::cell::Cell::new(2_000);
    wait("a picture", || {
        let sequence = next.replace(next.get() + 1);
        anna.send(&anna.picture(5, sequence));
        scene.cleo.received_since(1, CAMERA, 5) > 3
    });
}

/// What a compound can say that is not so.
fn bombs(anna: &Hand, others: &[u32]) -> Vec<Vec<u8>> {
    let own = anna.voice.ssrc.to_be_bytes();
    let mut bombs = Vec::new();
    for ssrc in others.iter().map(|ssrc| ssrc.to_be_bytes()).chain([own, [0; 4], [0xff; 4]]) {
        // Goodbyes, reports and descriptions in its name.
        bombs.push(rtcp(1, 203, &ssrc));
        bombs.push(rtcp(31, 203, &ssrc.repeat(31)));
        bombs.push(rtcp(0, 200, &[&ssrc[..], &[0xde, 0xad, 0xbe, 0xef].repeat(5)].concat()));
        bombs.push(rtcp(31, 201, &[&own[..], &[&ssrc[..], &[0xff; 20]].concat().repeat(31)].concat()));
        bombs.push(rtcp(1, 202, &[&ssrc[..], &[1, 250, b'x', b'x']].concat()));
        // Key frames, again and again.
        bombs.push(
            [own, ssrc].map(|ssrc| rtcp(1, PAYLOAD_FEEDBACK, &[own, ssrc].concat())).concat().repeat(30),
        );
        let entry = [&ssrc[..], &[9, 0, 0, 0]].concat();
        bombs.push(rtcp(4, PAYLOAD_FEEDBACK, &[&own[..], &[0; 4], &entry.repeat(150)].concat()));
        // More bandwidth than there is, for 255 streams that are not listed.
        let remb = [&own[..], &[0; 4], b"REMB", &[255, 0xff, 0xff, 0xff], &ssrc].concat();
        bombs.push(rtcp(15, PAYLOAD_FEEDBACK, &remb));
        // Transport feedback: 65,535 packets in no chunk, in long runs, and with deltas that are not there.
        for chunk in [&[][..], &[0x3f, 0xff], &[0xbf, 0xff], &[0xff, 0xff]] {
            let head = [&own[..], &ssrc, &[0xff, 0xf0, 0xff, 0xff, 0x80, 0, 0, 1]].concat();
            bombs.push(rtcp(15, FEEDBACK, &[&head[..], &chunk.repeat(40)].concat()));
        }
        // Everything that was ever sent, please.
        let all: Vec<u8> =
            (0..300_u16).flat_map(|at| [&(at * 200).to_be_bytes()[..], &[0xff; 2]].concat()).collect();
        bombs.push(rtcp(1, FEEDBACK, &[&own[..], &ssrc, &all].concat()));
        // Extended reports and applications of nobody.
        bombs.push(rtcp(0, 207, &[&ssrc[..], &[4, 0, 0, 2], &[7; 8], &[5, 0, 0xff, 0xff]].concat()));
        bombs.push(rtcp(31, 204, &[&ssrc[..], b"none", &[1; 300]].concat()));
    }
    // Lengths that do not add up.
    for words in [0_u16, 1, 5, 0xffff] {
        let mut packet = rtcp(3, 201, &own.repeat(8));
        packet[2..4].copy_from_slice(&words.to_be_bytes());
        bombs.push(packet);
    }
    // And as much as a datagram holds.
    bombs.push(rtcp(0, 201, &own).repeat(170));
    bombs
}

#[test]
fn reports_that_lie_change_nothing_for_anybody_else() {
    let scene = Scene::of(&Shape::default());
    let anna = &scene.anna;
    // The relay's own streams to her, and one that nobody knows.
    let others = std::cell::RefCell::new(vec![0x1234_5678]);
    wait("the relay's streams", || {
        others.borrow_mut().extend(ssrcs_of(&anna.client.take_kept()));
        others.borrow().len() > 1
    });
    let others = others.into_inner();
    let mut dice = Dice::new();
    for bomb in bombs(anna, &others) {
        anna.report(&bomb[..bomb.len().min(1_400)]);
        for _ in 0..6 {
            let mut broken = bomb.clone();
            for _ in 0..=dice.below(4) {
                let at = dice.below(broken.len());
                broken[at] = dice.below(256) as u8;
            }
            let length = 8 + dice.below(broken.len());
            broken.truncate(length.min(1_400));
            broken.resize(broken.len().max(8), 0);
            anna.report(&broken);
        }
    }
    scene.check_goes_on();
    // Whoever said goodbye to herself is still here.
    let next = std::cell::Cell::new(3_000);
    wait("her voice", || {
        let sequence = next.replace(next.get() + 1);
        anna.send(&anna.speech(5, sequence));
        scene.cleo.received_since(1, MICROPHONE, 5) > 3
    });
}

/// Of RTP, in the clear on the wire.
fn ssrcs_of(datagrams: &[Vec<u8>]) -> Vec<u32> {
    let mut ssrcs: Vec<u32> = rtp_of(datagrams)
        .map(|packet| u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]))
        .collect();
    ssrcs.sort_unstable();
    ssrcs.dedup();
    ssrcs
}

fn rtp_of(datagrams: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    let is_rtp = |packet: &&[u8]| {
        packet.len() > 12 && (128..192).contains(&packet[0]) && !(192..224).contains(&packet[1])
    };
    datagrams.iter().map(Vec::as_slice).filter(is_rtp)
}

#[test]
fn a_storm_of_requests_to_send_again_is_answered_within_a_budget() {
    let scene = Scene::of(&Shape::default());
    scene.bert.send(Sent::Camera, Pace { packets_per_second: 400, ..Pace::VIDEO });
    let anna = &scene.anna;
    wait("pictures", || anna.client.received_since(2, CAMERA, 0) > 300);
    let video = anna.camera.payload_type;
    let kept = anna.client.take_kept();
    let pictures: Vec<&[u8]> = rtp_of(&kept).filter(|packet| packet[1] & 0x7f == video).collect();
    let newest = pictures.last().expect("pictures");
    let last = u16::from_be_bytes([newest[2], newest[3]]);
    // Each of the last five hundred, ten times in one datagram, two hundred datagrams.
    let entries: Vec<u8> = (0..300_u16)
        .flat_map(|at| [&last.wrapping_sub(at % 30 * 17 + 17).to_be_bytes()[..], &[0xff; 2]].concat())
        .collect();
    let storm = rtcp(1, FEEDBACK, &[&anna.voice.ssrc.to_be_bytes()[..], &newest[8..12], &entries].concat());
    let forwarded = || scene.count("hearth_relay_forwarded_packets_total", "");
    let before = forwarded();
    for _ in 0..200 {
        anna.report(&storm);
    }
    scene.check_goes_on();
    wait("a limit", || scene.count(DROPPED, "repairs_over_budget") > 0);
    wait_more(&scene.cleo, 2, CAMERA);
    let repair = anna.camera.repair_type;
    let repaired =
        rtp_of(&anna.client.take_kept()).filter(|packet| packet[1] & 0x7f == repair).count() as u64;
    let forwarded = forwarded() - before;
    assert!(repaired > 0 && repaired <= 256 + forwarded / 2, "{repaired} repairs of {forwarded} packets");
}

#[test]
fn repairs_and_padding_bring_nothing_through_a_closed_gate() {
    let mut scene = Scene::of(&Shape::default());
    let next = std::cell::Cell::new(100);
    wait("her picture", || {
        let sequence = next.replace(next.get() + 1);
        scene.anna.send(&scene.anna.picture(1, sequence));
        scene.cleo.received_since(1, CAMERA, 1) > 5
    });
    scene.meeting.set_gate(1, Source::Camera, false);
    let before = scene.count("hearth_relay_gate_closed_packets_total", "facilitator");
    let first = next.get() + 10;
    for at in 0..40 {
        // New ones, holes of before and of now repaired, padding between.
        scene.anna.send(&scene.anna.picture(7, first + 3 * at));
        scene.anna.send(&scene.anna.repair(&scene.anna.picture(7, first + 3 * at + 1), 5_000 + 2 * at));
        scene.anna.send(&scene.anna.repair(&scene.anna.picture(7, first - 9), 5_001 + 2 * at));
        scene.anna.send(&Rtp { payload: vec![], padding: 200, ..scene.anna.picture(7, first + 3 * at + 2) });
    }
    wait("drops at the gate", || {
        scene.count("hearth_relay_gate_closed_packets_total", "facilitator") >= before + 80
    });
    scene.check_goes_on();
    assert_eq!(scene.cleo.received_since(1, CAMERA, 7), 0);
}
