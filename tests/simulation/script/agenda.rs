//! The meeting's course: steps, overrides, other formats, breaks, and breaches.

use std::sync::LazyLock;

use hearth_protocol::{
    BreachCode, ChatPolicy, HandOrder, ReactionPolicy, Request, SegmentKind, SegmentSettings, Source,
};
use hearth_room::Format;

use super::words::anyone_or_none;
use crate::{chance::Chance, judge::Judge};

/// The house's own, short enough for all of their parts to come.
pub static HOUSE: LazyLock<Vec<Format>> = LazyLock::new(|| {
    let read = |toml| Format::read(toml).expect("it is well written");
    [TURNS, PAIR, LISTED].map(read).into()
});

const TURNS: &str = r#"
name = "turns"
title = "Turns that end"

[[segment]]
kind = "welcome"
title = "Coming in"
floor = "open"

[[segment]]
kind = "repair"
title = "Repair"
seconds = 90
floor = "round"
turn_seconds = 40
hard_stop = true
reactions = "off"
chat = "facilitators"

[[segment]]
kind = "check_in"
title = "Round"
floor = "round"
turn_seconds = 10
hard_stop = true
order = "equity"
include_facilitators = true
after = "open"

[[segment]]
kind = "feedback"
title = "Feedback"
floor = "hands"
hands = "equity"
chat = "members"
reactions = "with_you"

[[segment]]
kind = "exercise"
title = "Voices alone"
floor = "hands"
hands = "manual"
sources = ["microphone"]
prompt = "Listen."

[[segment]]
kind = "quiet"
title = "Quiet"
floor = "quiet"
sources = []
"#;

const PAIR: &str = r#"
name = "pair"
title = "With two"

[rules]
capacity = 4
facilitators_min = 2
facilitators_wait_seconds = 20
member_chat = false

[[segment]]
kind = "welcome"
title = "Coming in"
floor = "hands"

[[segment]]
kind = "share"
title = "Share"
floor = "open"
sources = ["microphone", "camera"]
"#;

const LISTED: &str = r#"
name = "listed"
title = "For those on the list"

[rules]
roster_only = true
minors = true
facilitators_min = 2
facilitators_wait_seconds = 60
observers_max = 0
waiting_room = true
member_chat = false

[[segment]]
kind = "welcome"
title = "Coming in"
floor = "open"
chat = "facilitators"
"#;

const NO_FORMAT: &str = "name = \"Not one\"\ntitle = \"\"";

/// Most of the time on to what comes next.
pub fn course(judge: &Judge, chance: &mut Chance) -> Request {
    let agenda = &judge.model.agenda;
    let many = u32::try_from(agenda.format.segments.len()).expect("32 at most");
    match chance.below(20) {
        0..=2 if house_feedback(judge).is_some() => {
            Request::StepTo { segment: house_feedback(judge).unwrap_or_default() }
        }
        0..=8 => Request::StepTo { segment: chance.below(many + 1) },
        9 | 10 => Request::Override { settings: settings(chance) },
        11 | 12 => Request::ChangeFormat { format: name(judge, chance) },
        13 if chance.one_in(2) => Request::ImportFormat { toml: toml(chance) },
        13 | 14 => Request::ExportFormat,
        15..=17 => Request::Break { seconds: chance.below(40) },
        18 => Request::EndBreak,
        _ => Request::RoundSuspendStop,
    }
}

/// Where the format has one.
fn house_feedback(judge: &Judge) -> Option<u32> {
    let segments = &judge.model.agenda.format.segments;
    let at = segments.iter().position(|segment| segment.kind == SegmentKind::Feedback)?;
    u32::try_from(at).ok()
}

pub fn breach(judge: &Judge, chance: &mut Chance) -> Request {
    let codes = [BreachCode::Recording, BreachCode::Screenshot, BreachCode::Other];
    let code = *chance.pick(&codes).expect("three");
    Request::Breach { code, participant: anyone_or_none(judge, chance) }
}

fn settings(chance: &mut Chance) -> SegmentSettings {
    let sources = [Source::Microphone, Source::Camera, Source::Screen];
    let chats = [ChatPolicy::Facilitators, ChatPolicy::Room, ChatPolicy::Members];
    let reactions = [ReactionPolicy::Off, ReactionPolicy::WithYou, ReactionPolicy::All];
    let hands = [HandOrder::Fifo, HandOrder::Equity, HandOrder::Manual];
    let sources: Vec<Source> = sources.into_iter().filter(|_| !chance.one_in(3)).collect();
    SegmentSettings {
        sources: chance.one_in(2).then_some(sources),
        chat: chance.one_in(2).then(|| *chance.pick(&chats).expect("three")),
        reactions: chance.one_in(2).then(|| *chance.pick(&reactions).expect("three")),
        hands: chance.one_in(2).then(|| *chance.pick(&hands).expect("three")),
    }
}

/// More often than not one that lets a meeting go on.
fn name(judge: &Judge, chance: &mut Chance) -> String {
    let names = judge.model.format_names();
    match chance.below(6) {
        0 => "nothing".to_owned(),
        1 | 2 => chance.pick(&names).expect("some are shipped").clone(),
        3 => "pair".to_owned(),
        _ => "turns".to_owned(),
    }
}

fn toml(chance: &mut Chance) -> String {
    if chance.one_in(3) {
        return NO_FORMAT.to_owned();
    }
    chance.pick(&HOUSE).expect("three").write()
}
