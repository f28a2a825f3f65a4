//! Requests of those who have no right to them. The protocol names nobody else to answer for; what it can name, a member may not.

use std::collections::BTreeMap;

use hearth_protocol::{ParticipantId, RefusalCode, Request, Role, ThawStep};
use serde_json::Value;

use crate::scene::{Scene, check_refused};

/// One of every message, as the protocol's own tests read them.
const SAMPLES: &str = include_str!("../../../protocol/samples/client.json");

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_refused_every_request_of_facilitators() {
    let scene = Scene::open().await;
    let _cleo = scene.knock("Cleo").await;
    scene.knock_of("Cleo").await;
    let before = scene.fay.client.view();
    let requests = requests_of_facilitators(scene.ben.id);
    assert!(requests.len() > 25, "the samples have them all");
    // Ada alone would be slowed down for asking so much: five a minute are refused one by one, so others help her.
    let mut askers = vec![];
    for alias in ["Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jun", "Kai"] {
        askers.push(scene.enter(alias, Role::Member).await);
    }
    for (number, request) in requests.into_values().enumerate() {
        check_refused(&askers[number % askers.len()], request, RefusalCode::NotAllowed).await;
    }
    let after = scene.fay.client.view();
    assert_eq!(after.floor, before.floor);
    assert_eq!((after.room.locked, after.room.frozen, after.room.ends_at), (false, None, None));
    assert_eq!(after.desk.expect("the desk").knocks.len(), 1);
    assert!(scene.roster().contains(&"Ada".to_owned()));
    scene.end().await;
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
    assert!(fay.view().room.frozen.is_some());
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        fay.must(Request::Thaw { step }).await;
    }
    let lead = fay.view().participants.into_iter().find(|participant| participant.lead);
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
    let samples: BTreeMap<String, Value> = serde_json::from_str(SAMPLES).expect("the samples are JSON");
    let requests = samples.into_values().filter_map(|sample| sample.get("request").cloned());
    let aimed = requests.map(|mut request| {
        if let Some(participant) = request.get_mut("participant") {
            *participant = victim.0.into();
        }
        let name = request["type"].as_str().expect("a request has a type").to_owned();
        (name, serde_json::from_value(request).expect("a sample is a request"))
    });
    aimed.filter(|(_, request)| is_of_facilitators(request)).collect()
}

fn is_of_facilitators(request: &Request) -> bool {
    match request {
        Request::Admit { .. }
        | Request::Deny { .. }
        | Request::UndoDenial { .. }
        | Request::SendToWaiting { .. }
        | Request::AdmitAll { .. }
        | Request::SetGate { .. }
        | Request::GateAll { .. }
        | Request::AskToUnmute { .. }
        | Request::SetFloor { .. }
        | Request::Grant { .. }
        | Request::Revoke { .. }
        | Request::LowerHandOf { .. }
        | Request::OrderHands { .. }
        | Request::RoundStart { .. }
        | Request::RoundExtend { .. }
        | Request::RoundSkip
        | Request::RoundEnd
        | Request::Lock { .. }
        | Request::Freeze
        | Request::Thaw { .. }
        | Request::Remove { .. }
        | Request::UndoRemoval { .. }
        | Request::ResumeRoom
        | Request::HandOver { .. }
        | Request::TakeLead
        | Request::End { .. }
        | Request::CancelEnd
        | Request::OpenAsides { .. }
        | Request::OpenCrisisAside { .. }
        | Request::Move { .. }
        | Request::Recall { .. }
        | Request::KeepApart { .. }
        | Request::StepTo { .. }
        | Request::Override { .. }
        | Request::ChangeFormat { .. }
        | Request::ImportFormat { .. }
        | Request::ExportFormat
        | Request::SetCeiling { .. }
        | Request::LendHelper { .. }
        | Request::ShowPrompt { .. }
        | Request::StartTimer { .. }
        | Request::StopTimer
        | Request::OpenScale { .. }
        | Request::CloseScale
        | Request::CareMoment { .. }
        | Request::AttestAttendance
        | Request::CorrectAttendance { .. }
        | Request::AnswerSignal { .. }
        | Request::Breach { .. }
        | Request::Break { .. }
        | Request::EndBreak
        | Request::RoundSuspendStop
        | Request::EndNow { .. } => true,
        Request::AcceptGroundRules { .. }
        | Request::SetOwn { .. }
        | Request::OpenOnTurn { .. }
        | Request::RaiseHand { .. }
        | Request::LowerHand
        | Request::React { .. }
        | Request::Yield
        | Request::Pass
        | Request::Defer
        | Request::Leave
        | Request::SetLevel { .. }
        | Request::Distress
        | Request::NotAlone { .. }
        | Request::Say { .. }
        | Request::SayTurn { .. }
        | Request::Unsay { .. }
        | Request::AnswerScale { .. }
        | Request::Milestone { .. }
        | Request::SetGoal { .. }
        | Request::TakeFeedback { .. }
        | Request::GiveFeedback { .. }
        | Request::Rate { .. }
        | Request::Export
        | Request::ShareDevice { .. }
        | Request::UnshareDevice { .. }
        | Request::Offer(_)
        | Request::View { .. }
        | Request::RenewMedia => false,
    }
}
