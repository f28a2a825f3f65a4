//! How much somebody may take part: what they chose, the ceiling above it, and a break for all. A client that sends anyway is not heard.

use hearth::Config;
use hearth_protocol::{FloorMode, Level, Reason, RefusalCode, Request, Role, SegmentSettings, Source};
use hearth_tests::{
    generator::{CAMERA, MICROPHONE, Pace, Shape},
    group::{Person, until},
    signalling::Client,
};

use crate::scene::{BRISK, Scene, UNMUTE, VOICES, check_refused};

const SHOW: Request = Request::SetOwn { source: Source::Camera, open: true };

#[tokio::test(flavor = "multi_thread")]
async fn under_a_ceiling_nobody_is_heard_who_sends_anyway() {
    let mut scene = Scene::open().await;
    let fay = &scene.fay.client;
    fay.must(Request::SetCeiling { participant: Some(scene.ada.id), level: Level::Text }).await;
    let phase = scene.ada.next_phase();
    // A ceiling stands above the choice, whatever is chosen.
    scene.ada.client.must(Request::SetLevel { level: Level::Video }).await;
    scene.ada.client.must(Request::OpenOnTurn { on: true }).await;
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::NotPossible).await;
    let higher = Request::SetCeiling { participant: Some(scene.ada.id), level: Level::Video };
    check_refused(&scene.ada.client, higher.clone(), RefusalCode::NotAllowed).await;
    scene.check_unheard(phase).await;
    // It hangs on the person, not on the connection.
    let back = Client::resume(scene.house.address, "hearth", scene.ada.client.secret(), None).await;
    back.until_seated().await;
    scene.ada.client = back;
    scene.republish().await;
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::NotPossible).await;
    scene.check_unheard(scene.ada.next_phase()).await;
    // Raised again, it opens nothing by itself.
    let phase = scene.ada.next_phase();
    scene.fay.client.must(higher).await;
    scene.check_unheard(phase).await;
    let phase = scene.ada.next_phase();
    scene.ada.unmute().await;
    until("Ada to be heard", || scene.ben.hears(&scene.ada, MICROPHONE, phase) > 5).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_makes_nobody_heard_who_chose_to_listen() {
    let scene = Scene::open().await;
    scene.ada.client.must(Request::OpenOnTurn { on: true }).await;
    scene.ada.client.must(Request::SetLevel { level: Level::Listen }).await;
    let phase = scene.ada.next_phase();
    scene.fay.client.must(Request::SetFloor { mode: FloorMode::Hands }).await;
    // Granted or not: nobody is pushed to speak.
    let _ = scene.fay.client.request(Request::Grant { participant: scene.ada.id }).await;
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::NotPossible).await;
    scene.fay.client.must(Request::SetFloor { mode: FloorMode::Open }).await;
    scene.ben.unmute().await;
    scene.check_unheard(phase).await;
    // Higher again opens nothing by itself.
    let phase = scene.ada.next_phase();
    scene.ada.client.must(Request::SetLevel { level: Level::Video }).await;
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_joins_under_a_ceiling_of_all_is_born_under_it() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::SetCeiling { participant: None, level: Level::Listen }).await;
    let client = scene.enter("Cleo", Role::Member).await;
    assert!(client.view().you.gates.microphone.contains(&Reason::Ceiling));
    let cleo = Person::connect("Cleo", client, &VOICES).await;
    cleo.media.send(Source::Microphone, BRISK);
    let phase = cleo.next_phase();
    check_refused(&cleo.client, UNMUTE, RefusalCode::NotPossible).await;
    until("packets under the ceiling", || cleo.media.sent_in_phase() >= 50).await;
    for listener in [&scene.fay, &scene.ada, &scene.ben] {
        assert_eq!(listener.hears(&cleo, MICROPHONE, phase), 0, "{}", listener.alias);
    }
    scene.fay.client.must(Request::SetCeiling { participant: None, level: Level::Video }).await;
    scene.ben.unmute().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_ceiling_of_voice_no_picture_passes() {
    let shape = Shape { microphone: true, camera: true, rids: vec![], audio_slots: 4, video_slots: 2 };
    let scene = Scene::of(Config::for_tests(), &shape).await;
    scene.ada.show().await;
    scene.ben.watch([scene.ada.id]).await;
    until("the picture", || scene.ben.sees(&scene.ada, 0) > 10).await;
    let ceiling = Request::SetCeiling { participant: Some(scene.ada.id), level: Level::Voice };
    scene.fay.client.must(ceiling).await;
    let phase = scene.ada.next_phase();
    check_refused(&scene.ada.client, SHOW, RefusalCode::NotPossible).await;
    scene.ada.media.change_ssrc(Source::Camera);
    scene.ada.media.send(Source::Camera, Pace { packets_per_second: 200, ..Pace::VIDEO });
    scene.check_silent(&scene.ada, CAMERA, phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_segment_does_not_want_passes_from_nobody_who_sends_anyway() {
    let shape = Shape { microphone: true, camera: true, rids: vec![], audio_slots: 4, video_slots: 2 };
    let scene = Scene::of(Config::for_tests(), &shape).await;
    scene.ada.show().await;
    scene.ben.watch([scene.ada.id]).await;
    until("the picture", || scene.ben.sees(&scene.ada, 0) > 10).await;
    let settings = SegmentSettings { sources: Some(vec![Source::Microphone]), ..SegmentSettings::default() };
    scene.fay.client.must(Request::Override { settings }).await;
    let phase = scene.ada.next_phase();
    check_refused(&scene.ada.client, SHOW, RefusalCode::NotPossible).await;
    assert!(scene.ada.client.view().you.gates.camera.contains(&Reason::Format));
    let wider = SegmentSettings { sources: Some(vec![Source::Camera]), ..SegmentSettings::default() };
    check_refused(&scene.ada.client, Request::Override { settings: wider }, RefusalCode::NotAllowed).await;
    scene.ada.media.change_ssrc(Source::Camera);
    scene.check_silent(&scene.ada, CAMERA, phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_break_nobody_is_heard_and_no_member_ends_it() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::Break { seconds: 600 }).await;
    let phases = [scene.ada.next_phase(), scene.ben.next_phase()];
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::Frozen).await;
    for request in [Request::EndBreak, Request::Break { seconds: 1 }] {
        check_refused(&scene.ada.client, request, RefusalCode::NotAllowed).await;
    }
    let tried = |person: &Person| person.media.sent_in_phase() >= 25;
    until("packets into the break", || tried(&scene.ada) && tried(&scene.ben)).await;
    let by_fay = scene.fay.next_phase();
    until("Fay to be heard", || scene.ada.hears(&scene.fay, MICROPHONE, by_fay) > 10).await;
    assert_eq!(scene.ben.hears(&scene.ada, MICROPHONE, phases[0]), 0);
    assert_eq!(scene.ada.hears(&scene.ben, MICROPHONE, phases[1]), 0);
    scene.fay.client.must(Request::EndBreak).await;
    scene.ben.unmute().await;
    // Over, it leaves silence until each one's own unmute.
    scene.check_unheard(phases[0]).await;
    scene.end().await;
}
