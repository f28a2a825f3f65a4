//! What a restart brings back.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{Audience, ByeReason, FloorMode, Prompt, RefusalCode, Request, Role};
use hearth_room::Room;

use crate::meeting::*;

#[test]
fn a_room_wakes_as_it_was() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    let microphone = hearth_protocol::Source::Microphone;
    m.ok("fay", Request::SetGate { participant: m.id("ann"), source: microphone, open: false });
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", Request::Lock { locked: true });
    m.ok("fay", Request::Remove { participant: m.id("cai") });
    let (version, epoch) = (m.table.version, m.table.epoch);
    let mut m = m.restarted(true);
    m.returns("fay", None);
    assert!(m.table.version > version && m.table.epoch > epoch);
    m.returns("ann", None);
    m.returns("ben", None);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Facilitator, Reason::Floor]);
    assert_eq!(m.closed("ben", Source::Microphone), [Reason::Self_, Reason::Floor]);
    assert!(m.view("fay").room.locked && m.sees("ann", "fay").unwrap().lead);
    m.knocks("cai", Role::Member);
    assert_eq!(m.bye("cai"), Some(ByeReason::NotNow));
    assert_eq!(m.view("fay").participants[1].alias, format!("Guest {}", m.id("ann").0));
}

#[test]
fn nobody_is_heard_after_a_restart_until_they_say_so() {
    let m = Meeting::seated(&["ann"]);
    let generation = m.row("ann").unwrap().generation.0;
    let mut m = m.restarted(true);
    m.returns("fay", None);
    m.returns("ann", Some(generation));
    assert!(m.row("ann").unwrap().generation.0 > generation);
    assert!(!m.is_heard("ann", Source::Microphone) && !m.is_heard("ann", Source::Camera));
}

#[test]
fn a_snapshot_that_may_not_be_the_last_wakes_locked_and_on_hold() {
    let mut m = Meeting::seated(&["ann"]).restarted(false);
    m.returns("fay", None);
    assert!(m.view("fay").room.locked && m.view("fay").room.hold.is_some());
    m.returns("ann", None);
    m.refused("ann", open(Source::Microphone), RefusalCode::OnHold);
    m.waits("eve", Role::Member);
    assert!(m.hears("eve").is_waiting());
    m.ok("fay", Request::ResumeRoom);
    m.ok("ann", open(Source::Microphone));
}

#[test]
fn a_spent_ticket_stays_spent() {
    let mut m = Meeting::seated(&[]);
    let mut ticket = claims("mia", Role::Member);
    ticket.ticket = "the-one".to_owned();
    m.waits_with(ticket.clone());
    let mut m = m.restarted(true);
    m.knocks_with(ticket);
    assert_eq!(m.bye("mia"), Some(ByeReason::BadHello));
}

#[test]
fn whoever_waited_finds_their_place_again() {
    let mut m = Meeting::seated(&[]);
    m.waits("mia", Role::Member);
    let mut m = m.restarted(true);
    m.returns("fay", None);
    m.returns("mia", None);
    assert!(m.hears("mia").is_waiting());
    let knock = m.view("fay").desk.as_ref().unwrap().knocks[0].id;
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert!(m.hears("mia").view.is_some());
}

#[test]
fn a_restored_room_names_the_instant_of_its_first_table() {
    let mut m = Meeting::seated(&["ann"]).restarted(true);
    assert_eq!(m.room.poll_timeout(), Some(m.now));
    m.wait(0);
    assert!(m.last.forward.as_ref().is_some_and(|table| table.rows.is_empty()));
}

#[test]
fn after_a_restart_no_newcomer_takes_a_neutral_name_that_is_shown() {
    let mut m = Meeting::seated(&["ann"]).restarted(true);
    m.returns("fay", None);
    m.returns("ann", None);
    let mut ticket = claims("mia", Role::Member);
    ticket.alias = format!("Guest {}", m.id("ann").0);
    m.waits_with(ticket);
    let knock = m.view("fay").desk.as_ref().unwrap().knocks[0].id;
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert_eq!(m.view("mia").participants[2].alias, format!("Guest {} 2", m.id("ann").0));
}

#[test]
fn the_grace_goes_on_where_it_stood() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.drops("ann");
    m.wait(100_000);
    let mut m = m.restarted(true);
    m.returns("fay", None);
    m.wait(19_999);
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 2);
    m.wait(1);
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 1);
}

#[test]
fn a_request_repeated_after_a_restart_is_answered_as_before() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let id = hearth_protocol::RequestId("once".to_owned());
    m.asks_again(m.at["fay"], id.clone(), Request::Freeze).unwrap();
    let mut m = m.restarted(true);
    m.returns("fay", None);
    m.asks_again(m.at["fay"], id, Request::Lock { locked: true }).unwrap();
    assert!(!m.view("fay").room.locked && m.view("fay").room.frozen.is_some());
}

#[test]
fn no_word_no_name_and_no_signal_is_in_a_snapshot() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let secret = |text: &str| format!("secret {text}");
    m.ok("ann", Request::Distress);
    m.ok("ann", Request::NotAlone { on: true });
    for to in [Audience::Room, Audience::Facilitators, Audience::Participant { participant: m.id("fay") }] {
        m.says("ann", to, &secret("words"));
    }
    m.ok("ann", Request::Milestone { text: secret("milestone") });
    m.ok("ann", Request::SetGoal { text: Some(secret("goal")), shared: true });
    m.ok("ann", Request::Rate { value: 3 });
    m.ok("fay", Request::OpenScale { question: secret("question") });
    m.ok("ann", Request::AnswerScale { value: 10, named: true });
    m.ok(
        "fay",
        Request::ShowPrompt { prompt: Some(Prompt { title: secret("title"), text: secret("card") }) },
    );
    m.ok("fay", Request::StartTimer { seconds: 60, label: secret("label") });
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", Request::Grant { participant: m.id("ann") });
    m.ok("ann", Request::SayTurn { text: secret("turn") });
    let signal = m.view("fay").desk.as_ref().unwrap().signals[0].id;
    m.ok("fay", Request::AnswerSignal { signal, text: Some(secret("answer")) });
    let mut ticket = claims("mia", Role::Member);
    ticket.alias = secret("alias");
    m.waits_with(ticket);
    let text = serde_json::to_string(&m.room.snapshot()).expect("a snapshot can be written");
    for word in ["secret", "signal", "distress", "not_alone", "goal", "milestone", "question"] {
        let found = text.find(word).map(|at| &text[at.saturating_sub(40)..(at + 40).min(text.len())]);
        assert_eq!(found, None, "{word} in a snapshot");
    }
    assert_eq!(text.matches("\"text\":\"\"").count(), 3, "the names are empty");
}

#[test]
fn the_same_inputs_have_the_same_effects_ever_after() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", Request::Grant { participant: m.id("ben") });
    let text = serde_json::to_string(&m.room.snapshot()).unwrap();
    let twins: Vec<Room> =
        (0..2).map(|_| Room::restore(definition(), serde_json::from_str(&text).unwrap(), true)).collect();
    let mut lives = twins.into_iter().map(|room| {
        let mut life = Meeting { room, ..Meeting::new() };
        life.now = m.now;
        life.at = m.at.clone();
        life.heard = m.heard.clone();
        life.ids = m.ids.clone();
        life.wait(19_000);
        life.returns("ben", None);
        life.wait(200_000);
        (life.table.clone(), life.record.clone(), life.hears("ben").frames.clone())
    });
    assert_eq!(lives.next(), lives.next());
}
