//! Segments: what a step sets, and what it never opens.

use hearth_forwarding::{Reason, Source};
use hearth_protocol::{
    ChatPolicy, FloorMode, HandOrder, Level, Millis, ParticipantId, ReactionPolicy, RefusalCode, Request,
    Role, SegmentSettings, ThawStep,
};
use hearth_room::{Act, Definition, Format, Room};

use crate::meeting::*;

const COURSE: &str = r#"
[[segment]]
kind = "teaching"
title = "Listening"
seconds = 600
floor = "facilitator"
sources = ["microphone"]
chat = "facilitators"
reactions = "off"
hands = "equity"
prompt = "Lean back."

[[segment]]
kind = "share"
title = "Sharing"
floor = "round"
turn_seconds = 60
after = "open"

[[segment]]
kind = "discussion"
title = "Talking"
floor = "open"
sources = ["microphone", "camera"]
"#;

fn course() -> Meeting {
    Meeting::in_agenda(COURSE).and_seated(&["ann", "ben"])
}

fn change(settings: SegmentSettings) -> Request {
    Request::Override { settings }
}

fn sources(sources: &[Source]) -> Request {
    let sources = sources.iter().map(|source| spoken(*source)).collect();
    change(SegmentSettings { sources: Some(sources), ..SegmentSettings::default() })
}

#[test]
fn the_first_segment_runs_from_the_start() {
    let mut m = Meeting::new();
    m.wait(5_000);
    m.joins("fay", Role::Facilitator);
    let segment = m.view("fay").room.segment.clone().unwrap();
    assert_eq!((segment.index, segment.title.as_str()), (0, "Welcome"));
    assert_eq!(segment.until, Some(Millis(305_000)));
    assert_eq!(m.view("fay").floor.mode, FloorMode::Open);
    assert_eq!(m.view("fay").desk.as_ref().unwrap().agenda.len(), 5);
}

#[test]
fn a_step_applies_all_that_it_sets_in_one_change() {
    let mut m = course();
    let version = m.table.version;
    m.ok("fay", step(1));
    assert_eq!(m.table.version.0, version.0 + 1);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Floor]);
    assert_eq!(m.closed("ann", Source::Camera), [Reason::Self_, Reason::Format]);
    for source in [Source::Microphone, Source::Camera] {
        assert!(m.is_heard("fay", source), "who leads is not meant");
        assert!(!m.is_heard("ann", source) && !m.is_heard("ben", source));
        m.refused("ann", open(source), RefusalCode::NotPossible);
    }
    let view = m.view("ann");
    let expected = (ChatPolicy::Facilitators, ReactionPolicy::Off, HandOrder::Equity);
    assert_eq!((view.room.chat, view.room.reactions, view.room.hands), expected);
    let segment = view.room.segment.clone().unwrap();
    assert_eq!(
        (segment.prompt.as_deref(), segment.until),
        (Some("Lean back."), Some(Millis(m.now + 600_000)))
    );
    assert_eq!(m.acts(|act| *act == Act::SteppedTo { segment: 1 }), 1);
    assert_eq!(m.acts(|act| matches!(act, Act::FloorSet { .. })), 0, "one act, one record");
}

#[test]
fn a_steps_time_is_gentle() {
    let mut m = course();
    m.ok("fay", step(1));
    m.wait(3_600_000);
    assert_eq!(m.view("ann").room.segment.as_ref().unwrap().index, 1);
}

#[test]
fn a_step_into_a_round_starts_it_and_after_it_comes_the_floor_that_the_segment_names() {
    let mut m = course();
    m.ok("fay", step(2));
    let speaker = m.view("ann").floor.speakers[0].clone();
    assert_eq!((speaker.participant, speaker.until), (m.id("ann"), Some(Millis(m.now + 60_000))));
    assert!(!speaker.stops);
    assert!(!m.is_heard("ben", Source::Microphone));
    m.ok("ann", Request::Pass);
    m.ok("ben", Request::Pass);
    assert_eq!(m.view("ann").floor.mode, FloorMode::Open);
    m.ok("fay", step(1));
    m.ok("fay", step(2));
    m.ok("fay", step(3));
    assert!(m.view("ann").floor.round.is_none(), "a step ends a round");
}

