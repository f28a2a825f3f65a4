//! Freeze, nobody in charge, removal, the end.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{
    ByeReason, FloorMode, HandKind, Millis, Outcome, RefusalCode, Request, Role, ThawStep,
};
use hearth_room::{Act, Command, Words};

use crate::meeting::*;

#[test]
fn a_freeze_closes_everything_of_everyone_but_facilitators() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let version = m.table.version.0;
    m.ok("fay", Request::Freeze);
    assert_eq!(m.table.version.0, version + 1);
    for name in ["ann", "ben"] {
        for source in Source::ALL {
            assert!(m.closed(name, source).contains(&Reason::Freeze));
            m.refused(name, open(source), RefusalCode::Frozen);
        }
    }
    assert!(m.is_heard("fay", Source::Microphone) && m.is_heard("fay", Source::Camera));
    m.ok("fay", close(Source::Microphone));
    m.ok("fay", open(Source::Microphone));
}

#[test]
fn frozen_only_leaving_and_closing_is_accepted() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", Request::RaiseHand { kind: HandKind::Speak });
    m.ok("fay", Request::Freeze);
    for request in [
        Request::RaiseHand { kind: HandKind::Speak },
        Request::LowerHand,
        Request::Pass,
        Request::Yield,
        Request::OpenOnTurn { on: true },
        Request::React { reaction: hearth_protocol::Reaction::WithYou },
    ] {
        m.refused("ann", request, RefusalCode::Frozen);
    }
    m.ok("ann", close(Source::Microphone));
    m.ok("ann", close(Source::Camera));
    m.ok("ann", Request::Leave);
}

#[test]
fn a_seat_born_in_a_freeze_is_born_frozen() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::Freeze);
    m.joins("ben", Role::Member);
    m.drops("ann");
    m.returns("ann", None);
    for name in ["ann", "ben"] {
        assert_eq!(m.closed(name, Source::Microphone), [Reason::Self_, Reason::Freeze]);
        m.refused(name, open(Source::Microphone), RefusalCode::Frozen);
    }
}

#[test]
fn a_thaw_goes_step_by_step_into_silence() {
    let mut m = Meeting::seated(&["ann"]);
    m.refused("fay", Request::Thaw { step: ThawStep::Microphones }, RefusalCode::NotPossible);
    m.ok("fay", Request::Freeze);
    m.refused("fay", Request::Thaw { step: ThawStep::Cameras }, RefusalCode::NotPossible);
    m.ok("fay", Request::Thaw { step: ThawStep::Microphones });
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
    m.ok("ann", open(Source::Microphone));
    m.refused("ann", open(Source::Camera), RefusalCode::Frozen);
    m.refused("ann", open(Source::Screen), RefusalCode::Frozen);
    m.ok("fay", Request::Thaw { step: ThawStep::Cameras });
    m.ok("ann", open(Source::Screen));
    m.ok("fay", Request::Thaw { step: ThawStep::Chat });
    assert!(m.view("ann").room.frozen.is_none());
}

#[test]
fn a_freeze_is_thawed_by_the_lead_or_by_who_set_it() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("fay", Request::Freeze);
    m.refused("gus", Request::Thaw { step: ThawStep::Microphones }, RefusalCode::NotAllowed);
    m.refused("ann", Request::Thaw { step: ThawStep::Microphones }, RefusalCode::NotAllowed);
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        m.ok("fay", Request::Thaw { step });
    }
    m.ok("gus", Request::Freeze);
    m.ok("fay", Request::Freeze);
    assert_eq!(m.view("ann").room.frozen.as_ref().unwrap().by, m.id("gus"));
    m.ok("gus", Request::Thaw { step: ThawStep::Microphones });
    m.ok("fay", Request::Thaw { step: ThawStep::Cameras });
}

