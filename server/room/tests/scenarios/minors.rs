//! Groups of minors: no adult is alone with one of them in an aside unless somebody may come in.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{Notice, RefusalCode, Request, Role};

use crate::aside::{apart, check_in, groups, to};
use crate::meeting::*;

fn with_minors() -> Meeting {
    let mut m = Meeting::with_rules(|rules| rules.minors = true).and_seated(&["ann", "ben"]);
    m.joins("gus", Role::Cofacilitator);
    m
}

#[test]
fn an_adult_is_alone_with_a_minor_only_while_a_second_facilitator_may_come() {
    let mut m = with_minors();
    m.ok("fay", groups(&m, &[&["gus", "ann"]], None));
    m.ok("fay", to(&m, "fay", Some(1)));
    m.ok("fay", to(&m, "fay", None));
    m.ok("gus", open(Source::Microphone));
    m.drops("fay");
    check_in(&m, "ann", None);
    check_in(&m, "gus", None);
    assert_eq!(m.closed("gus", Source::Microphone), [Reason::Self_]);
    assert_eq!(m.notices("ann", Notice::Recalled), 1);
    m.refused("gus", groups(&m, &[&["gus", "ann"]], None), RefusalCode::NotPossible);
    m.refused("gus", Request::OpenCrisisAside { participant: m.id("ann") }, RefusalCode::NotPossible);
    m.ok("gus", groups(&m, &[&["ann", "ben"]], None));
    m.refused("gus", groups(&m, &[&["ben", "gus"]], None), RefusalCode::NotPossible);
    m.ok("gus", to(&m, "gus", Some(2)));
}

#[test]
fn a_third_who_goes_leaves_no_adult_alone_with_a_minor() {
    for goes in [
        (|m| m.drops("ben")) as fn(&mut Meeting),
        |m| {
            m.ok("ben", Request::Leave);
        },
        |m| {
            m.ok("gus", to(m, "ben", None));
        },
    ] {
        let mut m = with_minors();
        m.ok("fay", Request::Leave);
        m.ok("gus", groups(&m, &[&["gus", "ann", "ben"]], None));
        goes(&mut m);
        check_in(&m, "ann", None);
        check_in(&m, "gus", None);
    }
}

#[test]
fn whoever_is_kept_apart_from_them_is_no_second_facilitator() {
    let mut m = with_minors();
    m.ok("fay", apart(&m, "fay", "ann"));
    m.refused("fay", groups(&m, &[&["gus", "ann"]], None), RefusalCode::NotPossible);
}

#[test]
fn an_interpreter_makes_no_pair_with_a_minor_unseen() {
    let mut m = with_minors();
    let mut ticket = claims("ivy", Role::Interpreter);
    ticket.interprets = Some("ann".to_owned());
    m.joins_with(ticket);
    m.ok("fay", groups(&m, &[&["ann"]], None));
    check_in(&m, "ivy", Some(1));
    m.drops("gus");
    check_in(&m, "ivy", Some(1));
    m.drops("fay");
    check_in(&m, "ivy", None);
    check_in(&m, "ann", None);
}
