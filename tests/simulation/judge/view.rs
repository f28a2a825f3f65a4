//! What each one sees is what the rules let them see.

use std::collections::BTreeSet;

use hearth_forwarding::{Reason as Closed, Source};
use hearth_protocol as wire;
use hearth_room::{ConnectionId, Room, Words};

use super::{Broken, Judge, Step, law, request::inside};
use crate::model::{Aside, Door, Model, SOURCES, Seat, is_to};

impl Judge {
    /// Every connected seat's view, put together from what it was sent, against the model.
    pub(super) fn check_views(&mut self, step: &Step<'_>) -> Result<(), Broken> {
        self.learn()?;
        let mut seen: Vec<&Seat> = self.model.roster().collect();
        seen.sort_by_key(|seat| seat.number);
        let roster: Vec<_> = seen.iter().map(|seat| self.model.participant_view(seat)).collect();
        let room = self.model.room_view(self.table.epoch.0);
        let floor = self.model.floor_view();
        for seat in &self.model.seats {
            let Some(connection) = seat.connection.filter(|_| !self.model.is_barred(seat)) else { continue };
            let view = self.clients.get(&connection).and_then(|client| client.view.as_ref());
            let view =
                view.ok_or(Broken { law: "deltas", what: format!("{} sees nothing", seat.claims.subject) })?;
            let who = &seat.claims.subject;
            let said = &view.participants;
            let same = said.len() == roster.len()
                && said.iter().zip(&roster).all(|(said, meant)| self.model.shows(seat, said, meant));
            law!(same, "views", "{who} sees {said:#?}\nbut there are {roster:#?}")?;
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
                self.check_desk(desk, &seen)?;
            }
        }
        Ok(())
    }

    /// Numbers and names that the room chose: aliases, knocks. Chosen once, and each for one alone.
    fn learn(&mut self) -> Result<(), Broken> {
        let Model { seats, doors, aliases, definition, .. } = &mut self.model;
        let rules = &definition.ground_rules;
        let connections = seats.iter().filter_map(|seat| seat.connection);
        let views = connections.filter_map(|connection| self.clients.get(&connection)?.view.as_ref());
        for wire::Participant { id, alias, .. } in views.clone().flat_map(|view| &view.participants) {
            match aliases.get(&id.0) {
                Some(known) if known == alias => continue,
                Some(known) => {
                    let forgotten = self.restarted && known.starts_with("Guest");
                    law!(forgotten, "alias", "{known:?} is called {alias:?} now")?;
                }
                None => {
                    let twice = aliases.values().any(|known| known.to_lowercase() == alias.to_lowercase());
                    law!(!twice && !alias.trim().is_empty(), "alias", "{alias:?} given once more")?;
                }
            }
            aliases.insert(id.0, alias.clone());
        }
        let Some(desk) = views.clone().find_map(|view| view.desk.as_ref()) else { return Ok(()) };
        let agreed = |door: &Door| door.agreed.as_ref().is_some_and(|agreement| is_to(agreement, rules));
        let here = |device: u32| seats.iter().any(|seat| seat.number == device && seat.connection.is_some());
        let reached = |door: &Door| door.connection.is_some() || door.beside.is_some_and(here);
        let waiting = doors.iter_mut().filter(|door| reached(door) && agreed(door));
        for (door, knock) in waiting.zip(&desk.knocks) {
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
        law!(self.model.are_gates(seat, &you.gates), "views", "{who} sees {:?}", you.gates)?;
        law!(you.hand == self.model.hand_view(seat.number), "views", "{who}'s own hand: {:?}", you.hand)?;
        let offered = self.model.offered.contains(who);
        law!(you.lead_offered == offered, "views", "{who} is offered the lead: {}", you.lead_offered)?;
        let publish = SOURCES.into_iter().filter(|source| seat.may_send(*source)).collect::<Vec<_>>();
        let said = you.publish.iter().map(|source| inside(*source)).collect::<Vec<_>>();
        law!(said == publish, "views", "{who} may publish {publish:?}, and is told {said:?}")?;
        let rungs = (self.model.level(seat.number), self.model.ceiling(seat));
        law!((you.level, you.ceiling) == rungs, "views", "{who} is on {rungs:?}, and told {you:?}")?;
        let asked = self.model.asked.get(&seat.number).map(|until| wire::Millis(*until));
        law!(
            you.asked_until == asked,
            "views",
            "{who} is asked until {asked:?}, and told {:?}",
            you.asked_until
        )?;
        let signal = self.model.own_signal(seat);
        law!(you.signal == signal, "signals", "{who} sees their signal as {:?}: {signal:?}", you.signal)?;
        let not_alone = self.model.raised(who, wire::SignalKind::NotAlone).is_some();
        law!(you.not_alone == not_alone, "signals", "{who} is not alone: {}", you.not_alone)?;
        let spared = self.model.spared_chat(seat);
        law!(you.spared == spared, "views", "{who} is spared {spared:?}, and told {:?}", you.spared)?;
        let goal = self.model.goal(seat.number);
        law!(you.goal.as_ref() == goal, "own", "{who}'s goal is {goal:?}, not {:?}", you.goal)?;
        let takes = self.model.takes_feedback(seat.number);
        law!(you.takes_feedback == takes, "own", "{who} takes feedback: {}", you.takes_feedback)?;
        let scale = self.model.words.scale.as_ref();
        let answer = scale.and_then(|scale| scale.answers.get(&seat.number)).map(|(value, _)| *value);
        law!(you.scale_answer == answer, "own", "{who} answered {answer:?}, not {:?}", you.scale_answer)?;
        law!(you.open_on_turn == seat.on_turn, "views", "{who} opens on turn: {}", you.open_on_turn)
    }

    fn check_desk(&self, desk: &wire::Desk, roster: &[&Seat]) -> Result<(), Broken> {
        let model = &self.model;
        let waiting: Vec<_> = model.doors.iter().filter(|door| model.is_listed(door)).collect();
        law!(desk.knocks.len() == waiting.len(), "views", "{:#?}\nbut there wait {waiting:#?}", desk.knocks)?;
        for (door, knock) in waiting.into_iter().zip(&desk.knocks) {
            let subject = &door.claims.subject;
            let held = model.seat(subject).is_some();
            law!(
                knock.role == door.claims.role
                    && knock.new_device == held
                    && knock.device == door.beside.map(wire::ParticipantId),
                "views",
                "{knock:?} for {door:?}"
            )?;
            let outside = !model.inside_the_lock(subject);
            law!(knock.needs_through_lock == outside, "views", "{knock:?}, outside the lock: {outside}")?;
        }
        let away: Vec<_> =
            desk.away.iter().map(|away| (away.participant.0, away.how, away.since.0)).collect();
        law!(away == model.away(), "views", "away: {away:?}, but {:?}", model.away())?;
        let denied: Vec<u32> = desk.denied.iter().map(|denied| denied.knock.0).collect();
        law!(denied.iter().eq(model.denials.keys()), "views", "denied: {denied:?}, but {:?}", model.denials)?;
        let apart = desk.kept_apart.iter().map(|pair| (pair.one.0, pair.other.0));
        law!(apart.eq(model.spaces.apart.iter().copied()), "views", "kept apart: {:?}", desk.kept_apart)?;
        let said: BTreeSet<u32> = desk.removed.iter().map(|removed| removed.participant.0).collect();
        let meant: BTreeSet<u32> = model
            .removed
            .difference(&model.revoked)
            .filter_map(|subject| model.numbers.get(subject).copied())
            .collect();
        law!(said == meant, "views", "removed: {said:?}, but {meant:?}")?;
        law!(
            desk.seats as usize == model.counted(),
            "views",
            "{} seats, but {}",
            desk.seats,
            model.counted()
        )?;
        law!(desk.capacity == model.rules().capacity, "views", "capacity {}", desk.capacity)?;
        self.check_desk_signals(&desk.signals)?;
        self.check_desk_words(desk)?;
        let said = &desk.gates;
        let same = said.len() == roster.len()
            && said.iter().zip(roster).all(|(said, seat)| {
                let wire::ParticipantGates { participant, gates, level, ceiling } = said;
                participant.0 == seat.number
                    && model.are_gates(model.device_of(seat), gates)
                    && (*level, *ceiling) == (model.level(seat.number), model.ceiling(seat))
            });
        law!(same, "views", "gates {said:#?}\nbut {:#?}", model.seats)
    }

    fn check_desk_words(&self, desk: &wire::Desk) -> Result<(), Broken> {
        let model = &self.model;
        let (heard, not_heard) = (model.heard_view(), model.not_heard_view());
        law!(desk.heard == heard, "heard", "{:?} were heard, but {heard:?}", desk.heard)?;
        law!(desk.not_heard == not_heard, "heard", "{:?} were not heard, but {not_heard:?}", desk.not_heard)?;
        let scale = model.words.scale.as_ref().map(|scale| wire::ScaleAnswers {
            answered: u32::try_from(scale.answers.len()).expect("a handful"),
            named: scale
                .answers
                .iter()
                .filter(|(_, (_, named))| *named)
                .map(|(of, (value, _))| wire::NamedAnswer {
                    participant: wire::ParticipantId(*of),
                    value: *value,
                })
                .collect(),
        });
        law!(desk.scale == scale, "own", "answered {:?}, but {scale:?}", desk.scale)?;
        law!(desk.ratings == model.ratings(), "own", "rated {:?}, but {:?}", desk.ratings, model.ratings())?;
        law!(desk.agenda == model.agenda_view(), "agenda", "ahead {:?}", desk.agenda)?;
        // The list is long, and the same for as long as the definition is.
        let looks = model.now.is_multiple_of(8);
        law!(!looks || desk.formats == model.format_names(), "agenda", "formats {:?}", desk.formats)?;
        law!(
            desk.incident == model.incident,
            "views",
            "incident {:?}, not {:?}",
            desk.incident,
            model.incident
        )
    }

    /// A snapshot made now is what came of snapshot and deltas; asking for it changes nothing.
    pub fn check_fresh(&self, room: &Room, connection: ConnectionId) -> Result<(), Broken> {
        let mut room = room.clone();
        let effects = room.apply(self.model.now, hearth_room::Command::Refresh { connection });
        // And again what was taken away.
        let [tell, again @ ..] = effects.tell.as_slice() else {
            return Err(Broken { law: "deltas", what: format!("a refresh tells {:?}", effects.tell) });
        };
        let gone = |tell: &hearth_room::Tell| matches!(&tell.words, Words::Delta(changes) if changes.iter().all(|change| matches!(change, wire::Change::Unsaid { .. })));
        law!(
            again.iter().all(|one| one.to == connection && gone(one)),
            "deltas",
            "a refresh tells {again:?}"
        )?;
        let Words::Snapshot(fresh) = &tell.words else {
            return Err(Broken { law: "deltas", what: format!("a refresh tells {tell:?}") });
        };
        law!(tell.to == connection, "routing", "a refresh for {connection:?} went to {:?}", tell.to)?;
        law!(fresh.now.0 == self.model.now, "deltas", "a snapshot of {:?}", fresh.now)?;
        let agrees = self.clients.get(&connection).map(|client| client.agrees((**fresh).clone()));
        agrees
            .unwrap_or(Ok(()))
            .map_err(|what| Broken { law: "deltas", what: format!("{connection:?}: {what}") })
    }
}