#[test]
fn a_step_into_a_round_with_nobody_there_changes_nothing() {
    let mut m = Meeting::in_agenda(COURSE);
    m.joins("fay", Role::Facilitator);
    m.refused("fay", step(2), RefusalCode::NotPossible);
    assert_eq!(m.view("fay").room.segment.as_ref().unwrap().index, 0);
    m.refused("fay", step(4), RefusalCode::NotFound);
    m.refused("fay", step(u32::MAX), RefusalCode::NotFound);
}

type Close = fn(&mut Meeting);

#[test]
fn a_step_opens_no_gate_that_another_rule_closed() {
    let closings: [(&str, Close, Reason); 5] = [
        ("facilitator", |m| drop(m.ok("fay", gate(m.id("ann")))), Reason::Facilitator),
        ("level", |m| drop(m.ok("ann", Request::SetLevel { level: Level::Listen })), Reason::Level),
        (
            "ceiling",
            |m| drop(m.ok("fay", Request::SetCeiling { participant: None, level: Level::Text })),
            Reason::Ceiling,
        ),
        ("freeze", |m| drop(m.ok("fay", Request::Freeze)), Reason::Freeze),
        ("break", |m| drop(m.ok("fay", Request::Break { seconds: 600 })), Reason::Freeze),
    ];
    for (name, close, reason) in closings {
        let mut m = course();
        m.ok("fay", step(1));
        close(&mut m);
        m.ok("fay", step(0));
        assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, reason], "{name}");
        assert!(!m.is_heard("ann", Source::Microphone), "{name}");
    }
}

fn gate(participant: ParticipantId) -> Request {
    Request::SetGate { participant, source: spoken(Source::Microphone), open: false }
}

#[test]
fn what_a_step_provides_again_stays_silent_until_its_owner_opens_it() {
    let mut m = course();
    m.ok("fay", step(1));
    m.ok("fay", step(0));
    for source in [Source::Microphone, Source::Camera] {
        assert_eq!(m.closed("ann", source), [Reason::Self_]);
        m.ok("ann", open(source));
    }
}

#[test]
fn whoever_comes_into_a_segment_is_born_with_its_reasons() {
    let mut m = course();
    m.ok("fay", step(1));
    m.joins("cai", Role::Member);
    assert_eq!(m.closed("cai", Source::Camera), [Reason::Self_, Reason::Format]);
    m.joins("ivy", Role::Interpreter);
    m.ok("ivy", open(Source::Camera));
    assert!(m.is_heard("ivy", Source::Camera), "an interpreter is needed in every segment");
}

#[test]
fn who_may_step_and_who_may_not() {
    let mut m = course();
    m.joins("gus", Role::Cofacilitator);
    m.joins("pat", Role::PeerLead);
    for name in ["ann", "pat"] {
        m.refused(name, step(1), RefusalCode::NotAllowed);
        m.refused(name, sources(&[Source::Screen]), RefusalCode::NotAllowed);
    }
    m.ok("gus", step(1));
    m.ok("gus", sources(&[Source::Screen]));
}

#[test]
fn a_peer_lead_walks_the_stored_agenda_alone() {
    let mut m = Meeting::in_format("twelve_step");
    m.joins("pat", Role::PeerLead);
    for segment in 0..=2 {
        m.ok("pat", step(segment));
    }
    m.wait(3_600_000);
    assert!(m.view("pat").room.hold.is_none());
    m.refused("pat", sources(&[Source::Screen]), RefusalCode::NotAllowed);
    m.refused("pat", Request::ChangeFormat { format: "alumni".to_owned() }, RefusalCode::NotAllowed);
    m.drops("pat");
    m.wait(30_000);
    assert!(m.room.table().rows.is_empty());
    m.returns("pat", None);
    assert!(m.view("pat").room.hold.is_some());
    m.ok("pat", Request::ResumeRoom);
}

