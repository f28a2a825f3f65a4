//! How long people were heard, over real media.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hearth_forwarding::Source;
use hearth_protocol::Source as Sent;
use hearth_relay::Event;
use hearth_tests::generator::{Pace, Shape};

use crate::meeting::{Meeting, wait};

/// Milliseconds reported so far, by subject.
fn sums(meeting: &Meeting) -> BTreeMap<u32, u32> {
    let mut sums = BTreeMap::new();
    for event in &meeting.told {
        let Event::Voiced { heard } = event else { continue };
        heard.iter().for_each(|(subject, ms)| *sums.entry(subject.0).or_default() += ms);
    }
    sums
}

#[test]
fn who_is_heard_is_counted_and_nobody_faster_than_time_passes() {
    let mut meeting = Meeting::of(&[1, 2, 3, 4]);
    let shape = Shape { camera: false, ..Shape::default() };
    let [anna, bert, cleo, dan] = [1, 2, 3, 4].map(|subject| meeting.join(subject, &shape));
    meeting.set_gate(3, Source::Microphone, false);
    let started = Instant::now();
    anna.send(Sent::Microphone, Pace::VOICE);
    // Says that it is silent, but is not.
    bert.send(Sent::Microphone, Pace { level: Some(-127), ..Pace::VOICE });
    cleo.send(Sent::Microphone, Pace::VOICE);
    // Eight times as many packets, each as long.
    dan.send(Sent::Microphone, Pace { packets_per_second: 400, ..Pace::VOICE });
    let enough = |sums: &BTreeMap<u32, u32>| [1, 2, 4].iter().all(|subject| sums.get(subject) > Some(&2_000));
    let deadline = started + Duration::from_secs(30);
    while !enough(&sums(&meeting)) {
        assert!(Instant::now() < deadline, "never reported: {:?}", sums(&meeting));
        meeting.take_told();
        std::thread::sleep(Duration::from_millis(5));
    }
    let (passed, sums_now) = (started.elapsed().as_millis() as u32, sums(&meeting));
    assert!(sums_now.values().all(|ms| *ms <= passed), "{sums_now:?} in {passed} ms");
    assert!(!sums_now.contains_key(&3), "nothing behind a closed gate");
    wait("the closed gate", || meeting.count("hearth_relay_gate_closed_packets_total", "facilitator") > 100);
    let reports = meeting.told.iter().filter(|event| matches!(event, Event::Voiced { .. })).count() as u32;
    assert!(reports <= 1 + passed / 1_000, "{reports} reports in {passed} ms");
}
