//! The door: ticket, consent, waiting room, seat.

mod meeting;

use hearth_forwarding::Source;
use hearth_protocol::{ByeReason, Role, ServerFrame};
use meeting::*;

#[test]
fn the_way_in_is_ticket_consent_waiting_seat() {
    let mut m = Meeting::new();
    m.joins("fay", Role::Facilitator);
    m.knocks("mia", Role::Member);
    let frames = &m.hears("mia").frames;
    assert!(matches!(frames[..], [ServerFrame::Knocked { .. }, ServerFrame::GroundRules(_)]), "{frames:?}");
    m.ok("mia", accept());
    assert_eq!(m.hears("mia").frames.last(), Some(&ServerFrame::Waiting));
    assert!(m.hears("mia").view.is_none());
    let knock = m.knock_of("mia");
    m.ok("fay", hearth_protocol::Request::Admit { knock, through_lock: false });
    assert!(matches!(m.hears("mia").frames.last(), Some(ServerFrame::Seated { .. })));
    assert_eq!(m.view("mia").participants.len(), 2);
    assert_eq!(m.view("fay").participants.len(), 2);
}

#[test]
fn a_group_speaks_mutes_and_says_goodbye() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    assert!(m.is_heard("ann", Source::Microphone));
    m.ok("ann", close(Source::Microphone));
    assert!(!m.is_heard("ann", Source::Microphone));
    m.ok("ann", hearth_protocol::Request::Leave);
    assert_eq!(m.bye("ann"), Some(ByeReason::Left));
    assert!(m.row("ann").is_none());
    assert!(m.sees("ben", "ann").is_none());
    m.drops("ben");
    m.wait(4_999);
    assert!(m.row("ben").is_some());
    m.wait(1);
    assert!(m.row("ben").is_none());
    m.returns("ben", None);
    assert!(m.row("ben").is_some());
    assert!(!m.is_heard("ben", Source::Camera));
}
