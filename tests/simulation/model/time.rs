//! What happens by itself, and when.

use std::collections::BTreeSet;

use hearth_protocol::Role;
use hearth_room::Act;

use super::{Hold, Model, heard::Hearing};

/// What is due, in the order in which it happens at one instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    MediaStop(u32),
    LeadPasses,
    TurnLapses(u32),
    AsideEnds(u32),
    TurnWarned,
    TurnOver,
    HandFalls(u32),
    AskLapses(u32),
    Short,
    Hold,
    GraceEnds(u32),
    KnockEnds(String),
    HoldEnds,
    End,
    WindowEnds,
    BreakOver,
    /// What is seen of a signal changes, and how.
    Signal(&'static str),
    Reminder,
}

impl Due {
    /// As the room calls it.
    fn name(&self) -> &'static str {
        match self {
            Due::MediaStop(_) => "MediaStop",
            Due::LeadPasses => "LeadLost",
            Due::TurnLapses(_) => "TurnLost",
            Due::AsideEnds(_) => "AsideOver",
            Due::TurnWarned => "TurnWarned",
            Due::TurnOver => "TurnOver",
            Due::HandFalls(_) => "HandLost",
            Due::AskLapses(_) => "AskOver",
            Due::Short => "Short",
            Due::Hold => "Hold",
            Due::GraceEnds(_) => "GraceOver",
            Due::KnockEnds(_) => "KnockOver",
            Due::HoldEnds => "HoldOver",
            Due::End => "End",
            Due::WindowEnds => "ConsentOver",
            Due::BreakOver => "BreakOver",
            Due::Signal(_) => "Signal",
            Due::Reminder => "Reminder",
        }
    }
}

/// Who acted, and the act; nobody: the room itself, or whoever it may be.
pub type Acts = Vec<(Option<String>, Act)>;

impl Model {
    /// Time goes on up to and including `to`.
    pub fn advance(&mut self, to: u32, acts: &mut Acts) {
        while !self.ended {
            let Some((at, due)) = self.due().into_iter().min().filter(|(at, _)| *at <= to) else { break };
            self.now = self.now.max(at);
            self.change(|model| model.happen(due, acts));
            self.settle();
        }
        self.now = to;
    }

    fn due(&self) -> Vec<(u32, Due)> {
        let policy = self.policy();
        let mut due = Vec::new();
        for seat in &self.seats {
            let Some(dropped) = self.absent_since(seat) else { continue };
            let suspended = self.floor.round.is_some() && self.is_paused();
            if self.is_speaker(seat.number) && !suspended {
                let counts_from = self.floor.round.as_ref().map_or(0, |round| round.counts_from);
                due.push((dropped.max(counts_from) + policy.turn_grace_ms, Due::TurnLapses(seat.number)));
            }
            if self.hands.iter().any(|hand| hand.number == seat.number) {
                due.push((dropped + policy.hand_grace_ms, Due::HandFalls(seat.number)));
            }
            if seat.beside.is_some() {
                continue;
            }
            if !seat.silent {
                due.push((dropped + policy.media_linger_ms, Due::MediaStop(seat.number)));
            }
            due.push((dropped + policy.grace_ms, Due::GraceEnds(seat.number)));
        }
        let asides = self.spaces.open.iter().filter_map(|aside| Some((aside.ends_at?, aside.number)));
        due.extend(asides.map(|(at, aside)| (at, Due::AsideEnds(aside))));
        let led = self.facilitators().next().is_some();
        due.extend(
            self.lead_absent_since().filter(|_| led).map(|at| (at + policy.lead_absence_ms, Due::LeadPasses)),
        );
        for door in &self.doors {
            due.extend(
                door.dropped.map(|at| (at + policy.grace_ms, Due::KnockEnds(door.claims.subject.clone()))),
            );
        }
        due.extend(self.asked.iter().map(|(number, until)| (*until, Due::AskLapses(*number))));
        if let Some(since) = self.unattended_since.filter(|_| self.hold.is_none()) {
            due.push((since + policy.unattended_ms, Due::Hold));
        }
        let alone = self.started.is_some() && self.in_charge().next().is_none();
        due.extend(self.hold.iter().filter(|_| alone).map(|hold| (hold.ends_at, Due::HoldEnds)));
        due.extend(self.ends_at.map(|at| (at, Due::End)));
        let window = self.window.iter().filter(|window| window.paused.is_none());
        due.extend(window.map(|window| (window.ends_at, Due::WindowEnds)));
        due.extend(self.turn_warned_at().map(|at| (at, Due::TurnWarned)));
        due.extend(self.turn_over_at().map(|at| (at, Due::TurnOver)));
        due.extend(self.short_until().map(|at| (at, Due::Short)));
        due.extend(self.rest_until.map(|at| (at, Due::BreakOver)));
        due.extend(self.words.reminder.map(|at| (at, Due::Reminder)));
        due.extend(self.signal_dues().map(|(at, what)| (at, Due::Signal(what))));
        due
    }

