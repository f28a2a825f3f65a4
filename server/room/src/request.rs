//! What people ask for: answered once, by right, and only when the room takes it.

use hearth_forwarding::{Reason, Reasons, Source, Subject};
use hearth_protocol::{Audience, KnockId, Outcome, ParticipantId, RefusalCode, Request, RequestId, Role};

use crate::answers::{self, Answer, Refused};
use crate::knock::At;
use crate::policy::{Power, Standing, may, needed};
use crate::seat::{Seat, forwarded};
use crate::{ConnectionId, Effects, Fresh, Room, Tell, Words, bye};

impl Room {
    pub(crate) fn request(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        id: RequestId,
        request: Request,
        fresh: &Fresh,
    ) {
        // Whoever was shown out hears nothing more.
        self.heard_from(connection);
        let Some((at, _)) = self.who_is_at(connection) else { return };
        if id.is_valid() && self.takes_signal(at, &request) {
            out.frame(connection, Answer::Ok.frame(id));
            return;
        }
        self.answered_once(out, connection, id, |room, out, at, sub| match at {
            At::Door(knock) => room.at_the_door(out, knock, request),
            At::Seat(subject) => room.at_a_seat(out, subject, sub, request, fresh),
        });
    }

    /// Whoever repeats an id is answered as before.
    pub(crate) fn answered_once(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        id: RequestId,
        carry_out: impl FnOnce(&mut Room, &mut Effects, At, &str) -> Result<Option<Outcome>, Refused>,
    ) {
        self.heard_from(connection);
        let Some((at, sub)) = self.who_is_at(connection) else { return };
        if !id.is_valid() {
            out.frame(connection, Answer::Refused(RefusalCode::BadMessage).frame(RequestId(String::new())));
            return;
        }
        if let Some(answer) = self.answers.get(&sub).and_then(|answers| answers.find(&id)) {
            out.frame(connection, answer.frame(id));
            return;
        }
        let answered_at = out.tell.len();
        let result = carry_out(self, out, at, &sub);
        let words = Words::Frame(answers::first(&result, id.clone()));
        out.tell.insert(answered_at, Tell { to: connection, words });
        let Some(answer) = Answer::of(&result) else { return };
        let most = usize::try_from(self.definition.policy.requests_remembered).unwrap_or(usize::MAX);
        if self.subjects.contains_key(&sub) || self.knocks.values().any(|knock| knock.claims.subject == sub) {
            self.answers.entry(sub).or_default().remember(id, answer, most);
        }
    }

