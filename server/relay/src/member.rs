//! A worker's media connections, and what the relay keeps about each beside the WebRTC stack.

use std::time::Instant;

use hearth_forwarding::{Generation, Space, Subject};

use crate::{
    demux::PeerKey, feed::Feed, handle::Tile, layers::Layers, mailbox::GroupId, pace::Pace, peer::Peer,
    recent::Recent, slot::Slot,
};

#[derive(Debug)]
pub struct Member {
    pub group: GroupId,
    pub subject: Subject,
    pub generation: Generation,
    /// Its row in the group's present table.
    pub row: usize,
    /// Where it is, and who is heard first there, as that row says.
    pub space: Space,
    pub weight: u8,
    pub peer: Peer,
    pub feeds: [Option<Sending>; Feed::COUNT],
    /// As the peer's own list of slots.
    pub slots: Vec<Slot>,
    pub view: Option<Vec<Tile>>,
    /// The last authentic check of its address.
    pub checked: Instant,
    /// Something was written to it or asked of it that waits for a drain.
    pub dirty: bool,
    /// When its stack wants to be called, and the earliest time for which that is noted.
    pub deadline: Option<Instant>,
    pub noted: Option<Instant>,
    /// When it was made, until it has its first media.
    pub since: Option<Instant>,
}

#[derive(Debug)]
pub struct Sending {
    pub layers: Layers,
    /// The slots that take it, or will from its next key frame on.
    pub routes: Vec<(PeerKey, usize)>,
    /// Of sound.
    pub recent: Recent,
    /// Closed or elsewhere since it was last open: what it sent meanwhile must not come by a repair.
    pub closed: bool,
    pub budget: Pace,
}

/// Members by key. A place is used again with another birth, so that a key of before finds nothing.
#[derive(Debug, Default)]
pub struct Members {
    places: Vec<(u32, Option<Box<Member>>)>,
}

impl Members {
    pub fn get(&self, key: PeerKey) -> Option<&Member> {
        let (birth, member) = self.places.get(key.0 as usize)?;
        member.as_deref().filter(|_| *birth == key.1)
    }

    pub fn get_mut(&mut self, key: PeerKey) -> Option<&mut Member> {
        let (birth, member) = self.places.get_mut(key.0 as usize)?;
        member.as_deref_mut().filter(|_| *birth == key.1)
    }

    pub fn insert(&mut self, member: Member) -> PeerKey {
        let free = self.places.iter().position(|(_, member)| member.is_none());
        let at = free.unwrap_or_else(|| {
            self.places.push((0, None));
            self.places.len() - 1
        });
        let (birth, place) = &mut self.places[at];
        *birth = birth.wrapping_add(1);
        *place = Some(Box::new(member));
        PeerKey(at as u32, *birth)
    }

    pub fn remove(&mut self, key: PeerKey) -> Option<Box<Member>> {
        let (birth, member) = self.places.get_mut(key.0 as usize)?;
        if *birth == key.1 { member.take() } else { None }
    }

    pub fn keys(&self) -> impl Iterator<Item = PeerKey> {
        self.places
            .iter()
            .enumerate()
            .filter_map(|(at, (birth, member))| member.as_ref().map(|_| PeerKey(at as u32, *birth)))
    }
}
