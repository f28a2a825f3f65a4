//! What is shown to everyone: a card to think about, a timer, the care moment, and the reminder of confidentiality.

use hearth_protocol::{Change, Millis, Notice, Prompt, RefusalCode, Timer};

use crate::chat::words;
use crate::{Effects, Room};

/// The longest timer.
const TIMER_SECONDS_MAX: u32 = 60 * 60;
const REMINDER_MS_MIN: u32 = 60_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cards {
    prompt: Option<Prompt>,
    /// Gentle: it stands there when it is over, until somebody stops it.
    timer: Option<Timer>,
    /// Only `with_you` remains of the reactions, and no timer is shown.
    pub care: bool,
    /// When everyone is reminded again.
    pub reminder: Option<u32>,
    /// With the words of this command.
    reminds: bool,
}

impl Room {
    pub(crate) fn show_prompt(&mut self, prompt: Option<Prompt>) -> Result<(), RefusalCode> {
        self.cards.prompt = match prompt {
            Some(Prompt { title, text }) => {
                Some(Prompt { title: words(&title)?, text: words_or_none(&text)? })
            }
            None => None,
        };
        Ok(())
    }

    /// In place of any other.
    pub(crate) fn start_timer(&mut self, seconds: u32, label: &str) -> Result<(), RefusalCode> {
        let seconds = seconds.clamp(1, TIMER_SECONDS_MAX);
        let ends_at = Millis(self.now.saturating_add(seconds.saturating_mul(1_000)));
        self.cards.timer = Some(Timer { label: words_or_none(label)?, ends_at });
        Ok(())
    }

    pub(crate) fn stop_timer(&mut self) -> Result<(), RefusalCode> {
        self.cards.timer.take().map(|_| ()).ok_or(RefusalCode::NotPossible)
    }

    pub(crate) fn prompt(&self) -> Option<Prompt> {
        self.cards.prompt.clone()
    }

    pub(crate) fn timer(&self) -> Option<Timer> {
        self.cards.timer.clone().filter(|_| !self.cards.care)
    }

    /// At each admission, and when nobody has come for a while.
    pub(crate) fn remind(&mut self) {
        self.cards.reminds = true;
        self.cards.reminder = None;
    }

    pub(crate) fn settle_reminder(&mut self) {
        if self.started.is_some() && self.cards.reminder.is_none() {
            let pause = self.definition.policy.reminder_ms.max(REMINDER_MS_MIN);
            self.cards.reminder = self.now.checked_add(pause);
        }
    }

    /// Follows the views, so that whoever was just admitted has one.
    pub(crate) fn tell_reminder(&mut self, out: &mut Effects) {
        if std::mem::take(&mut self.cards.reminds) {
            let change = Change::Notice { notice: Notice::Confidentiality };
            out.tell_alike(self.hearing().map(|(to, _)| to), change);
        }
    }
}

fn words_or_none(text: &str) -> Result<String, RefusalCode> {
    if text.trim().is_empty() { Ok(String::new()) } else { words(text) }
}
