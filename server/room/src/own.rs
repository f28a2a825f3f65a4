//! What belongs to each member alone: goal line, milestones, feedback, the rating, and the export of it all. In memory only, and
//! gone with the session.

use std::collections::BTreeMap;

use hearth_forwarding::Subject;
use hearth_protocol::{
    Audience, Change, Export, Goal, MessageId, MessageKind, Outcome, ParticipantId, RefusalCode, SegmentKind,
};

use crate::chat::words;
use crate::scale::ANSWERS_MIN;
use crate::seat::participant;
use crate::{Effects, Fresh, Room};

const MILESTONES_MAX: usize = 16;
const FEEDBACK_MAX: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owned(BTreeMap<Subject, Mine>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mine {
    goal: Option<Goal>,
    milestones: Vec<String>,
    takes_feedback: bool,
    feedback: Vec<(MessageId, String)>,
    rating: Option<u32>,
}

impl Room {
    /// Told once. Nothing is counted, so one may begin again at any time.
    pub(crate) fn milestone(
        &mut self,
        out: &mut Effects,
        me: Subject,
        text: &str,
    ) -> Result<(), RefusalCode> {
        self.check_open_to_words(me)?;
        let text = words(text)?;
        if self.mine(me).milestones.len() >= MILESTONES_MAX {
            return Err(RefusalCode::NotPossible);
        }
        self.keep_pace(me)?;
        self.mine(me).milestones.push(text.clone());
        self.tell_space(out, me, Change::Milestone { participant: participant(me), text });
        Ok(())
    }

    pub(crate) fn set_goal(
        &mut self,
        me: Subject,
        text: Option<&str>,
        shared: bool,
    ) -> Result<(), RefusalCode> {
        self.check_writes(me)?;
        let goal = match text {
            Some(text) => Some(Goal { text: words(text)?, shared }),
            None => None,
        };
        if goal.is_some() && shared {
            self.check_open_to_words(me)?;
            self.keep_pace(me)?;
        }
        self.mine(me).goal = goal;
        Ok(())
    }

    pub(crate) fn take_feedback(&mut self, me: Subject, on: bool) -> Result<(), RefusalCode> {
        self.check_writes(me)?;
        self.mine(me).takes_feedback = on;
        Ok(())
    }

    /// While it is time for it, in the same space, to who wants it.
    pub(crate) fn give_feedback(
        &mut self,
        out: &mut Effects,
        me: Subject,
        to: ParticipantId,
        text: &str,
        fresh: &Fresh,
    ) -> Result<(), RefusalCode> {
        self.check_open_to_words(me)?;
        self.check_reader(me, to)?;
        let (reader, text) = (Subject(to.0), words(text)?);
        let full = self.mine(reader).feedback.len() >= FEEDBACK_MAX;
        if full || !self.takes_feedback_now(reader) || self.space_of(reader) != self.space_of(me) {
            return Err(RefusalCode::NotPossible);
        }
        self.keep_pace(me)?;
        let audience = Audience::Participant { participant: to };
        let id = self.write(out, me, audience, MessageKind::Feedback, &text, fresh)?;
        self.mine(reader).feedback.push((id, text));
        Ok(())
    }

    /// What is taken away again is not taken along.
    pub(crate) fn take_back_feedback(&mut self, message: MessageId) {
        for mine in self.owned.0.values_mut() {
            mine.feedback.retain(|(id, _)| *id != message);
        }
    }

    pub(crate) fn rate(&mut self, me: Subject, value: u32) -> Result<(), RefusalCode> {
        self.check_is_asked(me, value)?;
        self.mine(me).rating = Some(value);
        Ok(())
    }

    pub(crate) fn export(&self, me: Subject) -> Outcome {
        let mine = self.owned.0.get(&me).cloned().unwrap_or_default();
        Outcome::Export(Box::new(Export {
            goal: mine.goal.map(|goal| goal.text),
            milestones: mine.milestones,
            feedback: mine.feedback.into_iter().map(|(_, text)| text).collect(),
        }))
    }

    pub(crate) fn goal(&self, of: Subject) -> Option<&Goal> {
        self.owned.0.get(&of)?.goal.as_ref()
    }

    /// As the others see it: not of whoever may not write to them now.
    pub(crate) fn shared_goal(&self, of: Subject) -> Option<String> {
        let goal = self.goal(of).filter(|goal| goal.shared && self.may_write(of))?;
        Some(goal.text.clone())
    }

    pub(crate) fn takes_feedback(&self, of: Subject) -> bool {
        self.owned.0.get(&of).is_some_and(|mine| mine.takes_feedback)
    }

    pub(crate) fn takes_feedback_now(&self, of: Subject) -> bool {
        self.takes_feedback(of) && self.segment_kind() == Some(SegmentKind::Feedback)
    }

    /// Sorted, and only where enough have rated.
    pub(crate) fn ratings(&self) -> Vec<u32> {
        let mut ratings: Vec<u32> = self.owned.0.values().filter_map(|mine| mine.rating).collect();
        ratings.sort_unstable();
        if ratings.len() < ANSWERS_MIN { Vec::new() } else { ratings }
    }

    fn mine(&mut self, of: Subject) -> &mut Mine {
        self.owned.0.entry(of).or_default()
    }
}
