//! A format as people write it: TOML, checked line by line. What does not fit is named in plain words, with line and column.

use hearth_protocol::{FloorMode, ReactionPolicy, SegmentKind, TEXT_CHARS_MAX};
use serde::Deserialize;
use toml::Spanned;

use crate::{Format, FormatRules, FormatSegment};

const NAME_CHARS_MAX: usize = 40;
const TITLE_CHARS_MAX: usize = 80;
const SEGMENT_SECONDS_MAX: u32 = 4 * 60 * 60;
const TURN_SECONDS_MAX: u32 = 60 * 60;
/// Of what the reader of TOML has to say.
const FAULT_CHARS_MAX: usize = 240;

/// What is wrong with a format, and where. Both count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Line {line}, column {column}: {what}.")]
pub struct BadFormat {
    pub line: usize,
    pub column: usize,
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    title: Spanned<String>,
    #[serde(default)]
    about: Option<Spanned<String>>,
    #[serde(default)]
    rules: Option<Spanned<FormatRules>>,
    segment: Vec<Spanned<FormatSegment>>,
}

/// Where (in bytes), and what.
type Fault = (usize, String);

pub(super) fn read(toml: &str) -> Result<Format, BadFormat> {
    let place = |(at, what): Fault| place(toml, at, what);
    if toml.len() > Format::BYTES_MAX {
        return Err(place((0, format!("this is longer than {} kB", Format::BYTES_MAX / 1024))));
    }
    let written: Written = toml::from_str(toml)
        .map_err(|error| place((error.span().map_or(0, |span| span.start), plain(error.message()))))?;
    check(&written).map_err(place)?;
    Ok(Format {
        name: written.name.into_inner(),
        title: written.title.into_inner(),
        about: written.about.map(Spanned::into_inner).unwrap_or_default(),
        rules: written.rules.map(Spanned::into_inner).unwrap_or_default(),
        segments: written.segment.into_iter().map(Spanned::into_inner).collect(),
    })
}

