//! The door: before consent, while waiting, in the moment of locking.

use std::time::Duration;

use hearth_protocol::{
    ByeReason, Credential, HandKind, MediaOffer, Reaction, RefusalCode, Request, Role, ServerFrame, Source,
};
use hearth_tests::{
    generator::Generator,
    group::grant,
    signalling::{Client, Told},
};
use tokio_tungstenite::tungstenite::Message;

use crate::scene::{Scene, UNMUTE, VOICES, check_bye, check_knows_nothing, check_refused, until_waiting};

/// A facilitator who asks more than ten times a second is slowed down.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_sends_and_learns_nothing() {
    let scene = Scene::open().await;
    let cleo = scene.knock("Cleo").await;
    until_waiting(&cleo).await;
    check_outside(&cleo).await;
    scene.check_goes_on().await;
    check_knows_nothing(&cleo);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_agreed_sends_and_learns_nothing() {
    let scene = Scene::open().await;
    let cleo = scene.present_ticket("Cleo").await;
    cleo.until("the ground rules", |told| told.ground_rules.clone()).await;
    check_outside(&cleo).await;
    // Nobody is asked to admit who has not agreed.
    assert!(scene.fay.client.view().desk.expect("the desk").knocks.is_empty());
    scene.check_goes_on().await;
    check_knows_nothing(&cleo);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agreeing_to_other_rules_is_no_consent() {
    let scene = Scene::open().await;
    let cleo = scene.present_ticket("Cleo").await;
    let rules = cleo.until("the ground rules", |told| told.ground_rules.clone()).await;
    let others = [
        Request::AcceptGroundRules { version: rules.version + 1, hash: rules.hash.clone() },
        Request::AcceptGroundRules { version: rules.version, hash: "0".repeat(64) },
        Request::AcceptGroundRules { version: 0, hash: String::new() },
    ];
    for other in others {
        check_refused(&cleo, other, RefusalCode::GroundRulesChanged).await;
    }
    assert!(scene.fay.client.view().desk.expect("the desk").knocks.is_empty());
    check_knows_nothing(&cleo);
    scene.end().await;
}

/// Everything that needs a seat is refused to somebody without one.
async fn check_outside(client: &Client) {
    let offering = Generator::offer(0, &VOICES).expect("a free port");
    let offer = MediaOffer { generation: 1, sdp: offering.sdp.clone(), tracks: offering.tracks.clone() };
    let requests = [
        Request::Offer(offer),
        UNMUTE,
        Request::SetOwn { source: Source::Microphone, open: false },
        Request::OpenOnTurn { on: true },
        Request::RaiseHand { kind: HandKind::Speak },
        Request::LowerHand,
        Request::React { reaction: Reaction::WithYou },
        Request::Yield,
        Request::Pass,
        Request::Defer,
        Request::View { tiles: vec![] },
        Request::RenewMedia,
    ];
    for request in requests {
        check_refused(client, request, RefusalCode::NotSeated).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_in_the_moment_of_locking_is_before_or_after_it() {
    let scene = Scene::with(|config| config.room.policy.waiting_room = false).await;
    let fay = &scene.fay.client;
    let (mut seated, mut waiting) = (0, 0);
    let mut pace = tokio::time::interval(BETWEEN_ATTEMPTS);
    for attempt in 0..12 {
        pace.tick().await;
        let alias = format!("Racer {}", char::from(b'a' + attempt));
        let mut ticket = grant(&scene.house.room, &alias, Role::Member);
        ticket.open_admission = true;
        let racer = scene.present(Credential::Ticket { ticket: scene.server.ticket(&ticket) }).await;
        let rules = racer.until("the ground rules", |told| told.ground_rules.clone()).await;
        let accept = Request::AcceptGroundRules { version: rules.version, hash: rules.hash };
        // Both are in flight at once.
        let (accepted, locked) = if attempt % 2 == 0 {
            (racer.ask(accept).await, fay.ask(Request::Lock { locked: true }).await)
        } else {
            let locked = fay.ask(Request::Lock { locked: true }).await;
            (racer.ask(accept).await, locked)
        };
        fay.answer(&locked).await.expect("the lock holds");
        racer.answer(&accepted).await.expect("the rules are agreed to");
        let in_roster = |view: &hearth_protocol::RoomView| {
            view.participants.iter().any(|participant| participant.alias == alias)
        };
        let inside = fay
            .until("a seat or a knock", |told| {
                let view = told.view.as_ref()?;
                let knocks = &view.desk.as_ref()?.knocks;
                let knock = knocks.iter().find(|knock| knock.alias == alias);
                assert!(knock.is_none_or(|knock| knock.needs_through_lock), "{knock:?}");
                assert!(knock.is_none() || !in_roster(view), "at the door and inside");
                (knock.is_some() || in_roster(view)).then(|| in_roster(view))
            })
            .await;
        if inside {
            seated += 1;
            // Seated before the lock: in its set, so they may come and go.
            racer.until_seated().await;
            let secret = racer.secret();
            let back = scene.present(Credential::Resume { secret }).await;
            back.until_seated().await;
            back.ask(Request::Leave).await;
            back.until_closed().await;
        } else {
            waiting += 1;
            until_waiting(&racer).await;
            check_knows_nothing(&racer);
            let knock = scene.knock_of(&alias).await;
            check_refused(fay, Request::Admit { knock, through_lock: false }, RefusalCode::Locked).await;
            racer.ask(Request::Leave).await;
            racer.until_closed().await;
        }
        fay.must(Request::Lock { locked: false }).await;
    }
    println!("{seated} came in before the lock, {waiting} wait behind it");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_in_the_moment_of_locking_is_before_or_after_it() {
    let scene = Scene::open().await;
    let cofacilitator = scene.enter("Cole", Role::Cofacilitator).await;
    let fay = &scene.fay.client;
    let mut pace = tokio::time::interval(BETWEEN_ATTEMPTS);
    for attempt in 0..12 {
        pace.tick().await;
        let alias = format!("Racer {}", char::from(b'a' + attempt));
        let racer = scene.knock(&alias).await;
        let knock = cofacilitator.until("a knock", |told| told.knock(&alias)).await;
        let admit = Request::Admit { knock, through_lock: false };
        let (admitted, locked) = if attempt % 2 == 0 {
            (cofacilitator.ask(admit).await, fay.ask(Request::Lock { locked: true }).await)
        } else {
            let locked = fay.ask(Request::Lock { locked: true }).await;
            (cofacilitator.ask(admit).await, locked)
        };
        fay.answer(&locked).await.expect("the lock holds");
        match cofacilitator.answer(&admitted).await {
            Ok(_) => drop(racer.until_seated().await),
            Err(refusal) => {
                assert_eq!(refusal.code, RefusalCode::Locked);
                check_knows_nothing(&racer);
            }
        }
        racer.ask(Request::Leave).await;
        racer.until_closed().await;
        fay.must(Request::Lock { locked: false }).await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_lock_facilitators_wait_too() {
    let scene = Scene::open().await;
    scene.fay.client.must(Request::Lock { locked: true }).await;
    let ticket = scene.ticket("Cole", Role::Cofacilitator);
    let cole = Client::knock(scene.house.address, "hearth", &ticket).await;
    let knock = scene.knock_of("Cole").await;
    until_waiting(&cole).await;
    check_knows_nothing(&cole);
    let version = scene.fay.client.view().desk.expect("the desk").knocks_version;
    // Nobody passes a lock by `admit_all`.
    let _ = scene.fay.client.request(Request::AdmitAll { if_version: version }).await;
    scene.check_goes_on().await;
    check_knows_nothing(&cole);
    scene.fay.client.must(Request::Admit { knock, through_lock: true }).await;
    cole.until_seated().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_door_says_the_same_to_whomever_it_refuses() {
    let scene = Scene::with(|config| {
        config.room.policy.outside_waits = false;
        config.room.policy.capacity = 3;
    })
    .await;
    let fay = &scene.fay.client;
    let denied = scene.knock("Cleo").await;
    fay.must(Request::Deny { knock: scene.knock_of("Cleo").await }).await;
    let removed = scene.enter("Dan", Role::Member).await;
    fay.must(Request::Remove { participant: removed.view().you.participant }).await;
    check_bye(&denied, ByeReason::NotNow, Some(RefusalCode::NotNow)).await;

    let again = |alias: &'static str| {
        let scene = &scene;
        async move {
            let client = scene.present_ticket(alias).await;
            let rules = client
                .until("the rules or the end", |told| {
                    (told.ground_rules.is_some() || told.closed.is_some()).then(|| told.ground_rules.clone())
                })
                .await;
            if let Some(rules) = rules {
                client.ask(Request::AcceptGroundRules { version: rules.version, hash: rules.hash }).await;
            }
            client.until_closed().await;
            let told = client.told();
            let (_, frame, length) = told.frames.last().expect("a goodbye");
            (frame.clone(), *length)
        }
    };
    let mut words = vec![again("Cleo").await, again("Dan").await];
    scene.enter("Eve", Role::Member).await;
    words.push(again("Finn").await);
    fay.must(Request::Lock { locked: true }).await;
    words.push(again("Gus").await);
    for said in &words {
        assert_eq!(said, &words[0]);
        assert!(matches!(&said.0, ServerFrame::Bye(bye) if bye.card.is_none()));
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_full_locked_and_paused_are_told_alike() {
    let scene = Scene::with(|config| {
        config.room.policy.capacity = 3;
        config.room.policy.unattended_ms = 60_000;
    })
    .await;
    let fay = &scene.fay.client;
    let waits = told_at_the_door(&scene, "Cleo").await;
    scene.enter("Dan", Role::Member).await;
    let full = told_at_the_door(&scene, "Eve").await;
    fay.must(Request::Lock { locked: true }).await;
    let locked = told_at_the_door(&scene, "Finn").await;
    fay.must(Request::Lock { locked: false }).await;
    fay.ask(Request::Leave).await;
    fay.until_closed().await;
    let paused = told_at_the_door(&scene, "Gus").await;
    for (state, told) in [("full", full), ("locked", locked), ("paused", paused)] {
        assert_eq!(told, waits, "{state}");
    }
    scene.server.stop().await;
}

/// What somebody is told who knocks and waits for three beats: each frame by its kind and its length.
async fn told_at_the_door(scene: &Scene, alias: &str) -> Vec<(String, usize)> {
    let client = scene.knock(alias).await;
    let kind = |frame: &ServerFrame| {
        if let ServerFrame::Ok { outcome, .. } = frame {
            // The length of a request's id is its own.
            return format!("ok {outcome:?}");
        }
        let knocked = matches!(frame, ServerFrame::Knocked { .. });
        if knocked { "knocked".to_owned() } else { format!("{frame:?}") }
    };
    let told = client
        .until("three beats", |told| {
            let is_beat = |(_, frame, _): &(_, ServerFrame, _)| matches!(frame, ServerFrame::Waiting);
            let mut beats = told.frames.iter().enumerate().filter(|(_, frame)| is_beat(frame));
            let (third, _) = beats.nth(2)?;
            let lengths = told.frames[..=third].iter().map(|(_, frame, length)| {
                let is_answer = matches!(frame, ServerFrame::Ok { .. });
                (kind(frame), if is_answer { 0 } else { *length })
            });
            Some(lengths.collect::<Vec<_>>())
        })
        .await;
    client.ask(Request::Leave).await;
    client.until_closed().await;
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hears_is_on_the_roster_even_without_a_socket() {
    let scene = Scene::with(|config| config.room.policy.media_linger_ms = 700).await;
    // The media go on; the words have ended.
    scene.ada.client.say_raw(Message::Close(None)).await;
    let gone = |told: &mut Told| told.participant("Ada").is_none().then_some(());
    for person in [&scene.fay, &scene.ben] {
        person.client.until("a roster without Ada", gone).await;
    }
    // Off the roster, she receives nothing that is sent from now on.
    let phases = [scene.fay.next_phase(), scene.ben.next_phase()];
    scene.check_goes_on().await;
    scene.check_hears_nobody(&scene.ada, phases[0], phases[1]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_is_refused_before_any_frame() {
    let scene = Scene::open().await;
    for origin in ["https://elsewhere.example", "null", "http://127.0.0.1:1"] {
        let refused = Client::connect_from(scene.house.address, "hearth", Some(origin)).await;
        let error = refused.expect_err("no connection for another origin").to_string();
        assert!(error.contains("403"), "{error}");
    }
    scene.end().await;
}
