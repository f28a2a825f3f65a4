use std::collections::{BTreeMap, BTreeSet};

use hearth_forwarding::{Epoch, ForwardingTable, Generation, Subject, Version};
use hearth_protocol::{
    Bye, ByeReason, KnockId, Outcome, ParticipantId, Reaction, RefusalCode, Request, RequestId,
};
use serde::{Deserialize, Serialize};

use crate::answers::{Answer, Answers, Refusals};
use crate::consent::Window;
use crate::door::{At, Denial, Knock};
use crate::floor::Floor;
use crate::forwarding;
use crate::policy::{Power, Standing, may, needed};
use crate::safety::{EndAsked, Freeze, Held};
use crate::seat::{Place, Seat, forwarded};
use crate::view::Told;
use crate::{Act, Command, ConnectionId, Definition, Effects, Fresh, Record};

/// Reactions of one person come no faster.
const REACTION_MS: u32 = 1_000;

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

    pub(crate) answers: BTreeMap<String, Answers>,
    pub(crate) refusals: BTreeMap<String, Refusals>,

    pub(crate) version: Version,
    pub(crate) epoch: Epoch,
    /// Who may listen changed in a way that the table does not show.
    pub(crate) epoch_due: bool,
    pub(crate) told: Told,
}

/// What a session leaves to the next one in the same room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Legacy {
    /// Denied and removed subjects. To be inherited for twelve hours.
    pub denied: BTreeSet<String>,
    pub spent: Vec<SpentTicket>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentTicket {
    pub issuer: String,
    pub ticket: String,
    /// Until its `exp` and skew.
    pub remaining_ms: u32,
}

/// What happens by itself, in the order in which it does at one and the same instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    End,
    MediaStop(Subject),
    TurnLost,
    GrantLost(Subject),
    HandLost(Subject),
    AskOver(Subject),
    GraceOver(Subject),
    KnockOver(KnockId),
    LeadLost,
    Hold,
    HoldOver,
    ConsentOver,
    RefusalsCounted(String),
    Beat,
}

impl Room {
    pub fn new(definition: Definition) -> Room {
        Room::after(definition, Legacy::default())
    }

    /// The session after another.
    pub fn after(definition: Definition, legacy: Legacy) -> Room {
        let spent = legacy.spent.into_iter().map(|one| ((one.issuer, one.ticket), one.remaining_ms));
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
            denials: BTreeMap::new(),
            lock: None,
            consent_window: None,
            beat: None,
            floor: Floor::default(),
            freeze: None,
            hold: None,
            unattended_since: None,
            lead: None,
            former_leads: BTreeSet::new(),
            ends_at: None,
            end_asked: None,
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
        self.next_due().map(|(at, _)| at)
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

    /// What the next session inherits.
    pub fn legacy(&self) -> Legacy {
        let unexpired = self.spent.iter().filter(|(_, expires)| **expires >= self.now);
        let spent = unexpired.map(|((issuer, ticket), expires)| SpentTicket {
            issuer: issuer.clone(),
            ticket: ticket.clone(),
            remaining_ms: expires - self.now,
        });
        Legacy { denied: self.denied.clone(), spent: spent.collect() }
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
            Command::Define(definition) => self.define(out, *definition),
            Command::Revoke { subject } => self.revoke_subject(out, &subject),
            Command::Shutdown => self.shut_down(out),
        }
    }

