//! When it goes wrong: freeze, nobody in charge, removal, and the end.

use hearth_forwarding::{Source, Subject};
use hearth_protocol::{Bye, ByeReason, Outcome, RefusalCode, Role, ThawStep};
use serde::{Deserialize, Serialize};

use crate::policy::{Power, may};
use crate::seat::{Place, Seat};
use crate::{Act, Effects, Fresh, Room, Tell, Words, bye};

/// The word of the first `end_now` counts this long.
const CONFIRM_MS: u32 = 30_000;
/// A countdown is there to be seen,
const COUNTDOWN_SECONDS_MIN: u32 = 10;
/// and ends within sight.
const COUNTDOWN_SECONDS_MAX: u32 = 60 * 60;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Freeze {
    pub since: u32,
    pub by: Subject,
    /// In their order; the last step ends the freeze.
    pub thawed: Vec<ThawStep>,
}

impl Freeze {
    pub fn is_thawed(&self, source: Source) -> bool {
        let step = match source {
            Source::Microphone => ThawStep::Microphones,
            Source::Camera | Source::Screen => ThawStep::Cameras,
        };
        self.thawed.contains(&step)
    }

    fn next_step(&self) -> ThawStep {
        match self.thawed.len() {
            0 => ThawStep::Microphones,
            1 => ThawStep::Cameras,
            _ => ThawStep::Chat,
        }
    }
}

/// Nobody was in charge for too long: everyone is gated until a facilitator goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub since: u32,
    /// The session ends then, if nobody is in charge.
    pub ends_at: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndAsked {
    pub by: Subject,
    pub word: String,
    pub until: u32,
}

impl Room {
    pub(crate) fn freeze_closes(&self, seat: &Seat, source: Source) -> bool {
        let frozen = self.freeze.as_ref().is_some_and(|freeze| !freeze.is_thawed(source));
        !seat.role.is_facilitator() && (frozen || self.is_resting())
    }

    pub(crate) fn freeze(&mut self, out: &mut Effects, actor: Subject) {
        if self.freeze.as_ref().is_some_and(|freeze| freeze.thawed.is_empty()) {
            return;
        }
        // A break is the gentle form: it has no say beside a freeze, and does not come back after it.
        self.rests.until = None;
        self.freeze = Some(Freeze { since: self.now, by: actor, thawed: Vec::new() });
        self.record(out, Some(actor), Act::Frozen);
    }

    /// By the lead or by who set it, step by step.
    pub(crate) fn thaw(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        step: ThawStep,
    ) -> Result<(), RefusalCode> {
        let freeze = self.freeze.as_mut().ok_or(RefusalCode::NotPossible)?;
        if step != freeze.next_step() {
            return Err(RefusalCode::NotPossible);
        }
        freeze.thawed.push(step);
        if step == ThawStep::Chat {
            self.freeze = None;
        }
        self.record(out, Some(actor), Act::Thawed { step });
        Ok(())
    }

    /// Whether somebody whose ticket says so is connected, and agrees to the ground rules. Nobody is ever elected.
    pub(crate) fn is_in_charge(&self) -> bool {
        self.seats.values().any(|seat| self.is_attending(seat) && self.may_take_charge(seat.role))
    }

    /// Connected, and not barred for want of agreement to the rules.
    pub(crate) fn is_attending(&self, seat: &Seat) -> bool {
        seat.is_connected() && !self.is_barred(seat)
    }

    /// At the moment that somebody is not attending any more: since when. Whoever is connected has just been barred.
    pub(crate) fn missing_since(&self, seat: &Seat) -> Option<u32> {
        if self.is_attending(seat) { None } else { Some(seat.absent_since().unwrap_or(self.now)) }
    }

    pub(crate) fn may_take_charge(&self, role: Role) -> bool {
        role.is_facilitator() || (role == Role::PeerLead && self.rules().peer_lead)
    }

    /// Follows who is connected: the session starts, the grace runs, or it is over.
    pub(crate) fn settle_charge(&mut self, out: &mut Effects) {
        if self.is_in_charge() {
            self.unattended_since = None;
            if self.started.is_none() {
                self.started = Some(self.now);
                self.agenda.since = Some(self.now);
                self.record(out, None, Act::Started);
            }
            return;
        }
        if self.started.is_none() || self.unattended_since.is_some() {
            return;
        }
        let last = self.seats.values().filter(|seat| self.may_take_charge(seat.role));
        let since = last.filter_map(|seat| self.missing_since(seat)).max().unwrap_or(self.now);
        self.unattended_since = Some(since);
        if let Some(hold) = &mut self.hold {
            hold.ends_at = hold.ends_at.max(since.saturating_add(self.definition.policy.hold_ms));
        }
    }

    pub(crate) fn hold(&mut self, out: &mut Effects, since: u32) {
        self.hold = Some(Held { since, ends_at: since.saturating_add(self.definition.policy.hold_ms) });
        self.record(out, None, Act::Held);
    }

    pub(crate) fn resume_room(&mut self, out: &mut Effects, actor: Subject) -> Result<(), RefusalCode> {
        if !self.is_staffed() {
            return Err(RefusalCode::NotPossible);
        }
        self.hold.take().ok_or(RefusalCode::NotPossible)?;
        self.record(out, Some(actor), Act::Resumed);
        Ok(())
    }

