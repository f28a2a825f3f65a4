//! Several workers: rooms are spread over them, and a bug in one costs its rooms their media for a moment, nobody else's.

use std::sync::Arc;

use hearth_forwarding::{Generation, Reason, Reasons, Source, Subject};
use hearth_protocol::Source as Sent;
use hearth_relay::{Event, Relay};
use hearth_tests::generator::{CAMERA, Generator, MICROPHONE, Pace, Shape};

use crate::meeting::{Meeting, relay, talks, wait, wait_more};

fn count_of(relay: &Arc<Relay>, worker: usize, name: &str) -> u64 {
    let counters = relay.counters_of(worker).expect("a worker");
    counters.iter().filter(|counter| counter.name == name).map(|counter| counter.value).sum()
}

fn forwarded(relay: &Arc<Relay>, worker: usize) -> u64 {
    count_of(relay, worker, "hearth_relay_forwarded_packets_total")
}

fn two_who_talk(meeting: &Meeting, subjects: [u32; 2]) -> [Generator; 2] {
    let both = subjects.map(|subject| meeting.join(subject, &Shape::default()));
    both.iter().for_each(talks);
    wait_more(&both[0], subjects[1], MICROPHONE);
    wait_more(&both[1], subjects[0], CAMERA);
    both
}

#[test]
fn two_rooms_are_carried_by_two_workers() {
    let relay = relay(2);
    let meetings = [Meeting::on(&relay, &[1, 2]), Meeting::on(&relay, &[3, 4])];
    let _people = [two_who_talk(&meetings[0], [1, 2]), two_who_talk(&meetings[1], [3, 4])];
    let before = [forwarded(&relay, 0), forwarded(&relay, 1)];
    wait("both to forward", || (0..2).all(|worker| forwarded(&relay, worker) > before[worker] + 50));
    assert!(relay.counters_of(2).is_none());
}

#[test]
fn a_workers_panic_costs_its_own_rooms_alone_and_they_come_back_as_closed_as_they_were() {
    let relay = relay(2);
    let (mut broken, mut whole) = (Meeting::on(&relay, &[1, 2, 5]), Meeting::on(&relay, &[3, 4]));
    let muted = |rows: &mut Vec<hearth_forwarding::Row>| {
        rows[1].closed[Source::Microphone.index()] = Reasons::of(Reason::Facilitator);
    };
    broken.apply(muted);
    let before = [1, 2, 5].map(|subject| broken.join(subject, &Shape::default()));
    before.iter().for_each(talks);
    wait_more(&before[0], 2, CAMERA);
    wait_more(&before[0], 5, MICROPHONE);
    let others = two_who_talk(&whole, [3, 4]);
    let sent_before = count_of(&relay, 1, "hearth_relay_peers_total");

    relay.break_worker(0);
    broken.wait_told("the restart", |event| *event == Event::Restarted);
    // Whatever the room has not said again is closed: there is no table, and nobody has a connection.
    for one in &before {
        one.set_phase(1);
    }
    wait("packets to nobody", || before.iter().all(|one| one.sent_in_phase() > 20));
    assert!(
        before.iter().all(|one| one.received().from.values().all(|tally| !tally.by_phase.contains_key(&1)))
    );

    broken.apply(|rows| rows.iter_mut().for_each(|row| row.generation = Generation(2)));
    let after = [1, 2, 5].map(|subject| broken.rejoin(subject, 2));
    for one in &after {
        one.set_phase(2);
        talks(one);
    }
    for (listener, speaker) in [(0, 5), (2, 1), (1, 5)] {
        wait("everyone who may be heard", || after[listener].received_since(speaker, MICROPHONE, 2) > 30);
    }
    wait("the muted one's picture", || after[0].received_since(2, CAMERA, 2) > 30);
    assert!([0, 2].iter().all(|listener| after[*listener].received_since(2, MICROPHONE, 0) == 0));

    // The other room never noticed.
    others.iter().for_each(|one| one.set_phase(1));
    for (listener, speaker) in [(&others[0], 4), (&others[1], 3)] {
        wait("the other room", || listener.received_since(speaker, MICROPHONE, 1) > 10);
        assert!(!listener.is_ended());
    }
    whole.take_told();
    assert!(!whole.told.contains(&Event::Restarted));
    assert_eq!(count_of(&relay, 1, "hearth_relay_peers_total"), sent_before);
    assert_eq!(count_of(&relay, 0, "hearth_relay_worker_restarts_total"), 1);
    assert_eq!(count_of(&relay, 1, "hearth_relay_worker_restarts_total"), 0);
}

#[test]
fn a_worker_that_panics_again_and_again_comes_back_each_time() {
    let relay = relay(1);
    let mut meeting = Meeting::on(&relay, &[1, 2]);
    for restart in 1..=4 {
        relay.break_worker(0);
        wait("the restart", || count_of(&relay, 0, "hearth_relay_worker_restarts_total") == restart);
        meeting.wait_told("the restart", |event| *event == Event::Restarted);
        meeting.told.clear();
        meeting.apply(|_| {});
    }
    let _both = two_who_talk(&meeting, [1, 2]);
}

#[test]
fn rooms_that_open_and_close_while_a_worker_dies_are_opened_and_closed() {
    let relay = relay(1);
    let closed = Meeting::on(&relay, &[1, 2]);
    relay.break_worker(0);
    drop(closed);
    let opened = Meeting::on(&relay, &[3, 4]);
    let _both = two_who_talk(&opened, [3, 4]);
    assert_eq!(count_of(&relay, 0, "hearth_relay_worker_restarts_total"), 1);
}

#[test]
fn a_bug_in_one_connection_ends_that_connection_alone() {
    let mut meeting = Meeting::of(&[1, 2, 3]);
    let (anna, bert, cleo) = (
        meeting.join(1, &Shape::default()),
        meeting.join(2, &Shape::default()),
        meeting.join(3, &Shape::default()),
    );
    for one in [&anna, &bert, &cleo] {
        one.send(Sent::Microphone, Pace::VOICE);
    }
    wait_more(&bert, 1, MICROPHONE);
    meeting.media.break_peer(Subject(1));
    let lost = Event::Lost { subject: Subject(1), generation: Generation(1) };
    meeting.wait_told("the loss", |event| *event == lost);
    anna.set_phase(1);
    bert.set_phase(1);
    wait("the others", || cleo.received_since(2, MICROPHONE, 1) > 20);
    assert_eq!(cleo.received_since(1, MICROPHONE, 1), 0);
    assert_eq!(meeting.count("hearth_relay_peers_total", "panicked"), 1);
    assert_eq!(meeting.count("hearth_relay_worker_restarts_total", ""), 0);
    meeting.apply(|rows| rows[0].generation = Generation(2));
    let anna = meeting.rejoin(1, 2);
    anna.set_phase(2);
    talks(&anna);
    wait("who came back", || cleo.received_since(1, MICROPHONE, 2) > 10);
}
