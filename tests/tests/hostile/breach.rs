//! Confidentiality was broken: who may say so, who learns what of it, what is closed by it, and who opens it again.

use hearth_protocol::{
    Audience, BreachCode, ByeReason, Change, Notice, ParticipantId, RefusalCode, Request, Role, ServerFrame,
    ThawStep,
};
use hearth_tests::{
    generator::MICROPHONE,
    group::{Person, until},
    signalling::Client,
};

use crate::scene::{Scene, UNMUTE, check_bye, check_refused};

fn breach(named: Option<ParticipantId>) -> Request {
    Request::Breach { code: BreachCode::Recording, participant: named }
}

fn say(to: Audience) -> Request {
    Request::Say { to, text: "I saw it.".to_owned() }
}

/// All that changed for this connection since so many frames.
fn changes_since(client: &Client, frames: usize) -> Vec<Change> {
    let told = client.told();
    let in_frame = |frame: &ServerFrame| {
        if let ServerFrame::Delta { changes, .. } = frame { changes.clone() } else { Vec::new() }
    };
    told.frames[frames..].iter().flat_map(|(_, frame, _)| in_frame(frame)).collect()
}

fn notices(changes: &[Change]) -> usize {
    changes.iter().filter(|change| matches!(change, Change::Notice { notice: Notice::Breach })).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_facilitators_reports_a_breach_and_nobody_does_it_to_the_lead() {
    let scene = Scene::open().await;
    let cole = scene.enter("Cole", Role::Cofacilitator).await;
    let olga = scene.enter("Olga", Role::Observer).await;
    let door = scene.knock("Cleo").await;
    let (fay, ben) = (scene.fay.id, scene.ben.id);
    for client in [&scene.ada.client, &olga] {
        check_refused(client, breach(Some(ben)), RefusalCode::NotAllowed).await;
        check_refused(client, breach(None), RefusalCode::NotAllowed).await;
    }
    check_refused(&door, breach(None), RefusalCode::NotSeated).await;
    for client in [&cole, &scene.fay.client] {
        check_refused(client, breach(Some(fay)), RefusalCode::NotAllowed).await;
        check_refused(client, breach(Some(ParticipantId(9_999))), RefusalCode::NotFound).await;
    }
    let view = scene.fay.client.caught_up().await;
    assert_eq!(view.desk.expect("the desk").incident, None);
    for client in [&scene.ada.client, &scene.ben.client, &cole, &olga] {
        assert!(client.caught_up().await.room.frozen.is_none());
        assert_eq!(notices(&changes_since(client, 0)), 0);
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_breach_everyone_is_told_the_same_and_only_facilitators_of_what_and_of_whom() {
    let scene = Scene::open().await;
    let cole = scene.enter("Cole", Role::Cofacilitator).await;
    let olga = scene.enter("Olga", Role::Observer).await;
    let others = [&scene.ben.client, &olga];
    let mut before = Vec::new();
    for client in others {
        client.catch_up().await;
        before.push(client.told().frames.len());
    }
    scene.fay.client.must(breach(Some(scene.ada.id))).await;
    check_bye(&scene.ada.client, ByeReason::Removed, None).await;
    for (client, before) in others.into_iter().zip(before) {
        client.catch_up().await;
        let changes = changes_since(client, before);
        assert_eq!(notices(&changes), 1, "{changes:?}");
        assert!(changes.contains(&Change::Left { participant: scene.ada.id }));
        assert!(changes.iter().any(|change| matches!(change, Change::Room(room) if room.frozen.is_some())));
        check_says_nothing_of_it(&serde_json::to_string(&changes).expect("JSON"));
    }
    // Whoever was removed is shown the card that everyone is who is removed.
    let last = scene.ada.client.told().frames.last().map(|(_, frame, _)| frame.clone()).expect("a goodbye");
    assert!(matches!(&last, ServerFrame::Bye(bye) if bye.card.is_some()), "{last:?}");
    check_says_nothing_of_it(&serde_json::to_string(&last).expect("JSON"));
    for client in [&scene.fay.client, &cole] {
        let desk = client.caught_up().await.desk.expect("a facilitator's desk");
        assert_eq!(desk.incident, Some(1));
        assert!(desk.removed.iter().any(|removed| removed.participant == scene.ada.id));
    }
    // One more report in the same freeze is of the same incident, and nobody is told again.
    cole.must(breach(None)).await;
    assert_eq!(scene.fay.client.caught_up().await.desk.expect("the desk").incident, Some(1));
    for client in others {
        client.catch_up().await;
        assert_eq!(notices(&changes_since(client, 0)), 1);
    }
    scene.server.stop().await;
}

/// Neither what was done nor its number, nor who did it.
fn check_says_nothing_of_it(json: &str) {
    for word in ["recording", "incident", "\"Ada\""] {
        assert!(!json.contains(word), "{word}: {json}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_breach_all_is_closed_until_the_lead_or_who_froze_it_thaws() {
    let scene = Scene::open().await;
    let cole = scene.enter("Cole", Role::Cofacilitator).await;
    let cora = scene.enter("Cora", Role::Cofacilitator).await;
    let (fay, ada, ben) = (&scene.fay, &scene.ada, &scene.ben);
    cole.must(breach(Some(ada.id))).await;
    let phases = [ada, ben].map(Person::next_phase);
    check_refused(&ben.client, UNMUTE, RefusalCode::Frozen).await;
    check_refused(&ben.client, say(Audience::Room), RefusalCode::Frozen).await;
    ben.client.must(say(Audience::Facilitators)).await;
    let thaw = |step| Request::Thaw { step };
    check_refused(&ben.client, thaw(ThawStep::Microphones), RefusalCode::NotAllowed).await;
    check_refused(&cora, thaw(ThawStep::Microphones), RefusalCode::NotAllowed).await;

    // Ben and Ada send on; Fay alone is heard, and by Ben alone.
    until("packets into the freeze", || {
        ben.media.sent_in_phase() >= 25 && (ada.media.sent_in_phase() >= 25 || ada.media.is_ended())
    })
    .await;
    let by_fay = fay.next_phase();
    until("Fay to be heard", || ben.hears(fay, MICROPHONE, by_fay) >= 10).await;
    assert_eq!(ada.hears(fay, MICROPHONE, by_fay), 0, "the removed one hears");
    for (listener, speaker, phase) in
        [(fay, ada, phases[0]), (ben, ada, phases[0]), (fay, ben, phases[1]), (ada, ben, phases[1])]
    {
        let heard = listener.hears(speaker, MICROPHONE, phase);
        assert_eq!(heard, 0, "{} received packets of {}", listener.alias, speaker.alias);
    }

    // Who froze it opens step by step, into silence, and the lead may go on.
    cole.must(thaw(ThawStep::Microphones)).await;
    check_refused(&ben.client, say(Audience::Room), RefusalCode::Frozen).await;
    let silent = ben.next_phase();
    until("packets after the first step", || ben.media.sent_in_phase() >= 25).await;
    let by_fay = fay.next_phase();
    until("Fay to be heard", || ben.hears(fay, MICROPHONE, by_fay) >= 10).await;
    assert_eq!(fay.hears(ben, MICROPHONE, silent), 0, "before his own unmute");
    ben.unmute().await;
    assert_eq!(fay.client.caught_up().await.desk.expect("the desk").incident, Some(1));
    for step in [ThawStep::Cameras, ThawStep::Chat] {
        fay.client.must(thaw(step)).await;
    }
    assert_eq!(fay.client.caught_up().await.desk.expect("the desk").incident, None);
    ben.client.must(say(Audience::Room)).await;
    // The removal is thawed by nobody.
    let back = scene.present_ticket("Ada").await;
    check_bye(&back, ByeReason::NotNow, Some(RefusalCode::NotNow)).await;
    scene.end().await;
}
