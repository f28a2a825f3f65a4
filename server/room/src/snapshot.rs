//! What a restart must know. Never looser than what was acknowledged: closings, locks, denials and spent tickets come back as they
//! were; connections, secrets in the clear, names and words do not.

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::{Epoch, Subject, Version};
use hearth_protocol::KnockId;
use serde::{Deserialize, Serialize};

use crate::agenda::Agenda;
use crate::alias::Alias;
use crate::answers::{Answers, Refusals};
use crate::aside::Asides;
use crate::attendance::Attendance;
use crate::breach::Breaches;
use crate::consent::Window;
use crate::door::Denial;
use crate::floor::Floor;
use crate::heard::Hearing;
use crate::knock::Knock;
use crate::level::Levels;
use crate::rest::Rests;
use crate::safety::{EndAsked, Freeze, Held};
use crate::seat::{Place, Seat};
use crate::view::Told;
use crate::{Definition, Room, Stay};

/// All that a restart must know. Holds no words and no alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    at: u32,
    started: Option<u32>,
    ended: bool,
    seats: Vec<(Subject, Seat)>,
    knocks: Vec<(KnockId, Knock)>,
    next_subject: u32,
    next_knock: u32,
    knocks_version: u32,
    /// Issuer, id, and until when it is remembered.
    spent: Vec<(String, String, u32)>,
    denied: BTreeSet<String>,
    #[serde(default)]
    revoked: BTreeSet<String>,
    denials: Vec<(KnockId, Denial)>,
    lock: Option<BTreeSet<String>>,
    consent_window: Option<Window>,
    floor: Floor,
    freeze: Option<Freeze>,
    hold: Option<Held>,
    unattended_since: Option<u32>,
    lead: Option<Subject>,
    former_leads: BTreeSet<Subject>,
    ends_at: Option<u32>,
    end_asked: Option<EndAsked>,
    #[serde(default)]
    asides: Asides,
    #[serde(default)]
    agenda: Agenda,
    #[serde(default)]
    levels: Levels,
    #[serde(default)]
    rests: Rests,
    #[serde(default)]
    breaches: Breaches,
    #[serde(default)]
    attendance: Attendance,
    #[serde(default)]
    helpers: BTreeSet<Subject>,
    answers: BTreeMap<String, Answers>,
    refusals: BTreeMap<String, Refusals>,
    version: Version,
    epoch: Epoch,
}

impl Snapshot {
    /// The session's clock when it was taken. After a restore it goes on from here: the time between is not time away.
    pub fn at(&self) -> u32 {
        self.at
    }

    /// Who was here when it was taken, as if they had left then.
    pub fn unfinished_stays(&self) -> Vec<Stay> {
        self.attendance.unfinished(self.at)
    }
}

impl Room {
    pub fn snapshot(&self) -> Snapshot {
        // Taken apart as a whole, so that whatever is new has to be decided here.
        let Room {
            definition: _,
            defined: _,
            now,
            started,
            ended,
            subjects: _,
            seats,
            knocks,
            connections: _,
            next_subject,
            next_knock,
            knocks_version,
            knocks_seen: _,
            spent,
            denied,
            revoked,
            denials,
            lock,
            consent_window,
            beat: _,
            floor,
            freeze,
            hold,
            unattended_since,
            lead,
            former_leads,
            ends_at,
            end_asked,
            asides,
            agenda,
            levels,
            rests,
            breaches,
            attendance,
            chat: _,
            cards: _,
            scales: _,
            owned: _,
            signals: _,
            hearing: _,
            helpers,
            answers,
            refusals,
            version,
            epoch,
            epoch_due: _,
            told: _,
        } = self;
        Snapshot {
            at: *now,
            started: *started,
            ended: *ended,
            seats: seats.iter().map(|(subject, seat)| (*subject, kept(seat, *now))).collect(),
            knocks: knocks.iter().map(|(id, knock)| (*id, kept_knock(knock, *now))).collect(),
            next_subject: *next_subject,
            next_knock: *next_knock,
            knocks_version: *knocks_version,
            spent: spent.iter().map(|((issuer, id), at)| (issuer.clone(), id.clone(), *at)).collect(),
            denied: denied.clone(),
            revoked: revoked.clone(),
            denials: denials.iter().map(|(id, denial)| (*id, kept_denial(denial))).collect(),
            lock: lock.clone(),
            consent_window: consent_window.clone(),
            floor: floor.clone(),
            freeze: freeze.clone(),
            hold: *hold,
            unattended_since: *unattended_since,
            lead: *lead,
            former_leads: former_leads.clone(),
            ends_at: *ends_at,
            end_asked: end_asked.clone(),
            asides: asides.clone(),
            agenda: agenda.clone(),
            levels: levels.clone(),
            rests: rests.clone(),
            breaches: breaches.clone(),
            attendance: attendance.clone(),
            helpers: helpers.clone(),
            answers: answers.clone(),
            refusals: refusals.clone(),
            version: *version,
            epoch: *epoch,
        }
    }

