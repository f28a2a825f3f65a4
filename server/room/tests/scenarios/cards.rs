//! What is shown to everyone, reactions, and the reminder of confidentiality.

use hearth_protocol::{
    Change, Millis, Notice, Prompt, Reaction, ReactionPolicy, RefusalCode, Request, Role, RoundOrder,
};

use crate::meeting::*;

fn card(title: &str, text: &str) -> Request {
    Request::ShowPrompt { prompt: Some(Prompt { title: title.to_owned(), text: text.to_owned() }) }
}

fn timer(seconds: u32, label: &str) -> Request {
    Request::StartTimer { seconds, label: label.to_owned() }
}

fn reminders(m: &Meeting, name: &str) -> usize {
    m.changes(name, |change| *change == Change::Notice { notice: Notice::Confidentiality })
}

#[test]
fn a_card_is_shown_to_everyone_until_it_is_taken_away() {
    let mut m = Meeting::seated(&["ann"]);
    m.refused("ann", card("Mine", ""), RefusalCode::NotAllowed);
    m.refused("fay", card(" ", "text"), RefusalCode::BadMessage);
    m.refused("fay", card("a\u{7}", "text"), RefusalCode::BadMessage);
    m.ok("fay", card("A moment", ""));
    m.joins("ben", Role::Member);
    for name in ["ann", "ben", "fay"] {
        assert_eq!(m.view(name).room.prompt.as_ref().unwrap().title, "A moment");
    }
    m.ok("fay", Request::ShowPrompt { prompt: None });
    assert!(m.view("ann").room.prompt.is_none());
}

#[test]
fn a_timer_is_gentle_and_stands_until_it_is_stopped() {
    let mut m = Meeting::seated(&["ann"]);
    m.refused("fay", Request::StopTimer, RefusalCode::NotPossible);
    m.ok("fay", timer(60, "Writing"));
    let told = m.told.len();
    m.wait(120_000);
    assert_eq!(m.told.len(), told, "nothing happens when it is over");
    assert_eq!(m.view("ann").room.timer.as_ref().unwrap().ends_at, Millis(60_000));
    m.ok("fay", timer(u32::MAX, ""));
    assert_eq!(m.view("ann").room.timer.as_ref().unwrap().ends_at, Millis(120_000 + 3_600_000));
    m.ok("fay", Request::StopTimer);
    assert!(m.view("ann").room.timer.is_none());
    m.refused("ann", timer(5, ""), RefusalCode::NotAllowed);
}

#[test]
fn in_a_care_moment_timers_disappear_and_only_one_reaction_remains() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", timer(600, "Writing"));
    let order = RoundOrder::Seated;
    m.ok("fay", Request::RoundStart { order, turn_seconds: Some(60), include_facilitators: false });
    m.refused("ann", Request::CareMoment { on: true }, RefusalCode::NotAllowed);
    m.ok("fay", Request::CareMoment { on: true });
    let view = m.view("ann");
    assert!(view.room.care_moment && view.room.timer.is_none() && view.floor.speakers[0].until.is_none());
    assert_eq!(view.room.reactions, ReactionPolicy::WithYou);
    m.refused("ann", Request::React { reaction: Reaction::WellDone }, RefusalCode::NotPossible);
    m.ok("ann", Request::React { reaction: Reaction::WithYou });
    m.ok("fay", Request::CareMoment { on: false });
    let view = m.view("ann");
    assert!(view.room.timer.is_some() && view.floor.speakers[0].until.is_some());
}

#[test]
fn a_reaction_reaches_everyone_once_and_not_too_often() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("oda", Role::Observer);
    let reaction = Reaction::ThankYou;
    m.ok("ann", Request::React { reaction });
    m.refused("ann", Request::React { reaction }, RefusalCode::TooFast);
    m.refused("oda", Request::React { reaction }, RefusalCode::NotAllowed);
    let told = Change::Reaction { participant: m.id("ann"), reaction };
    for name in ["ann", "ben", "fay", "oda"] {
        assert_eq!(m.changes(name, |change| *change == told), 1);
    }
    m.wait(1_000);
    m.ok("ann", Request::React { reaction });
}

#[test]
fn everyone_is_reminded_at_each_admission_and_then_from_time_to_time() {
    let mut m = Meeting::seated(&["ann"]);
    m.wait(600_000);
    m.waits("eve", Role::Member);
    m.knocks("mia", Role::Member);
    let before = reminders(&m, "ann");
    let knock = m.knock_of("eve");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    assert_eq!(
        (reminders(&m, "ann"), reminders(&m, "eve"), reminders(&m, "fay")),
        (before + 1, 1, before + 2)
    );
    m.drops("eve");
    m.returns("eve", None);
    assert_eq!(reminders(&m, "ann"), before + 1, "coming back is no admission");
    m.wait(1_199_999);
    assert_eq!(reminders(&m, "ann"), before + 1);
    m.wait(1);
    assert_eq!(reminders(&m, "ann"), before + 2);
    m.wait(1_200_000);
    assert_eq!(reminders(&m, "ann"), before + 3);
}