    fn lead_absent_since(&self) -> Option<u32> {
        let lead = self.lead.as_ref()?;
        match self.seat(lead) {
            Some(seat) => seat.dropped,
            None => self.gone.get(lead).map(|(_, since)| *since),
        }
    }

    fn happen(&mut self, due: Due, acts: &mut Acts) {
        let granted = matches!(due, Due::TurnLapses(_)) && self.floor.round.is_none();
        *self.happened.entry(if granted { "GrantLost" } else { due.name() }).or_default() += 1;
        match due {
            Due::MediaStop(number) => {
                self.seats
                    .iter_mut()
                    .filter(|seat| seat.number == number)
                    .for_each(|seat| seat.silent = true);
            }
            Due::LeadPasses => self.pass_lead_on(acts),
            Due::TurnLapses(number) => self.lapse(number),
            Due::AsideEnds(number) => self.end_aside(number),
            Due::HandFalls(number) => {
                self.lower(number);
            }
            Due::AskLapses(number) => {
                self.asked.remove(&number);
            }
            Due::Hold => {
                self.begin_hold(self.now);
                acts.push((None, Act::Held));
            }
            Due::GraceEnds(number) => {
                let Some(seat) = self.seat_of(number) else { return };
                let (subject, since) = (seat.claims.subject.clone(), seat.dropped.unwrap_or(self.now));
                self.rise(&subject, true);
                self.gone.insert(subject.clone(), (true, since));
                acts.push((None, Act::Left { subject, dropped: true }));
            }
            Due::KnockEnds(subject) => self.go_from_door(&subject),
            Due::HoldEnds | Due::End => self.end(acts),
            Due::WindowEnds => {
                self.window = None;
                self.mind_the_room(None, self.now);
            }
            Due::TurnWarned => self.warn_of_turn(),
            Due::TurnOver => self.skip(),
            Due::Short => {
                self.begin_hold(self.now);
                acts.push((None, Act::Held));
            }
            Due::BreakOver => {
                self.end_rest();
                acts.push((None, Act::BreakOver));
            }
            // What follows from the time is worked out when it is looked at.
            Due::Signal(_) => {}
            Due::Reminder => self.remind(),
        }
    }

    fn begin_hold(&mut self, since: u32) {
        self.hold = Some(Hold { since, ends_at: since + self.policy().hold_ms });
        self.pause_round();
    }

    pub fn end(&mut self, acts: &mut Acts) {
        self.ended = true;
        self.seats.clear();
        self.doors.clear();
        acts.push((None, Act::Ended));
    }

