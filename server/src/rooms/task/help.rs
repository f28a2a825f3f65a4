//! Calls for help while the record cannot be kept. All other words wait for it, in their order; a call and its answers need no
//! record to be true, so they go ahead: put into what their reader was told last, beside nothing that is not recorded yet. A
//! facilitator who came meanwhile was told nothing yet, and stands by: for them there are calls for help and nothing else of the
//! room. Nobody else is told anything by it.

use hearth_protocol::{
    Change, Desk, DoorSignal, MessageKind, Millis, OwnSignal, RoomView, ServerFrame, Signal, You,
};
use hearth_room::{Changes, Tell, Words};

use super::Task;

impl Task {
    /// Says all of calls for help that waits for a record that fails.
    pub(super) fn help(&mut self) {
        let (guests, now) = (&mut self.guests, Millis(self.clock.now()));
        let mut ahead = Vec::new();
        self.order.look_through(|tell| {
            let Some(guest) = guests.get_mut(&tell.to) else { return true };
            let words = guest.pages.ahead(&mut tell.words, now);
            ahead.extend(words.into_iter().map(|words| Tell { to: tell.to, words }));
            !guest.pages.is_said(&tell.words)
        });
        self.say(ahead);
    }
}

/// Where calls for help stand, as one reader was told last.
#[derive(Debug)]
pub(super) enum Pages {
    /// Nothing of the room yet.
    Closed(Before),
    Open {
        you: Box<You>,
        desk: Option<Box<Desk>>,
    },
}

/// What was told to somebody whose first words of the room wait.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Came by a facilitator's ticket: reads the ground rules and waits without a record too.
    ticketed: bool,
    /// Came to the door: until they are in for certain they learn nothing of who is inside, by their own call neither.
    at_the_door: bool,
    /// A facilitator whom the room has let in: which calls there are.
    calls: Option<Vec<Signal>>,
    crisis_line: Option<String>,
    mine: Option<OwnSignal>,
}

impl Pages {
    /// `ticketed`: by a facilitator's ticket.
    pub fn new(ticketed: bool) -> Pages {
        Pages::Closed(Before { ticketed, ..Before::default() })
    }

    /// Whether this is a facilitator who sees nothing but calls for help.
    pub fn stands_by(&self) -> bool {
        matches!(self, Pages::Closed(Before { calls: Some(_), .. }))
    }

    pub fn open(&mut self, view: &RoomView) {
        *self = Pages::Open { you: Box::new(view.you.clone()), desk: view.desk.clone().map(Box::new) };
    }

    /// What is one's own alone: nothing of this is told to many alike.
    pub fn follow(&mut self, own: &[Change]) {
        let Pages::Open { you, desk } = self else { return };
        for change in own {
            if let Change::You(newest) = change {
                you.clone_from(newest);
            } else if let Change::Desk(newest) = change {
                *desk = Some(newest.clone());
            }
        }
    }

    /// This is being said, or waits to be.
    pub fn note(&mut self, frame: &ServerFrame) {
        if let (Pages::Closed(before), ServerFrame::Knocked { .. }) = (self, frame) {
            before.at_the_door = true;
        }
    }

    /// What goes ahead of these words, which wait. What is said once is taken out of them.
    pub fn ahead(&mut self, words: &mut Words, now: Millis) -> Vec<Words> {
        if let Words::Frame(frame) = words {
            self.note(frame);
            return if self.goes_ahead(frame) { vec![Words::Frame(frame.clone())] } else { Vec::new() };
        }
        match self {
            Pages::Closed(before) => before.ahead(words, now).into_iter().map(Words::Frame).collect(),
            Pages::Open { you, desk } => {
                let changes = ahead(you, desk.as_deref_mut(), words);
                if changes.is_empty() { Vec::new() } else { vec![Words::Delta(Changes::own(changes))] }
            }
        }
    }

    /// Nothing is left of it that waits.
    pub fn is_said(&self, words: &Words) -> bool {
        match words {
            Words::Frame(frame) => self.goes_ahead(frame),
            Words::Delta(changes) => changes.is_empty(),
            Words::Snapshot(_) | Words::Bye(_) => false,
        }
    }