#[test]
fn an_override_lasts_until_the_next_step_and_changes_only_what_it_names() {
    let mut m = course();
    m.ok("fay", step(1));
    m.ok("fay", sources(&[Source::Camera, Source::Camera]));
    assert_eq!(m.closed("ann", Source::Camera), [Reason::Self_], "it reopens into silence");
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Floor, Reason::Format]);
    assert_eq!(m.view("ann").room.chat, ChatPolicy::Facilitators, "what is not named stays");
    let chat = SegmentSettings { chat: Some(ChatPolicy::Members), ..SegmentSettings::default() };
    m.ok("fay", change(chat));
    assert_eq!(m.view("ann").room.chat, ChatPolicy::Members);
    m.ok("fay", Request::SetFloor { mode: FloorMode::Open });
    m.ok("fay", step(1));
    assert_eq!(m.closed("ann", Source::Camera), [Reason::Self_, Reason::Format]);
    assert_eq!(m.view("ann").room.chat, ChatPolicy::Facilitators);
    assert_eq!(m.view("ann").floor.mode, FloorMode::Facilitator);
    assert_eq!(m.acts(|act| *act == Act::Overridden), 2);
}

#[test]
fn where_members_never_write_to_each_other_no_override_lets_them() {
    for name in ["teen", "restricted", "twelve_step"] {
        let mut house = definition();
        house.format = Format::find_shipped(name).unwrap().clone();
        house.roster = ["fay".to_owned()].into();
        let mut m = Meeting::of(house);
        m.joins("fay", Role::Facilitator);
        let chat = SegmentSettings { chat: Some(ChatPolicy::Members), ..SegmentSettings::default() };
        m.refused("fay", change(chat), RefusalCode::NotPossible);
        let loose = format!("{FIRST}chat = \"members\"\n");
        m.ok("fay", Request::ImportFormat { toml: loose });
        assert_eq!(m.view("fay").room.chat, ChatPolicy::Room, "{name}");
    }
}

#[test]
fn a_new_definition_changes_rules_at_once_and_the_agenda_with_the_next_session() {
    let mut m = course();
    m.ok("fay", step(1));
    let format = Format::find_shipped("dual_diagnosis").unwrap().clone();
    m.apply(hearth_room::Command::Define(Box::new(Definition { format, ..definition() })));
    assert_eq!(m.view("ann").room.segment.as_ref().unwrap().title, "Listening");
    assert_eq!(m.view("fay").desk.as_ref().unwrap().capacity, 8);
    m.wait(299_999);
    assert!(m.view("ann").room.hold.is_none());
    m.wait(1);
    assert!(m.view("ann").room.hold.is_some());
}

#[test]
fn a_segment_wakes_as_it_was() {
    let mut m = course();
    m.ok("fay", step(1));
    m.ok("fay", sources(&[Source::Screen]));
    assert!(m.last.durable);
    let before = m.view("ann").room.segment.clone();
    let text = serde_json::to_string(&m.room.snapshot()).unwrap();
    // Even where the room's own format is another by then.
    let room = Room::restore(definition(), serde_json::from_str(&text).unwrap(), true);
    let mut m = Meeting { room, ..m };
    m.returns("fay", None);
    m.returns("ann", None);
    assert_eq!(m.view("ann").room.segment, before);
    assert_eq!(m.closed("ann", Source::Microphone), [Reason::Self_, Reason::Floor, Reason::Format]);
    assert_eq!(m.closed("ann", Source::Screen), [Reason::Self_, Reason::Floor]);
    m.ok("fay", step(2));
    assert_eq!(m.view("fay").room.segment.as_ref().unwrap().title, "Sharing");
}

#[test]
fn a_step_in_a_freeze_waits_behind_it() {
    let mut m = course();
    m.ok("fay", Request::Freeze);
    m.ok("fay", step(2));
    assert!(m.view("ann").floor.round.as_ref().unwrap().paused);
    m.wait(100_000);
    m.ok("fay", Request::Thaw { step: ThawStep::Microphones });
    assert_eq!(m.view("ann").floor.speakers[0].until, Some(Millis(m.now + 60_000)));
}
