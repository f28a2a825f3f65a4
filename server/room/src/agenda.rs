//! The meeting's course: which segment of the format runs, what it sets, and what facilitators changed of it.
//!
//! The session keeps the format that it began with until the lead changes it. The rules of the room's own format hold beside it:
//! a change in a session may add to them and never takes one away.

use hearth_forwarding::{Source, Subject};
use hearth_protocol::{
    AgendaItem, ChatPolicy, FloorMode, HandOrder, Millis, Outcome, ReactionPolicy, RefusalCode, Role,
    SegmentKind, SegmentSettings,
};
use serde::{Deserialize, Serialize};

use crate::answers::Refused;
use crate::round::Plan;
use crate::seat::{Seat, spoken};
use crate::{Act, Effects, Format, FormatRules, FormatSegment, Room};

/// A room without an audience never holds more.
const CAPACITY_MAX: u32 = 50;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agenda {
    format: Format,
    /// Since when it has been the session's.
    pub adopted: u32,
    at: u32,
    /// Since when this segment has run; none before the session begins.
    pub since: Option<u32>,
    settings: Settings,
    /// Since when too few facilitators have been connected.
    pub short_since: Option<u32>,
}

/// What is in force: as the segment sets it, and as it was changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Settings {
    sources: Vec<Source>,
    chat: ChatPolicy,
    reactions: ReactionPolicy,
    hands: HandOrder,
}

impl Agenda {
    pub fn of(format: &Format) -> Agenda {
        let settings = format.segments.first().map_or_else(Settings::open, Settings::of);
        Agenda { format: format.clone(), adopted: 0, at: 0, since: None, settings, short_since: None }
    }

    /// None is left only where a format was made by hand.
    pub fn segment(&self) -> Option<&FormatSegment> {
        self.format.segments.get(usize::try_from(self.at).ok()?)
    }

    pub fn first_floor(format: &Format) -> FloorMode {
        let first = format.segments.first().map(|segment| segment.floor);
        first.filter(|mode| *mode != FloorMode::Round).unwrap_or(FloorMode::Open)
    }
}

impl Default for Agenda {
    fn default() -> Agenda {
        Agenda::of(&Format::default())
    }
}

impl Settings {
    fn open() -> Settings {
        Settings {
            sources: Source::ALL.to_vec(),
            chat: ChatPolicy::default(),
            reactions: ReactionPolicy::default(),
            hands: HandOrder::default(),
        }
    }

    fn of(segment: &FormatSegment) -> Settings {
        let FormatSegment { chat, reactions, hands, .. } = *segment;
        Settings { sources: set(&segment.sources), chat, reactions, hands }
    }
}

fn set(sources: &[hearth_protocol::Source]) -> Vec<Source> {
    Source::ALL.into_iter().filter(|source| sources.contains(&spoken(*source))).collect()
}

impl Room {
    /// What holds from the door on.
    pub(crate) fn rules(&self) -> FormatRules {
        self.definition.format.rules.and(self.agenda.format.rules)
    }

    /// Seats that count, at most.
    pub(crate) fn capacity(&self) -> u32 {
        let rules = self.rules();
        let most = if rules.audience { u32::MAX } else { CAPACITY_MAX };
        self.definition.policy.capacity.min(rules.capacity.unwrap_or(u32::MAX)).min(most)
    }

    pub(crate) fn observers_max(&self) -> u32 {
        self.definition.policy.observers_max.min(self.rules().observers_max.unwrap_or(u32::MAX))
    }

    pub(crate) fn segment_kind(&self) -> Option<SegmentKind> {
        self.agenda.segment().map(|segment| segment.kind)
    }

    /// As segment and override have it, before freeze and hold.
    pub(crate) fn base_chat(&self) -> ChatPolicy {
        match self.agenda.settings.chat {
            ChatPolicy::Members if !self.rules().member_chat => ChatPolicy::Room,
            chat @ (ChatPolicy::Facilitators | ChatPolicy::Room | ChatPolicy::Members) => chat,
        }
    }

    pub(crate) fn base_reactions(&self) -> ReactionPolicy {
        self.agenda.settings.reactions
    }

    pub(crate) fn hand_order(&self) -> HandOrder {
        self.agenda.settings.hands
    }

    /// A segment says what members may send. Who leads the session is not meant, nor who speaks for another.
    pub(crate) fn format_closes(&self, seat: &Seat, source: Source) -> bool {
        let meant = match seat.role {
            Role::Member => true,
            Role::PeerLead => !self.may_take_charge(seat.role),
            Role::Facilitator | Role::Cofacilitator | Role::Interpreter | Role::Observer => false,
        };
        meant && !self.agenda.settings.sources.contains(&source)
    }

