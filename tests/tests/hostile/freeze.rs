//! A frozen room, and one with nobody in charge.

use hearth_protocol::{HandKind, Reaction, Reason, RefusalCode, Request, Role, Source, ThawStep};
use hearth_tests::{
    generator::MICROPHONE,
    group::{Person, until},
    signalling::Client,
};

use crate::scene::{BRISK, Scene, UNMUTE, VOICES, check_refused};

#[tokio::test(flavor = "multi_thread")]
async fn while_frozen_nobody_is_heard_and_little_is_accepted() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::Freeze).await;
    let phases = [scene.ada.next_phase(), scene.ben.next_phase()];
    let requests = [
        UNMUTE,
        Request::SetOwn { source: Source::Camera, open: true },
        Request::SetOwn { source: Source::Screen, open: true },
        Request::RaiseHand { kind: HandKind::Speak },
        Request::React { reaction: Reaction::WithYou },
    ];
    for request in requests {
        check_refused(&scene.ada.client, request, RefusalCode::Frozen).await;
    }
    // Closing one's own is always possible, and opens nothing.
    scene.ada.client.must(Request::SetOwn { source: Source::Microphone, open: false }).await;
    check_silent_members(&scene, phases).await;
    thaw(&scene).await;
    scene.ben.unmute().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_born_during_a_freeze_is_not_heard() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::Freeze).await;
    let client = scene.enter("Cleo", Role::Member).await;
    assert!(client.view().you.gates.microphone.contains(&Reason::Freeze));
    let cleo = Person::connect("Cleo", client, &VOICES).await;
    cleo.media.send(Source::Microphone, BRISK);
    let phase = cleo.next_phase();
    check_refused(&cleo.client, UNMUTE, RefusalCode::Frozen).await;
    until("packets into the freeze", || cleo.media.sent_in_phase() >= 25).await;
    thaw(&scene).await;
    // After the thaw it is silent still, until its owner unmutes.
    scene.ben.unmute().await;
    scene.check_silent(&cleo, MICROPHONE, phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_resumed_during_a_freeze_is_not_heard() {
    let mut scene = Scene::open().await;
    scene.fay.client.must(Request::Freeze).await;
    let secret = scene.ada.client.secret();
    let back = Client::resume(scene.house.address, "hearth", secret, None).await;
    back.until_seated().await;
    scene.ada.client = back;
    scene.republish().await;
    let phases = [scene.ada.next_phase(), scene.ben.next_phase()];
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::Frozen).await;
    check_silent_members(&scene, phases).await;
    thaw(&scene).await;
    scene.ben.unmute().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nobody_in_charge_nobody_is_heard_and_nobody_takes_the_lead() {
    let mut scene = Scene::with(|config| config.room.policy.unattended_ms = 300).await;
    scene.fay.client.ask(Request::Leave).await;
    assert_eq!(scene.fay.client.until_closed().await, 4001);
    scene.ada.client.until_view("the hold", |view| view.room.hold.is_some()).await;
    let phases = [scene.ada.next_phase(), scene.ben.next_phase()];
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::OnHold).await;
    check_refused(&scene.ada.client, Request::ResumeRoom, RefusalCode::NotAllowed).await;
    let lead = scene.ada.client.request(Request::TakeLead).await;
    assert!(lead.is_err());
    let tried = |person: &Person| person.media.sent_in_phase() >= 25;
    until("packets into the hold", || tried(&scene.ada) && tried(&scene.ben)).await;
    assert_eq!(scene.ben.hears(&scene.ada, MICROPHONE, phases[0]), 0);
    assert_eq!(scene.ada.hears(&scene.ben, MICROPHONE, phases[1]), 0);

    // A facilitator comes back and goes on; nobody is heard by that alone.
    let ticket = scene.ticket("Fay", Role::Facilitator);
    let client = Client::join(scene.house.address, "hearth", &ticket).await;
    client.must(Request::ResumeRoom).await;
    scene.fay = Person::connect("Fay", client, &VOICES).await;
    scene.fay.speak().await;
    scene.ben.unmute().await;
    scene.check_unheard(phases[0]).await;
    scene.end().await;
}

/// Ada and Ben send, Fay is heard by both, and nobody hears either of them.
async fn check_silent_members(scene: &Scene, phases: [u32; 2]) {
    let (ada, ben) = (&scene.ada, &scene.ben);
    let tried = |person: &Person| person.media.sent_in_phase() >= 25;
    until("packets that must not come through", || tried(ada) && tried(ben)).await;
    let by_fay = scene.fay.next_phase();
    let heard = |listener: &Person| listener.hears(&scene.fay, MICROPHONE, by_fay) >= 10;
    until("Fay to be heard", || heard(ada) && heard(ben)).await;
    for (speaker, phase) in [(ada, phases[0]), (ben, phases[1])] {
        for listener in [&scene.fay, ada, ben].into_iter().filter(|listener| listener.id != speaker.id) {
            let heard = listener.hears(speaker, MICROPHONE, phase);
            assert_eq!(heard, 0, "{} received packets of {}", listener.alias, speaker.alias);
        }
    }
}

async fn thaw(scene: &Scene) {
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        scene.fay.client.must(Request::Thaw { step }).await;
    }
}
