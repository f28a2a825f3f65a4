//! Every profile of SRTP that browsers offer, with a client of another house that offers it alone: sound, mute, and what is lost.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, UdpSocket},
    sync::{Arc, Mutex},
};

use hearth_forwarding::Source;
use hearth_protocol::Source as Sent;
use hearth_tests::{
    generator::{CAMERA, MICROPHONE, Pace, Shape},
    participant::{Participant, SrtpProtectionProfile},
};
use tokio::runtime::Runtime;

use crate::meeting::{Meeting, source, wait};

const CLOSED: &str = "hearth_relay_gate_closed_packets_total";
/// A participant's payload type of pictures, and the number of its first packet.
const VP8: u8 = 96;
const FIRST: u32 = 1_000;

type Lost = Arc<Mutex<BTreeSet<u16>>>;

#[test]
fn sound_passes_both_ways_under_aes_128_cm_with_hmac_sha1() {
    check_profile(SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80);
}

#[test]
fn sound_passes_both_ways_under_aes_128_gcm() {
    check_profile(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
}

fn check_profile(profile: SrtpProtectionProfile) {
    let runtime = Runtime::new().expect("a runtime");
    let _within = runtime.enter();
    let mut meeting = Meeting::of(&[1, 2]);
    let (anna, lost) = join_lossy(&meeting, &runtime, profile);
    let bert = meeting.join(2, &Shape::default());
    let hears = |phase: u32| wait("Anna at Bert's", || bert.received_since(1, MICROPHONE, phase) > 10);

    anna.send(Sent::Microphone, Pace::VOICE);
    bert.send(Sent::Microphone, Pace::VOICE);
    hears(0);
    wait("Bert at Anna's", || anna.received_since(2, MICROPHONE, 0) > 10);

    // What was said under the new phase was said behind the closed gate.
    meeting.set_gate(1, Source::Microphone, false);
    anna.set_phase(1);
    let closed = meeting.count(CLOSED, "facilitator");
    wait("packets at the gate", || meeting.count(CLOSED, "facilitator") > closed + 20);
    assert_eq!(bert.received_since(1, MICROPHONE, 1), 0);
    anna.set_phase(2);
    meeting.set_gate(1, Source::Microphone, true);
    hears(2);

    // The relay asks Anna for what it has lost, and repairs what Anna asks for.
    anna.send(Sent::Camera, Pace::VIDEO);
    wait("what was lost", || {
        let came = bert.received().from.remove(&(1, CAMERA)).unwrap_or_default().frames;
        let lost = lost.lock().expect("nobody panics with it");
        lost.iter().any(|number| came.contains(&(u32::from(*number) - FIRST)))
    });
    bert.send(Sent::Camera, Pace::VIDEO);
    wait("pictures", || anna.received_since(2, CAMERA, 0) > 10);
    let repaired = meeting.count("hearth_relay_repaired_packets_total", "");
    runtime.block_on(anna.nack_last(5)).expect("asked");
    wait("repairs", || meeting.count("hearth_relay_repaired_packets_total", "") > repaired);
    let asked = bert.received().keyframes_asked;
    runtime.block_on(anna.ask_keyframes()).expect("asked");
    wait("a wish for a key frame", || bert.received().keyframes_asked > asked);

    assert_eq!(meeting.count("hearth_relay_rejected_packets_total", "not_authentic"), 0);
    assert_eq!(bert.received().unstamped + anna.received().unstamped, 0);
}

/// Anna, on a way that loses every twentieth picture of hers; and the numbers of those.
fn join_lossy(meeting: &Meeting, runtime: &Runtime, profile: SrtpProtectionProfile) -> (Participant, Lost) {
    let offering = runtime.block_on(Participant::offer_sealed(1, &Shape::default(), profile));
    let offering = offering.expect("an offer");
    let relay = meeting.relay.addresses()[0];
    let (way, lost) = lossy_way(address(&offering.sdp), relay);
    let tracks = offering.tracks.iter().map(|track| (track.mid.clone(), source(track.source))).collect();
    let answer = meeting.offer(1, 1, without(&offering.sdp, "a=candidate"), tracks).expect("an answer");
    let answer =
        without(&answer, " tcp ").replace(&format!(" {} typ", relay.port()), &format!(" {} typ", way.port()));
    let anna = runtime.block_on(offering.start(&answer)).expect("an answer that can be read");
    runtime.block_on(anna.until_connected()).expect("connected");
    (anna, lost)
}

/// Where the client is to send; what comes back arrives there.
fn lossy_way(client: SocketAddr, relay: SocketAddr) -> (SocketAddr, Lost) {
    let inside = Arc::new(UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    let outside = Arc::new(UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    outside.connect(relay).expect("connected");
    let way = inside.local_addr().expect("bound");
    let lost = Lost::default();
    let (near, far) = (inside.clone(), outside.clone());
    std::thread::spawn(move || {
        let mut buffer = [0; 2_048];
        loop {
            let Ok(length) = far.recv(&mut buffer) else { continue };
            drop(near.send_to(&buffer[..length], client));
        }
    });
    let noted = lost.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 2_048];
        loop {
            let Ok((length, _)) = inside.recv_from(&mut buffer) else { continue };
            let packet = &buffer[..length];
            let unlucky = picture(packet).filter(|number| number % 20 == 0);
            if !unlucky.is_some_and(|number| noted.lock().expect("nobody panics with it").insert(number)) {
                drop(outside.send(packet));
            }
        }
    });
    (way, lost)
}

/// The number of a picture's packet.
fn picture(packet: &[u8]) -> Option<u16> {
    let &[first, kind, high, low, ..] = packet else { return None };
    (first >> 6 == 2 && kind & 0x7f == VP8).then(|| u16::from_be_bytes([high, low]))
}

fn address(sdp: &str) -> SocketAddr {
    let candidate = sdp.lines().find(|line| line.starts_with("a=candidate:")).expect("a candidate");
    let words: Vec<&str> = candidate.split(' ').collect();
    format!("{}:{}", words[4], words[5]).parse().expect("an address and a port")
}

fn without(sdp: &str, words: &str) -> String {
    sdp.lines().filter(|line| !line.contains(words)).map(|line| format!("{line}\r\n")).collect()
}
