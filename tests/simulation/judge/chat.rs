//! Requests with words, and what is shown to everyone: when they are refused, and what they bring about.

use hearth_protocol::{
    Audience, Change, ChatPolicy, Export, MessageKind, Outcome, ParticipantId, Prompt, RefusalCode, Request,
    Role, ScaleResult, ServerFrame, SignalId, SignalKind,
};

use super::{Broken, Judge, Step, law, verdict::Verdict, wire::Told};
use crate::model::{Model, Scale, Seat, fault, fault_or_none};

impl Judge {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the verdict on every other request is elsewhere")]
    pub(super) fn verdict_words(&self, verdict: &mut Verdict, seat: &Seat, request: &Request) {
        let model = &self.model;
        let observes = seat.claims.role == Role::Observer;
        match request {
            Request::Say { to, text } => {
                self.verdict_audience(verdict, seat, *to);
                self.verdict_pace(verdict, seat);
                verdict.refuse_for(fault(text));
            }
            Request::SayTurn { text } => {
                verdict.refuse(!model.is_speaker(seat.number), RefusalCode::NotPossible);
                verdict.refuse_for(model.not_to_the_group(seat));
                self.verdict_pace(verdict, seat);
                verdict.refuse_for(fault(text));
            }
            Request::Unsay { message } => {
                let known = model.words.written.iter().any(|one| {
                    let theirs = one.author == seat.number;
                    let told = seat.is_facilitator() && one.told.contains(&seat.number);
                    one.id == message.0 && !one.unsaid && (theirs || told)
                });
                verdict.refuse(!known, RefusalCode::NotFound);
            }
            Request::React { reaction } => {
                verdict.refuse(observes, RefusalCode::NotAllowed);
                verdict.refuse(!model.takes(*reaction), RefusalCode::NotPossible);
                let lately = model.reacted.get(&seat.number).is_some_and(|at| model.now < at + 1_000);
                verdict.refuse(lately, RefusalCode::TooFast);
            }
            Request::Milestone { text } => {
                verdict.refuse_for(model.not_to_the_group(seat));
                verdict.refuse_for(fault(text));
                let told = model.words.own.get(&seat.number).map_or(0, |mine| mine.milestones.len());
                verdict.refuse(told >= 16, RefusalCode::NotPossible);
                self.verdict_pace(verdict, seat);
            }
            Request::SetGoal { text, shared } => {
                verdict.refuse(observes, RefusalCode::NotAllowed);
                let Some(text) = text else { return };
                verdict.refuse_for(fault(text));
                if *shared {
                    verdict.refuse_for(model.not_to_the_group(seat));
                    self.verdict_pace(verdict, seat);
                }
            }
            Request::TakeFeedback { .. } => {
                verdict.refuse(observes, RefusalCode::NotAllowed);
            }
            Request::GiveFeedback { participant, text } => {
                verdict.refuse_for(model.not_to_the_group(seat));
                self.verdict_reader(verdict, seat, *participant);
                verdict.refuse_for(fault(text));
                let given = model.words.own.get(&participant.0).map_or(0, |mine| mine.feedback.len());
                let wanted = model.takes_feedback_now(participant.0) && given < 64;
                let near = model.shares_space(seat.number, participant.0);
                verdict.refuse(!wanted || !near, RefusalCode::NotPossible);
                self.verdict_pace(verdict, seat);
            }
            Request::AnswerScale { value, .. } => {
                verdict.refuse_for(model.not_asked(seat, *value));
                verdict.refuse(model.words.scale.is_none(), RefusalCode::NotPossible);
            }
            Request::Rate { value } => verdict.refuse_for(model.not_asked(seat, *value)),
            Request::OpenScale { question } => {
                verdict.refuse(model.words.scale.is_some(), RefusalCode::NotPossible);
                verdict.refuse_for(fault(question));
            }
            Request::CloseScale => {
                verdict.refuse(model.words.scale.is_none(), RefusalCode::NotPossible);
            }
            Request::ShowPrompt { prompt: Some(Prompt { title, text }) } => {
                verdict.refuse_for(fault(title));
                verdict.refuse_for(fault_or_none(text));
            }
            Request::StartTimer { label, .. } => verdict.refuse_for(fault_or_none(label)),
            Request::StopTimer => {
                verdict.refuse(model.words.timer.is_none(), RefusalCode::NotPossible);
            }
            Request::AnswerSignal { signal, text } => {
                self.verdict_answer(verdict, seat, *signal, text.as_deref());
            }
            _ => {}
        }
    }