#[test]
fn with_nobody_in_charge_the_room_goes_on_hold_and_then_ends() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(29_999);
    assert!(m.is_heard("ann", Source::Microphone) || m.table.rows.len() == 1);
    assert!(m.view("ann").room.hold.is_none());
    let since = m.now + 1;
    m.wait(1);
    let hold = m.view("ann").room.hold.clone().unwrap();
    assert_eq!(
        (hold.since, hold.ends_at, hold.may_resume),
        (Millis(since), Millis(since + 30 * 60_000), false)
    );
    assert!(m.closed("ann", Source::Camera).contains(&Reason::Unattended));
    m.refused("ann", open(Source::Microphone), RefusalCode::OnHold);
    m.refused("ann", Request::RaiseHand { kind: HandKind::Speak }, RefusalCode::OnHold);
    m.wait(30 * 60_000);
    assert!(m.ended);
    assert_eq!(m.bye("ann"), Some(ByeReason::Ended));
    assert!(m.table.rows.is_empty());
}

#[test]
fn a_facilitator_back_in_time_prevents_the_hold() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(29_000);
    m.returns("fay", None);
    m.wait(60 * 60_000);
    assert!(m.view("ann").room.hold.is_none() && !m.ended);
}

#[test]
fn resuming_is_explicit_and_into_silence() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(31_000);
    m.returns("fay", None);
    assert!(m.view("ann").room.hold.as_ref().unwrap().may_resume);
    m.wait(31 * 60_000);
    assert!(!m.ended, "somebody came");
    m.refused("ann", open(Source::Microphone), RefusalCode::OnHold);
    m.refused("fay", open(Source::Microphone), RefusalCode::OnHold);
    m.refused("ann", Request::ResumeRoom, RefusalCode::NotAllowed);
    m.ok("fay", Request::ResumeRoom);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_]);
}

#[test]
fn a_removal_says_one_last_thing_and_leaves_nothing() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let epoch = m.table.epoch;
    let connection = m.at["ben"];
    m.ok("fay", Request::Remove { participant: m.id("ben") });
    let farewell = m.last.farewell.clone().unwrap();
    assert_eq!(farewell.to, connection);
    let Words::Bye(bye) = farewell.words else { panic!("a bye") };
    assert_eq!((bye.reason, bye.card), (ByeReason::Removed, Some(definition().removal_card)));
    assert!(m.row("ben").is_none() && m.table.epoch > epoch);
    assert_eq!(m.room.media_peer(connection), None);
    assert!(m.sees("ann", "ben").is_none());
    assert!(m.last.durable);
    assert_eq!(m.acts(|act| matches!(act, Act::Removed { .. })), 1);
    m.says_in_vain(connection, open(Source::Microphone));
    m.returns("ben", None);
    assert_eq!(m.bye("ben"), Some(ByeReason::BadHello));
    m.knocks("ben", Role::Member);
    assert_eq!(m.bye("ben"), Some(ByeReason::NotNow));
}

#[test]
fn an_undo_leads_to_the_waiting_room_and_no_further() {
    let mut m = Meeting::with(|policy| policy.waiting_room = false).and_seated(&["ann"]);
    let mut ticket = claims("ben", Role::Member);
    ticket.open_admission = true;
    m.waits_with(ticket.clone());
    m.ids.insert("ben".to_owned(), m.view("ben").you.participant);
    m.ok("fay", Request::Remove { participant: m.id("ben") });
    m.refused("ann", Request::UndoRemoval { participant: m.id("ben") }, RefusalCode::NotAllowed);
    m.ok("fay", Request::UndoRemoval { participant: m.id("ben") });
    m.refused("fay", Request::UndoRemoval { participant: m.id("ben") }, RefusalCode::NotFound);
    m.waits_with(ticket);
    assert!(m.hears("ben").is_waiting());
}

