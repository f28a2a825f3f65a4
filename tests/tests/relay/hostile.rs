//! What a hostile client may try against the relay. Each attempt gets nothing or one refusal, and the others go on undisturbed.

use hearth_forwarding::Source;
use hearth_protocol::Source as Sent;
use hearth_tests::{
    generator::{CAMERA, Generator, MICROPHONE, Pace, Shape},
    hand::{forged, mid_of, payload_type},
};

use crate::meeting::{Meeting, packets, source, wait, wait_more};

const LAYERS: [&str; 3] = ["q", "h", "f"];

fn simulcast() -> Shape {
    Shape { rids: LAYERS.to_vec(), ..Shape::default() }
}

#[test]
fn a_forged_packet_steals_no_simulcast_layer() {
    let meeting = Meeting::of(&[1, 2]);
    let bert = meeting.join(2, &Shape::default());
    let offering = Generator::offer(1, &simulcast()).expect("an offer");
    let (sdp, mid) = (offering.sdp.clone(), mid_of(&offering, Sent::Camera));
    let answer = meeting.try_offer(1, 1, &offering).expect("an answer");
    let anna = offering.start(&answer).expect("a client");
    wait("a connection", || anna.is_connected());
    let vp8 = payload_type(&sdp, "VP8");
    let steal = |ssrc: u32| {
        for (at, rid) in LAYERS.iter().enumerate() {
            anna.send_raw(forged(&sdp, &mid, Some(rid), vp8, ssrc + at as u32));
        }
    };
    // Before the owner has sent anything, and then while it sends.
    steal(0x0bad_0000);
    anna.send(Sent::Camera, Pace::VIDEO);
    wait_more(&bert, 1, CAMERA);
    steal(0x0bad_1000);
    wait("the forged ones to be refused", || {
        meeting.count("hearth_relay_rejected_packets_total", "layer_taken") > 0
    });
    wait_more(&bert, 1, CAMERA);
    assert_eq!(bert.received().unstamped, 0);
}

#[test]
fn a_spray_of_ssrcs_disturbs_nobody() {
    let meeting = Meeting::of(&[1, 2]);
    let bert = meeting.join(2, &Shape::default());
    let offering = Generator::offer(1, &Shape::default()).expect("an offer");
    let (sdp, mid) = (offering.sdp.clone(), mid_of(&offering, Sent::Microphone));
    let answer = meeting.try_offer(1, 1, &offering).expect("an answer");
    let anna = offering.start(&answer).expect("a client");
    wait("a connection", || anna.is_connected());
    anna.send(Sent::Microphone, Pace::VOICE);
    let opus = payload_type(&sdp, "opus");
    for ssrc in 0..2_000 {
        anna.send_raw(forged(&sdp, &mid, None, opus, 0x5000_0000 + ssrc));
    }
    wait_more(&bert, 1, MICROPHONE);
    assert_eq!(bert.received().unstamped, 0);
    assert!(meeting.count("hearth_relay_rejected_packets_total", "") > 0);
}

#[test]
fn a_line_without_a_label_is_never_forwarded() {
    let meeting = Meeting::of(&[1, 2]);
    let bert = meeting.join(2, &Shape::default());
    let offering = Generator::offer(1, &Shape::default()).expect("an offer");
    let labelled = |sent: Sent| sent == Sent::Microphone;
    let tracks = offering.tracks.iter().filter(|track| labelled(track.source));
    let tracks = tracks.map(|track| (track.mid.clone(), source(track.source))).collect();
    let answer = meeting.offer(1, 1, offering.sdp.clone(), tracks).expect("an answer");
    let anna = offering.start(&answer).expect("a client");
    wait("a connection", || anna.is_connected());
    anna.send(Sent::Camera, Pace::VIDEO);
    anna.send(Sent::Microphone, Pace::VOICE);
    wait_more(&bert, 1, MICROPHONE);
    assert_eq!(packets(&bert, 1, CAMERA), 0);
}

#[test]
fn a_track_under_another_ssrc_passes_the_same_gate() {
    let mut meeting = Meeting::of(&[1, 2]);
    let (anna, bert) = (meeting.join(1, &Shape::default()), meeting.join(2, &Shape::default()));
    anna.send(Sent::Microphone, Pace::VOICE);
    wait_more(&bert, 1, MICROPHONE);
    meeting.set_gate(1, Source::Microphone, false);
    anna.set_phase(1);
    anna.change_ssrc(Sent::Microphone);
    let before = anna.sent();
    wait("packets under the new SSRC", || anna.sent() > before + 50);
    assert_eq!(bert.received_since(1, MICROPHONE, 1), 0);
}
