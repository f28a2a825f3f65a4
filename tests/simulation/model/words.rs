//! Section 9: what was written and to whom, what is shown to everyone, and what belongs to each alone. In memory, and gone with it.

use std::collections::{BTreeMap, BTreeSet};

use hearth_protocol::{
    Audience, Change, ChatPolicy, Goal, Millis, Notice, ParticipantId, Prompt, Reaction, ReactionPolicy,
    RefusalCode, Request, Role, SegmentKind, Timer,
};
use hearth_room::ConnectionId;

use super::{Model, Seat, counts};

const REMEMBERED: usize = 64;
const PACE_MS: u32 = 10_000;
const ENOUGH: usize = 5;

#[derive(Clone, Debug, Default)]
pub struct Words {
    /// The last ones of each author, oldest first.
    pub written: Vec<Written>,
    /// When each wrote, and whether it was taken.
    paces: BTreeMap<u32, Vec<(u32, bool)>>,
    pub prompt: Option<Prompt>,
    pub timer: Option<Timer>,
    pub care: bool,
    pub scale: Option<Scale>,
    pub own: BTreeMap<u32, Mine>,
    /// When everyone is reminded again.
    pub reminder: Option<u32>,
    pub reminds: bool,
    /// What is to be said in this step, to whom.
    pub due: Vec<Said>,
}

/// Something said once, with the connections that hear it and nobody else does.
#[derive(Clone, Debug)]
pub struct Said {
    pub change: Change,
    pub to: BTreeSet<ConnectionId>,
}

#[derive(Clone, Debug)]
pub struct Written {
    pub id: u32,
    pub author: u32,
    pub told: BTreeSet<u32>,
    pub unsaid: bool,
}

#[derive(Clone, Debug)]
pub struct Scale {
    pub question: String,
    /// The value, and whether the facilitators may know whose it is.
    pub answers: BTreeMap<u32, (u32, bool)>,
}

#[derive(Clone, Debug, Default)]
pub struct Mine {
    pub goal: Option<Goal>,
    pub milestones: Vec<String>,
    pub takes_feedback: bool,
    /// By the number of the message.
    pub feedback: Vec<(u32, String)>,
    pub rating: Option<u32>,
}

impl Model {
    /// Connected, and in agreement with the rules.
    pub fn hears(&self, seat: &Seat) -> bool {
        seat.connection.is_some() && !self.is_barred(seat)
    }

    pub fn hearing(&self, number: u32) -> Option<&Seat> {
        self.seat_of(number).filter(|seat| self.hears(seat))
    }

    /// The connections of those who hear the room and are meant.
    pub fn connections(&self, meant: impl Fn(&Seat) -> bool) -> BTreeSet<ConnectionId> {
        let hearing = self.seats.iter().filter(|seat| self.hears(seat) && meant(seat));
        hearing.filter_map(|seat| seat.connection).collect()
    }

    pub fn expect(&mut self, change: Change, to: BTreeSet<ConnectionId>) {
        self.words.due.push(Said { change, to });
    }

    pub fn expect_notice(&mut self, notice: Notice, meant: impl Fn(&Seat) -> bool) {
        let to = self.connections(meant);
        self.expect(Change::Notice { notice }, to);
    }

    /// Somebody knocks for a seat whose owner is connected here.
    pub fn expect_new_device(&mut self, there: Option<ConnectionId>) {
        let hears = |one: &ConnectionId| self.seat_behind(*one).is_some_and(|seat| self.hears(seat));
        let to = there.filter(hears).into_iter().collect();
        self.expect(Change::Notice { notice: Notice::NewDevice }, to);
    }

    /// Whom words are for, their author aside.
    pub fn is_for(&self, reader: &Seat, from: u32, to: Audience) -> bool {
        match to {
            Audience::Room => self.shares_space(reader.number, from),
            Audience::Everywhere => true,
            Audience::Facilitators | Audience::Team => reader.is_facilitator(),
            Audience::Participant { participant } => participant.0 == reader.number,
        }
    }

    pub fn chat(&self) -> ChatPolicy {
        if self.freeze.is_some() || self.hold.is_some() { ChatPolicy::Facilitators } else { self.base_chat() }
    }

    /// Of two in a crisis, whom what pauses the room does not reach.
    pub fn spared_chat(&self, seat: &Seat) -> Option<ChatPolicy> {
        let paused = self.freeze.is_some() || self.hold.is_some() || self.rest_until.is_some();
        (paused && self.is_in_crisis(seat)).then(|| self.base_chat())
    }

    pub fn reactions(&self) -> ReactionPolicy {
        match self.agenda.reactions {
            ReactionPolicy::All if self.words.care => ReactionPolicy::WithYou,
            other @ (ReactionPolicy::Off | ReactionPolicy::WithYou | ReactionPolicy::All) => other,
        }
    }

    pub fn takes(&self, reaction: Reaction) -> bool {
        match self.reactions() {
            ReactionPolicy::Off => false,
            ReactionPolicy::WithYou => reaction == Reaction::WithYou,
            ReactionPolicy::All => true,
        }
    }

