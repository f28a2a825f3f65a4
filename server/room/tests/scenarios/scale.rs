//! A question from 0 to 10, answered without names.

use hearth_protocol::{Change, NamedAnswer, RefusalCode, Request, Role, ScaleResult};

use crate::meeting::*;

const FIVE: [&str; 5] = ["ann", "ben", "cai", "dee", "eli"];

fn open_scale() -> Request {
    Request::OpenScale { question: "How strong is the urge?".to_owned() }
}

fn answer(value: u32, named: bool) -> Request {
    Request::AnswerScale { value, named }
}

fn result(m: &Meeting, name: &str) -> Option<Vec<u32>> {
    let mut results = m.hears(name).deltas.iter().flatten().filter_map(|change| {
        let Change::ScaleResult(ScaleResult { values, .. }) = change else { return None };
        Some(values.clone())
    });
    let first = results.next();
    assert_eq!(results.next(), None, "told all at once");
    first
}

#[test]
fn while_it_is_open_facilitators_see_the_count_and_who_wants_to_be_known() {
    let mut m = Meeting::seated(&FIVE);
    m.ok("fay", open_scale());
    assert_eq!(m.view("ann").room.scale.as_ref().unwrap().question, "How strong is the urge?");
    m.ok("ann", answer(9, false));
    m.ok("ben", answer(3, true));
    let scale = m.view("fay").desk.as_ref().unwrap().scale.clone().unwrap();
    assert_eq!(scale.answered, 2);
    assert_eq!(scale.named, [NamedAnswer { participant: m.id("ben"), value: 3 }]);
    assert_eq!((m.view("ann").you.scale_answer, m.view("ben").you.scale_answer), (Some(9), Some(3)));
    m.ok("ben", answer(4, false));
    let scale = m.view("fay").desk.as_ref().unwrap().scale.clone().unwrap();
    assert!(scale.answered == 2 && scale.named.is_empty());
}

#[test]
fn an_answer_shows_the_others_nothing() {
    let mut m = Meeting::seated(&FIVE);
    m.ok("fay", open_scale());
    m.ok("ann", answer(9, true));
    let told: Vec<_> = m.last.tell.iter().map(|tell| m.whose[&tell.to].as_str()).collect();
    assert_eq!(told, ["ann", "fay", "ann"]);
}

#[test]
fn with_five_answers_everyone_sees_them_sorted_and_at_once() {
    let mut m = Meeting::seated(&FIVE);
    m.joins("oda", Role::Observer);
    m.ok("fay", open_scale());
    for (name, value) in FIVE.iter().zip([7, 0, 10, 7, 2]) {
        m.ok(name, answer(value, false));
    }
    assert_eq!(result(&m, "fay"), None);
    m.ok("fay", Request::CloseScale);
    for name in ["ann", "fay", "oda"] {
        assert_eq!(result(&m, name), Some(vec![0, 2, 7, 7, 10]));
    }
    assert!(m.view("ann").room.scale.is_none() && m.view("ann").you.scale_answer.is_none());
}

#[test]
fn with_four_answers_facilitators_alone_see_them() {
    let mut m = Meeting::seated(&FIVE);
    m.ok("fay", open_scale());
    for name in &FIVE[..4] {
        m.ok(name, answer(5, false));
        m.ok(name, answer(6, false));
    }
    m.ok("fay", Request::CloseScale);
    assert_eq!(result(&m, "fay"), Some(vec![6, 6, 6, 6]));
    assert_eq!((result(&m, "ann"), result(&m, "eli")), (None, None));
}

#[test]
fn one_scale_at_a_time_and_for_those_whom_the_group_is_for() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("oda", Role::Observer);
    m.refused("ann", open_scale(), RefusalCode::NotAllowed);
    m.refused("ann", answer(1, false), RefusalCode::NotPossible);
    m.refused("fay", Request::CloseScale, RefusalCode::NotPossible);
    m.ok("fay", open_scale());
    m.refused("fay", open_scale(), RefusalCode::NotPossible);
    m.refused("ann", answer(11, false), RefusalCode::BadMessage);
    m.refused("fay", answer(1, false), RefusalCode::NotAllowed);
    m.refused("oda", answer(1, false), RefusalCode::NotAllowed);
    m.ok("fay", Request::Freeze);
    m.refused("ann", answer(1, false), RefusalCode::Frozen);
}