    fn verdict_audience(&self, verdict: &mut Verdict, seat: &Seat, to: Audience) {
        let model = &self.model;
        if let Audience::Participant { participant } = to {
            self.verdict_reader(verdict, seat, participant);
        }
        if seat.is_facilitator() {
            return;
        }
        verdict.refuse(seat.claims.role == Role::Observer, RefusalCode::NotAllowed);
        match to {
            Audience::Everywhere | Audience::Team => {
                verdict.refuse(true, RefusalCode::NotAllowed);
            }
            Audience::Facilitators => {
                let anybody = model.facilitators().any(|other| model.hears(other));
                verdict.refuse(!anybody, RefusalCode::NotPossible);
            }
            Audience::Room => {
                verdict.refuse_for(model.not_to_the_group(seat));
                verdict.refuse(model.chat() == ChatPolicy::Facilitators, RefusalCode::NotPossible);
            }
            Audience::Participant { participant } => {
                let Some(reader) = model.seat_of(participant.0).filter(|one| !one.is_facilitator()) else {
                    return;
                };
                let listens = reader.claims.role == Role::Observer;
                let far = !model.shares_space(seat.number, reader.number);
                verdict.refuse(listens || far, RefusalCode::NotPossible);
                verdict.refuse_for(model.not_to_the_group(seat));
                verdict.refuse(model.chat() != ChatPolicy::Members, RefusalCode::NotPossible);
            }
        }
    }

    fn verdict_reader(&self, verdict: &mut Verdict, seat: &Seat, reader: ParticipantId) {
        verdict.refuse(self.model.hearing(reader.0).is_none(), RefusalCode::NotFound);
        verdict.refuse(reader.0 == seat.number, RefusalCode::NotPossible);
    }

    /// Eight texts in ten seconds. Whether one counts that was turned down is left open.
    fn verdict_pace(&self, verdict: &mut Verdict, seat: &Seat) {
        verdict.refuse(self.model.pace(seat.number, false) >= 8, RefusalCode::TooFast);
        verdict.may_refuse(self.model.pace(seat.number, true) >= 8, RefusalCode::TooFast);
    }

