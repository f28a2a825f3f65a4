//! One session: what it knows, how a command runs, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::{Epoch, ForwardingTable, Generation, Subject, Version};
use hearth_protocol::KnockId;

use crate::agenda::Agenda;
use crate::answers::{Answers, Refusals};
use crate::aside::Asides;
use crate::attendance::Attendance;
use crate::breach::Breaches;
use crate::card::Cards;
use crate::chat::Chat;
use crate::consent::Window;
use crate::door::Denial;
use crate::floor::Floor;
use crate::heard::Hearing;
use crate::knock::{At, Knock};
use crate::level::Levels;
use crate::own::Owned;
use crate::rest::Rests;
use crate::safety::{EndAsked, Freeze, Held};
use crate::scale::Scales;
use crate::seat::Seat;
use crate::signal::Signals;
use crate::view::Told;
use crate::{Act, Command, ConnectionId, Definition, Effects, Legacy, Record, Words, bye, forwarding};

/// One session of a room.
#[derive(Clone, Debug)]
pub struct Room {
    pub(crate) definition: Definition,
    /// Takes the definition's place at the thaw.
    pub(crate) defined: Option<Definition>,
    pub(crate) now: u32,
    pub(crate) started: Option<u32>,
    pub(crate) ended: bool,

    /// Every subject that ever held a seat.
    pub(crate) subjects: BTreeMap<String, Subject>,
    pub(crate) seats: BTreeMap<Subject, Seat>,
    pub(crate) knocks: BTreeMap<KnockId, Knock>,
    pub(crate) connections: BTreeMap<ConnectionId, At>,
    pub(crate) next_subject: u32,
    pub(crate) next_knock: u32,
    /// Raised whenever the list that facilitators see changes.
    pub(crate) knocks_version: u32,
    pub(crate) knocks_seen: Vec<KnockId>,

    /// Spent tickets (issuer and id), until they have expired.
    pub(crate) spent: BTreeMap<(String, String), u32>,
    /// Denied and removed subjects.
    pub(crate) denied: BTreeSet<String>,
    /// Those of them whose tickets their issuer has taken back: nobody in the room undoes that.
    pub(crate) revoked: BTreeSet<String>,
    pub(crate) denials: BTreeMap<KnockId, Denial>,
    /// Who passes while the room is locked.
    pub(crate) lock: Option<BTreeSet<String>>,
    pub(crate) consent_window: Option<Window>,
    /// When everyone who waits is told so again.
    pub(crate) beat: Option<u32>,

    pub(crate) floor: Floor,
    pub(crate) freeze: Option<Freeze>,
    pub(crate) hold: Option<Held>,
    pub(crate) unattended_since: Option<u32>,
    pub(crate) lead: Option<Subject>,
    /// Who lost the lead by absence, and is offered it on return.
    pub(crate) former_leads: BTreeSet<Subject>,
    pub(crate) ends_at: Option<u32>,
    pub(crate) end_asked: Option<EndAsked>,

    pub(crate) asides: Asides,
    pub(crate) agenda: Agenda,
    pub(crate) levels: Levels,
    pub(crate) rests: Rests,
    pub(crate) breaches: Breaches,
    pub(crate) attendance: Attendance,
    pub(crate) chat: Chat,
    pub(crate) cards: Cards,
    pub(crate) scales: Scales,
    pub(crate) owned: Owned,
    pub(crate) signals: Signals,
    pub(crate) hearing: Hearing,
    /// Members to whom the lead has lent some of the desk.
    pub(crate) helpers: BTreeSet<Subject>,

    pub(crate) answers: BTreeMap<String, Answers>,
    pub(crate) refusals: BTreeMap<String, Refusals>,

    pub(crate) version: Version,
    pub(crate) epoch: Epoch,
    /// Who may listen changed in a way that the table does not show.
    pub(crate) epoch_due: bool,
    pub(crate) told: Told,
}

impl Room {
    pub fn new(definition: Definition) -> Room {
        Room::after(definition, Legacy::default())
    }

