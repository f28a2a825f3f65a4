//! A call for help while the record cannot be kept: it reaches who can help, and nobody else learns of it.

use std::time::Duration;

use hearth::rooms::Arrival;
use hearth_protocol::*;

use crate::meeting::*;

#[tokio::test(start_paused = true)]
async fn a_call_for_help_is_not_refused_for_want_of_a_record() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    meeting.ledger.fail();
    facilitator.ask(mute(member.id())).await;
    let id = member.ask(Request::Distress).await;
    assert!(is_told_ok(&member.read(), &id), "answered at once");
    meeting.ledger.recover();
    pass(Duration::from_secs(6)).await;
    facilitator.read();
    assert_eq!(signals(&facilitator).len(), 1);
    assert!(!is_told_ok(&member.read(), &id), "and once");
}

fn signals(facilitator: &Guest) -> &[Signal] {
    &facilitator.view().desk.as_ref().expect("a facilitator's desk").signals
}

#[tokio::test(start_paused = true)]
async fn while_the_record_fails_a_call_for_help_is_seen_and_answered_and_nothing_else_is_told() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    member.read();
    let before = facilitator.view().clone();
    meeting.ledger.fail();
    let muted = facilitator.ask(mute(member.id())).await;
    assert_eq!(refusal(&facilitator.read(), &muted), Some(RefusalCode::RecordUnavailable));

    member.ask(Request::Distress).await;
    member.ask(Request::NotAlone { on: true }).await;
    facilitator.read();
    let kinds: Vec<_> = signals(&facilitator).iter().map(|signal| signal.kind).collect();
    assert_eq!(kinds, [SignalKind::Distress, SignalKind::NotAlone]);
    let mut without = facilitator.view().clone();
    without.desk.as_mut().expect("a desk").signals.clear();
    assert_eq!(without, before, "nothing that is not recorded");
    member.read();
    assert_eq!(member.view().you.signal.map(|signal| signal.state), Some(OwnSignalState::Sent));
    assert!(member.view().you.not_alone);

    // Unanswered it is repeated, and its sender is told so honestly.
    pass(Duration::from_secs(61)).await;
    facilitator.read();
    member.read();
    assert!(signals(&facilitator)[0].repeated > 0);
    assert_eq!(member.view().you.signal.map(|signal| signal.state), Some(OwnSignalState::Unanswered));

    let text = Some("I am with you.".to_owned());
    facilitator.ask(Request::AnswerSignal { signal: signals(&facilitator)[0].id, text }).await;
    assert_eq!((answers(&member.read()), answers(&facilitator.read())), (1, 1));
    assert_eq!(member.view().you.signal.map(|signal| signal.state), Some(OwnSignalState::Answered));
    assert!(
        member
            .view()
            .you
            .gates
            .microphone
            .iter()
            .all(|reason| *reason != hearth_protocol::Reason::Facilitator)
    );

    meeting.ledger.recover();
    pass(Duration::from_secs(6)).await;
    assert_eq!((answers(&member.read()), answers(&facilitator.read())), (0, 0), "said once");
    assert!(member.view().you.gates.microphone.contains(&hearth_protocol::Reason::Facilitator));
    assert_eq!(member.view().you.signal.map(|signal| signal.state), Some(OwnSignalState::Answered));
    assert!(signals(&facilitator)[0].answered_by.is_some());
    assert_eq!(signals(&facilitator).len(), 2);
}