    fn request(
        &mut self,
        out: &mut Effects,
        connection: ConnectionId,
        id: RequestId,
        request: Request,
        fresh: &Fresh,
    ) {
        // Whoever was shown out hears nothing more.
        let Some(at) = self.connections.get(&connection).copied() else { return };
        if !id.is_valid() {
            out.frame(connection, Answer::Refused(RefusalCode::BadMessage).frame(RequestId(String::new())));
            return;
        }
        let sub = match at {
            At::Door(knock) => self.knocks.get(&knock).map(|knock| knock.claims.subject.clone()),
            At::Seat(subject) => self.seats.get(&subject).map(|seat| seat.sub.clone()),
        };
        let Some(sub) = sub else { return };
        if let Some(answer) = self.answers.get(&sub).and_then(|answers| answers.find(&id)) {
            out.frame(connection, answer.frame(id));
            return;
        }
        let answered_at = out.tell.len();
        let result = match at {
            At::Door(knock) => self.at_the_door(out, knock, request),
            At::Seat(subject) => self.at_a_seat(out, subject, &sub, request, fresh),
        };
        let answer = Answer::of(&result);
        let words = crate::Words::Frame(answer.frame(id.clone()));
        out.tell.insert(answered_at, crate::Tell { to: connection, words });
        let most = usize::try_from(self.definition.policy.requests_remembered).unwrap_or(usize::MAX);
        if self.subjects.contains_key(&sub) || self.knocks.values().any(|knock| knock.claims.subject == sub) {
            self.answers.entry(sub).or_default().remember(id, answer, most);
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "before a seat nothing else is possible, whatever comes to be"
    )]
    fn at_the_door(
        &mut self,
        out: &mut Effects,
        id: KnockId,
        request: Request,
    ) -> Result<Option<Outcome>, RefusalCode> {
        match request {
            Request::AcceptGroundRules { version, hash } => {
                self.accept_at_the_door(out, id, version, &hash)?
            }
            Request::Leave => {
                let sub = self.knocks.get(&id).map(|knock| knock.claims.subject.clone());
                if let Some(connection) = sub.and_then(|sub| self.forget_knock_of(&sub)) {
                    out.bye(connection, left());
                }
            }
            _ => return Err(RefusalCode::NotSeated),
        }
        Ok(None)
    }

    fn at_a_seat(
        &mut self,
        out: &mut Effects,
        me: Subject,
        sub: &str,
        request: Request,
        fresh: &Fresh,
    ) -> Result<Option<Outcome>, RefusalCode> {
        let (power, name) = needed(&request);
        if !may(&self.standing(me), power) {
            return Err(self.want_of_right(out, sub, name));
        }
        self.is_accepted_now(me, &request)?;
        let result = self.by_right(out, me, power, request, fresh);
        match result {
            Err(RefusalCode::NotAllowed) => Err(self.want_of_right(out, sub, name)),
            Ok(_) | Err(_) => result,
        }
    }

    /// Frozen, on hold and without agreement to the rules, little is accepted of members: leaving, muting, camera off.
    fn is_accepted_now(&self, me: Subject, request: &Request) -> Result<(), RefusalCode> {
        let seat = self.seats.get(&me).ok_or(RefusalCode::NotSeated)?;
        let always =
            matches!(request, Request::Leave | Request::SetOwn { open: false, .. } | Request::RenewMedia);
        if always || seat.role.is_facilitator() {
            return Ok(());
        }
        let frozen = self.freeze.as_ref().is_some_and(|freeze| freeze.thawed.is_empty());
        if frozen && !matches!(request, Request::Thaw { .. }) {
            return Err(RefusalCode::Frozen);
        }
        let agrees = matches!(request, Request::AcceptGroundRules { .. });
        if !agrees && self.is_barred(seat) {
            return Err(RefusalCode::GroundRulesChanged);
        }
        if self.hold.is_some()
            && !agrees
            && !matches!(request, Request::LowerHand | Request::OpenOnTurn { .. })
        {
            return Err(RefusalCode::OnHold);
        }
        Ok(())
    }

