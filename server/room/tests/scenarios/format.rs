//! Formats as people write them.

use hearth_protocol::{FloorMode, Outcome, RefusalCode, Request, RequestId, Role, SegmentKind, ServerFrame};
use hearth_room::{Act, Format};

use crate::meeting::*;

const SHIPPED: [&str; 14] = [
    "alumni",
    "cbt",
    "check_in",
    "dual_diagnosis",
    "integrated",
    "interpersonal_process",
    "process_oriented",
    "psychoeducation",
    "relapse_prevention",
    "restricted",
    "skills",
    "support_circle",
    "teen",
    "twelve_step",
];

#[test]
fn fourteen_formats_are_shipped_and_each_reads_as_it_writes() {
    let names: Vec<&str> = Format::shipped().iter().map(|format| format.name.as_str()).collect();
    assert_eq!(names, SHIPPED);
    for format in Format::shipped() {
        assert_eq!(read(&format.write()), *format);
        assert_eq!(format.segments[0].kind, SegmentKind::Welcome);
        assert_eq!(format.segments.last().unwrap().kind, SegmentKind::Closing);
        assert!(format.segments.iter().all(|segment| segment.prompt.is_some() && segment.seconds.is_some()));
    }
}

#[test]
fn what_some_formats_promise() {
    let rules = |name| Format::find_shipped(name).unwrap().rules;
    for name in ["teen", "restricted", "twelve_step"] {
        assert!(!rules(name).member_chat, "{name}");
    }
    for name in ["twelve_step", "alumni"] {
        assert!(rules(name).peer_lead, "{name}");
    }
    assert!(rules("teen").minors && rules("teen").waiting_room && rules("teen").facilitators_min == 2);
    assert!(rules("restricted").roster_only && rules("restricted").waiting_room);
    assert!(rules("dual_diagnosis").capacity == Some(8) && rules("dual_diagnosis").facilitators_min == 2);
    assert!(rules("psychoeducation").audience);
}

fn check_bad(toml: &str, line: usize, column: usize, words: &str) {
    let bad = Format::read(toml).expect_err(toml);
    assert_eq!((bad.line, bad.column), (line, column), "{bad}");
    assert!(bad.what.contains(words), "{bad}");
    assert!(!bad.to_string().contains('\n'), "{bad}");
}

const HEAD: &str = "name = \"a\"\ntitle = \"A\"\n";

fn segment(lines: &str) -> String {
    format!("{HEAD}[[segment]]\nkind = \"welcome\"\ntitle = \"Hello\"\nfloor = \"open\"\n{lines}")
}

fn second(lines: &str) -> String {
    segment(&format!("[[segment]]\ntitle = \"Next\"\n{lines}"))
}

#[test]
fn a_format_that_cannot_be_read_says_where_in_plain_words() {
    check_bad("name = ", 1, 8, "");
    check_bad("title = \"A\"", 1, 1, "`name` is missing");
    check_bad(&segment("colour = 1"), 7, 1, "there is no `colour`");
    check_bad(&segment("seconds = \"ten\""), 7, 11, "whole number");
    check_bad(&segment("hard_stop = 1"), 7, 13, "true or false");
    check_bad(&segment("chat = \"loud\""), 7, 8, "`loud`");
    check_bad(&segment("seconds = 0"), 3, 1, "`seconds`");
    check_bad(&segment("turn_seconds = 60"), 3, 1, "`floor = \"round\"`");
    check_bad("name = \"Not This\"\ntitle = \"A\"\nsegment = []", 1, 8, "`name`");
    check_bad("name = \"a\"\ntitle = \" \"\nsegment = []", 2, 9, "`title`");
    check_bad("name = \"a\"\ntitle = \"A\"\nsegment = []", 1, 1, "1 to 32");
    check_bad(&segment("[rules]\ncapacity = 51"), 7, 1, "`capacity`");
    check_bad(&segment("[rules]\nminors = true"), 7, 1, "`minors`");
    check_bad(&segment("[rules]\npeer_lead = true\nfacilitators_min = 2"), 7, 1, "`peer_lead`");
    check_bad(&second("kind = \"share\"\nfloor = \"round\"\nhard_stop = true"), 7, 1, "`turn_seconds`");
    check_bad(&second("kind = \"share\"\nfloor = \"round\"\nafter = \"round\""), 7, 1, "`after`");
    check_bad(&second("kind = \"share\"\nfloor = \"round\"\nturn_seconds = 9"), 7, 1, "`turn_seconds`");
    check_bad(&second("kind = \"repair\"\nfloor = \"open\""), 7, 1, "repair");
    let chat = format!("{}[rules]\nmember_chat = false\n", segment("chat = \"members\"\n"));
    check_bad(&chat, 3, 1, "member_chat");
    let first = format!("{HEAD}[[segment]]\nkind = \"share\"\ntitle = \"B\"\nfloor = \"round\"\n");
    check_bad(&first, 3, 1, "first segment");
    check_bad(&segment(&format!("prompt = \"{}\"", "a".repeat(1_001))), 3, 1, "`prompt`");
    check_bad(
        &segment(&"[[segment]]\nkind = \"share\"\ntitle = \"B\"\nfloor = \"open\"\n".repeat(32)),
        1,
        1,
        "32",
    );
    check_bad(&"#".repeat(Format::BYTES_MAX + 1), 1, 1, "32 kB");
    let deep = Format::read(&format!("name = {}", "[".repeat(10_000)));
    assert_eq!(deep.expect_err("too deep").line, 1);
}

