//! A format: how a kind of group meets, as data. An agenda of segments, and rules that hold from the door on.

mod reading;

use std::sync::LazyLock;

use hearth_protocol::{ChatPolicy, FloorMode, HandOrder, ReactionPolicy, RoundOrder, SegmentKind, Source};
use serde::{Deserialize, Serialize};

pub use reading::BadFormat;

/// How a kind of group meets. Made by [`Format::read`], which checks all bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// By which it is chosen: small letters, digits and underscores.
    pub name: String,
    /// Shown to everyone.
    pub title: String,
    /// For whoever chooses among formats.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    #[serde(default)]
    pub rules: FormatRules,
    /// 1 to 32, in order. People arrive in the first, so it is no round.
    #[serde(rename = "segment")]
    pub segments: Vec<FormatSegment>,
}

/// What a kind of group asks of the door and of who leads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FormatRules {
    /// At most; the room's own capacity bounds it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Up to 300 may listen; without it no room holds more than 50.
    pub audience: bool,
    /// At most; the room's own limit bounds it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observers_max: Option<u32>,
    /// A ticketed peer lead may begin a session and go on with it alone.
    pub peer_lead: bool,
    /// With fewer facilitators connected, the room goes on hold.
    pub facilitators_min: u32,
    /// After this long.
    pub facilitators_wait_seconds: u32,
    /// Members need a guardian's consent in their ticket.
    pub minors: bool,
    /// Only subjects on the room's list come in.
    pub roster_only: bool,
    /// Everyone waits to be let in, whatever room and ticket say.
    pub waiting_room: bool,
    /// Members may write to each other, where a segment allows it.
    pub member_chat: bool,
}

/// A part of the meeting. What it does not name is open, so that a segment reads as what it closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatSegment {
    pub kind: SegmentKind,
    pub title: String,
    /// Gentle: shown, and nothing happens when they are over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    pub floor: FloorMode,
    /// Of a round: seconds that a turn is meant to take; without, turns are untimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_seconds: Option<u32>,
    /// Of a round: turns end when their time is over, with a warning before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hard_stop: bool,
    /// Of a round.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: TurnOrder,
    /// Of a round: facilitators take a turn too.
    #[serde(default, skip_serializing_if = "is_default")]
    pub include_facilitators: bool,
    /// Of a round: the floor when everyone has had a turn; without, `hands`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FloorMode>,
    /// What members may send.
    #[serde(default = "all_sources")]
    pub sources: Vec<Source>,
    #[serde(default)]
    pub chat: ChatPolicy,
    #[serde(default)]
    pub reactions: ReactionPolicy,
    #[serde(default)]
    pub hands: HandOrder,
    /// On everyone's screen while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// Whose turn comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnOrder {
    /// In the order in which people were seated.
    #[default]
    Seated,
    /// Who was heard least comes first.
    Equity,
}

impl Format {
    /// The longest text that is read. Bytes.
    pub const BYTES_MAX: usize = 32 * 1024;
    pub const SEGMENTS_MAX: usize = 32;

    /// Those that come with the program, by name in order.
    pub fn shipped() -> &'static [Format] {
        &SHIPPED
    }

    pub fn find_shipped(name: &str) -> Option<&'static Format> {
        Format::shipped().iter().find(|format| format.name == name)
    }

    pub fn read(toml: &str) -> Result<Format, BadFormat> {
        reading::read(toml)
    }

    /// As TOML that is read as the same format again.
    pub fn write(&self) -> String {
        toml::to_string_pretty(self).expect("a format is strings, numbers and tables with names")
    }
}

impl Default for Format {
    fn default() -> Format {
        Format::find_shipped("support_circle").expect("it is shipped").clone()
    }
}

impl FormatRules {
    /// What holds where both do: the stricter of each.
    pub(crate) fn and(self, other: FormatRules) -> FormatRules {
        let least = |one: Option<u32>, two: Option<u32>| one.into_iter().chain(two).min();
        FormatRules {
            capacity: least(self.capacity, other.capacity),
            audience: self.audience && other.audience,
            observers_max: least(self.observers_max, other.observers_max),
            peer_lead: self.peer_lead && other.peer_lead,
            facilitators_min: self.facilitators_min.max(other.facilitators_min),
            facilitators_wait_seconds: self.wait().into_iter().chain(other.wait()).min().unwrap_or(0),
            minors: self.minors || other.minors,
            roster_only: self.roster_only || other.roster_only,
            waiting_room: self.waiting_room || other.waiting_room,
            member_chat: self.member_chat && other.member_chat,
        }
    }
}

impl FormatRules {
    fn wait(&self) -> Option<u32> {
        (self.facilitators_min > 1).then_some(self.facilitators_wait_seconds)
    }
}

impl Default for FormatRules {
    fn default() -> FormatRules {
        FormatRules {
            capacity: None,
            audience: false,
            observers_max: None,
            peer_lead: false,
            facilitators_min: 1,
            facilitators_wait_seconds: 60,
            minors: false,
            roster_only: false,
            waiting_room: false,
            member_chat: true,
        }
    }
}

impl FormatSegment {
    pub(crate) fn after_round(&self) -> FloorMode {
        self.after.unwrap_or(FloorMode::Hands)
    }
}

impl From<TurnOrder> for RoundOrder {
    fn from(order: TurnOrder) -> RoundOrder {
        match order {
            TurnOrder::Seated => RoundOrder::Seated,
            TurnOrder::Equity => RoundOrder::Equity,
        }
    }
}

static SHIPPED: LazyLock<Vec<Format>> = LazyLock::new(|| {
    let read = |toml| Format::read(toml).expect("a test reads every shipped format");
    SHIPPED_TOML.map(read).into()
});

const SHIPPED_TOML: [&str; 14] = [
    include_str!("../formats/alumni.toml"),
    include_str!("../formats/cbt.toml"),
    include_str!("../formats/check_in.toml"),
    include_str!("../formats/dual_diagnosis.toml"),
    include_str!("../formats/integrated.toml"),
    include_str!("../formats/interpersonal_process.toml"),
    include_str!("../formats/process_oriented.toml"),
    include_str!("../formats/psychoeducation.toml"),
    include_str!("../formats/relapse_prevention.toml"),
    include_str!("../formats/restricted.toml"),
    include_str!("../formats/skills.toml"),
    include_str!("../formats/support_circle.toml"),
    include_str!("../formats/teen.toml"),
    include_str!("../formats/twelve_step.toml"),
];

fn all_sources() -> Vec<Source> {
    vec![Source::Microphone, Source::Camera, Source::Screen]
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_sets_of_rules_the_stricter_of_each_holds() {
        let loose = FormatRules {
            capacity: None,
            audience: true,
            observers_max: None,
            peer_lead: true,
            facilitators_min: 1,
            facilitators_wait_seconds: 0,
            minors: false,
            roster_only: false,
            waiting_room: false,
            member_chat: true,
        };
        let strict = FormatRules {
            capacity: Some(4),
            audience: false,
            observers_max: Some(0),
            peer_lead: false,
            facilitators_min: 2,
            facilitators_wait_seconds: 60,
            minors: true,
            roster_only: true,
            waiting_room: true,
            member_chat: false,
        };
        assert_eq!(loose.and(strict), strict);
        assert_eq!(strict.and(loose), strict);
    }

    #[test]
    fn what_goes_without_saying_is_not_written() {
        assert!(!Format::default().write().contains("hard_stop"));
    }
}
