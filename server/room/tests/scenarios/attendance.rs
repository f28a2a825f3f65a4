//! Who was here, from when to when.

use hearth_protocol::{RefusalCode, Request, Role, Source};
use hearth_room::{Attended, Entry, Kind, Policy, Room, Stay};

use crate::meeting::*;

const MINUTE: u32 = 60_000;

fn stays(m: &Meeting, name: &str) -> Vec<(u32, u32)> {
    let own = m.attended.iter().filter_map(|one| match &one.entry {
        Entry::Stay(stay) if stay.subject == name => Some((stay.from, stay.to)),
        Entry::Stay(_) | Entry::Attested { .. } | Entry::Corrected { .. } => None,
    });
    own.collect()
}

fn stay<'a>(m: &'a Meeting, name: &str) -> &'a Stay {
    let own = m.attended.iter().find_map(|one| match &one.entry {
        Entry::Stay(stay) if stay.subject == name => Some(stay),
        Entry::Stay(_) | Entry::Attested { .. } | Entry::Corrected { .. } => None,
    });
    own.unwrap_or_else(|| panic!("{name} was never here"))
}

fn end(m: &mut Meeting) {
    let Some(hearth_protocol::Outcome::Confirm { word }) = m.ok("fay", Request::EndNow { confirm: None })
    else {
        panic!("no word to confirm with")
    };
    m.ok("fay", Request::EndNow { confirm: Some(word) });
}

#[test]
fn a_stay_is_from_the_seat_to_the_end_whatever_one_says_or_shows() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    m.wait(MINUTE);
    m.joins("ann", Role::Member);
    m.waits("ben", Role::Member);
    m.wait(30 * MINUTE);
    m.ok("fay", Request::Freeze);
    m.wait(10 * MINUTE);
    end(&mut m);
    assert_eq!(stays(&m, "fay"), [(0, 41 * MINUTE)]);
    assert_eq!(stays(&m, "ann"), [(MINUTE, 41 * MINUTE)]);
    assert_eq!(stays(&m, "ben"), [], "waiting never counts");
    let Stay { role, kind, facilitators, members, .. } = *stay(&m, "ann");
    assert_eq!((role, kind, facilitators, members), (Role::Member, Kind::Group, 1, 1));
    let numbers: Vec<u32> = m.attended.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [0, 1]);
}

#[test]
fn a_gap_of_two_minutes_is_none_and_a_longer_one_is() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.wait(5 * MINUTE);
    m.drops("ann");
    m.ok("ben", Request::Leave);
    m.wait(2 * MINUTE - 1);
    m.returns("ann", None);
    m.wait(1);
    assert_eq!(stays(&m, "ben"), [(0, 5 * MINUTE)]);
    m.wait(MINUTE);
    m.joins("ben", Role::Member);
    m.wait(MINUTE);
    m.ok("ben", Request::Leave);
    m.wait(MINUTE);
    m.joins("ben", Role::Member);
    m.wait(MINUTE);
    end(&mut m);
    assert_eq!(stays(&m, "ann"), [(0, 11 * MINUTE)]);
    assert_eq!(stays(&m, "ben"), [(0, 5 * MINUTE), (8 * MINUTE, 11 * MINUTE)]);
    // For a short while there were both, and then one.
    assert_eq!((stay(&m, "fay").members, stay(&m, "fay").facilitators), (2, 1));
}

#[test]
fn a_lost_connection_counts_to_its_last_sign_of_life_and_a_removal_at_once() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.wait(5 * MINUTE);
    m.drops("ann");
    m.wait(10_000);
    m.ok("fay", Request::Remove { participant: m.id("ben") });
    assert_eq!(stays(&m, "ben"), [(0, 5 * MINUTE + 10_000)]);
    m.wait(3 * MINUTE);
    assert_eq!(stays(&m, "ann"), [(0, 5 * MINUTE)]);
}

#[test]
fn sent_back_to_wait_does_not_count() {
    let mut m = Meeting::seated(&["ann"]);
    m.wait(5 * MINUTE);
    m.ok("fay", Request::SendToWaiting { participant: m.id("ann") });
    m.wait(10 * MINUTE);
    let knock = m.view("fay").desk.as_ref().unwrap().knocks[0].id;
    m.ok("fay", Request::Admit { knock, through_lock: false });
    m.wait(5 * MINUTE);
    end(&mut m);
    assert_eq!(stays(&m, "ann"), [(0, 5 * MINUTE), (15 * MINUTE, 20 * MINUTE)]);
}

