//! Packets that ask for what was closed, or claim to be another's.

use std::net::UdpSocket;

use hearth::Config;
use hearth_protocol::{RefusalCode, Request, Role, Source};
use hearth_tests::{
    generator::{CAMERA, Generator, MICROPHONE, Pace, Shape},
    group::{Person, until},
    hand::{forged, payload_type},
    participant::Participant,
};

use crate::scene::{Scene, check_refused};

const LAYERS: [&str; 3] = ["q", "h", "f"];

#[tokio::test(flavor = "multi_thread")]
async fn a_nack_brings_nothing_from_before_a_mute() {
    let scene = Scene::open().await;
    let client = scene.enter("Wes", Role::Member).await;
    let shape = Shape { microphone: true, camera: false, rids: vec![], audio_slots: 4, video_slots: 0 };
    let offering = Participant::offer(9_001, &shape).await.expect("an offer");
    let answer = client.offer(offering.sdp.clone(), offering.tracks.clone()).await.expect("an answer");
    let wes = offering.start(&answer).await.expect("an answer that can be read");
    wes.until_connected().await.expect("connected");
    let heard = |person: &Person, phase| wes.received_since(person.number, MICROPHONE, phase);
    until("Ada to be heard", || heard(&scene.ada, 0) > 40).await;

    scene.gate_ada(Source::Microphone, false).await;
    // Whatever was under way arrives before Fay's packets of the next phase.
    let phase = scene.fay.next_phase();
    until("what was under way", || heard(&scene.fay, phase) > 5).await;
    let before = heard(&scene.ada, 0);
    for _ in 0..3 {
        wes.nack_last(40).await.expect("asked");
        wes.ask_keyframes().await.expect("asked");
        let phase = scene.fay.next_phase();
        until("Fay to be heard", || heard(&scene.fay, phase) > 15).await;
    }
    assert_eq!(heard(&scene.ada, 0), before);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_before_a_camera_stopped_stays_lost() {
    let shape = Shape { microphone: true, camera: true, rids: vec![], audio_slots: 4, video_slots: 2 };
    let scene = Scene::of(Config::for_tests(), &shape).await;
    let (fay, ada, ben) = (&scene.fay, &scene.ada, &scene.ben);
    ada.show().await;
    // Ben loses every third packet, and asks for each again as long as the sender lives.
    ben.media.lose(3);
    ben.watch([ada.id]).await;
    until("the picture", || ben.sees(ada, 0) > 60).await;
    scene.gate_ada(Source::Camera, false).await;
    let phase = ada.next_phase();
    let by_fay = fay.next_phase();
    until("what was under way", || ben.hears(fay, MICROPHONE, by_fay) > 5).await;
    let before = ben.sees(ada, 0);
    let by_fay = fay.next_phase();
    until("Fay to be heard", || ben.hears(fay, MICROPHONE, by_fay) > 40).await;
    assert_eq!(ben.sees(ada, 0), before);
    assert_eq!(ben.sees(ada, phase), 0);
    ben.media.lose(0);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_brings_no_picture_that_is_closed() {
    let shape = Shape { microphone: true, camera: true, rids: vec![], audio_slots: 4, video_slots: 2 };
    let scene = Scene::of(Config::for_tests(), &shape).await;
    scene.ada.show().await;
    scene.ben.watch([scene.ada.id]).await;
    until("the picture", || scene.ben.sees(&scene.ada, 0) > 10).await;
    scene.ada.client.must(Request::SetOwn { source: Source::Camera, open: false }).await;
    let phase = scene.ada.next_phase();
    for _ in 0..3 {
        scene.ben.watch([scene.ada.id]).await;
        scene.fay.watch([scene.ada.id, scene.ben.id]).await;
    }
    scene.check_silent(&scene.ada, CAMERA, phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_packet_takes_nobodys_simulcast_layer() {
    let shape =
        Shape { microphone: true, camera: true, rids: LAYERS.to_vec(), audio_slots: 4, video_slots: 2 };
    let scene = Scene::of(Config::for_tests(), &shape).await;
    let sdp = Generator::offer(0, &shape).expect("an offer");
    let mid = &sdp.tracks.iter().find(|track| track.source == Source::Camera).expect("a camera").mid;
    scene.ben.show().await;
    scene.fay.watch([scene.ben.id]).await;
    until("the picture", || scene.fay.sees(&scene.ben, 0) > 10).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for (number, rid) in (0_u32..).zip(LAYERS.iter().cycle().take(60)) {
        let packet = forged(&sdp.sdp, mid, Some(rid), payload_type(&sdp.sdp, "VP8"), 0x0bad_0000 + number);
        for address in scene.server.media_addresses() {
            stranger.send_to(&packet, address).expect("sent");
        }
        scene.ada.media.send_raw(packet.clone());
        // As somebody on the way could, in Ben's name and from his address.
        scene.ben.media.send_raw(packet);
    }
    let phase = scene.ben.next_phase();
    until("the picture to go on", || scene.fay.sees(&scene.ben, phase) > 50).await;
    assert_eq!(scene.fay.media.received().unstamped, 0);
    scene.check_goes_on().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_is_stopped_stays_stopped() {
    let shape =
        Shape { microphone: true, camera: true, rids: LAYERS.to_vec(), audio_slots: 4, video_slots: 2 };
    let scene = Scene::of(Config::for_tests(), &shape).await;
    scene.ada.show().await;
    scene.ben.watch([scene.ada.id]).await;
    until("the picture", || scene.ben.sees(&scene.ada, 0) > 10).await;
    scene.gate_ada(Source::Camera, false).await;
    let open = Request::SetOwn { source: Source::Camera, open: true };
    check_refused(&scene.ada.client, open, RefusalCode::NotPossible).await;
    scene.ada.media.change_ssrc(Source::Camera);
    scene.ada.media.send(Source::Camera, Pace { packets_per_second: 200, ..Pace::VIDEO });
    let phase = scene.ada.next_phase();
    scene.check_silent(&scene.ada, CAMERA, phase).await;
    scene.end().await;
}
