//! A question answered from 0 to 10. Facilitators see how many have answered, and at the close the values without names; everyone
//! else sees them at the close where enough have answered, all at once.

use std::collections::BTreeMap;

use hearth_forwarding::Subject;
use hearth_protocol::{Change, NamedAnswer, RefusalCode, Scale, ScaleAnswers, ScaleResult};

use crate::chat::words;
use crate::door::count;
use crate::seat::{counts, participant};
use crate::{Effects, Room};

/// From so many on nobody can be told from the others.
pub(crate) const ANSWERS_MIN: usize = 5;
pub(crate) const VALUE_MAX: u32 = 10;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scales {
    open: Option<Open>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    question: String,
    answers: BTreeMap<Subject, Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    value: u32,
    /// Tell the facilitators that it is me.
    named: bool,
}

impl Room {
    /// One at a time.
    pub(crate) fn open_scale(&mut self, question: &str) -> Result<(), RefusalCode> {
        if self.scales.open.is_some() {
            return Err(RefusalCode::NotPossible);
        }
        self.scales.open = Some(Open { question: words(question)?, answers: BTreeMap::new() });
        Ok(())
    }

    /// Whoever answers again changes their mind.
    pub(crate) fn answer_scale(&mut self, me: Subject, value: u32, named: bool) -> Result<(), RefusalCode> {
        self.check_is_asked(me, value)?;
        let open = self.scales.open.as_mut().ok_or(RefusalCode::NotPossible)?;
        open.answers.insert(me, Answer { value, named });
        Ok(())
    }

    pub(crate) fn close_scale(&mut self, out: &mut Effects) -> Result<(), RefusalCode> {
        let Open { question, answers } = self.scales.open.take().ok_or(RefusalCode::NotPossible)?;
        let mut values: Vec<u32> = answers.values().map(|answer| answer.value).collect();
        values.sort_unstable();
        let to_all = values.len() >= ANSWERS_MIN;
        let result = ScaleResult { question, values };
        let readers = self.hearing().filter(|(_, reader)| to_all || self.is_facilitator(*reader));
        out.tell_alike(readers.map(|(to, _)| to), Change::ScaleResult(result));
        Ok(())
    }

    /// Whose answers are asked for: of those the group is for.
    pub(crate) fn check_is_asked(&self, me: Subject, value: u32) -> Result<(), RefusalCode> {
        let seat = self.seats.get(&me).ok_or(RefusalCode::NotSeated)?;
        if !counts(seat.role) {
            return Err(RefusalCode::NotAllowed);
        }
        if value > VALUE_MAX { Err(RefusalCode::BadMessage) } else { Ok(()) }
    }

    pub(crate) fn scale(&self) -> Option<Scale> {
        self.scales.open.as_ref().map(|open| Scale { question: open.question.clone() })
    }

    pub(crate) fn scale_answer(&self, of: Subject) -> Option<u32> {
        Some(self.scales.open.as_ref()?.answers.get(&of)?.value)
    }

    pub(crate) fn scale_at_the_desk(&self) -> Option<ScaleAnswers> {
        let open = self.scales.open.as_ref()?;
        let named = open.answers.iter().filter(|(_, answer)| answer.named);
        let named =
            named.map(|(of, answer)| NamedAnswer { participant: participant(*of), value: answer.value });
        Some(ScaleAnswers { answered: count(open.answers.keys()), named: named.collect() })
    }
}
