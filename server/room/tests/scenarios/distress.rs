//! A private signal is never refused, and nobody but facilitators can tell that there was one.

use hearth_forwarding::Source;
use hearth_protocol::{
    Audience, FloorMode, HandKind, MessageKind, OwnSignalState, RefusalCode, Request, RequestId, Role,
    ServerFrame, Signal, SignalId, SignalKind, ThawStep,
};
use hearth_room::{Command, Effects};

use crate::meeting::*;

fn signals(m: &Meeting, facilitator: &str) -> Vec<Signal> {
    m.view(facilitator).desk.as_ref().expect("a desk").signals.clone()
}

fn state(m: &Meeting, name: &str) -> Option<OwnSignalState> {
    m.view(name).you.signal.map(|signal| signal.state)
}

fn at_the_door(m: &Meeting, name: &str) -> Vec<OwnSignalState> {
    let state = |frame: &ServerFrame| {
        let ServerFrame::Signal(signal) = frame else { return None };
        assert_eq!(signal.crisis_line, "988");
        Some(signal.state)
    };
    m.hears(name).frames.iter().filter_map(state).collect()
}

fn answer(signal: SignalId, text: Option<&str>) -> Request {
    Request::AnswerSignal { signal, text: text.map(str::to_owned) }
}

#[test]
fn a_signal_is_seen_by_every_facilitator_and_by_nobody_else() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("ann", Request::Distress);
    let told: Vec<_> = m.last.tell.iter().map(|tell| m.whose[&tell.to].as_str()).collect();
    assert_eq!(told, ["ann", "fay", "ann", "gus"]);
    for facilitator in ["fay", "gus"] {
        let [signal] = &signals(&m, facilitator)[..] else { panic!("one signal") };
        assert_eq!((signal.kind, signal.participant), (SignalKind::Distress, Some(m.id("ann"))));
        assert_eq!((signal.alias.as_str(), signal.knock), ("ann", None));
    }
    assert_eq!(state(&m, "ann"), Some(OwnSignalState::Sent));
    assert_eq!(m.last, Effects { version: m.table.version, tell: m.last.tell.clone(), ..Effects::default() });
}

#[test]
fn a_signal_is_taken_at_every_stage_after_the_ticket() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.knocks("eve", Role::Member);
    m.ok("eve", Request::Distress);
    m.waits("mia", Role::Member);
    m.ok("mia", Request::Distress);
    m.ok("fay", Request::SendToWaiting { participant: m.id("ben") });
    m.ok("ben", Request::Distress);
    let doors: Vec<_> =
        signals(&m, "fay").iter().map(|one| (one.alias.clone(), one.knock.is_some())).collect();
    assert_eq!(doors, [("eve".to_owned(), true), ("mia".to_owned(), true), ("ben".to_owned(), true)]);
    m.ok("fay", Request::Freeze);
    m.ok("ann", Request::Distress);
    assert_eq!(signals(&m, "fay").len(), 4);
    m.ok("ann", Request::NotAlone { on: true });
    assert_eq!(signals(&m, "fay").len(), 5);
    m.drops("fay");
    m.wait(31_000);
    m.ok("ann", Request::Distress);
    m.ok("ann", Request::NotAlone { on: false });
}

#[test]
fn a_signal_from_an_aside_reaches_facilitators_wherever_they_are() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.joins("gus", Role::Cofacilitator);
    let groups = vec![vec![m.id("ann"), m.id("ben")], vec![m.id("cai"), m.id("gus")]];
    m.ok("fay", Request::OpenAsides { groups, seconds: None });
    m.ok("ann", Request::Distress);
    assert_eq!((signals(&m, "fay").len(), signals(&m, "gus").len()), (1, 1));
    let signal = signals(&m, "gus")[0].id;
    m.ok("gus", answer(signal, Some("I am coming over.")));
    assert_eq!(m.readers("I am coming over."), ["ann", "gus"]);
}