    /// The session after another.
    pub fn after(definition: Definition, legacy: Legacy) -> Room {
        let spent = legacy.spent.into_iter().map(|one| ((one.issuer, one.ticket), one.remaining_ms));
        let floor = Floor::in_mode(Agenda::first_floor(&definition.format));
        let agenda = Agenda::of(&definition.format);
        Room {
            definition,
            defined: None,
            now: 0,
            started: None,
            ended: false,
            subjects: BTreeMap::new(),
            seats: BTreeMap::new(),
            knocks: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_subject: 1,
            next_knock: 1,
            knocks_version: 0,
            knocks_seen: Vec::new(),
            spent: spent.collect(),
            denied: legacy.denied,
            revoked: BTreeSet::new(),
            denials: BTreeMap::new(),
            lock: None,
            consent_window: None,
            beat: None,
            floor,
            freeze: None,
            hold: None,
            unattended_since: None,
            lead: None,
            former_leads: BTreeSet::new(),
            ends_at: None,
            end_asked: None,
            asides: Asides::default(),
            agenda,
            levels: Levels::default(),
            rests: Rests::default(),
            breaches: Breaches::default(),
            attendance: Attendance::default(),
            chat: Chat::default(),
            cards: Cards::default(),
            scales: Scales::default(),
            owned: Owned::default(),
            signals: Signals::default(),
            hearing: Hearing::default(),
            helpers: BTreeSet::new(),
            answers: BTreeMap::new(),
            refusals: BTreeMap::new(),
            version: Version(0),
            epoch: Epoch(0),
            epoch_due: false,
            told: Told::before_anything(),
        }
    }

    /// `now`: milliseconds on the session's clock, never less than before.
    pub fn apply(&mut self, now: u32, command: Command) -> Effects {
        let mut out = Effects::default();
        self.run_due(&mut out, now);
        if self.ended {
            self.after_the_end(&mut out, &command);
        } else {
            self.carry_out(&mut out, command);
            self.settle_state(&mut out);
            self.run_due(&mut out, now);
        }
        self.settle(&mut out);
        out
    }

    /// To be called at the time that [`Room::poll_timeout`] names.
    pub fn handle_timeout(&mut self, now: u32) -> Effects {
        let mut out = Effects::default();
        self.run_due(&mut out, now);
        self.settle(&mut out);
        out
    }

    /// The next instant at which something changes by itself.
    pub fn poll_timeout(&self) -> Option<u32> {
        // After a restore the relay has no table yet.
        let untold = self.told.table.is_none().then_some(self.now);
        untold.or_else(|| self.next_due().map(|(at, _)| at))
    }

    /// The table as it stands: the same as the last one in [`Effects::forward`].
    pub fn table(&self) -> ForwardingTable {
        forwarding::derive(self)
    }

    /// Which media connection whoever sits behind this connection may make; none without a seat.
    pub fn media_peer(&self, connection: ConnectionId) -> Option<(Subject, Generation)> {
        let Some(At::Seat(subject)) = self.connections.get(&connection) else { return None };
        let seat = self.seats.get(subject).filter(|_| !self.ended)?;
        Some((*subject, seat.generation))
    }

    fn carry_out(&mut self, out: &mut Effects, command: Command) {
        match command {
            Command::Knock { connection, claims, fresh } => {
                if !self.connections.contains_key(&connection) {
                    self.knock(out, connection, claims, fresh);
                }
            }
            Command::Return { connection, hash, media_generation, fresh } => {
                if !self.connections.contains_key(&connection) {
                    self.come_back(out, connection, hash, media_generation, fresh);
                }
            }
            Command::Request { connection, request_id, request, fresh } => {
                self.request(out, connection, request_id, request, &fresh);
            }
            Command::Heard { connection } => self.heard_from(connection),
            Command::Dropped { connection, last_seen } => self.drop_connection(connection, last_seen),
            Command::Refresh { connection } => self.forget_told(connection),
            Command::MediaLost { subject, generation } => {
                let seat = self.seats.get_mut(&subject).filter(|seat| seat.is_present());
                if let Some(seat) = seat.filter(|seat| seat.generation == generation) {
                    seat.renew_media();
                }
            }
            Command::RelayRestarted => {
                self.seats.values_mut().filter(|seat| seat.is_present()).for_each(Seat::renew_media);
            }
            Command::ShareDevice { connection, request_id, claims, version, hash } => {
                self.share_device(out, connection, request_id, claims, version, &hash);
            }
            Command::Voiced { heard } => self.voiced(&heard),
            Command::Define(definition) => self.define(out, *definition),
            Command::Revoke { subject } => self.revoke_subject(out, &subject),
            Command::Shutdown => self.shut_down(out),
        }
    }