fn answers(frames: &[ServerFrame]) -> usize {
    let changes = frames.iter().filter_map(|frame| match frame {
        ServerFrame::Delta { changes, .. } => Some(changes),
        _ => None,
    });
    let answers = changes.flatten().filter(|change| matches!(change, Change::Message(_)));
    answers.count()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_waiting_when_the_record_failed_goes_ahead_too() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let mut door = meeting.at_the_door("one", "cleo", Role::Member).await;
    facilitator.read();
    door.read();
    meeting.ledger.fail();
    media_of(&meeting).hold();
    facilitator.ask(mute(member.id())).await;
    member.ask(Request::Distress).await;
    door.ask(Request::Distress).await;
    assert!(signals(&facilitator).is_empty());
    media_of(&meeting).release();
    settle().await;
    facilitator.read();
    assert_eq!(signals(&facilitator).len(), 2);
    let told = door.read();
    assert!(told.iter().any(|frame| matches!(frame, ServerFrame::Signal(_))), "{told:?}");
    meeting.ledger.recover();
    pass(Duration::from_secs(4)).await;
    assert!(!door.read().iter().any(|frame| matches!(frame, ServerFrame::Signal(_))), "said once");
}

/// What somebody was told who stands by: nothing but calls for help, and what became of what they asked.
fn calls(frames: &[ServerFrame]) -> Vec<Vec<Signal>> {
    let calls = frames.iter().filter_map(|frame| match frame {
        ServerFrame::StandBy { signals, .. } => Some(signals.clone()),
        ServerFrame::Ok { .. } | ServerFrame::Refusal { .. } => None,
        other => panic!("{other:?}"),
    });
    calls.collect()
}

#[tokio::test(start_paused = true)]
async fn a_facilitator_who_comes_back_while_the_record_fails_sees_calls_for_help_and_nothing_else() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let secret = facilitator.secret.clone().expect("a seat's secret");
    facilitator.drop_out().await;
    member.read();
    meeting.ledger.fail();
    let mut back = meeting.resume("one", &secret, None).await;
    assert_eq!(calls(&back.read()), [[]], "nobody calls yet");
    assert!(back.secret.is_none(), "no secret that is not kept");

    member.ask(Request::Distress).await;
    let told = calls(&back.read());
    assert_eq!((told.len(), told[0].len()), (1, 1));
    assert_eq!(told[0][0].alias, "ann");
    pass(Duration::from_secs(61)).await;
    assert!(calls(&back.read()).last().expect("it is repeated")[0].repeated > 0);

    let text = Some("I am with you.".to_owned());
    let answer = back.ask(Request::AnswerSignal { signal: told[0][0].id, text }).await;
    let frames = back.read();
    assert!(is_told_ok(&frames, &answer));
    assert!(calls(&frames).last().expect("it is answered")[0].answered_by.is_some());
    assert_eq!(answers(&member.read()), 1);
    assert_eq!(member.view().you.signal.map(|signal| signal.state), Some(OwnSignalState::Answered));

    meeting.ledger.recover();
    pass(Duration::from_secs(6)).await;
    let frames = back.read();
    assert!(back.secret.is_some() && answers(&frames) == 1);
    assert_eq!(signals(&back).len(), 1);
    assert_eq!(back.view().participants.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_facilitator_who_comes_by_a_ticket_while_the_record_fails_reads_the_rules_and_then_sees_calls() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    facilitator.drop_out().await;
    let subjects = || media_of(&meeting).table().rows.iter().map(|row| row.subject).collect::<Vec<_>>();
    let before = subjects();
    meeting.ledger.fail();
    member.ask(Request::Distress).await;
    let mut second = meeting.at_the_door("one", "second", Role::Cofacilitator).await;
    let told = calls(&second.read());
    assert_eq!((told.len(), told[0].len()), (1, 1));
    assert!(second.secret.is_none() && second.view.is_none());
    assert_eq!(subjects(), before, "no media before the record");
    meeting.ledger.recover();
    pass(Duration::from_secs(6)).await;
    second.read();
    assert!(second.secret.is_some());
    assert_eq!(signals(&second).len(), 1);
}

