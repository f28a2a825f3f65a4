//! What each recipient may see, and what of it changed since they were last told.
//!
//! Whatever is the same for everyone is made once for each command. What a recipient may not see is not in their view, so it
//! never costs them a byte or a number.

use std::{collections::BTreeMap, sync::Arc};

use hearth_forwarding::{ForwardingTable, Reasons, Source, Subject};
use hearth_protocol::{
    AsideId, Away, Change, Denied, Desk, Frozen, GateReasons, Hold, Millis, OpenSources, Participant,
    ParticipantGates, ParticipantId, Reason, Removed, Role, RoomState, RoomView, Speaker, You,
};

use crate::aside::ROOM;
use crate::hand::Places;
use crate::seat::{Place, Seat, participant, spoken};
use crate::{Changes, ConnectionId, Effects, Room, Tell, Words, alias};

/// What was told last, to compare with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub table: Option<ForwardingTable>,
    shared: Option<Shared>,
    desk: Option<Desk>,
    you: BTreeMap<ConnectionId, You>,
}

#[derive(Clone, Debug, PartialEq)]
struct Shared {
    /// With all hands.
    participants: Vec<Participant>,
    room: RoomState,
    floor: hearth_protocol::Floor,
}

/// What has changed of it: those gone, those new or changed, and the rest.
#[derive(Clone, Debug, Default)]
struct News {
    gone: Vec<ParticipantId>,
    rows: Vec<Participant>,
    room: Option<Box<RoomState>>,
    floor: Option<hearth_protocol::Floor>,
}

impl News {
    /// In words; `own` stands for its row, or joins the others in its place.
    fn changes(&self, own: Option<&Participant>) -> Vec<Change> {
        let at = own.map(|own| self.rows.partition_point(|one| one.id < own.id));
        let (before, after) = self.rows.split_at(at.unwrap_or(0));
        let after = after.iter().skip_while(|one| own.is_some_and(|own| own.id == one.id));
        let rows = before.iter().chain(own).chain(after).cloned().map(Change::Participant);
        let gone = self.gone.iter().map(|id| Change::Left { participant: *id });
        let room = self.room.iter().cloned().map(Change::Room);
        let floor = self.floor.iter().cloned().map(Change::Floor);
        gone.chain(rows).chain(room).chain(floor).collect()
    }
}

impl Told {
    /// The relay starts with an empty table.
    pub fn before_anything() -> Told {
        Told { table: Some(ForwardingTable::default()), ..Told::default() }
    }

    pub fn forget_views(&mut self) {
        self.you.clear();
    }
}

impl Room {
    /// Tells everyone with a seat what is new to them.
    pub(crate) fn tell_views(&mut self, out: &mut Effects) {
        let hearing: Vec<(ConnectionId, Subject)> = self.hearing().collect();
        let hands = self.floor.hands.places(|subject| self.is_there(subject));
        let shared = self.shared(&hands);
        let facilitated = self.seats.values().any(|seat| seat.is_connected() && seat.role.is_facilitator());
        let desk = facilitated.then(|| self.desk());
        let before = std::mem::take(&mut self.told);
        let news = before.shared.as_ref().map(|old| shared.news_since(old)).unwrap_or_default();
        // The same for all who see nobody's hand but their own: in a large audience this is most of the work.
        let queue = self.definition.policy.private_queue;
        let unseen = before.shared.as_ref().filter(|_| queue).map(|old| shared.unseen_since(old));
        let alike = |news: &News| -> Arc<[Change]> { news.changes(None).into() };
        let (to_all, to_others) = (alike(&news), unseen.as_ref().map(alike));
        let desk_changed = desk != before.desk;
        let mut yous = BTreeMap::new();
        for (connection, subject) in hearing {
            let Some(seat) = self.seats.get(&subject) else { continue };
            let you = self.you(subject, seat, &hands);
            let sees_all = seat.role.is_facilitator() || !queue;
            let desk = desk.as_ref().filter(|_| seat.role.is_facilitator());
            let words = match before.you.get(&connection) {
                None => {
                    let view = shared.view(self.now, you.clone(), desk.cloned(), sees_all);
                    Some(Words::Snapshot(Box::new(view)))
                }
                Some(old) => {
                    let hidden = unseen.as_ref().zip(to_others.as_ref()).filter(|_| !sees_all);
                    let own = hidden.zip(before.shared.as_ref());
                    let own = own.and_then(|(_, old)| shared.own_news(old, subject));
                    let mut changes = match (hidden, own) {
                        (None, _) => Changes::alike(to_all.clone()),
                        (Some((_, to_others)), None) => Changes::alike(to_others.clone()),
                        (Some((unseen, _)), Some(own)) => Changes::own(unseen.changes(Some(own))),
                    };
                    if *old != you {
                        changes.own.push(Change::You(Box::new(you.clone())));
                    }
                    if let Some(desk) = desk.filter(|_| desk_changed) {
                        changes.own.push(Change::Desk(Box::new(desk.clone())));
                    }
                    (!changes.is_empty()).then_some(Words::Delta(changes))
                }
            };
            out.tell.extend(words.map(|words| Tell { to: connection, words }));
            yous.insert(connection, you);
        }
        self.told = Told { table: before.table, shared: Some(shared), desk, you: yous };
    }

