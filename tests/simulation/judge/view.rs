//! What each one sees is what the rules let them see.

use std::collections::BTreeSet;

use hearth_forwarding::{Reason as Closed, Reasons, Source};
use hearth_protocol as wire;
use hearth_room::{ConnectionId, Room, Words};

use super::{Broken, Judge, Step, law};
use crate::model::{Model, SOURCES, Seat};

impl Judge {
    /// Every connected seat's view, put together from what it was sent, against the model.
    pub(super) fn check_views(&mut self, step: &Step<'_>) -> Result<(), Broken> {
        self.learn()?;
        let roster = self.model.roster_view(&self.model.aliases);
        let room = self.model.room_view(self.table.epoch.0);
        let floor = self.model.floor_view();
        for seat in &self.model.seats {
            let Some(connection) = seat.connection else { continue };
            let view = self.clients.get(&connection).and_then(|client| client.view.as_ref());
            let view =
                view.ok_or(Broken { law: "deltas", what: format!("{} sees nothing", seat.claims.subject) })?;
            let who = &seat.claims.subject;
            let mut meant = roster.clone();
            self.model.hide_hands(&mut meant, seat);
            let mut said = view.participants.clone();
            said.sort_by_key(|participant| participant.id);
            law!(said == meant, "views", "{who} sees {said:#?}\nbut there are {meant:#?}")?;
            law!(view.room == room, "views", "{who} sees {:#?}\nbut it is {room:#?}", view.room)?;
            law!(
                same_floor(&view.floor, &floor),
                "views",
                "{who} sees {:#?}\nbut it is {floor:#?}",
                view.floor
            )?;
            self.check_you(seat, &view.you, connection, step.room)?;
            law!(view.desk.is_some() == seat.is_facilitator(), "views", "the desk of {who}")?;
            if let Some(desk) = &view.desk {
                self.check_desk(desk)?;
            }
        }
        Ok(())
    }

    /// Numbers and names that the room chose: aliases, knocks. Chosen once, and each for one alone.
    fn learn(&mut self) -> Result<(), Broken> {
        let mut shown = Vec::new();
        let mut knocks = None;
        for seat in &self.model.seats {
            let Some(view) =
                seat.connection.and_then(|connection| self.clients.get(&connection)?.view.as_ref())
            else {
                continue;
            };
            shown.extend(
                view.participants.iter().map(|participant| (participant.id.0, participant.alias.clone())),
            );
            knocks = knocks.or(view.desk.as_ref().map(|desk| desk.knocks.clone()));
        }
        for (number, alias) in shown {
            if let Some(known) = self.model.aliases.get(&number) {
                let forgotten = self.restarted && known.starts_with("Guest");
                law!(*known == alias || forgotten, "alias", "{known:?} is called {alias:?} now")?;
                self.model.aliases.insert(number, alias);
                continue;
            }
            let twice = self.model.aliases.values().any(|known| known.to_lowercase() == alias.to_lowercase());
            law!(!twice && !alias.trim().is_empty(), "alias", "{alias:?} given once more")?;
            self.model.aliases.insert(number, alias);
        }
        let Some(knocks) = knocks else { return Ok(()) };
        let waiting = self.model.doors.iter_mut().filter(|door| door.is_listed());
        for (door, knock) in waiting.zip(&knocks) {
            law!(door.id.is_none_or(|id| id == knock.id.0), "numbers", "{door:?} became {knock:?}")?;
            door.id = Some(knock.id.0);
        }
        Ok(())
    }

    fn check_you(
        &self,
        seat: &Seat,
        you: &wire::You,
        connection: ConnectionId,
        room: &Room,
    ) -> Result<(), Broken> {
        let who = &seat.claims.subject;
        law!(you.participant.0 == seat.number, "views", "{who} is told to be {:?}", you.participant)?;
        let peer = room.media_peer(connection).map(|(subject, generation)| (subject.0, generation.0));
        law!(peer == Some((seat.number, you.media_generation)), "generations", "{who}: {peer:?}, {you:?}")?;
        let row = self.model.generations.get(&seat.number);
        law!(row == Some(&you.media_generation), "generations", "{who}: row {row:?}, {you:?}")?;
        let gates = gates(|source| self.model.reasons(seat, source));
        law!(you.gates == gates, "views", "{who} sees {:?}, but {gates:?}", you.gates)?;
        law!(you.hand == self.model.hand_view(seat.number), "views", "{who}'s own hand: {:?}", you.hand)?;
        let offered = self.model.offered.contains(who);
        law!(you.lead_offered == offered, "views", "{who} is offered the lead: {}", you.lead_offered)?;
        law!(you.open_on_turn == seat.on_turn, "views", "{who} opens on turn: {}", you.open_on_turn)
    }