    fn by_right(
        &mut self,
        out: &mut Effects,
        me: Subject,
        power: Power,
        request: Request,
        fresh: &Fresh,
    ) -> Result<Option<Outcome>, RefusalCode> {
        match request {
            Request::AcceptGroundRules { version, hash } => {
                self.accept_in_the_room(out, me, version, &hash)?
            }
            Request::SetOwn { source, open } => self.set_own(out, me, forwarded(source), open)?,
            Request::OpenOnTurn { on } => self.seat_mut(me)?.open_on_turn = on,
            Request::RaiseHand { kind } => self.raise_hand(me, kind)?,
            Request::LowerHand => self.lower_hand(me)?,
            Request::React { reaction } => self.react(out, me, reaction)?,
            Request::Yield => self.yield_floor(out, me)?,
            Request::Pass => self.pass(out, me)?,
            Request::Defer => self.defer(out, me)?,
            Request::Leave => self.leave(out, me),
            Request::Admit { knock, through_lock } => self.admit(out, me, knock, through_lock)?,
            Request::Deny { knock } => self.deny(out, me, knock)?,
            Request::UndoDenial { knock } => self.undo_denial(out, me, knock)?,
            Request::AdmitAll { if_version } => self.admit_all(out, me, if_version)?,
            Request::SendToWaiting { participant } => {
                let target = self.target(me, power, participant)?;
                self.send_to_waiting(out, me, target, fresh.clone())?;
            }
            Request::SetGate { participant, source, open } => {
                let target = self.target(me, power, participant)?;
                self.set_gate(out, me, target, forwarded(source), open)?;
            }
            Request::GateAll { source, except } => {
                let except: Vec<Subject> = except.into_iter().map(|one| Subject(one.0)).collect();
                self.gate_all(out, me, forwarded(source), &except);
            }
            Request::AskToUnmute { participant } => self.ask_to_unmute(participant)?,
            Request::SetFloor { mode } => self.set_floor(out, me, mode)?,
            Request::Grant { participant } => self.grant(out, me, Subject(participant.0))?,
            Request::Revoke { participant } => self.revoke(out, me, Subject(participant.0))?,
            Request::LowerHandOf { participant } => self.lower_hand(Subject(participant.0))?,
            Request::OrderHands { participants } => {
                let first: Vec<Subject> = participants.into_iter().map(|one| Subject(one.0)).collect();
                self.floor.hands.order(&first);
            }
            Request::RoundStart { order, turn_seconds, include_facilitators } => {
                self.start_round(out, me, order, turn_seconds, include_facilitators)?;
            }
            Request::RoundExtend { seconds } => self.extend_turn(seconds)?,
            Request::RoundSkip => self.skip_turn(out)?,
            Request::RoundEnd => self.end_round(out, me)?,
            Request::Lock { locked } => self.set_lock(out, me, locked),
            Request::Freeze => self.freeze(out, me),
            Request::Thaw { step } => self.thaw(out, me, step)?,
            Request::Remove { participant } => {
                let target = self.target(me, power, participant)?;
                self.remove(out, Some(me), target)?;
            }
            Request::UndoRemoval { participant } => self.undo_removal(out, me, Subject(participant.0))?,
            Request::ResumeRoom => self.resume_room(out, me)?,
            Request::HandOver { participant } => self.hand_over(out, me, Subject(participant.0))?,
            Request::TakeLead => self.take_lead(out, me)?,
            Request::End { seconds } => self.announce_end(out, me, seconds),
            Request::CancelEnd => self.cancel_end(out, me)?,
            Request::EndNow { confirm } => return self.end_now(out, me, confirm.as_deref(), fresh),
            // The shell takes these to the relay.
            Request::Offer(_) | Request::View { .. } => return Err(RefusalCode::NotPossible),
            Request::RenewMedia => self.seat_mut(me)?.renew_media(),
        }
        Ok(None)
    }

    pub(crate) fn standing(&self, of: Subject) -> Standing {
        Standing {
            role: self.seats.get(&of).map_or(hearth_protocol::Role::Observer, |seat| seat.role),
            lead: self.lead == Some(of),
            peer_lead: self.definition.policy.peer_lead,
            froze: self.freeze.as_ref().is_some_and(|freeze| freeze.by == of),
        }
    }

    /// Whom a command is about, if it may be done to them.
    fn target(&self, me: Subject, power: Power, of: ParticipantId) -> Result<Subject, RefusalCode> {
        self.check_target(me, power, Subject(of.0))?;
        Ok(Subject(of.0))
    }

    fn seat_mut(&mut self, of: Subject) -> Result<&mut Seat, RefusalCode> {
        self.seats.get_mut(&of).ok_or(RefusalCode::NotSeated)
    }

    fn ask_to_unmute(&mut self, of: ParticipantId) -> Result<(), RefusalCode> {
        let of = Subject(of.0);
        let seat = self.seats.get(&of).filter(|seat| seat.is_connected()).ok_or(RefusalCode::NotFound)?;
        let gate = seat.gates[hearth_forwarding::Source::Microphone.index()];
        // Asked only where one's own click is all that is missing.
        if gate.reasons() != hearth_forwarding::Reasons::of(hearth_forwarding::Reason::Self_) {
            return Err(RefusalCode::NotPossible);
        }
        self.ask(of);
        Ok(())
    }

