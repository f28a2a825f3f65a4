//! The meeting's course, breaks and breaches: when they are refused, and what they bring about.

use hearth_protocol::{
    ChatPolicy, FloorMode, Notice, Outcome, ParticipantId, RefusalCode, Request, ServerFrame,
};
use hearth_room::{Act, Format};

use super::{
    Audit, Broken, Judge, law,
    verdict::Verdict,
    wire::{Heard, Told},
};
use crate::model::{Model, Seat};

impl Judge {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the verdict on every other request is elsewhere")]
    pub(super) fn verdict_agenda(&self, verdict: &mut Verdict, seat: &Seat, request: &Request) {
        let model = &self.model;
        match request {
            Request::StepTo { segment } => match model.agenda.format.segments.get(*segment as usize) {
                None => {
                    verdict.refuse(true, RefusalCode::NotFound);
                }
                Some(segment) => {
                    let turns = |seat: &Seat| {
                        seat.connection.is_some() && model.takes_turns(seat, segment.include_facilitators)
                    };
                    let nobody = segment.floor == FloorMode::Round && !model.seats.iter().any(turns);
                    verdict.refuse(nobody, RefusalCode::NotPossible);
                }
            },
            Request::Override { settings } => {
                let members = settings.chat == Some(ChatPolicy::Members) && !model.rules().member_chat;
                verdict.refuse(members, RefusalCode::NotPossible);
            }
            Request::ChangeFormat { format } => {
                verdict.refuse(!model.leads(seat), RefusalCode::NotAllowed);
                let format = model.find_format(format);
                verdict.refuse(format.is_none(), RefusalCode::NotFound);
                self.verdict_list(verdict, format);
            }
            Request::ImportFormat { toml } => {
                verdict.refuse(!model.leads(seat), RefusalCode::NotAllowed);
                let format = Format::read(toml).ok();
                verdict.refuse(format.is_none(), RefusalCode::BadFormat);
                self.verdict_list(verdict, format.as_ref());
            }
            Request::RoundSuspendStop => {
                let stops = model.floor.round.is_some() && model.floor.speakers.iter().any(|one| one.stops);
                verdict.refuse(!stops, RefusalCode::NotPossible);
            }
            Request::Break { .. } => {
                let already = model.freeze.is_some() || model.hold.is_some();
                verdict.refuse(already, RefusalCode::NotPossible);
            }
            Request::EndBreak => {
                verdict.refuse(model.rest_until.is_none(), RefusalCode::NotPossible);
            }
            Request::Breach { participant: Some(named), .. } => self.verdict_named(verdict, seat, *named),
            _ => {}
        }
    }

    /// Nobody could come back into a room without a list.
    fn verdict_list(&self, verdict: &mut Verdict, format: Option<&Format>) {
        let lists = format.is_some_and(|format| format.rules.roster_only);
        verdict.refuse(lists && self.model.definition.roster.is_empty(), RefusalCode::NotPossible);
    }

    /// It may be done to whom a removal may.
    fn verdict_named(&self, verdict: &mut Verdict, seat: &Seat, named: ParticipantId) {
        let model = &self.model;
        let Some(subject) = model.subject_of(named.0).filter(|subject| !model.removed.contains(*subject))
        else {
            verdict.refuse(true, RefusalCode::NotFound);
            verdict.may_refuse(true, RefusalCode::NotAllowed);
            return;
        };
        verdict.refuse(model.lead.as_deref() == Some(subject), RefusalCode::NotAllowed);
        let facilitates = model.role_by(subject).is_some_and(hearth_protocol::Role::is_facilitator);
        verdict.refuse(facilitates && !model.leads(seat), RefusalCode::NotAllowed);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other request is carried out elsewhere")]
    pub(super) fn carry_out_agenda(
        &mut self,
        subject: &str,
        number: u32,
        request: &Request,
        told: &Told<'_>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let actor = Some(subject.to_owned());
        let mut act = |act: Act| audit.must.push((actor.clone(), act));
        match request {
            Request::StepTo { segment } => {
                act(Act::SteppedTo { segment: *segment });
                self.model.change(|model| model.step_to(*segment as usize));
            }
            Request::Override { settings } => {
                act(Act::Overridden);
                self.model.change(|model| model.override_segment(settings));
            }
            Request::ChangeFormat { format } => {
                let format = self.model.find_format(format).cloned();
                let format = format.ok_or(Broken { law: "agenda", what: "an unknown format".to_owned() })?;
                act(Act::FormatChanged { format: format.name.clone() });
                self.model.change(|model| model.adopt(&format));
            }
            Request::ImportFormat { toml } => {
                let format = Format::read(toml);
                let format = format.map_err(|bad| Broken { law: "agenda", what: bad.to_string() })?;
                act(Act::FormatChanged { format: format.name.clone() });
                self.model.change(|model| model.adopt(&format));
            }
            Request::ExportFormat => {
                let written = told.frames.iter().find_map(|frame| match frame {
                    ServerFrame::Ok { outcome: Some(Outcome::Format { toml }), .. } => Some(toml),
                    _ => None,
                });
                let read = written.and_then(|toml| Format::read(toml).ok());
                let same = read.as_ref() == Some(&self.model.agenda.format);
                return law!(same, "agenda", "the format is read out as {written:?}");
            }
            Request::RoundSuspendStop => {
                self.model.floor.speakers.iter_mut().for_each(|speaker| speaker.stops = false);
            }
            Request::Break { seconds } => {
                act(Act::BreakBegun);
                self.model.change(|model| model.rest(*seconds));
            }
            Request::EndBreak => {
                act(Act::BreakOver);
                self.model.change(Model::end_rest);
            }
            Request::Breach { code, participant } => {
                let known = self.model.incident;
                let incident = known.unwrap_or(self.model.incidents + 1);
                (self.model.incidents, self.model.incident) = (incident, Some(incident));
                let named = participant.and_then(|named| self.model.subject_of(named.0)).map(str::to_owned);
                act(Act::Breach { incident, code: *code, subject: named });
                if self.model.freezes() {
                    act(Act::Frozen);
                    self.model.change(|model| model.set_freeze(number));
                }
                if let Some(named) = participant {
                    self.removed(named.0, actor, heard, audit)?;
                }
                if known.is_none() {
                    self.model.expect_notice(Notice::Breach, |_| true);
                }
                self.epoch_rises = true;
            }
            _ => {}
        }
        Ok(())
    }
}