    fn check_desk(&self, desk: &wire::Desk) -> Result<(), Broken> {
        let model = &self.model;
        let waiting: Vec<_> = model.doors.iter().filter(|door| door.is_listed()).collect();
        law!(desk.knocks.len() == waiting.len(), "views", "{:#?}\nbut there wait {waiting:#?}", desk.knocks)?;
        for (door, knock) in waiting.into_iter().zip(&desk.knocks) {
            let subject = &door.claims.subject;
            let held = model.seat(subject).is_some();
            law!(
                knock.role == door.claims.role && knock.new_device == held,
                "views",
                "{knock:?} for {door:?}"
            )?;
            let outside = !model.inside_the_lock(subject);
            law!(knock.needs_through_lock == outside, "views", "{knock:?}, outside the lock: {outside}")?;
        }
        let said: BTreeSet<u32> = desk.removed.iter().map(|removed| removed.participant.0).collect();
        let meant: BTreeSet<u32> =
            model.removed.iter().filter_map(|subject| model.numbers.get(subject).copied()).collect();
        law!(said == meant, "views", "removed: {said:?}, but {meant:?}")?;
        law!(
            desk.seats as usize == model.counted(),
            "views",
            "{} seats, but {}",
            desk.seats,
            model.counted()
        )?;
        law!(desk.capacity == model.policy().capacity, "views", "capacity {}", desk.capacity)?;
        let mut said = desk.gates.clone();
        said.sort_by_key(|gates| gates.participant);
        let mut meant: Vec<_> = model
            .roster()
            .map(|seat| wire::ParticipantGates {
                participant: wire::ParticipantId(seat.number),
                gates: gates(|source| model.reasons(seat, source)),
                level: wire::Level::default(),
                ceiling: wire::Level::default(),
            })
            .collect();
        meant.sort_by_key(|gates| gates.participant);
        law!(said == meant, "views", "gates {said:#?}\nbut {meant:#?}")
    }

    /// A snapshot made now is what came of snapshot and deltas; asking for it changes nothing.
    pub fn check_fresh(&self, room: &Room, connection: ConnectionId) -> Result<(), Broken> {
        let mut room = room.clone();
        let effects = room.apply(self.model.now, hearth_room::Command::Refresh { connection });
        let [tell] = effects.tell.as_slice() else {
            return Err(Broken { law: "deltas", what: format!("a refresh tells {:?}", effects.tell) });
        };
        let Words::Snapshot(fresh) = &tell.words else {
            return Err(Broken { law: "deltas", what: format!("a refresh tells {tell:?}") });
        };
        law!(tell.to == connection, "routing", "a refresh for {connection:?} went to {:?}", tell.to)?;
        law!(fresh.now.0 == self.model.now, "deltas", "a snapshot of {:?}", fresh.now)?;
        let agrees = self.clients.get(&connection).map(|client| client.agrees(fresh));
        agrees
            .unwrap_or(Ok(()))
            .map_err(|what| Broken { law: "deltas", what: format!("{connection:?}: {what}") })
    }
}

impl Model {
    fn roster_view(&self, aliases: &std::collections::BTreeMap<u32, String>) -> Vec<wire::Participant> {
        let open = |seat: &Seat, source| self.reasons(seat, source).is_empty();
        let participant = |seat: &Seat| wire::Participant {
            id: wire::ParticipantId(seat.number),
            alias: aliases.get(&seat.number).cloned().unwrap_or_default(),
            role: seat.claims.role,
            lead: self.leads(seat),
            open: wire::OpenSources {
                microphone: open(seat, Source::Microphone),
                camera: open(seat, Source::Camera),
                screen: open(seat, Source::Screen),
            },
            hand: self.hand_view(seat.number),
            title: None,
            helper: false,
            aside: None,
            device: None,
            goal: None,
        };
        let mut roster: Vec<_> = self.roster().map(participant).collect();
        roster.sort_by_key(|participant| participant.id);
        roster
    }

