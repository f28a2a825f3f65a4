//! Those who are not in the room any more: removed, sent back to the door, gone, replaced.

use hearth_protocol::{ByeReason, Credential, HandKind, RefusalCode, Request, Role};
use hearth_tests::{generator::MICROPHONE, group::until, signalling::Client};

use crate::scene::{Scene, check_bye, check_knows_nothing};

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_comes_back_by_no_credential() {
    let scene = Scene::open().await;
    // Ada keeps everything that once opened a door to her.
    let spent = scene.ticket("Cleo", Role::Member);
    let cleo = Client::connect(scene.house.address, "hearth").await;
    cleo.hello(Credential::Ticket { ticket: spent.clone() }, None).await;
    cleo.agree().await;
    let waiting = cleo.secret();
    scene.fay.client.admit("Cleo").await;
    cleo.until_seated().await;
    let resume = cleo.secret();
    let participant = cleo.view().you.participant;
    scene.fay.client.must(Request::Remove { participant }).await;
    check_bye(&cleo, ByeReason::Removed, None).await;

    let fresh = scene.ticket("Cleo", Role::Member);
    let credentials = [
        Credential::Ticket { ticket: fresh },
        Credential::Resume { secret: resume.clone() },
        Credential::Waiting { secret: resume },
        Credential::Waiting { secret: waiting.clone() },
        Credential::Resume { secret: waiting },
    ];
    for credential in credentials {
        let what = format!("{credential:?}");
        let is_ticket = matches!(credential, Credential::Ticket { .. });
        let back = scene.present(credential).await;
        let closed = back.until_closed().await;
        let told = back.told();
        let bye = told.bye.clone().expect("a last word");
        // A ticket is refused as everyone's is; the secrets died with the removal and are like any that never were.
        let not_now = (ByeReason::NotNow, Some(RefusalCode::NotNow), 4003);
        let dead = (ByeReason::BadHello, Some(RefusalCode::BadTicket), 4007);
        let said = (bye.reason, bye.code, closed);
        assert!(said == not_now || (said == dead && !is_ticket), "{what}: {said:?}");
        assert_eq!(told.frames.len(), 1, "{what}: {}", told.summary());
    }
    let knocks = scene.fay.client.view().desk.expect("the desk").knocks;
    assert!(knocks.is_empty(), "{knocks:?}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_neither_hears_nor_is_heard() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::Remove { participant: scene.ada.id }).await;
    // Of what follows the acknowledgement she is told nothing.
    scene.ben.client.must(Request::RaiseHand { kind: HandKind::Speak }).await;
    let phases = [scene.fay.next_phase(), scene.ben.next_phase()];
    let phase = scene.ada.next_phase();
    check_bye(&scene.ada.client, ByeReason::Removed, None).await;
    scene.check_unheard(phase).await;
    scene.check_hears_nobody(&scene.ada, phases[0], phases[1]);
    let told = scene.ada.client.told().view.clone().expect("the room as it was");
    assert!(told.participants.iter().all(|participant| participant.hand.is_none()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_sent_back_to_the_door_neither_hears_nor_is_heard() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::SendToWaiting { participant: scene.ada.id }).await;
    let phases = [scene.fay.next_phase(), scene.ben.next_phase()];
    let phase = scene.ada.next_phase();
    scene.check_unheard(phase).await;
    scene.check_hears_nobody(&scene.ada, phases[0], phases[1]);
    until("Ada to be off the roster", || !scene.roster().contains(&"Ada".to_owned())).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_neither_hears_nor_is_heard() {
    let scene = Scene::open().await;
    scene.ada.client.ask(Request::Leave).await;
    check_bye(&scene.ada.client, ByeReason::Left, None).await;
    let phases = [scene.fay.next_phase(), scene.ben.next_phase()];
    let phase = scene.ada.next_phase();
    scene.check_unheard(phase).await;
    scene.check_hears_nobody(&scene.ada, phases[0], phases[1]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_media_of_a_replaced_connection_are_dead() {
    let scene = Scene::open().await;
    let secret = scene.ada.client.secret();
    // Without the generation that the old page holds: its media connection is given up.
    let back = Client::resume(scene.house.address, "hearth", secret, None).await;
    back.until_seated().await;
    check_bye(&scene.ada.client, ByeReason::Replaced, None).await;
    until("the relay to end the old connection", || scene.ada.media.is_ended()).await;
    let phase = scene.ada.next_phase();
    let phases = [scene.fay.next_phase(), scene.ben.next_phase()];
    scene.check_unheard(phase).await;
    scene.check_hears_nobody(&scene.ada, phases[0], phases[1]);
    assert_eq!(scene.ben.hears(&scene.ada, MICROPHONE, phase), 0);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undone_removal_leads_to_the_door_and_no_further() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::Remove { participant: scene.ada.id }).await;
    let phase = scene.ada.next_phase();
    scene.fay.client.must(Request::UndoRemoval { participant: scene.ada.id }).await;
    let back = scene.knock("Ada").await;
    scene.knock_of("Ada").await;
    scene.check_unheard(phase).await;
    check_knows_nothing(&back);
    scene.end().await;
}