    fn react(&mut self, out: &mut Effects, me: Subject, reaction: Reaction) -> Result<(), RefusalCode> {
        let now = self.now;
        let seat = self.seat_mut(me)?;
        if seat.role == hearth_protocol::Role::Observer {
            return Err(RefusalCode::NotAllowed);
        }
        if seat.reacted.is_some_and(|at| now < at.saturating_add(REACTION_MS)) {
            return Err(RefusalCode::TooFast);
        }
        seat.reacted = Some(now);
        let change = hearth_protocol::Change::Reaction { participant: ParticipantId(me.0), reaction };
        for to in self.seats.values().filter_map(Seat::connection) {
            out.tell.push(crate::Tell { to, words: crate::Words::Delta(vec![change.clone()]) });
        }
        Ok(())
    }

    /// Always possible, and unremarked.
    fn leave(&mut self, out: &mut Effects, me: Subject) {
        let Some(seat) = self.seats.get(&me) else { return };
        let sub = seat.sub.clone();
        if let Some(connection) = seat.connection() {
            self.connections.remove(&connection);
            out.bye(connection, left());
        }
        if let Some(other) = self.forget_knock_of(&sub) {
            out.bye(other, left());
        }
        self.vacate(out, me, Place::Gone { how: hearth_protocol::AwayHow::Left, since: self.now });
        self.record_as(out, Some(sub.clone()), Act::Left { subject: sub, dropped: false });
    }

    fn drop_connection(&mut self, connection: ConnectionId, last_seen: u32) {
        let last_seen = last_seen.min(self.now);
        match self.connections.remove(&connection) {
            Some(At::Door(id)) => {
                if let Some(knock) = self.knocks.get_mut(&id) {
                    knock.connection = None;
                    knock.dropped = last_seen.max(knock.since);
                }
            }
            Some(At::Seat(subject)) => {
                let Some(seat) = self.seats.get_mut(&subject) else { return };
                let Place::Connected { since, .. } = seat.place else { return };
                seat.place = Place::Held { since: last_seen.max(since), media: true };
            }
            None => {}
        }
    }

    /// A ticket taken back by its issuer is a removal.
    fn revoke_subject(&mut self, out: &mut Effects, sub: &str) {
        let subject = self.subjects.get(sub).copied();
        if subject.is_some_and(|subject| self.remove(out, None, subject).is_ok()) {
            return;
        }
        out.durable = true;
        self.denied.insert(sub.to_owned());
        if let Some(connection) = self.forget_knock_of(sub) {
            out.bye(connection, crate::safety::not_now());
        }
    }

    fn shut_down(&mut self, out: &mut Effects) {
        out.durable = true;
        let connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for connection in connections {
            self.drop_connection(connection, self.now);
            out.bye(connection, Bye { reason: ByeReason::Restarting, code: None, card: None });
        }
    }

    fn after_the_end(&mut self, out: &mut Effects, command: &Command) {
        match command {
            Command::Knock { connection, .. }
            | Command::Return { connection, .. }
            | Command::Request { connection, .. } => out.bye(*connection, over()),
            Command::Dropped { .. }
            | Command::Refresh { .. }
            | Command::MediaLost { .. }
            | Command::RelayRestarted
            | Command::Define(_)
            | Command::Revoke { .. }
            | Command::Shutdown => {}
        }
    }

