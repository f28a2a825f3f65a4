//! People meet through a real relay.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hearth_forwarding::{Generation, Reason, Reasons, Source, Subject};
use hearth_protocol::Source as Sent;
use hearth_relay::{Event, OfferRefused};
use hearth_tests::generator::{CAMERA, Generator, MICROPHONE, Pace, Shape};

use crate::meeting::{Meeting, packets, talks, wait, wait_more};

#[test]
fn two_people_hear_and_see_each_other() {
    let mut meeting = Meeting::of(&[1, 2]);
    let (anna, bert) = (meeting.join(1, &Shape::default()), meeting.join(2, &Shape::default()));
    talks(&anna);
    talks(&bert);
    for (listener, speaker) in [(&anna, 2), (&bert, 1)] {
        wait_more(listener, speaker, MICROPHONE);
        wait_more(listener, speaker, CAMERA);
        assert_eq!(listener.received().unstamped, 0);
        assert!(
            !listener.received().from.contains_key(&(3 - speaker, MICROPHONE)),
            "nobody hears themselves"
        );
    }
    let (mid, carried) = meeting.wait_slot(2, Some((1, Source::Camera)));
    let seen_in = bert.received().from[&(1, CAMERA)].slots.clone();
    assert_eq!(seen_in.keys().collect::<Vec<_>>(), [&mid]);
    assert_eq!(carried.map(|carried| carried.subject), Some(Subject(1)));
    meeting.wait_slot(1, Some((2, Source::Microphone)));
    meeting.wait_told("both speak", |event| {
        matches!(event, Event::Speaking { subjects, .. } if subjects.contains(&Subject(1)) && subjects.contains(&Subject(2)))
    });
}

#[test]
fn a_closed_gate_silences_and_an_opened_one_is_heard_again() {
    let mut meeting = Meeting::of(&[1, 2]);
    let (anna, bert) = (meeting.join(1, &Shape::default()), meeting.join(2, &Shape::default()));
    talks(&anna);
    wait_more(&bert, 1, MICROPHONE);
    wait_more(&bert, 1, CAMERA);
    meeting.set_gate(1, Source::Camera, false);
    anna.set_phase(1);
    meeting.wait_slot(2, None);
    wait_more(&bert, 1, MICROPHONE);
    assert_eq!(bert.received_since(1, CAMERA, 1), 0);
    wait("drops counted", || meeting.count("hearth_relay_gate_closed_packets_total", "facilitator") > 0);
    meeting.told.clear();
    meeting.set_gate(1, Source::Camera, true);
    wait_more(&bert, 1, CAMERA);
    meeting.wait_slot(2, Some((1, Source::Camera)));
    assert!(anna.received().keyframes_asked > 0);
}

#[test]
fn a_row_that_is_gone_ends_its_connection() {
    let mut meeting = Meeting::of(&[1, 2]);
    let (anna, bert) = (meeting.join(1, &Shape::default()), meeting.join(2, &Shape::default()));
    talks(&anna);
    wait_more(&bert, 1, CAMERA);
    meeting.apply(|rows| rows.retain(|row| row.subject != Subject(1)));
    anna.set_phase(1);
    wait("the end", || anna.is_ended());
    assert_eq!(bert.received_since(1, CAMERA, 1) + bert.received_since(1, MICROPHONE, 1), 0);
    let offering = Generator::offer(1, &Shape::default()).expect("an offer");
    assert_eq!(meeting.try_offer(1, 1, &offering), Err(OfferRefused::Stale));
}

#[test]
fn only_the_present_generation_counts() {
    let mut meeting = Meeting::of(&[1, 2]);
    let (anna, bert) = (meeting.join(1, &Shape::default()), meeting.join(2, &Shape::default()));
    talks(&anna);
    wait_more(&bert, 1, MICROPHONE);
    let offering = Generator::offer(1, &Shape::default()).expect("an offer");
    assert_eq!(meeting.try_offer(1, 2, &offering), Err(OfferRefused::Stale));
    meeting.apply(|rows| rows[0].generation = Generation(2));
    wait("the end", || anna.is_ended());
    assert_eq!(meeting.try_offer(1, 1, &offering), Err(OfferRefused::Stale));
    let answer = meeting.try_offer(1, 2, &offering).expect("an answer");
    let anna = offering.start(&answer).expect("a client");
    wait("a connection", || anna.is_connected());
    anna.set_phase(2);
    talks(&anna);
    wait("packets of the new connection", || bert.received_since(1, MICROPHONE, 2) > 10);
}