#[test]
fn a_removed_cofacilitator_waits_too_after_an_undo_even_with_nobody_there() {
    let mut m = Meeting::seated(&[]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("fay", Request::Remove { participant: m.id("gus") });
    m.ok("fay", Request::UndoRemoval { participant: m.id("gus") });
    m.drops("fay");
    m.waits("gus", Role::Cofacilitator);
    m.wait(60_000);
    assert!(m.hears("gus").is_waiting());
}

#[test]
fn a_removed_person_at_the_door_with_a_new_device_is_gone_from_both() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let seated = m.at["ben"];
    let knocking = m.waits("ben", Role::Member);
    m.ok("fay", Request::Remove { participant: m.id("ben") });
    assert_eq!(m.heard[&seated].bye.as_ref().unwrap().reason, ByeReason::Removed);
    assert_eq!(m.heard[&knocking].bye.as_ref().unwrap().reason, ByeReason::NotNow);
    assert!(m.view("fay").desk.as_ref().unwrap().knocks.is_empty());
}

#[test]
fn a_denial_and_a_removal_are_undone_each_by_itself() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("ann", Request::Leave);
    m.waits("ann", Role::Member);
    let (knock, ann) = (m.knock_of("ann"), m.id("ann"));
    m.ok("fay", Request::Deny { knock });
    m.ok("fay", Request::Remove { participant: ann });
    m.ok("fay", Request::UndoDenial { knock });
    m.knocks("ann", Role::Member);
    assert_eq!(m.bye("ann"), Some(ByeReason::NotNow), "she is removed still");
    m.ok("fay", Request::UndoRemoval { participant: ann });
    m.waits("ann", Role::Member);
    assert!(m.hears("ann").is_waiting());
}

#[test]
fn nothing_comes_after_the_card_not_even_the_beat_of_that_very_instant() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("ann");
    m.waits("ann", Role::Member);
    let beat = m.room.poll_timeout().unwrap();
    m.now = beat;
    let ann = m.id("ann");
    m.ok("fay", Request::Remove { participant: ann });
    assert_eq!(m.bye("ann"), Some(ByeReason::Removed));
}

#[test]
fn a_revoked_ticket_is_a_removal() {
    let mut m = Meeting::seated(&["ann"]);
    m.apply(Command::Revoke { subject: "ann".to_owned() });
    assert_eq!(m.bye("ann"), Some(ByeReason::Removed));
    m.waits("eve", Role::Member);
    m.apply(Command::Revoke { subject: "eve".to_owned() });
    assert_eq!(m.bye("eve"), Some(ByeReason::NotNow));
}

#[test]
fn what_its_issuer_took_back_nobody_in_the_room_gives_again() {
    let mut m = Meeting::seated(&["ann", "eve"]);
    let (ann, eve) = (m.id("ann"), m.id("eve"));
    m.apply(Command::Revoke { subject: "ann".to_owned() });
    // Also of whom a facilitator has removed before.
    m.ok("fay", Request::Remove { participant: eve });
    m.apply(Command::Revoke { subject: "eve".to_owned() });
    let mut m = m.restarted(true);
    m.returns("fay", None);
    assert_eq!(m.view("fay").desk.as_ref().expect("a desk").removed, []);
    for (name, participant) in [("ann", ann), ("eve", eve)] {
        m.refused("fay", Request::UndoRemoval { participant }, RefusalCode::NotFound);
        m.knocks(name, Role::Member);
        assert_eq!(m.bye(name), Some(ByeReason::NotNow), "{name}");
    }
}

#[test]
fn the_next_session_inherits_who_was_denied_and_which_tickets_are_spent() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::Remove { participant: m.id("ann") });
    let legacy = m.room.legacy();
    let mut next =
        Meeting { room: hearth_room::Room::after(definition(), legacy), drawn: m.drawn, ..Meeting::new() };
    next.joins("fay", Role::Facilitator);
    next.knocks("ann", Role::Member);
    assert_eq!(next.bye("ann"), Some(ByeReason::NotNow));
    let mut ticket = claims("eve", Role::Member);
    ticket.ticket = format!("ticket-{}", m.at["ann"].0);
    next.knocks_with(ticket);
    assert_eq!(next.bye("eve"), Some(ByeReason::BadHello));
}

