//! What no other scenario noticed when it was changed: found by mutation testing, see docs/mutants.md.

use hearth_forwarding::{Generation, Reason, Source};
use hearth_protocol::{
    BreachCode, FloorMode, HandKind, Level, Millis, Outcome, ParticipantId, RefusalCode, Request, RequestId,
    Role, RoundOrder, ServerFrame,
};
use hearth_room::{Act, Command, Room};

use crate::meeting::{Meeting, RULES_HASH, accept, claims, definition, open, rules};

fn round() -> Request {
    Request::RoundStart { order: RoundOrder::Seated, turn_seconds: None, include_facilitators: false }
}

fn speakers(m: &Meeting) -> Vec<hearth_protocol::ParticipantId> {
    m.view("fay").floor.speakers.iter().map(|one| one.participant).collect()
}

#[test]
fn a_name_once_given_stays_whatever_a_later_ticket_says() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", Request::Leave);
    let mut other = claims("ann", Role::Member);
    other.alias = "Willow".to_owned();
    m.waits_with(other);
    let knock = m.knock_of("Willow");
    m.ok("fay", Request::Admit { knock, through_lock: false });
    let alias = m.sees("ben", "ann").map(|ann| ann.alias.as_str());
    assert_eq!(alias, Some("ann"));
}

#[test]
fn the_floor_is_granted_in_hands_alone_and_to_those_alone_who_may_speak() {
    let mut m = Meeting::seated(&["ann"]);
    let mut mute = claims("ben", Role::Member);
    mute.publish = vec![hearth_protocol::Source::Camera];
    m.joins_with(mute);
    let grant = |m: &Meeting, name: &str| Request::Grant { participant: m.id(name) };
    for mode in [FloorMode::Open, FloorMode::Facilitator, FloorMode::Quiet] {
        m.ok("fay", Request::SetFloor { mode });
        m.refused("fay", grant(&m, "ann"), RefusalCode::NotPossible);
    }
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.refused("fay", grant(&m, "ben"), RefusalCode::NotPossible);
    assert!(speakers(&m).is_empty());
}

#[test]
fn a_grant_that_is_taken_back_silences_at_once() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.refused("fay", Request::Revoke { participant: m.id("ann") }, RefusalCode::NotPossible);
    m.ok("fay", Request::Grant { participant: m.id("ann") });
    m.ok("ann", open(Source::Microphone));
    assert!(m.is_heard("ann", Source::Microphone));
    m.ok("fay", Request::Revoke { participant: m.id("ann") });
    assert!(!m.is_heard("ann", Source::Microphone));
    assert!(speakers(&m).is_empty());
}

#[test]
fn leaving_gives_back_the_hand_the_floor_and_the_turn() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", Request::Grant { participant: m.id("ann") });
    m.ok("ben", Request::RaiseHand { kind: HandKind::Speak });
    for name in ["ann", "ben"] {
        m.ok(name, Request::Leave);
        m.joins(name, Role::Member);
        assert!(m.view(name).you.hand.is_none(), "{name}");
        m.refused(name, open(Source::Microphone), RefusalCode::NotPossible);
    }
    assert!(speakers(&m).is_empty());

    m.ok("fay", round());
    assert_eq!(speakers(&m), [m.id("ann")]);
    m.ok("ben", Request::Leave);
    m.ok("ann", Request::Leave);
    assert_eq!(speakers(&m), [m.id("cai")], "the next but one, at once");
}

#[test]
fn a_round_goes_back_to_the_mode_before_it_also_when_it_is_begun_anew() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", round());
    m.ok("fay", round());
    m.ok("fay", Request::RoundEnd);
    assert_eq!(m.view("ann").floor.mode, FloorMode::Hands);
}

#[test]
fn what_a_restart_must_know_is_durable_and_ones_own_mute_is_not() {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.ok("ann", Request::SetOwn { source: hearth_protocol::Source::Microphone, open: false });
    assert!(m.last.forward.is_some() && !m.last.durable);
    m.ok("ann", Request::SetLevel { level: Level::Voice });
    assert!(m.last.durable);
    m.ok("ann", Request::SetLevel { level: Level::Voice });
    assert!(!m.last.durable, "nothing is lower than it was");
    let subject = m.subject("ann");
    let generation = m.row("ann").map_or(Generation(0), |row| row.generation);
    m.apply(Command::MediaLost { subject, generation });
    assert!(m.last.forward.is_some() && m.last.durable, "an older connection is dead after a restart too");
    // The last row goes; those before it are as they were.
    m.drops("ben");
    m.wait(6_000);
    assert!(m.row("ben").is_none());
    assert!(m.last.forward.is_some() && m.last.durable);
}

