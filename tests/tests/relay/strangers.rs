//! Whoever has passed no check: nothing they send is answered with more than it was, remembered, or forwarded.

use std::{
    net::{SocketAddr, UdpSocket},
    time::Instant,
};

use hearth_protocol::Source as Sent;
use hearth_tests::{
    generator::{CAMERA, Generator, MICROPHONE, Pace, Shape},
    hand::{MID, REPAIRED_RID, RID, Rtp, check, rtcp},
};
use str0m::crypto::{
    dtls::{DtlsOutput, DtlsVersion},
    from_feature_flags,
};

use crate::meeting::{Meeting, wait, wait_more};

const REJECTED: &str = "hearth_relay_rejected_packets_total";
const DROPPED: &str = "hearth_relay_dropped_packets_total";

/// Somebody with a socket and the relay's address.
struct Stranger {
    socket: UdpSocket,
    relay: SocketAddr,
}

impl Stranger {
    fn of(meeting: &Meeting) -> Stranger {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        Stranger { socket, relay: meeting.relay.addresses()[0] }
    }

    fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.relay).expect("sent");
    }

    fn answer(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 2_048];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(buffer[..length].to_vec())
    }

    /// Sends all of it, waits until the relay has counted it, and has got no answer.
    fn check_unanswered(&self, meeting: &Meeting, name: &str, reason: &str, datagrams: &[Vec<u8>]) {
        let before = meeting.count(name, reason);
        // A few at a time, as a socket's buffer holds no thousands.
        for (at, some) in datagrams.chunks(100).enumerate() {
            some.iter().for_each(|datagram| self.send(datagram));
            let wanted = before + (100 * at + some.len()) as u64;
            wait(reason, || meeting.count(name, reason) >= wanted);
        }
        assert_eq!(self.answer(), None, "{reason}: a stranger is answered");
    }
}

/// A real one, as a browser would begin.
fn client_hello() -> Vec<u8> {
    let provider = from_feature_flags().dtls_provider;
    let certificate = provider.generate_certificate().expect("a certificate");
    let now = Instant::now();
    let mut dtls = provider.new_dtls(&certificate, now, DtlsVersion::Dtls12, None).expect("a client");
    dtls.set_active(true);
    dtls.handle_timeout(now).expect("it begins");
    let mut buffer = [0; 2_048];
    loop {
        let output = dtls.poll_output(&mut buffer);
        if let DtlsOutput::Packet(packet) = output {
            return packet.to_vec();
        }
        let DtlsOutput::Timeout(at) = output else { panic!("{output:?} before the first packet") };
        dtls.handle_timeout(at).expect("it begins");
    }
}

fn two_who_talk(meeting: &Meeting) -> (Generator, Generator) {
    let (anna, bert) = (meeting.join(1, &Shape::default()), meeting.join(2, &Shape::default()));
    anna.send(Sent::Microphone, Pace::VOICE);
    wait_more(&bert, 1, MICROPHONE);
    (anna, bert)
}

fn check_goes_on(meeting: &Meeting, bert: &Generator) {
    wait_more(bert, 1, MICROPHONE);
    assert_eq!(bert.received().unstamped, 0);
    assert_eq!(meeting.count("hearth_relay_peers_total", "lost"), 0);
    assert_eq!(meeting.count("hearth_relay_peers_total", "panicked"), 0);
    assert_eq!(meeting.count("hearth_relay_worker_restarts_total", ""), 0);
}

#[test]
fn noise_from_strangers_is_counted_and_not_answered() {
    let meeting = Meeting::of(&[1, 2]);
    let (_anna, bert) = two_who_talk(&meeting);
    let stranger = Stranger::of(&meeting);
    // 20 to 63 and 128 to 191 could be DTLS and RTP.
    let noise = |first: u8, length: usize| {
        let mut noise = vec![first; length];
        noise[length - 1] = 0;
        noise
    };
    let firsts = (4..20).chain(64..128).chain(192..=255);
    let datagrams: Vec<_> =
        firsts.flat_map(|first| [1, 12, 20, 64, 1_400].map(|length| noise(first, length))).collect();
    stranger.check_unanswered(&meeting, REJECTED, "malformed", &datagrams);
    let rtp: Vec<_> = (128..192).map(|first| noise(first, 200)).collect();
    stranger.check_unanswered(&meeting, REJECTED, "unchecked", &rtp);
    stranger.check_unanswered(&meeting, DROPPED, "too_long", &[noise(128, 2_500), noise(0, 9_000)]);
    check_goes_on(&meeting, &bert);
}

