//! What people write, and to whom.

use hearth_protocol::{
    Audience, Change, ChatPolicy, FloorMode, MessageId, MessageKind, RefusalCode, Request, Role, RoundOrder,
    SegmentSettings, TEXT_CHARS_MAX, ThawStep,
};

use crate::meeting::*;

fn say(to: Audience, text: &str) -> Request {
    Request::Say { to, text: text.to_owned() }
}

fn to(m: &Meeting, name: &str) -> Audience {
    Audience::Participant { participant: m.id(name) }
}

fn group() -> Meeting {
    let mut m = Meeting::seated(&["ann", "ben"]);
    m.joins("gus", Role::Cofacilitator);
    m.joins("oda", Role::Observer);
    m
}

fn turn(text: &str) -> Request {
    Request::SayTurn { text: text.to_owned() }
}

#[test]
fn words_reach_whom_they_are_for_and_who_wrote_them() {
    let mut m = group();
    m.waits("eve", Role::Member);
    let (fay, ann) = (to(&m, "fay"), to(&m, "ann"));
    for (from, audience, readers) in [
        ("ann", Audience::Room, &["ann", "ben", "fay", "gus", "oda"][..]),
        ("fay", Audience::Everywhere, &["ann", "ben", "fay", "gus", "oda"]),
        ("ann", Audience::Facilitators, &["ann", "fay", "gus"]),
        ("gus", Audience::Team, &["fay", "gus"]),
        ("ann", fay, &["ann", "fay"]),
        ("gus", ann, &["ann", "gus"]),
    ] {
        let text = format!("{from} {audience:?}");
        m.says(from, audience, &text);
        assert_eq!(m.readers(&text), readers, "{text}");
        let message = m.message(from, &text);
        assert_eq!((message.from, message.to, message.kind), (m.id(from), audience, MessageKind::Chat));
    }
}

#[test]
fn who_may_write_to_whom_by_default() {
    let mut m = group();
    let (ben, oda, ann) = (to(&m, "ben"), to(&m, "oda"), to(&m, "ann"));
    m.refuses(
        "ann",
        &[
            (say(Audience::Everywhere, "x"), RefusalCode::NotAllowed),
            (say(Audience::Team, "x"), RefusalCode::NotAllowed),
            (say(ben, "x"), RefusalCode::NotPossible),
            (say(oda, "x"), RefusalCode::NotPossible),
            (say(ann, "x"), RefusalCode::NotPossible),
            (
                say(Audience::Participant { participant: hearth_protocol::ParticipantId(99) }, "x"),
                RefusalCode::NotFound,
            ),
        ],
    );
    m.refused("oda", say(Audience::Room, "x"), RefusalCode::NotAllowed);
    m.refused("oda", say(Audience::Facilitators, "x"), RefusalCode::NotAllowed);
    m.drops("ben");
    m.refused("fay", say(ben, "x"), RefusalCode::NotFound);
}

#[test]
fn nobody_is_told_that_a_word_reached_facilitators_who_are_not_there() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.refused("ann", say(Audience::Facilitators, "x"), RefusalCode::NotPossible);
}

#[test]
fn a_freeze_closes_the_chat_but_to_facilitators_until_its_last_step() {
    let mut m = group();
    let fay = to(&m, "fay");
    m.ok("fay", Request::Freeze);
    for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
        assert_eq!(m.view("ann").room.chat, ChatPolicy::Facilitators);
        m.refused("ann", say(Audience::Room, "x"), RefusalCode::Frozen);
        m.says("ann", Audience::Facilitators, "to all of them");
        m.says("ann", fay, "to one of them");
        m.says("fay", Audience::Room, "from one of them");
        m.wait(10_000);
        m.ok("fay", Request::Thaw { step });
    }
    assert_eq!(m.view("ann").room.chat, ChatPolicy::Room);
    m.says("ann", Audience::Room, "x");
}

#[test]
fn a_hold_closes_the_chat() {
    let mut m = Meeting::seated(&["ann"]);
    m.drops("fay");
    m.wait(31_000);
    assert_eq!(m.view("ann").room.chat, ChatPolicy::Facilitators);
    m.returns("fay", None);
    m.refused("ann", say(Audience::Room, "x"), RefusalCode::OnHold);
    m.refused("ann", say(Audience::Facilitators, "x"), RefusalCode::OnHold);
    m.says("fay", Audience::Room, "We go on in a minute.");
    m.ok("fay", Request::ResumeRoom);
    m.says("ann", Audience::Room, "x");
}

