//! Those who share one table: a room, as far as the relay knows.

use std::collections::HashMap;

use hearth_forwarding::{ForwardingTable, Generation, Subject};

use crate::{demux::PeerKey, offer::Pace, permits::Permits, speaker::Speakers};

#[derive(Debug, Default)]
pub struct Group {
    /// None before the first one: nothing is forwarded.
    pub table: Option<ForwardingTable>,
    pub permits: Permits,
    pub members: Vec<PeerKey>,
    pub speakers: Speakers,
    pub speaking: Vec<Subject>,
    pub speaking_told: Vec<Subject>,
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
