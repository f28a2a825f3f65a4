//! Asides, rungs, helpers and shared devices: what people ask of them.

use hearth_protocol::{AsideId, Level, ParticipantId, Request, RequestId, Role};
use hearth_room::{Command, ConnectionId};

use super::{Script, anybody};
use crate::{chance::Chance, judge::Judge};

impl Script {
    /// Somebody comes with a ticket to a device at which others sit already.
    pub(super) fn share(
        &mut self,
        at: usize,
        now: u32,
        judge: &Judge,
        chance: &mut Chance,
    ) -> Option<Command> {
        let hosts =
            judge.model.seats.iter().filter(|seat| {
                matches!(seat.claims.role, Role::Member | Role::PeerLead) || chance.one_in(10)
            });
        let hosts: Vec<ConnectionId> = hosts.filter_map(|seat| seat.connection).collect();
        let connection = *chance.pick(&hosts)?;
        let members = self
            .people
            .iter()
            .enumerate()
            .filter(|(_, person)| person.role == Role::Member && person.connections.is_empty());
        let members: Vec<usize> = members.map(|(at, _)| at).collect();
        let at = chance.pick(&members).copied().filter(|_| !chance.one_in(8)).unwrap_or(at);
        let claims = match self.people[at].tickets.last().filter(|_| chance.one_in(12)) {
            Some(ticket) if ticket.expires > now => ticket.clone(),
            Some(_) | None => self.people[at].new_ticket(now, chance),
        };
        self.fresh();
        let rules = &judge.model.definition.ground_rules;
        Some(Command::ShareDevice {
            connection,
            request_id: RequestId(format!("r{}", self.counter)),
            claims,
            version: rules.version + u32::from(chance.one_in(12)),
            hash: rules.hash.clone(),
        })
    }
}

pub fn level(chance: &mut Chance) -> Level {
    chance.weighed(&[(1, Level::Listen), (1, Level::Text), (2, Level::Voice), (4, Level::Video)])
}

/// Somebody of whom it makes sense.
fn somebody(judge: &Judge, wanted: &[Role], chance: &mut Chance) -> Option<ParticipantId> {
    let fit = judge.model.seats.iter().filter(|seat| wanted.contains(&seat.claims.role));
    let fit: Vec<u32> = fit.filter(|seat| judge.model.is_here(seat)).map(|seat| seat.number).collect();
    chance.pick(&fit).map(|number| ParticipantId(*number))
}

fn aside(judge: &Judge, chance: &mut Chance) -> Option<AsideId> {
    let open = chance.pick(&judge.model.spaces.open).map(|aside| aside.number);
    match chance.below(12) {
        0 => Some(AsideId(judge.model.spaces.last + 1)),
        1..=3 => None,
        _ => open.map(AsideId),
    }
}

fn seconds(chance: &mut Chance) -> Option<u32> {
    chance.weighed(&[(4, None), (3, Some(20)), (3, Some(200)), (1, Some(u32::MAX)), (1, Some(0))])
}

/// What a facilitator may well want.
pub fn arrange(connection: ConnectionId, judge: &Judge, chance: &mut Chance) -> Request {
    const MOST: [Role; 4] = [Role::Member, Role::Member, Role::PeerLead, Role::Observer];
    let me = judge.model.seat_behind(connection).map_or(0, |seat| seat.number);
    let one = somebody(judge, &MOST, chance).unwrap_or(ParticipantId(me));
    match chance.below(18) {
        0..=3 => {
            let other = somebody(judge, &MOST, chance).unwrap_or(one);
            let apart = kept_apart(judge, chance).filter(|_| chance.one_in(2));
            let [one, other] = apart.unwrap_or([one, other]);
            let mut group = if chance.one_in(2) { vec![one, other] } else { vec![one] };
            group.extend(chance.one_in(2).then_some(ParticipantId(me)));
            let mut groups = vec![group];
            let third = somebody(judge, &MOST, chance).filter(|third| ![one, other].contains(third));
            groups.extend(third.filter(|_| chance.one_in(2)).map(|third| vec![third]));
            Request::OpenAsides { groups, seconds: seconds(chance) }
        }
        4 | 5 => Request::OpenCrisisAside { participant: one },
        6..=8 => {
            let participant = if chance.one_in(3) { ParticipantId(me) } else { one };
            Request::Move { participant, aside: aside(judge, chance) }
        }
        9 => Request::Recall { aside: aside(judge, chance), seconds: chance.below(30) },
        10 => Request::KeepApart { one, other: anybody(judge, chance), apart: chance.one_in(2) },
        11 | 12 => {
            let other = somebody(judge, &MOST, chance).unwrap_or(one);
            Request::KeepApart { one, other, apart: !chance.one_in(4) }
        }
        13 | 14 => {
            let participant = chance.one_in(2).then_some(one);
            Request::SetCeiling { participant, level: level(chance) }
        }
        _ => {
            let participant = somebody(judge, &[Role::Member], chance).unwrap_or(one);
            Request::LendHelper { participant, on: !chance.one_in(5) }
        }
    }
}

/// Two who must not meet: what a room must refuse is asked for on purpose.
fn kept_apart(judge: &Judge, chance: &mut Chance) -> Option<[ParticipantId; 2]> {
    let pairs: Vec<_> = judge.model.spaces.apart.iter().copied().collect();
    let (one, other) = chance.pick(&pairs)?;
    Some([ParticipantId(*one), ParticipantId(*other)])
}

/// Whatever may be asked, of whomever.
pub fn anything(judge: &Judge, chance: &mut Chance) -> Request {
    let (one, other) = (anybody(judge, chance), anybody(judge, chance));
    match chance.below(11) {
        0 | 1 => Request::SetLevel { level: level(chance) },
        2 => Request::SetCeiling { participant: chance.one_in(2).then_some(one), level: level(chance) },
        3 => Request::LendHelper { participant: one, on: chance.one_in(2) },
        4 => {
            let groups = (0..chance.below(3)).map(|_| super::some(judge, chance)).collect();
            Request::OpenAsides { groups, seconds: seconds(chance) }
        }
        5 => Request::OpenCrisisAside { participant: one },
        6 => Request::Move { participant: one, aside: aside(judge, chance) },
        7 => Request::Recall { aside: aside(judge, chance), seconds: chance.below(30) },
        8 => Request::KeepApart { one, other, apart: chance.one_in(2) },
        9 => Request::ShareDevice { ticket: String::new(), version: 1, hash: String::new() },
        _ => {
            let beside: Vec<u32> = judge.model.beside().collect();
            let participant = chance.pick(&beside).map_or(one, |number| ParticipantId(*number));
            Request::UnshareDevice { participant }
        }
    }
}

/// What meetings with words leave out.
pub fn is_of_places(request: &Request) -> bool {
    matches!(
        request,
        Request::OpenAsides { .. }
            | Request::OpenCrisisAside { .. }
            | Request::Move { .. }
            | Request::Recall { .. }
            | Request::KeepApart { .. }
            | Request::LendHelper { .. }
            | Request::SetLevel { .. }
            | Request::SetCeiling { .. }
            | Request::UnshareDevice { .. }
    )
}