    /// The ground rules, and that somebody waits, need no record to be true either. Everybody else comes no further than the ticket.
    fn goes_ahead(&self, frame: &ServerFrame) -> bool {
        let ticketed = matches!(self, Pages::Closed(Before { ticketed: true, .. }));
        match frame {
            ServerFrame::Signal(_) => true,
            ServerFrame::GroundRules(_) | ServerFrame::Waiting => ticketed,
            ServerFrame::Knocked { .. }
            | ServerFrame::Seated { .. }
            | ServerFrame::StandBy { .. }
            | ServerFrame::Snapshot { .. }
            | ServerFrame::Delta { .. }
            | ServerFrame::Ok { .. }
            | ServerFrame::Refusal { .. }
            | ServerFrame::Pong { .. }
            | ServerFrame::Bye(_) => false,
        }
    }
}

impl Before {
    /// To nobody but a facilitator whom the room has let in, and of one's own call. Answers wait: there is no page yet to put them on.
    fn ahead(&mut self, words: &Words, now: Millis) -> Vec<ServerFrame> {
        let mut ahead = Vec::new();
        if let Words::Snapshot(view) = words {
            self.crisis_line = Some(view.room.crisis_line.clone());
            ahead.extend(self.mine(&view.you));
            if let Some(desk) = &view.desk {
                ahead.extend(self.calls(desk, now));
            }
        } else if let Words::Delta(changes) = words {
            for change in &changes.own {
                if let Change::You(you) = change {
                    ahead.extend(self.mine(you));
                } else if let Change::Desk(desk) = change {
                    ahead.extend(self.calls(desk, now));
                }
            }
        }
        ahead
    }

    fn mine(&mut self, newest: &You) -> Option<ServerFrame> {
        if self.at_the_door || self.mine == newest.signal {
            return None;
        }
        self.mine = newest.signal;
        let (OwnSignal { since, state }, crisis_line) = (newest.signal?, self.crisis_line.clone()?);
        Some(ServerFrame::Signal(DoorSignal { since, state, crisis_line }))
    }

    fn calls(&mut self, newest: &Desk, now: Millis) -> Option<ServerFrame> {
        if self.calls.as_ref() == Some(&newest.signals) {
            return None;
        }
        self.calls = Some(newest.signals.clone());
        Some(ServerFrame::StandBy { now, signals: newest.signals.clone() })
    }
}

fn ahead(you: &mut You, desk: Option<&mut Desk>, words: &mut Words) -> Vec<Change> {
    let (mut ahead, newest_you, newest_desk) = match words {
        Words::Frame(_) | Words::Bye(_) => return Vec::new(),
        Words::Snapshot(view) => (Vec::new(), Some(&view.you), view.desk.as_ref()),
        Words::Delta(changes) => {
            let answers = changes.take_out(is_answer);
            let (mut newest_you, mut newest_desk) = (None, None);
            for change in &changes.own {
                if let Change::You(you) = change {
                    newest_you = Some(&**you);
                } else if let Change::Desk(desk) = change {
                    newest_desk = Some(&**desk);
                }
            }
            (answers, newest_you, newest_desk)
        }
    };
    ahead.extend(newest_you.and_then(|newest| mine(you, newest)));
    ahead.extend(desk.zip(newest_desk).and_then(|(desk, newest)| calls(desk, newest)));
    ahead
}

fn mine(you: &mut You, newest: &You) -> Option<Change> {
    if (you.signal, you.not_alone) == (newest.signal, newest.not_alone) {
        return None;
    }
    (you.signal, you.not_alone) = (newest.signal, newest.not_alone);
    Some(Change::You(Box::new(you.clone())))
}

fn calls(desk: &mut Desk, newest: &Desk) -> Option<Change> {
    if desk.signals == newest.signals {
        return None;
    }
    desk.signals.clone_from(&newest.signals);
    Some(Change::Desk(Box::new(desk.clone())))
}

fn is_answer(change: &Change) -> bool {
    matches!(change, Change::Message(message) if message.kind == MessageKind::Answer)
}
