//! A ticket that its issuer takes back while its bearer talks: whatever they go on doing, it is as if they were not there.

use std::{
    cell::Cell,
    io::{Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use hearth::{Config, auth::Revocation, config::KeySettings};
use hearth_protocol::{
    Audience, ByeReason, Credential, HandKind, MediaOffer, RefusalCode, Request, Role, ServerFrame, Source,
};
use hearth_tests::{
    generator::{CAMERA, Generator, MICROPHONE, Shape, Stamp},
    group::{Person, until},
    hand::{Hand, check, rtcp},
    signalling::Client,
};

use crate::scene::{Scene, UNMUTE, check_bye, check_refused, until_waiting};

/// Packets that are tried each time.
const TRIED: u16 = 25;
const BEFORE: u32 = 1;
const AFTER: u32 = 2;
const MARK: &[u8] = b"so far";

/// With a portal that signs.
fn config() -> Config {
    let mut config = Config::for_tests();
    let portal = KeySettings { issuer: "portal".into(), secret: "A".repeat(43) };
    config.tickets.keys.insert("portal".into(), portal);
    config
}

/// The portal's word that Ada may not be in the room any more. Returns when it is answered.
async fn revoke_ada(scene: &Scene) {
    let (config, address) = (config(), scene.house.address);
    let keys = config.keyring().expect("a good key");
    let (name, key) = keys.first().expect("the portal's");
    let revocation = Revocation { room: scene.house.room.clone(), subject: "subject-ada".into() };
    let signed = config.ticketing().revoke(name, key, &revocation, Duration::from_secs(60));
    let answer = tokio::task::spawn_blocking(move || hand_in(address, &signed)).await.expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

fn hand_in(address: SocketAddr, signed: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let length = signed.len();
    let head = format!(
        "POST /v1/revocations HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all([head.as_bytes(), signed.as_bytes()].concat().as_slice()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Ada makes her media connection anew, and every packet on it by hand.
async fn by_hand(ada: &Person) -> Hand {
    let before = ada.client.view().you.media_generation;
    ada.client.must(Request::RenewMedia).await;
    ada.client.until_view("another generation", |view| view.you.media_generation != before).await;
    let offering = Generator::offer(ada.number, &Shape::default()).expect("a free port");
    let answer = ada.client.offer(offering.sdp.clone(), offering.tracks.clone()).await.expect("an answer");
    let hand = Hand::start(ada.number, offering, &answer).expect("an answer that can be read");
    until("a connection by hand", || hand.is_ready()).await;
    hand.client.keep();
    hand
}

/// All that has been sent to this client until now, and was not taken before.
async fn arrived(hand: &Hand) -> Vec<Vec<u8>> {
    let marker = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    marker.send_to(MARK, hand.address()).expect("sent");
    let mut arrived = vec![];
    until("the mark behind it", || {
        arrived.extend(hand.client.take_kept());
        arrived.iter().any(|datagram| datagram == MARK)
    })
    .await;
    arrived.retain(|datagram| datagram != MARK);
    arrived
}

/// Everything that a connection is good for, each of it authentic: sound, pictures, repairs, wishes, checks.
struct Attempts<'h> {
    hand: &'h Hand,
    /// The latest picture that came: its SSRC and its number.
    latest: Cell<(u32, u16)>,
    next: Cell<u16>,
    check: Vec<u8>,
}

impl Attempts<'_> {
    fn by(hand: &Hand) -> Attempts<'_> {
        let (name, password) = hand.credentials();
        let check = check(&name, &password, true);
        Attempts { hand, latest: Cell::default(), next: Cell::new(100), check }
    }

    fn make(&self, phase: u32, packets: u16) {
        let hand = self.hand;
        for _ in 0..packets {
            let sequence = self.next.replace(self.next.get() + 1);
            let picture = hand.picture(phase, sequence);
            for rtp in [&hand.speech(phase, sequence), &picture, &hand.repair(&picture, sequence)] {
                hand.send(rtp);
            }
        }
        let (ssrc, number) = self.latest.get();
        let (own, other) = (hand.voice.ssrc.to_be_bytes(), ssrc.to_be_bytes());
        // The latest packet and those before it once more, a key frame, and a goodbye in another's name.
        let again = [&own[..], &other, &number.wrapping_sub(16).to_be_bytes(), &[0xff; 2]].concat();
        hand.report(&rtcp(1, 205, &again));
        hand.report(&rtcp(1, 206, &[own, other].concat()));
        hand.report(&rtcp(1, 203, &other));
        hand.client.send_raw(self.check.clone());
    }

    fn is_answer(&self, datagram: &[u8]) -> bool {
        datagram.starts_with(&[1, 1]) && datagram.get(8..20) == self.check.get(8..20)
    }

    fn is_repair(&self, datagram: &[u8]) -> bool {
        kind(datagram) == Some(self.hand.camera.repair_type)
    }

    fn note_picture(&self, datagram: &[u8]) {
        if kind(datagram) == Some(self.hand.camera.payload_type) {
            let ssrc = u32::from_be_bytes(datagram[8..12].try_into().expect("four bytes"));
            self.latest.set((ssrc, u16::from_be_bytes([datagram[2], datagram[3]])));
        }
    }
}

/// The payload type of RTP.
fn kind(datagram: &[u8]) -> Option<u8> {
    let [128..192, kind, ..] = datagram else { return None };
    (datagram.len() > 12 && !(192..224).contains(kind)).then_some(kind & 0x7f)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_while_talking_neither_hears_nor_is_heard_whatever_they_try() {
    let scene = Scene::of(config(), &Shape::default()).await;
    let (fay, ada, ben) = (&scene.fay, &scene.ada, &scene.ben);
    ben.show().await;
    let hand = by_hand(ada).await;
    ada.client.must(Request::SetOwn { source: Source::Camera, open: true }).await;
    ada.watch([ben.id]).await;
    for person in [fay, ben] {
        person.watch([ada.id]).await;
    }
    let attempts = Attempts::by(&hand);
    // As long as her ticket counts, all of it works.
    let (mut answered, mut repaired) = (false, false);
    until("all of it to work", || {
        attempts.make(BEFORE, 1);
        for datagram in hand.client.take_kept() {
            answered |= attempts.is_answer(&datagram);
            repaired |= attempts.is_repair(&datagram);
            attempts.note_picture(&datagram);
        }
        let seen = |person: &Person| {
            person.hears(ada, MICROPHONE, BEFORE) > 0 && person.hears(ada, CAMERA, BEFORE) > 0
        };
        answered
            && repaired
            && seen(fay)
            && seen(ben)
            && hand.client.received_since(fay.number, MICROPHONE, 0) > 0
    })
    .await;
    // She keeps everything that once opened a door to her, and stands at another.
    let spent = scene.ticket("Ada", Role::Member);
    let door = Client::knock(scene.house.address, "hearth", &spent).await;
    until_waiting(&door).await;
    let credentials = [
        Credential::Resume { secret: ada.client.secret() },
        Credential::Waiting { secret: door.secret() },
        Credential::Ticket { ticket: spent },
        Credential::Ticket { ticket: scene.ticket("Ada", Role::Member) },
    ];
    let generation = ada.client.view().you.media_generation;

    revoke_ada(&scene).await;
    let phases = [fay.next_phase(), ben.next_phase()];
    ben.client.must(Request::RaiseHand { kind: HandKind::Speak }).await;
    attempts.make(AFTER, TRIED);
    scene.check_goes_on().await;
    check_perceived_by_nobody(&scene);
    check_said_in_vain(&ada.client, generation).await;
    check_bye(&ada.client, ByeReason::Removed, None).await;
    check_bye(&door, ByeReason::NotNow, Some(RefusalCode::NotNow)).await;
    let last = ada.client.view();
    assert!(
        last.participants.iter().all(|participant| participant.hand.is_none()),
        "told of what came after"
    );

    // What was under way at that moment may arrive, and nothing that was sent after it.
    for datagram in arrived(&hand).await {
        let opened = hand.keys().open_rtp(&datagram);
        let Some(stamp) = opened.and_then(|(_, payload)| Stamp::find(&payload)) else { continue };
        let from = if stamp.sender == fay.number { phases[0] } else { phases[1] };
        assert!(stamp.phase < from, "{stamp:?}");
    }
    for _ in 0..3 {
        attempts.make(AFTER, TRIED);
        scene.check_goes_on().await;
        let back = arrived(&hand).await;
        assert!(back.is_empty(), "{} datagrams come back", back.len());
    }
    for credential in credentials {
        for generation in [None, Some(generation)] {
            check_shut(&scene, credential.clone(), generation).await;
        }
    }
    check_perceived_by_nobody(&scene);
    let view = fay.client.caught_up().await;
    let desk = view.desk.expect("a facilitator's desk");
    assert!(desk.knocks.is_empty() && desk.removed.is_empty(), "{desk:?}");
    assert!(!scene.roster().contains(&ada.alias));
    check_refused(&fay.client, Request::UndoRemoval { participant: ada.id }, RefusalCode::NotFound).await;
    scene.end().await;
}

fn check_perceived_by_nobody(scene: &Scene) {
    for person in [&scene.fay, &scene.ben] {
        for source in [MICROPHONE, CAMERA] {
            assert_eq!(person.hears(&scene.ada, source, AFTER), 0, "{} perceives her", person.alias);
        }
    }
}

/// Over the connection that she had nothing is carried out or answered.
async fn check_said_in_vain(client: &Client, generation: u32) {
    let offering = Generator::offer(0, &Shape::default()).expect("a free port");
    let requests = [
        Request::Offer(MediaOffer { generation, sdp: offering.sdp.clone(), tracks: offering.tracks.clone() }),
        Request::RenewMedia,
        UNMUTE,
        Request::Say { to: Audience::Room, text: "Can you hear me?".to_owned() },
    ];
    let mut asked = vec![];
    for request in requests {
        asked.push(client.ask(request).await);
    }
    client.until_closed().await;
    let told = client.told();
    assert!(asked.iter().all(|id| told.answer(id).is_none()), "{}", told.summary());
    assert!(matches!(told.frames.last(), Some((_, ServerFrame::Bye(_), _))), "{}", told.summary());
}

/// One refusal, and nothing else.
async fn check_shut(scene: &Scene, credential: Credential, generation: Option<u32>) {
    let what = format!("{credential:?}");
    let client = Client::connect(scene.house.address, "hearth").await;
    client.hello(credential, generation).await;
    let closed = client.until_closed().await;
    let told = client.told();
    let bye = told.bye.clone().expect("a last word");
    // What is spent, or died with the removal, is like any that never was.
    let not_now = (ByeReason::NotNow, Some(RefusalCode::NotNow), 4003);
    let dead = (ByeReason::BadHello, Some(RefusalCode::BadTicket), 4007);
    let said = (bye.reason, bye.code, closed);
    assert!([not_now, dead].contains(&said), "{what}: {said:?}");
    assert_eq!(told.frames.len(), 1, "{what}: {}", told.summary());
}