    fn hide_hands(&self, roster: &mut [wire::Participant], from: &Seat) {
        if !self.policy().private_queue || from.is_facilitator() {
            return;
        }
        for participant in roster.iter_mut().filter(|participant| participant.id.0 != from.number) {
            participant.hand = None;
        }
    }

    /// The place counts only those who are seen.
    fn hand_view(&self, number: u32) -> Option<wire::Hand> {
        let seen = |number: u32| self.roster().any(|seat| seat.number == number);
        let mut queue = self.hands.iter().filter(|hand| seen(hand.number));
        let place = queue.position(|hand| hand.number == number)?;
        let hand = self.hands.iter().find(|hand| hand.number == number)?;
        let place = u32::try_from(place).ok()? + 1;
        Some(wire::Hand { kind: hand.kind, place, since: wire::Millis(hand.since) })
    }

    fn room_view(&self, epoch: u32) -> wire::RoomState {
        wire::RoomState {
            title: self.definition.title.clone(),
            locked: self.lock.is_some(),
            frozen: self.freeze.as_ref().map(|freeze| wire::Frozen {
                since: wire::Millis(freeze.since),
                by: wire::ParticipantId(freeze.by),
                thawed: freeze.thawed.clone(),
            }),
            hold: self.hold.as_ref().map(|hold| wire::Hold {
                since: wire::Millis(hold.since),
                ends_at: wire::Millis(hold.ends_at),
                may_resume: self.in_charge().next().is_some(),
            }),
            ends_at: self.ends_at.map(wire::Millis),
            epoch,
            crisis_line: self.definition.crisis_line.clone(),
            break_until: None,
            format: String::new(),
            segment: None,
            chat: wire::ChatPolicy::default(),
            reactions: wire::ReactionPolicy::default(),
            hands: wire::HandOrder::default(),
            asides: Vec::new(),
            prompt: None,
            timer: None,
            scale: None,
            care_moment: false,
        }
    }

    fn floor_view(&self) -> wire::Floor {
        let seen = |number: u32| self.roster().any(|seat| seat.number == number);
        let speaker = |speaker: &crate::model::Speaker| wire::Speaker {
            participant: wire::ParticipantId(speaker.number),
            since: wire::Millis(speaker.since),
            until: speaker.until.map(wire::Millis),
            stops: false,
        };
        wire::Floor {
            mode: self.floor.mode,
            speakers: self
                .floor
                .speakers
                .iter()
                .filter(|speaker| seen(speaker.number))
                .map(speaker)
                .collect(),
            round: self.floor.round.as_ref().map(|round| wire::Round {
                next: round
                    .next
                    .iter()
                    .filter(|number| seen(**number))
                    .map(|number| wire::ParticipantId(*number))
                    .collect(),
                paused: round.paused,
            }),
        }
    }
}

/// Since when a turn has lasted is left open where a round was suspended: the time between counts for nobody.
fn same_floor(said: &wire::Floor, meant: &wire::Floor) -> bool {
    let mut said = said.clone();
    if meant.round.is_some() {
        for (said, meant) in said.speakers.iter_mut().zip(&meant.speakers) {
            said.since = meant.since;
        }
    }
    said == *meant
}

fn gates(reasons: impl Fn(Source) -> Reasons) -> wire::GateReasons {
    let [microphone, camera, screen] = SOURCES.map(|source| reasons(source).iter().map(told).collect());
    wire::GateReasons { microphone, camera, screen }
}

fn told(reason: Closed) -> wire::Reason {
    match reason {
        Closed::Self_ => wire::Reason::Self_,
        Closed::Facilitator => wire::Reason::Facilitator,
        Closed::Floor => wire::Reason::Floor,
        Closed::Freeze => wire::Reason::Freeze,
        Closed::Unattended => wire::Reason::Unattended,
        Closed::Consent => wire::Reason::Consent,
        Closed::Ticket => wire::Reason::Ticket,
        Closed::Level => wire::Reason::Level,
        Closed::Ceiling => wire::Reason::Ceiling,
        Closed::Format => wire::Reason::Format,
        Closed::Away => wire::Reason::Away,
    }
}