#[test]
fn the_end_has_a_countdown_that_everyone_sees_and_the_lead_can_stop() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::End { seconds: 60 });
    assert_eq!(m.view("ann").room.ends_at, Some(Millis(m.now + 60_000)));
    m.ok("fay", Request::CancelEnd);
    m.wait(120_000);
    assert!(!m.ended);
    m.ok("fay", Request::End { seconds: 60 });
    m.waits("eve", Role::Member);
    m.wait(60_000);
    assert!(m.ended);
    for name in ["ann", "fay", "eve"] {
        assert_eq!(m.bye(name), Some(ByeReason::Ended));
    }
    assert_eq!(m.acts(|act| matches!(act, Act::Ended)), 1);
    m.knocks("late", Role::Member);
    assert_eq!(m.bye("late"), Some(ByeReason::Ended));
}

#[test]
fn one_goodbye_is_enough() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::End { seconds: 10 });
    m.now += 10_000;
    let (connection, fresh) = (m.at["ann"], m.fresh());
    let request_id = hearth_protocol::RequestId("late".to_owned());
    m.apply(Command::Request { connection, request_id, request: Request::Leave, fresh });
    assert_eq!(m.bye("ann"), Some(ByeReason::Ended));
}

#[test]
fn ending_at_once_takes_two_steps() {
    let mut m = Meeting::seated(&["ann"]);
    m.refused("fay", Request::EndNow { confirm: Some("guess".to_owned()) }, RefusalCode::ConfirmationNeeded);
    let Some(Outcome::Confirm { word }) = m.ok("fay", Request::EndNow { confirm: None }) else {
        panic!("a word")
    };
    m.wait(30_000);
    m.refused("fay", Request::EndNow { confirm: Some(word) }, RefusalCode::ConfirmationNeeded);
    let Some(Outcome::Confirm { word }) = m.ok("fay", Request::EndNow { confirm: None }) else {
        panic!("a word")
    };
    m.ok("fay", Request::EndNow { confirm: Some(word) });
    assert!(m.ended && m.table.rows.is_empty());
}

#[test]
fn a_shutdown_says_goodbye_and_keeps_the_seats() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits("eve", Role::Member);
    m.apply(Command::Shutdown);
    for name in ["ann", "fay", "eve"] {
        assert_eq!(m.bye(name), Some(ByeReason::Restarting));
    }
    assert!(m.last.durable);
    m.returns("ann", None);
    assert!(m.hears("ann").view.is_some());
}

#[test]
fn want_of_right_is_refused_recorded_and_limited_but_ends_no_connection() {
    let mut m = Meeting::seated(&["ann"]);
    for at in 0..20 {
        let expected = if at < 5 { RefusalCode::NotAllowed } else { RefusalCode::TooFast };
        m.refused("ann", Request::SetFloor { mode: FloorMode::Quiet }, expected);
    }
    let count = |m: &Meeting| {
        let mut counts = Vec::new();
        for record in &m.record {
            if let Act::Refused { request, count } = &record.act {
                assert_eq!(request, "set_floor");
                counts.push(*count);
            }
        }
        counts
    };
    assert_eq!(count(&m), [1, 1, 1, 1, 1]);
    m.wait(60_000);
    assert_eq!(count(&m), [1, 1, 1, 1, 1, 15]);
    assert!(m.hears("ann").bye.is_none());
    m.refused("ann", Request::Freeze, RefusalCode::NotAllowed);
}

#[test]
fn no_countdown_ends_before_anybody_has_seen_it() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::End { seconds: 0 });
    assert!(!m.ended && m.view("ann").room.ends_at == Some(Millis(10_000)));
    m.wait(9_999);
    assert!(!m.ended);
    m.wait(1);
    assert!(m.ended);
}

#[test]
fn refusals_are_counted_before_the_end() {
    let mut m = Meeting::seated(&["ann"]);
    for _ in 0..8 {
        let _ = m.asks("ann", Request::TakeLead);
    }
    m.ok("fay", Request::End { seconds: 10 });
    m.wait(10_000);
    assert!(m.ended);
    let counted = Act::Refused { request: "take_lead".to_owned(), count: 3 };
    assert_eq!(m.acts(|act| *act == counted), 1);
    assert_eq!(m.record.last().map(|record| &record.act), Some(&Act::Ended));
}