    fn after_the_end(&mut self, out: &mut Effects, command: &Command) {
        match command {
            Command::Knock { connection, .. }
            | Command::Return { connection, .. }
            | Command::Request { connection, .. } => {
                // Whoever was here at the end is told with all the others.
                if !self.connections.contains_key(connection) {
                    out.bye(*connection, bye::over());
                }
            }
            Command::Heard { .. }
            | Command::Dropped { .. }
            | Command::Refresh { .. }
            | Command::MediaLost { .. }
            | Command::RelayRestarted
            | Command::ShareDevice { .. }
            | Command::Voiced { .. }
            | Command::Define(_)
            | Command::Revoke { .. }
            | Command::Shutdown => {}
        }
    }

    /// What follows from what happened, in the state.
    pub(crate) fn settle_state(&mut self, out: &mut Effects) {
        self.settle_charge(out);
        self.settle_staff();
        self.settle_lead(out);
        self.settle_helpers();
        self.settle_consent(out);
        self.settle_devices();
        self.settle_asides(out);
        self.settle_round();
        self.settle_gates();
        self.settle_attendance(out);
        self.settle_signals();
        self.settle_breach();
        self.settle_reminder();
        let seen: Vec<KnockId> = self.waiting().map(|(id, ..)| id).collect();
        if seen.is_empty() {
            self.beat = None;
        }
        if seen != self.knocks_seen {
            self.knocks_version = self.knocks_version.wrapping_add(1);
            self.knocks_seen = seen;
        }
    }

    /// What follows from what happened, for the relay and for everyone who is told.
    fn settle(&mut self, out: &mut Effects) {
        self.settle_state(out);
        let mut table = forwarding::derive(self);
        let changed = self.told.table.as_ref() != Some(&table);
        if changed || self.epoch_due {
            let before = self.told.table.as_ref();
            let same = before.is_some_and(|old| forwarding::listeners(old).eq(forwarding::listeners(&table)));
            if self.epoch_due || !same {
                self.epoch = Epoch(self.epoch.0.saturating_add(1));
            }
            self.epoch_due = false;
            self.version = Version(self.version.0.saturating_add(1));
            table.version = self.version;
            table.epoch = self.epoch;
            out.durable |= before.is_none_or(|old| !forwarding::differs_by_owners_alone(old, &table));
            out.forward = Some(table.clone());
            self.told.table = Some(table);
        }
        out.version = self.version;
        out.durable |= !out.record.is_empty();
        if out.durable {
            self.prove();
        }
        if self.ended {
            out.ended = true;
            for connection in std::mem::take(&mut self.connections).into_keys() {
                out.bye(connection, bye::over());
            }
            return;
        }
        // The last card goes out before all else, and nothing comes after it.
        if let Some(farewell) = &out.farewell {
            out.tell.retain(|tell| tell.to != farewell.to);
        }
        let byes = out.tell.iter().filter(|tell| matches!(tell.words, Words::Bye(_))).cloned();
        let byes: Vec<_> = byes.collect();
        out.tell.retain(|tell| !matches!(tell.words, Words::Bye(_)));
        self.tell_signals(out);
        self.tell_views(out);
        self.tell_unsaid(out);
        self.tell_reminder(out);
        out.tell.extend(byes);
    }

    pub(crate) fn sub(&self, subject: Subject) -> String {
        self.seats.get(&subject).map(|seat| seat.sub.clone()).unwrap_or_default()
    }

    pub(crate) fn record(&self, out: &mut Effects, actor: Option<Subject>, act: Act) {
        self.record_as(out, actor.map(|subject| self.sub(subject)), act);
    }

    pub(crate) fn record_as(&self, out: &mut Effects, actor: Option<String>, act: Act) {
        out.record.push(Record { at: self.now, actor, act });
    }
}
