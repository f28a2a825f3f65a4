//! The second, simpler model: what the rules say, kept in the plainest form and worked out anew at every look.
//!
//! Where the room keeps gates, tables and views up to date, this model derives them from a few facts each time it is asked.

mod agenda;
mod device;
mod gate;
mod heard;
mod level;
mod rules;
mod seat;
mod signal;
mod space;
mod time;
mod turns;
mod words;

use std::collections::{BTreeMap, BTreeSet};

pub use agenda::Agenda;
use heard::Hearing;
use hearth_forwarding::Source;
use hearth_protocol::{Level, Role};
use hearth_room::{Claims, ConnectionId, Definition, Policy, SecretHash};
pub use level::Ladder;
pub use rules::{Agreement, Window, is_to};
pub use seat::{Door, Floor, Freeze, Hand, Hold, NO_SECRET, Round, Seat, Speaker, counts};
use signal::Signals;
pub use signal::is_signal;
pub use space::{Aside, Places, Spaces};
pub use time::Acts;
pub use turns::Turns;
pub use words::{Said, Scale, Words, fault, fault_or_none, is_in_memory, participant};

#[derive(Clone, Debug)]
pub struct Model {
    pub definition: Definition,
    pub now: u32,
    pub started: Option<u32>,
    pub ended: bool,
    /// In the order of seating.
    pub seats: Vec<Seat>,
    /// In the order of knocking.
    pub doors: Vec<Door>,
    pub live: BTreeSet<ConnectionId>,
    /// Everyone's number, for the session.
    pub numbers: BTreeMap<String, u32>,
    pub aliases: BTreeMap<u32, String>,
    /// Of those who went.
    pub roles: BTreeMap<u32, Role>,
    pub generations: BTreeMap<u32, u32>,
    /// Issuer and ticket, with the expiry.
    pub spent: BTreeMap<(String, String), u32>,
    pub secrets: BTreeMap<SecretHash, String>,
    pub removed: BTreeSet<String>,
    /// Removed and taken back, or sent back to wait: these come in by a facilitator alone.
    pub undone: BTreeSet<String>,
    pub denied: BTreeSet<String>,
    /// Whose tickets were taken back.
    pub revoked: BTreeSet<String>,
    /// The knocks that were denied.
    pub denials: BTreeMap<u32, String>,
    /// Who left or was given up, and how and when.
    pub gone: BTreeMap<String, (bool, u32)>,
    pub lock: Option<BTreeSet<String>>,
    /// By number, since it outlives the seat.
    pub gated: BTreeSet<(u32, usize)>,
    pub freeze: Option<Freeze>,
    pub hold: Option<Hold>,
    pub unattended_since: Option<u32>,
    /// The last moment that somebody was in charge.
    pub led_until: u32,
    pub lead: Option<String>,
    /// Who lost the lead by absence: it is offered back to them.
    pub offered: BTreeSet<String>,
    /// Seats whose owners were sent back to the waiting room.
    pub aside: BTreeMap<String, Seat>,
    /// Until when somebody is asked to unmute.
    pub asked: BTreeMap<u32, u32>,
    pub word: Option<String>,
    pub ends_at: Option<u32>,
    pub floor: Floor,
    pub hands: Vec<Hand>,
    /// After a change of the ground rules.
    pub window: Option<Window>,
    /// Barred as the window began.
    pub lapsed: BTreeSet<u32>,
    /// Takes the definition's place after the freeze.
    pub defined: Option<Definition>,
    pub ladder: Ladder,
    pub spaces: Spaces,
    /// Members to whom the lead has lent some of the desk.
    pub helpers: BTreeSet<u32>,
    /// What the model found to happen: the audit must hold it.
    pub acted: Acts,
    pub agenda: Agenda,
    pub rest_until: Option<u32>,
    /// The breach that is being dealt with, and how many there were.
    pub incident: Option<u32>,
    pub incidents: u32,
    pub signals: Signals,
    pub words: Words,
    /// When each reacted last.
    pub reacted: BTreeMap<u32, u32>,
    pub hearing: Hearing,
    /// What happened by itself, by its name.
    pub happened: BTreeMap<&'static str, u64>,
}

pub const SOURCES: [Source; 3] = Source::ALL;

impl Model {
    pub fn new(definition: Definition) -> Model {
        let mode = Agenda::first_floor(&definition.format);
        Model {
            agenda: Agenda::of(&definition.format),
            rest_until: None,
            incident: None,
            incidents: 0,
            signals: Signals::default(),
            words: Words::default(),
            reacted: BTreeMap::new(),
            hearing: Hearing::default(),
            happened: BTreeMap::new(),
            definition,
            now: 0,
            started: None,
            ended: false,
            seats: Vec::new(),
            doors: Vec::new(),
            live: BTreeSet::new(),
            numbers: BTreeMap::new(),
            aliases: BTreeMap::new(),
            roles: BTreeMap::new(),
            generations: BTreeMap::new(),
            spent: BTreeMap::new(),
            secrets: BTreeMap::new(),
            removed: BTreeSet::new(),
            undone: BTreeSet::new(),
            denied: BTreeSet::new(),
            revoked: BTreeSet::new(),
            denials: BTreeMap::new(),
            gone: BTreeMap::new(),
            lock: None,
            gated: BTreeSet::new(),
            freeze: None,
            hold: None,
            unattended_since: None,
            led_until: 0,
            lead: None,
            offered: BTreeSet::new(),
            aside: BTreeMap::new(),
            asked: BTreeMap::new(),
            word: None,
            ends_at: None,
            floor: Floor { mode, before: mode, speakers: Vec::new(), round: None },
            hands: Vec::new(),
            window: None,
            lapsed: BTreeSet::new(),
            defined: None,
            ladder: Ladder::default(),
            spaces: Spaces::default(),
            helpers: BTreeSet::new(),
            acted: Vec::new(),
        }
    }

