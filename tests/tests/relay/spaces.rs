//! Spaces: what is said in one is heard there and nowhere else, whatever a client tries.

use hearth_forwarding::{Source, Space, Subject};
use hearth_protocol::Source as Sent;
use hearth_relay::Event;
use hearth_tests::generator::{CAMERA, Generator, MICROPHONE, Shape};

use crate::meeting::{Meeting, packets, talks, wait, wait_more};

fn check_never_met(one: &Generator, other: u32) {
    let heard = packets(one, other, MICROPHONE) + packets(one, other, CAMERA);
    assert_eq!(heard, 0, "packets of {other}");
}

#[test]
fn media_never_cross_spaces_also_for_a_client_that_disobeys() {
    let mut meeting = Meeting::of(&[1, 2, 3, 4]);
    meeting.move_to(&[(3, 1), (4, 1)]);
    let everyone: Vec<Generator> = (1..=4).map(|subject| meeting.join(subject, &Shape::default())).collect();
    let [anna, bert, cleo, dan] = &everyone[..] else { unreachable!("four") };
    everyone.iter().for_each(talks);
    // Cleo wants to see who is elsewhere, goes on under SSRCs that nobody negotiated, asks for packets again and again, and tries the
    // media connection of somebody elsewhere.
    meeting.view(3, &[(1, 720), (2, 720), (4, 90)]);
    cleo.lose(3);
    let check = || {
        for (listener, speaker) in [(anna, 2), (bert, 1), (cleo, 4), (dan, 3)] {
            wait_more(listener, speaker, MICROPHONE);
        }
        for (listener, elsewhere) in [(anna, [3, 4]), (bert, [3, 4]), (cleo, [1, 2]), (dan, [1, 2])] {
            elsewhere.into_iter().for_each(|other| check_never_met(listener, other));
        }
    };
    check();
    wait_more(anna, 2, CAMERA);
    wait_more(cleo, 4, CAMERA);
    let own = Generator::offer(3, &Shape::default()).expect("an offer");
    drop(meeting.try_offer(1, 2, &own).expect_err("not Anna's generation"));
    check();
    cleo.change_ssrc(Sent::Microphone);
    let before = cleo.sent();
    wait("packets under the new SSRC", || cleo.sent() > before + 50);
    wait_more(anna, 2, MICROPHONE);
    [anna, bert].into_iter().for_each(|one| check_never_met(one, 3));
    assert_eq!(everyone.iter().map(|one| one.received().unstamped).sum::<u64>(), 0);
}

#[test]
fn after_an_acknowledged_move_no_packet_crosses_not_even_a_repair() {
    const MOVES: u16 = 24;
    let mut meeting = Meeting::of(&[1, 2, 3, 4, 5]);
    meeting.move_to(&[(4, 1), (5, 1)]);
    let join = |subject| meeting.join(subject, &Shape::default());
    let anna = join(1);
    // In each space two more: one to listen, one to be heard there by the other.
    let spaces = [[join(2), join(3)], [join(4), join(5)]];
    for one in spaces.iter().flatten().chain([&anna]) {
        talks(one);
    }
    anna.lose(3);
    spaces.iter().for_each(|[listener, _]| listener.lose(3));
    for turn in 0..MOVES {
        let (here, there) = (usize::from(turn % 2), usize::from((turn + 1) % 2));
        let numbers = [[2, 3], [4, 5]];
        let [listener, _] = &spaces[here];
        let phase = anna.next_phase();
        wait("pictures here", || listener.received_since(1, CAMERA, phase) > 8);
        let phase = listener.next_phase();
        wait("pictures of here", || anna.received_since(numbers[here][0], CAMERA, phase) > 8);

        meeting.move_to(&[(1, there as u16)]);
        let left = anna.next_phase();
        let stayed = spaces[here].each_ref().map(Generator::next_phase);
        // What the kernel took before the acknowledgement is through when something later has come the same way.
        wait("the witness here", || listener.received_since(numbers[here][1], MICROPHONE, stayed[1]) > 0);
        let arrived = spaces[there][0].next_phase();
        wait("the witness there", || anna.received_since(numbers[there][0], MICROPHONE, arrived) > 0);
        let held = (packets(listener, 1, CAMERA), packets(&anna, numbers[here][0], CAMERA));

        let before = anna.sent();
        wait("packets sent elsewhere", || anna.sent() > before + 30);
        wait("more of here", || listener.received_since(numbers[here][1], MICROPHONE, stayed[1]) > 5);
        wait("more of there", || anna.received_since(numbers[there][0], MICROPHONE, arrived) > 5);
        for source in [MICROPHONE, CAMERA] {
            assert_eq!(listener.received_since(1, source, left), 0, "of who left, after the acknowledgement");
            for (number, phase) in numbers[here].into_iter().zip(stayed) {
                assert_eq!(anna.received_since(number, source, phase), 0, "of {number}, who stayed");
            }
        }
        let now = (packets(listener, 1, CAMERA), packets(&anna, numbers[here][0], CAMERA));
        assert_eq!(now, held, "repairs of packets from before the acknowledgement");
    }
}

