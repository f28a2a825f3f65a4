//! What a request brings about once it is carried out.

use std::collections::BTreeSet;

use hearth_protocol::{ByeReason, Outcome, Request, ServerFrame};
use hearth_room::{Act, ConnectionId};

use super::{
    Audit, Broken, Judge, Step, law,
    request::inside,
    wire::{Heard, Told},
};
use crate::model::{Model, Places, Turns};

impl Judge {
    #[expect(clippy::too_many_arguments, reason = "the parts of one command and what came of it")]
    pub(super) fn carry_out(
        &mut self,
        connection: ConnectionId,
        subject: &str,
        request: &Request,
        told: &Told<'_>,
        step: &Step<'_>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let actor = Some(subject.to_owned());
        let mut act = |act: Act| audit.must.push((actor.clone(), act));
        let number = self.model.seat(subject).map_or(0, |seat| seat.number);
        // Of several at one device whoever has the turn is meant.
        let speaker = self.model.seat(subject).and_then(|seat| self.model.speaker_at(seat)).unwrap_or(number);
        let now = self.model.now;
        match request {
            Request::AcceptGroundRules { .. } => {
                return self.consented(connection, subject, told, heard, audit);
            }
            Request::SetOwn { source, open } => {
                audit.may.extend(self.model.set_own(subject, inside(*source), *open));
            }
            Request::OpenOnTurn { on } => {
                if let Some(seat) = self.model.seat_mut(subject) {
                    seat.on_turn = *on;
                }
            }
            Request::RaiseHand { kind } => self.model.raise(number, *kind),
            Request::LowerHand => {
                self.model.lower(number);
            }
            Request::Yield | Request::Pass => {
                self.model.change(|model| model.pass(speaker));
                self.model.heard_otherwise(speaker);
            }
            Request::Defer => self.model.change(|model| model.defer(speaker)),
            Request::Leave => return self.left(connection, subject, told, audit),
            Request::Admit { knock, through_lock } => {
                return self.admitted(knock.0, *through_lock, actor, heard, audit);
            }
            Request::AdmitAll { .. } => return self.all_admitted(actor, heard, audit),
            Request::Deny { knock } => return self.turned_away(knock.0, actor, heard, audit),
            Request::UndoDenial { knock } => {
                if let Some(denied) = self.model.denials.remove(&knock.0) {
                    self.model.denied.remove(&denied);
                    audit.may.push(Act::DenialUndone { subject: denied });
                }
            }
            Request::SetGate { participant, source, open } => {
                let device = self.model.device_number(participant.0);
                let target = self.model.subject_of(participant.0).unwrap_or_default().to_owned();
                let key = (device, inside(*source).index());
                let changes = self.model.gated.contains(&key) == *open;
                let done = if *open {
                    Act::GateOpened { subject: target, source: *source }
                } else {
                    Act::GateClosed { subject: target, source: *source }
                };
                if changes {
                    act(done)
                } else {
                    audit.may.push(done)
                }
                self.model
                    .change(|model| if *open { model.gated.remove(&key) } else { model.gated.insert(key) });
            }
            Request::GateAll { source, except } => {
                act(Act::AllGatesClosed { source: *source });
                let except: BTreeSet<u32> = except.iter().map(|participant| participant.0).collect();
                let by_helper = self.model.helpers.contains(&number);
                self.model.change(|model| model.gate_all(inside(*source), &except, by_helper));
            }
            Request::AskToUnmute { participant, .. } => {
                self.model.ask(participant.0);
            }
            Request::SetFloor { mode } => {
                if self.model.floor.mode == *mode {
                    audit.may.push(Act::FloorSet { mode: *mode })
                } else {
                    act(Act::FloorSet { mode: *mode })
                }
                if self.model.floor.round.is_some() {
                    audit.may.push(Act::RoundEnded);
                }
                self.model.change(|model| model.set_mode(*mode));
            }
            Request::Grant { participant } => {
                let target = self.model.subject_of(participant.0).unwrap_or_default().to_owned();
                let granted = Act::Granted { subject: target };
                if self.model.is_speaker(participant.0) {
                    audit.may.push(granted)
                } else {
                    act(granted)
                }
                self.model.change(|model| model.grant(participant.0));
            }
            Request::Revoke { participant } => {
                let target = self.model.subject_of(participant.0).unwrap_or_default().to_owned();
                act(Act::Revoked { subject: target });
                self.model.change(|model| model.leave_floor(participant.0));
            }
            Request::LowerHandOf { participant } => {
                self.model.lower(participant.0);
            }
            Request::OrderHands { participants } => {
                let first: Vec<u32> = participants.iter().map(|participant| participant.0).collect();
                self.model.order_hands(&first);
            }
            Request::RoundStart { order, turn_seconds, include_facilitators } => {
                act(Act::RoundStarted);
                let turn_ms = turn_seconds.map(|seconds| seconds.saturating_mul(1000).clamp(1000, 3_600_000));
                let running = self.model.floor.round.is_some();
                let floor = &self.model.floor;
                let turns = Turns {
                    order: order.clone(),
                    turn_ms,
                    facilitators: *include_facilitators,
                    hard_stop: self.model.segment().is_some_and(|segment| segment.hard_stop),
                    after: if running { floor.before } else { floor.mode },
                };
                self.model.change(|model| model.start_round(&turns));
            }
            Request::RoundExtend { seconds } => self.model.extend_turn(seconds.saturating_mul(1000)),
            Request::RoundSkip => self.model.change(Model::skip),
            Request::RoundEnd => {
                act(Act::RoundEnded);
                self.model.change(Model::end_round);
            }
            Request::Lock { locked } => {
                let done = if *locked { Act::Locked } else { Act::Unlocked };
                if self.model.lock.is_some() == *locked {
                    audit.may.push(done)
                } else {
                    act(done)
                }
                self.model.set_lock(*locked);
            }
            Request::Freeze if !self.model.freezes() => audit.may.push(Act::Frozen),
            Request::Freeze => {
                act(Act::Frozen);
                self.model.change(|model| model.set_freeze(number));
            }
            Request::Thaw { step } => {
                act(Act::Thawed { step: *step });
                self.model.change(|model| model.thaw(*step));
            }
            Request::Remove { participant } => {
                let device = self.model.device_number(participant.0);
                self.removed(participant.0, actor.clone(), heard, audit)?;
                let goes = device != participant.0;
                return if goes { self.sent_to_waiting(device, actor, heard, audit) } else { Ok(()) };
            }
            Request::UndoRemoval { participant } => {
                let target = self.model.subject_of(participant.0).unwrap_or_default().to_owned();
                self.model.removed.remove(&target);
                self.model.undone.insert(target.clone());
                self.model.gone.insert(target.clone(), (false, now));
                act(Act::RemovalUndone { subject: target });
            }
            Request::SendToWaiting { participant } => {
                return self.sent_to_waiting(participant.0, actor, heard, audit);
            }
            Request::ResumeRoom => {
                act(Act::Resumed);
                self.model.change(|model| {
                    model.hold = None;
                    model.go_on_with_round();
                });
            }
            Request::HandOver { participant } => {
                let target = self.model.subject_of(participant.0).unwrap_or_default().to_owned();
                let passed = Act::LeadPassed { subject: target.clone() };
                if target == subject {
                    audit.may.push(passed)
                } else {
                    act(passed)
                }
                self.model.offered.clear();
                self.model.lead = Some(target);
            }
            Request::TakeLead => {
                act(Act::LeadPassed { subject: subject.to_owned() });
                self.model.offered.clear();
                self.model.lead = Some(subject.to_owned());
            }
            Request::End { seconds } => {
                act(Act::EndAnnounced);
                self.model.ends_at = Some(now.saturating_add(seconds.saturating_mul(1000).max(10_000)));
            }
            Request::CancelEnd => {
                act(Act::EndCancelled);
                self.model.ends_at = None;
            }
            Request::EndNow { confirm } => return self.ended_now(confirm.as_deref(), told, step, audit),
            Request::RenewMedia => return self.renew(&[number], true, step),
            Request::Offer(_) | Request::View { .. } | Request::ShareDevice { .. } => {}
            Request::UnshareDevice { participant } => {
                let other = self.model.subject_of(participant.0).unwrap_or_default().to_owned();
                self.model.change(|model| model.stand_up(other, false));
            }
            Request::SetLevel { level } => self.model.change(|model| {
                model.ladder.chosen.insert(number, *level);
            }),
            Request::SetCeiling { participant, level } => {
                let named = participant.and_then(|of| self.model.subject_of(of.0)).map(str::to_owned);
                act(Act::CeilingSet { subject: named, level: *level });
                self.model.change(|model| match participant {
                    Some(of) => drop(model.ladder.ceilings.insert(of.0, *level)),
                    None => model.ladder.of_all = *level,
                });
            }
            Request::LendHelper { participant, on } => {
                if self.model.helpers.contains(&participant.0) != *on {
                    let helper = self.model.subject_of(participant.0).unwrap_or_default().to_owned();
                    act(Act::HelperLent { subject: helper, on: *on });
                }
                let helpers = &mut self.model.helpers;
                if *on {
                    helpers.insert(participant.0)
                } else {
                    helpers.remove(&participant.0)
                };
            }
            Request::OpenAsides { groups, seconds } => self.asides_opened(actor, groups, *seconds, audit),
            Request::OpenCrisisAside { participant } => {
                self.crisis_aside_opened(actor, number, participant.0, audit);
            }
            Request::Move { participant, aside } => {
                let moves = Places::from([(participant.0, aside.map_or(0, |aside| aside.0))]);
                self.put(actor, &moves, Vec::new(), audit);
            }
            Request::Recall { aside, seconds } => {
                act(Act::Recalled { aside: aside.map(|aside| aside.0) });
                self.model.recall(aside.map(|aside| aside.0), *seconds);
            }
            Request::KeepApart { one, other, apart } => {
                let pair = (one.0.min(other.0), one.0.max(other.0));
                if self.model.spaces.apart.contains(&pair) != *apart {
                    let subject = self.model.subject_of(one.0).unwrap_or_default().to_owned();
                    act(Act::KeptApart { subject, other: other.0, apart: *apart });
                }
                self.model.change(|model| {
                    let kept = &mut model.spaces.apart;
                    if *apart { kept.insert(pair) } else { kept.remove(&pair) }
                });
            }
            Request::Say { .. }
            | Request::SayTurn { .. }
            | Request::Unsay { .. }
            | Request::React { .. }
            | Request::AnswerScale { .. }
            | Request::Milestone { .. }
            | Request::SetGoal { .. }
            | Request::TakeFeedback { .. }
            | Request::GiveFeedback { .. }
            | Request::Rate { .. }
            | Request::Export
            | Request::ShowPrompt { .. }
            | Request::StartTimer { .. }
            | Request::StopTimer
            | Request::OpenScale { .. }
            | Request::CloseScale
            | Request::CareMoment { .. }
            | Request::AnswerSignal { .. } => {
                return self.carry_out_words(subject, number, request, told, step);
            }
            Request::StepTo { .. }
            | Request::Override { .. }
            | Request::ChangeFormat { .. }
            | Request::ImportFormat { .. }
            | Request::ExportFormat
            | Request::Breach { .. }
            | Request::Break { .. }
            | Request::EndBreak
            | Request::RoundSuspendStop => {
                return self.carry_out_agenda(subject, number, request, told, heard, audit);
            }
            // Signals are taken before; what is attested and corrected stands in the attendance itself.
            Request::Distress
            | Request::NotAlone { .. }
            | Request::AttestAttendance
            | Request::CorrectAttendance { .. } => {}
        }
        Ok(())
    }