impl Model {
    /// Whoever held a seat and is not connected, by number. Those who were sent back to wait and those removed are shown elsewhere.
    fn away(&self) -> Vec<(u32, wire::AwayHow, u32)> {
        let how = |dropped: bool| if dropped { wire::AwayHow::Dropped } else { wire::AwayHow::Left };
        let dropped =
            self.seats.iter().filter_map(|seat| Some((seat.number, how(true), self.absent_since(seat)?)));
        let gone = self.gone.iter().filter(|(subject, _)| {
            self.seat(subject).is_none()
                && !self.removed.contains(*subject)
                && !self.aside.contains_key(*subject)
        });
        let gone = gone.filter_map(|(subject, (dropped, since))| {
            Some((*self.numbers.get(subject)?, how(*dropped), *since))
        });
        let mut away: Vec<_> = dropped.chain(gone).collect();
        away.sort_by_key(|away| away.0);
        away
    }

    fn participant_view(&self, seat: &Seat) -> wire::Participant {
        let device = self.device_of(seat);
        let open = |source| self.reasons(device, source).is_empty();
        wire::Participant {
            id: wire::ParticipantId(seat.number),
            alias: self.aliases.get(&seat.number).cloned().unwrap_or_default(),
            role: seat.claims.role,
            lead: self.leads(seat),
            open: wire::OpenSources {
                microphone: open(Source::Microphone),
                camera: open(Source::Camera),
                screen: open(Source::Screen),
            },
            hand: self.hand_view(seat.number),
            title: title(seat),
            helper: self.helpers.contains(&seat.number),
            aside: (seat.space != 0).then_some(wire::AsideId(seat.space)),
            device: seat.beside.map(wire::ParticipantId),
            goal: self.shared_goal(seat.number),
            takes_feedback: self.takes_feedback_now(seat.number),
        }
    }