    /// Denied first, then the last card, then detached in both directions. Whoever is removed hears nothing more: the device that they
    /// sat at, if it is another's, has to go out of the room in the same command.
    pub(crate) fn remove(
        &mut self,
        out: &mut Effects,
        actor: Option<Subject>,
        subject: Subject,
    ) -> Result<Option<Subject>, RefusalCode> {
        let seat = self.seats.get(&subject).filter(|seat| !seat.is_removed());
        let seat = seat.ok_or(RefusalCode::NotFound)?;
        let (sub, seated) = (seat.sub.clone(), seat.connection());
        let device = self.device_of(subject);
        self.denied.insert(sub.clone());
        let at_the_door = self.forget_knock_of(&sub);
        if let Some(connection) = seated {
            self.connections.remove(&connection);
        }
        let card = self.definition.removal_card.clone();
        let bye = Bye { reason: ByeReason::Removed, code: None, card: Some(card) };
        let words = Words::Bye(bye);
        match (seated, at_the_door) {
            (Some(to), other) => {
                out.farewell = Some(Tell { to, words });
                if let Some(to) = other {
                    out.tell.push(Tell { to, words: Words::Bye(bye::not_now()) });
                }
            }
            (None, Some(to)) => out.farewell = Some(Tell { to, words }),
            (None, None) => {}
        }
        // Whoever had dropped is gone since then: with them goes nobody's time in charge.
        let since = self.absent_since(subject).unwrap_or(self.now);
        self.vacate(out, subject, Place::Removed { since });
        self.record(out, actor, Act::Removed { subject: sub });
        Ok((device != subject).then_some(device))
    }

    pub(crate) fn undo_removal(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        subject: Subject,
    ) -> Result<(), RefusalCode> {
        let revoked = &self.revoked;
        let undoable = |seat: &&mut Seat| seat.is_removed() && !revoked.contains(&seat.sub);
        let seat = self.seats.get_mut(&subject).filter(undoable).ok_or(RefusalCode::NotFound)?;
        seat.by_admission = true;
        seat.place = Place::Gone { how: hearth_protocol::AwayHow::Left, since: self.now };
        let sub = seat.sub.clone();
        // Whoever was denied at the door as well stays so.
        if !self.denials.values().any(|denial| denial.sub == sub) {
            self.denied.remove(&sub);
        }
        self.record(out, Some(actor), Act::RemovalUndone { subject: sub });
        Ok(())
    }

    pub(crate) fn announce_end(&mut self, out: &mut Effects, actor: Subject, seconds: u32) {
        let seconds = seconds.clamp(COUNTDOWN_SECONDS_MIN, COUNTDOWN_SECONDS_MAX);
        self.ends_at = Some(self.now.saturating_add(seconds.saturating_mul(1_000)));
        self.record(out, Some(actor), Act::EndAnnounced);
    }

    pub(crate) fn cancel_end(&mut self, out: &mut Effects, actor: Subject) -> Result<(), RefusalCode> {
        self.ends_at.take().ok_or(RefusalCode::NotPossible)?;
        self.record(out, Some(actor), Act::EndCancelled);
        Ok(())
    }

    /// The first call is answered with a word, the second has to bring it.
    pub(crate) fn end_now(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        confirm: Option<&str>,
        fresh: &Fresh,
    ) -> Result<Option<Outcome>, RefusalCode> {
        let asked = self.end_asked.take().filter(|asked| asked.by == actor && self.now < asked.until);
        match (asked, confirm) {
            (Some(asked), Some(word)) if asked.word == word => {
                self.end(out, Some(actor));
                Ok(None)
            }
            (_, Some(_)) => Err(RefusalCode::ConfirmationNeeded),
            (_, None) => {
                let word: String = fresh.hash.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
                let until = self.now.saturating_add(CONFIRM_MS);
                self.end_asked = Some(EndAsked { by: actor, word: word.clone(), until });
                Ok(Some(Outcome::Confirm { word }))
            }
        }
    }

    /// Everyone hears goodbye, and nothing comes after.
    pub(crate) fn end(&mut self, out: &mut Effects, actor: Option<Subject>) {
        let refused: Vec<String> = self.refusals.keys().cloned().collect();
        refused.iter().for_each(|sub| self.count_refusals(out, sub));
        self.record(out, actor, Act::Ended);
        self.ended = true;
        out.ended = true;
    }

    pub(crate) fn check_target(
        &self,
        actor: Subject,
        power: Power,
        target: Subject,
    ) -> Result<(), RefusalCode> {
        let seat = self.seats.get(&target).ok_or(RefusalCode::NotFound)?;
        let power = if seat.role.is_facilitator() { power.over_facilitator() } else { power };
        let lead = self.lead == Some(target);
        let spared = matches!(power, Power::RemoveFacilitator | Power::SendFacilitatorToWaiting) && lead;
        if spared || self.is_beyond(actor, target) || !may(&self.standing(actor), power) {
            return Err(RefusalCode::NotAllowed);
        }
        Ok(())
    }

    /// What is lent to a helper reaches members alone.
    pub(crate) fn is_beyond(&self, actor: Subject, target: Subject) -> bool {
        let member = self.seats.get(&target).is_some_and(|seat| seat.role == Role::Member);
        self.standing(actor).is_helper() && !member
    }

    /// A ticket taken back by its issuer is a removal that nobody in the room undoes.
    pub(crate) fn revoke_subject(&mut self, out: &mut Effects, sub: &str) {
        self.revoked.insert(sub.to_owned());
        out.durable = true;
        if let Some(subject) = self.subjects.get(sub).copied() {
            // Whoever is removed already stays so.
            let device = self.remove(out, None, subject).ok().flatten();
            device.into_iter().for_each(|device| self.show_out(out, device));
            return;
        }
        // A facilitator's denial was theirs to undo; this is not.
        let denials = self.denials.len();
        self.denials.retain(|_, denial| denial.sub != sub);
        if self.denied.insert(sub.to_owned()) || self.denials.len() < denials {
            self.record(out, None, Act::Removed { subject: sub.to_owned() });
        }
        if let Some(connection) = self.forget_knock_of(sub) {
            out.bye(connection, bye::not_now());
        }
    }
}