#[test]
fn whoever_is_barred_for_want_of_consent_is_heard_too_and_told_how_it_stands() {
    let mut m = Meeting::seated(&["ann"]);
    let mut changed = definition();
    changed.ground_rules = rules(2, "rules-2");
    m.apply(Command::Define(Box::new(changed)));
    m.ok("fay", Request::AcceptGroundRules { version: 2, hash: "rules-2".to_owned() });
    m.wait(180_000);
    m.refused("ann", Request::RaiseHand { kind: HandKind::Speak }, RefusalCode::GroundRulesChanged);
    m.ok("ann", Request::Distress);
    assert_eq!(signals(&m, "fay").len(), 1);
    assert_eq!(at_the_door(&m, "ann"), [OwnSignalState::Sent]);
    let signal = signals(&m, "fay")[0].id;
    m.refused("fay", answer(signal, Some("I am here.")), RefusalCode::NotPossible);
    m.ok("fay", answer(signal, None));
    assert_eq!(at_the_door(&m, "ann"), [OwnSignalState::Sent, OwnSignalState::Answered]);
}

#[test]
fn a_helper_sees_no_signal_and_no_word_of_the_team() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("fay", Request::LendHelper { participant: m.id("ben"), on: true });
    let told = m.hears("ben").deltas.len();
    m.ok("ann", Request::Distress);
    m.says("fay", Audience::Team, "Shall I go to her?");
    m.ok("gus", answer(signals(&m, "gus")[0].id, None));
    assert_eq!(m.hears("ben").deltas.len(), told);
    m.refused("ben", answer(SignalId(1), None), RefusalCode::NotAllowed);
    m.refused("ben", Request::CareMoment { on: true }, RefusalCode::NotAllowed);
    m.ok("ben", Request::StartTimer { seconds: 60, label: "Writing".to_owned() });
    m.ok("ben", Request::StopTimer);
}

#[test]
fn observers_and_facilitators_may_call_for_help_like_anybody() {
    let mut m = Meeting::seated(&[]);
    m.joins("oda", Role::Observer);
    m.ok("oda", Request::Distress);
    m.ok("fay", Request::Distress);
    assert_eq!(signals(&m, "fay").len(), 2);
    // Nobody else is there who could answer.
    assert_eq!(state(&m, "fay"), Some(OwnSignalState::Unanswered));
    assert_eq!(state(&m, "oda"), Some(OwnSignalState::Sent));
    m.refused("fay", answer(SignalId(2), None), RefusalCode::NotPossible);
}

#[test]
fn a_flood_of_signals_is_one_signal() {
    let mut m = Meeting::seated(&["ann"]);
    let before = m.record.clone();
    m.ok("ann", Request::Distress);
    for _ in 0..300 {
        m.ok("ann", Request::Distress);
        assert_eq!(m.last.tell.len(), 1, "the answer alone");
    }
    assert_eq!(signals(&m, "fay").len(), 1);
    assert_eq!(m.record, before);
}

#[test]
fn no_memory_of_an_earlier_answer_holds_a_signal_back() {
    let mut m = Meeting::seated(&["ann"]);
    let id = RequestId("the-same".to_owned());
    let connection = m.at["ann"];
    assert_eq!(m.asks_again(connection, id.clone(), Request::TakeLead), Err(RefusalCode::NotAllowed));
    assert_eq!(m.asks_again(connection, id, Request::Distress), Ok(None));
    assert_eq!(signals(&m, "fay").len(), 1);
}

#[test]
fn without_an_answer_it_is_shown_again_and_then_the_member_is_told() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", Request::Distress);
    m.wait(19_999);
    assert_eq!(signals(&m, "fay")[0].repeated, 0);
    m.wait(1);
    assert_eq!(signals(&m, "fay")[0].repeated, 1);
    m.wait(39_999);
    assert_eq!((signals(&m, "fay")[0].repeated, state(&m, "ann")), (2, Some(OwnSignalState::Sent)));
    m.wait(1);
    assert_eq!((signals(&m, "fay")[0].repeated, state(&m, "ann")), (3, Some(OwnSignalState::Unanswered)));
}

#[test]
fn with_no_facilitator_there_the_member_is_told_at_once() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", Request::Distress);
    m.drops("fay");
    assert_eq!(state(&m, "ann"), Some(OwnSignalState::Unanswered));
    m.returns("fay", None);
    assert_eq!(state(&m, "ann"), Some(OwnSignalState::Sent));
    assert_eq!(signals(&m, "fay").len(), 1);
}

