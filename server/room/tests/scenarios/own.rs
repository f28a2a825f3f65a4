//! What belongs to each member alone.

use hearth_protocol::{Change, Level, MessageKind, Outcome, RefusalCode, Request, Role};

use crate::meeting::*;

fn milestone(text: &str) -> Request {
    Request::Milestone { text: text.to_owned() }
}

fn goal(text: &str, shared: bool) -> Request {
    Request::SetGoal { text: Some(text.to_owned()), shared }
}

#[test]
fn a_milestone_is_told_to_everyone_once() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("oda", Role::Observer);
    m.ok("ann", milestone("Thirty days."));
    let told = Change::Milestone { participant: m.id("ann"), text: "Thirty days.".to_owned() };
    for name in ["ann", "ben", "fay", "oda"] {
        assert_eq!(m.changes(name, |change| *change == told), 1);
    }
    m.refused("oda", milestone("x"), RefusalCode::NotAllowed);
    m.ok("ann", Request::SetLevel { level: Level::Listen });
    m.refused("ann", milestone("x"), RefusalCode::NotPossible);
    for _ in 0..7 {
        m.ok("ben", milestone("One day."));
    }
}

#[test]
fn a_goal_is_read_by_the_others_only_where_it_is_shared() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", goal("Call my sister.", false));
    assert_eq!(m.last.tell.len(), 2, "the answer, and one's own view: {:?}", m.last.tell);
    assert!(m.sees("ben", "ann").unwrap().goal.is_none());
    m.ok("ann", goal("Call my sister.", true));
    assert_eq!(m.sees("ben", "ann").unwrap().goal.as_deref(), Some("Call my sister."));
    m.ok("fay", Request::SetCeiling { participant: Some(m.id("ann")), level: Level::Listen });
    assert!(m.sees("ben", "ann").unwrap().goal.is_none());
    m.refused("ann", goal("Shout.", true), RefusalCode::NotPossible);
    assert_eq!(m.view("ann").you.goal.as_ref().unwrap().text, "Call my sister.");
    m.ok("ann", Request::SetGoal { text: None, shared: true });
    assert!(m.view("ann").you.goal.is_none());
}

#[test]
fn ratings_are_shown_from_five_on_and_without_names() {
    let names = ["ann", "ben", "cai", "dee", "eli"];
    let mut m = Meeting::seated(&names);
    m.refused("fay", Request::Rate { value: 1 }, RefusalCode::NotAllowed);
    m.refused("ann", Request::Rate { value: 11 }, RefusalCode::BadMessage);
    m.ok("ann", Request::Rate { value: 9 });
    for (name, value) in names.iter().zip([4, 10, 8, 7]) {
        m.ok(name, Request::Rate { value });
        assert!(m.view("fay").desk.as_ref().unwrap().ratings.is_empty());
    }
    m.ok("eli", Request::Rate { value: 0 });
    assert_eq!(m.view("fay").desk.as_ref().unwrap().ratings, [0, 4, 7, 8, 10]);
}

#[test]
fn an_export_brings_what_is_ones_own_and_can_be_had_again() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", milestone("Thirty days."));
    m.ok("ann", goal("Call my sister.", false));
    m.ok("ben", milestone("One day."));
    let connection = m.at["ann"];
    for _ in 0..2 {
        let id = hearth_protocol::RequestId("export".to_owned());
        let Ok(Some(Outcome::Export(export))) = m.asks_again(connection, id, Request::Export) else {
            panic!("an export")
        };
        assert_eq!(export.goal.as_deref(), Some("Call my sister."));
        assert_eq!(export.milestones, ["Thirty days."]);
        assert!(export.feedback.is_empty());
    }
    m.drops("fay");
    m.wait(31_000);
    assert!(matches!(m.asks("ann", Request::Export), Ok(Some(Outcome::Export(_)))), "on hold too");
}

#[test]
fn without_time_for_it_there_is_no_feedback() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ben", Request::TakeFeedback { on: true });
    assert!(m.view("ben").you.takes_feedback && !m.sees("ann", "ben").unwrap().takes_feedback);
    let feedback = Request::GiveFeedback { participant: m.id("ben"), text: "You listened well.".to_owned() };
    m.refused("ann", feedback, RefusalCode::NotPossible);
}

const FEEDBACK: &str = "[[segment]]\nkind = \"feedback\"\ntitle = \"Feedback\"\nfloor = \"open\"\n";

#[test]
fn feedback_reaches_who_wants_it_while_it_is_time_for_it() {
    let mut m = Meeting::in_agenda(FEEDBACK).and_seated(&["ann", "ben", "cai"]);
    m.joins("oda", Role::Observer);
    m.ok("fay", step(1));
    m.ok("ben", Request::TakeFeedback { on: true });
    assert!(m.sees("ann", "ben").unwrap().takes_feedback);
    let to = |m: &Meeting, name: &str, text: &str| Request::GiveFeedback {
        participant: m.id(name),
        text: text.to_owned(),
    };
    m.ok("ann", to(&m, "ben", "You listened well."));
    assert_eq!(m.readers("You listened well."), ["ann", "ben"]);
    assert_eq!(m.message("ben", "You listened well.").kind, MessageKind::Feedback);
    m.refused("ann", to(&m, "cai", "x"), RefusalCode::NotPossible);
    m.refused("oda", to(&m, "ben", "x"), RefusalCode::NotAllowed);
    m.ok("cai", to(&m, "ben", "oh"));
    m.ok("cai", Request::Unsay { message: m.message("ben", "oh").id });
    let Some(Outcome::Export(export)) = m.ok("ben", Request::Export) else { panic!("an export") };
    assert_eq!(export.feedback, ["You listened well."], "without names, and without what was taken away");
    m.ok("ben", Request::TakeFeedback { on: false });
    m.refused("ann", to(&m, "ben", "x"), RefusalCode::NotPossible);
}