    /// Connected, and not barred for want of agreement to the rules.
    pub(crate) fn hearing(&self) -> impl Iterator<Item = (ConnectionId, Subject)> {
        let unbarred = self.seats.iter().filter(|(_, seat)| !self.is_barred(seat));
        unbarred.filter_map(|(subject, seat)| Some((seat.connection()?, *subject)))
    }

    /// What changes makes sense to it.
    pub(crate) fn has_view(&self, connection: ConnectionId) -> bool {
        self.told.you.contains_key(&connection)
    }

    /// This connection lost count: the next words to it are a snapshot.
    pub(crate) fn forget_told(&mut self, connection: ConnectionId) {
        self.told.you.remove(&connection);
    }

    fn shared(&self, hands: &Places) -> Shared {
        let present = self.seats.iter().filter(|(subject, _)| self.is_there(**subject));
        Shared {
            participants: present.map(|(subject, seat)| self.participant(*subject, seat, hands)).collect(),
            room: self.room_state(),
            floor: self.floor_view(),
        }
    }

    fn participant(&self, subject: Subject, seat: &Seat, hands: &Places) -> Participant {
        let device = self.device_of(subject);
        let gates = self.device_seat(subject).unwrap_or(seat).gates;
        let open = |source: Source| gates[source.index()].reasons().is_empty();
        Participant {
            id: participant(subject),
            alias: seat.alias.shown(subject),
            role: seat.role,
            lead: self.lead == Some(subject),
            open: OpenSources {
                microphone: open(Source::Microphone),
                camera: open(Source::Camera),
                screen: open(Source::Screen),
            },
            hand: hands.get(&subject).cloned(),
            title: title(seat),
            helper: self.helpers.contains(&subject),
            aside: (seat.space != ROOM).then_some(AsideId(u32::from(seat.space.0))),
            device: (device != subject).then(|| participant(device)),
            goal: self.shared_goal(subject),
            takes_feedback: self.takes_feedback_now(subject),
        }
    }

    /// Whoever dropped and whoever left look the same: not there.
    fn is_there(&self, subject: Subject) -> bool {
        self.device_seat(subject).is_some_and(Seat::is_present)
    }

    fn room_state(&self) -> RoomState {
        let in_charge = self.is_in_charge() && self.is_staffed();
        RoomState {
            title: self.definition.title.clone(),
            locked: self.lock.is_some(),
            frozen: self.freeze.as_ref().map(|freeze| Frozen {
                since: Millis(freeze.since),
                by: participant(freeze.by),
                thawed: freeze.thawed.clone(),
            }),
            hold: self.hold.as_ref().map(|hold| Hold {
                since: Millis(hold.since),
                ends_at: Millis(hold.ends_at),
                may_resume: in_charge,
            }),
            ends_at: self.ends_at.map(Millis),
            epoch: self.epoch.0,
            crisis_line: self.definition.crisis_line.clone(),
            break_until: self.rests.until.map(Millis),
            format: self.format_title(),
            segment: self.segment_view(),
            chat: self.chat_policy(),
            reactions: self.reaction_policy(),
            hands: self.hand_order(),
            asides: self.asides.view(),
            prompt: self.prompt(),
            timer: self.timer(),
            scale: self.scale(),
            care_moment: self.cards.care,
        }
    }