    /// To the connected facilitator of lowest rank, the earliest seat among equals.
    pub fn pass_lead_on(&mut self, acts: &mut Acts) {
        let next = self.facilitators().min_by_key(|seat| (seat.claims.rank, seat.number));
        let next = next.map(|seat| seat.claims.subject.clone());
        let Some(subject) = next else { return };
        let old = self.lead.replace(subject.clone());
        self.offered.extend(old.filter(|old| !self.removed.contains(old) && !self.undone.contains(old)));
        self.offered.remove(&subject);
        acts.push((None, Act::LeadPassed { subject }));
    }

    /// Somebody is connected who may be in charge. Whether the lead changed.
    pub fn attend(&mut self, subject: &str) -> bool {
        let Some(role) = self.seat(subject).map(|seat| seat.claims.role).filter(|role| self.charges(*role))
        else {
            return false;
        };
        if self.in_charge().next().is_some() {
            self.unattended_since = None;
        }
        if self.lead.is_none() && role.is_facilitator() {
            self.lead = Some(subject.to_owned());
            return true;
        }
        false
    }

    /// Somebody was seen last at `at`: whether anybody is in charge still.
    pub fn mind_the_room(&mut self, role: Option<Role>, at: u32) {
        if role.is_some_and(|role| self.charges(role)) {
            self.led_until = self.led_until.max(at);
        }
        // Whoever is there has just been barred.
        let there = self.seats.iter().any(|seat| self.charges(seat.claims.role) && seat.connection.is_some());
        let at = if there { self.now } else { self.led_until };
        if self.started.is_some() && self.unattended_since.is_none() && self.in_charge().next().is_none() {
            self.unattended_since = Some(at);
            let ends_at = at + self.policy().hold_ms;
            if let Some(hold) = &mut self.hold {
                hold.ends_at = hold.ends_at.max(ends_at);
            }
        }
    }

    /// After a restart. Media are gone, seats and restrictions are not.
    pub fn wake(&mut self, proven: bool) {
        self.asked.clear();
        self.signals = Default::default();
        self.words = Default::default();
        self.hearing = Hearing::anew();
        for seat in &mut self.seats {
            seat.silent = true;
            seat.claims.title = None;
        }
        for door in &mut self.doors {
            door.claims.title = None;
        }
        if !proven {
            self.spaces.open.clear();
            self.seats.iter_mut().for_each(|seat| seat.space = 0);
            self.helpers.clear();
            let since = self.now;
            let inside: BTreeSet<String> = self.held().map(|seat| seat.claims.subject.clone()).collect();
            if !inside.is_empty() {
                self.lock.get_or_insert(inside);
            }
            let hold = Hold { since, ends_at: since + self.policy().hold_ms };
            self.hold.get_or_insert(hold);
            self.pause_round();
        }
    }

    pub fn pause_round(&mut self) {
        let now = self.now;
        let left = self
            .floor
            .speakers
            .first()
            .and_then(|speaker| speaker.until)
            .map(|until| i64::from(until) - i64::from(now));
        if let Some(round) = self.floor.round.as_mut().filter(|round| !round.paused) {
            round.paused = true;
            round.left_ms = left;
            if let Some(speaker) = self.floor.speakers.first_mut() {
                speaker.until = None;
            }
        }
    }

    pub fn go_on_with_round(&mut self) {
        if self.is_paused() {
            return;
        }
        let now = self.now;
        if let Some(round) = self.floor.round.as_mut().filter(|round| round.paused) {
            round.paused = false;
            round.counts_from = now;
            if let Some(speaker) = self.floor.speakers.first_mut() {
                speaker.until = round.left_ms.and_then(|left| u32::try_from(i64::from(now) + left).ok());
            }
        }
    }

    /// The floor outlived its holder's connection: a turn is deferred once, then skipped.
    fn lapse(&mut self, number: u32) {
        let Some(round) = self.floor.round.as_mut() else {
            self.leave_floor(number);
            return;
        };
        if round.deferred.insert(number) {
            round.next.push(number);
        } else {
            round.done.insert(number);
        }
        self.next_turn();
    }
}
