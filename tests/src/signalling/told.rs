//! What one connection was told, folded as a page folds it.

use std::{collections::BTreeMap, time::Instant};

use hearth_protocol::{
    Bye, Change, GroundRules, KnockId, Outcome, ParticipantId, Refusal, RequestId, RoomView, Secret,
    ServerFrame, Slot, SlotSource, Source,
};
use tokio_tungstenite::tungstenite::Bytes;

#[derive(Debug, Default)]
pub struct Told {
    /// Everything, in order, with its time and its length in bytes.
    pub frames: Vec<(Instant, ServerFrame, usize)>,
    pub view: Option<RoomView>,
    /// By the slot's mid.
    pub slots: BTreeMap<String, Slot>,
    pub speaking: Vec<ParticipantId>,
    pub ground_rules: Option<GroundRules>,
    pub secret: Option<Secret>,
    pub seated: bool,
    /// What the last WebSocket ping carried.
    pub pinged: Option<Bytes>,
    pub bye: Option<Bye>,
    /// The WebSocket close code; 1006 where the connection just ended.
    pub closed: Option<u16>,
    /// What no page could have understood: frames that cannot be read, gaps in the numbers.
    pub faults: Vec<String>,
    seq: Option<u32>,
}

impl Told {
    /// The answer to a request and when it came.
    pub fn answer(&self, id: &RequestId) -> Option<(Result<Option<Outcome>, Refusal>, Instant)> {
        self.frames.iter().rev().find_map(|(at, frame, _)| {
            if let ServerFrame::Ok { request_id, outcome } = frame {
                return (request_id == id).then(|| (Ok(outcome.clone()), *at));
            }
            let ServerFrame::Refusal { request_id: Some(request_id), refusal } = frame else { return None };
            (request_id == id).then(|| (Err(refusal.clone()), *at))
        })
    }

    /// Refusals that answer no request in particular.
    pub fn loose_refusals(&self) -> Vec<Refusal> {
        let refusals = self.frames.iter().filter_map(|(_, frame, _)| {
            let ServerFrame::Refusal { request_id: None, refusal } = frame else { return None };
            Some(refusal.clone())
        });
        refusals.collect()
    }

    /// Who knocks by this name, as facilitators see it.
    pub fn knock(&self, alias: &str) -> Option<KnockId> {
        let knocks = &self.view.as_ref()?.desk.as_ref()?.knocks;
        knocks.iter().find(|knock| knock.alias == alias).map(|knock| knock.id)
    }

    pub fn participant(&self, alias: &str) -> Option<ParticipantId> {
        let participants = &self.view.as_ref()?.participants;
        participants.iter().find(|participant| participant.alias == alias).map(|participant| participant.id)
    }

    /// The mids of the slots that carry this source.
    pub fn carrying(&self, participant: ParticipantId, source: Source) -> Vec<String> {
        let carries = |slot: &Slot| {
            let SlotSource { participant: whose, source: what, from_timestamp: _ } = slot.carries.as_ref()?;
            Some(*whose == participant && *what == source)
        };
        self.slots.values().filter(|slot| carries(slot) == Some(true)).map(|slot| slot.mid.clone()).collect()
    }

    /// One line for each frame, without contents that are long.
    pub fn summary(&self) -> String {
        let mut lines: Vec<_> =
            self.frames.iter().map(|(_, frame, _)| shortened(&format!("{frame:?}"))).collect();
        lines.extend(self.faults.iter().map(|fault| format!("FAULT {}", shortened(fault))));
        lines.push(format!("closed: {:?}", self.closed));
        let first = lines.len().saturating_sub(30);
        lines[first..].join("\n")
    }

    pub(super) fn hear(&mut self, at: Instant, frame: ServerFrame, length: usize) {
        match &frame {
            ServerFrame::Knocked { secret } => self.secret = Some(secret.clone()),
            ServerFrame::Seated { secret } => {
                self.secret = Some(secret.clone());
                self.seated = true;
            }
            ServerFrame::GroundRules(rules) => self.ground_rules = Some(rules.clone()),
            ServerFrame::Snapshot { seq, view } => {
                self.seq = Some(*seq);
                self.view = Some((**view).clone());
            }
            ServerFrame::Delta { seq, changes } => {
                if self.seq.map(|last| last.wrapping_add(1)) != Some(*seq) {
                    self.faults.push(format!("delta {seq} after {:?}", self.seq));
                }
                self.seq = Some(*seq);
                for change in changes {
                    self.fold(change);
                }
            }
            ServerFrame::Bye(bye) => self.bye = Some(bye.clone()),
            ServerFrame::Waiting
            | ServerFrame::Signal(_)
            | ServerFrame::StandBy { .. }
            | ServerFrame::Ok { .. }
            | ServerFrame::Refusal { .. }
            | ServerFrame::Pong { .. } => {}
        }
        self.frames.push((at, frame, length));
    }

    fn fold(&mut self, change: &Change) {
        let Some(view) = &mut self.view else {
            self.faults.push(format!("a delta before the snapshot: {change:?}"));
            return;
        };
        match change {
            Change::Participant(participant) => {
                match view.participants.iter_mut().find(|known| known.id == participant.id) {
                    Some(known) => known.clone_from(participant),
                    None => view.participants.push(participant.clone()),
                }
            }
            Change::Left { participant } => view.participants.retain(|known| known.id != *participant),
            Change::Room(room) => view.room.clone_from(room),
            Change::Floor(floor) => view.floor.clone_from(floor),
            Change::You(you) => view.you.clone_from(you),
            Change::Desk(desk) => view.desk = Some((**desk).clone()),
            Change::Slot(slot) => {
                self.slots.insert(slot.mid.clone(), slot.clone());
            }
            Change::Speaking { participants } => self.speaking.clone_from(participants),
            Change::Notice { .. }
            | Change::Reaction { .. }
            | Change::Message(_)
            | Change::Unsaid { .. }
            | Change::ScaleResult(_)
            | Change::Milestone { .. } => {}
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(240).collect()
}