    fn run_due(&mut self, out: &mut Effects, now: u32) {
        let now = now.max(self.now);
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= now) {
            self.now = self.now.max(at);
            self.fire(out, due, now);
            self.settle_state(out);
        }
        self.now = now;
    }

    fn next_due(&self) -> Option<(u32, Due)> {
        if self.ended {
            return None;
        }
        let policy = &self.definition.policy;
        let seats = self.seats.iter().filter_map(|(subject, seat)| {
            let Place::Held { since, media } = seat.place else { return None };
            let due = if media { Due::MediaStop(*subject) } else { Due::GraceOver(*subject) };
            let at = if media { policy.media_end(since) } else { policy.grace_end(since) };
            Some((at, due))
        });
        let held = |subject| self.seats.get(&subject).and_then(Seat::since_dropped);
        let grants = self.floor.grants.iter().filter_map(|grant| {
            let at = held(grant.subject)?.saturating_add(policy.turn_grace_ms);
            Some((at, Due::GrantLost(grant.subject)))
        });
        let hands = self.floor.hands.0.iter().filter_map(|hand| {
            let at = held(hand.subject)?.saturating_add(policy.hand_grace_ms);
            Some((at, Due::HandLost(hand.subject)))
        });
        let asks =
            self.seats.iter().filter_map(|(subject, seat)| Some((seat.asked_until?, Due::AskOver(*subject))));
        let knocks = self.knocks.iter().filter(|(_, knock)| knock.connection.is_none());
        let knocks = knocks.map(|(id, knock)| (policy.grace_end(knock.dropped), Due::KnockOver(*id)));
        let refusals =
            self.refusals.iter().map(|(sub, one)| (one.ends_at, Due::RefusalsCounted(sub.clone())));
        let window = self.consent_window.filter(|window| window.paused.is_none());
        let single = [
            self.ends_at.map(|at| (at, Due::End)),
            self.turn_lost_at().map(|at| (at, Due::TurnLost)),
            self.lead_lost_at().map(|at| (at, Due::LeadLost)),
            self.hold_due(),
            window.map(|window| (window.ends_at, Due::ConsentOver)),
            self.beat.map(|at| (at, Due::Beat)),
        ];
        let single = single.into_iter().flatten();
        seats.chain(grants).chain(hands).chain(asks).chain(knocks).chain(refusals).chain(single).min()
    }

    fn hold_due(&self) -> Option<(u32, Due)> {
        let since = self.unattended_since?;
        Some(match &self.hold {
            None => (since.saturating_add(self.definition.policy.unattended_ms), Due::Hold),
            Some(hold) => (hold.ends_at, Due::HoldOver),
        })
    }

    fn fire(&mut self, out: &mut Effects, due: Due, now: u32) {
        match due {
            Due::End | Due::HoldOver => self.end(out, None),
            Due::MediaStop(subject) => {
                if let Some(seat) = self.seats.get_mut(&subject)
                    && let Place::Held { since, .. } = seat.place
                {
                    seat.place = Place::Held { since, media: false };
                    seat.asked_until = None;
                }
            }
            Due::GraceOver(subject) => self.give_up(out, subject),
            Due::TurnLost => self.lose_turn(out),
            Due::GrantLost(subject) => self.floor.grants.retain(|grant| grant.subject != subject),
            Due::HandLost(subject) => {
                self.floor.hands.lower(subject);
            }
            Due::AskOver(subject) => {
                if let Some(seat) = self.seats.get_mut(&subject) {
                    seat.asked_until = None;
                }
            }
            Due::KnockOver(id) => {
                let sub = self.knocks.get(&id).map(|knock| knock.claims.subject.clone());
                sub.and_then(|sub| self.forget_knock_of(&sub));
            }
            // Done by settling.
            Due::LeadLost => {}
            Due::Hold => {
                self.hold(out, self.now);
                self.let_a_facilitator_in(out);
            }
            Due::ConsentOver => self.consent_window = None,
            Due::RefusalsCounted(sub) => self.count_refusals(out, &sub),
            // Beats that were missed are not made up for.
            Due::Beat => {
                self.tell_the_waiting(out);
                self.beat = self.beat_after(now);
            }
        }
    }

    /// The grace is over: the seat is free.
    fn give_up(&mut self, out: &mut Effects, subject: Subject) {
        let Some(seat) = self.seats.get(&subject) else { return };
        let (sub, since) = (seat.sub.clone(), seat.since_dropped().unwrap_or(self.now));
        self.vacate(out, subject, Place::Gone { how: hearth_protocol::AwayHow::Dropped, since });
        self.record_as(out, Some(sub.clone()), Act::Left { subject: sub, dropped: true });
    }

    fn tell_the_waiting(&mut self, out: &mut Effects) {
        for (_, connection, _) in self.waiting() {
            out.frame(connection, hearth_protocol::ServerFrame::Waiting);
        }
    }

    /// What follows from what happened, in the state.
    pub(crate) fn settle_state(&mut self, out: &mut Effects) {
        self.settle_charge(out);
        self.settle_lead(out);
        self.settle_consent(out);
        self.settle_round();
        self.settle_gates();
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
        if self.ended {
            out.ended = true;
            for connection in std::mem::take(&mut self.connections).into_keys() {
                out.bye(connection, over());
            }
            return;
        }
        let byes = out.tell.iter().filter(|tell| matches!(tell.words, crate::Words::Bye(_))).cloned();
        let byes: Vec<_> = byes.collect();
        out.tell.retain(|tell| !matches!(tell.words, crate::Words::Bye(_)));
        self.tell_views(out);
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

fn left() -> Bye {
    Bye { reason: ByeReason::Left, code: None, card: None }
}

fn over() -> Bye {
    Bye { reason: ByeReason::Ended, code: None, card: None }
}
