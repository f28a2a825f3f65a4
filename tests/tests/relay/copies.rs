//! Whoever is on somebody's way and sends what they sent once more, from elsewhere: authentic in every bit. Nothing goes there.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use hearth_protocol::Source as Sent;
use hearth_tests::{
    generator::{Generator, MICROPHONE, Pace, Shape},
    hand::{Hand, check},
};

use crate::meeting::{Meeting, wait, wait_more};

const REJECTED: &str = "hearth_relay_rejected_packets_total";
const DROPPED: &str = "hearth_relay_dropped_packets_total";
const ICE: &str = "hearth_relay_ice_total";
/// Sooner than a path without a packet counts as silent.
const PROMPT: Duration = Duration::from_millis(400);

/// Anna hears Bert, who talks. Somebody copies what she sends.
struct Scene {
    meeting: Meeting,
    anna: Hand,
    bert: Generator,
    socket: UdpSocket,
    relay: SocketAddr,
}

impl Scene {
    fn new() -> Scene {
        let meeting = Meeting::of(&[1, 2]);
        let anna = meeting.join_by_hand(1, &Shape::default());
        let bert = meeting.join(2, &Shape::default());
        bert.send(Sent::Microphone, Pace::VOICE);
        wait_more(&anna.client, 2, MICROPHONE);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        let relay = meeting.relay.addresses()[0];
        let scene = Scene { meeting, anna, bert, socket, relay };
        // From here on there is something to take away.
        scene.say(1);
        scene
    }

    /// A check that nominates, as Anna's browser makes them.
    fn check(&self) -> Vec<u8> {
        let (username, password) = self.anna.credentials();
        check(&username, &password, true)
    }

    /// The copier has got the answer to this check.
    fn wait_answered(&self, check: &[u8]) {
        wait("an answer", || {
            let mut buffer = [0; 2_048];
            self.socket.recv(&mut buffer).is_ok() && buffer.get(8..20) == check.get(8..20)
        });
    }

    /// Anna sends it, and it has been taken.
    fn anna_checks(&self, check: &[u8]) {
        self.anna.client.send_raw(check.to_vec());
        let answers = |datagram: &Vec<u8>| datagram.get(8..20) == check.get(8..20);
        wait("an answer", || self.anna.client.take_kept().iter().any(answers));
    }

    /// Anna says something, and Bert hears it.
    fn say(&self, sequence: u16) -> Vec<u8> {
        let sealed = self.anna.sealed(&self.anna.speech(sequence.into(), sequence));
        self.anna.client.send_raw(sealed.clone());
        wait("her voice", || self.bert.received_since(1, MICROPHONE, sequence.into()) > 0);
        sealed
    }

    fn copier_sends(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.relay).expect("sent");
    }

    /// What the copier has got: how many packets of media, and how many others.
    fn copier_got(&self) -> (usize, usize) {
        let (mut media, mut others) = (0, 0);
        let mut buffer = [0; 2_048];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let is_media = length > 0 && (128..192).contains(&buffer[0]);
            *if is_media { &mut media } else { &mut others } += 1;
        }
        (media, others)
    }

    fn count(&self, name: &str, label: &str) -> u64 {
        self.meeting.count(name, label)
    }

    fn check_anna_hears(&self) {
        wait_more(&self.anna.client, 2, MICROPHONE);
        assert_eq!(self.count(ICE, "rebound"), 0, "media went elsewhere");
    }
}

#[test]
fn copies_of_a_check_and_of_media_are_refused_and_take_nothing_away() {
    let scene = Scene::new();
    let check = scene.check();
    scene.anna_checks(&check);
    let spoken = scene.say(2);
    for copies in 1..=20 {
        scene.copier_sends(&check);
        scene.copier_sends(&spoken);
        wait("refusals", || {
            scene.count(REJECTED, "copied_check") >= copies && scene.count(REJECTED, "unchecked") >= copies
        });
    }
    scene.check_anna_hears();
    assert_eq!(scene.copier_got(), (0, 0), "a copy is answered");
}

#[test]
fn a_check_whose_copy_comes_first_takes_nothing_away() {
    let scene = Scene::new();
    let (mut rounds, mut sequence) = (0, 1);
    let mut next = || {
        sequence += 1;
        sequence
    };
    while rounds < 5 {
        let (moves, began) = (scene.count(ICE, "rebound"), Instant::now());
        scene.say(next());
        let check = scene.check();
        scene.copier_sends(&check);
        scene.wait_answered(&check);
        // On a machine that stood still meanwhile Anna was silent, and whoever is silent and checked elsewhere has moved.
        if began.elapsed() > PROMPT {
            scene.say(next());
            continue;
        }
        // From an address that has passed a check: a copy, and after her own check also what she has not said yet.
        let copies = scene.count(DROPPED, "copy_or_padding");
        let spoken = scene.say(next());
        scene.copier_sends(&spoken);
        wait("the copy", || scene.count(DROPPED, "copy_or_padding") > copies);
        scene.anna_checks(&check);
        let held_back = next();
        scene.copier_sends(&scene.anna.sealed(&scene.anna.speech(held_back.into(), held_back)));
        wait("what was held back", || scene.bert.received_since(1, MICROPHONE, held_back.into()) > 0);
        assert_eq!(scene.count(ICE, "rebound"), moves, "media went elsewhere");
        rounds += 1;
    }
    wait_more(&scene.anna.client, 2, MICROPHONE);
}

/// Whoever copies a check that does not nominate can write behind its signature that it does (RFC 8489, section 14.5).
#[test]
fn what_stands_behind_a_signature_nominates_nobody() {
    const USE_CANDIDATE: [u8; 4] = [0, 0x25, 0, 0];
    const FINGERPRINT: usize = 8;
    let scene = Scene::new();
    let (username, password) = scene.anna.credentials();
    for sequence in (10..50).step_by(10) {
        let mut check = check(&username, &password, false);
        check.truncate(check.len() - FINGERPRINT);
        check.extend(USE_CANDIDATE);
        let length = check.len() as u16 - 20;
        check[2..4].copy_from_slice(&length.to_be_bytes());
        scene.copier_sends(&check);
        scene.copier_sends(&scene.anna.sealed(&scene.anna.speech(sequence.into(), sequence)));
        wait("what was held back", || scene.bert.received_since(1, MICROPHONE, sequence.into()) > 0);
    }
    scene.check_anna_hears();
    assert_eq!(scene.copier_got().0, 0, "somebody else hears Bert");
}

#[test]
fn copies_from_many_addresses_take_nobodys_own_away() {
    let scene = Scene::new();
    let (username, password) = scene.anna.credentials();
    for sequence in 2..22 {
        let check = check(&username, &password, false);
        let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        elsewhere.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        elsewhere.send_to(&check, scene.relay).expect("sent");
        elsewhere.recv(&mut [0; 2_048]).expect("an answer");
        scene.say(sequence);
        scene.anna_checks(&check);
    }
    assert_eq!(scene.count(REJECTED, "unchecked"), 0);
    scene.check_anna_hears();
}