#[test]
fn at_the_door_a_signal_tells_nothing_of_who_is_inside() {
    let told = |attended: bool| {
        let mut m = Meeting::seated(&[]);
        m.knocks("eve", Role::Member);
        if !attended {
            m.drops("fay");
        }
        let start = m.told.len();
        m.drawn = 100;
        m.ok("eve", Request::Distress);
        m.wait(200_000);
        let eve = m.at["eve"];
        let told: Vec<_> = m.told[start..].iter().filter(|told| told.1 == eve).cloned().collect();
        assert_eq!(at_the_door(&m, "eve"), [OwnSignalState::Sent, OwnSignalState::Unanswered]);
        told
    };
    assert_eq!(told(true), told(false));
}

#[test]
fn a_first_answer_is_a_private_word() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("ann", Request::Distress);
    let signal = signals(&m, "fay")[0].id;
    m.refused("ben", answer(signal, None), RefusalCode::NotAllowed);
    m.refused("fay", answer(SignalId(99), None), RefusalCode::NotFound);
    m.refused("fay", answer(signal, Some("  ")), RefusalCode::BadMessage);
    m.ok("fay", answer(signal, Some("I am with you.")));
    assert_eq!(m.readers("I am with you."), ["ann", "fay"]);
    let message = m.message("ann", "I am with you.");
    assert_eq!((message.kind, message.from), (MessageKind::Answer, m.id("fay")));
    assert_eq!(signals(&m, "gus")[0].answered_by, Some(m.id("fay")));
    assert_eq!(state(&m, "ann"), Some(OwnSignalState::Answered));
    m.wait(100_000);
    assert_eq!(signals(&m, "gus")[0].repeated, 0);
    m.ok("gus", answer(signal, None));
    assert_eq!(signals(&m, "gus")[0].answered_by, Some(m.id("fay")), "who answered first");
    m.wait(200_000);
    assert!(signals(&m, "gus").is_empty() && state(&m, "ann").is_none());
}

#[test]
fn after_an_answer_one_may_call_again() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", Request::Distress);
    let first = signals(&m, "fay")[0].id;
    m.ok("fay", answer(first, None));
    m.ok("ann", Request::Distress);
    let [again] = &signals(&m, "fay")[..] else { panic!("one signal") };
    assert!(again.id != first && again.answered_by.is_none());
    assert_eq!(state(&m, "ann"), Some(OwnSignalState::Sent));
}

#[test]
fn a_signal_outlives_drops_and_goes_along_from_the_door_to_the_seat() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits("eve", Role::Member);
    m.ok("eve", Request::Distress);
    m.drops("eve");
    m.returns("eve", None);
    assert_eq!(at_the_door(&m, "eve"), [OwnSignalState::Sent], "told on return");
    let knock = m.knock_of("eve");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert_eq!(state(&m, "eve"), Some(OwnSignalState::Sent));
    let eve = m.view("eve").you.participant;
    let [signal] = &signals(&m, "fay")[..] else { panic!("one signal") };
    assert_eq!((signal.participant, signal.knock), (Some(eve), None));
    m.drops("eve");
    assert_eq!(signals(&m, "fay").len(), 1);
    let signal = signals(&m, "fay")[0].id;
    m.refused("fay", answer(signal, Some("I am here.")), RefusalCode::NotPossible);
    m.returns("eve", None);
    assert_eq!(state(&m, "eve"), Some(OwnSignalState::Sent));
    m.ok("fay", Request::Remove { participant: eve });
    assert!(signals(&m, "fay").is_empty());
}

#[test]
fn whoever_gives_up_waiting_leaves_no_signal_behind() {
    let mut m = Meeting::seated(&[]);
    m.waits("eve", Role::Member);
    m.ok("eve", Request::Distress);
    m.ok("eve", Request::Leave);
    assert!(signals(&m, "fay").is_empty());
    m.waits("mia", Role::Member);
    m.ok("mia", Request::NotAlone { on: true });
    let knock = m.knock_of("mia");
    m.ok("fay", Request::Deny { knock });
    assert!(signals(&m, "fay").is_empty());
}