#[test]
fn the_end_of_a_hold_is_not_put_off_by_a_seat_that_is_given_up() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(31_000);
    let ends_at = |m: &Meeting| m.view("ann").room.hold.as_ref().map(|hold| hold.ends_at);
    let before = ends_at(&m);
    assert!(before.is_some());
    // Past the grace of the facilitator's seat.
    m.wait(200_000);
    assert_eq!(ends_at(&m), before);
}

#[test]
fn a_hold_comes_when_it_was_to_come_though_a_facilitator_is_removed_meanwhile() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(20_000);
    m.apply(Command::Revoke { subject: "fay".to_owned() });
    m.wait(11_000);
    assert!(m.view("ann").room.hold.is_some());
}

#[test]
fn an_undone_removal_opens_the_door_whoever_else_was_denied() {
    let mut m = Meeting::seated(&["ann"]);
    m.waits("cai", Role::Member);
    m.ok("fay", Request::Deny { knock: m.knock_of("cai") });
    let ann = m.id("ann");
    m.ok("fay", Request::Remove { participant: ann });
    m.ok("fay", Request::UndoRemoval { participant: ann });
    m.waits("ann", Role::Member);
    assert!(m.hears("ann").is_waiting());
}

#[test]
fn whoever_has_to_ask_anew_at_a_device_takes_up_no_place_at_the_door() {
    let mut m = Meeting::with(|policy| policy.knocks_max = 1).and_seated(&["ann"]);
    m.sits_down("ann", claims("una", Role::Member), RULES_HASH).expect("may wait to sit there");
    m.definition.ground_rules = rules(2, "rules-2");
    m.apply(Command::Define(Box::new(m.definition.clone())));
    m.knocks("ben", Role::Member);
    assert!(!m.hears("ben").is_gone());
}

#[test]
fn whoever_sat_at_a_device_goes_as_it_goes() {
    let left = |goes: fn(&mut Meeting), dropped: bool| {
        let mut m = Meeting::seated(&["ann"]);
        m.sits_down("ann", claims("una", Role::Member), RULES_HASH).expect("may wait to sit there");
        m.ok("fay", Request::Admit { knock: m.knock_of("una"), through_lock: false });
        goes(&mut m);
        assert_eq!(m.acts(|act| *act == Act::Left { subject: "una".to_owned(), dropped }), 1);
    };
    left(|m| drop(m.ok("ann", Request::Leave)), false);
    left(
        |m| {
            m.drops("ann");
            m.wait(200_000);
        },
        true,
    );
}