#[test]
fn no_packet_follows_an_acknowledged_closing_not_even_a_repair() {
    const MUTES: u32 = 40;
    let mut meeting = Meeting::of(&[1, 2, 3]);
    let anna = meeting.join(1, &Shape::default());
    let listeners = [meeting.join(2, &Shape::default()), meeting.join(3, &Shape::default())];
    talks(&anna);
    for listener in &listeners {
        listener.send(Sent::Microphone, Pace::VOICE);
    }
    // A third of what arrives is lost, so there are NACKs for older packets all the time.
    listeners[0].lose(3);
    for mute in 0..MUTES {
        let (open, closed) = (2 * mute, 2 * mute + 1);
        anna.set_phase(open);
        for listener in &listeners {
            wait("pictures", || listener.received_since(1, CAMERA, open) > 8);
            wait("sound", || listener.received_since(1, MICROPHONE, open) > 2);
        }
        meeting.apply(|rows| {
            for source in [Source::Microphone, Source::Camera] {
                rows[0].closed[source.index()] = Reasons::of(Reason::Floor);
            }
        });
        anna.set_phase(closed);
        let before = anna.sent();
        // What the kernel took before the acknowledgement is through when something later has come the same way.
        pass_on(&listeners, 2 * mute + 1);
        let held: Vec<u64> = listeners.iter().map(|listener| packets(listener, 1, CAMERA)).collect();
        wait("packets sent while closed", || anna.sent() > before + 30);
        pass_on(&listeners, 2 * mute + 2);
        for (listener, held) in listeners.iter().zip(held) {
            let late =
                listener.received_since(1, CAMERA, closed) + listener.received_since(1, MICROPHONE, closed);
            assert_eq!(late, 0, "packets from after the acknowledgement");
            assert_eq!(packets(listener, 1, CAMERA), held, "repairs of packets from before it");
        }
        meeting.apply(|rows| rows[0].closed = Default::default());
    }
}

/// Until each has heard the other say something that was said after this call.
fn pass_on(listeners: &[Generator; 2], phase: u32) {
    for (listener, speaker, subject) in [(&listeners[0], &listeners[1], 3), (&listeners[1], &listeners[0], 2)]
    {
        speaker.set_phase(phase);
        wait("the other listener", || listener.received_since(subject, MICROPHONE, phase) > 0);
    }
}

/// Stands between a client and the relay as a NAT does, and gives the client another port when told.
fn nat(relay: SocketAddr) -> (SocketAddr, Arc<AtomicBool>) {
    let inside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = inside.local_addr().expect("bound");
    let rebind = Arc::new(AtomicBool::new(false));
    let asked = rebind.clone();
    std::thread::spawn(move || {
        let mut outside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let mut client = None;
        let mut buffer = [0; 2_048];
        inside.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout");
        outside.set_nonblocking(true).expect("nonblocking");
        loop {
            if asked.swap(false, Ordering::AcqRel) {
                outside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
                outside.set_nonblocking(true).expect("nonblocking");
            }
            while let Ok((length, from)) = inside.recv_from(&mut buffer) {
                client = Some(from);
                let _ = outside.send_to(&buffer[..length], relay);
            }
            while let Ok(length) = outside.recv(&mut buffer) {
                if let Some(client) = client {
                    let _ = inside.send_to(&buffer[..length], client);
                }
            }
        }
    });
    (address, rebind)
}

#[test]
fn a_client_whose_port_changes_keeps_its_connection() {
    let meeting = Meeting::of(&[1, 2]);
    let anna = meeting.join(1, &Shape::default());
    let relay = meeting.relay.addresses()[0];
    let (outside, rebind) = nat(relay);
    let offering = Generator::offer(2, &Shape::default()).expect("an offer");
    // Behind a NAT nobody knows the client's own address.
    let hidden: String = offering
        .sdp
        .lines()
        .filter(|line| !line.starts_with("a=candidate"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let tracks = offering
        .tracks
        .iter()
        .map(|track| (track.mid.clone(), crate::meeting::source(track.source)))
        .collect();
    let answer = meeting.offer(2, 1, hidden, tracks).expect("an answer");
    let without_tcp: String =
        answer.lines().filter(|line| !line.contains("tcptype")).map(|line| format!("{line}\r\n")).collect();
    let bert = offering
        .start(&without_tcp.replace(&relay.port().to_string(), &outside.port().to_string()))
        .expect("a client");
    wait("a connection", || bert.is_connected());
    talks(&anna);
    talks(&bert);
    wait_more(&bert, 1, CAMERA);
    wait_more(&anna, 2, CAMERA);
    let started = std::time::Instant::now();
    rebind.store(true, Ordering::Release);
    wait("the move", || meeting.count("hearth_relay_ice_total", "rebound") > 0);
    wait_more(&bert, 1, CAMERA);
    wait_more(&anna, 2, CAMERA);
    println!("moved and back in {:?}", started.elapsed());
    assert!(bert.is_connected() && !bert.is_ended());
}
