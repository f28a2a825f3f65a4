//! What people write, show and keep for themselves, and their private signals.

use hearth_protocol::{Audience, MessageId, ParticipantId, Prompt, Reaction, Request, SegmentKind, SignalId};

use super::{anybody, some_text};
use crate::{chance::Chance, judge::Judge, model::Seat};

pub fn signal(chance: &mut Chance) -> Request {
    match chance.below(4) {
        0 | 1 => Request::Distress,
        2 => Request::NotAlone { on: true },
        _ => Request::NotAlone { on: false },
    }
}

/// By whoever takes part.
pub fn write(seat: &Seat, judge: &Judge, chance: &mut Chance) -> Request {
    let words = &judge.model.words;
    if words.scale.is_some() && chance.one_in(3) {
        return Request::AnswerScale { value: chance.below(12), named: chance.one_in(2) };
    }
    if judge.model.is_speaker(seat.number) && chance.one_in(3) {
        return Request::SayTurn { text: some_text(chance) };
    }
    let feedback = judge.model.segment().is_some_and(|segment| segment.kind == SegmentKind::Feedback);
    if feedback && chance.one_in(2) {
        let takes: Vec<&Seat> =
            judge.model.seats.iter().filter(|one| judge.model.takes_feedback(one.number)).collect();
        return match chance.pick(&takes) {
            Some(one) if !chance.one_in(3) => {
                Request::GiveFeedback { participant: ParticipantId(one.number), text: some_text(chance) }
            }
            Some(_) | None => Request::TakeFeedback { on: true },
        };
    }
    match chance.below(26) {
        0..=8 => Request::Say { to: audience(judge, chance), text: some_text(chance) },
        9 | 10 => Request::Unsay { message: message(seat, judge, chance) },
        11..=13 => {
            let reactions = [Reaction::WithYou, Reaction::ThankYou, Reaction::WellDone, Reaction::MeToo];
            Request::React { reaction: *chance.pick(&reactions).expect("four") }
        }
        14 => Request::Milestone { text: some_text(chance) },
        15 | 16 => {
            let text = (!chance.one_in(4)).then(|| some_text(chance));
            Request::SetGoal { text, shared: chance.one_in(2) }
        }
        17 | 18 => Request::TakeFeedback { on: !chance.one_in(3) },
        19..=21 => Request::GiveFeedback { participant: anybody(judge, chance), text: some_text(chance) },
        22 => Request::Rate { value: chance.below(12) },
        23 => Request::Export,
        24 => Request::SayTurn { text: some_text(chance) },
        _ => signal(chance),
    }
}

/// By whoever leads.
pub fn show(judge: &Judge, chance: &mut Chance) -> Request {
    let words = &judge.model.words;
    let unanswered: Vec<u32> = judge.model.signals.raised.iter().map(|one| one.id).collect();
    if !unanswered.is_empty() && chance.one_in(3) {
        let signal = SignalId(*chance.pick(&unanswered).expect("not empty"));
        return Request::AnswerSignal { signal, text: chance.one_in(2).then(|| some_text(chance)) };
    }
    if words.scale.is_some() && chance.one_in(12) {
        return Request::CloseScale;
    }
    match chance.below(14) {
        0 | 1 => {
            let card = Prompt { title: some_text(chance), text: some_text(chance) };
            Request::ShowPrompt { prompt: (!chance.one_in(3)).then_some(card) }
        }
        2 | 3 => Request::StartTimer { seconds: chance.below(300), label: some_text(chance) },
        4 => Request::StopTimer,
        5..=7 => Request::OpenScale { question: some_text(chance) },
        8 => Request::CareMoment { on: chance.one_in(3) },
        9 => Request::AnswerSignal { signal: SignalId(chance.below(5)), text: None },
        _ => Request::Say { to: audience(judge, chance), text: some_text(chance) },
    }
}

fn audience(judge: &Judge, chance: &mut Chance) -> Audience {
    match chance.below(10) {
        0..=3 => Audience::Room,
        4 => Audience::Everywhere,
        5 | 6 => Audience::Facilitators,
        7 => Audience::Team,
        _ => Audience::Participant { participant: anybody(judge, chance) },
    }
}

/// One's own, most of the time.
fn message(seat: &Seat, judge: &Judge, chance: &mut Chance) -> MessageId {
    let written = &judge.model.words.written;
    let own: Vec<u32> = written.iter().filter(|one| one.author == seat.number).map(|one| one.id).collect();
    let any = chance.pick(written).map_or(0, |one| one.id);
    MessageId(if chance.one_in(3) { any } else { chance.pick(&own).copied().unwrap_or(any) })
}

/// Numbers of nobody in particular, too.
pub fn anyone_or_none(judge: &Judge, chance: &mut Chance) -> Option<ParticipantId> {
    (!chance.one_in(3)).then(|| anybody(judge, chance))
}

/// What meetings without words leave out.
pub fn is_of_words(request: &Request) -> bool {
    let said = matches!(
        request,
        Request::Say { .. }
            | Request::SayTurn { .. }
            | Request::Unsay { .. }
            | Request::Milestone { .. }
            | Request::SetGoal { .. }
            | Request::TakeFeedback { .. }
            | Request::GiveFeedback { .. }
            | Request::React { .. }
            | Request::AnswerScale { .. }
            | Request::OpenScale { .. }
            | Request::CloseScale
            | Request::Rate { .. }
            | Request::Export
            | Request::ShowPrompt { .. }
            | Request::StartTimer { .. }
            | Request::StopTimer
            | Request::CareMoment { .. }
    );
    let led = matches!(
        request,
        Request::Distress
            | Request::NotAlone { .. }
            | Request::AnswerSignal { .. }
            | Request::Breach { .. }
            | Request::Break { .. }
            | Request::EndBreak
            | Request::StepTo { .. }
            | Request::Override { .. }
            | Request::ChangeFormat { .. }
            | Request::ImportFormat { .. }
            | Request::ExportFormat
            | Request::RoundSuspendStop
    );
    said || led
}