    /// As it was, with nobody connected. `proven_last`: the snapshot is known to be the last one; otherwise the room wakes
    /// locked and on hold.
    pub fn restore(definition: Definition, snapshot: Snapshot, proven_last: bool) -> Room {
        let mut room = Room {
            now: snapshot.at,
            started: snapshot.started,
            ended: snapshot.ended,
            subjects: snapshot.seats.iter().map(|(subject, seat)| (seat.sub.clone(), *subject)).collect(),
            seats: snapshot.seats.into_iter().collect(),
            knocks: snapshot.knocks.into_iter().collect(),
            next_subject: snapshot.next_subject,
            next_knock: snapshot.next_knock,
            knocks_version: snapshot.knocks_version,
            spent: snapshot.spent.into_iter().map(|(issuer, id, at)| ((issuer, id), at)).collect(),
            denied: snapshot.denied,
            revoked: snapshot.revoked,
            denials: snapshot.denials.into_iter().collect(),
            lock: snapshot.lock,
            // For other rules there is no time left: whoever did not agree to these is barred.
            consent_window: snapshot
                .consent_window
                .filter(|window| window.to.is_to(&definition.ground_rules)),
            floor: snapshot.floor,
            freeze: snapshot.freeze,
            hold: snapshot.hold,
            unattended_since: snapshot.unattended_since,
            lead: snapshot.lead,
            former_leads: snapshot.former_leads,
            ends_at: snapshot.ends_at,
            end_asked: snapshot.end_asked,
            asides: snapshot.asides,
            agenda: snapshot.agenda,
            levels: snapshot.levels,
            rests: snapshot.rests,
            breaches: snapshot.breaches,
            attendance: snapshot.attendance,
            helpers: snapshot.helpers,
            answers: snapshot.answers,
            refusals: snapshot.refusals,
            version: snapshot.version,
            epoch: snapshot.epoch,
            // No table was given to this relay yet, and whoever listened before does not now.
            told: Told::default(),
            hearing: Hearing::after_restart(),
            ..Room::new(definition)
        };
        if !proven_last {
            room.wake_unsure();
        }
        let mut out = crate::Effects::default();
        room.settle_state(&mut out);
        room
    }

    /// What happened after this snapshot is not known: nobody new comes in and nobody is heard until a facilitator says so.
    fn wake_unsure(&mut self) {
        let kept = self.those_kept();
        // With nobody in it a lock could never be opened again.
        if self.lock.is_none() && !kept.is_empty() {
            self.lock = Some(kept);
        }
        let ends_at = self.now.saturating_add(self.definition.policy.hold_ms);
        self.close_asides();
        self.helpers.clear();
        self.hold.get_or_insert(Held { since: self.now, ends_at });
    }
}

/// As if the connection were lost at this moment, and the media with it.
fn kept(seat: &Seat, now: u32) -> Seat {
    let mut seat = seat.clone();
    seat.alias = Alias::default();
    seat.title = None;
    seat.asked_until = None;
    seat.place = match seat.place {
        Place::Connected { .. } => Place::Held { since: now, media: false },
        Place::Held { since, .. } => Place::Held { since, media: false },
        Place::Beside { .. } | Place::Aside { .. } | Place::Gone { .. } | Place::Removed { .. } => seat.place,
    };
    seat
}

/// Back at the door the rules are read again.
fn kept_knock(knock: &Knock, now: u32) -> Knock {
    let mut knock = knock.clone();
    knock.claims.alias.clear();
    knock.claims.title = None;
    knock.secret = None;
    knock.dropped = if knock.connection.take().is_some() { now } else { knock.dropped };
    knock
}

fn kept_denial(denial: &Denial) -> Denial {
    Denial { sub: denial.sub.clone(), alias: String::new() }
}
