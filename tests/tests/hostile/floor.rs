//! The floor, for those who do not have it.

use hearth_protocol::{FloorMode, HandKind, Reason, RefusalCode, Request, Role, RoundOrder, Source};
use hearth_tests::{generator::MICROPHONE, group::Person};

use crate::scene::{BRISK, Scene, UNMUTE, VOICES, check_refused};

#[tokio::test(flavor = "multi_thread")]
async fn out_of_turn_nobody_is_heard_and_nobody_ends_anothers_turn() {
    let scene = Scene::open().await;
    // Fay is heard in any round; it is Ben's turn.
    let order = RoundOrder::Manual { participants: vec![scene.ben.id, scene.ada.id] };
    let round = Request::RoundStart { order, turn_seconds: None, include_facilitators: false };
    scene.fay.client.must(round).await;
    let phase = scene.ada.next_phase();
    scene.ben.unmute().await;
    for request in [UNMUTE, Request::Yield] {
        check_refused(&scene.ada.client, request, RefusalCode::NotPossible).await;
    }
    // Whoever is still to come may defer or pass at any time: it is their own turn, never another's.
    scene.ada.client.must(Request::Defer).await;
    scene.ada.client.must(Request::Pass).await;
    scene.check_unheard(phase).await;
    let speakers = scene.fay.client.caught_up().await.floor.speakers;
    assert_eq!(speakers.iter().map(|speaker| speaker.participant).collect::<Vec<_>>(), [scene.ben.id]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opts_in_to_open_on_turn_is_not_heard_before_it_comes() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::SetFloor { mode: FloorMode::Hands }).await;
    scene.fay.client.must(Request::Grant { participant: scene.ben.id }).await;
    scene.ben.unmute().await;
    let phase = scene.ada.next_phase();
    scene.ada.client.must(Request::OpenOnTurn { on: true }).await;
    // Accepted or not: the floor is Ben's.
    let _ = scene.ada.client.request(UNMUTE).await;
    scene.ada.client.must(Request::RaiseHand { kind: HandKind::Speak }).await;
    scene.check_unheard(phase).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_screen_is_no_way_around_the_floor() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::SetFloor { mode: FloorMode::Hands }).await;
    scene.fay.client.must(Request::Grant { participant: scene.ben.id }).await;
    scene.ben.unmute().await;
    scene.ada.client.must(Request::OpenOnTurn { on: true }).await;
    let share = Request::SetOwn { source: Source::Screen, open: true };
    check_refused(&scene.ada.client, share, RefusalCode::NotPossible).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_born_while_others_have_the_floor_is_born_without_it() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::SetFloor { mode: FloorMode::Hands }).await;
    scene.fay.client.must(Request::Grant { participant: scene.ben.id }).await;
    scene.ben.unmute().await;
    let client = scene.enter("Cleo", Role::Member).await;
    assert!(client.view().you.gates.microphone.contains(&Reason::Floor));
    let cleo = Person::connect("Cleo", client, &VOICES).await;
    cleo.media.send(Source::Microphone, BRISK);
    let phase = cleo.next_phase();
    check_refused(&cleo.client, UNMUTE, RefusalCode::NotPossible).await;
    scene.check_silent(&cleo, MICROPHONE, phase).await;
    scene.end().await;
}
