//! A mute that holds.

use hearth_protocol::{Reason, RefusalCode, Request, Role, Source};
use hearth_tests::{
    generator::{Generator, MICROPHONE, Pace, Shape},
    group::{Person, until},
    signalling::Client,
};

use crate::scene::{BRISK, Scene, UNMUTE, VOICES, check_refused, code_of, microphone_of};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_facilitators_mute_nobody_unmutes_themselves() {
    let scene = Scene::muted().await;
    let phase = scene.ada.next_phase();
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::NotPossible).await;
    scene.check_unheard(phase).await;
    assert!(microphone_of(&scene.fay.client, scene.ada.id).await.contains(&Reason::Facilitator));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_media_connection_unmutes_nobody() {
    let mut scene = Scene::muted().await;
    renew(&scene.ada.client).await;
    scene.republish().await;
    let phase = scene.ada.next_phase();
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::NotPossible).await;
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_offer_of_the_same_generation_unmutes_nobody() {
    let scene = Scene::muted().await;
    let phase = scene.ada.next_phase();
    let offering = Generator::offer(scene.ada.number, &VOICES).expect("a free port");
    match scene.ada.client.offer(offering.sdp.clone(), offering.tracks.clone()).await {
        Err(refusal) => assert_eq!(refusal.code, RefusalCode::BadOffer),
        Ok(answer) => {
            let second = offering.start(&answer).expect("an answer that can be read");
            second.set_phase(phase);
            second.send(Source::Microphone, BRISK);
            scene.check_unheard(phase).await;
        }
    }
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_ssrc_unmutes_nobody() {
    let scene = Scene::muted().await;
    scene.ada.media.change_ssrc(Source::Microphone);
    let phase = scene.ada.next_phase();
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_without_the_level_extension_meet_the_same_gate() {
    let scene = Scene::muted().await;
    scene.ada.media.send(Source::Microphone, Pace { level: None, ..BRISK });
    let phase = scene.ada.next_phase();
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_member_stays_muted_after_resuming() {
    let mut scene = Scene::muted().await;
    let secret = scene.ada.client.secret();
    let back = Client::resume(scene.house.address, "hearth", secret, None).await;
    back.until_seated().await;
    scene.ada.client = back;
    scene.republish().await;
    let phase = scene.ada.next_phase();
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::NotPossible).await;
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_member_stays_muted_after_leaving_and_returning() {
    let mut scene = Scene::muted().await;
    scene.ada.client.ask(Request::Leave).await;
    assert_eq!(scene.ada.client.until_closed().await, 4001);
    scene.ada.client = scene.enter("Ada", Role::Member).await;
    scene.republish().await;
    let phase = scene.ada.next_phase();
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::NotPossible).await;
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_is_no_camera() {
    let scene = Scene::muted().await;
    renew(&scene.ada.client).await;
    let mut offering = Generator::offer(scene.ada.number, &VOICES).expect("a free port");
    offering.tracks[0].source = Source::Camera;
    let answer = scene.ada.client.offer(offering.sdp.clone(), offering.tracks.clone()).await;
    assert_eq!(code_of(answer.err()), Some(RefusalCode::BadOffer));
    scene.end().await;
}

/// A screen has a sound, so a voice can be sent as one: it meets the screen's gate.
#[tokio::test(flavor = "multi_thread")]
async fn a_voice_under_the_screens_label_meets_the_screens_gate() {
    let mut scene = Scene::muted().await;
    scene.gate_ada(Source::Screen, false).await;
    renew(&scene.ada.client).await;
    scene.republish_as(Source::Screen).await;
    let phase = scene.ada.next_phase();
    let share = Request::SetOwn { source: Source::Screen, open: true };
    check_refused(&scene.ada.client, share, RefusalCode::NotPossible).await;
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_silences_a_voice_under_the_screens_label_too() {
    let mut scene = Scene::muted().await;
    renew(&scene.ada.client).await;
    scene.republish_as(Source::Screen).await;
    scene.ada.client.must(Request::SetOwn { source: Source::Screen, open: true }).await;
    let phase = scene.ada.next_phase();
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lines_for_one_source_are_refused() {
    let scene = Scene::open().await;
    renew(&scene.ada.client).await;
    let shape = Shape { microphone: true, camera: true, ..VOICES };
    let mut offering = Generator::offer(scene.ada.number, &shape).expect("a free port");
    offering.tracks[1].source = Source::Microphone;
    let answer = scene.ada.client.offer(offering.sdp.clone(), offering.tracks.clone()).await;
    assert_eq!(code_of(answer.err()), Some(RefusalCode::BadOffer));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_opens_a_microphone_that_its_owner_has_closed() {
    let scene = Scene::open().await;
    scene.ada.client.must(Request::SetOwn { source: Source::Microphone, open: false }).await;
    let phase = scene.ada.next_phase();
    scene.gate_ada(Source::Microphone, false).await;
    scene.gate_ada(Source::Microphone, true).await;
    scene.fay.client.must(Request::AskToUnmute { participant: scene.ada.id }).await;
    scene.check_unheard(phase).await;
    assert_eq!(microphone_of(&scene.fay.client, scene.ada.id).await, [Reason::Self_]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_reopened_is_silent_until_its_owner_unmutes() {
    let scene = Scene::open().await;
    scene.gate_ada(Source::Microphone, false).await;
    let phase = scene.ada.next_phase();
    scene.gate_ada(Source::Microphone, true).await;
    scene.check_unheard(phase).await;
    assert_eq!(microphone_of(&scene.fay.client, scene.ada.id).await, [Reason::Self_]);
    let phase = scene.ada.next_phase();
    scene.ada.unmute().await;
    until("Ada to be heard again", || scene.ben.hears(&scene.ada, MICROPHONE, phase) > 5).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ticket_does_not_allow_is_not_forwarded() {
    let scene = Scene::open().await;
    let mut grant = hearth_tests::group::grant(&scene.house.room, "Cleo", Role::Member);
    grant.publish = vec![Source::Camera];
    check_mute_seat(&scene, &grant).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_is_on_the_roster_and_never_heard() {
    let scene = Scene::open().await;
    let grant = hearth_tests::group::grant(&scene.house.room, "Olga", Role::Observer);
    check_mute_seat(&scene, &grant).await;
    scene.end().await;
}

/// Somebody with this ticket is seen by everyone, may not unmute, and is not heard.
async fn check_mute_seat(scene: &Scene, grant: &hearth::Grant) {
    let ticket = scene.server.ticket(grant);
    let client =
        Client::join_through(scene.house.address, "hearth", &ticket, &grant.alias, &scene.fay.client).await;
    let person = Person::connect(&grant.alias, client, &VOICES).await;
    scene.ben.client.until("the roster", |told| told.participant(&grant.alias)).await;
    person.media.send(Source::Microphone, BRISK);
    let phase = person.next_phase();
    check_refused(&person.client, UNMUTE, RefusalCode::NotAllowed).await;
    scene.check_silent(&person, MICROPHONE, phase).await;
}

async fn renew(client: &Client) {
    let generation = client.view().you.media_generation;
    client.must(Request::RenewMedia).await;
    client.until_view("a new generation", |view| view.you.media_generation > generation).await;
}
