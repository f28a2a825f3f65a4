//! A device that others sit down at: each comes through the same door, and opens nothing.

use hearth::RoomId;
use hearth_protocol::{Reason, RefusalCode, Request, Role};
use hearth_tests::{generator::MICROPHONE, group::grant, group::until, signalling::Client};

use crate::scene::{Scene, check_refused, microphone_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_takes_nobody_without_a_good_ticket_and_their_own_consent() {
    let scene = Scene::open().await;
    let ada = &scene.ada.client;
    let spent = scene.ticket("Cleo", Role::Member);
    let cleo = Client::knock(scene.house.address, "hearth", &spent).await;
    scene.knock_of("Cleo").await;
    let elsewhere = RoomId::parse("elsewhere").expect("a room's id");
    let elsewhere = scene.server.ticket(&grant(&elsewhere, "Bea", Role::Member));
    for ticket in [spent, elsewhere, String::new(), "a.b.c".to_owned(), "x".repeat(30_000)] {
        check_refused(ada, share(ada, ticket), RefusalCode::BadTicket).await;
    }
    for role in [Role::Facilitator, Role::Cofacilitator, Role::Observer, Role::Interpreter] {
        let ticket = scene.ticket("Bea", role);
        check_refused(ada, share(ada, ticket), RefusalCode::NotPossible).await;
    }
    // Nobody who sits in the room already, be it oneself.
    for alias in ["Ben", "Ada"] {
        let ticket = scene.ticket(alias, Role::Member);
        check_refused(ada, share(ada, ticket), RefusalCode::NotPossible).await;
    }
    // Agreeing to other rules is no consent, and spends nothing.
    let good = scene.ticket("Bea", Role::Member);
    let Request::ShareDevice { version, hash, .. } = share(ada, String::new()) else { unreachable!() };
    for (version, hash) in [(version + 1, hash.clone()), (version, String::new()), (version, "0".repeat(64))]
    {
        let request = Request::ShareDevice { ticket: good.clone(), version, hash };
        check_refused(ada, request, RefusalCode::GroundRulesChanged).await;
    }
    assert_eq!(scene.fay.client.view().desk.expect("the desk").knocks.len(), 1, "Cleo alone has knocked");
    // From the door nobody takes another along.
    check_refused(&cleo, share(&cleo, good.clone()), RefusalCode::NotSeated).await;
    ada.must(share(ada, good)).await;
    scene.knock_of("Bea").await;
    // A good ticket makes a knock, and no seat.
    assert!(!scene.roster().contains(&"Bea".to_owned()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_people_sit_at_a_device_and_no_more() {
    let scene = Scene::open().await;
    let ada = &scene.ada.client;
    for alias in ["Bea", "Cal", "Dot"] {
        ada.must(share(ada, scene.ticket(alias, Role::Member))).await;
        scene.fay.client.admit(alias).await;
    }
    let fifth = share(ada, scene.ticket("Eli", Role::Member));
    check_refused(ada, fifth, RefusalCode::NotPossible).await;
    let at_device = |view: &hearth_protocol::RoomView| {
        view.participants.iter().filter(|one| one.device == Some(scene.ada.id)).count() == 3
    };
    scene.ben.client.until_view("everyone at the device on the roster", at_device).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_and_a_locked_room_are_full_and_locked_at_a_device_too() {
    let scene = Scene::with(|config| config.room.policy.capacity = 3).await;
    let (ada, fay) = (&scene.ada.client, &scene.fay.client);
    fay.must(Request::Lock { locked: true }).await;
    ada.must(share(ada, scene.ticket("Bea", Role::Member))).await;
    let knock = scene.knock_of("Bea").await;
    check_refused(fay, Request::Admit { knock, through_lock: false }, RefusalCode::Locked).await;
    fay.must(Request::Lock { locked: false }).await;
    fay.must(Request::Admit { knock, through_lock: false }).await;
    ada.must(share(ada, scene.ticket("Cal", Role::Member))).await;
    let knock = scene.knock_of("Cal").await;
    check_refused(fay, Request::Admit { knock, through_lock: true }, RefusalCode::Full).await;
    assert!(!scene.roster().contains(&"Cal".to_owned()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sits_down_opens_nothing() {
    let scene = Scene::muted().await;
    let ada = &scene.ada.client;
    ada.must(share(ada, scene.ticket("Bea", Role::Member))).await;
    scene.fay.client.admit("Bea").await;
    let phase = scene.ada.next_phase();
    scene.check_unheard(phase).await;
    assert!(microphone_of(&scene.fay.client, scene.ada.id).await.contains(&Reason::Facilitator));
    // Nor does she silence anybody: the voice is the device's, and opens by its own unmute.
    scene.gate_ada(hearth_protocol::Source::Microphone, true).await;
    let phase = scene.ada.next_phase();
    scene.ada.unmute().await;
    until("Ada to be heard", || scene.ben.hears(&scene.ada, MICROPHONE, phase) > 5).await;
    scene.end().await;
}

/// Somebody with this ticket sits down here, and agrees to the rules that this page was shown.
fn share(client: &Client, ticket: String) -> Request {
    let rules = client.told().ground_rules.clone().expect("the ground rules came before");
    Request::ShareDevice { ticket, version: rules.version, hash: rules.hash }
}
