//! Requests of those who have no right to them. The protocol names nobody else to answer for; what it can name, a member may not.

use std::collections::BTreeMap;

use hearth_protocol::{ParticipantId, RefusalCode, Request, Role, RoomState, RoomView, Source, ThawStep};
use hearth_simulation::{Right, right_to};
use hearth_tests::{group::until, signalling::Client};
use serde_json::Value;

use crate::scene::{Scene, check_refused};

/// One of every message, as the protocol's own tests read them.
const SAMPLES: &str = include_str!("../../../protocol/samples/client.json");

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_refused_every_request_of_facilitators() {
    let Crowd { scene, _at_the_door } = crowd().await;
    check_all_refused(&scene, "Dan", Role::Member, &requests_of_facilitators(scene.ben.id)).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_is_refused_every_request_of_facilitators_and_every_word() {
    let Crowd { scene, _at_the_door } = crowd().await;
    let mut requests = requests_of_facilitators(scene.ben.id);
    requests.extend(samples(scene.ben.id).filter(|(_, request)| sends_something(request)));
    check_all_refused(&scene, "Olga", Role::Observer, &requests).await;
    scene.end().await;
}

/// Where the format has no peer lead, the ticket alone makes none.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_lead_whom_the_format_does_not_know_is_refused_every_request_of_facilitators() {
    let Crowd { scene, _at_the_door } = crowd().await;
    check_all_refused(&scene, "Pia", Role::PeerLead, &requests_of_facilitators(scene.ben.id)).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_lead_is_refused_what_the_format_does_not_give() {
    let Crowd { scene, _at_the_door } = crowd().await;
    scene.fay.client.must(Request::ChangeFormat { format: "twelve_step".to_owned() }).await;
    let mut requests = requests_of_facilitators(scene.ben.id);
    requests.retain(|_, request| !is_of_peer_leads(request));
    let source = Source::Microphone;
    let others = [
        ("open_gate", Request::SetGate { participant: scene.ben.id, source, open: true }),
        ("close_a_facilitators_gate", Request::SetGate { participant: scene.fay.id, source, open: false }),
        ("send_a_facilitator_to_waiting", Request::SendToWaiting { participant: scene.fay.id }),
    ];
    requests.extend(others.map(|(name, request)| (name.to_owned(), request)));
    check_all_refused(&scene, "Pia", Role::PeerLead, &requests).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_is_refused_what_was_not_lent() {
    let Crowd { scene, _at_the_door } = crowd().await;
    let mut requests = requests_of_facilitators(scene.ben.id);
    requests.retain(|_, request| !is_lent_to_helpers(request));
    // Opening a gate is not closing one, and a facilitator's gate is not a member's.
    let source = Source::Microphone;
    let others = [
        ("open_gate", Request::SetGate { participant: scene.ben.id, source, open: true }),
        ("close_a_facilitators_gate", Request::SetGate { participant: scene.fay.id, source, open: false }),
    ];
    requests.extend(others.map(|(name, request)| (name.to_owned(), request)));
    check_all_refused(&scene, "Hal", Role::Member, &requests).await;
    scene.end().await;
}

/// A room in which somebody waits. A knock goes with its connection, so that is kept.
struct Crowd {
    scene: Scene,
    _at_the_door: Client,
}

async fn crowd() -> Crowd {
    let scene = Scene::open().await;
    let cleo = scene.knock("Cleo").await;
    scene.knock_of("Cleo").await;
    Crowd { scene, _at_the_door: cleo }
}

/// Each is refused as not theirs, and nothing has changed. Whoever is called Hal is a helper.
async fn check_all_refused(scene: &Scene, alias: &str, role: Role, requests: &BTreeMap<String, Request>) {
    assert!(requests.len() > 25, "the samples have them all");
    let fay = &scene.fay.client;
    let before = fay.caught_up().await;
    let requests: Vec<_> = requests.values().cloned().collect();
    // Five wants of right a minute are answered one by one; who has asked five makes room for the next.
    for (number, requests) in requests.chunks(5).enumerate() {
        let alias = format!("{alias} {}", char::from(b'a' + number as u8));
        let asker = scene.enter(&alias, role).await;
        let id = asker.view().you.participant;
        if alias.starts_with("Hal") {
            fay.must(Request::LendHelper { participant: id, on: true }).await;
        }
        for request in requests {
            check_refused(&asker, request.clone(), RefusalCode::NotAllowed).await;
        }
        asker.ask(Request::Leave).await;
        until("Fay to see who asked leave", || fay.view().participants.iter().all(|one| one.id != id)).await;
    }
    let after = fay.caught_up().await;
    assert_eq!(after.floor, before.floor);
    // The epoch has risen with everyone who came and left.
    assert_eq!(RoomState { epoch: before.room.epoch, ..after.room.clone() }, before.room);
    let knocks = |view: &RoomView| view.desk.as_ref().expect("the desk").knocks.len();
    assert_eq!(knocks(&after), knocks(&before));
    assert!(scene.roster().contains(&"Ada".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cofacilitator_does_not_do_what_is_the_leads() {
    let scene = Scene::open().await;
    let cole = scene.enter("Cole", Role::Cofacilitator).await;
    let cora = scene.enter("Cora", Role::Cofacilitator).await;
    scene.fay.client.must(Request::Freeze).await;
    // Five a minute are refused one by one: two share them.
    let requests = [
        (&cole, Request::Thaw { step: ThawStep::Microphones }),
        (&cole, Request::Remove { participant: scene.fay.id }),
        (&cole, Request::HandOver { participant: cole.view().you.participant }),
        (&cole, Request::End { seconds: 10 }),
        (&cora, Request::CancelEnd),
        (&cora, Request::EndNow { confirm: None }),
        (&cora, Request::Remove { participant: cole.view().you.participant }),
    ];
    for (client, request) in requests {
        check_refused(client, request, RefusalCode::NotAllowed).await;
    }
    assert!(cora.request(Request::TakeLead).await.is_err());
    let fay = &scene.fay.client;
    assert!(fay.caught_up().await.room.frozen.is_some());
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        fay.must(Request::Thaw { step }).await;
    }
    let lead = fay.caught_up().await.participants.into_iter().find(|participant| participant.lead);
    assert_eq!(lead.map(|lead| lead.id), Some(scene.fay.id));
    scene.ben.unmute().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_at_once_needs_the_word() {
    let scene = Scene::open().await;
    for confirm in [None, Some(String::new()), Some("yes".to_owned())] {
        match scene.fay.client.request(Request::EndNow { confirm }).await {
            Err(refusal) => assert_eq!(refusal.code, RefusalCode::ConfirmationNeeded),
            Ok(outcome) => assert!(matches!(outcome, Some(hearth_protocol::Outcome::Confirm { .. }))),
        }
    }
    scene.end().await;
}

/// By their names on the wire, aimed at this victim.
fn requests_of_facilitators(victim: ParticipantId) -> BTreeMap<String, Request> {
    samples(victim).filter(|(_, request)| right_to(request) != Right::Everyone).collect()
}

fn samples(victim: ParticipantId) -> impl Iterator<Item = (String, Request)> {
    let samples: BTreeMap<String, Value> = serde_json::from_str(SAMPLES).expect("the samples are JSON");
    let requests = samples.into_values().filter_map(|sample| sample.get("request").cloned());
    requests.map(move |mut request| {
        if let Some(participant) = request.get_mut("participant") {
            *participant = victim.0.into();
        }
        let name = request["type"].as_str().expect("a request has a type").to_owned();
        (name, serde_json::from_value(request).expect("a sample is a request"))
    })
}

fn is_lent_to_helpers(request: &Request) -> bool {
    matches!(right_to(request), Right::Helpers | Right::PeerLeadsAndHelpers)
}

fn is_of_peer_leads(request: &Request) -> bool {
    matches!(right_to(request), Right::PeerLeads | Right::PeerLeadsAndHelpers)
}

/// What somebody who only receives may not do, over their own seat.
fn sends_something(request: &Request) -> bool {
    matches!(
        request,
        Request::SetOwn { open: true, .. }
            | Request::RaiseHand { .. }
            | Request::React { .. }
            | Request::Say { .. }
            | Request::Milestone { .. }
            | Request::AnswerScale { .. }
            | Request::Rate { .. }
    )
}