    pub(super) fn removed(
        &mut self,
        number: u32,
        actor: Option<String>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let subject = self.model.subject_of(number).unwrap_or_default().to_owned();
        let seat = self.model.seat(&subject).cloned();
        let door = self.model.door_of(&subject).cloned();
        for connection in seat.iter().filter_map(|seat| seat.connection) {
            let bye = heard.get(&connection).and_then(|told| told.bye.as_ref());
            let card = bye.is_some_and(|bye| bye.reason == ByeReason::Removed && bye.card.is_some());
            law!(card, "5", "{subject} is removed, and heard {bye:?}")?;
        }
        for connection in door.iter().filter_map(|door| door.connection) {
            law!(
                heard.get(&connection).is_some_and(|told| told.bye.is_some()),
                "5",
                "{subject} still waits"
            )?;
        }
        audit.must.push((actor, Act::Removed { subject: subject.clone() }));
        self.model.change(|model| model.rise(&subject, true));
        self.model.offered.remove(&subject);
        self.model.doors.retain(|door| door.claims.subject != subject);
        self.model.aside.remove(&subject);
        // Their absence counts from the last sign of life.
        let went = self.model.gone.get(&subject).map(|(_, since)| *since);
        let since = seat.as_ref().map_or(went, |seat| seat.dropped).unwrap_or(self.model.now);
        self.model.gone.insert(subject.clone(), (true, since));
        self.model.undone.remove(&subject);
        self.model.removed.insert(subject);
        let present = seat.filter(|seat| seat.connection.is_some()).map(|seat| seat.claims.role);
        self.model.mind_the_room(present, self.model.now);
        Ok(())
    }

    fn ended_now(
        &mut self,
        confirm: Option<&str>,
        told: &Told<'_>,
        step: &Step<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let word = told.frames.iter().find_map(|frame| match frame {
            ServerFrame::Ok { outcome: Some(Outcome::Confirm { word }), .. } => Some(word.clone()),
            ServerFrame::Ok { .. }
            | ServerFrame::Refusal { .. }
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
        });
        if let Some(word) = word {
            law!(
                confirm.is_none_or(|said| self.model.word.as_deref() != Some(said)),
                "end",
                "confirmed, and asked again"
            )?;
            self.model.word = Some(word);
            return Ok(());
        }
        law!(
            confirm.is_some() && confirm == self.model.word.as_deref(),
            "end",
            "ended by one step: {confirm:?}"
        )?;
        law!(step.effects.iter().any(|effects| effects.ended), "end", "confirmed, and not ended")?;
        self.model.end(&mut audit.must);
        Ok(())
    }
}
