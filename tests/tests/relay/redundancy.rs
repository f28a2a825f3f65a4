//! Loss of sound (RFC 2198): what redundancy brings back, and that it brings nothing that was closed, elsewhere, or before.

use std::collections::BTreeSet;

use hearth_forwarding::Source;
use hearth_protocol::Source as Sent;
use hearth_tests::generator::{Generator, MICROPHONE, Pace};

use crate::meeting::{Meeting, packets, wait, wait_more};

/// Counters of this sender's frames that a listener has in any way.
fn frames(listener: &Generator, sender: u32) -> BTreeSet<u32> {
    listener.received().from.get(&(sender, MICROPHONE)).map(|tally| tally.frames.clone()).unwrap_or_default()
}

#[test]
fn with_and_without_redundancy_all_understand_each_other() {
    let meeting = Meeting::of(&[1, 2, 3]);
    let (anna, bert, cleo) =
        (meeting.join_redundant(1, 1), meeting.join_redundant(2, 0), meeting.join_redundant(3, 3));
    for one in [&anna, &bert, &cleo] {
        one.send(Sent::Microphone, Pace::VOICE);
    }
    for (listener, speakers) in [(&anna, [2, 3]), (&bert, [1, 3]), (&cleo, [1, 2])] {
        for speaker in speakers {
            wait("sound", || packets(listener, speaker, MICROPHONE) > 30);
            let heard = frames(listener, speaker);
            let (first, last) = (heard.first().expect("some"), heard.last().expect("some"));
            assert_eq!(heard.len() as u32, last - first + 1, "each frame once");
        }
        assert_eq!(listener.received().unstamped, 0);
        assert_eq!(listener.received().gaps, 0);
    }
    assert!(meeting.count("hearth_relay_redundancy_total", "repeated") > 0);
    assert_eq!(meeting.count("hearth_relay_redundancy_total", "filled"), 0);
}

#[test]
fn what_is_lost_on_the_way_in_is_filled_for_everyone() {
    let meeting = Meeting::of(&[1, 2, 3]);
    let (anna, bert, cleo) =
        (meeting.join_redundant(1, 3), meeting.join_redundant(2, 0), meeting.join_redundant(3, 1));
    anna.lose_by_chance(0, 30);
    anna.send(Sent::Microphone, Pace::VOICE);
    for listener in [&bert, &cleo] {
        wait("sound", || packets(listener, 1, MICROPHONE) > 200);
        let heard = frames(listener, 1);
        let all = heard.last().expect("some") - heard.first().expect("some") + 1;
        let missing = 1.0 - heard.len() as f32 / all as f32;
        assert!(missing < 0.05, "{:.1} % missing", missing * 100.0);
    }
    assert!(meeting.count("hearth_relay_redundancy_total", "filled") > 20);
}

/// Returns when all that was sent before has come through the relay: what this witness says now comes after it, over the same socket.
fn let_through(witness: &Generator, number: u32, listener: &Generator) {
    let phase = witness.next_phase();
    wait("the witness", || listener.received_since(number, MICROPHONE, phase) > 0);
}

/// Frames that were sent while nobody might hear them, but for those at either end.
fn check_unheard(listener: &Generator, closed: std::ops::Range<u64>) {
    let closed = closed.start as u32 + 2..(closed.end as u32).saturating_sub(2);
    let heard: Vec<u32> = frames(listener, 1).range(closed.clone()).copied().collect();
    assert!(heard.is_empty(), "of {closed:?} were heard {heard:?}");
}

#[test]
fn what_was_said_behind_a_closed_gate_comes_with_no_later_packet() {
    let mut meeting = Meeting::of(&[1, 2, 3]);
    // A browser puts one earlier frame into each packet; this one puts in eight, and loses many packets, so that there are holes to fill.
    let anna = meeting.join_redundant(1, 8);
    let listeners = [meeting.join_redundant(2, 0), meeting.join_redundant(3, 1)];
    anna.lose_by_chance(0, 30);
    anna.send(Sent::Microphone, Pace::VOICE);
    listeners[0].send(Sent::Microphone, Pace::VOICE);
    for _ in 0..25 {
        listeners.iter().for_each(|listener| wait_more(listener, 1, MICROPHONE));
        meeting.set_gate(1, Source::Microphone, false);
        let closed = anna.sent();
        wait("frames behind the gate", || anna.sent() > closed + 8);
        let opened = anna.sent();
        let_through(&listeners[0], 2, &listeners[1]);
        meeting.set_gate(1, Source::Microphone, true);
        listeners.iter().for_each(|listener| wait_more(listener, 1, MICROPHONE));
        listeners.iter().for_each(|listener| check_unheard(listener, closed..opened));
    }
}

#[test]
fn what_was_said_in_one_space_comes_with_no_packet_in_another() {
    let mut meeting = Meeting::of(&[1, 2, 3]);
    meeting.move_to(&[(3, 1)]);
    let anna = meeting.join_redundant(1, 8);
    let listeners = [meeting.join_redundant(2, 1), meeting.join_redundant(3, 1)];
    anna.lose_by_chance(0, 30);
    anna.send(Sent::Microphone, Pace::VOICE);
    listeners.iter().for_each(|listener| listener.send(Sent::Microphone, Pace::VOICE));
    let mut came = 0;
    for turn in 0..25 {
        let [here, there] = [turn % 2, (turn + 1) % 2];
        wait_more(&listeners[here], 1, MICROPHONE);
        let leaves = anna.sent();
        let_through(&listeners[here], 2 + here as u32, &anna);
        meeting.move_to(&[(1, there as u16)]);
        let moved = anna.sent();
        check_unheard(&listeners[there], came..leaves);
        wait_more(&listeners[there], 1, MICROPHONE);
        check_unheard(&listeners[there], came..leaves);
        came = moved;
    }
}

/// Gaps in speech by random loss between the relay and a listener: what arrives whole, with in-band FEC (each frame also in the next
/// one), with redundancy, and with both.
#[test]
fn speech_survives_loss() {
    std::thread::scope(|scope| {
        for (loss, limit) in [(10, 0.01), (30, 0.03), (50, 0.10)] {
            scope.spawn(move || check_gaps(loss, limit));
        }
    });
}

fn check_gaps(loss: u8, limit: f32) {
    const FRAMES: u32 = 700;
    let meeting = Meeting::of(&[1, 2]);
    let (anna, bert) = (meeting.join_redundant(1, 1), meeting.join_redundant(2, 1));
    anna.send(Sent::Microphone, Pace::VOICE);
    bert.lose_by_chance(loss, 0);
    // Receiver reports of sound come every few seconds: from the second on the relay knows.
    wait("reports of the loss", || anna.sent() > 600);
    let first = anna.sent() as u32;
    wait("sound", || frames(&bert, 1).last().is_some_and(|last| *last > first + FRAMES + 20));
    let tally = bert.received().from[&(1, MICROPHONE)].clone();
    let gaps = |has: &dyn Fn(u32) -> bool| {
        (first..first + FRAMES).filter(|frame| !has(*frame)).count() as f32 / FRAMES as f32
    };
    let alone = gaps(&|frame| tally.whole.contains(&frame));
    let inband = gaps(&|frame| tally.whole.contains(&frame) || tally.whole.contains(&(frame + 1)));
    let red = gaps(&|frame| tally.frames.contains(&frame));
    let both = gaps(&|frame| tally.frames.contains(&frame) || tally.frames.contains(&(frame + 1)));
    println!("{loss} %: alone {alone:.3}, in-band {inband:.3}, redundancy {red:.3}, both {both:.3}");
    assert!(red <= limit, "at {loss} %: {red}");
}