    /// Whether this is what `to` is to see of somebody: with a private queue nobody's hand but their own.
    fn shows(&self, to: &Seat, said: &wire::Participant, meant: &wire::Participant) -> bool {
        let sees_hand = !self.policy().private_queue || to.is_facilitator() || meant.id.0 == to.number;
        if sees_hand { said == meant } else { *said == wire::Participant { hand: None, ..meant.clone() } }
    }

    /// Whether these are the reasons why this seat is closed, each named once and in their order.
    fn are_gates(&self, seat: &Seat, said: &wire::GateReasons) -> bool {
        let wire::GateReasons { microphone, camera, screen } = said;
        SOURCES
            .into_iter()
            .zip([microphone, camera, screen])
            .all(|(source, said)| self.reasons(seat, source).iter().map(told).eq(said.iter().copied()))
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
                may_resume: self.in_charge().next().is_some() && self.is_staffed(),
            }),
            ends_at: self.ends_at.map(wire::Millis),
            epoch,
            crisis_line: self.definition.crisis_line.clone(),
            break_until: self.rest_until.map(wire::Millis),
            format: self.agenda.format.title.clone(),
            segment: self.segment_view(),
            chat: self.chat(),
            reactions: self.reactions(),
            hands: self.agenda.hands,
            asides: self.spaces.open.iter().map(aside_view).collect(),
            prompt: self.words.prompt.clone(),
            timer: self.timer_view(),
            scale: self.words.scale.as_ref().map(|scale| wire::Scale { question: scale.question.clone() }),
            care_moment: self.words.care,
        }
    }

    fn segment_view(&self) -> Option<wire::Segment> {
        let segment = self.segment()?;
        Some(wire::Segment {
            index: u32::try_from(self.agenda.at).ok()?,
            kind: segment.kind,
            title: segment.title.clone(),
            prompt: segment.prompt.clone(),
            until: self.agenda.until().filter(|_| !self.words.care).map(wire::Millis),
        })
    }

    fn floor_view(&self) -> wire::Floor {
        let seen = |number: u32| self.roster().any(|seat| seat.number == number);
        let speaker = |speaker: &crate::model::Speaker| wire::Speaker {
            participant: wire::ParticipantId(speaker.number),
            since: wire::Millis(speaker.since),
            until: speaker.until.filter(|_| !self.words.care).map(wire::Millis),
            stops: speaker.stops,
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

fn aside_view(aside: &Aside) -> wire::Aside {
    wire::Aside { id: wire::AsideId(aside.number), ends_at: aside.ends_at.map(wire::Millis) }
}

/// Whoever listens is announced in words. A credential is for those who work here.
fn title(seat: &Seat) -> Option<String> {
    let words: Vec<&str> = seat.claims.title.iter().flat_map(|title| title.split_whitespace()).collect();
    let given = (!words.is_empty()).then(|| words.join(" "));
    match seat.claims.role {
        wire::Role::Observer => given.or_else(|| Some("listening".to_owned())),
        wire::Role::Facilitator | wire::Role::Cofacilitator | wire::Role::Interpreter => given,
        wire::Role::PeerLead | wire::Role::Member => None,
    }
}

/// Since when a turn has lasted is left open where a round was suspended: the time between counts for nobody.
fn same_floor(said: &wire::Floor, meant: &wire::Floor) -> bool {
    let suspends = meant.round.is_some();
    let same = |said: &wire::Speaker, meant: &wire::Speaker| {
        let since = if suspends { said.since } else { meant.since };
        (said.participant, said.since, said.until, said.stops)
            == (meant.participant, since, meant.until, meant.stops)
    };
    let speakers = said.speakers.len() == meant.speakers.len()
        && said.speakers.iter().zip(&meant.speakers).all(|(said, meant)| same(said, meant));
    said.mode == meant.mode && said.round == meant.round && speakers
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