    fn who_is_at(&self, connection: ConnectionId) -> Option<(At, String)> {
        let at = self.connections.get(&connection).copied()?;
        let sub = match at {
            At::Door(knock) => self.knocks.get(&knock)?.claims.subject.clone(),
            At::Seat(subject) => self.seats.get(&subject)?.sub.clone(),
        };
        Some((at, sub))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "before a seat nothing else is possible, whatever comes to be"
    )]
    fn at_the_door(
        &mut self,
        out: &mut Effects,
        id: KnockId,
        request: Request,
    ) -> Result<Option<Outcome>, Refused> {
        match request {
            Request::AcceptGroundRules { version, hash } => {
                self.accept_at_the_door(out, id, version, &hash)?
            }
            Request::Leave => {
                let sub = self.knocks.get(&id).map(|knock| knock.claims.subject.clone());
                if let Some(connection) = sub.and_then(|sub| self.forget_knock_of(&sub)) {
                    out.bye(connection, bye::left());
                }
            }
            _ => return Err(RefusalCode::NotSeated.into()),
        }
        Ok(None)
    }

    fn at_a_seat(
        &mut self,
        out: &mut Effects,
        me: Subject,
        sub: &str,
        request: Request,
        fresh: &Fresh,
    ) -> Result<Option<Outcome>, Refused> {
        let (power, name) = needed(&request);
        if !may(&self.standing(me), power) {
            return Err(self.want_of_right(out, sub, name).into());
        }
        self.is_accepted_now(me, &request)?;
        let result = self.by_right(out, me, power, request, fresh);
        match result {
            Err(Refused { code: RefusalCode::NotAllowed, .. }) => {
                Err(self.want_of_right(out, sub, name).into())
            }
            Ok(_) | Err(_) => result,
        }
    }

    /// Frozen, on hold and without agreement to the rules, little is accepted of members: leaving, muting, camera off,
    /// a lower level, and in a freeze text to facilitators. Without agreement facilitators are no more than they; that they may still
    /// freeze the room closes, and opens nothing.
    pub(crate) fn is_accepted_now(&self, me: Subject, request: &Request) -> Result<(), RefusalCode> {
        let seat = self.seats.get(&me).ok_or(RefusalCode::NotSeated)?;
        let always = matches!(
            request,
            Request::Leave
                | Request::UnshareDevice { .. }
                | Request::SetOwn { open: false, .. }
                | Request::RenewMedia
        ) || matches!(request, Request::SetLevel { level } if *level <= self.levels.chosen(me));
        if always {
            return Ok(());
        }
        let spared = seat.role.is_facilitator() || self.is_spared(seat, request);
        let frozen = !spared && self.freeze.as_ref().is_some_and(|freeze| freeze.thawed.is_empty());
        let frozen = frozen && !self.is_to_facilitators(request);
        if frozen && !matches!(request, Request::Thaw { .. } | Request::ResumeRoom) {
            return Err(RefusalCode::Frozen);
        }
        let agrees = matches!(request, Request::AcceptGroundRules { .. });
        if self.is_barred(seat) && !agrees && !matches!(request, Request::Freeze) {
            return Err(RefusalCode::GroundRulesChanged);
        }
        let goes_on = matches!(
            request,
            Request::LowerHand | Request::OpenOnTurn { .. } | Request::Export | Request::ResumeRoom
        );
        if self.hold.is_some() && !spared && !agrees && !goes_on {
            return Err(RefusalCode::OnHold);
        }
        Ok(())
    }

    /// What two in a crisis do with each other: their media, how much they take part, and their words.
    fn is_spared(&self, seat: &Seat, request: &Request) -> bool {
        let theirs = matches!(
            request,
            Request::SetOwn { .. }
                | Request::SetLevel { .. }
                | Request::Say { to: Audience::Room | Audience::Facilitators, .. }
        );
        theirs && self.is_in_crisis(seat)
    }

    fn is_to_facilitators(&self, request: &Request) -> bool {
        let Request::Say { to, .. } = request else { return false };
        match to {
            Audience::Facilitators => true,
            Audience::Participant { participant } => self.is_facilitator(Subject(participant.0)),
            Audience::Room | Audience::Everywhere | Audience::Team => false,
        }
    }

    fn by_right(
        &mut self,
        out: &mut Effects,
        me: Subject,
        power: Power,
        request: Request,
        fresh: &Fresh,
    ) -> Result<Option<Outcome>, Refused> {
        match request {
            Request::AcceptGroundRules { version, hash } => {
                self.accept_in_the_room(out, me, version, &hash)?
            }
            Request::SetOwn { source, open } => self.set_own(out, me, forwarded(source), open)?,
            Request::OpenOnTurn { on } => self.seat_mut(me)?.open_on_turn = on,
            Request::RaiseHand { kind } => self.raise_hand(me, kind)?,
            Request::LowerHand => self.lower_hand(me)?,
            Request::React { reaction } => self.react(out, me, reaction)?,
            Request::Yield => {
                let speaker = self.speaker_at(me).unwrap_or(me);
                self.yield_floor(out, speaker)?;
                self.passed(speaker);
            }
            Request::Pass => {
                let speaker = self.speaker_at(me).unwrap_or(me);
                self.pass(out, speaker)?;
                self.passed(speaker);
            }
            Request::Defer => self.defer(out, self.speaker_at(me).unwrap_or(me))?,
            Request::Leave => self.leave(out, me),
            Request::Admit { knock, through_lock } => self.admit(out, me, knock, through_lock)?,
            Request::Deny { knock } => self.deny(out, me, knock)?,
            Request::UndoDenial { knock } => self.undo_denial(out, me, knock)?,
            Request::AdmitAll { if_version } => self.admit_all(out, me, if_version)?,
            Request::SendToWaiting { participant } => {
                let target = self.device_of(self.target(me, power, participant)?);
                self.send_to_waiting(out, me, target, fresh.clone())?;
            }
            Request::SetGate { participant, source, open } => {
                let target = self.target(me, power, participant)?;
                self.set_gate(out, me, target, forwarded(source), open)?;
            }
            Request::GateAll { source, except } => {
                let except: Vec<Subject> = except.into_iter().map(|one| Subject(one.0)).collect();
                self.gate_all(out, me, forwarded(source), &except);
            }
            Request::AskToUnmute { participant } => self.ask_to_unmute(participant)?,
            Request::SetFloor { mode } => self.set_floor(out, me, mode)?,
            Request::Grant { participant } | Request::Revoke { participant }
                if self.is_beyond(me, Subject(participant.0)) =>
            {
                return Err(RefusalCode::NotAllowed.into());
            }
            Request::Grant { participant } => self.grant(out, me, Subject(participant.0))?,
            Request::Revoke { participant } => self.revoke(out, me, Subject(participant.0))?,
            Request::LowerHandOf { participant } => self.lower_hand(Subject(participant.0))?,
            Request::OrderHands { participants } => {
                let first: Vec<Subject> = participants.into_iter().map(|one| Subject(one.0)).collect();
                self.floor.hands.order(&first);
            }
            Request::RoundStart { order, turn_seconds, include_facilitators } => {
                self.start_round(out, me, order, turn_seconds, include_facilitators)?;
            }
            Request::RoundExtend { seconds } => self.extend_turn(seconds)?,
            Request::RoundSkip => self.skip_turn(out)?,
            Request::RoundEnd => self.end_round(out, me)?,
            Request::Lock { locked } => self.set_lock(out, me, locked),
            Request::Freeze => self.freeze(out, me),
            Request::Thaw { step } => self.thaw(out, me, step)?,
            Request::Remove { participant } => {
                let target = self.target(me, power, participant)?;
                if let Some(device) = self.remove(out, Some(me), target)? {
                    self.send_to_waiting(out, me, device, fresh.clone())?;
                }
            }
            Request::UndoRemoval { participant } => self.undo_removal(out, me, Subject(participant.0))?,
            Request::ResumeRoom => self.resume_room(out, me)?,
            Request::HandOver { participant } => self.hand_over(out, me, Subject(participant.0))?,
            Request::TakeLead => self.take_lead(out, me)?,
            Request::End { seconds } => self.announce_end(out, me, seconds),
            Request::CancelEnd => self.cancel_end(out, me)?,
            Request::EndNow { confirm } => return Ok(self.end_now(out, me, confirm.as_deref(), fresh)?),
            // The shell takes these to the relay.
            Request::Offer(_) | Request::View { .. } => return Err(RefusalCode::NotPossible.into()),
            Request::RenewMedia => self.seat_mut(me)?.renew_media(),
            Request::OpenAsides { groups, seconds } => self.open_asides(out, me, &groups, seconds)?,
            Request::OpenCrisisAside { participant } => self.open_crisis_aside(out, me, participant)?,
            Request::Move { participant, aside } => self.move_to(out, me, participant, aside)?,
            Request::Recall { aside, seconds } => self.recall(out, me, aside, seconds)?,
            Request::KeepApart { one, other, apart } => self.keep_apart(out, me, [one, other], apart)?,
            Request::LendHelper { participant, on } => self.lend_helper(out, me, participant, on)?,
            // The shell verifies the ticket first.
            Request::ShareDevice { .. } => return Err(RefusalCode::NotPossible.into()),
            Request::UnshareDevice { participant } => self.unshare_device(out, me, participant)?,
            Request::SetLevel { level } => self.set_level(out, me, level),
            Request::SetCeiling { participant, level } => self.set_ceiling(out, me, participant, level)?,
            Request::Break { seconds } => self.rest(out, me, seconds)?,
            Request::EndBreak => self.end_rest(out, Some(me))?,
            Request::StepTo { segment } => self.step_to(out, me, segment)?,
            Request::Override { settings } => self.override_segment(out, me, &settings)?,
            Request::ChangeFormat { format } => self.change_format(out, me, &format)?,
            Request::ImportFormat { toml } => self.import_format(out, me, &toml)?,
            Request::ExportFormat => return Ok(Some(self.export_format())),
            Request::RoundSuspendStop => self.suspend_stop()?,
            // Taken before anything could refuse them.
            Request::Distress | Request::NotAlone { .. } => {}
            Request::AnswerSignal { signal, text } => {
                self.answer_signal(out, me, signal, text.as_deref(), fresh)?;
            }
            Request::Breach { code, participant } => self.breach(out, me, code, participant)?,
            Request::Say { to, text } => self.say(out, me, to, &text, fresh)?,
            Request::SayTurn { text } => self.say_turn(out, me, &text, fresh)?,
            Request::Unsay { message } => self.unsay(me, message)?,
            Request::ShowPrompt { prompt } => self.show_prompt(prompt)?,
            Request::StartTimer { seconds, label } => self.start_timer(seconds, &label)?,
            Request::StopTimer => self.stop_timer()?,
            Request::CareMoment { on } => self.cards.care = on,
            Request::OpenScale { question } => self.open_scale(&question)?,
            Request::AnswerScale { value, named } => self.answer_scale(me, value, named)?,
            Request::CloseScale => self.close_scale(out)?,
            Request::Milestone { text } => self.milestone(out, me, &text)?,
            Request::SetGoal { text, shared } => self.set_goal(me, text.as_deref(), shared)?,
            Request::TakeFeedback { on } => self.take_feedback(me, on)?,
            Request::GiveFeedback { participant, text } => {
                self.give_feedback(out, me, participant, &text, fresh)?;
            }
            Request::Rate { value } => self.rate(me, value)?,
            Request::Export => return Ok(Some(self.export(me))),
            Request::AttestAttendance => self.attest_attendance(out, me),
            Request::CorrectAttendance { participant, minutes, note } => {
                self.correct_attendance(out, me, participant, minutes, &note)?;
            }
        }
        Ok(None)
    }

    pub(crate) fn standing(&self, of: Subject) -> Standing {
        Standing {
            role: self.seats.get(&of).map_or(Role::Observer, |seat| seat.role),
            lead: self.lead == Some(of),
            helper: self.helpers.contains(&of),
            peer_lead: self.rules().peer_lead,
            froze: self.freeze.as_ref().is_some_and(|freeze| freeze.by == of),
        }
    }

    /// Whom a command is about, if it may be done to them.
    fn target(&self, me: Subject, power: Power, of: ParticipantId) -> Result<Subject, RefusalCode> {
        self.check_target(me, power, Subject(of.0))?;
        Ok(Subject(of.0))
    }

    fn seat_mut(&mut self, of: Subject) -> Result<&mut Seat, RefusalCode> {
        self.seats.get_mut(&of).ok_or(RefusalCode::NotSeated)
    }

    fn ask_to_unmute(&mut self, of: ParticipantId) -> Result<(), RefusalCode> {
        let of = self.device_of(Subject(of.0));
        let seat = self.seats.get(&of).filter(|seat| seat.is_connected()).ok_or(RefusalCode::NotFound)?;
        let gate = seat.gates[Source::Microphone.index()];
        // Asked only where one's own click is all that is missing.
        if gate.reasons() != Reasons::of(Reason::Self_) {
            return Err(RefusalCode::NotPossible);
        }
        self.ask(of);
        Ok(())
    }
}
