//! Frames that no page would send, and too many of those that pages do.

use hearth_protocol::{
    ByeReason, Change, ClientFrame, Credential, HandKind, Hello, MediaOffer, Reaction, RefusalCode, Request,
    RequestId, Role, ServerFrame,
};
use hearth_tests::{generator::Generator, signalling::Client};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::scene::{Scene, UNMUTE, VOICES, check_bye, check_refused};

const REFUSED: &str = include_str!("../../../protocol/samples/refused.json");
/// More than any limit lets pass.
const FLOOD: u32 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_refused_and_the_connection_lives() {
    let scene = Scene::open().await;
    let samples: Value = serde_json::from_str(REFUSED).expect("the samples are JSON");
    for (before, (name, sample)) in samples.as_object().expect("an object").iter().enumerate() {
        let text = sample["text"].as_str().expect("a text");
        scene.ada.client.say_text(text).await;
        let codes = scene
            .ada
            .client
            .until("a refusal", |told| {
                let codes = refusals(&told.frames);
                (codes.len() > before).then_some(codes)
            })
            .await;
        let wanted: RefusalCode = serde_json::from_value(sample["code"].clone()).expect("a code");
        assert_eq!(codes.last(), Some(&wanted), "{name}");
    }
    check_answers(&scene.ada.client).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_of_the_wrong_length_is_refused() {
    let scene = Scene::open().await;
    for (number, id) in [String::new(), "x".repeat(65), "x".repeat(10_000)].into_iter().enumerate() {
        scene.ada.client.ask_as(RequestId(id), Request::LowerHand).await;
        let refused = |told: &mut hearth_tests::signalling::Told| refusals(&told.frames).get(number).copied();
        let code = scene.ada.client.until("a refusal", refused).await;
        assert_eq!(code, RefusalCode::BadMessage);
    }
    check_answers(&scene.ada.client).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_64_kilobytes_is_the_last_that_is_read() {
    let scene = Scene::open().await;
    let ping = |nonce: u32, length: usize| {
        let bare = format!(r#"{{"type":"ping","nonce":{nonce},"more":""}}"#);
        bare.replace(r#""more":"""#, &format!(r#""more":"{}""#, "m".repeat(length - bare.len())))
    };
    scene.ada.client.say_text(&ping(7, 65_536)).await;
    scene.ada.client.until("a pong", |told| ponged(&told.frames, 7).then_some(())).await;
    let secret = scene.ada.client.secret();
    scene.ada.client.say_text(&ping(8, 65_537)).await;
    scene.ada.client.until_closed().await;
    assert!(!ponged(&scene.ada.client.told().frames, 8));
    scene.check_goes_on().await;
    // It was a drop as any other: the seat is kept.
    let back = Client::resume(scene.house.address, "hearth", secret, None).await;
    back.until_seated().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_megabyte_ends_its_sender_alone() {
    let scene = Scene::open().await;
    scene.ada.client.say_text(&"[".repeat(1 << 20)).await;
    scene.ada.client.until_closed().await;
    let stranger = Client::connect(scene.house.address, "hearth").await;
    stranger.say_text(&"{".repeat(1 << 20)).await;
    stranger.until_closed().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deeply_nested_text_is_refused() {
    let scene = Scene::open().await;
    let depth = 30_000;
    scene.ada.client.say_text(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).await;
    let refused = |told: &mut hearth_tests::signalling::Told| refusals(&told.frames).first().copied();
    assert_eq!(scene.ada.client.until("a refusal", refused).await, RefusalCode::BadMessage);
    check_answers(&scene.ada.client).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_frames_are_not_read() {
    let scene = Scene::open().await;
    let unmute = serde_json::to_vec(&ClientFrame::Ping { nonce: 9 }).expect("a frame is JSON");
    scene.ada.client.say_raw(Message::binary(unmute)).await;
    scene
        .ada
        .client
        .until("a refusal or the end", |told| {
            let refused = refusals(&told.frames).first() == Some(&RefusalCode::BadMessage);
            (refused || told.closed.is_some()).then_some(())
        })
        .await;
    assert!(!ponged(&scene.ada.client.told().frames, 9));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hello_changes_nobody() {
    let scene = Scene::open().await;
    let ticket = scene.ticket("Cleo", Role::Facilitator);
    scene.ada.client.hello(Credential::Ticket { ticket: ticket.clone() }, None).await;
    let refused = |told: &mut hearth_tests::signalling::Told| refusals(&told.frames).first().copied();
    assert_eq!(scene.ada.client.until("a refusal", refused).await, RefusalCode::BadMessage);
    check_refused(&scene.ada.client, Request::Freeze, RefusalCode::NotAllowed).await;
    assert_eq!(scene.ada.client.view().you.participant, scene.ada.id);
    // The ticket was not even looked at.
    let cleo = scene.present(Credential::Ticket { ticket }).await;
    cleo.until("the door", |told| told.secret.clone()).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_protocol_is_refused_before_its_credential() {
    let scene = Scene::open().await;
    let ticket = scene.ticket("Cleo", Role::Member);
    for version in [0, 2, u32::MAX] {
        let client = Client::connect(scene.house.address, "hearth").await;
        let credential = Credential::Ticket { ticket: ticket.clone() };
        client.say(&ClientFrame::Hello(Hello { version, credential, media_generation: None })).await;
        check_bye(&client, ByeReason::BadHello, Some(RefusalCode::VersionUnsupported)).await;
    }
    let cleo = scene.present(Credential::Ticket { ticket }).await;
    cleo.until("the door", |told| told.secret.clone()).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_begin_with_hello_is_sent_away() {
    let scene = Scene::open().await;
    for first in [
        serde_json::to_string(&ClientFrame::Ping { nonce: 1 }).expect("JSON"),
        r#"{"type":"request","request_id":"1","request":{"type":"freeze"}}"#.to_owned(),
        "hello".to_owned(),
        r#"{"type":"hello"}"#.to_owned(),
    ] {
        let client = Client::connect(scene.house.address, "hearth").await;
        client.say_text(&first).await;
        assert_eq!(client.until_closed().await, ByeReason::BadHello.close_code(), "{first}");
        crate::scene::check_knows_nothing(&client);
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_answered_alike_and_carried_out_once() {
    let mut scene = Scene::open().await;
    let id = |text: &str| RequestId(text.to_owned());
    let raise = Request::RaiseHand { kind: HandKind::Speak };
    scene.ada.client.ask_as(id("raise"), raise.clone()).await;
    scene.ada.client.answer(&id("raise")).await.expect("a hand may be raised");
    scene.ada.client.ask_as(id("refused"), Request::Freeze).await;
    let first = scene.ada.client.answer(&id("refused")).await;
    scene.ada.client.must(Request::LowerHand).await;
    scene.ada.client.ask_as(id("react"), Request::React { reaction: Reaction::WithYou }).await;
    scene.ada.client.answer(&id("react")).await.expect("a reaction is shown");
    scene.fay.client.until("the reaction", |told| (reactions(&told.frames) == 1).then_some(())).await;

    // On this connection, and on the next one.
    for _ in 0..2 {
        let before = scene.ada.client.told().frames.len();
        scene.ada.client.ask_as(id("raise"), raise.clone()).await;
        scene.ada.client.ask_as(id("refused"), Request::Freeze).await;
        // Even where the words behind the id are others.
        scene.ada.client.ask_as(id("react"), UNMUTE).await;
        let answers = scene
            .ada
            .client
            .until("three answers", |told| {
                let answers: Vec<_> =
                    told.frames[before..].iter().filter_map(|(_, frame, _)| answered(frame)).collect();
                (answers.len() >= 3).then_some(answers)
            })
            .await;
        let refused = first.clone().err().map(|refusal| refusal.code);
        assert_eq!(answers, [("raise".into(), None), ("refused".into(), refused), ("react".into(), None)]);
        let secret = scene.ada.client.secret();
        let generation = scene.ada.client.view().you.media_generation;
        let back = Client::resume(scene.house.address, "hearth", secret, Some(generation)).await;
        back.until_seated().await;
        scene.ada.client = back;
    }
    scene.check_goes_on().await;
    assert!(scene.ada.client.view().you.hand.is_none());
    assert_eq!(reactions(&scene.fay.client.told().frames), 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_beyond_the_limits_are_refused() {
    let scene = Scene::open().await;
    let offering = Generator::offer(scene.ada.number, &VOICES).expect("a free port");
    let many = format!("{}{}", offering.sdp, "m=a 9 A 0\r\n".repeat(2_000));
    assert!(many.len() < 48 << 10);
    let lines = offering.sdp.matches("m=").count();
    let just_too_many = format!("{}{}", offering.sdp, "m=audio 9 A 0\r\n".repeat(65 - lines));
    let long = format!("{}a=x:{}\r\n", offering.sdp, "x".repeat(48 << 10));
    for (sdp, code) in [
        (many, RefusalCode::TooLarge),
        (just_too_many, RefusalCode::TooLarge),
        (long, RefusalCode::TooLarge),
        (String::new(), RefusalCode::BadOffer),
        ("v=0\r\n".to_owned(), RefusalCode::BadOffer),
        ("\u{0}\u{fffd}m=m=m=".to_owned(), RefusalCode::BadOffer),
    ] {
        let refusal = scene.ada.client.offer(sdp, offering.tracks.clone()).await.expect_err("no answer");
        assert_eq!(refusal.code, code);
    }
    check_heard_still(&scene).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_for_another_generation_is_refused() {
    let scene = Scene::open().await;
    let present = scene.ada.client.view().you.media_generation;
    let offering = Generator::offer(scene.ada.number, &VOICES).expect("a free port");
    for generation in [present.wrapping_sub(1), present + 1, u32::MAX] {
        let (sdp, tracks) = (offering.sdp.clone(), offering.tracks.clone());
        let offer = Request::Offer(MediaOffer { generation, sdp, tracks });
        check_refused(&scene.ada.client, offer, RefusalCode::StaleGeneration).await;
    }
    check_heard_still(&scene).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_requests_is_slowed_then_ended() {
    check_flood(|number| ClientFrame::Request {
        request_id: RequestId(number.to_string()),
        request: Request::RaiseHand { kind: HandKind::Question },
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_is_slowed_then_ended() {
    check_flood(|nonce| ClientFrame::Ping { nonce }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_offers_is_slowed_then_ended() {
    let offering = Generator::offer(0, &VOICES).expect("a free port");
    check_flood(move |number| {
        let (sdp, tracks) = (offering.sdp.clone(), offering.tracks.clone());
        let offer = MediaOffer { generation: 1, sdp, tracks };
        ClientFrame::Request { request_id: RequestId(number.to_string()), request: Request::Offer(offer) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_what_is_no_message_is_ended() {
    let scene = Scene::open().await;
    flood(&scene.ada.client, |_| "gossip".to_owned()).await;
    check_bye(&scene.ada.client, ByeReason::Flooding, None).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_views_is_slowed_then_ended() {
    check_flood(|number| ClientFrame::Request {
        request_id: RequestId(number.to_string()),
        request: Request::View { tiles: vec![] },
    })
    .await;
}

async fn check_flood(frame: impl Fn(u32) -> ClientFrame) {
    let scene = Scene::open().await;
    check_flooded(&scene, |number| serde_json::to_string(&frame(number)).expect("a frame is JSON")).await;
    scene.end().await;
}

/// Ada says it again and again until she is cut off: first she was asked to slow down, and told why in the end.
async fn check_flooded(scene: &Scene, text: impl Fn(u32) -> String) {
    let ada = &scene.ada.client;
    flood(ada, text).await;
    check_bye(ada, ByeReason::Flooding, None).await;
    let told = ada.told();
    let slowed = refusals(&told.frames).contains(&RefusalCode::TooFast);
    assert!(slowed, "{}", told.summary());
}

async fn flood(client: &Client, text: impl Fn(u32) -> String) {
    for number in 1_000..FLOOD {
        if client.told().closed.is_some() {
            break;
        }
        client.say_text(&text(number)).await;
    }
}

/// Ada was refused, and what she had goes on.
async fn check_heard_still(scene: &Scene) {
    let phase = scene.ada.next_phase();
    hearth_tests::group::until("Ada to be heard still", || scene.ben.hears(&scene.ada, 0, phase) > 5).await;
}

async fn check_answers(client: &Client) {
    client.say(&ClientFrame::Ping { nonce: 4_711 }).await;
    client.until("a pong", |told| ponged(&told.frames, 4_711).then_some(())).await;
}

type Frames = [(std::time::Instant, ServerFrame, usize)];

fn refusals(frames: &Frames) -> Vec<RefusalCode> {
    let code = |frame: &ServerFrame| {
        let ServerFrame::Refusal { refusal, .. } = frame else { return None };
        Some(refusal.code)
    };
    frames.iter().filter_map(|(_, frame, _)| code(frame)).collect()
}

fn answered(frame: &ServerFrame) -> Option<(String, Option<RefusalCode>)> {
    if let ServerFrame::Ok { request_id, .. } = frame {
        return Some((request_id.0.clone(), None));
    }
    let ServerFrame::Refusal { request_id: Some(request_id), refusal } = frame else { return None };
    Some((request_id.0.clone(), Some(refusal.code)))
}

fn ponged(frames: &Frames, wanted: u32) -> bool {
    frames.iter().any(|(_, frame, _)| matches!(frame, ServerFrame::Pong { nonce, .. } if *nonce == wanted))
}

fn reactions(frames: &Frames) -> usize {
    let in_frame = |frame: &ServerFrame| {
        let ServerFrame::Delta { changes, .. } = frame else { return 0 };
        changes.iter().filter(|change| matches!(change, Change::Reaction { .. })).count()
    };
    frames.iter().map(|(_, frame, _)| in_frame(frame)).sum()
}
