//! Confidentiality was broken.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{BreachCode, ByeReason, Change, Notice, RefusalCode, Request, Role, ThawStep};
use hearth_room::Act;

use crate::meeting::*;

fn breach(m: &Meeting, named: Option<&str>) -> Request {
    Request::Breach { code: BreachCode::Recording, participant: named.map(|name| m.id(name)) }
}

fn notices(m: &Meeting, name: &str) -> usize {
    m.changes(name, |change| *change == Change::Notice { notice: Notice::Breach })
}

fn incident(m: &Meeting) -> Option<u32> {
    m.view("fay").desk.as_ref().and_then(|desk| desk.incident)
}

#[test]
fn a_breach_freezes_removes_and_says_so_without_a_name() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    let epoch = m.table.epoch;
    m.record.clear();
    m.ok("fay", breach(&m, Some("ben")));
    let acts: Vec<_> = m.record.iter().map(|record| record.act.clone()).collect();
    let subject = "ben".to_owned();
    assert_eq!(
        acts,
        [
            Act::Breach { incident: 1, code: BreachCode::Recording, subject: Some(subject.clone()) },
            Act::Frozen,
            Act::Removed { subject },
        ]
    );
    assert!(m.last.durable && m.table.epoch > epoch && m.row("ben").is_none());
    assert_eq!(m.bye("ben"), Some(ByeReason::Removed));
    assert!(m.last.farewell.is_some());
    assert_eq!((notices(&m, "ann"), notices(&m, "fay"), notices(&m, "ben")), (1, 1, 0));
    assert!(m.closed("ann", Source::Microphone).contains(&Reason::Freeze));
}

#[test]
fn without_a_name_everyone_is_frozen_and_the_epoch_rises_all_the_same() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::Freeze);
    let epoch = m.table.epoch;
    m.ok("fay", breach(&m, None));
    assert!(m.table.epoch > epoch);
    assert_eq!(notices(&m, "ann"), 1);
}

#[test]
fn until_the_thaw_it_is_one_incident_and_then_another() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", breach(&m, None));
    assert_eq!(incident(&m), Some(1));
    m.ok("fay", breach(&m, Some("ben")));
    assert_eq!((incident(&m), notices(&m, "ann")), (Some(1), 1));
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        assert_eq!(incident(&m), Some(1));
        m.ok("fay", Request::Thaw { step });
    }
    assert_eq!(incident(&m), None);
    m.ok("fay", breach(&m, None));
    assert_eq!((incident(&m), notices(&m, "ann")), (Some(2), 2));
}

#[test]
fn a_breach_needs_the_right_and_somebody_it_may_be_done_to() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("gus", Role::Cofacilitator);
    m.refused("ann", breach(&m, Some("ben")), RefusalCode::NotAllowed);
    m.refused("gus", breach(&m, Some("fay")), RefusalCode::NotAllowed);
    m.refused("fay", breach(&m, Some("fay")), RefusalCode::NotAllowed);
    m.ok("fay", Request::Remove { participant: m.id("ben") });
    m.refused("fay", breach(&m, Some("ben")), RefusalCode::NotFound);
    assert!(m.view("ann").room.frozen.is_none() && notices(&m, "ann") == 0);
    m.ok("fay", breach(&m, Some("gus")));
    assert_eq!(m.bye("gus"), Some(ByeReason::Removed));
}
