//! Ground rules that are not those that somebody agreed to: changed within the session, or while the server was down.

use std::path::PathBuf;

use hearth::{Config, Server};
use hearth_protocol::{
    Audience, ByeReason, Change, HandKind, Level, MediaOffer, Reaction, RefusalCode, Request, Role,
    ServerFrame, Source,
};
use hearth_tests::{
    generator::{Generator, MICROPHONE},
    group::{Group, House, Person, grant, until},
    signalling::{Client, Told},
};

use crate::scene::{BRISK, Scene, UNMUTE, VOICES, check_bye, check_refused};

/// In no frame but one that came from the room.
const MARK: &str = "a word that must not arrive";

/// Three who agreed to the first rules, back in their seats, where the second ones hold. Nobody has agreed to those yet.
struct Changed {
    server: Server,
    house: House,
    fay: Client,
    ada: Client,
    ben: Client,
    /// Of the first rules.
    older: String,
    _store: Store,
}

/// Outlives a server, and goes with the test.
struct Store(PathBuf);

impl Drop for Store {
    fn drop(&mut self) {
        // It is a folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Changed {
    async fn open(name: &str) -> Changed {
        let folder = std::env::temp_dir().join(format!("hearth-consent-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the store");
        let store = Store(folder);
        let mut config = Config::for_tests();
        config.store.path = store.0.join("store.sqlite");

        let first = Server::start(config.clone()).await.expect("a server with free ports starts");
        let before = meet(&first).await;
        let older = before[0].told().ground_rules.clone().expect("the first rules").hash;
        first.stop().await;

        config.room.ground_rules.version += 1;
        config
            .room
            .ground_rules
            .rules
            .push("What is said here stays here, and what is seen here too.".into());
        let server = Server::start(config).await.expect("a server with free ports starts");
        let room = hearth::RoomId::parse("hearth").expect("a room's id");
        let house = House { address: server.http_address(), room };
        let mut back = Vec::new();
        for client in before {
            back.push(return_to(&house, &client).await);
        }
        let [fay, ada, ben] = back.try_into().expect("three");
        Changed { server, house, fay, ada, ben, older, _store: store }
    }
}

/// Fay, Ada and Ben, seated.
async fn meet(server: &Server) -> [Client; 3] {
    let (address, room) = (server.http_address(), hearth::RoomId::parse("hearth").expect("a room's id"));
    let ticket = |alias, role| server.ticket(&grant(&room, alias, role));
    let fay = Client::join(address, "hearth", &ticket("Fay", Role::Facilitator)).await;
    let ada = Client::join_through(address, "hearth", &ticket("Ada", Role::Member), "Ada", &fay).await;
    let ben = Client::join_through(address, "hearth", &ticket("Ben", Role::Member), "Ben", &fay).await;
    [fay, ada, ben]
}

/// To one's own seat, and shown the rules that hold now.
async fn return_to(house: &House, before: &Client) -> Client {
    let back = Client::resume(house.address, "hearth", before.secret(), None).await;
    back.until("the seat", |told| told.seated.then_some(())).await;
    back.until("the ground rules", |told| told.ground_rules.clone()).await;
    back
}

/// Agrees, and sees the room.
async fn enter(client: &Client) {
    client.agree().await;
    client.until_seated().await;
}

/// Whoever is barred was told of their own seat, of the rules and of what they asked, and of nothing in the room.
async fn check_hears_nothing(client: &Client) {
    client.catch_up().await;
    let told = client.told();
    assert!(told.view.is_none(), "{}", told.summary());
    for (_, frame, _) in &told.frames {
        let of_the_room = match frame {
            ServerFrame::Snapshot { .. }
            | ServerFrame::Delta { .. }
            | ServerFrame::StandBy { .. }
            | ServerFrame::Ok { outcome: Some(_), .. } => true,
            ServerFrame::Knocked { .. }
            | ServerFrame::GroundRules(_)
            | ServerFrame::Waiting
            | ServerFrame::Signal(_)
            | ServerFrame::Seated { .. }
            | ServerFrame::Ok { outcome: None, .. }
            | ServerFrame::Refusal { .. }
            | ServerFrame::Pong { .. }
            | ServerFrame::Bye(_) => false,
        };
        assert!(!of_the_room, "{frame:?}");
    }
}

fn say(to: Audience) -> Request {
    Request::Say { to, text: MARK.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_agreed_to_newer_rules_hears_and_sends_nothing() {
    let Changed { server, house, fay, ada, ben, older: _, _store } = Changed::open("bar").await;
    for client in [&fay, &ben] {
        enter(client).await;
    }
    let fay = Person::connect("Fay", fay, &VOICES).await;
    let ben = Person::connect("Ben", ben, &VOICES).await;
    for person in [&fay, &ben] {
        person.speak().await;
    }
    let offering = Generator::offer(0, &VOICES).expect("a free port");
    let offer = |generation| {
        Request::Offer(MediaOffer { generation, sdp: offering.sdp.clone(), tracks: offering.tracks.clone() })
    };
    for request in [offer(1), offer(2), Request::View { tiles: vec![] }] {
        check_refused(&ada, request, RefusalCode::NotSeated).await;
    }
    let requests = [
        UNMUTE,
        Request::SetOwn { source: Source::Camera, open: true },
        Request::OpenOnTurn { on: true },
        Request::RaiseHand { kind: HandKind::Speak },
        Request::React { reaction: Reaction::WithYou },
        say(Audience::Room),
        say(Audience::Facilitators),
        Request::Milestone { text: MARK.to_owned() },
        Request::Export,
    ];
    for request in requests {
        check_refused(&ada, request, RefusalCode::GroundRulesChanged).await;
    }
    // The room goes on without her.
    ben.client.must(Request::RaiseHand { kind: HandKind::Speak }).await;
    ben.client.must(say(Audience::Room)).await;
    fay.client.must(say(Audience::Everywhere)).await;
    fay.client.must(Request::Lock { locked: true }).await;
    check_hears_nothing(&ada).await;
    // What is nobody's but hers is taken all the same, and a call for help is seen.
    ada.must(Request::SetOwn { source: Source::Microphone, open: false }).await;
    ada.must(Request::SetLevel { level: Level::Voice }).await;
    ada.must(Request::Distress).await;
    ada.must(Request::NotAlone { on: true }).await;
    fay.client
        .until_view("both signals", |view| view.desk.as_ref().is_some_and(|desk| desk.signals.len() == 2))
        .await;
    check_hears_nothing(&ada).await;

    // Having agreed she sees the room whole, and is heard only by her own unmute.
    enter(&ada).await;
    assert!(ada.view().room.locked);
    let ada = Person::connect("Ada", ada, &VOICES).await;
    ada.media.send(Source::Microphone, BRISK);
    let phase = ada.next_phase();
    until("packets before her unmute", || ada.media.sent_in_phase() >= 25).await;
    let group = Group { house, facilitator: fay, members: vec![ada, ben] };
    let [ada, ben] = [&group.members[0], &group.members[1]];
    group.witnessed(ben, 10).await;
    group.witnessed(&group.facilitator, 10).await;
    assert_eq!(group.heard_since(ada, phase), 0);
    ada.unmute().await;
    until("Ada to be heard", || ben.hears(ada, MICROPHONE, phase) > 0).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_agree_to_rules_that_change_in_the_session_is_barred_when_the_time_is_over() {
    let mut config = Config::for_tests();
    config.room.policy.consent_window_ms = 1_000;
    let scene = Scene::of(config.clone(), &VOICES).await;
    config.room.ground_rules.version += 1;
    config.room.ground_rules.rules.push("Phones stay in the bag.".into());
    scene.server.redefine(&config).await.expect("good settings");
    let newer = config.room.ground_rules.version;
    for person in [&scene.fay, &scene.ben] {
        person.client.until("the newer rules", |told| shown(told, newer, 1)).await;
        person.client.agree().await;
    }
    // Shown again, she is barred. Whoever agreed late, on a slow machine, was barred as well until then.
    scene.ada.client.until("the bar", |told| shown(told, newer, 2)).await;
    let barred_at = scene.ada.client.told().frames.len();
    for person in [&scene.fay, &scene.ben] {
        person.unmute().await;
    }
    let (phase, phases) = (scene.ada.next_phase(), [scene.fay.next_phase(), scene.ben.next_phase()]);
    check_refused(&scene.ada.client, UNMUTE, RefusalCode::GroundRulesChanged).await;
    check_refused(&scene.ada.client, say(Audience::Room), RefusalCode::GroundRulesChanged).await;
    scene.ben.client.must(say(Audience::Room)).await;
    scene.fay.client.must(Request::Lock { locked: true }).await;
    scene.check_unheard(phase).await;
    scene.check_hears_nobody(&scene.ada, phases[0], phases[1]);
    scene.ada.client.catch_up().await;
    for (_, frame, _) in &scene.ada.client.told().frames[barred_at..] {
        // Her slots are emptied, and that is all.
        let answer = matches!(frame, ServerFrame::Refusal { .. } | ServerFrame::Pong { .. });
        assert!(answer || empties_slots(frame), "{frame:?}");
    }
    scene.ada.client.agree().await;
    scene.ada.client.until_view("the room as it is", |view| view.room.locked).await;
    let phase = scene.ada.next_phase();
    scene.check_unheard(phase).await;
    scene.ada.unmute().await;
    until("Ada to be heard", || scene.ben.hears(&scene.ada, MICROPHONE, phase) > 0).await;
    scene.end().await;
}

fn empties_slots(frame: &ServerFrame) -> bool {
    let ServerFrame::Delta { changes, .. } = frame else { return false };
    changes.iter().all(|change| matches!(change, Change::Slot(slot) if slot.carries.is_none()))
}

/// Once these rules were shown so often.
fn shown(told: &mut Told, version: u32, times: usize) -> Option<()> {
    let these = told
        .frames
        .iter()
        .filter(|(_, frame, _)| matches!(frame, ServerFrame::GroundRules(rules) if rules.version == version));
    (these.count() >= times).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn agreeing_to_older_rules_is_no_consent_to_newer_ones() {
    let Changed { server, house, fay, ada, ben, older, _store } = Changed::open("older").await;
    enter(&ben).await;
    let newer = ada.told().ground_rules.clone().expect("the rules that hold");
    let accept = |version, hash: &str| Request::AcceptGroundRules { version, hash: hash.to_owned() };
    let others = [
        accept(newer.version - 1, &older),
        accept(newer.version, &older),
        accept(newer.version - 1, &newer.hash),
        accept(newer.version + 1, &newer.hash),
    ];
    // Neither who comes nor who facilitates gets in by it, and a new connection brings nobody further.
    let again = return_to(&house, &ada).await;
    for client in [&again, &fay] {
        for other in &others {
            check_refused(client, other.clone(), RefusalCode::GroundRulesChanged).await;
        }
        check_hears_nothing(client).await;
    }
    check_refused(&again, say(Audience::Room), RefusalCode::GroundRulesChanged).await;
    ben.catch_up().await;
    assert!(!ben.told().frames.iter().any(|(_, frame, _)| format!("{frame:?}").contains(MARK)));
    // Leaving is possible always, and agreeing to the rules as they are lets in.
    again.ask(Request::Leave).await;
    check_bye(&again, ByeReason::Left, None).await;
    enter(&fay).await;
    fay.must(Request::Lock { locked: true }).await;
    server.stop().await;
}