#[test]
fn what_goes_on_is_proven_every_minute_and_ends_there_when_the_server_dies() {
    let mut m = Meeting::seated(&["ann"]);
    m.wait(5 * MINUTE + 10_000);
    assert_eq!(m.room.poll_timeout(), Some(6 * MINUTE));
    let proven = m.room.handle_timeout(6 * MINUTE);
    assert!(proven.durable && proven.tell.is_empty() && proven.record.is_empty());
    let snapshot = m.room.snapshot();
    // Nobody knows how long after it the end came.
    let ends: Vec<u32> = snapshot.unfinished_stays().iter().map(|stay| stay.to).collect();
    assert_eq!(ends, [6 * MINUTE, 6 * MINUTE]);
    let room = Room::restore(definition(), snapshot, true);
    let mut m = Meeting { room, now: 6 * MINUTE, ..m };
    m.returns("fay", None);
    m.wait(3 * MINUTE);
    assert_eq!(stays(&m, "ann"), [(0, 6 * MINUTE)]);
    end(&mut m);
    assert_eq!(stays(&m, "fay"), [(0, 9 * MINUTE)], "asleep is no gap");
    let numbers: Vec<u32> = m.attended.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [0, 1]);
}

#[test]
fn facilitators_attest_and_correct_and_nobody_else() {
    let mut m = Meeting::seated(&["ann"]);
    let correct = |minutes, note: &str| Request::CorrectAttendance {
        participant: m.id("ann"),
        minutes,
        note: note.to_owned(),
    };
    let requests = [Request::AttestAttendance, correct(50, "came by telephone")];
    let too_long = [correct(25 * 60, "x"), correct(5, &"x".repeat(201)), correct(5, "two\nlines")];
    let stranger = Request::CorrectAttendance {
        participant: hearth_protocol::ParticipantId(77),
        minutes: 1,
        note: String::new(),
    };
    for request in requests.clone() {
        m.refused("ann", request, RefusalCode::NotAllowed);
    }
    let before = m.hears("ann").deltas.len();
    for request in requests {
        m.ok("fay", request);
        assert!(m.last.durable && m.last.record.is_empty());
    }
    assert_eq!(m.hears("ann").deltas.len(), before, "members are told nothing");
    for request in too_long {
        m.refused("fay", request, RefusalCode::NotPossible);
    }
    m.refused("fay", stranger, RefusalCode::NotFound);
    let (by, subject) = ("fay".to_owned(), "ann".to_owned());
    let note = "came by telephone".to_owned();
    let entries = [Entry::Attested { by: by.clone() }, Entry::Corrected { by, subject, minutes: 50, note }];
    let expected: Vec<Attended> =
        (0..).zip(entries).map(|(number, entry)| Attended { number, at: 0, entry }).collect();
    assert_eq!(m.attended, expected);
}

#[test]
fn another_role_is_another_stay() {
    let mut m = Meeting::seated(&["ann"]);
    m.wait(MINUTE);
    m.ok("ann", Request::Leave);
    m.joins("ann", Role::Observer);
    m.wait(MINUTE);
    end(&mut m);
    assert_eq!(stays(&m, "ann"), [(0, MINUTE), (MINUTE, 2 * MINUTE)]);
    m.attended.retain(|one| matches!(&one.entry, Entry::Stay(stay) if stay.role == Role::Observer));
    assert_eq!(m.attended.len(), 1);
}

#[test]
fn credit_needs_both_its_minutes_and_its_share() {
    let policy = Policy::default();
    for (attended, session, credited) in [
        (44, 45, false),
        (45, 45, true),
        (45, 60, true),
        (45, 61, false),
        (67, 90, false),
        (68, 90, true),
        (40, 40, false),
    ] {
        assert_eq!(policy.credits(attended * MINUTE, session * MINUTE), credited, "{attended} of {session}");
    }
}

#[test]
fn closed_gates_and_silence_count_as_any_other_time() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    m.joins("ann", Role::Member);
    m.ok("fay", Request::GateAll { source: Source::Microphone, except: Vec::new() });
    m.wait(50 * MINUTE);
    end(&mut m);
    assert_eq!(stays(&m, "ann"), [(0, 50 * MINUTE)]);
}

#[test]
fn alone_with_a_facilitator_in_an_aside_is_individual() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.wait(10 * MINUTE);
    m.ok("fay", Request::OpenCrisisAside { participant: m.id("ann") });
    m.wait(5 * MINUTE);
    m.ok("fay", Request::Recall { aside: Some(hearth_protocol::AsideId(1)), seconds: 0 });
    m.wait(10 * MINUTE);
    let pair = vec![m.id("ben"), m.id("cai")];
    m.ok("fay", Request::OpenAsides { groups: vec![pair], seconds: None });
    m.wait(5 * MINUTE);
    end(&mut m);
    assert_eq!(stays(&m, "ann"), [(0, 10 * MINUTE), (10 * MINUTE, 15 * MINUTE), (15 * MINUTE, 30 * MINUTE)]);
    assert_eq!(stays(&m, "ben"), [(0, 30 * MINUTE)], "two members are a group");
    let kinds: Vec<Kind> = (m.attended.iter())
        .filter_map(|one| match &one.entry {
            Entry::Stay(stay) if stay.subject == "ann" => Some(stay.kind),
            Entry::Stay(_) | Entry::Attested { .. } | Entry::Corrected { .. } => None,
        })
        .collect();
    assert_eq!(kinds, [Kind::Group, Kind::Individual, Kind::Group]);
    assert_eq!(stay(&m, "ben").facilitators, 0, "the fewest: none was in their aside");
}