    /// Everything that it sets, at once. It takes no reason away that another rule owns.
    pub(crate) fn step_to(&mut self, out: &mut Effects, actor: Subject, at: u32) -> Result<(), RefusalCode> {
        let segment = usize::try_from(at).ok().and_then(|at| self.agenda.format.segments.get(at));
        let segment = segment.ok_or(RefusalCode::NotFound)?.clone();
        if segment.floor == FloorMode::Round {
            let plan = Plan {
                order: segment.order.into(),
                turn_seconds: segment.turn_seconds,
                facilitators: segment.include_facilitators,
                hard_stop: segment.hard_stop,
                after: segment.after_round(),
            };
            self.set_round(out, plan)?;
        } else {
            self.floor.set_mode(segment.floor);
        }
        self.agenda.at = at;
        self.agenda.since = Some(self.now);
        self.agenda.settings = Settings::of(&segment);
        self.record(out, Some(actor), Act::SteppedTo { segment: at });
        Ok(())
    }

    /// Until the next step. What is not named stays as it is.
    pub(crate) fn override_segment(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        changed: &SegmentSettings,
    ) -> Result<(), RefusalCode> {
        if changed.chat == Some(ChatPolicy::Members) && !self.rules().member_chat {
            return Err(RefusalCode::NotPossible);
        }
        let settings = &mut self.agenda.settings;
        if let Some(sources) = &changed.sources {
            settings.sources = set(sources);
        }
        settings.chat = changed.chat.unwrap_or(settings.chat);
        settings.reactions = changed.reactions.unwrap_or(settings.reactions);
        settings.hands = changed.hands.unwrap_or(settings.hands);
        self.record(out, Some(actor), Act::Overridden);
        Ok(())
    }

    pub(crate) fn change_format(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        name: &str,
    ) -> Result<(), RefusalCode> {
        let own = std::iter::once(&self.definition.format).chain(&self.definition.formats);
        let format = own.chain(Format::shipped()).find(|format| format.name == name);
        let format = format.ok_or(RefusalCode::NotFound)?.clone();
        self.adopt(out, actor, format)
    }

    /// What cannot be read is answered with where it goes wrong.
    pub(crate) fn import_format(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        toml: &str,
    ) -> Result<(), Refused> {
        let format = Format::read(toml)
            .map_err(|bad| Refused { code: RefusalCode::BadFormat, message: Some(bad.to_string()) })?;
        Ok(self.adopt(out, actor, format)?)
    }

    pub(crate) fn export_format(&self) -> Outcome {
        Outcome::Format { toml: self.agenda.format.write() }
    }

    /// Begins with its first segment.
    fn adopt(&mut self, out: &mut Effects, actor: Subject, format: Format) -> Result<(), RefusalCode> {
        // Nobody could come back into a room without a list.
        if format.rules.roster_only && self.definition.roster.is_empty() {
            return Err(RefusalCode::NotPossible);
        }
        let name = format.name.clone();
        self.floor.set_mode(Agenda::first_floor(&format));
        self.agenda = Agenda {
            adopted: self.now,
            since: self.agenda.since.map(|_| self.now),
            short_since: self.agenda.short_since,
            ..Agenda::of(&format)
        };
        self.record(out, Some(actor), Act::FormatChanged { format: name });
        Ok(())
    }

    pub(crate) fn format_title(&self) -> String {
        self.agenda.format.title.clone()
    }

    pub(crate) fn segment_view(&self) -> Option<hearth_protocol::Segment> {
        let segment = self.agenda.segment()?;
        let ms = segment.seconds.map(|seconds| seconds.saturating_mul(1_000));
        let shown = self.agenda.since.zip(ms).filter(|_| !self.cards.care);
        let until = shown.map(|(since, ms)| Millis(since.saturating_add(ms)));
        Some(hearth_protocol::Segment {
            index: self.agenda.at,
            kind: segment.kind,
            title: segment.title.clone(),
            prompt: segment.prompt.clone(),
            until,
        })
    }

    pub(crate) fn agenda_ahead(&self) -> Vec<AgendaItem> {
        let item = |segment: &FormatSegment| AgendaItem {
            kind: segment.kind,
            title: segment.title.clone(),
            seconds: segment.seconds,
        };
        self.agenda.format.segments.iter().map(item).collect()
    }

    /// By which `change_format` finds them.
    pub(crate) fn format_names(&self) -> Vec<String> {
        let own = std::iter::once(&self.definition.format).chain(&self.definition.formats);
        let names: std::collections::BTreeSet<&String> =
            own.chain(Format::shipped()).map(|format| &format.name).collect();
        names.into_iter().cloned().collect()
    }
}