    /// Why one's words may not go to the group.
    pub fn not_to_the_group(&self, seat: &Seat) -> Option<RefusalCode> {
        if seat.claims.role == Role::Observer {
            return Some(RefusalCode::NotAllowed);
        }
        if seat.is_facilitator() {
            return None;
        }
        if self.hold.is_some() {
            return Some(RefusalCode::OnHold);
        }
        if self.freeze.is_some() {
            return Some(RefusalCode::Frozen);
        }
        (!self.may_write(seat.number)).then_some(RefusalCode::NotPossible)
    }

    /// How many texts of this person count just now, those that were turned down for how they were written included or not.
    pub fn pace(&self, number: u32, all: bool) -> usize {
        let paces = self.words.paces.get(&number).map(Vec::as_slice).unwrap_or_default();
        paces.iter().filter(|(at, taken)| self.now < at + PACE_MS && (all || *taken)).count()
    }

    pub fn paced(&mut self, number: u32, taken: bool) {
        let now = self.now;
        let paces = self.words.paces.entry(number).or_default();
        paces.retain(|(at, _)| now < at + PACE_MS);
        paces.push((now, taken));
    }

    pub fn write_down(&mut self, id: u32, author: u32, told: BTreeSet<u32>) {
        self.words.written.push(Written { id, author, told, unsaid: false });
        let of_author = |one: &Written| one.author == author;
        if self.words.written.iter().filter(|one| of_author(one)).count() > REMEMBERED {
            let oldest = self.words.written.iter().position(of_author).expect("there are more than one");
            self.words.written.remove(oldest);
        }
    }

    pub fn mine(&mut self, number: u32) -> &mut Mine {
        self.words.own.entry(number).or_default()
    }

    pub fn goal(&self, number: u32) -> Option<&Goal> {
        self.words.own.get(&number)?.goal.as_ref()
    }

    /// As the others see it.
    pub fn shared_goal(&self, number: u32) -> Option<String> {
        let goal = self.goal(number).filter(|goal| goal.shared && self.may_write(number))?;
        Some(goal.text.clone())
    }

    pub fn takes_feedback(&self, number: u32) -> bool {
        self.words.own.get(&number).is_some_and(|mine| mine.takes_feedback)
    }

    pub fn takes_feedback_now(&self, number: u32) -> bool {
        let now = self.segment().is_some_and(|segment| segment.kind == SegmentKind::Feedback);
        now && self.takes_feedback(number)
    }

    /// Members and peer leads are asked.
    pub fn not_asked(&self, seat: &Seat, value: u32) -> Option<RefusalCode> {
        if !counts(seat.claims.role) {
            return Some(RefusalCode::NotAllowed);
        }
        (value > 10).then_some(RefusalCode::BadMessage)
    }

    pub fn ratings(&self) -> Vec<u32> {
        let mut ratings: Vec<u32> = self.words.own.values().filter_map(|mine| mine.rating).collect();
        ratings.sort_unstable();
        if ratings.len() < ENOUGH { Vec::new() } else { ratings }
    }

    /// Facilitators see what was answered, everyone else where enough have.
    pub fn is_scale_for_all(scale: &Scale) -> bool {
        scale.answers.len() >= ENOUGH
    }

    pub fn timer_view(&self) -> Option<Timer> {
        self.words.timer.clone().filter(|_| !self.words.care)
    }

    pub fn start_timer(&mut self, seconds: u32, label: &str) {
        let ends_at = Millis(self.now + seconds.clamp(1, 3_600) * 1_000);
        self.words.timer = Some(Timer { label: label.trim().to_owned(), ends_at });
    }

    /// Everyone is reminded with the words of this step.
    pub fn remind(&mut self) {
        self.words.reminds = true;
        self.words.reminder = None;
    }

    pub fn settle_reminder(&mut self) {
        if self.started.is_some() && self.words.reminder.is_none() {
            self.words.reminder = Some(self.now + self.policy().reminder_ms);
        }
    }
}

/// Whether the answer hangs on what no restart keeps.
pub fn is_in_memory(request: &Request) -> bool {
    matches!(
        request,
        Request::AnswerSignal { .. }
            | Request::Say { .. }
            | Request::SayTurn { .. }
            | Request::Unsay { .. }
            | Request::React { .. }
            | Request::Milestone { .. }
            | Request::SetGoal { .. }
            | Request::TakeFeedback { .. }
            | Request::GiveFeedback { .. }
            | Request::StopTimer
            | Request::AnswerScale { .. }
            | Request::OpenScale { .. }
            | Request::CloseScale
            | Request::CareMoment { .. }
            | Request::Export
    )
}

/// What is wrong with how something is written.
pub fn fault(text: &str) -> Option<RefusalCode> {
    let text = text.trim();
    if text.chars().count() > 1_000 {
        return Some(RefusalCode::TooLarge);
    }
    let strange = text.chars().any(|sign| sign.is_control() && sign != '\n');
    (text.is_empty() || strange).then_some(RefusalCode::BadMessage)
}

/// The same where nothing may be written too.
pub fn fault_or_none(text: &str) -> Option<RefusalCode> {
    fault(text).filter(|_| !text.trim().is_empty())
}

pub fn participant(number: u32) -> ParticipantId {
    ParticipantId(number)
}