    fn floor_view(&self) -> hearth_protocol::Floor {
        let granted = self.floor.grants.iter().filter(|grant| self.is_there(grant.subject));
        let granted = granted.map(|grant| Speaker {
            participant: participant(grant.subject),
            since: Millis(grant.since),
            until: None,
            stops: false,
        });
        let round = self.floor.round.as_ref();
        let turn = round.and_then(|round| {
            let turn = round.turn.filter(|turn| self.is_there(turn.subject))?;
            Some(Speaker {
                participant: participant(turn.subject),
                since: Millis(turn.since),
                until: turn.until.filter(|_| round.paused.is_none() && !self.cards.care).map(Millis),
                stops: turn.stops,
            })
        });
        hearth_protocol::Floor {
            mode: self.floor.mode,
            speakers: granted.chain(turn).collect(),
            round: round.map(|round| hearth_protocol::Round {
                next: (round.queue.iter())
                    .filter(|subject| self.is_there(**subject))
                    .map(|subject| participant(*subject))
                    .collect(),
                paused: round.paused.is_some(),
            }),
        }
    }

    fn you(&self, subject: Subject, seat: &Seat, hands: &Places) -> You {
        You {
            participant: participant(subject),
            media_generation: seat.generation.0,
            publish: Source::ALL.into_iter().filter(|source| seat.may_publish(*source)).map(spoken).collect(),
            gates: gate_reasons(seat),
            hand: hands.get(&subject).cloned(),
            lead_offered: self.is_lead_offered(subject),
            open_on_turn: seat.open_on_turn,
            asked_until: seat.asked_until.map(Millis),
            level: self.levels.chosen(subject),
            ceiling: self.ceiling(subject, seat),
            signal: self.own_signal(subject),
            not_alone: self.is_not_alone(subject),
            spared: self.spared_chat(seat),
            goal: self.goal(subject).cloned(),
            takes_feedback: self.takes_feedback(subject),
            scale_answer: self.scale_answer(subject),
        }
    }

    fn desk(&self) -> Desk {
        let present = self.seats.iter().filter(|(subject, _)| self.is_there(**subject));
        Desk {
            knocks: self.waiting().map(|(id, _, knock)| self.view_of_knock(id, knock)).collect(),
            knocks_version: self.knocks_version,
            gates: present
                .map(|(subject, seat)| ParticipantGates {
                    participant: participant(*subject),
                    gates: gate_reasons(self.device_seat(*subject).unwrap_or(seat)),
                    level: self.levels.chosen(*subject),
                    ceiling: self.ceiling(*subject, seat),
                })
                .collect(),
            away: self.seats.iter().filter_map(|(subject, seat)| self.away(*subject, seat)).collect(),
            removed: (self.seats.iter())
                .filter(|(_, seat)| seat.is_removed() && !self.revoked.contains(&seat.sub))
                .map(|(subject, seat)| Removed {
                    participant: participant(*subject),
                    alias: seat.alias.shown(*subject),
                })
                .collect(),
            denied: (self.denials.iter())
                .map(|(id, denial)| Denied { knock: *id, alias: denial.alias.clone() })
                .collect(),
            seats: self.seats_counted(),
            capacity: self.capacity(),
            signals: self.signals_at_the_desk(),
            kept_apart: self.asides.kept_apart(),
            heard: self.balance(),
            not_heard: self.not_heard(),
            scale: self.scale_at_the_desk(),
            ratings: self.ratings(),
            agenda: self.agenda_ahead(),
            formats: self.format_names(),
            incident: self.open_incident(),
        }
    }