#[test]
fn there_is_no_history_for_who_comes_late_or_comes_back() {
    let mut m = group();
    m.says("ann", Audience::Room, "before");
    m.joins("cai", Role::Member);
    m.returns("ben", None);
    assert_eq!(m.readers("before"), ["ann", "fay", "gus", "oda"]);
}

#[test]
fn a_message_is_taken_away_from_all_who_were_told_it_and_from_nobody_else() {
    let mut m = group();
    m.says("ann", Audience::Facilitators, "oh no");
    let message = m.message("ann", "oh no").id;
    m.refused("ben", Request::Unsay { message }, RefusalCode::NotFound);
    m.drops("gus");
    m.ok("ann", Request::Unsay { message });
    m.refused("ann", Request::Unsay { message }, RefusalCode::NotFound);
    m.returns("gus", None);
    let unsaid = |m: &Meeting, name: &str| m.changes(name, |change| *change == Change::Unsaid { message });
    let told: Vec<_> = ["ann", "ben", "fay", "gus", "oda"].iter().map(|name| unsaid(&m, name)).collect();
    assert_eq!(told, [1, 0, 1, 1, 0], "whoever was away is told on return");
    let connection = m.at["fay"];
    m.apply(hearth_room::Command::Refresh { connection });
    assert_eq!(unsaid(&m, "fay"), 2, "whoever lost count is told again");
    m.says("ann", Audience::Room, "never mind");
    m.joins("cai", Role::Member);
    assert_eq!(unsaid(&m, "cai"), 0);
}

#[test]
fn facilitators_may_take_away_what_they_were_told_and_nothing_else() {
    let mut m = group();
    m.says("ann", Audience::Room, "rude");
    m.ok("gus", Request::Unsay { message: m.message("gus", "rude").id });
    let fay = to(&m, "fay");
    m.says("ann", fay, "private");
    m.refused("gus", Request::Unsay { message: m.message("ann", "private").id }, RefusalCode::NotFound);
    m.refused("gus", Request::Unsay { message: MessageId(7) }, RefusalCode::NotFound);
}

#[test]
fn memory_of_who_was_told_is_bounded_for_each_author() {
    let mut m = group();
    m.says("ben", Audience::Room, "of ben");
    for number in 0..70 {
        m.says("ann", Audience::Room, &number.to_string());
        m.wait(2_000);
    }
    m.refused("ann", Request::Unsay { message: m.message("ann", "5").id }, RefusalCode::NotFound);
    m.ok("ann", Request::Unsay { message: m.message("ann", "6").id });
    m.ok("ben", Request::Unsay { message: m.message("ben", "of ben").id });
}

#[test]
fn a_text_is_something_and_not_too_much_and_nothing_but_text() {
    let mut m = group();
    let longest = "é".repeat(TEXT_CHARS_MAX);
    m.says("ann", Audience::Room, &format!("  {longest}\n"));
    assert_eq!(m.message("ben", &longest).text, longest);
    m.says("ann", Audience::Room, "one\ntwo");
    m.refuses(
        "ann",
        &[
            (say(Audience::Room, &format!("{longest}é")), RefusalCode::TooLarge),
            (say(Audience::Room, " \n "), RefusalCode::BadMessage),
            (say(Audience::Room, "a\u{0}b"), RefusalCode::BadMessage),
            (say(Audience::Room, "a\u{1b}[2J"), RefusalCode::BadMessage),
        ],
    );
}

#[test]
fn nobody_writes_faster_than_others_can_read() {
    let mut m = group();
    for number in 0..8 {
        m.says("ann", Audience::Room, &number.to_string());
    }
    m.refused("ann", say(Audience::Facilitators, "9"), RefusalCode::TooFast);
    m.says("ben", Audience::Room, "another");
    m.wait(10_000);
    m.says("ann", Audience::Room, "10");
}