#[test]
fn who_speaks_is_told_of_their_space_alone() {
    let mut meeting = Meeting::of(&[1, 2, 3, 4]);
    meeting.move_to(&[(3, 1), (4, 1)]);
    let anna = meeting.join(1, &Shape::default());
    let cleo = meeting.join(3, &Shape::default());
    talks(&anna);
    talks(&cleo);
    let speaks = |space: u16, subjects: &[u32]| {
        let (space, subjects) = (Space(space), subjects.iter().copied().map(Subject).collect());
        Event::Speaking { space, subjects }
    };
    meeting.wait_told("Anna here", |event| *event == speaks(0, &[1]));
    meeting.wait_told("Cleo there", |event| *event == speaks(1, &[3]));
    assert!(!meeting.told.iter().any(|event| *event == speaks(0, &[3]) || *event == speaks(1, &[1])));

    meeting.told.clear();
    meeting.move_to(&[(1, 1), (3, 0)]);
    meeting.wait_told("Cleo here", |event| *event == speaks(0, &[3]));
    meeting.wait_told("Anna there", |event| *event == speaks(1, &[1]));
    // And a space that is no more has nobody who speaks in it.
    meeting.told.clear();
    meeting.move_to(&[(1, 0), (4, 0)]);
    meeting.wait_told("nobody there", |event| *event == speaks(1, &[]));
    meeting.wait_told("both here", |event| match event {
        Event::Speaking { space, subjects } => *space == Space(0) && subjects.len() == 2,
        Event::Slot { .. } | Event::Voiced { .. } | Event::Lost { .. } | Event::Restarted => false,
    });
}

#[test]
fn an_aside_and_back_costs_no_negotiation() {
    let mut meeting = Meeting::of(&[1, 2, 3]);
    let everyone: Vec<Generator> = (1..=3).map(|subject| meeting.join(subject, &Shape::default())).collect();
    let [anna, bert, cleo] = &everyone[..] else { unreachable!("three") };
    everyone.iter().for_each(talks);
    let meets = |one: &Generator, other: u32| {
        wait_more(one, other, MICROPHONE);
        wait_more(one, other, CAMERA);
    };
    for _ in 0..6 {
        meets(anna, 2);
        meets(anna, 3);
        meets(cleo, 1);
        let asked = anna.received().keyframes_asked;
        meeting.told.clear();
        meeting.move_to(&[(1, 1), (2, 1)]);
        // Whoever is left behind sees an empty slot at once; the two, who never parted, need no key frame between them.
        meeting.wait_slot(3, None);
        let phase = anna.next_phase();
        meets(bert, 1);
        assert_eq!(cleo.received_since(1, CAMERA, phase), 0);
        meeting.told.clear();
        meeting.move_to(&[(1, 0), (2, 0)]);
        meeting.wait_slot(3, Some((1, Source::Camera)));
        wait("a key frame to meet again", || anna.received().keyframes_asked > asked);
    }
    meets(cleo, 1);
    assert_eq!(meeting.count("hearth_relay_offers_total", "answered"), 3);
    assert_eq!(everyone.iter().map(|one| one.received().gaps).sum::<u64>(), 0, "the slots' numbers go on");
}
