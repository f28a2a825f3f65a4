//! The room of a meeting out of bytes.

use hearth_protocol::{Card, GroundRules};
use hearth_room::{Definition, Format, Policy};

use crate::choices::Choices;

/// None of this name: the room is open from the start.
const FORMATS: [&str; 8] = ["", "support_circle", "twelve_step", "teen", "restricted", "", "cbt", "alumni"];

pub fn definition(choices: &mut Choices<'_>) -> Definition {
    let line = |text: &str| text.to_owned();
    let policy = Policy {
        waiting_room: choices.flip(),
        outside_waits: choices.flip(),
        capacity: 1 + u32::from(choices.below(6)),
        observers_max: u32::from(choices.below(3)),
        knocks_max: 1 + u32::from(choices.below(6)),
        speakers_max: u32::from(choices.below(3)),
        private_queue: choices.flip(),
        hold_ms: choices.pause(),
        unattended_ms: choices.pause(),
        grace_ms: choices.pause(),
        requests_remembered: u32::from(choices.below(4)),
        // Hours pass in a meeting of a few hundred bytes.
        waiting_beat_ms: 60_000,
        ..Policy::default()
    };
    Definition {
        title: line("A group"),
        ground_rules: rules(1),
        crisis_line: line("Help at once"),
        removal_card: Card {
            title: line("Card"),
            text: line("Text"),
            crisis_line: line("Line"),
            contact: line("Whom to ask"),
        },
        policy,
        format: choices
            .pick(&FORMATS)
            .and_then(|name| Format::find_shipped(name))
            .cloned()
            .unwrap_or_default(),
        formats: Vec::new(),
        roster: (0..8).map(|who| format!("subject-{who}")).collect(),
    }
}

pub fn rules(version: u32) -> GroundRules {
    let hash = if version == 1 { "first" } else { "second" };
    GroundRules { version, hash: hash.to_owned(), rules: vec!["What is said here stays here.".to_owned()] }
}
