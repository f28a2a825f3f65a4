//! Which peer a datagram is for: by the address it came from, else by the ICE ufrag that its STUN request names.
//!
//! Only maps, no search. Nothing is remembered of a datagram until its peer has accepted a STUN check from that address.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
};

/// Addresses remembered for one peer; with one more, the one that was checked longest ago is forgotten.
pub const PATHS_MAX: usize = 8;
/// Ufrags that count for one peer; with one more, the oldest is forgotten. An ICE restart adds one, and the one before still counts.
pub const UFRAGS_MAX: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    Udp,
    Tcp,
}

/// Where a datagram came from, and where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    pub via: Via,
    pub remote: SocketAddr,
}

/// A place in the worker's list of peers and the birth it belongs to: after the peer is gone, its key finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub u32, pub u32);

#[derive(Debug, Default)]
pub struct Demux {
    by_path: HashMap<Path, PeerKey>,
    by_ufrag: HashMap<String, PeerKey>,
    known: HashMap<PeerKey, Known>,
}

#[derive(Debug, Default)]
struct Known {
    paths: VecDeque<Path>,
    ufrags: VecDeque<String>,
}

impl Demux {
    pub fn find(&self, path: Path) -> Option<PeerKey> {
        self.by_path.get(&path).copied()
    }

    pub fn by_ufrag(&self, ufrag: &str) -> Option<PeerKey> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// To be called after every offer: each may bring a new ufrag. One that another peer has already stays with that peer.
    pub fn add_ufrag(&mut self, ufrag: String, peer: PeerKey) -> bool {
        if let Some(owner) = self.by_ufrag.get(&ufrag) {
            return *owner == peer;
        }
        let known = self.known.entry(peer).or_default();
        if known.ufrags.len() == UFRAGS_MAX
            && let Some(oldest) = known.ufrags.pop_front()
        {
            self.by_ufrag.remove(&oldest);
        }
        known.ufrags.push_back(ufrag.clone());
        self.by_ufrag.insert(ufrag, peer);
        true
    }

    /// To be called only for a STUN check that this peer has accepted. An address that another peer had is now this peer's: behind a
    /// NAT a port may pass from one browser to the next. A peer without a ufrag learns no address.
    pub fn bind(&mut self, path: Path, peer: PeerKey) {
        let Some(known) = self.known.get_mut(&peer) else { return };
        if self.by_path.get(&path) == Some(&peer) {
            known.paths.retain(|other| *other != path);
            known.paths.push_back(path);
            return;
        }
        if known.paths.len() == PATHS_MAX
            && let Some(oldest) = known.paths.pop_front()
        {
            self.by_path.remove(&oldest);
        }
        known.paths.push_back(path);
        let before = self.by_path.insert(path, peer);
        if let Some(before) = before.and_then(|peer| self.known.get_mut(&peer)) {
            before.paths.retain(|known| *known != path);
        }
    }

    /// Forgets one address, as of a TCP stream that was closed.
    pub fn unbind(&mut self, path: Path) {
        if let Some(known) = self.by_path.remove(&path).and_then(|peer| self.known.get_mut(&peer)) {
            known.paths.retain(|known| *known != path);
        }
    }

    /// Every address and ufrag is known of the one peer that it leads to, and there are no more than there may be.
    #[cfg(any(test, feature = "tests"))]
    pub fn check_consistent(&self) {
        assert_eq!(self.by_path.len(), self.known.values().map(|known| known.paths.len()).sum::<usize>());
        assert_eq!(self.by_ufrag.len(), self.known.values().map(|known| known.ufrags.len()).sum::<usize>());
        for (peer, known) in &self.known {
            assert!(known.paths.len() <= PATHS_MAX && known.ufrags.len() <= UFRAGS_MAX);
            assert!(known.paths.iter().all(|path| self.by_path[path] == *peer));
            assert!(known.ufrags.iter().all(|ufrag| self.by_ufrag[ufrag] == *peer));
        }
    }

    pub fn remove(&mut self, peer: PeerKey) {
        let Some(known) = self.known.remove(&peer) else { return };
        for path in &known.paths {
            self.by_path.remove(path);
        }
        for ufrag in &known.ufrags {
            self.by_ufrag.remove(ufrag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: PeerKey = PeerKey(0, 1);
    const BERT: PeerKey = PeerKey(1, 1);

    fn path(port: u16) -> Path {
        Path { via: Via::Udp, remote: SocketAddr::from(([192, 0, 2, 1], port)) }
    }

    fn demux() -> Demux {
        let mut demux = Demux::default();
        assert!(demux.add_ufrag("anna".into(), ANNA));
        assert!(demux.add_ufrag("bert".into(), BERT));
        demux
    }

    #[test]
    fn an_address_is_known_once_its_peer_accepted_it() {
        let mut demux = demux();
        assert_eq!(demux.find(path(1)), None);
        assert_eq!(demux.by_ufrag("anna"), Some(ANNA));
        demux.bind(path(1), ANNA);
        assert_eq!(demux.find(path(1)), Some(ANNA));
        assert_eq!(demux.find(Path { via: Via::Tcp, ..path(1) }), None);
        demux.check_consistent();
    }

    #[test]
    fn an_address_passes_to_the_next_peer_behind_the_same_nat() {
        let mut demux = demux();
        demux.bind(path(1), ANNA);
        demux.bind(path(1), BERT);
        demux.check_consistent();
        demux.remove(ANNA);
        assert_eq!(demux.find(path(1)), Some(BERT));
        demux.check_consistent();
    }

    #[test]
    fn the_oldest_address_and_ufrag_are_forgotten() {
        let mut demux = demux();
        for port in 1..=PATHS_MAX as u16 + 1 {
            demux.bind(path(port), ANNA);
        }
        assert_eq!(demux.find(path(1)), None);
        assert_eq!(demux.find(path(2)), Some(ANNA));
        for restart in 0..UFRAGS_MAX {
            assert!(demux.add_ufrag(format!("restart {restart}"), ANNA));
        }
        assert_eq!(demux.by_ufrag("anna"), None);
        assert_eq!(demux.by_ufrag("restart 0"), Some(ANNA));
        demux.check_consistent();
    }

    #[test]
    fn an_address_that_goes_on_being_checked_is_not_forgotten() {
        let mut demux = demux();
        for port in 2..100 {
            demux.bind(path(1), ANNA);
            demux.bind(path(port), ANNA);
            demux.check_consistent();
        }
        assert_eq!(demux.find(path(1)), Some(ANNA));
    }

    #[test]
    fn a_removed_peer_leaves_nothing_behind() {
        let mut demux = demux();
        demux.bind(path(1), ANNA);
        demux.bind(path(2), BERT);
        demux.remove(ANNA);
        demux.unbind(path(2));
        demux.remove(BERT);
        demux.bind(path(3), BERT);
        assert!(demux.by_path.is_empty() && demux.by_ufrag.is_empty() && demux.known.is_empty());
    }

    #[test]
    fn a_ufrag_of_another_peer_is_not_taken_over() {
        let mut demux = demux();
        assert!(!demux.add_ufrag("anna".into(), BERT));
        assert!(demux.add_ufrag("anna".into(), ANNA));
        assert_eq!(demux.by_ufrag("anna"), Some(ANNA));
        demux.check_consistent();
    }
}