/// Everyone else who comes while the record fails, also who is on the best of ways to be let in.
#[tokio::test(start_paused = true)]
async fn nobody_but_a_facilitator_whom_the_room_let_in_stands_by() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut ann = meeting.member("one", "ann", &mut facilitator).await;
    let mut ben = meeting.member("one", "ben", &mut facilitator).await;
    let mut early = meeting.at_the_door("one", "early", Role::Member).await;
    early.read();
    facilitator.read();
    let knock = facilitator.first_knock();
    let secret = ben.secret.clone().expect("a seat's secret");
    ben.read();
    ben.drop_out().await;
    meeting.ledger.fail();
    facilitator.ask(Request::Admit { knock, through_lock: false }).await;
    let mut back = meeting.resume("one", &secret, None).await;
    let mut late = meeting.arrive("one", Arrival::Ticket(meeting.ticket("one", "late", Role::Member))).await;
    let mut observer =
        meeting.arrive("one", Arrival::Ticket(meeting.ticket("one", "eve", Role::Observer))).await;
    let mut second = meeting.at_the_door("one", "second", Role::Cofacilitator).await;
    second.ask(Request::AnswerSignal { signal: SignalId(1), text: None }).await;
    ann.ask(Request::Distress).await;
    pass(Duration::from_secs(61)).await;
    for guest in [&mut early, &mut back, &mut late, &mut observer] {
        let frames = guest.read();
        assert!(frames.is_empty(), "{frames:?}");
    }
    let of_the_door =
        |frame: &ServerFrame| matches!(frame, ServerFrame::Waiting | ServerFrame::Refusal { .. });
    let frames = second.read();
    assert!(frames.iter().all(of_the_door), "{frames:?}");
    facilitator.read();
    assert!(signals(&facilitator)[0].answered_by.is_none());
}

#[tokio::test(start_paused = true)]
async fn who_called_and_comes_back_while_the_record_fails_is_told_where_it_stands_and_reads_the_answer_once()
{
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    member.ask(Request::Distress).await;
    member.read();
    facilitator.read();
    let secret = member.secret.clone().expect("a seat's secret");
    member.drop_out().await;
    meeting.ledger.fail();
    let mut back = meeting.resume("one", &secret, None).await;
    let states = |frames: &[ServerFrame]| -> Vec<OwnSignalState> {
        let state = |frame: &ServerFrame| match frame {
            ServerFrame::Signal(signal) => signal.state,
            other => panic!("{other:?}"),
        };
        frames.iter().map(state).collect()
    };
    assert_eq!(states(&back.read()), [OwnSignalState::Sent]);
    let text = Some("I am with you.".to_owned());
    facilitator.ask(Request::AnswerSignal { signal: signals(&facilitator)[0].id, text }).await;
    assert_eq!(states(&back.read()), [OwnSignalState::Answered]);
    meeting.ledger.recover();
    pass(Duration::from_secs(6)).await;
    assert_eq!(answers(&back.read()), 1);
    assert_eq!(back.view().you.signal.map(|signal| signal.state), Some(OwnSignalState::Answered));
}

/// Two meetings whose record fails, one of them with a call for help: what everyone else is told is the same, step by step.
#[tokio::test(start_paused = true)]
async fn while_the_record_fails_nobody_else_can_tell_that_somebody_called() {
    let mut told = Vec::new();
    for call in [false, true] {
        let meeting = Meeting::new();
        let mut facilitator = meeting.facilitator("one").await;
        let mut member = meeting.member("one", "ann", &mut facilitator).await;
        let mut other = meeting.member("one", "ben", &mut facilitator).await;
        other.read();
        let mut steps = Vec::new();
        meeting.ledger.fail();
        facilitator.ask(Request::Lock { locked: true }).await;
        steps.push(other.read());
        if call {
            member.ask(Request::Distress).await;
        }
        steps.push(other.read());
        pass(Duration::from_secs(61)).await;
        steps.push(other.read());
        if call {
            facilitator.read();
            let text = Some("I am with you.".to_owned());
            facilitator.ask(Request::AnswerSignal { signal: signals(&facilitator)[0].id, text }).await;
        }
        steps.push(other.read());
        meeting.ledger.recover();
        pass(Duration::from_secs(6)).await;
        steps.push(other.read());
        assert!(!steps[4].is_empty(), "the lock is told in the end");
        told.push(steps);
    }
    assert_eq!(told[0], told[1]);
}