#[test]
fn not_being_alone_stands_until_it_is_taken_back_and_brings_no_words_on_the_screen() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", Request::NotAlone { on: true });
    assert!(m.view("ann").you.not_alone && m.view("ann").you.signal.is_none());
    let signal = signals(&m, "fay")[0].clone();
    assert_eq!(signal.kind, SignalKind::NotAlone);
    m.wait(20_000);
    assert_eq!(signals(&m, "fay")[0].repeated, 1);
    m.refused("fay", answer(signal.id, Some("Who is there?")), RefusalCode::NotPossible);
    m.ok("fay", answer(signal.id, None));
    m.wait(600_000);
    m.ok("ann", Request::NotAlone { on: true });
    assert_eq!(signals(&m, "fay")[0].id, signal.id);
    m.ok("ann", Request::NotAlone { on: false });
    assert!(signals(&m, "fay").is_empty() && !m.view("ann").you.not_alone);
}

#[test]
fn a_device_that_nobody_let_in_neither_sees_nor_takes_back_what_was_sent_from_the_seat() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", Request::Distress);
    m.ok("ann", Request::NotAlone { on: true });
    m.waits("ann", Role::Member);
    m.wait(100_000);
    assert_eq!(at_the_door(&m, "ann"), []);
    m.ok("ann", Request::NotAlone { on: false });
    assert_eq!(signals(&m, "fay").len(), 2);
    assert!(signals(&m, "fay").iter().all(|one| one.participant.is_some() && one.knock.is_none()));
    let knock = m.knock_of("ann");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert!(m.view("ann").you.not_alone && state(&m, "ann").is_some(), "now it is hers");
}

#[test]
fn what_a_new_device_sends_shows_on_no_screen_of_the_seat_until_it_is_let_in() {
    let mut m = Meeting::seated(&["ann"]);
    let seat = m.at["ann"];
    m.waits("ann", Role::Member);
    let told = m.heard[&seat].deltas.len();
    m.ok("ann", Request::Distress);
    m.ok("ann", Request::NotAlone { on: true });
    assert_eq!(at_the_door(&m, "ann"), [OwnSignalState::Sent]);
    assert_eq!(m.heard[&seat].deltas.len(), told);
    let knock = m.knock_of("ann");
    assert!(signals(&m, "fay").iter().all(|one| (one.participant, one.knock) == (None, Some(knock))));
    let signal = signals(&m, "fay")[0].id;
    m.refused("fay", answer(signal, Some("I am with you.")), RefusalCode::NotPossible);
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert_eq!((state(&m, "ann"), signals(&m, "fay").len()), (Some(OwnSignalState::Sent), 2));
    assert_eq!(signals(&m, "fay")[0].participant, Some(m.id("ann")));
}

#[test]
fn a_call_of_a_new_device_outlives_the_seat_that_it_was_for() {
    let mut m = Meeting::seated(&["ann"]);
    let seat = m.at["ann"];
    m.ok("ann", Request::Distress);
    let first = signals(&m, "fay")[0].id;
    m.ok("fay", answer(first, None));
    m.waits("ann", Role::Member);
    m.ok("ann", Request::Distress);
    assert_eq!(signals(&m, "fay").len(), 2);
    m.asks_over(seat, Request::Leave).unwrap();
    let [signal] = &signals(&m, "fay")[..] else { panic!("one signal") };
    assert!(signal.answered_by.is_none() && signal.knock.is_some());
    m.ok("ann", Request::Leave);
    m.waits("eve", Role::Member);
    m.ok("eve", Request::Distress);
    m.ok("eve", Request::Leave);
    assert_eq!(signals(&m, "fay").len(), 1, "of whoever was seated once");
}

type Step = fn(&mut Meeting);