#[test]
fn a_flood_of_client_hellos_is_not_answered_and_who_comes_meanwhile_comes_in() {
    let meeting = Meeting::of(&[1, 2, 3]);
    let (_anna, bert) = two_who_talk(&meeting);
    let stranger = Stranger::of(&meeting);
    let hello = client_hello();
    let offering = Generator::offer(3, &Shape::default()).expect("an offer");
    let answer = meeting.try_offer(3, 1, &offering).expect("an answer");
    // Before the browser's own, while it connects, and after.
    stranger.check_unanswered(&meeting, REJECTED, "unchecked", &vec![hello.clone(); 2_000]);
    let cleo = offering.start(&answer).expect("a client");
    stranger.check_unanswered(&meeting, REJECTED, "unchecked", &vec![hello; 2_000]);
    wait("a connection", || cleo.is_connected());
    wait_more(&cleo, 1, MICROPHONE);
    check_goes_on(&meeting, &bert);
}

#[test]
fn a_flood_of_checks_is_not_answered_whether_they_name_somebody_or_nobody() {
    let meeting = Meeting::of(&[1, 2]);
    let anna = meeting.join_by_hand(1, &Shape::default());
    let bert = meeting.join(2, &Shape::default());
    anna.client.send(Sent::Microphone, Pace::VOICE);
    wait_more(&bert, 1, MICROPHONE);
    let stranger = Stranger::of(&meeting);
    let (username, _) = anna.credentials();
    stranger.check_unanswered(
        &meeting,
        DROPPED,
        "unknown_ufrag",
        &vec![check("nobody:somebody", "guessed", true); 2_000],
    );
    stranger.check_unanswered(
        &meeting,
        DROPPED,
        "not_accepted",
        &vec![check(&username, "guessed", true); 2_000],
    );
    // Without a name, and answers to what nobody asked.
    let mut nameless = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    nameless.extend([5; 12]);
    let mut unasked = nameless.clone();
    unasked[..2].copy_from_slice(&[1, 1]);
    for datagram in [nameless, unasked] {
        stranger.check_unanswered(&meeting, DROPPED, "unknown_address", &vec![datagram; 500]);
    }
    check_goes_on(&meeting, &bert);
}

#[test]
fn a_check_that_is_authentic_is_answered_with_no_more_than_it_was() {
    let meeting = Meeting::of(&[1, 2]);
    let anna = meeting.join_by_hand(1, &Shape::default());
    let (username, password) = anna.credentials();
    let stranger = Stranger::of(&meeting);
    let asked = check(&username, &password, false);
    stranger.send(&asked);
    wait("an answer", || match stranger.answer() {
        Some(answer) => {
            assert!(answer.len() <= asked.len(), "{} bytes answer {}", answer.len(), asked.len());
            true
        }
        None => false,
    });
}

#[test]
fn checks_signed_in_the_name_of_a_thousand_addresses_are_not_all_believed() {
    let meeting = Meeting::of(&[1, 2]);
    let anna = meeting.join_by_hand(1, &Shape::default());
    let bert = meeting.join(2, &Shape::default());
    anna.client.send(Sent::Microphone, Pace::VOICE);
    wait_more(&bert, 1, MICROPHONE);
    let (username, password) = anna.credentials();
    for _ in 0..200 {
        Stranger::of(&meeting).send(&check(&username, &password, false));
    }
    wait("refusals", || meeting.count(REJECTED, "too_many_addresses") >= 100);
    check_goes_on(&meeting, &bert);
}

#[test]
fn srtp_from_strangers_reaches_nobody() {
    let meeting = Meeting::of(&[1, 2]);
    let anna = meeting.join_by_hand(1, &Shape::default());
    let bert = meeting.join(2, &Shape::default());
    anna.client.send(Sent::Camera, Pace::VIDEO);
    wait_more(&bert, 1, CAMERA);
    anna.client.send(Sent::Microphone, Pace::VOICE);
    wait_more(&bert, 1, MICROPHONE);
    // Authentic in every bit, under Anna's own keys, and not from an address of hers.
    let datagrams: Vec<_> = (20_000..20_200).map(|sequence| anna.sealed(&anna.speech(7, sequence))).collect();
    Stranger::of(&meeting).check_unanswered(&meeting, REJECTED, "unchecked", &datagrams);
    check_goes_on(&meeting, &bert);
    assert_eq!(bert.received_since(1, MICROPHONE, 7), 0);
}