#[test]
fn two_facilitators_may_go_aside_though_nobody_could_join_them() {
    let mut m = Meeting::with_rules(|rules| rules.minors = true).and_seated(&["ann"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("fay", Request::OpenAsides { groups: vec![vec![m.id("fay"), m.id("gus")]], seconds: None });
}

#[test]
fn another_word_than_the_one_that_was_given_ends_nothing() {
    let mut m = Meeting::seated(&["ann"]);
    let Some(Outcome::Confirm { word }) = m.ok("fay", Request::EndNow { confirm: None }) else {
        panic!("no word to confirm with");
    };
    let wrong = Some(format!("{word}s"));
    m.refused("fay", Request::EndNow { confirm: wrong }, RefusalCode::ConfirmationNeeded);
    // And the right one is spent by the wrong one.
    m.refused("fay", Request::EndNow { confirm: Some(word) }, RefusalCode::ConfirmationNeeded);
    assert!(!m.ended);
}

/// Each of these stands in the woken room as it stood in the one before, and is something.
fn check_wakes(m: &Meeting, fields: &[&str]) {
    let written = |room: &Room| serde_json::to_value(room.snapshot()).expect("a snapshot is JSON");
    let (before, empty) = (written(&m.room), written(&Room::new(m.definition.clone())));
    let woken = written(&Room::restore(m.definition.clone(), m.room.snapshot(), true));
    assert_eq!(m.room.snapshot().at(), m.now);
    assert_eq!(woken["at"], m.now);
    for field in fields {
        assert_ne!(before[field], empty[field], "{field} says nothing");
        assert_eq!(woken[field], before[field], "{field}");
    }
}

#[test]
fn a_room_wakes_with_everything_that_it_knew() {
    let mut m = Meeting::seated(&["ann"]);
    let mut gus = claims("gus", Role::Cofacilitator);
    gus.rank = 1;
    m.waits_with(gus);
    m.ok("fay", Request::Admit { knock: m.knock_of("gus"), through_lock: false });
    m.waits("dee", Role::Member);
    m.ok("fay", Request::Deny { knock: m.knock_of("dee") });
    m.drops("fay");
    m.wait(10_000);
    m.definition.ground_rules = rules(2, "rules-2");
    m.apply(Command::Define(Box::new(m.definition.clone())));
    m.refused("ann", Request::Freeze, RefusalCode::NotAllowed);
    m.ok("gus", Request::Breach { code: BreachCode::Other, participant: None });
    m.ok("gus", Request::End { seconds: 300 });
    m.ok("gus", Request::EndNow { confirm: None });
    check_wakes(&m, &["started", "next_subject", "next_knock", "knocks_version", "denied", "denials"]);
    check_wakes(&m, &["consent_window", "lead", "former_leads", "freeze", "breaches", "refusals"]);
    check_wakes(&m, &["ends_at", "end_asked"]);

    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(30_000);
    check_wakes(&m, &["hold", "unattended_since"]);

    let mut m = Meeting::seated(&["ann"]);
    let Some(Outcome::Confirm { word }) = m.ok("fay", Request::EndNow { confirm: None }) else {
        panic!("no word to confirm with");
    };
    m.ok("fay", Request::EndNow { confirm: Some(word) });
    check_wakes(&m, &["ended"]);
}

#[test]
fn a_room_that_wakes_with_nobody_in_it_is_not_locked_for_ever() {
    let mut m = Meeting::new().restarted(false);
    m.joins("fay", Role::Facilitator);
}

#[test]
fn a_secret_that_was_never_heard_of_leads_to_the_door() {
    let mut m = Meeting::seated(&["ann"]);
    let first = m.hears("ann").secret.clone().expect("was seated");
    let lost = m.returns_with("ann", &first, None);
    let lost = m.heard[&lost].secret.clone().expect("was seated");
    m.returns_with("ann", &first, None);
    m.returns_with("ann", &lost, None);
    assert!(!m.hears("ann").is_gone());
}

#[test]
fn many_secrets_that_were_used_are_remembered_until_their_owner_leaves() {
    let mut m = Meeting::seated(&["ann"]);
    let first = m.hears("ann").secret.clone().expect("was seated");
    for _ in 0..32 {
        m.returns("ann", None);
        m.ok("ann", open(Source::Microphone));
    }
    m.returns_with("ann", &first, None);
    assert!(!m.hears("ann").is_gone());
}

#[test]
fn what_was_spent_before_leaving_opens_not_even_the_door_after_it() {
    let mut m = Meeting::seated(&["ann"]);
    let first = m.hears("ann").secret.clone().expect("was seated");
    m.returns("ann", None);
    m.ok("ann", open(Source::Microphone));
    m.ok("ann", Request::Leave);
    m.joins("ann", Role::Member);
    m.returns_with("ann", &first, None);
    assert!(m.hears("ann").is_gone());
}

#[test]
fn agreeing_twice_to_the_same_at_the_door_is_recorded_once() {
    let mut m = Meeting::seated(&[]);
    m.waits("mia", Role::Member);
    m.ok("mia", accept());
    assert_eq!(m.acts(|act| matches!(act, Act::Consented { subject, .. } if subject == "mia")), 1);
}

#[test]
fn the_desk_sees_who_needs_to_be_let_through_the_lock() {
    let mut m = Meeting::seated(&["ann"]);
    m.ok("fay", Request::Lock { locked: true });
    for (name, outside) in [("ann", false), ("mia", true)] {
        m.waits(name, Role::Member);
        let desk = m.view("fay").desk.clone().expect("sees the desk");
        let knock = desk.knocks.iter().find(|knock| knock.alias == name).expect("on the list");
        assert_eq!(knock.needs_through_lock, outside, "{name}");
    }
}

#[test]
fn a_format_begins_with_the_floor_of_its_first_segment() {
    let mut definition = definition();
    definition.format.segments[0].floor = FloorMode::Hands;
    let mut m = Meeting::of(definition);
    m.joins("fay", Role::Facilitator);
    assert_eq!(m.view("fay").floor.mode, FloorMode::Hands);
}

#[test]
fn a_peer_lead_sends_what_members_may_where_the_format_lets_nobody_of_theirs_lead() {
    for (leads, closed) in [(true, false), (false, true)] {
        let mut definition = definition();
        definition.format.rules.peer_lead = leads;
        definition.format.segments[0].sources = vec![hearth_protocol::Source::Microphone];
        let mut m = Meeting::of(definition).and_seated(&[]);
        m.joins("pat", Role::PeerLead);
        assert_eq!(m.closed("pat", Source::Camera).contains(&Reason::Format), closed, "leads: {leads}");
    }
}

#[test]
fn a_change_of_format_begins_its_times_anew_but_for_who_is_missing() {
    let teen = || Request::ChangeFormat { format: "teen".to_owned() };
    let on_hold = |m: &Meeting| m.view("ann").room.hold.is_some();
    // Who was missing already when the format did not ask for them is missed from then on.
    let mut m = Meeting::seated(&["ann"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("gus", Request::Leave);
    m.wait(100_000);
    m.ok("fay", teen());
    let segment = m.view("ann").room.segment.clone().expect("runs");
    assert_eq!(segment.until, Some(Millis(m.now + 240_000)));
    m.wait(59_999);
    assert!(!on_hold(&m));
    // And the same format again does not begin that anew.
    m.ok("fay", teen());
    m.wait(1);
    assert!(on_hold(&m));
}

#[test]
fn what_was_answered_at_the_door_is_answered_there_as_before() {
    let mut m = Meeting::seated(&[]);
    let connection = m.knocks("mia", Role::Member);
    let (id, old) = (RequestId("once".to_owned()), "rules-0".to_owned());
    let refused = m.asks_again(connection, id.clone(), Request::AcceptGroundRules { version: 0, hash: old });
    assert_eq!(refused, Err(RefusalCode::GroundRulesChanged));
    assert_eq!(m.asks_again(connection, id, accept()), refused);
}

#[test]
fn whoever_comes_back_is_shown_the_ground_rules_only_where_they_have_not_agreed() {
    let mut m = Meeting::seated(&["ann"]);
    let shown = |m: &Meeting| m.hears("ann").count(|frame| matches!(frame, ServerFrame::GroundRules(_)));
    m.returns("ann", None);
    assert_eq!(shown(&m), 0);
    m.definition.ground_rules = rules(2, "rules-2");
    m.apply(Command::Define(Box::new(m.definition.clone())));
    m.returns("ann", None);
    assert_eq!(shown(&m), 1);
}

#[test]
fn as_many_answers_are_remembered_as_the_policy_says() {
    let mut m = Meeting::with(|policy| policy.requests_remembered = 2).and_seated(&["ann"]);
    let mut ask = |id: &str, request: Request| m.asks_again(m.at["ann"], RequestId(id.to_owned()), request);
    let raise = || Request::RaiseHand { kind: HandKind::Speak };
    for id in ["first", "second"] {
        assert_eq!(ask(id, Request::Yield), Err(RefusalCode::NotPossible));
    }
    assert_eq!(ask("first", raise()), Err(RefusalCode::NotPossible), "as before");
    assert_eq!(ask("third", Request::Yield), Err(RefusalCode::NotPossible));
    assert_eq!(ask("first", raise()), Ok(None), "forgotten");
}

#[test]
fn nobody_is_kept_apart_from_themselves_or_from_nobody() {
    let mut m = Meeting::seated(&["ann"]);
    let nobody = ParticipantId(u32::MAX);
    for (one, other) in [(m.id("ann"), nobody), (nobody, m.id("ann"))] {
        m.refused("fay", Request::KeepApart { one, other, apart: true }, RefusalCode::NotFound);
    }
    let alone = |apart| Request::KeepApart { one: m.id("ann"), other: m.id("ann"), apart };
    for request in [alone(true), alone(false)] {
        m.refused("fay", request, RefusalCode::NotPossible);
    }
}

#[test]
fn a_minute_with_nothing_beyond_the_limit_is_not_counted() {
    let mut m = Meeting::seated(&["ann"]);
    m.refused("ann", Request::Freeze, RefusalCode::NotAllowed);
    m.wait(120_000);
    assert_eq!(m.acts(|act| matches!(act, Act::Refused { .. })), 1);
}
