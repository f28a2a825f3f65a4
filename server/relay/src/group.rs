//! Those who share one table: a room, as far as the relay knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hearth_forwarding::{ForwardingTable, Generation, Space, Subject};

use crate::{demux::PeerKey, heard::Heard, pace::Pace, permits::Permits, speaker::Speakers};

#[derive(Debug, Default)]
pub struct Group {
    /// None before the first one: nothing is forwarded.
    pub table: Option<ForwardingTable>,
    pub permits: Permits,
    pub members: Vec<PeerKey>,
    /// Each space has its own: nobody's place or turn depends on who talks elsewhere.
    pub speakers: BTreeMap<Space, Speakers>,
    pub speaking: Speaking,
    pub heard: Heard,
    /// Slots are to be filled anew.
    pub stale: bool,
    /// Something is to be told that has not been.
    pub news: bool,
    /// The worker died and was started again.
    pub restarted: bool,
    pub lost: Vec<(Subject, Generation)>,
    /// How often each subject has offered, whether it was answered or not.
    pub paces: HashMap<Subject, Pace>,
}

/// Who speaks in each space, and what of that was told. A space in which nobody speaks is left out.
#[derive(Debug, Default)]
pub struct Speaking {
    now: BTreeMap<Space, Vec<Subject>>,
    told: BTreeMap<Space, Vec<Subject>>,
}

impl Group {
    /// Who speaks now. What is not told yet becomes news.
    pub fn note_speaking(&mut self) {
        let speaking = self.speakers.iter().map(|(space, speakers)| (*space, speakers.speaking()));
        self.speaking.now = speaking.filter(|(_, subjects)| !subjects.is_empty()).collect();
        self.news |= self.speaking.now != self.speaking.told;
    }
}

impl Speaking {
    /// The spaces where it is not as it was told last, also those that are no more.
    pub fn changed(&self) -> Vec<(Space, Vec<Subject>)> {
        let spaces: BTreeSet<Space> = self.now.keys().chain(self.told.keys()).copied().collect();
        let changed = spaces.into_iter().filter(|space| self.now.get(space) != self.told.get(space));
        changed.map(|space| (space, self.now.get(&space).cloned().unwrap_or_default())).collect()
    }

    pub fn set_told(&mut self, space: Space, subjects: Vec<Subject>) {
        if subjects.is_empty() {
            self.told.remove(&space);
        } else {
            self.told.insert(space, subjects);
        }
    }
}