    /// Who held a seat and is not connected; where they are now is seen elsewhere for those sent back and those removed.
    fn away(&self, subject: Subject, seat: &Seat) -> Option<Away> {
        let place = self.device_seat(subject).filter(|_| seat.is_held()).unwrap_or(seat).place;
        let (how, since) = match place {
            Place::Held { since, .. } => (hearth_protocol::AwayHow::Dropped, since),
            Place::Gone { how, since } => (how, since),
            Place::Connected { .. } | Place::Beside { .. } | Place::Aside { .. } | Place::Removed { .. } => {
                return None;
            }
        };
        Some(Away {
            participant: participant(subject),
            alias: seat.alias.shown(subject),
            how,
            since: Millis(since),
        })
    }
}

impl Shared {
    fn news_since(&self, old: &Shared) -> News {
        if self == old {
            return News::default();
        }
        // Both are sorted by id.
        let gone = old.participants.iter().filter(|one| self.row(one.id).is_none());
        let rows = self.participants.iter().filter(|one| old.row(one.id) != Some(one));
        News {
            gone: gone.map(|one| one.id).collect(),
            rows: rows.cloned().collect(),
            room: (self.room != old.room).then(|| Box::new(self.room.clone())),
            floor: (self.floor != old.floor).then(|| self.floor.clone()),
        }
    }

    /// For who sees nobody's hand.
    fn unseen_since(&self, old: &Shared) -> News {
        self.without_hands().news_since(&old.without_hands())
    }

    /// One's own row, with one's own hand, if it is not as it was.
    fn own_news(&self, old: &Shared, subject: Subject) -> Option<&Participant> {
        let id = participant(subject);
        self.row(id).filter(|own| old.row(id) != Some(own))
    }

    fn row(&self, id: ParticipantId) -> Option<&Participant> {
        let at = self.participants.binary_search_by_key(&id, |one| one.id).ok()?;
        self.participants.get(at)
    }

    fn without_hands(&self) -> Shared {
        let mut seen = self.clone();
        seen.participants.iter_mut().for_each(|one| one.hand = None);
        seen
    }

    /// With a private queue nobody sees a hand but their own.
    fn as_seen_by(&self, subject: Subject) -> Shared {
        let mut seen = self.clone();
        for one in seen.participants.iter_mut().filter(|one| one.id != participant(subject)) {
            one.hand = None;
        }
        seen
    }

    fn view(&self, now: u32, you: You, desk: Option<Desk>, sees_all: bool) -> RoomView {
        let seen = if sees_all { self.clone() } else { self.as_seen_by(Subject(you.participant.0)) };
        RoomView {
            now: Millis(now),
            you,
            participants: seen.participants,
            room: seen.room,
            floor: seen.floor,
            desk,
        }
    }
}

/// Whoever listens is announced as such, in words. A credential is for those who work here.
fn title(seat: &Seat) -> Option<String> {
    let given = seat.title.as_deref().and_then(alias::title);
    match seat.role {
        Role::Observer => Some(given.unwrap_or_else(|| "listening".to_owned())),
        Role::Facilitator | Role::Cofacilitator | Role::Interpreter => given,
        Role::PeerLead | Role::Member => None,
    }
}

fn gate_reasons(seat: &Seat) -> GateReasons {
    let reasons = |source: Source| seat.gates[source.index()].reasons();
    GateReasons {
        microphone: named(reasons(Source::Microphone)),
        camera: named(reasons(Source::Camera)),
        screen: named(reasons(Source::Screen)),
    }
}

fn named(reasons: Reasons) -> Vec<Reason> {
    let name = |reason| match reason {
        hearth_forwarding::Reason::Self_ => Reason::Self_,
        hearth_forwarding::Reason::Facilitator => Reason::Facilitator,
        hearth_forwarding::Reason::Floor => Reason::Floor,
        hearth_forwarding::Reason::Freeze => Reason::Freeze,
        hearth_forwarding::Reason::Unattended => Reason::Unattended,
        hearth_forwarding::Reason::Consent => Reason::Consent,
        hearth_forwarding::Reason::Ticket => Reason::Ticket,
        hearth_forwarding::Reason::Level => Reason::Level,
        hearth_forwarding::Reason::Ceiling => Reason::Ceiling,
        hearth_forwarding::Reason::Format => Reason::Format,
        hearth_forwarding::Reason::Away => Reason::Away,
    };
    reasons.iter().map(name).collect()
}
