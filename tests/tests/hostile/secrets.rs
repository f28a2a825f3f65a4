//! Secrets and tickets that open nothing: spent, stolen, doubled, forged.

use hearth_protocol::{ByeReason, Change, Credential, Notice, RefusalCode, Role, Secret, ServerFrame};
use hearth_tests::{group::grant, signalling::Client};

use crate::scene::{Scene, check_bye, check_knows_nothing, until_waiting};

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_ticket_takes_no_seat_over() {
    let scene = Scene::open().await;
    let before = scene.ada.media.received_since(scene.ben.number, 0, 0);
    let second = scene.knock("Ada").await;
    check_waits_as_new_device(&scene, &second).await;
    // The present connection keeps the seat, and is heard.
    assert!(scene.ada.media.received_since(scene.ben.number, 0, 0) >= before);
    scene.ada.unmute().await;
    scene.check_goes_on().await;
    let phase = scene.ada.next_phase();
    hearth_tests::group::until("Ada to be heard still", || scene.ben.hears(&scene.ada, 0, phase) > 0).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_resume_secret_leads_to_the_door() {
    let mut scene = Scene::open().await;
    let spent = scene.ada.client.secret();
    let generation = scene.ada.client.view().you.media_generation;
    let back = Client::resume(scene.house.address, "hearth", spent.clone(), Some(generation)).await;
    back.until_seated().await;
    // Ada asks for nothing over it: the new secret is known to have arrived, and the one before it is spent.
    back.prove_arrival().await;
    scene.ada.client = back;
    let thief = scene.present(Credential::Resume { secret: spent }).await;
    thief.agree().await;
    check_waits_as_new_device(&scene, &thief).await;
    let phase = scene.ada.next_phase();
    hearth_tests::group::until("Ada to be heard still", || scene.ben.hears(&scene.ada, 0, phase) > 0).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_waiting_secret_opens_nothing() {
    let scene = Scene::open().await;
    let cleo = scene.knock("Cleo").await;
    let spent = cleo.secret();
    let back = scene.present(Credential::Waiting { secret: spent.clone() }).await;
    back.prove_arrival().await;
    let thief = scene.present(Credential::Waiting { secret: spent.clone() }).await;
    check_bye(&thief, ByeReason::BadHello, Some(RefusalCode::BadTicket)).await;
    assert_eq!(thief.told().frames.len(), 1);
    let thief = scene.present(Credential::Resume { secret: spent }).await;
    check_bye(&thief, ByeReason::BadHello, Some(RefusalCode::BadTicket)).await;
    assert_eq!(back.told().closed, None, "its owner waits on");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_ticket_is_refused() {
    let scene = Scene::open().await;
    let ticket = scene.ticket("Cleo", Role::Member);
    let first = scene.present(Credential::Ticket { ticket: ticket.clone() }).await;
    first.until("the door", |told| told.secret.clone()).await;
    let again = scene.present(Credential::Ticket { ticket }).await;
    check_bye(&again, ByeReason::BadHello, Some(RefusalCode::BadTicket)).await;
    assert_eq!(again.told().frames.len(), 1);
    assert_eq!(first.told().closed, None);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_ticket_shown_by_many_at_once_one_opens_the_door() {
    let scene = Scene::open().await;
    let ticket = scene.ticket("Cleo", Role::Member);
    let mut thieves = vec![];
    for _ in 0..8 {
        thieves.push(Client::connect(scene.house.address, "hearth").await);
    }
    // All of them are in flight before anybody is answered.
    for thief in &thieves {
        thief.hello(Credential::Ticket { ticket: ticket.clone() }, None).await;
    }
    let mut opened = 0;
    for thief in &thieves {
        let knocked = |told: &mut hearth_tests::signalling::Told| {
            (told.secret.is_some() || told.closed.is_some()).then(|| told.secret.is_some())
        };
        if thief.until("an answer", knocked).await {
            opened += 1;
        } else {
            check_bye(thief, ByeReason::BadHello, Some(RefusalCode::BadTicket)).await;
        }
    }
    assert_eq!(opened, 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tickets_are_refused() {
    let scene = Scene::open().await;
    let good = scene.ticket("Cleo", Role::Member);
    let other = scene.ticket("Cleo", Role::Facilitator);
    let [header, claims, signature] = parts(&good);
    let [_, grander, _] = parts(&other);
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let forged = [
        format!("{header}.{grander}.{signature}"),
        format!("{none}.{grander}."),
        format!("{none}.{grander}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        "..".to_owned(),
        String::new(),
        "a".repeat(1_000),
    ];
    for ticket in forged {
        let client = scene.present(Credential::Ticket { ticket }).await;
        check_bye(&client, ByeReason::BadHello, Some(RefusalCode::BadTicket)).await;
        assert_eq!(client.told().frames.len(), 1);
    }
    // None of this spent the good one.
    let client = scene.present(Credential::Ticket { ticket: good }).await;
    client.until("the door", |told| told.secret.clone()).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_for_another_room_is_refused() {
    let scene = Scene::open().await;
    let elsewhere = hearth::RoomId::parse("elsewhere").expect("a room's id");
    let ticket = scene.server.ticket(&grant(&elsewhere, "Cleo", Role::Facilitator));
    let client = scene.present(Credential::Ticket { ticket }).await;
    check_bye(&client, ByeReason::BadHello, Some(RefusalCode::BadTicket)).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_another_role_changes_no_seat() {
    let scene = Scene::open().await;
    let ticket = scene.ticket("Ada", Role::Facilitator);
    let client = scene.present(Credential::Ticket { ticket }).await;
    assert!((4_000..5_000).contains(&client.until_closed().await));
    check_knows_nothing(&client);
    let view = scene.ada.client.view();
    let ada = view.participants.iter().find(|participant| participant.id == scene.ada.id);
    assert_eq!(ada.expect("Ada keeps her seat").role, Role::Member);
    assert!(view.desk.is_none());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_waiting_secret_is_no_resume_secret() {
    let scene = Scene::open().await;
    let cleo = scene.knock("Cleo").await;
    let stolen = cleo.secret();
    let thief = scene.present(Credential::Resume { secret: stolen }).await;
    thief.until("an answer", |told| told.frames.first().map(|_| ())).await;
    scene.check_goes_on().await;
    check_knows_nothing(&thief);
    assert!(!scene.roster().contains(&"Cleo".to_owned()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_secrets_open_nothing() {
    let scene = Scene::open().await;
    let guesses = [String::new(), "A".repeat(43), "%".repeat(43), "A".repeat(60_000)];
    for guess in guesses {
        for credential in [
            Credential::Resume { secret: Secret(guess.clone()) },
            Credential::Waiting { secret: Secret(guess.clone()) },
        ] {
            let client = scene.present(credential).await;
            assert!((4_000..5_000).contains(&client.until_closed().await));
            check_knows_nothing(&client);
        }
    }
    scene.end().await;
}

/// The second connection waits, marked for the facilitator; the present one was told and keeps its seat.
async fn check_waits_as_new_device(scene: &Scene, second: &Client) {
    let marked = |told: &mut hearth_tests::signalling::Told| {
        let desk = told.view.as_ref()?.desk.as_ref()?;
        desk.knocks.iter().any(|knock| knock.alias == "Ada" && knock.new_device).then_some(())
    };
    scene.fay.client.until("the knock of a new device", marked).await;
    let notice = |frame: &ServerFrame| {
        let ServerFrame::Delta { changes, .. } = frame else { return false };
        changes.iter().any(|change| matches!(change, Change::Notice { notice: Notice::NewDevice }))
    };
    let told = |told: &mut hearth_tests::signalling::Told| {
        told.frames.iter().any(|(_, frame, _)| notice(frame)).then_some(())
    };
    scene.ada.client.until("the notice of a new device", told).await;
    until_waiting(second).await;
    check_knows_nothing(second);
    assert_eq!(scene.ada.client.told().closed, None);
    assert!(scene.roster().contains(&"Ada".to_owned()));
}

fn parts(ticket: &str) -> [&str; 3] {
    let parts: Vec<_> = ticket.split('.').collect();
    parts.try_into().expect("a ticket has three parts")
}
