//! Devices that several people share: who may wait to sit there, who sits down, and who goes with whom.

use hearth_protocol::{ByeReason, ParticipantId, RefusalCode, Request, RequestId, Role, ServerFrame};
use hearth_room::{Act, Claims, ConnectionId};

use super::{
    Audit, Broken, Judge,
    door::unanswered,
    law,
    wire::{Heard, Told},
};
use crate::model::{Agreement, Door, NO_SECRET, Seat};

/// At one device.
const PEOPLE_MAX: usize = 4;

/// Who would sit down beside somebody, and which rules they have read.
pub struct Share<'a> {
    pub claims: &'a Claims,
    pub rules: &'a Agreement,
}

impl Judge {
    /// Somebody would sit down at this device.
    pub(super) fn share_device(
        &mut self,
        connection: ConnectionId,
        id: &RequestId,
        asked: &Share<'_>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let Some(subject) = self.subject_behind(connection) else {
            return law!(!heard.contains_key(&connection), "replies", "nobody's device was answered");
        };
        let told = heard.get(&connection).ok_or_else(|| unanswered("a shared device"))?;
        let replies = told.reply(id);
        if let Some(before) = self.answers.get(&(subject.clone(), id.clone())) {
            return law!(replies == [before], "replies", "asked again: {before:?}, then {replies:?}");
        }
        let [reply] = replies[..] else {
            return Err(Broken { law: "replies", what: format!("{replies:?} to a shared device") });
        };
        let seat = self.model.seat_behind(connection).cloned();
        let refused = self.why_not_beside(seat.as_ref(), asked);
        let said = match reply {
            ServerFrame::Refusal { refusal, .. } => Some(refusal.code),
            ServerFrame::Ok { .. }
            | ServerFrame::Knocked { .. }
            | ServerFrame::GroundRules(_)
            | ServerFrame::Waiting
            | ServerFrame::Signal(_)
            | ServerFrame::StandBy { .. }
            | ServerFrame::Seated { .. }
            | ServerFrame::Snapshot { .. }
            | ServerFrame::Delta { .. }
            | ServerFrame::Pong { .. }
            | ServerFrame::Bye(_) => None,
        };
        let of = &asked.claims;
        law!(said == refused, "refusals", "{of:?} beside {subject}: {said:?}, not {refused:?}")?;
        let request = Request::ShareDevice { ticket: String::new(), version: 0, hash: String::new() };
        self.tally.request(&request, reply);
        self.answers.insert((subject, id.clone()), reply.clone());
        let spends = match refused {
            None | Some(RefusalCode::NotNow) => true,
            Some(RefusalCode::NotPossible) => seat.is_some_and(|seat| self.may_share(&seat, asked)),
            Some(_) => false,
        };
        if spends {
            let ticket = (asked.claims.issuer.clone(), asked.claims.ticket.clone());
            self.model.spent.insert(ticket, asked.claims.expires);
            audit.must.push((None, Act::TicketSpent { subject: asked.claims.subject.clone() }));
        }
        if refused.is_some() {
            return Ok(());
        }
        self.waits_beside(connection, asked, heard, audit)
    }

    /// Members, at the device of a member, four of them at most.
    fn may_share(&self, device: &Seat, asked: &Share<'_>) -> bool {
        let host = device.claims.role == Role::Member;
        let waiting = self.model.doors.iter().filter(|door| door.beside == Some(device.number));
        let people = self.model.people_at(device).count() + waiting.count();
        host && asked.claims.role == Role::Member && people < PEOPLE_MAX
    }

    fn why_not_beside(&self, device: Option<&Seat>, asked: &Share<'_>) -> Option<RefusalCode> {
        let Some(device) = device else { return Some(RefusalCode::NotSeated) };
        let request = Request::ShareDevice { ticket: String::new(), version: 0, hash: String::new() };
        if let Some(code) = self.is_not_now(device, &request) {
            return Some(code);
        }
        let model = &self.model;
        let ticket = (asked.claims.issuer.clone(), asked.claims.ticket.clone());
        if !self.may_share(device, asked) {
            Some(RefusalCode::NotPossible)
        } else if !model.agrees(asked.rules) {
            Some(RefusalCode::GroundRulesChanged)
        } else if model.spent.contains_key(&ticket) {
            Some(RefusalCode::BadTicket)
        } else if model.seat(&asked.claims.subject).is_some() {
            Some(RefusalCode::NotPossible)
        } else {
            model.is_shut_out(asked.claims).then_some(RefusalCode::NotNow)
        }
    }

    fn waits_beside(
        &mut self,
        connection: ConnectionId,
        asked: &Share<'_>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let subject = asked.claims.subject.clone();
        let device = self.model.seat_behind(connection).map(|seat| seat.number);
        let old = self.model.door_of(&subject).and_then(|door| door.connection);
        if let Some(old) = old {
            let bye = heard.get(&old).and_then(Told::reason);
            law!(
                bye == Some(ByeReason::Replaced),
                "door",
                "two knocks of {subject}: the first heard {bye:?}"
            )?;
        }
        self.model.go_from_door(&subject);
        let consented = Act::Consented { subject: subject.clone(), version: asked.rules.0 };
        audit.must.push((Some(subject), consented));
        self.model.doors.push(Door {
            claims: asked.claims.clone(),
            connection: None,
            secret: NO_SECRET,
            unheard: None,
            by_ticket: true,
            agreed: Some(asked.rules.clone()),
            dropped: None,
            id: None,
            beside: device,
        });
        Ok(())
    }

    /// A facilitator has let them in.
    pub(super) fn seat_beside(&mut self, door: &Door, device: u32, audit: &mut Audit) {
        let subject = door.claims.subject.clone();
        audit.must.push((Some(subject.clone()), Act::Joined { subject: subject.clone() }));
        let number = self.model.number_for(&subject);
        let agreed = door.agreed.clone().expect("whoever waits beside has agreed");
        self.model.change(|model| model.sit_beside(door, device, agreed, number));
        self.model.remind();
        self.leads_no_more(&subject, door.claims.role, audit);
    }

    pub(super) fn verdict_unshare(
        &self,
        verdict: &mut super::verdict::Verdict,
        seat: &Seat,
        of: ParticipantId,
    ) {
        let beside = self.model.seat_of(of.0).and_then(|other| other.beside);
        verdict.refuse(beside != Some(seat.number), RefusalCode::NotFound);
    }

    /// The issuer takes back the ticket of somebody at another's device: nobody is there to be asked, so the device goes.
    pub(super) fn show_out(
        &mut self,
        device: u32,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let Some(seat) = self.model.seat_of(device).cloned() else { return Ok(()) };
        let subject = seat.claims.subject.clone();
        if let Some(connection) = seat.connection {
            let bye = heard.get(&connection).and_then(Told::reason);
            law!(bye == Some(ByeReason::NotNow), "5", "{subject}'s device is shown out, and heard {bye:?}")?;
        }
        self.device_sent_back(&seat, None, audit);
        let present = seat.connection.map(|_| seat.claims.role);
        self.model.mind_the_room(present, self.model.now);
        Ok(())
    }

    /// Everyone who sits there goes, and only a facilitator lets them in again.
    pub(super) fn device_sent_back(&mut self, device: &Seat, actor: Option<String>, audit: &mut Audit) {
        let people = self.model.people_at(device).map(|seat| seat.claims.subject.clone());
        let people: Vec<String> = people.collect();
        self.model.change(|model| {
            // Whose device it is comes first, and goes last.
            for subject in people.into_iter().rev() {
                model.rise(&subject, true);
                model.gone.insert(subject.clone(), (true, model.now));
                model.undone.insert(subject.clone());
                model.offered.remove(&subject);
                audit.must.push((actor.clone(), Act::SentToWaiting { subject }));
            }
        });
    }
}
