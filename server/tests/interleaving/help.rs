//! A call for help while the record cannot be kept: it reaches who can help, and nobody else learns of it.

use std::time::Duration;

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