#[test]
fn whoever_imports_what_cannot_be_read_is_told_where_and_no_word_of_it_is_kept() {
    let mut m = Meeting::seated(&["ann"]);
    let before = m.view("fay").room.clone();
    let bad = Request::ImportFormat { toml: segment("colour = 1") };
    let id = RequestId("import".to_owned());
    for _ in 0..2 {
        let answer = m.asks_again(m.at["fay"], id.clone(), bad.clone());
        assert_eq!(answer, Err(RefusalCode::BadFormat));
    }
    let told: Vec<&str> = m
        .hears("fay")
        .frames
        .iter()
        .filter_map(|frame| {
            let ServerFrame::Refusal { refusal, .. } = frame else { return None };
            Some(refusal.message.as_str())
        })
        .collect();
    assert!(told[0].starts_with("Line 7, column 1: there is no `colour`"), "{told:?}");
    assert_eq!(told[1], RefusalCode::BadFormat.message());
    let snapshot = serde_json::to_string(&m.room.snapshot()).expect("a snapshot can be written");
    assert!(!snapshot.contains("colour"));
    assert_eq!(m.view("fay").room, before);
}

#[test]
fn what_was_exported_can_be_imported_again() {
    let mut m = Meeting::seated(&["ann"]);
    for name in SHIPPED.into_iter().filter(|name| *name != "restricted") {
        m.ok("fay", Request::ChangeFormat { format: name.to_owned() });
        let Some(Outcome::Format { toml }) = m.ok("fay", Request::ExportFormat) else {
            panic!("no format came out")
        };
        let title = m.view("ann").room.format.clone();
        m.ok("fay", Request::ChangeFormat { format: "support_circle".to_owned() });
        m.ok("fay", Request::ImportFormat { toml: toml.clone() });
        assert_eq!(m.view("ann").room.format, title);
        assert_eq!(m.ok("fay", Request::ExportFormat), Some(Outcome::Format { toml }));
    }
}

#[test]
fn an_export_is_read_anew_when_it_is_asked_for_again() {
    let mut m = Meeting::seated(&[]);
    let id = RequestId("export".to_owned());
    let one = m.asks_again(m.at["fay"], id.clone(), Request::ExportFormat);
    assert!(matches!(one, Ok(Some(Outcome::Format { .. }))));
    assert_eq!(m.asks_again(m.at["fay"], id, Request::ExportFormat), one);
}

