//! A call for help that nobody can tell was made, but those it is for; and that nothing refuses.

use std::time::Duration;

use hearth::{Config, RoomId, Server};
use hearth_protocol::{
    Change, Credential, HandKind, Level, OwnSignalState, RefusalCode, Request, Role, RoomView, ServerFrame,
};
use hearth_tests::{
    group::{House, grant},
    signalling::{Client, Told},
};
use serde_json::Value;

use crate::scene::{Scene, check_refused, until_waiting};

/// Times differ from run to run; everything else is to be the same.
const TIMES: [&str; 7] = ["now", "since", "until", "at", "ends_at", "asked_until", "break_until"];

/// Two meetings with the same steps, in one of which Ada calls for help: what Ben, an observer and somebody at the door are sent is the
/// same, frame by frame, and in the time of the call they are sent nothing at all.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_facilitators_can_tell_that_somebody_called() {
    let (without, with) = tokio::join!(steps(false), steps(true));
    for (who, (without, with)) in ["Ben", "Olga", "Cleo"].into_iter().zip(without.into_iter().zip(with)) {
        assert_eq!(without.len(), with.len(), "{who} is sent more or less");
        for (frame, other) in without.iter().zip(&with) {
            assert_eq!(frame, other, "{who} is sent something else");
        }
    }
}

/// What each of the three was told, in order. Nobody has media: who speaks when would be chance.
async fn steps(call: bool) -> [Vec<Value>; 3] {
    let mut config = Config::for_tests();
    config.room.policy.waiting_beat_ms = 60_000;
    config.room.policy.signal_repeat_ms = 1_000;
    config.room.policy.signal_unanswered_ms = 1_200;
    let server = Server::start(config).await.expect("a server with free ports starts");
    let house = House { address: server.http_address(), room: RoomId::parse("hearth").expect("a room's id") };
    let ticket = |alias: &str, role| server.ticket(&grant(&house.room, alias, role));
    let fay = Client::join(house.address, "hearth", &ticket("Fay", Role::Facilitator)).await;
    let mut seated = vec![];
    for (alias, role) in [("Ada", Role::Member), ("Ben", Role::Member), ("Olga", Role::Observer)] {
        let ticket = ticket(alias, role);
        seated.push(Client::join_through(house.address, "hearth", &ticket, alias, &fay).await);
    }
    let [ada, ben, olga] = seated.try_into().expect("three");
    let cleo = Client::knock(house.address, "hearth", &ticket("Cleo", Role::Member)).await;
    until_waiting(&cleo).await;
    let others = [&ben, &olga, &cleo];
    for other in others {
        settled(other).await;
    }
    let before = others.map(|other| other.told().frames.len());
    if call {
        call_for_help(&ada, &fay).await;
    }
    for (other, before) in others.into_iter().zip(before) {
        settled(other).await;
        let told = other.told();
        let more: Vec<_> = told.frames[before..].iter().map(|(_, frame, _)| frame).collect();
        assert!(matches!(more[..], [ServerFrame::Refusal { .. }]), "{more:?}");
    }

    // What follows shows by no number either that there was something before.
    ada.must(Request::RaiseHand { kind: HandKind::Speak }).await;
    fay.must(Request::Lock { locked: true }).await;
    fay.must(Request::Freeze).await;
    let back = Client::resume(house.address, "hearth", ben.secret(), None).await;
    back.until_seated().await;
    ben.until_closed().await;
    for other in [&back, &olga, &cleo] {
        settled(other).await;
    }
    let told = [[masked(&ben), masked(&back)].concat(), masked(&olga), masked(&cleo)];
    server.stop().await;
    told
}

/// Ada calls, is told that nobody has answered yet, and is answered.
async fn call_for_help(ada: &Client, fay: &Client) {
    ada.must(Request::Distress).await;
    ada.must(Request::NotAlone { on: true }).await;
    let repeated = |told: &mut Told| {
        let signals = &told.view.as_ref()?.desk.as_ref()?.signals;
        signals.iter().any(|signal| signal.repeated > 0).then(|| signals.clone())
    };
    let signals = fay.until("the call, and its repeat", repeated).await;
    assert_eq!(signals.len(), 2, "{signals:?}");
    let unanswered =
        |view: &RoomView| view.you.signal.is_some_and(|signal| signal.state == OwnSignalState::Unanswered);
    ada.until_view("the honest word that nobody has answered", unanswered).await;
    let text = Some("I am with you.".to_owned());
    fay.must(Request::AnswerSignal { signal: signals[0].id, text }).await;
    ada.must(Request::NotAlone { on: false }).await;
}

/// A request that the room refuses: whatever it said before has arrived with its answer.
async fn settled(client: &Client) {
    assert!(client.request(Request::LowerHand).await.is_err());
}