    pub fn policy(&self) -> &Policy {
        &self.definition.policy
    }

    pub fn seat(&self, subject: &str) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.claims.subject == subject)
    }

    pub fn seat_mut(&mut self, subject: &str) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.claims.subject == subject)
    }

    pub fn seat_of(&self, number: u32) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.number == number)
    }

    pub fn seat_behind(&self, connection: ConnectionId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.connection == Some(connection))
    }

    pub fn door_behind(&self, connection: ConnectionId) -> Option<&Door> {
        self.doors.iter().find(|door| door.connection == Some(connection))
    }

    pub fn door_of(&self, subject: &str) -> Option<&Door> {
        self.doors.iter().find(|door| door.claims.subject == subject)
    }

    pub fn subject_of(&self, number: u32) -> Option<&str> {
        self.numbers.iter().find(|(_, known)| **known == number).map(|(subject, _)| subject.as_str())
    }

    /// Their number, or the next one.
    pub fn number_for(&self, subject: &str) -> u32 {
        let next = self.numbers.values().max().map_or(1, |last| last + 1);
        self.numbers.get(subject).copied().unwrap_or(next)
    }

    /// Of whoever has a seat or had one.
    pub fn role_of(&self, number: u32) -> Option<Role> {
        let seat = self.held().find(|seat| seat.number == number);
        seat.map(|seat| seat.claims.role).or_else(|| self.roles.get(&number).copied())
    }

    pub fn in_charge(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| {
            self.charges(seat.claims.role) && seat.connection.is_some() && !self.is_barred(seat)
        })
    }

    pub fn facilitators(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| seat.is_facilitator() && seat.connection.is_some())
    }

    /// Whether the group is not alone with one of this role.
    pub fn charges(&self, role: Role) -> bool {
        role.is_facilitator() || role == Role::PeerLead && self.rules().peer_lead
    }

    /// Seats that count against the capacity.
    pub fn counted(&self) -> usize {
        self.held().filter(|seat| counts(seat.claims.role)).count()
    }

    pub fn observers(&self) -> usize {
        self.held().filter(|seat| seat.claims.role == Role::Observer).count()
    }

    /// Seats in the room, and those kept aside.
    pub fn held(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().chain(self.aside.values())
    }

    /// Nobody waits here any more; a seat kept aside goes with it.
    pub fn go_from_door(&mut self, subject: &str) {
        self.doors.retain(|door| door.claims.subject != subject);
        if self.aside.remove(subject).is_some() {
            self.gone.insert(subject.to_owned(), (false, self.now));
        }
    }

    /// Whether the lock lets this subject by.
    pub fn inside_the_lock(&self, subject: &str) -> bool {
        self.lock.as_ref().is_none_or(|inside| inside.contains(subject))
    }

    /// Who is on everyone's roster: connected, or lost so lately that media still flow.
    pub fn roster(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| {
            let device = self.device_of(seat);
            device.connection.is_some() || !device.silent
        })
    }

    /// What follows from what happened, beside the gates.
    pub fn settle(&mut self) {
        if self.freeze.is_none() {
            self.incident = None;
        }
        self.settle_agenda();
        self.settle_staff();
        self.settle_signals();
        self.settle_care();
        self.settle_reminder();
    }

    pub fn is_in_the_room(&self, number: u32) -> bool {
        self.seat_of(number).is_none_or(|seat| seat.space == 0)
    }

    /// Whether the rung that one chose lets them speak.
    pub fn uses_voice(&self, number: u32) -> bool {
        self.level(number) >= Level::Voice
    }

    /// Whether the rung that one stands on lets them write to the group.
    pub fn may_write(&self, number: u32) -> bool {
        let ceiling = self.seat_of(number).map_or(Level::default(), |seat| self.ceiling(seat));
        self.level(number).min(ceiling) >= Level::Text
    }

    /// Whoever speaks has the newest secret.
    pub fn hear(&mut self, connection: ConnectionId) {
        let seats = self.seats.iter_mut().filter(|seat| seat.connection == Some(connection));
        seats.for_each(|seat| seat.unheard = None);
        let doors = self.doors.iter_mut().filter(|door| door.connection == Some(connection));
        doors.for_each(|door| door.unheard = None);
    }

    /// A new seat: silent and unseen.
    pub fn sit(
        &mut self,
        claims: Claims,
        number: u32,
        secret: SecretHash,
        connection: ConnectionId,
        agreed: Agreement,
    ) {
        self.gone.remove(&claims.subject);
        self.aside.remove(&claims.subject);
        self.undone.remove(&claims.subject);
        if !claims.role.is_facilitator() {
            self.offered.remove(&claims.subject);
        }
        self.numbers.insert(claims.subject.clone(), number);
        let seat = Seat { secret, connection: Some(connection), ..Seat::new(claims, number, agreed) };
        self.join_round(&seat);
        self.seats.push(seat);
    }

    /// A seat is no more: what hung on it goes with it, and whoever sat there.
    pub fn rise(&mut self, subject: &str, dropped: bool) {
        let Some(seat) = self.seat(subject) else { return };
        let number = seat.number;
        self.roles.insert(number, seat.claims.role);
        self.clear_device(number, dropped);
        let device = self.device_number(number);
        self.share_closings(device, number);
        self.seats.retain(|seat| seat.number != number);
        self.hands.retain(|hand| hand.number != number);
        self.asked.remove(&number);
        self.leave_floor(number);
    }
}
