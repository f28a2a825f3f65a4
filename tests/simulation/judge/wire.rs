//! Who is told what: routing, replies, the door's silence.

use std::collections::BTreeMap;

use hearth_protocol::{Bye, ByeReason, Change, DoorSignal, RequestId, RoomView, ServerFrame};
use hearth_room::{ConnectionId, Words};

use super::{Broken, Judge, Step, law, words::is_said};

/// What each connection was told in one step, in order.
pub type Heard<'a> = BTreeMap<ConnectionId, Told<'a>>;

#[derive(Debug, Default)]
pub struct Told<'a> {
    pub frames: Vec<&'a ServerFrame>,
    pub snapshots: Vec<&'a RoomView>,
    pub deltas: usize,
    pub notices: usize,
    /// What was said once.
    pub said: Vec<&'a Change>,
    /// Of one's own signal, to whoever sees nothing of the room.
    pub signals: Vec<&'a DoorSignal>,
    pub bye: Option<&'a Bye>,
}

impl Told<'_> {
    pub fn reply(&self, id: &RequestId) -> Vec<&ServerFrame> {
        let to_it = |frame: &&ServerFrame| match frame {
            ServerFrame::Ok { request_id, .. } => request_id == id,
            ServerFrame::Refusal { request_id, .. } => request_id.as_ref() == Some(id),
            ServerFrame::Knocked { .. }
            | ServerFrame::GroundRules(_)
            | ServerFrame::Waiting
            | ServerFrame::Signal(_)
            | ServerFrame::StandBy { .. }
            | ServerFrame::Seated { .. }
            | ServerFrame::Snapshot { .. }
            | ServerFrame::Delta { .. }
            | ServerFrame::Pong { .. }
            | ServerFrame::Bye(_) => false,
        };
        self.frames.iter().copied().filter(to_it).collect()
    }

    pub fn is_seated(&self) -> bool {
        self.frames.iter().any(|frame| matches!(frame, ServerFrame::Seated { .. }))
    }

    pub fn is_knocked(&self) -> bool {
        self.frames.iter().any(|frame| matches!(frame, ServerFrame::Knocked { .. }))
    }

    pub fn reason(&self) -> Option<ByeReason> {
        self.bye.as_ref().map(|bye| bye.reason)
    }
}

impl Judge {
    /// Takes note of everything said in this step; nobody is told anything that is not theirs.
    pub(super) fn listen<'a>(&mut self, step: &Step<'a>) -> Result<Heard<'a>, Broken> {
        let mut heard = Heard::new();
        for effects in step.effects {
            if let Some(farewell) = &effects.farewell {
                let last = matches!(&farewell.words, Words::Bye(bye) if bye.reason == ByeReason::Removed);
                law!(last, "2", "said before the relay has acted: {farewell:?}")?;
            }
            for tell in effects.farewell.iter().chain(&effects.tell) {
                law!(self.model.live.contains(&tell.to), "routing", "to a closed connection: {tell:?}")?;
                let told = heard.entry(tell.to).or_default();
                law!(told.bye.is_none(), "routing", "after the goodbye: {tell:?}")?;
                self.hear(tell.to, &tell.words, told)?;
            }
        }
        Ok(heard)
    }

    fn hear<'a>(&mut self, to: ConnectionId, words: &'a Words, told: &mut Told<'a>) -> Result<(), Broken> {
        match words {
            Words::Frame(frame) => {
                let numbered = matches!(
                    frame,
                    ServerFrame::Snapshot { .. }
                        | ServerFrame::Delta { .. }
                        | ServerFrame::Bye(_)
                        | ServerFrame::Pong { .. }
                );
                law!(!numbered, "routing", "not the room's to send: {frame:?}")?;
                self.tally.frame(frame);
                if let ServerFrame::Signal(signal) = frame {
                    told.signals.push(signal);
                } else {
                    told.frames.push(frame);
                }
            }
            Words::Snapshot(view) => {
                self.clients.entry(to).or_default().snapshot((**view).clone());
                told.snapshots.push(view);
            }
            Words::Delta(changes) => {
                let notices = changes.iter().filter(|change| matches!(change, Change::Notice { .. })).count();
                told.notices += notices;
                changes.iter().for_each(|change| self.tally.change(change));
                told.said.extend(changes.iter().filter(|change| is_said(change)));
                told.deltas += 1;
                let client = self.clients.entry(to).or_default();
                client
                    .delta(changes)
                    .map_err(|what| Broken { law: "deltas", what: format!("{to:?}: {what}") })?;
            }
            Words::Bye(bye) => {
                self.tally.bye(bye.reason);
                told.bye = Some(bye);
            }
        }
        Ok(())
    }

    /// Whoever was told goodbye is gone, and that for a reason the model knows of.
    pub(super) fn follow_byes(&mut self, step: &Step<'_>, heard: &Heard<'_>) -> Result<(), Broken> {
        for (connection, told) in heard.iter().filter(|(_, told)| told.bye.is_some()) {
            self.model.live.remove(connection);
            self.clients.remove(connection);
            self.beats.remove(connection);
            let seat = self.model.seat_behind(*connection);
            law!(seat.is_none(), "routing", "{:?} to {:?} who keeps the seat", told.bye, connection)?;
            self.model.doors.retain(|door| door.connection != Some(*connection));
        }
        let ended = step.effects.iter().any(|effects| effects.ended);
        law!(ended == self.model.ended, "end", "ended: {ended}, but the rules say {}", self.model.ended)?;
        if ended {
            law!(self.model.live.is_empty(), "end", "without a goodbye: {:?}", self.model.live)?;
        }
        Ok(())
    }

    /// Before a seat there are only the frames of the door, and `waiting` on its beat whatever goes on inside.
    pub(super) fn check_door_frames(&mut self, step: &Step<'_>, heard: &Heard<'_>) -> Result<(), Broken> {
        let waiting: Vec<ConnectionId> = self.model.doors.iter().filter_map(|door| door.connection).collect();
        let beat = self.model.policy().waiting_beat_ms;
        for connection in waiting {
            let Some(told) = heard.get(&connection) else { continue };
            law!(
                told.snapshots.is_empty() && told.deltas == 0,
                "door",
                "{connection:?} waits and sees inside"
            )?;
            let beats = told.frames.iter().filter(|frame| matches!(frame, ServerFrame::Waiting)).count();
            law!(beats <= 1, "door", "{connection:?} is told to wait {beats} times at once")?;
            if beats == 1 && self.beats.insert(connection, step.now).is_some() {
                self.tally.happens("Beat");
                law!(
                    step.now.is_multiple_of(beat),
                    "door",
                    "{connection:?} is told to wait off the beat, at {}",
                    step.now
                )?;
            }
        }
        let agreed = self.model.doors.iter().filter(|door| self.model.has_agreed(door));
        let agreed: Vec<ConnectionId> = agreed.filter_map(|door| door.connection).collect();
        self.beats.retain(|connection, _| agreed.contains(connection));
        let late = self.beats.iter().find(|(_, before)| step.now - **before > beat);
        law!(late.is_none(), "door", "a beat was left out: {late:?} at {}", step.now)?;
        Ok(())
    }
}
