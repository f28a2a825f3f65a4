//! A helper has some of the desk on loan, over members alone, and counts as nothing more than a member.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{AsideId, FloorMode, KnockId, RefusalCode, Request, Role, RoundOrder, ThawStep};
use hearth_room::Act;

use crate::meeting::*;

fn lend(m: &Meeting, name: &str, on: bool) -> Request {
    Request::LendHelper { participant: m.id(name), on }
}

fn gate(m: &Meeting, name: &str, open: bool) -> Request {
    Request::SetGate { participant: m.id(name), source: hearth_protocol::Source::Microphone, open }
}

fn round() -> Request {
    Request::RoundStart { order: RoundOrder::Seated, turn_seconds: None, include_facilitators: false }
}

/// Ann helps; ben is a member; pat, ivy and oda are what they are.
fn with_helper() -> Meeting {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("pat", Role::PeerLead);
    m.joins("ivy", Role::Interpreter);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", lend(&m, "ann", true));
    m
}

fn helps(m: &Meeting) -> bool {
    m.sees("ben", "ann").unwrap().helper
}

#[test]
fn the_lead_alone_lends_and_to_members_alone() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.joins("gus", Role::Cofacilitator);
    m.joins("pat", Role::PeerLead);
    m.refused("gus", lend(&m, "ann", true), RefusalCode::NotAllowed);
    m.refused("ann", lend(&m, "ann", true), RefusalCode::NotAllowed);
    for name in ["gus", "pat", "fay"] {
        m.refused("fay", lend(&m, name, true), RefusalCode::NotPossible);
    }
    m.drops("cai");
    m.refused("fay", lend(&m, "cai", true), RefusalCode::NotPossible);
    m.ok("fay", lend(&m, "ann", true));
    m.ok("fay", lend(&m, "ann", true));
    assert!(helps(&m) && m.sees("ann", "ann").unwrap().helper && !m.sees("ann", "ben").unwrap().helper);
    m.refused("ann", lend(&m, "ben", true), RefusalCode::NotAllowed);
    assert_eq!(m.acts(|act| matches!(act, Act::HelperLent { on: true, .. })), 1);
}

#[test]
fn a_helper_gives_the_floor_runs_rounds_and_closes_members_gates() {
    let mut m = with_helper();
    m.ok("ann", Request::Grant { participant: m.id("ben") });
    m.ok("ann", Request::Revoke { participant: m.id("ben") });
    m.ok("ann", gate(&m, "ben", false));
    assert!(m.closed("ben", Source::Microphone).contains(&Reason::Facilitator));
    m.ok("ann", round());
    m.ok("ann", Request::RoundSkip);
    m.ok("ann", Request::RoundEnd);
}

#[test]
fn a_helper_reaches_members_alone() {
    let mut m = with_helper();
    for name in ["fay", "pat", "ivy"] {
        m.refused("ann", gate(&m, name, false), RefusalCode::NotAllowed);
    }
    m.wait(60_000);
    for name in ["fay", "pat", "ivy"] {
        m.refused("ann", Request::Grant { participant: m.id(name) }, RefusalCode::NotAllowed);
    }
    m.ok("ann", Request::GateAll { source: hearth_protocol::Source::Camera, except: Vec::new() });
    for (name, reached) in [("fay", false), ("pat", false), ("ivy", false), ("ann", true), ("ben", true)] {
        assert_eq!(m.closed(name, Source::Camera).contains(&Reason::Facilitator), reached, "{name}");
    }
}

#[test]
fn a_helper_has_nothing_else_of_the_desk() {
    let mut m = with_helper();
    m.waits("mia", Role::Member);
    assert!(m.view("ann").desk.is_none());
    let ben = m.id("ben");
    for request in [
        Request::Admit { knock: KnockId(9), through_lock: false },
        Request::Deny { knock: m.knock_of("mia") },
        Request::Lock { locked: false },
        Request::Thaw { step: ThawStep::Microphones },
        Request::Freeze,
        Request::Remove { participant: ben },
        Request::SendToWaiting { participant: ben },
        Request::OpenAsides { groups: vec![vec![ben]], seconds: None },
        Request::Move { participant: ben, aside: Some(AsideId(1)) },
        Request::ExportFormat,
        Request::SetFloor { mode: FloorMode::Open },
        gate(&m, "ben", true),
        Request::AskToUnmute { participant: ben },
        Request::ResumeRoom,
        Request::TakeLead,
        Request::End { seconds: 1 },
    ] {
        m.refused("ann", request, RefusalCode::NotAllowed);
        m.wait(60_000);
    }
}

#[test]
fn a_helper_counts_as_a_facilitator_nowhere() {
    let mut m = with_helper();
    assert_eq!(m.view("fay").desk.as_ref().unwrap().seats, 3);
    m.refused("ann", open(Source::Microphone), RefusalCode::NotPossible);
    m.drops("fay");
    m.wait(10_000);
    assert!(!m.sees("ben", "ann").unwrap().lead);
    m.wait(20_000);
    assert!(m.view("ann").room.hold.is_some() && !helps(&m));
    assert!(m.closed("ann", Source::Microphone).contains(&Reason::Unattended));
}

#[test]
fn what_was_lent_ends_with_a_freeze_the_leads_word_and_the_seat() {
    let ends: [fn(&mut Meeting); 4] = [
        |m| {
            m.ok("fay", Request::Freeze);
            assert!(m.closed("ann", Source::Microphone).contains(&Reason::Freeze));
            m.refused("fay", lend(m, "ann", true), RefusalCode::NotPossible);
            for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
                m.ok("fay", Request::Thaw { step });
            }
        },
        |m| {
            m.ok("fay", lend(m, "ann", false));
        },
        |m| {
            m.ok("ann", Request::Leave);
            m.joins("ann", Role::Member);
        },
        |m| {
            m.drops("ann");
            m.wait(120_000);
            m.joins("ann", Role::Member);
        },
    ];
    for end in ends {
        let mut m = with_helper();
        end(&mut m);
        assert!(!helps(&m));
        m.refused("ann", gate(&m, "ben", false), RefusalCode::NotAllowed);
    }
}

#[test]
fn a_restart_keeps_a_helper_only_where_nothing_was_lost() {
    for proven in [true, false] {
        let mut m = with_helper().restarted(proven);
        for name in ["fay", "ann", "ben"] {
            m.returns(name, None);
        }
        assert_eq!(helps(&m), proven);
    }
}
