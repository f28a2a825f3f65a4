//! Slots as a browser sees them: streams that never break, whoever is in them.

use hearth_forwarding::{Source, Subject};
use hearth_protocol::Source as Sent;
use hearth_tests::generator::{CAMERA, Generator, MICROPHONE, Pace, Shape};

use crate::meeting::{Meeting, packets, wait};

#[test]
fn one_slot_shows_many_without_a_gap() {
    let mut meeting = Meeting::of(&[1, 2, 3, 4]);
    let one = Shape { microphone: false, camera: false, rids: vec![], audio_slots: 1, video_slots: 1 };
    let listener = meeting.join(1, &one);
    let speakers: Vec<Generator> = (2..=4).map(|subject| meeting.join(subject, &Shape::default())).collect();
    for speaker in &speakers {
        speaker.send(Sent::Camera, Pace::VIDEO);
    }
    for turn in 0..18 {
        let subject = 2 + turn % 3;
        let before = packets(&listener, subject, CAMERA);
        meeting.told.clear();
        meeting.view(1, &[(subject, 360)]);
        wait("the one in view", || packets(&listener, subject, CAMERA) > before + 8);
        let (_, carried) = meeting.wait_slot(1, Some((subject, Source::Camera)));
        assert_eq!(carried.map(|carried| carried.subject), Some(Subject(subject)));
    }
    let received = listener.received();
    assert_eq!(received.gaps, 0, "the slot's numbers go on");
    let slots: Vec<_> = received.from.values().flat_map(|tally| tally.slots.keys()).collect();
    assert!(slots.iter().all(|slot| *slot == slots[0]), "one media line carried them all");
}

#[test]
fn nothing_is_shown_that_is_not_in_view() {
    let meeting = Meeting::of(&[1, 2, 3]);
    let listener = meeting.join(1, &Shape::default());
    let speakers = [meeting.join(2, &Shape::default()), meeting.join(3, &Shape::default())];
    meeting.view(1, &[(3, 180)]);
    for speaker in &speakers {
        speaker.send(Sent::Camera, Pace::VIDEO);
        speaker.send(Sent::Microphone, Pace::VOICE);
    }
    wait("pictures", || packets(&listener, 3, CAMERA) > 50);
    wait("sound of all", || packets(&listener, 2, MICROPHONE) > 20 && packets(&listener, 3, MICROPHONE) > 20);
    assert_eq!(packets(&listener, 2, CAMERA), 0);
}

#[test]
fn with_too_few_slots_all_who_talk_are_heard_in_turn() {
    let mut meeting = Meeting::of(&[1, 2, 3, 4]);
    let two = Shape { microphone: false, camera: false, rids: vec![], audio_slots: 2, video_slots: 0 };
    let listener = meeting.join(1, &two);
    let speakers: Vec<Generator> = (2..=4).map(|subject| meeting.join(subject, &Shape::default())).collect();
    for speaker in &speakers {
        // One of them says that it is as loud as can be.
        speaker.send(Sent::Microphone, Pace { level: Some(0), ..Pace::VOICE });
    }
    for subject in 2..=4 {
        wait("everyone", || packets(&listener, subject, MICROPHONE) > 20);
    }
    meeting.apply(|rows| rows[3].weight = 9);
    let before = packets(&listener, 4, MICROPHONE);
    wait("who goes first", || packets(&listener, 4, MICROPHONE) > before + 300);
    assert_eq!(listener.received().gaps, 0);
}

#[test]
fn a_wall_and_a_bar_stop_everything() {
    let mut meeting = Meeting::of(&[1, 2, 3]);
    let everyone: Vec<Generator> = (1..=3).map(|subject| meeting.join(subject, &Shape::default())).collect();
    for one in &everyone {
        one.send(Sent::Microphone, Pace::VOICE);
    }
    wait("all hear all", || {
        packets(&everyone[0], 2, MICROPHONE) > 5 && packets(&everyone[2], 1, MICROPHONE) > 5
    });
    meeting.apply(|rows| {
        rows[1].space = hearth_forwarding::Space(1);
        rows[2].barred = true;
    });
    everyone.iter().for_each(|one| one.set_phase(1));
    wait("the first hears the barred one", || everyone[0].received_since(3, MICROPHONE, 1) > 30);
    assert_eq!(everyone[0].received_since(2, MICROPHONE, 1), 0, "no sound through a wall");
    assert_eq!(everyone[1].received_since(1, MICROPHONE, 1), 0, "in neither direction");
    assert_eq!(everyone[2].received_since(1, MICROPHONE, 1), 0, "nothing for who is barred");
}
