//! Asides: walls that no packet passes, whatever is sent at them.

use hearth::Config;
use hearth_protocol::{AsideId, Reason, RefusalCode, Request, Role, Source, ThawStep};
use hearth_tests::{
    generator::{MICROPHONE, Shape},
    group::{Person, until},
    participant::Participant,
    signalling::Client,
};
use tokio_tungstenite::tungstenite::Message;

use crate::scene::{BRISK, Scene, UNMUTE, VOICES, check_refused};

#[tokio::test(flavor = "multi_thread")]
async fn media_never_cross_between_an_aside_and_the_room() {
    let scene = Scene::open().await;
    let cleo = with_cleo(&scene).await;
    let phases = [scene.fay.next_phase(), scene.ben.next_phase()];
    check_walled(&scene, &cleo, phases).await;
    // By another name for the same voice neither.
    scene.ada.media.change_ssrc(Source::Microphone);
    scene.check_unheard(scene.ada.next_phase()).await;
    scene.check_hears_nobody(&scene.ada, phases[0], phases[1]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_leads_back_into_the_aside_and_no_further() {
    let mut scene = Scene::open().await;
    let cleo = with_cleo(&scene).await;
    let secret = scene.ada.client.secret();
    let back = Client::resume(scene.house.address, "hearth", secret, None).await;
    back.until_seated().await;
    scene.ada.client = back;
    let phases = [scene.fay.next_phase(), scene.ben.next_phase()];
    scene.republish().await;
    check_walled(&scene, &cleo, phases).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_drops_in_an_aside_comes_back_into_it_by_a_ticket_too() {
    let mut scene = Scene::open().await;
    let cleo = with_cleo(&scene).await;
    scene.ada.client.say_raw(Message::Close(None)).await;
    let away = |view: &hearth_protocol::RoomView| {
        let desk = view.desk.as_ref().expect("a facilitator's desk");
        desk.away.iter().any(|away| away.participant == scene.ada.id)
    };
    scene.fay.client.until_view("Ada's drop", away).await;
    let ticket = scene.ticket("Ada", Role::Member);
    let back = Client::knock(scene.house.address, "hearth", &ticket).await;
    scene.fay.client.admit("Ada").await;
    back.until_seated().await;
    scene.ada.client = back;
    let phases = [scene.fay.next_phase(), scene.ben.next_phase()];
    scene.republish().await;
    check_walled(&scene, &cleo, phases).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_brings_no_picture_through_a_wall() {
    let shape = Shape { microphone: true, camera: true, rids: vec![], audio_slots: 4, video_slots: 2 };
    let scene = Scene::of(Config::for_tests(), &shape).await;
    scene.ben.show().await;
    scene.ada.watch([scene.ben.id]).await;
    until("the picture", || scene.ada.sees(&scene.ben, 0) > 10).await;
    let _cleo = with_cleo(&scene).await;
    let phase = scene.ben.next_phase();
    for _ in 0..3 {
        scene.ada.watch([scene.ben.id]).await;
    }
    scene.fay.watch([scene.ben.id]).await;
    until("the picture for Fay", || scene.fay.sees(&scene.ben, phase) > 50).await;
    assert_eq!(scene.ada.sees(&scene.ben, phase), 0);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nack_brings_nothing_through_a_wall() {
    let scene = Scene::open().await;
    let client = scene.enter("Wes", Role::Member).await;
    let offering = Participant::offer(9_002, &VOICES).await.expect("an offer");
    let answer = client.offer(offering.sdp.clone(), offering.tracks.clone()).await.expect("an answer");
    let wes = offering.start(&answer).await.expect("an answer that can be read");
    wes.until_connected().await.expect("connected");
    let heard = |person: &Person, phase| wes.received_since(person.number, MICROPHONE, phase);
    until("Ada to be heard", || heard(&scene.ada, 0) > 40).await;
    let _cleo = with_cleo(&scene).await;
    let phase = scene.fay.next_phase();
    until("what was under way", || heard(&scene.fay, phase) > 5).await;
    let before = heard(&scene.ada, 0);
    for _ in 0..3 {
        wes.nack_last(40).await.expect("asked");
        let phase = scene.fay.next_phase();
        until("Fay to be heard", || heard(&scene.fay, phase) > 15).await;
    }
    assert_eq!(heard(&scene.ada, 0), before);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_walks_through_a_wall_by_themselves() {
    let scene = Scene::open().await;
    let _cleo = with_cleo(&scene).await;
    let aside = aside_of(&scene, &scene.ada);
    let requests = [
        Request::Move { participant: scene.ada.id, aside: None },
        Request::Move { participant: scene.ben.id, aside },
        Request::Recall { aside: None, seconds: 0 },
        Request::OpenAsides { groups: vec![vec![scene.ada.id, scene.ben.id]], seconds: None },
        Request::OpenCrisisAside { participant: scene.ben.id },
    ];
    for request in requests {
        check_refused(&scene.ada.client, request, RefusalCode::NotAllowed).await;
    }
    assert_eq!(aside_of(&scene, &scene.ada), aside);
    assert_eq!(aside_of(&scene, &scene.ben), None);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_recalled_comes_back_in_silence() {
    let scene = Scene::open().await;
    let cleo = with_cleo(&scene).await;
    scene.ada.unmute().await;
    until("Ada to be heard aside", || cleo.hears(&scene.ada, MICROPHONE, 0) > 5).await;
    scene.fay.client.must(Request::Recall { aside: None, seconds: 0 }).await;
    let back = |view: &hearth_protocol::RoomView| view.participants.iter().all(|one| one.aside.is_none());
    scene.fay.client.until_view("everyone in the room", back).await;
    let phase = scene.ada.next_phase();
    scene.check_unheard(phase).await;
    let phase = scene.ada.next_phase();
    scene.ada.unmute().await;
    until("Ada to be heard", || scene.ben.hears(&scene.ada, MICROPHONE, phase) > 5).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_kept_apart_meet_by_no_move() {
    let scene = Scene::open().await;
    let fay = &scene.fay.client;
    fay.must(Request::KeepApart { one: scene.ben.id, other: scene.ada.id, apart: true }).await;
    let _cleo = with_cleo(&scene).await;
    let aside = aside_of(&scene, &scene.ada);
    let together = [
        Request::Move { participant: scene.ben.id, aside },
        Request::OpenAsides { groups: vec![vec![scene.ada.id, scene.ben.id]], seconds: None },
        Request::OpenAsides {
            groups: vec![vec![scene.ben.id, scene.fay.id, scene.ada.id]],
            seconds: Some(60),
        },
    ];
    for request in together {
        check_refused(fay, request, RefusalCode::NotPossible).await;
    }
    assert_eq!(aside_of(&scene, &scene.ben), None);
    // By turns: Ben goes in where Ada will be, and she does not follow.
    fay.must(Request::Move { participant: scene.ada.id, aside: None }).await;
    fay.must(Request::Move { participant: scene.ben.id, aside }).await;
    check_refused(fay, Request::Move { participant: scene.ada.id, aside }, RefusalCode::NotPossible).await;
    // Ada cannot take it back.
    let nearer = Request::KeepApart { one: scene.ben.id, other: scene.ada.id, apart: false };
    check_refused(&scene.ada.client, nearer, RefusalCode::NotAllowed).await;
    fay.must(Request::Move { participant: scene.ben.id, aside: None }).await;
    scene.ben.unmute().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_reaches_into_every_aside() {
    let scene = Scene::open().await;
    let cleo = with_cleo(&scene).await;
    for person in [&scene.ada, &cleo] {
        person.unmute().await;
    }
    until("Ada to be heard aside", || cleo.hears(&scene.ada, MICROPHONE, 0) > 5).await;
    scene.fay.client.must(Request::Freeze).await;
    let phase = scene.ada.next_phase();
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::Frozen).await;
    until("packets into the freeze", || scene.ada.media.sent_in_phase() >= 50).await;
    assert_eq!(cleo.hears(&scene.ada, MICROPHONE, phase), 0);
    thaw(&scene).await;
    scene.end().await;
}

/// What a freeze spares with a facilitator there it does not spare without.
#[tokio::test(flavor = "multi_thread")]
async fn a_crisis_aside_falls_silent_when_its_facilitator_drops() {
    let scene = Scene::with(|config| config.room.policy.media_linger_ms = 60_000).await;
    let cole = scene.enter("Cole", Role::Cofacilitator).await;
    let cole = Person::connect("Cole", cole, &VOICES).await;
    cole.client.must(Request::OpenCrisisAside { participant: scene.ada.id }).await;
    scene.fay.client.must(Request::Freeze).await;
    // The wall keeps Ada's voice from Ben, and the freeze does not keep it from Cole.
    let phase = scene.ada.next_phase();
    scene.ada.unmute().await;
    until("Ada to be heard by Cole", || cole.hears(&scene.ada, MICROPHONE, phase) > 25).await;
    assert_eq!(scene.ben.hears(&scene.ada, MICROPHONE, phase), 0);
    // Cole's media linger; only the words have ended.
    cole.client.say_raw(Message::Close(None)).await;
    let frozen = |view: &hearth_protocol::RoomView| view.you.gates.microphone.contains(&Reason::Freeze);
    scene.ada.client.until_view("the freeze", frozen).await;
    let phase = scene.ada.next_phase();
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::Frozen).await;
    until("packets into the freeze", || scene.ada.media.sent_in_phase() >= 50).await;
    for listener in [&cole, &scene.ben, &scene.fay] {
        assert_eq!(listener.hears(&scene.ada, MICROPHONE, phase), 0, "{}", listener.alias);
    }
    thaw(&scene).await;
    scene.end().await;
}

/// Ada and Cleo in an aside, Cleo speaking; Ada's gate is closed by the crossing, and she sends on.
async fn with_cleo(scene: &Scene) -> Person {
    let client = scene.enter("Cleo", Role::Member).await;
    let cleo = Person::connect("Cleo", client, &VOICES).await;
    cleo.media.send(Source::Microphone, BRISK);
    let groups = vec![vec![scene.ada.id, cleo.id]];
    scene.fay.client.must(Request::OpenAsides { groups, seconds: None }).await;
    until("Fay to see Ada aside", || aside_of(scene, &scene.ada).is_some()).await;
    cleo
}

/// Ada and Cleo hear each other; neither hears the room, nor does the room hear Ada, from these phases of Fay's and Ben's on.
async fn check_walled(scene: &Scene, cleo: &Person, phases: [u32; 2]) {
    let phase = scene.ada.next_phase();
    let by_cleo = cleo.next_phase();
    for person in [&scene.ada, cleo] {
        person.unmute().await;
    }
    until("Ada and Cleo to hear each other", || {
        cleo.hears(&scene.ada, MICROPHONE, phase) > 10 && scene.ada.hears(cleo, MICROPHONE, by_cleo) > 10
    })
    .await;
    scene.check_unheard(phase).await;
    scene.check_hears_nobody(&scene.ada, phases[0], phases[1]);
    scene.check_hears_nobody(cleo, phases[0], phases[1]);
    for listener in [&scene.fay, &scene.ben] {
        assert_eq!(listener.hears(cleo, MICROPHONE, by_cleo), 0, "{}", listener.alias);
    }
}

fn aside_of(scene: &Scene, person: &Person) -> Option<AsideId> {
    let view = scene.fay.client.view();
    view.participants.iter().find(|participant| participant.id == person.id)?.aside
}

async fn thaw(scene: &Scene) {
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        scene.fay.client.must(Request::Thaw { step }).await;
    }
    scene.ben.unmute().await;
}
