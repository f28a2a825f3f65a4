//! Section 8: the format that the session runs, the segment that it is in, and breaks.

use std::collections::BTreeSet;

use hearth_protocol::{
    AgendaItem, ChatPolicy, FloorMode, HandOrder, ReactionPolicy, Role, SegmentSettings, Source,
};
use hearth_room::{Claims, Format, FormatSegment};

use super::{Model, Seat, Turns, counts};

#[derive(Clone, Debug)]
pub struct Agenda {
    pub format: Format,
    adopted: u32,
    pub at: usize,
    since: Option<u32>,
    /// What is in force, as the segment sets it or as it was changed since.
    pub sources: Vec<Source>,
    pub chat: ChatPolicy,
    pub reactions: ReactionPolicy,
    pub hands: HandOrder,
    /// Since when too few facilitators have been there.
    pub short_since: Option<u32>,
}

/// What holds from the door on: of two formats the stricter.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub peer_lead: bool,
    pub capacity: u32,
    pub observers_max: u32,
    pub facilitators_min: u32,
    pub wait_ms: u32,
    pub minors: bool,
    pub roster_only: bool,
    pub waiting_room: bool,
    pub member_chat: bool,
}

impl Agenda {
    pub fn of(format: &Format) -> Agenda {
        let mut agenda = Agenda {
            format: format.clone(),
            adopted: 0,
            at: 0,
            since: None,
            sources: Vec::new(),
            chat: ChatPolicy::Room,
            reactions: ReactionPolicy::All,
            hands: HandOrder::Fifo,
            short_since: None,
        };
        agenda.set();
        agenda
    }

    pub fn first_floor(format: &Format) -> FloorMode {
        format.segments[0].floor
    }

    /// All that the segment says.
    fn set(&mut self) {
        let FormatSegment { sources, chat, reactions, hands, .. } = self.format.segments[self.at].clone();
        (self.sources, self.chat, self.reactions, self.hands) = (sources, chat, reactions, hands);
    }

    pub fn until(&self) -> Option<u32> {
        Some(self.since? + self.format.segments[self.at].seconds? * 1_000)
    }
}

impl Model {
    pub fn rules(&self) -> Rules {
        let both = [self.definition.format.rules, self.agenda.format.rules];
        let policy = self.policy();
        let any_audience = both.iter().all(|rules| rules.audience);
        let capacity = both.iter().filter_map(|rules| rules.capacity).fold(policy.capacity, u32::min);
        let strict = both.iter().filter(|rules| rules.facilitators_min > 1);
        Rules {
            peer_lead: both.iter().all(|rules| rules.peer_lead),
            capacity: if any_audience { capacity } else { capacity.min(50) },
            observers_max: both
                .iter()
                .filter_map(|rules| rules.observers_max)
                .fold(policy.observers_max, u32::min),
            facilitators_min: both.iter().map(|rules| rules.facilitators_min).max().unwrap_or(1),
            wait_ms: strict.map(|rules| rules.facilitators_wait_seconds * 1_000).min().unwrap_or(0),
            minors: both.iter().any(|rules| rules.minors),
            roster_only: both.iter().any(|rules| rules.roster_only),
            waiting_room: policy.waiting_room || both.iter().any(|rules| rules.waiting_room),
            member_chat: both.iter().all(|rules| rules.member_chat),
        }
    }

    pub fn segment(&self) -> Option<&FormatSegment> {
        self.agenda.format.segments.get(self.agenda.at)
    }

    /// Before freeze and hold.
    pub fn base_chat(&self) -> ChatPolicy {
        match self.agenda.chat {
            ChatPolicy::Members if !self.rules().member_chat => ChatPolicy::Room,
            chat @ (ChatPolicy::Facilitators | ChatPolicy::Room | ChatPolicy::Members) => chat,
        }
    }

    /// The reason `format`: of members, and of peer leads where they do not lead.
    pub fn format_closes(&self, seat: &Seat, source: Source) -> bool {
        let meant = match seat.claims.role {
            Role::Member => true,
            Role::PeerLead => !self.charges(Role::PeerLead),
            Role::Facilitator | Role::Cofacilitator | Role::Interpreter | Role::Observer => false,
        };
        meant && !self.agenda.sources.contains(&source)
    }

    /// Whom the format lets through the door at all.
    pub fn is_expected(&self, claims: &Claims) -> bool {
        let rules = self.rules();
        let listed = !rules.roster_only || self.definition.roster.contains(&claims.subject);
        listed && (!rules.minors || claims.guardian_consent || !counts(claims.role))
    }