    fn verdict_answer(&self, verdict: &mut Verdict, seat: &Seat, signal: SignalId, text: Option<&str>) {
        let model = &self.model;
        let Some(raised) = model.signals.raised.iter().find(|one| one.id == signal.0) else {
            verdict.refuse(true, RefusalCode::NotFound);
            return;
        };
        verdict.refuse(raised.subject == seat.claims.subject, RefusalCode::NotPossible);
        let Some(text) = text else { return };
        let reader = model.seat(&raised.subject).filter(|reader| model.hears(reader));
        let safe = raised.kind == SignalKind::Distress;
        verdict.refuse(reader.is_none() || !safe, RefusalCode::NotPossible);
        verdict.refuse_for(fault(text));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other request is carried out elsewhere")]
    pub(super) fn carry_out_words(
        &mut self,
        subject: &str,
        number: u32,
        request: &Request,
        told: &Told<'_>,
        step: &Step<'_>,
    ) -> Result<(), Broken> {
        match request {
            Request::Say { to, text } => {
                self.model.paced(number, true);
                self.written(number, *to, MessageKind::Chat, text, step)?;
            }
            Request::SayTurn { text } => {
                self.model.paced(number, true);
                self.written(number, Audience::Room, MessageKind::Turn, text, step)?;
                self.model.heard_otherwise(number);
            }
            Request::Unsay { message } => self.taken_back(*message),
            Request::React { reaction } => {
                self.model.reacted.insert(number, self.model.now);
                let participant = ParticipantId(number);
                self.tell_space(number, Change::Reaction { participant, reaction: *reaction });
            }
            Request::Milestone { text } => {
                self.model.paced(number, true);
                let text = text.trim().to_owned();
                self.model.mine(number).milestones.push(text.clone());
                self.tell_space(number, Change::Milestone { participant: ParticipantId(number), text });
            }
            Request::SetGoal { text, shared } => {
                if text.is_some() && *shared {
                    self.model.paced(number, true);
                }
                let goal = text.as_ref().map(|text| text.trim().to_owned());
                self.model.mine(number).goal =
                    goal.map(|text| hearth_protocol::Goal { text, shared: *shared });
            }
            Request::TakeFeedback { on } => self.model.mine(number).takes_feedback = *on,
            Request::GiveFeedback { participant, text } => {
                self.model.paced(number, true);
                let to = Audience::Participant { participant: *participant };
                let id = self.written(number, to, MessageKind::Feedback, text, step)?;
                self.model.mine(participant.0).feedback.push((id, text.trim().to_owned()));
            }
            Request::AnswerScale { value, named } => {
                if let Some(scale) = &mut self.model.words.scale {
                    scale.answers.insert(number, (*value, *named));
                }
            }
            Request::Rate { value } => self.model.mine(number).rating = Some(*value),
            Request::OpenScale { question } => {
                let question = question.trim().to_owned();
                self.model.words.scale = Some(Scale { question, answers: Default::default() });
            }
            Request::CloseScale => self.scale_closed(),
            Request::ShowPrompt { prompt } => {
                self.model.words.prompt = prompt.as_ref().map(|prompt| Prompt {
                    title: prompt.title.trim().to_owned(),
                    text: prompt.text.trim().to_owned(),
                });
            }
            Request::StartTimer { seconds, label } => self.model.start_timer(*seconds, label),
            Request::StopTimer => self.model.words.timer = None,
            Request::CareMoment { on } => self.model.words.care = *on,
            Request::AnswerSignal { signal, text } => {
                let raised = self.model.signals.raised.iter().find(|one| one.id == signal.0);
                let reader = raised.and_then(|one| self.model.numbers.get(&one.subject)).copied();
                if let (Some(text), Some(reader)) = (text, reader) {
                    let to = Audience::Participant { participant: ParticipantId(reader) };
                    self.written(number, to, MessageKind::Answer, text, step)?;
                }
                self.model.answer(signal.0, number);
            }
            Request::Export => self.check_export(subject, number, told)?,
            _ => {}
        }
        Ok(())
    }

    /// To everyone in the same space, whoever it is of included.
    fn tell_space(&mut self, of: u32, change: Change) {
        let to = self.model.connections(|seat| self.model.shares_space(seat.number, of));
        self.model.expect(change, to);
    }

    fn scale_closed(&mut self) {
        let Some(scale) = self.model.words.scale.take() else { return };
        let mut values: Vec<u32> = scale.answers.values().map(|(value, _)| *value).collect();
        values.sort_unstable();
        let all = Model::is_scale_for_all(&scale);
        let to = self.model.connections(|seat| all || seat.is_facilitator());
        self.model.expect(Change::ScaleResult(ScaleResult { question: scale.question, values }), to);
    }

    /// Everything of one's own, and nothing of anybody else.
    fn check_export(&self, subject: &str, number: u32, told: &Told<'_>) -> Result<(), Broken> {
        let exported = told.frames.iter().find_map(|frame| {
            let ServerFrame::Ok { outcome: Some(Outcome::Export(export)), .. } = frame else { return None };
            Some(export)
        });
        let exported = exported.ok_or(Broken {
            law: "own",
            what: format!("{subject} asks for what is theirs, and gets nothing"),
        })?;
        let mine = self.model.words.own.get(&number).cloned().unwrap_or_default();
        let meant = Export {
            goal: mine.goal.map(|goal| goal.text),
            milestones: mine.milestones,
            feedback: mine.feedback.into_iter().map(|(_, text)| text).collect(),
        };
        law!(**exported == meant, "own", "{subject} gets {exported:?}, but theirs is {meant:?}")
    }
}