#[test]
fn packets_in_anothers_name_reach_nobody_and_take_nothing_away() {
    let meeting = Meeting::of(&[1, 2, 3]);
    let (anna, bert) =
        (meeting.join_by_hand(1, &Shape::default()), meeting.join_by_hand(2, &Shape::default()));
    let cleo = meeting.join(3, &Shape::default());
    for one in [&anna, &bert] {
        one.client.send(Sent::Microphone, Pace::VOICE);
    }
    wait_more(&cleo, 1, MICROPHONE);
    wait_more(&cleo, 2, MICROPHONE);
    // From Bert's address, as somebody on his way could: under his SSRC without his keys, with Anna's keys, and Anna's own as they are.
    for sequence in 20_000..20_100 {
        let his = Rtp { ssrc: bert.voice.ssrc, ..bert.speech(7, sequence) };
        bert.client.send_raw(his.bytes().0);
        bert.client.send_raw(anna.sealed(&his));
        bert.client.send_raw(anna.sealed(&anna.speech(7, sequence)));
    }
    wait("refusals", || meeting.count(REJECTED, "not_authentic") >= 200);
    wait("refusals", || meeting.count(REJECTED, "unknown_ssrc") >= 100);
    // And reports: goodbyes in his name.
    let bye = rtcp(1, 203, &bert.voice.ssrc.to_be_bytes());
    for index in 0..50 {
        bert.client.send_raw(anna.keys().seal_rtcp(&bye, 5_000_000 + index));
    }
    wait("refusals", || meeting.count(REJECTED, "not_authentic") >= 250);
    for speaker in [1, 2] {
        wait_more(&cleo, speaker, MICROPHONE);
        assert_eq!(cleo.received_since(speaker, MICROPHONE, 7), 0);
    }
    check_goes_on(&meeting, &cleo);
}

#[test]
fn what_was_authentic_once_is_forwarded_once() {
    let meeting = Meeting::of(&[1, 2]);
    let anna = meeting.join_by_hand(1, &Shape::default());
    let bert = meeting.join(2, &Shape::default());
    let datagrams: Vec<_> = (100..150).map(|sequence| anna.sealed(&anna.speech(3, sequence))).collect();
    wait("a slot", || {
        anna.send(&anna.speech(1, 50));
        bert.received_since(1, MICROPHONE, 1) > 0
    });
    for _ in 0..5 {
        datagrams.iter().for_each(|datagram| anna.client.send_raw(datagram.clone()));
    }
    wait("copies", || meeting.count(DROPPED, "copy_or_padding") >= 200);
    wait("the first ones", || bert.received_since(1, MICROPHONE, 3) == 50);
    assert_eq!(meeting.count("hearth_relay_peers_total", "panicked"), 0);
}

#[test]
fn forged_packets_for_layers_that_are_not_there_are_refused_by_name() {
    let meeting = Meeting::of(&[1, 2]);
    let shape = Shape { rids: vec!["q", "h"], ..Shape::default() };
    let anna = meeting.join_by_hand(1, &shape);
    let (mid, rid, repaired) = (anna.extension(MID), anna.extension(RID), anna.extension(REPAIRED_RID));
    let camera = anna.camera.mid.clone().into_bytes();
    let named = |extensions: Vec<(u8, Vec<u8>)>, payload_type: u8| {
        let rtp = Rtp { ssrc: 0x0bad_0001, extensions, payload_type, ..anna.picture(7, 1) };
        anna.client.send_raw(rtp.bytes().0);
    };
    let vp8 = anna.camera.payload_type;
    for _ in 0..20 {
        named(vec![(mid, camera.clone()), (rid, b"x".to_vec())], vp8);
        named(vec![(mid, b"zz".to_vec()), (rid, b"q".to_vec())], vp8);
        named(vec![(mid, camera.clone()), (rid, b"q".to_vec())], 1);
        named(vec![(mid, camera.clone()), (rid, b"q".to_vec()), (repaired, b"q".to_vec())], vp8);
    }
    for (reason, count) in [("unknown_rid", 40), ("unknown_mid", 20), ("unknown_payload", 20)] {
        wait(reason, || meeting.count(REJECTED, reason) >= count);
    }
}

/// Whoever has taken a description on its way, and answers in its maker's place with a certificate of their own.
#[test]
fn a_certificate_that_is_not_the_descriptions_gets_no_connection() {
    let meeting = Meeting::of(&[1, 2, 3]);
    let mut offering = Generator::offer(3, &Shape::default()).expect("an offer");
    let (before, after) = offering.sdp.split_once("a=fingerprint:sha-256 ").expect("a fingerprint");
    let (own, rest) = after.split_at(2);
    let other = if own == "00" { "01" } else { "00" };
    offering.sdp = format!("{before}a=fingerprint:sha-256 {other}{rest}");
    let answer = meeting.try_offer(3, 1, &offering).expect("an answer");
    let _stranger = offering.start(&answer).expect("a client");
    wait("its end", || meeting.count("hearth_relay_peers_total", "lost") == 1);
    let (anna, bert) = (meeting.join(1, &Shape::default()), meeting.join(2, &Shape::default()));
    anna.send(Sent::Microphone, Pace::VOICE);
    wait_more(&bert, 1, MICROPHONE);
    assert_eq!(meeting.count("hearth_relay_dtls_total", "connected"), 2);
}