/// Each frame as it was, but for times, secrets and the ids of requests; its length goes with it.
fn masked(client: &Client) -> Vec<Value> {
    let told = client.told();
    assert!(told.faults.is_empty(), "{:?}", told.faults);
    let frames = told.frames.iter().map(|(_, frame, _)| {
        let mut value = serde_json::to_value(frame).expect("a frame is JSON");
        mask(&mut value);
        value
    });
    frames.collect()
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if TIMES.contains(&name.as_str()) || ["secret", "request_id"].contains(&name.as_str()) {
                    *field = Value::Null;
                } else {
                    mask(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_help_is_refused_at_no_stage() {
    let scene = Scene::with(|config| config.room.policy.unattended_ms = 400).await;
    // Before the ground rules, while waiting, and with nobody to see a door that is locked.
    let cleo = scene.present_ticket("Cleo").await;
    cleo.until("the ground rules", |told| told.ground_rules.clone()).await;
    cleo.must(Request::Distress).await;
    cleo.agree().await;
    cleo.must(Request::NotAlone { on: true }).await;
    scene.fay.client.must(Request::Lock { locked: true }).await;
    cleo.must(Request::Distress).await;
    // At listen, in a break, frozen.
    let ada = &scene.ada.client;
    ada.must(Request::SetLevel { level: Level::Listen }).await;
    ada.must(Request::Distress).await;
    scene.fay.client.must(Request::Break { seconds: 60 }).await;
    ada.must(Request::NotAlone { on: true }).await;
    scene.fay.client.must(Request::Freeze).await;
    ada.must(Request::Distress).await;
    ada.must(Request::NotAlone { on: false }).await;
    // Sent back to the door, and back again with the secret.
    let ben = &scene.ben.client;
    scene.fay.client.must(Request::SendToWaiting { participant: scene.ben.id }).await;
    ben.must(Request::Distress).await;
    // On hold, with nobody there at all.
    scene.fay.client.ask(Request::Leave).await;
    scene.fay.client.until_closed().await;
    ada.until_view("the hold", |view| view.room.hold.is_some()).await;
    ada.must(Request::Distress).await;
    let alone =
        |view: &RoomView| view.you.signal.is_some_and(|signal| signal.state == OwnSignalState::Unanswered);
    ada.until_view("the honest word that nobody is there", alone).await;
    let back = scene.present(Credential::Resume { secret: ada.secret() }).await;
    back.until_seated().await;
    back.must(Request::Distress).await;
    scene.server.stop().await;
}

/// Whoever has asked too much at once is slowed down with everything, but not with this.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_help_passes_where_all_else_is_too_fast() {
    let scene = Scene::open().await;
    let ada = &scene.ada.client;
    // All at once: on a slow machine, too, that is faster than any limit.
    let mut asked = Vec::new();
    for _ in 0..60 {
        asked.push(ada.ask(Request::LowerHand).await);
    }
    ada.must(Request::Distress).await;
    let told = |id| ada.told().answer(id).and_then(|(answer, _)| answer.err()).map(|refusal| refusal.code);
    assert!(asked.iter().any(|id| told(id) == Some(RefusalCode::TooFast)));
    let calls = |told: &mut Told| {
        let desk = told.view.as_ref()?.desk.as_ref()?;
        (desk.signals.len() == 1).then_some(())
    };
    scene.fay.client.until("the call", calls).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_answers_a_call_or_learns_its_number() {
    let scene = Scene::open().await;
    scene.ben.client.must(Request::Distress).await;
    let calls = |told: &mut Told| Some(told.view.as_ref()?.desk.as_ref()?.signals.first()?.id);
    let signal = scene.fay.client.until("the call", calls).await;
    let answer = Request::AnswerSignal { signal, text: Some("Who are you?".to_owned()) };
    check_refused(&scene.ada.client, answer, RefusalCode::NotAllowed).await;
    scene.fay.client.must(Request::AnswerSignal { signal, text: Some("I am here.".to_owned()) }).await;
    let answered = |told: &mut Told| {
        let messages = told.frames.iter().filter_map(|(_, frame, _)| {
            let ServerFrame::Delta { changes, .. } = frame else { return None };
            changes.iter().find(|change| matches!(change, Change::Message(_)))
        });
        (messages.count() == 1).then_some(())
    };
    scene.ben.client.until("the answer", answered).await;
    assert!(scene.ada.client.request(Request::LowerHand).await.is_err());
    assert_eq!(answered(&mut scene.ada.client.told()), None);
    // A pause without words, so that a late frame would have come.
    let late = scene.ada.client.within(Duration::from_millis(200), answered).await;
    assert_eq!(late, None);
    scene.end().await;
}
