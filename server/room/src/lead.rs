//! The lead: one facilitator at a time. It passes by hand, or by absence; it is never taken from somebody who is there. Some of the
//! desk may be lent to a member, who never counts as a facilitator for it.

use std::collections::BTreeSet;

use hearth_forwarding::Subject;
use hearth_protocol::{ParticipantId, RefusalCode, Role};

use crate::seat::Seat;
use crate::{Act, Effects, Room};

impl Room {
    /// The first to come leads. Later, only absence passes the lead on by itself.
    pub(crate) fn settle_lead(&mut self, out: &mut Effects) {
        let seats = &self.seats;
        // Whoever came back by a ticket of another role leads no more.
        let leads = |of: &Subject| seats.get(of).is_some_and(|seat| seat.role.is_facilitator());
        let sent_out =
            |of: &Subject| seats.get(of).is_some_and(|seat| seat.by_admission || seat.is_removed());
        self.lead = self.lead.filter(leads);
        self.former_leads.retain(|one| leads(one) && !sent_out(one));
        if self.lead.is_none() {
            self.pass_lead(out, None, None);
        } else if self.lead_lost_at().is_some_and(|at| at <= self.now) {
            self.pass_lead(out, None, self.lead);
        }
    }

    /// When the lead's absence passes it on. None while nobody is there to take it.
    pub(crate) fn lead_lost_at(&self) -> Option<u32> {
        let lead = self.seats.get(&self.lead?)?;
        if lead.is_connected() || self.next_lead().is_none() {
            return None;
        }
        let since = lead.absent_since().unwrap_or(self.now);
        Some(since.saturating_add(self.definition.policy.lead_absence_ms))
    }

    /// The connected facilitator of lowest rank; among equals the earliest seat.
    fn next_lead(&self) -> Option<Subject> {
        let facilitators =
            self.seats.iter().filter(|(_, seat)| seat.is_connected() && seat.role.is_facilitator());
        facilitators.min_by_key(|(subject, seat)| (seat.rank, **subject)).map(|(subject, _)| *subject)
    }

    fn pass_lead(&mut self, out: &mut Effects, actor: Option<Subject>, from: Option<Subject>) {
        let Some(next) = self.next_lead() else { return };
        self.former_leads.extend(from);
        self.former_leads.remove(&next);
        self.set_lead(out, actor, next);
    }

    pub(crate) fn hand_over(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        to: Subject,
    ) -> Result<(), RefusalCode> {
        let seat = self.seats.get(&to).filter(|seat| seat.is_connected()).ok_or(RefusalCode::NotFound)?;
        if !seat.role.is_facilitator() {
            return Err(RefusalCode::NotPossible);
        }
        self.former_leads = BTreeSet::new();
        if to != actor {
            self.set_lead(out, Some(actor), to);
        }
        Ok(())
    }

    /// Who lost the lead by absence is offered it on return.
    pub(crate) fn take_lead(&mut self, out: &mut Effects, actor: Subject) -> Result<(), RefusalCode> {
        if !self.is_lead_offered(actor) {
            return Err(RefusalCode::NotPossible);
        }
        self.former_leads = BTreeSet::new();
        self.set_lead(out, Some(actor), actor);
        Ok(())
    }

    pub(crate) fn is_lead_offered(&self, subject: Subject) -> bool {
        self.former_leads.contains(&subject) && self.lead != Some(subject)
    }

    /// Floor, rounds, timers and closing members' gates: lent to a member who is there, or taken back.
    pub(crate) fn lend_helper(
        &mut self,
        out: &mut Effects,
        actor: Subject,
        to: ParticipantId,
        on: bool,
    ) -> Result<(), RefusalCode> {
        let to = Subject(to.0);
        let seat = self.seats.get(&to).filter(|seat| seat.is_held()).ok_or(RefusalCode::NotFound)?;
        if on && (seat.role != Role::Member || !seat.is_connected() || self.helps_nobody()) {
            return Err(RefusalCode::NotPossible);
        }
        let changed = if on { self.helpers.insert(to) } else { self.helpers.remove(&to) };
        if changed {
            self.record(out, Some(actor), Act::HelperLent { subject: self.sub(to), on });
        }
        Ok(())
    }

    /// What was lent ends with a freeze, a hold, and the seat. Given back by nobody, it is lent anew.
    pub(crate) fn settle_helpers(&mut self) {
        let (over, seats) = (self.helps_nobody(), &self.seats);
        let helps = |seat: &Seat| !over && seat.role == Role::Member && seat.is_held();
        self.helpers.retain(|subject| seats.get(subject).is_some_and(helps));
    }

    fn helps_nobody(&self) -> bool {
        self.freeze.is_some() || self.hold.is_some()
    }

    fn set_lead(&mut self, out: &mut Effects, actor: Option<Subject>, to: Subject) {
        self.lead = Some(to);
        self.record(out, actor, Act::LeadPassed { subject: self.sub(to) });
    }
}
