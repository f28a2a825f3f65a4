//! Calls for help while the record cannot be kept. All other words wait for it, in their order; a call and its answers need no
//! record to be true, so they go ahead: put into what their reader was told last, beside nothing that is not recorded yet.
//! Nobody else is told anything by it.

use hearth_protocol::{Change, Desk, MessageKind, RoomView, ServerFrame, You};
use hearth_room::{Tell, Words};

use super::Task;

impl Task {
    /// Says all of calls for help that waits for a record that fails.
    pub(super) fn help(&mut self) {
        let guests = &mut self.guests;
        let mut ahead = Vec::new();
        self.order.look_through(|tell| {
            let Some(guest) = guests.get_mut(&tell.to) else { return true };
            let words = guest.pages.ahead(&mut tell.words);
            ahead.extend(words.map(|words| Tell { to: tell.to, words }));
            !is_said(&tell.words)
        });
        ahead.into_iter().for_each(|tell| self.say(tell));
    }
}

/// Nothing is left of it that waits.
fn is_said(words: &Words) -> bool {
    match words {
        Words::Frame(frame) => matches!(frame, ServerFrame::Signal(_)),
        Words::Delta(changes) => changes.is_empty(),
        Words::Snapshot(_) | Words::Bye(_) => false,
    }
}

/// Where calls for help stand, as one reader was told last.
#[derive(Debug, Default)]
pub(super) struct Pages {
    you: Option<Box<You>>,
    desk: Option<Box<Desk>>,
}

impl Pages {
    pub fn open(&mut self, view: &RoomView) {
        self.you = Some(Box::new(view.you.clone()));
        self.desk = view.desk.clone().map(Box::new);
    }

    pub fn follow(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::You(you) = change {
                self.you = Some(you.clone());
            } else if let Change::Desk(desk) = change {
                self.desk = Some(desk.clone());
            }
        }
    }

    /// What goes ahead of these words, which wait. What is said once is taken out of them.
    pub fn ahead(&mut self, words: &mut Words) -> Option<Words> {
        let changes = match words {
            Words::Frame(frame) => {
                return matches!(frame, ServerFrame::Signal(_)).then(|| Words::Frame(frame.clone()));
            }
            Words::Bye(_) => return None,
            Words::Snapshot(view) => {
                let mine = self.mine(&view.you);
                let calls = view.desk.as_ref().and_then(|desk| self.calls(desk));
                mine.into_iter().chain(calls).collect()
            }
            Words::Delta(changes) => {
                let answers = changes.extract_if(.., |change| is_answer(change));
                let mut ahead: Vec<Change> = answers.collect();
                for change in changes {
                    if let Change::You(you) = change {
                        ahead.extend(self.mine(you));
                    } else if let Change::Desk(desk) = change {
                        ahead.extend(self.calls(desk));
                    }
                }
                ahead
            }
        };
        (!changes.is_empty()).then_some(Words::Delta(changes))
    }

    fn mine(&mut self, newest: &You) -> Option<Change> {
        let you = self.you.as_mut()?;
        if (you.signal, you.not_alone) == (newest.signal, newest.not_alone) {
            return None;
        }
        (you.signal, you.not_alone) = (newest.signal, newest.not_alone);
        Some(Change::You(you.clone()))
    }

    fn calls(&mut self, newest: &Desk) -> Option<Change> {
        let desk = self.desk.as_mut()?;
        if desk.signals == newest.signals {
            return None;
        }
        desk.signals.clone_from(&newest.signals);
        Some(Change::Desk(desk.clone()))
    }
}

fn is_answer(change: &Change) -> bool {
    matches!(change, Change::Message(message) if message.kind == MessageKind::Answer)
}