    pub fn role_by(&self, subject: &str) -> Option<Role> {
        self.role_of(*self.numbers.get(subject)?)
    }

    pub fn is_staffed(&self) -> bool {
        let least = self.rules().facilitators_min;
        let here = self.facilitators().filter(|seat| !self.is_barred(seat));
        least <= 1 || here.count() >= least as usize
    }

    /// Counted from the last sign of life of whoever left last.
    pub fn settle_staff(&mut self) {
        let Some(started) = self.started.filter(|_| !self.is_staffed()) else {
            self.agenda.short_since = None;
            return;
        };
        if self.agenda.short_since.is_some() {
            return;
        }
        let barred = |seat: &Seat| (seat.connection.is_some() && self.is_barred(seat)).then_some(self.now);
        let held = self.seats.iter().filter(|seat| seat.is_facilitator());
        let held = held.filter_map(|seat| seat.dropped.or_else(|| barred(seat)));
        let facilitates = |subject: &str| self.role_by(subject).is_some_and(Role::is_facilitator);
        let here = |subject: &str| self.seat(subject).is_some();
        let gone = self.gone.iter().filter(|(subject, _)| facilitates(subject) && !here(subject));
        let left = held.chain(gone.map(|(_, (_, since))| *since)).max().unwrap_or(self.now);
        self.agenda.short_since = Some(left.max(started).max(self.agenda.adopted));
    }

    pub fn short_until(&self) -> Option<u32> {
        let since = self.agenda.short_since.filter(|_| self.hold.is_none())?;
        Some(since + self.rules().wait_ms)
    }

    /// The agenda runs from the session's start.
    pub fn settle_agenda(&mut self) {
        if self.agenda.since.is_none() {
            self.agenda.since = self.started;
        }
    }

    /// Everything that it sets, at once.
    pub fn step_to(&mut self, at: usize) {
        let segment = self.agenda.format.segments[at].clone();
        self.clear_floor();
        if segment.floor == FloorMode::Round {
            self.start_round(&Turns {
                order: segment.order.into(),
                turn_ms: segment.turn_seconds.map(|seconds| seconds * 1_000),
                facilitators: segment.include_facilitators,
                hard_stop: segment.hard_stop,
                after: segment.after.unwrap_or(FloorMode::Hands),
            });
        } else {
            self.floor.mode = segment.floor;
        }
        self.agenda.at = at;
        self.agenda.since = Some(self.now);
        self.agenda.set();
    }

    pub fn override_segment(&mut self, settings: &SegmentSettings) {
        let agenda = &mut self.agenda;
        agenda.sources = settings.sources.clone().unwrap_or(std::mem::take(&mut agenda.sources));
        agenda.chat = settings.chat.unwrap_or(agenda.chat);
        agenda.reactions = settings.reactions.unwrap_or(agenda.reactions);
        agenda.hands = settings.hands.unwrap_or(agenda.hands);
    }

    pub fn adopt(&mut self, format: &Format) {
        self.clear_floor();
        self.floor.mode = Agenda::first_floor(format);
        let (since, short_since) = (self.agenda.since.map(|_| self.now), self.agenda.short_since);
        self.agenda = Agenda { adopted: self.now, since, short_since, ..Agenda::of(format) };
    }

    /// A new definition counts as one too.
    pub fn adopted_anew(&mut self) {
        self.agenda.adopted = self.now;
    }

    /// By its name: the room's own, the house's, and those that are shipped.
    pub fn find_format(&self, name: &str) -> Option<&Format> {
        self.formats().find(|format| format.name == name)
    }

    pub fn format_names(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.formats().map(|format| &format.name).collect();
        names.into_iter().cloned().collect()
    }

    fn formats(&self) -> impl Iterator<Item = &Format> {
        let own = std::iter::once(&self.definition.format).chain(&self.definition.formats);
        own.chain(Format::shipped())
    }

    pub fn agenda_view(&self) -> Vec<AgendaItem> {
        let item = |segment: &FormatSegment| AgendaItem {
            kind: segment.kind,
            title: segment.title.clone(),
            seconds: segment.seconds,
        };
        self.agenda.format.segments.iter().map(item).collect()
    }

    pub fn rest(&mut self, seconds: u32) {
        self.rest_until = Some(self.now + seconds.clamp(1, 3_600) * 1_000);
        self.pause_round();
    }

    pub fn end_rest(&mut self) {
        self.rest_until = None;
        self.go_on_with_round();
    }
}
