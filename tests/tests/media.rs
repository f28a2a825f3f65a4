//! Through a started server, over real sockets, with real media: people hear and see each other, and the facilitator's word holds.

use hearth::{Config, Server};
use hearth_protocol::{FloorMode, RefusalCode, Request, Role, RoundOrder, Source, ThawStep};
use hearth_tests::{
    generator::{CAMERA, MICROPHONE, Pace, Shape},
    group::{Group, grant, server, until},
    participant::Participant,
    signalling::Client,
};

/// Packets of others that pass while nothing of the silenced one may.
const WITNESSED: u64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn two_people_hear_each_other() {
    let server = server().await;
    let group = Group::meet(&server, 1).await;
    group.until_all_hear_all().await;
    check_no_faults(&group);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_people_hear_and_see_each_other() {
    let server = server().await;
    let group = Group::meet_in(&server, "hearth", 3, &Shape::default()).await;
    for person in group.everyone() {
        person.show().await;
    }
    for person in group.everyone() {
        person.watch(group.everyone().filter(|other| other.id != person.id).map(|other| other.id)).await;
    }
    group.until_all_hear_all().await;
    for viewer in group.everyone() {
        for shown in group.everyone().filter(|other| other.id != viewer.id) {
            let what = format!("{} to see {}", viewer.alias, shown.alias);
            until(&what, || viewer.sees(shown, 0) > 20).await;
        }
    }
    check_no_faults(&group);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_house_hears_and_is_heard() {
    let server = server().await;
    let group = Group::meet(&server, 1).await;
    let ticket = server.ticket(&grant(&group.house.room, "Wes", Role::Member));
    let client =
        Client::join_through(group.house.address, "hearth", &ticket, "Wes", &group.facilitator.client).await;
    let number = 900;
    let offering = Participant::offer(number, &Shape::default()).await.expect("an offer");
    let answer = client.offer(offering.sdp.clone(), offering.tracks.clone()).await.expect("an answer");
    let participant = offering.start(&answer).await.expect("an answer that can be read");
    participant.until_connected().await.expect("connected");
    participant.send(Source::Microphone, Pace::VOICE);
    client.must(Request::SetOwn { source: Source::Microphone, open: true }).await;

    for person in group.everyone() {
        let heard = || participant.received_since(person.number, MICROPHONE, 0) > 10;
        until(&format!("the other house to hear {}", person.alias), heard).await;
        let hears = || person.media.received_since(number, MICROPHONE, 0) > 10;
        until(&format!("{} to hear the other house", person.alias), hears).await;
    }

    participant.send(Source::Camera, Pace::VIDEO);
    client.must(Request::SetOwn { source: Source::Camera, open: true }).await;
    let id = client.view().you.participant;
    group.facilitator.watch([id]).await;
    until("the picture", || group.facilitator.media.received_since(number, CAMERA, 0) > 20).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_mute_is_acknowledged_nothing_more_is_heard() {
    let server = server().await;
    let group = Group::meet(&server, 2).await;
    group.until_all_hear_all().await;
    let muted = &group.members[0];
    group
        .facilitator
        .client
        .must(Request::SetGate { participant: muted.id, source: Source::Microphone, open: false })
        .await;
    let phase = muted.next_phase();
    // One's own click does not open what the facilitator has closed.
    let unmute = Request::SetOwn { source: Source::Microphone, open: true };
    let refusal = muted.client.request(unmute).await.expect_err("the gate is the facilitator's");
    assert_eq!(refusal.code, RefusalCode::NotPossible);
    group.witnessed(&group.members[1], WITNESSED).await;
    group.witnessed(&group.facilitator, WITNESSED).await;
    assert_eq!(group.heard_since(muted, phase), 0);

    // Opened again it is silent, until the owner unmutes.
    group
        .facilitator
        .client
        .must(Request::SetGate { participant: muted.id, source: Source::Microphone, open: true })
        .await;
    group.witnessed(&group.members[1], WITNESSED).await;
    assert_eq!(group.heard_since(muted, phase), 0);
    muted.unmute().await;
    group.until_heard(muted).await;
    check_no_faults(&group);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_asked_for_again_after_a_closing_stay_lost() {
    let server = server().await;
    let group = Group::meet_in(&server, "hearth", 1, &Shape::default()).await;
    let shown = &group.members[0];
    shown.show().await;
    let ticket = server.ticket(&grant(&group.house.room, "Wes", Role::Member));
    let client =
        Client::join_through(group.house.address, "hearth", &ticket, "Wes", &group.facilitator.client).await;
    let offering = Participant::offer(901, &Shape::default()).await.expect("an offer");
    let answer = client.offer(offering.sdp.clone(), offering.tracks.clone()).await.expect("an answer");
    let participant = offering.start(&answer).await.expect("an answer that can be read");
    participant.until_connected().await.expect("connected");
    let sees = || participant.received_since(shown.number, CAMERA, 0) > 50;
    until("the picture", sees).await;

    // From here on only what is sent again can arrive.
    shown.media.pause(Source::Camera);
    let pictures = || participant.received_since(shown.number, CAMERA, 0);
    let witnessed = |phase| participant.received_since(group.facilitator.number, MICROPHONE, phase);
    let phase = group.facilitator.next_phase();
    until("the witness", || witnessed(phase) >= 5).await;
    let before = pictures();
    participant.nack_last(5).await.expect("asked");
    until("retransmissions while the gate is open", || pictures() > before).await;

    let close = Request::SetGate { participant: shown.id, source: Source::Camera, open: false };
    group.facilitator.client.must(close).await;
    let phase = group.facilitator.next_phase();
    until("the witness", || witnessed(phase) >= 5).await;
    let before = pictures();
    participant.nack_last(20).await.expect("asked");
    let phase = group.facilitator.next_phase();
    until("the witness", || witnessed(phase) >= WITNESSED).await;
    assert_eq!(pictures(), before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_turn_nobody_is_heard() {
    let server = server().await;
    let group = Group::meet(&server, 2).await;
    group.until_all_hear_all().await;
    let [first, second] = [&group.members[0], &group.members[1]];
    let order = RoundOrder::Manual { participants: vec![first.id, second.id] };
    let round = Request::RoundStart { order, turn_seconds: None, include_facilitators: false };
    group.facilitator.client.must(round).await;
    let waiting = second.next_phase();
    first.client.until_view("one's turn", |view| view.floor.speakers.len() == 1).await;
    first.unmute().await;
    group.until_heard(first).await;
    assert_eq!(group.heard_since(second, waiting), 0);

    group.facilitator.client.must(Request::RoundSkip).await;
    let over = first.next_phase();
    second.unmute().await;
    group.until_heard(second).await;
    group.witnessed(&group.facilitator, WITNESSED).await;
    assert_eq!(group.heard_since(first, over), 0);
    check_no_faults(&group);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_silences_everyone_but_the_facilitator() {
    let server = server().await;
    let group = Group::meet(&server, 2).await;
    group.until_all_hear_all().await;
    group.facilitator.client.must(Request::Freeze).await;
    let phases: Vec<_> = group.members.iter().map(|member| member.next_phase()).collect();
    group.witnessed(&group.facilitator, WITNESSED).await;
    for (member, phase) in group.members.iter().zip(phases) {
        assert_eq!(group.heard_since(member, phase), 0);
        let unmute = Request::SetOwn { source: Source::Microphone, open: true };
        assert_eq!(member.client.request(unmute).await.expect_err("frozen").code, RefusalCode::Frozen);
    }
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        group.facilitator.client.must(Request::Thaw { step }).await;
    }
    for member in &group.members {
        member.unmute().await;
    }
    group.until_all_hear_all().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_neither_hears_nor_is_heard() {
    let server = server().await;
    let group = Group::meet(&server, 2).await;
    group.until_all_hear_all().await;
    let removed = &group.members[0];
    group.facilitator.client.must(Request::Remove { participant: removed.id }).await;
    let gone = removed.next_phase();
    let stayed = [&group.facilitator, &group.members[1]];
    let phases = stayed.map(|person| person.next_phase());
    for (speaker, phase) in stayed.iter().zip(phases) {
        let listener = if speaker.id == group.facilitator.id { stayed[1] } else { stayed[0] };
        until("those who stay", || listener.hears(speaker, MICROPHONE, phase) >= WITNESSED).await;
        assert_eq!(removed.hears(speaker, MICROPHONE, phase), 0);
    }
    assert_eq!(group.heard_since(removed, gone), 0);
    assert_eq!(removed.client.until_closed().await, 4002);
    let ticket = server.ticket(&grant(&group.house.room, &removed.alias, Role::Member));
    let again = Client::connect(group.house.address, "hearth").await;
    again.hello(hearth_protocol::Credential::Ticket { ticket }, None).await;
    assert_eq!(again.until_closed().await, 4003);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_quiet_only_a_facilitator_breaks_the_silence() {
    let server = server().await;
    let group = Group::meet(&server, 1).await;
    group.until_all_hear_all().await;
    group.facilitator.client.must(Request::SetFloor { mode: FloorMode::Quiet }).await;
    let phases: Vec<_> = group.everyone().map(|person| person.next_phase()).collect();
    until("packets into the silence", || {
        group.everyone().all(|person| person.media.sent_in_phase() > WITNESSED)
    })
    .await;
    group.facilitator.unmute().await;
    group.witnessed(&group.facilitator, WITNESSED).await;
    assert_eq!(group.heard_since(&group.members[0], phases[1]), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_costs_its_rooms_their_media_for_a_moment_and_no_mute() {
    let mut config = Config::for_tests();
    config.media.workers = 2;
    config.rooms.insert("second".into(), Default::default());
    let server = Server::start(config).await.expect("a server with free ports starts");
    let shape = Shape { camera: false, video_slots: 0, ..Shape::default() };
    let mut broken = Group::meet_in(&server, "hearth", 2, &shape).await;
    let whole = Group::meet_in(&server, "second", 1, &shape).await;
    broken.until_all_hear_all().await;
    whole.until_all_hear_all().await;
    let muted = broken.members[0].id;
    let close = Request::SetGate { participant: muted, source: Source::Microphone, open: false };
    broken.facilitator.client.must(close).await;
    let generations: Vec<u32> =
        broken.everyone().map(|person| person.client.view().you.media_generation).collect();

    let others: Vec<u32> = whole.everyone().map(|person| person.next_phase()).collect();
    server.relay().break_worker(0);
    let people = std::iter::once(&mut broken.facilitator).chain(&mut broken.members);
    for (person, generation) in people.zip(generations) {
        person.follow(generation, &shape).await;
    }
    // Who was heard is heard without another click, who was muted is not; and the other room never noticed.
    broken.until_heard(&broken.facilitator).await;
    broken.until_heard(&broken.members[1]).await;
    broken.witnessed(&broken.facilitator, WITNESSED).await;
    assert_eq!(broken.heard_since(&broken.members[0], 1), 0);
    let (fay, ada) = (&whole.facilitator, &whole.members[0]);
    until("the other room", || {
        fay.hears(ada, MICROPHONE, others[1]) > WITNESSED && ada.hears(fay, MICROPHONE, others[0]) > WITNESSED
    })
    .await;
    assert!(whole.everyone().all(|person| !person.media.is_ended()));
    check_no_faults(&broken);
    check_no_faults(&whole);
    server.stop().await;
}

/// Numbers without gaps, frames that can be read.
fn check_no_faults(group: &Group) {
    for person in group.everyone() {
        let faults = person.client.told().faults.clone();
        assert!(faults.is_empty(), "{}: {faults:?}", person.alias);
    }
}