#[test]
fn a_turn_may_be_taken_in_text_by_whose_turn_it_is() {
    let mut m = group();
    m.refused("ann", turn("x"), RefusalCode::NotPossible);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Hands });
    m.ok("fay", Request::Grant { participant: m.id("ben") });
    m.refused("ann", turn("x"), RefusalCode::NotPossible);
    m.ok("ben", turn("with the floor"));
    assert_eq!(m.readers("with the floor"), ["ann", "ben", "fay", "gus", "oda"]);
    assert_eq!(m.message("ann", "with the floor").kind, MessageKind::Turn);
    let order = RoundOrder::Seated;
    m.ok("fay", Request::RoundStart { order, turn_seconds: None, include_facilitators: false });
    m.refused("ben", turn("x"), RefusalCode::NotPossible);
    m.ok("ann", turn("in turn"));
    m.ok("fay", Request::Freeze);
    m.refused("ann", turn("x"), RefusalCode::Frozen);
    m.ok("fay", Request::Thaw { step: ThawStep::Microphones });
    m.refused("ann", turn("x"), RefusalCode::Frozen);
}

#[test]
fn words_stay_in_their_space_and_only_facilitators_write_into_all_of_them() {
    let mut m = Meeting::seated(&["ann", "ben", "cai"]);
    m.joins("gus", Role::Cofacilitator);
    m.ok("fay", Request::OpenAsides { groups: vec![vec![m.id("ann"), m.id("gus")]], seconds: None });
    m.says("ann", Audience::Room, "inside");
    assert_eq!(m.readers("inside"), ["ann", "gus"]);
    m.says("ben", Audience::Room, "outside");
    assert_eq!(m.readers("outside"), ["ben", "cai", "fay"]);
    m.says("fay", Audience::Everywhere, "to all");
    assert_eq!(m.readers("to all"), ["ann", "ben", "cai", "fay", "gus"]);
    m.says("ann", Audience::Facilitators, "to those in charge");
    assert_eq!(m.readers("to those in charge"), ["ann", "fay", "gus"]);
    m.ok("ann", Request::React { reaction: hearth_protocol::Reaction::WithYou });
    m.ok("ann", Request::Milestone { text: "One day.".to_owned() });
    let seen = |m: &Meeting, name: &str| {
        m.changes(name, |change| matches!(change, Change::Reaction { .. } | Change::Milestone { .. }))
    };
    assert_eq!((seen(&m, "gus"), seen(&m, "ben"), seen(&m, "fay")), (2, 0, 0));
    m.refused("ben", Request::Unsay { message: m.message("ann", "inside").id }, RefusalCode::NotFound);
}

#[test]
fn whoever_chose_to_listen_writes_to_facilitators_alone() {
    let mut m = group();
    m.ok("ann", Request::SetLevel { level: hearth_protocol::Level::Listen });
    m.refused("ann", say(Audience::Room, "x"), RefusalCode::NotPossible);
    m.says("ann", Audience::Facilitators, "I only listen today.");
    m.ok("ann", Request::SetLevel { level: hearth_protocol::Level::Text });
    m.says("ann", Audience::Room, "x");
}

#[test]
fn whoever_was_removed_or_left_reads_nothing() {
    let mut m = group();
    m.joins("cai", Role::Member);
    m.ok("fay", Request::Remove { participant: m.id("ben") });
    m.ok("cai", Request::Leave);
    m.says("ann", Audience::Room, "after");
    assert_eq!(m.readers("after"), ["ann", "fay", "gus", "oda"]);
}

#[test]
fn members_write_to_each_other_only_where_the_segment_lets_them_and_never_to_observers() {
    let settings = |chat| SegmentSettings { chat: Some(chat), ..SegmentSettings::default() };
    let mut m = group();
    let (ben, oda) = (to(&m, "ben"), to(&m, "oda"));
    m.ok("fay", Request::Override { settings: settings(ChatPolicy::Members) });
    m.says("ann", ben, "for you alone");
    assert_eq!(m.readers("for you alone"), ["ann", "ben"]);
    m.refused("ann", say(oda, "x"), RefusalCode::NotPossible);
    m.ok("fay", Request::OpenAsides { groups: vec![vec![m.id("ann"), m.id("gus")]], seconds: None });
    m.refused("ann", say(ben, "x"), RefusalCode::NotPossible);
    m.ok("fay", Request::Override { settings: settings(ChatPolicy::Facilitators) });
    m.refused("ben", say(Audience::Room, "x"), RefusalCode::NotPossible);
    m.says("ben", Audience::Facilitators, "to those in charge");
    m.says("fay", ben, "from those in charge");
}