/// A whole meeting, with everything in it that others could notice something by.
const STEPS: [Step; 35] = [
    |m| _ = m.waits("eve", Role::Member),
    |m| _ = m.joins("gus", Role::Cofacilitator),
    |m| m.says("ben", Audience::Room, "Good evening."),
    |m| _ = m.ok("ben", Request::RaiseHand { kind: HandKind::Speak }),
    |m| _ = m.ok("fay", Request::SetFloor { mode: FloorMode::Hands }),
    |m| _ = m.ok("fay", Request::Grant { participant: m.id("ben") }),
    |m| _ = m.ok("ben", open(Source::Microphone)),
    |m| m.drops("ben"),
    |m| _ = m.returns("ben", None),
    |m| _ = m.ok("fay", Request::Lock { locked: true }),
    |m| _ = m.ok("fay", Request::Freeze),
    |m| m.says("ben", Audience::Facilitators, "Thank you."),
    |m| _ = m.ok("fay", Request::Thaw { step: ThawStep::Microphones }),
    |m| _ = m.ok("fay", Request::Thaw { step: ThawStep::Cameras }),
    |m| _ = m.ok("fay", Request::Thaw { step: ThawStep::Chat }),
    |m| _ = m.ok("fay", Request::OpenAsides { groups: vec![vec![m.id("ann"), m.id("ben")]], seconds: None }),
    |m| m.says("ben", Audience::Room, "Here we are."),
    |m| _ = m.ok("fay", Request::Recall { aside: None, seconds: 2 }),
    |m| m.drops("ann"),
    |m| _ = m.returns("ann", None),
    |m| m.drops("fay"),
    |m| m.drops("gus"),
    |m| m.wait(40_000),
    |m| _ = m.returns("gus", None),
    |m| _ = m.ok("gus", Request::ResumeRoom),
    |m| {
        m.apply(Command::Define(Box::new(hearth_room::Definition {
            ground_rules: rules(2, "two"),
            ..definition()
        })))
    },
    |m| m.wait(180_000),
    |m| _ = m.ok("ben", Request::AcceptGroundRules { version: 2, hash: "two".to_owned() }),
    |m| _ = m.ok("gus", Request::AcceptGroundRules { version: 2, hash: "two".to_owned() }),
    |m| _ = m.ok("ann", Request::AcceptGroundRules { version: 2, hash: "two".to_owned() }),
    |m| _ = m.ok("gus", Request::SendToWaiting { participant: m.id("ann") }),
    |m| m.says("ben", Audience::Room, "Good night."),
    |m| _ = m.ok("gus", Request::Remove { participant: m.id("cai") }),
    |m| _ = m.ok("gus", Request::End { seconds: 30 }),
    |m| m.wait(30_000),
];

/// The meeting with or without the signals before this step.
fn run(sender: &str, at: usize, kind: Option<SignalKind>, answered: bool) -> Meeting {
    let mut m = Meeting { compares: false, ..Meeting::new() }.and_seated(&["ann", "ben", "cai"]);
    for (number, step) in STEPS.iter().enumerate() {
        if number == at {
            signal(&mut m, sender, kind, answered);
        }
        step(&mut m);
        m.wait(3_000);
    }
    m
}

/// What is drawn by chance is the same with it and without.
fn signal(m: &mut Meeting, sender: &str, kind: Option<SignalKind>, answered: bool) {
    let drawn = m.drawn;
    let there =
        m.at.get(sender).is_some_and(|at| m.room.media_peer(*at).is_some() || !m.hears(sender).is_gone());
    if let Some(kind) = kind.filter(|_| there) {
        let connection = m.at[sender];
        let request = match kind {
            SignalKind::Distress => Request::Distress,
            SignalKind::NotAlone => Request::NotAlone { on: true },
        };
        for _ in 0..3 {
            let (request_id, fresh) = (RequestId(format!("signal-{}", m.drawn)), m.fresh());
            m.apply(Command::Request { connection, request_id, request: request.clone(), fresh });
        }
        let read = m.view("fay").desk.as_ref().and_then(|desk| desk.signals.first().map(|signal| signal.id));
        if let Some(signal) = read.filter(|_| answered && !m.hears("fay").is_gone()) {
            _ = m.asks("fay", answer(signal, (kind == SignalKind::Distress).then_some("I am with you.")));
        }
    }
    m.drawn = drawn + 100;
}

#[test]
fn nobody_else_can_tell_whether_there_was_a_signal() {
    let others = |m: &Meeting, sender: &str| {
        let other = |at| m.whose[&at] != sender && !["fay", "gus"].contains(&m.whose[&at].as_str());
        let told: Vec<_> = m.told.iter().filter(|(_, at, _)| other(*at)).cloned().collect();
        assert!(told.len() > 50, "others are told something");
        (told, m.done.clone())
    };
    for sender in ["ann", "eve"] {
        for at in 0..STEPS.len() {
            let quiet = others(&run(sender, at, None, false), sender);
            for kind in [SignalKind::Distress, SignalKind::NotAlone] {
                for answered in [false, true] {
                    let signalled = others(&run(sender, at, Some(kind), answered), sender);
                    let first = quiet.0.iter().zip(&signalled.0).find(|(one, other)| one != other);
                    assert!(quiet == signalled, "{kind:?} of {sender} before step {at} shows: {first:?}");
                }
            }
        }
    }
}
