use super::*;

const MID: u8 = 4;
const RID: u8 = 10;
const RRID: u8 = 11;
const MEDIA: u8 = 96;
const REPAIR: u8 = 97;
const OPUS: u8 = 111;

const REAL: u32 = 1000;
const FORGED: u32 = 6666;

/// Camera in layers on line 1, microphone with a declared SSRC on line 0, screen without either on line 2.
fn negotiated() -> Negotiated {
    let line = |mid: &str, rids: &[&str], payloads: &[u8], repairs: &[u8], ssrcs: &[u32]| Line {
        mid: mid.into(),
        rids: rids.iter().map(|rid| rid.to_string()).collect(),
        payloads: payloads.into(),
        repairs: repairs.into(),
        ssrcs: ssrcs.into(),
    };
    Negotiated {
        ids: Ids { mid: Some(MID), rid: Some(RID), rrid: Some(RRID), ..Ids::default() },
        lines: vec![
            line("0", &[], &[OPUS], &[], &[500]),
            line("1", &["q", "h"], &[MEDIA], &[REPAIR], &[]),
            line("2", &[], &[MEDIA], &[REPAIR], &[]),
        ],
    }
}

fn packet(ssrc: u32, payload: u8, elements: &[(u8, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (id, value) in elements {
        body.push(id << 4 | (value.len() as u8 - 1));
        body.extend(value.as_bytes());
    }
    body.resize(body.len().next_multiple_of(4), 0);
    let mut packet = vec![0x80, payload, 0, 1, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    if !elements.is_empty() {
        packet[0] |= 0x10;
        packet.extend([0xbe, 0xde, 0, (body.len() / 4) as u8]);
        packet.extend(body);
    }
    packet.extend([7; 40]);
    packet
}

fn layer(ssrc: u32, rid: &str) -> Vec<u8> {
    packet(ssrc, MEDIA, &[(MID, "1"), (RID, rid)])
}

fn rtp(guard: &mut Guard, now: Instant, packet: &[u8]) -> Result<Entry, Reject> {
    let header = guard.header(packet)?;
    guard.rtp(now, &header)
}

struct Scene {
    guard: Guard,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let mut guard = Guard::default();
        guard.negotiate(negotiated());
        Scene { guard, now: Instant::now() }
    }

    fn check(&mut self, packet: &[u8], expected: Result<Entry, Reject>) {
        assert_eq!(rtp(&mut self.guard, self.now, packet), expected);
    }

    /// Passes, and could be opened.
    fn authentic(&mut self, packet: &[u8], expected: Entry) {
        self.check(packet, Ok(expected));
        let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
        self.guard.authenticated(self.now, ssrc);
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }
}

#[test]
fn one_forged_packet_does_not_steal_a_simulcast_layer() {
    let mut scene = Scene::new();
    scene.authentic(&layer(REAL, "q"), Entry::New);
    scene.check(&layer(FORGED, "q"), Err(Reject::LayerTaken));
    scene.check(&layer(FORGED, "h"), Ok(Entry::New));
    scene.authentic(&packet(REAL, MEDIA, &[]), Entry::Known);
}

#[test]
fn a_layer_claimed_before_its_first_authentic_packet_is_given_back() {
    let mut scene = Scene::new();
    scene.check(&layer(FORGED, "q"), Ok(Entry::New));
    scene.authentic(&layer(REAL, "q"), Entry::Instead(FORGED));
    scene.check(&layer(FORGED, "q"), Err(Reject::LayerTaken));
}

#[test]
fn a_silent_layer_claimed_by_a_forger_returns_to_its_owner_who_names_it_no_more() {
    let mut scene = Scene::new();
    scene.authentic(&layer(REAL, "h"), Entry::New);
    scene.authentic(&packet(REAL + 1, REPAIR, &[(MID, "1"), (RRID, "h")]), Entry::New);
    scene.wait(2_001);
    scene.check(&layer(FORGED, "h"), Ok(Entry::Instead(REAL)));
    scene.check(&packet(REAL, MEDIA, &[]), Ok(Entry::Instead(FORGED)));
    let expected = Layer { mid: "1", rid: Some("h"), main: Some(REAL), repair: Some(REAL + 1) };
    assert_eq!(scene.guard.layer(REAL), Some(expected));
    assert_eq!(scene.guard.layer(FORGED), None);
}

#[test]
fn a_browser_may_change_an_ssrc_after_a_silence_and_its_stray_packets_change_nothing_back() {
    let mut scene = Scene::new();
    scene.authentic(&layer(REAL, "q"), Entry::New);
    scene.wait(2_000);
    scene.authentic(&layer(REAL + 5, "q"), Entry::Instead(REAL));
    scene.check(&packet(REAL, MEDIA, &[]), Err(Reject::LayerTaken));
    assert_eq!(scene.guard.layer(REAL), None, "it stands for nothing now");
    assert_eq!(scene.guard.layer(REAL + 5).and_then(|layer| layer.main), Some(REAL + 5));
}

#[test]
fn forged_repairs_do_not_end_the_real_ones() {
    let mut scene = Scene::new();
    let repair = |ssrc| packet(ssrc, REPAIR, &[(MID, "1"), (RRID, "q")]);
    scene.authentic(&layer(REAL, "q"), Entry::New);
    scene.check(&repair(REAL + 1), Ok(Entry::New));
    scene.wait(1);
    scene.check(&repair(FORGED), Ok(Entry::Instead(REAL + 1)));
    scene.check(&packet(REAL + 1, REPAIR, &[]), Ok(Entry::Instead(FORGED)));
    assert_eq!(scene.guard.layer(REAL).and_then(|layer| layer.repair), Some(REAL + 1));
}

#[test]
fn what_was_not_negotiated_is_rejected_by_name() {
    let mut scene = Scene::new();
    scene.check(&packet(FORGED, MEDIA, &[]), Err(Reject::UnknownSsrc));
    scene.check(&packet(FORGED, MEDIA, &[(MID, "9"), (RID, "q")]), Err(Reject::UnknownMid));
    scene.check(&packet(FORGED, MEDIA, &[(MID, "1"), (RID, "f")]), Err(Reject::UnknownRid));
    scene.check(&packet(FORGED, MEDIA, &[(MID, "1")]), Err(Reject::UnknownRid));
    scene.check(&packet(FORGED, MEDIA, &[(MID, "1"), (RID, "q"), (RRID, "q")]), Err(Reject::UnknownRid));
    scene.check(&packet(FORGED, REPAIR, &[(MID, "1"), (RID, "q")]), Err(Reject::UnknownRid));
    scene.check(&packet(FORGED, MEDIA, &[(MID, "2"), (RID, "q")]), Err(Reject::UnknownRid));
    scene.check(&packet(FORGED, 33, &[(MID, "1"), (RID, "q")]), Err(Reject::UnknownPayload));
    scene.check(&packet(FORGED, OPUS, &[(MID, "0")]), Err(Reject::UndeclaredSsrc));
    scene.check(&packet(500, MEDIA, &[]), Err(Reject::UnknownPayload));
    scene.check(&packet(500, OPUS, &[]), Ok(Entry::New));
    assert_eq!(scene.guard.streams.len(), 1);
}

#[test]
fn a_known_ssrc_cannot_move_to_another_layer() {
    let mut scene = Scene::new();
    scene.authentic(&layer(REAL, "q"), Entry::New);
    scene.check(&layer(REAL, "h"), Err(Reject::OtherLayer));
    scene.check(&packet(REAL, MEDIA, &[(MID, "2")]), Err(Reject::OtherLayer));
    scene.check(&packet(REAL, MEDIA, &[(RRID, "q")]), Err(Reject::OtherLayer));
    scene.check(&packet(REAL, OPUS, &[]), Err(Reject::UnknownPayload));
}

#[test]
fn an_element_named_twice_is_malformed_and_one_after_the_stop_is_not_seen() {
    let mut scene = Scene::new();
    scene.check(&packet(REAL, MEDIA, &[(MID, "1"), (MID, "2"), (RID, "q")]), Err(Reject::Malformed));
    scene.check(&packet(REAL, MEDIA, &[(MID, "1"), (15, "x"), (RID, "q")]), Err(Reject::UnknownRid));
}

#[test]
fn two_byte_elements_are_read() {
    let mut scene = Scene::new();
    let mut packet = packet(REAL, MEDIA, &[]);
    packet[0] |= 0x10;
    let elements = [0x10, 0x00, 0, 3, MID, 1, b'1', 0, 0, RID, 1, b'q', 99, 2, 8, 8];
    packet.splice(12..12, elements);
    scene.authentic(&packet, Entry::New);
    assert_eq!(scene.guard.layer(REAL).and_then(|layer| layer.rid), Some("q"));
}

#[test]
fn probes_of_ssrc_zero_pass_and_leave_nothing() {
    let mut scene = Scene::new();
    scene.check(&packet(0, MEDIA, &[(MID, "1"), (RID, "q")]), Ok(Entry::Known));
    assert!(scene.guard.streams.is_empty());
}

#[test]
fn a_new_offer_keeps_what_it_negotiates_again_and_forgets_the_rest() {
    let mut scene = Scene::new();
    scene.authentic(&layer(REAL, "h"), Entry::New);
    scene.authentic(&packet(500, OPUS, &[]), Entry::New);
    scene.authentic(&packet(700, MEDIA, &[(MID, "2")]), Entry::New);
    let mut next = negotiated();
    next.lines.remove(0);
    next.lines[1].ssrcs = vec![701];
    next.lines.reverse();
    scene.guard.negotiate(next);
    scene.check(&packet(REAL, MEDIA, &[]), Ok(Entry::Known));
    assert_eq!(scene.guard.layer(REAL).map(|layer| (layer.mid, layer.rid)), Some(("1", Some("h"))));
    scene.check(&packet(500, OPUS, &[]), Err(Reject::UnknownSsrc));
    scene.check(&packet(700, MEDIA, &[(MID, "2")]), Err(Reject::UndeclaredSsrc));
}

#[test]
fn a_browser_may_go_through_many_ssrcs_and_the_table_stays_small() {
    let mut scene = Scene::new();
    for round in 0..200 {
        let entry = if round == 0 { Entry::New } else { Entry::Instead(999 + round) };
        scene.authentic(&layer(1000 + round, "q"), entry);
        assert!(scene.guard.streams.len() <= SSRCS_MAX);
        scene.wait(5_000);
    }
}

#[test]
fn ssrcs_that_come_and_go_are_not_all_let_through() {
    let mut scene = Scene::new();
    let repair = |ssrc: u32| packet(ssrc, REPAIR, &[(MID, "1"), (RRID, "q")]);
    let passed = |scene: &mut Scene, from: u32| {
        (from..from + 1_000).filter(|ssrc| rtp(&mut scene.guard, scene.now, &repair(*ssrc)).is_ok()).count()
    };
    scene.authentic(&layer(REAL, "q"), Entry::New);
    assert_eq!(passed(&mut scene, 10_000), FRESH_MAX as usize - 1);
    scene.authentic(&packet(REAL, MEDIA, &[]), Entry::Known);
    // Whoever was declared comes in at any time.
    scene.authentic(&packet(500, OPUS, &[]), Entry::New);
    scene.wait(5_000);
    assert_eq!(passed(&mut scene, 20_000), 1);
}

#[test]
fn more_layers_than_a_peer_may_have_are_rejected() {
    let mut scene = Scene::new();
    let mut many = negotiated();
    many.lines[1].rids = (0..40).map(|rid| format!("r{rid}")).collect();
    scene.guard.negotiate(many);
    for rid in 0..40 {
        let expected = if rid < SSRCS_MAX as u32 { Ok(Entry::New) } else { Err(Reject::TooManySsrcs) };
        scene.check(&layer(2000 + rid, &format!("r{rid}")), expected);
    }
}

#[test]
fn random_packets_neither_panic_nor_grow_the_table() {
    let seed = std::env::var("HEARTH_SEED").map_or(11, |seed| seed.parse().expect("HEARTH_SEED is a number"));
    println!("HEARTH_SEED={seed}");
    let mut random = Random(seed);
    let mut scene = Scene::new();
    let samples = [layer(REAL, "q"), packet(500, OPUS, &[]), packet(1, REPAIR, &[(MID, "1"), (RRID, "h")])];
    for _ in 0..200_000 {
        let mut packet = samples[random.below(3)].clone();
        for _ in 0..random.below(4) {
            let at = random.below(packet.len());
            packet[at] = random.below(256) as u8;
        }
        packet.truncate(random.below(packet.len() + 1).max(random.below(packet.len() + 1)));
        if rtp(&mut scene.guard, scene.now, &packet).is_ok() && random.below(2) == 0 {
            let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
            scene.guard.authenticated(scene.now, ssrc);
        }
        let _ = (kind(&packet), local_ufrag(&packet));
        scene.wait(random.below(300) as u64);
        scene.guard.check_consistent();
    }
}

struct Random(u64);

impl Random {
    /// xorshift64.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

fn binding(class: [u8; 2], attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut message = class.to_vec();
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(0x2112_a442_u32.to_be_bytes());
    message.extend([9; 12]);
    message.extend(body);
    message
}

#[test]
fn datagrams_are_told_apart_by_their_first_byte_and_bad_lengths_fit_nothing() {
    let check =
        |datagram: &[u8], expected: Option<Kind>| assert_eq!(kind(datagram), expected, "{datagram:02x?}");
    check(&binding([0, 1], &[]), Some(Kind::Stun));
    check(&binding([0, 1], &[])[..19], None);
    check(&[&binding([0, 1], &[])[..], &[0; 4]].concat(), None);
    check(&packet(1, MEDIA, &[]), Some(Kind::Rtp));
    check(&packet(1, MEDIA, &[])[..21], None);
    check(&packet(1, 200, &[]), Some(Kind::Rtcp));
    check(&packet(1, 200, &[])[..21], None);
    check(&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1], Some(Kind::Dtls));
    check(&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 1], None);
    check(&[22, 0x03, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1], None);
    check(&[0x2f; 40], Some(Kind::Dtls));
    check(&[], None);
    check(&[70; 100], None);
    check(&[250; 100], None);
}

#[test]
fn a_binding_request_names_the_connection() {
    let request = binding([0, 1], &[(0x0006, b"abcd:efgh"), (0x0025, b""), (0x8022, b"x")]);
    assert_eq!(local_ufrag(&request), Some("abcd"));
    let response = binding([1, 1], &[(0x0006, b"abcd:efgh"), (0x0025, b"")]);
    assert_eq!(local_ufrag(&response), None);
    assert_eq!(local_ufrag(&binding([0, 1], &[(0x0006, b"abcdefgh")])), None);
    assert_eq!(local_ufrag(&binding([0, 1], &[(0x0006, b"\xff\xff\xff\xff:a")])), None);
}