fn check(written: &Written) -> Result<(), Fault> {
    let at = |span: std::ops::Range<usize>| move |what| (span.start, what);
    check_name(written.name.get_ref()).map_err(at(written.name.span()))?;
    check_title(written.title.get_ref()).map_err(at(written.title.span()))?;
    if let Some(about) = &written.about {
        check_text("about", about.get_ref()).map_err(at(about.span()))?;
    }
    let rules = written.rules.as_ref().map(|rules| *rules.get_ref()).unwrap_or_default();
    if let Some(written) = &written.rules {
        check_rules(&rules).map_err(at(written.span()))?;
    }
    if !(1..=Format::SEGMENTS_MAX).contains(&written.segment.len()) {
        return Err((0, format!("an agenda has 1 to {} segments", Format::SEGMENTS_MAX)));
    }
    for (index, segment) in written.segment.iter().enumerate() {
        let first = index == 0;
        check_segment(segment.get_ref(), first, &rules).map_err(at(segment.span()))?;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    fits(plain && (1..=NAME_CHARS_MAX).contains(&name.len()), || {
        format!("`name` is 1 to {NAME_CHARS_MAX} small letters, digits or underscores")
    })
}

fn check_title(title: &str) -> Result<(), String> {
    let length = title.chars().count();
    let plain = !title.trim().is_empty() && !title.chars().any(char::is_control);
    fits(plain && length <= TITLE_CHARS_MAX, || {
        format!("`title` is one line of 1 to {TITLE_CHARS_MAX} characters")
    })
}

fn check_text(name: &str, text: &str) -> Result<(), String> {
    let plain = !text.chars().any(|letter| letter.is_control() && letter != '\n');
    fits(plain && !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX, || {
        format!("`{name}` is text of 1 to {TEXT_CHARS_MAX} characters")
    })
}

fn check_rules(rules: &FormatRules) -> Result<(), String> {
    let most = if rules.audience { 300 } else { 50 };
    fits(rules.capacity.is_none_or(|capacity| (1..=most).contains(&capacity)), || {
        format!("`capacity` is 1 to {most} (300 only with `audience = true`)")
    })?;
    fits((1..=4).contains(&rules.facilitators_min), || "`facilitators_min` is 1 to 4".to_owned())?;
    fits((10..=600).contains(&rules.facilitators_wait_seconds), || {
        "`facilitators_wait_seconds` is 10 to 600".to_owned()
    })?;
    fits(!rules.peer_lead || rules.facilitators_min == 1, || {
        "`peer_lead` and `facilitators_min` contradict each other".to_owned()
    })?;
    fits(!rules.minors || (!rules.member_chat && rules.waiting_room && rules.facilitators_min > 1), || {
        "with `minors`, `member_chat` is false, `waiting_room` is true and `facilitators_min` is 2 or more"
            .to_owned()
    })
}

fn check_segment(segment: &FormatSegment, first: bool, rules: &FormatRules) -> Result<(), String> {
    check_title(&segment.title)?;
    if let Some(prompt) = &segment.prompt {
        check_text("prompt", prompt)?;
    }
    let round = segment.floor == FloorMode::Round;
    fits(segment.seconds.is_none_or(|seconds| (1..=SEGMENT_SECONDS_MAX).contains(&seconds)), || {
        format!("`seconds` is 1 to {SEGMENT_SECONDS_MAX}")
    })?;
    fits(segment.turn_seconds.is_none_or(|seconds| (10..=TURN_SECONDS_MAX).contains(&seconds)), || {
        format!("`turn_seconds` is 10 to {TURN_SECONDS_MAX}")
    })?;
    fits(round || !is_about_rounds(segment), || {
        "`turn_seconds`, `hard_stop`, `order`, `include_facilitators` and `after` go with `floor = \"round\"` alone"
            .to_owned()
    })?;
    fits(!(first && round), || "people arrive in the first segment, so it is no round".to_owned())?;
    fits(segment.after != Some(FloorMode::Round), || {
        "after a round comes no other: `after` is another floor".to_owned()
    })?;
    fits(!segment.hard_stop || segment.turn_seconds.is_some(), || {
        "`hard_stop` needs `turn_seconds`".to_owned()
    })?;
    let members = segment.chat == hearth_protocol::ChatPolicy::Members;
    fits(!members || rules.member_chat, || {
        "`chat = \"members\"` goes against `member_chat = false` in the rules".to_owned()
    })?;
    let fair = round && segment.turn_seconds.is_some() && segment.reactions == ReactionPolicy::Off;
    fits(segment.kind != SegmentKind::Repair || fair, || {
        "a repair has equal turns: `floor = \"round\"`, `turn_seconds`, and `reactions = \"off\"`".to_owned()
    })
}

fn is_about_rounds(segment: &FormatSegment) -> bool {
    segment.turn_seconds.is_some()
        || segment.hard_stop
        || segment.include_facilitators
        || segment.after.is_some()
        || segment.order != crate::TurnOrder::default()
}

fn fits(fits: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if fits { Ok(()) } else { Err(what()) }
}

fn place(toml: &str, at: usize, what: String) -> BadFormat {
    let before = &toml[..toml.floor_char_boundary(at)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    BadFormat { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1, what }
}

/// The words of the reader of TOML, as a person would say them.
fn plain(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let said = if let Some(rest) = line.strip_prefix("unknown field ") {
        format!(
            "there is no {}",
            rest.replace("expected one of", "but there are").replace("expected", "but there is")
        )
    } else if let Some(field) = line.strip_prefix("missing field ") {
        format!("{field} is missing")
    } else if let Some(rest) = line.strip_prefix("unknown variant ") {
        rest.replace(", expected", " is not possible here; possible is")
    } else if let Some(rest) = line.strip_prefix("invalid type: ").or(line.strip_prefix("invalid value: ")) {
        rest.replace("expected u32", "should be a whole number")
            .replace("expected a boolean", "should be true or false")
            .replace("expected a string", "should be text in quotes")
            .replace("expected", "should be")
    } else {
        line.to_owned()
    };
    said.trim_end_matches('.').chars().filter(|letter| !letter.is_control()).take(FAULT_CHARS_MAX).collect()
}