#[test]
fn the_lead_alone_changes_the_format() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("gus", Role::Cofacilitator);
    let change = Request::ChangeFormat { format: "cbt".to_owned() };
    let import = Request::ImportFormat { toml: read(&segment("")).write() };
    for name in ["ann", "gus"] {
        m.refused(name, change.clone(), RefusalCode::NotAllowed);
        m.refused(name, import.clone(), RefusalCode::NotAllowed);
    }
    m.refused("ann", Request::ExportFormat, RefusalCode::NotAllowed);
    m.refused("fay", Request::ChangeFormat { format: "unknown".to_owned() }, RefusalCode::NotFound);
    m.ok("fay", change);
    assert_eq!(m.view("ann").room.format, "CBT group");
    m.ok("fay", import);
    assert_eq!(m.view("ann").room.format, "A");
    assert!(m.view("ann").desk.is_none());
    assert_eq!(m.acts(|act| matches!(act, Act::FormatChanged { .. })), 2);
}

#[test]
fn a_house_has_formats_of_its_own() {
    let mut house = definition();
    let mut own = read(&segment(""));
    own.name = "our_own".to_owned();
    let mut cbt = own.clone();
    cbt.name = "cbt".to_owned();
    house.formats = vec![own, cbt];
    let mut m = Meeting::of(house).and_seated(&[]);
    let names = m.view("fay").desk.as_ref().unwrap().formats.clone();
    assert!(names.len() == 15 && names.contains(&"our_own".to_owned()), "{names:?}");
    m.ok("fay", Request::ChangeFormat { format: "cbt".to_owned() });
    assert_eq!(m.view("fay").room.format, "A", "the house's own takes the place of a shipped one");
}

#[test]
fn a_change_of_format_never_takes_a_rule_away() {
    let mut m = Meeting::in_format("dual_diagnosis");
    m.joins("fay", Role::Facilitator);
    m.ok("fay", Request::ChangeFormat { format: "psychoeducation".to_owned() });
    assert_eq!(m.view("fay").desk.as_ref().unwrap().capacity, 8);
    m.wait(300_000);
    assert!(m.view("fay").room.hold.is_some(), "the second facilitator is missing still");
}

#[test]
fn a_peer_lead_gets_nothing_from_a_format_that_was_changed_to() {
    let mut m = Meeting::seated(&["ann"]);
    m.joins("pat", Role::PeerLead);
    m.ok("fay", Request::ChangeFormat { format: "twelve_step".to_owned() });
    m.refused("pat", step(1), RefusalCode::NotAllowed);
    m.drops("fay");
    m.wait(30_000);
    assert!(m.view("pat").room.hold.is_some());
}

#[test]
fn an_audience_is_larger_than_a_group_ever_is() {
    for (format, expected) in [("support_circle", 50), ("psychoeducation", 300), ("teen", 10)] {
        let mut wide = definition();
        wide.policy.capacity = 300;
        wide.format = Format::find_shipped(format).unwrap().clone();
        let mut m = Meeting::of(wide);
        m.joins("fay", Role::Facilitator);
        assert_eq!(m.view("fay").desk.as_ref().unwrap().capacity, expected, "{format}");
    }
}

#[test]
fn every_shipped_agenda_can_be_walked_through() {
    for format in Format::shipped() {
        let mut house = definition();
        house.format = format.clone();
        house.roster = ["fay", "gus", "ann", "ben"].map(str::to_owned).into();
        let mut m = Meeting::of(house);
        m.joins("fay", Role::Facilitator);
        m.joins("gus", Role::Cofacilitator);
        for name in ["ann", "ben"] {
            m.joins(name, Role::Member);
        }
        for (index, segment) in format.segments.iter().enumerate() {
            m.ok("fay", step(u32::try_from(index).unwrap()));
            let view = m.view("ann");
            assert_eq!(view.floor.mode, segment.floor, "{} {}", format.name, segment.title);
            assert_eq!(view.room.segment.as_ref().unwrap().title, segment.title);
            assert_eq!((view.room.chat, view.room.reactions), (segment.chat, segment.reactions));
            if segment.floor == FloorMode::Round {
                while m.view("fay").floor.mode == FloorMode::Round {
                    m.ok("fay", Request::RoundSkip);
                }
            }
            m.wait(10_000);
        }
        let agenda = m.view("fay").desk.as_ref().unwrap().agenda.len();
        assert_eq!(agenda, format.segments.len());
    }
}
