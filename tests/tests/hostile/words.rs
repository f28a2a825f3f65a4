//! Words that somebody may not write, or not to whom they would; and too many of them.

use hearth_protocol::{
    Audience, Change, Level, MessageId, RefusalCode, Request, Role, ServerFrame, ThawStep,
};
use hearth_tests::signalling::Client;

use crate::scene::{Scene, check_bye, check_refused};

/// In no other frame than a message that came through.
const MARK: &str = "a word that must not arrive";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_to_whom_they_may_not() {
    let scene = Scene::open().await;
    let cole = scene.enter("Cole", Role::Cofacilitator).await;
    let olga = scene.enter("Olga", Role::Observer).await;
    let nobody = hearth_protocol::ParticipantId(9_999);
    let attempts = [
        (Audience::Team, RefusalCode::NotAllowed),
        (Audience::Everywhere, RefusalCode::NotAllowed),
        (Audience::Participant { participant: scene.ben.id }, RefusalCode::NotPossible),
        (Audience::Participant { participant: scene.ada.id }, RefusalCode::NotPossible),
        (Audience::Participant { participant: nobody }, RefusalCode::NotFound),
    ];
    for (to, code) in attempts {
        check_refused(&scene.ada.client, say(to, MARK), code).await;
    }
    check_refused(&olga, say(Audience::Room, MARK), RefusalCode::NotAllowed).await;
    check_refused(&olga, say(Audience::Facilitators, MARK), RefusalCode::NotAllowed).await;
    for reader in [&scene.fay.client, &scene.ben.client, &cole, &olga] {
        check_not_told(reader).await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_facilitators_reaches_nobody_else() {
    let scene = Scene::open().await;
    let cole = scene.enter("Cole", Role::Cofacilitator).await;
    scene.ada.client.must(say(Audience::Facilitators, MARK)).await;
    cole.must(say(Audience::Team, MARK)).await;
    scene.fay.client.must(say(Audience::Participant { participant: scene.ada.id }, MARK)).await;
    until_told(&scene.fay.client, 3).await;
    check_not_told(&scene.ben.client).await;
    // Team words are not for members, and a private word is not for the team.
    until_told(&scene.ada.client, 2).await;
    until_told(&cole, 2).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_frozen_words_reach_facilitators_alone() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::Freeze).await;
    let silenced = [
        say(Audience::Room, MARK),
        say(Audience::Participant { participant: scene.ben.id }, MARK),
        Request::SayTurn { text: MARK.to_owned() },
        Request::Milestone { text: MARK.to_owned() },
        Request::SetGoal { text: Some(MARK.to_owned()), shared: true },
        Request::GiveFeedback { participant: scene.ben.id, text: MARK.to_owned() },
    ];
    for request in silenced {
        check_refused(&scene.ada.client, request, RefusalCode::Frozen).await;
    }
    scene.ada.client.must(say(Audience::Facilitators, MARK)).await;
    until_told(&scene.fay.client, 1).await;
    check_not_told(&scene.ben.client).await;
    // Until the last step of the thaw.
    for step in [ThawStep::Microphones, ThawStep::Cameras] {
        scene.fay.client.must(Request::Thaw { step }).await;
    }
    check_refused(&scene.ada.client, say(Audience::Room, MARK), RefusalCode::Frozen).await;
    scene.fay.client.must(Request::Thaw { step: ThawStep::Chat }).await;
    check_not_told(&scene.ben.client).await;
    scene.ben.unmute().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_hold_nobody_writes() {
    let scene = Scene::with(|config| config.room.policy.unattended_ms = 300).await;
    scene.fay.client.ask(Request::Leave).await;
    scene.fay.client.until_closed().await;
    scene.ada.client.until_view("the hold", |view| view.room.hold.is_some()).await;
    for to in [Audience::Room, Audience::Facilitators] {
        check_refused(&scene.ada.client, say(to, MARK), RefusalCode::OnHold).await;
    }
    check_not_told(&scene.ben.client).await;
    scene.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_writes_to_facilitators_alone() {
    let scene = Scene::open().await;
    let ceiling = Request::SetCeiling { participant: Some(scene.ada.id), level: Level::Listen };
    scene.fay.client.must(ceiling).await;
    check_refused(&scene.ada.client, say(Audience::Room, MARK), RefusalCode::NotPossible).await;
    scene.ada.client.must(say(Audience::Facilitators, MARK)).await;
    until_told(&scene.fay.client, 1).await;
    check_not_told(&scene.ben.client).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_writes_to_nobody_and_reads_nothing() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::Remove { participant: scene.ada.id }).await;
    scene.ada.client.ask(say(Audience::Room, MARK)).await;
    scene.ada.client.ask(say(Audience::Facilitators, MARK)).await;
    check_bye(&scene.ada.client, hearth_protocol::ByeReason::Removed, None).await;
    scene.ben.client.must(say(Audience::Room, MARK)).await;
    until_told(&scene.fay.client, 1).await;
    until_told(&scene.ben.client, 1).await;
    assert_eq!(told(&scene.ada.client), 0);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_stay_in_their_space() {
    let scene = Scene::open().await;
    let cleo = scene.enter("Cleo", Role::Member).await;
    let groups = vec![vec![scene.ada.id, cleo.view().you.participant]];
    scene.fay.client.must(Request::OpenAsides { groups, seconds: None }).await;
    scene.ada.client.must(say(Audience::Room, MARK)).await;
    until_told(&cleo, 1).await;
    let across = say(Audience::Participant { participant: scene.ben.id }, MARK);
    check_refused(&scene.ada.client, across, RefusalCode::NotPossible).await;
    check_not_told(&scene.fay.client).await;
    check_not_told(&scene.ben.client).await;
    // And the other way.
    scene.ben.client.must(say(Audience::Room, MARK)).await;
    until_told(&scene.fay.client, 1).await;
    assert_eq!((told(&scene.ada.client), told(&cleo)), (1, 1));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_anothers_words_away() {
    let scene = Scene::open().await;
    scene.ben.client.must(say(Audience::Room, MARK)).await;
    let message = until_told(&scene.ada.client, 1).await;
    check_refused(&scene.ada.client, Request::Unsay { message }, RefusalCode::NotFound).await;
    // What she never read she cannot even find, whatever number she tries.
    scene.ben.client.must(say(Audience::Facilitators, MARK)).await;
    until_told(&scene.fay.client, 2).await;
    for message in [MessageId(0), MessageId(message.0.wrapping_add(1)), MessageId(u32::MAX)] {
        check_refused(&scene.ada.client, Request::Unsay { message }, RefusalCode::NotFound).await;
    }
    assert!(!unsaid(&scene.fay.client, message));
    scene.ben.client.must(Request::Unsay { message }).await;
    let gone = |told: &mut hearth_tests::signalling::Told| {
        changes(&told.frames).any(|change| *change == Change::Unsaid { message }).then_some(())
    };
    scene.fay.client.until("the message to be taken away", gone).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_beyond_the_limits_are_refused() {
    let scene = Scene::open().await;
    let attempts = [
        (String::new(), RefusalCode::BadMessage),
        (" \n ".to_owned(), RefusalCode::BadMessage),
        (format!("{MARK}\u{0}"), RefusalCode::BadMessage),
        (format!("{MARK}\u{1b}[2J"), RefusalCode::BadMessage),
        (format!("{MARK}\u{7f}\u{85}"), RefusalCode::BadMessage),
        (MARK.repeat(1_000), RefusalCode::TooLarge),
        ("\u{1f468}".repeat(1_001), RefusalCode::TooLarge),
    ];
    for (text, code) in attempts {
        check_refused(&scene.ada.client, say(Audience::Room, &text), code).await;
    }
    check_not_told(&scene.ben.client).await;
    // What looks like markup is words like any others, and arrives as it was written.
    let markup = "<img src=x onerror=alert(1)> </script> ${MARK} &amp; {\"type\":\"freeze\"}";
    scene.ada.client.must(say(Audience::Room, markup)).await;
    scene
        .ben
        .client
        .until("the words", |told| texts(&told.frames).contains(&markup.to_owned()).then_some(()))
        .await;
    assert!(scene.fay.client.view().room.frozen.is_none());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_words_are_slowed_and_end_no_connection() {
    let scene = Scene::open().await;
    // All at once: on a slow machine, too, that is faster than any limit.
    let mut asked = Vec::new();
    for number in 0..20 {
        asked.push(scene.ada.client.ask(say(Audience::Room, &format!("word {number}"))).await);
    }
    let mut arrived = 0;
    for id in &asked {
        match scene.ada.client.answer(id).await {
            Ok(_) => arrived += 1,
            Err(refusal) => assert_eq!(refusal.code, RefusalCode::TooFast),
        }
    }
    assert!((1..20).contains(&arrived), "{arrived} of 20");
    assert_eq!(scene.ada.client.told().closed, None);
    // Ben may write all the same.
    scene.ben.client.must(say(Audience::Room, MARK)).await;
    until_told(&scene.fay.client, 1).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_takes_one_answer_from_0_to_10_of_each() {
    let scene = Scene::open().await;
    let answer = |value| Request::AnswerScale { value, named: false };
    check_refused(&scene.ada.client, answer(5), RefusalCode::NotPossible).await;
    scene.fay.client.must(Request::OpenScale { question: "How is it?".to_owned() }).await;
    for value in [11, 100, u32::MAX] {
        check_refused(&scene.ada.client, answer(value), RefusalCode::BadMessage).await;
    }
    for value in [0, 10, 3] {
        scene.ada.client.must(answer(value)).await;
    }
    let answered = |view: &hearth_protocol::RoomView| {
        view.desk.as_ref().and_then(|desk| desk.scale.as_ref()).is_some_and(|scale| scale.answered == 1)
    };
    scene.fay.client.until_view("one answer", answered).await;
    // Of so few, only facilitators read anything, and no name.
    scene.fay.client.must(Request::CloseScale).await;
    let result = |told: &mut hearth_tests::signalling::Told| {
        changes(&told.frames).find_map(|change| {
            let Change::ScaleResult(result) = change else { return None };
            Some(result.values.clone())
        })
    };
    assert_eq!(scene.fay.client.until("the result", result).await, [3]);
    check_in_order(&scene.ada.client).await;
    check_in_order(&scene.ben.client).await;
    for member in [&scene.ada.client, &scene.ben.client] {
        assert_eq!(result(&mut member.told()), None);
    }
    scene.end().await;
}

fn say(to: Audience, text: &str) -> Request {
    Request::Say { to, text: text.to_owned() }
}

/// An answer of the room: whatever it said to this connection before has arrived.
async fn check_in_order(client: &Client) {
    check_refused(
        client,
        Request::Grant { participant: hearth_protocol::ParticipantId(0) },
        RefusalCode::NotAllowed,
    )
    .await;
}

/// Not one of the words that were tried has arrived here.
async fn check_not_told(client: &Client) {
    let _ = client.request(Request::LowerHand).await;
    let told = client.told();
    let found = texts(&told.frames).into_iter().find(|text| text.contains(MARK));
    assert_eq!(found, None);
    let anywhere = told.frames.iter().any(|(_, frame, _)| format!("{frame:?}").contains(MARK));
    assert!(!anywhere, "{}", told.summary());
}

/// The newest, when so many marked messages have arrived.
async fn until_told(client: &Client, many: usize) -> MessageId {
    let newest = |told: &mut hearth_tests::signalling::Told| {
        let ids: Vec<MessageId> = marked(&told.frames).collect();
        (ids.len() == many).then(|| ids.last().copied()).flatten()
    };
    client.until("the message", newest).await
}

fn told(client: &Client) -> usize {
    marked(&client.told().frames).count()
}

fn unsaid(client: &Client, message: MessageId) -> bool {
    changes(&client.told().frames).any(|change| *change == Change::Unsaid { message })
}

type Frames = [(std::time::Instant, ServerFrame, usize)];

fn changes(frames: &Frames) -> impl Iterator<Item = &Change> {
    frames.iter().flat_map(|(_, frame, _)| in_delta(frame))
}

fn in_delta(frame: &ServerFrame) -> &[Change] {
    if let ServerFrame::Delta { changes, .. } = frame { changes } else { &[] }
}

fn marked(frames: &Frames) -> impl Iterator<Item = MessageId> {
    changes(frames).filter_map(|change| {
        let Change::Message(message) = change else { return None };
        message.text.contains(MARK).then_some(message.id)
    })
}

fn texts(frames: &Frames) -> Vec<String> {
    let texts = changes(frames).filter_map(|change| {
        let Change::Message(message) = change else { return None };
        Some(message.text.clone())
    });
    texts.collect()
}
