//! Asides: what may be asked of them, what comes of it, and law 1 over several spaces.

use hearth_forwarding::{Generation, Subject};
use hearth_protocol::{ParticipantId, RefusalCode, Role};
use hearth_room::Act;

use super::{Audit, Broken, Judge, law, verdict::Verdict};
use crate::model::{Aside, Model, Places, SOURCES, Seat};

/// The longest aside, and the longest countdown.
const SECONDS_MAX: u32 = 4 * 60 * 60;

impl Judge {
    pub(super) fn verdict_open_asides(
        &self,
        verdict: &mut Verdict,
        seat: &Seat,
        groups: &[Vec<ParticipantId>],
        seconds: Option<u32>,
    ) {
        let model = &self.model;
        let nobody = groups.is_empty() || groups.iter().any(Vec::is_empty);
        verdict.refuse(nobody || seconds == Some(0), RefusalCode::NotPossible);
        let mut moves = Places::new();
        for (group, space) in groups.iter().zip(model.spaces.last + 1..) {
            for one in group {
                self.verdict_movable(verdict, seat, one.0, space);
                let twice =
                    moves.insert(model.device_number(one.0), space).is_some_and(|other| other != space);
                verdict.refuse(twice, RefusalCode::NotPossible);
            }
        }
        verdict.refuse(!model.may_go(&moves), RefusalCode::NotPossible);
    }

    pub(super) fn verdict_open_crisis(&self, verdict: &mut Verdict, seat: &Seat, of: u32) {
        let model = &self.model;
        let space = model.spaces.last + 1;
        self.verdict_movable(verdict, seat, of, space);
        let device = model.device_number(of);
        let role = model.seat_of(device).map(|seat| seat.claims.role);
        verdict.refuse(!matches!(role, Some(Role::Member | Role::PeerLead)), RefusalCode::NotPossible);
        let moves = Places::from([(device, space), (seat.number, space)]);
        verdict.refuse(!model.may_go(&moves), RefusalCode::NotPossible);
    }

    pub(super) fn verdict_move(&self, verdict: &mut Verdict, seat: &Seat, of: u32, to: u32) {
        let model = &self.model;
        let aside = model.spaces.find(to);
        verdict.refuse(to != 0 && aside.is_none(), RefusalCode::NotFound);
        self.verdict_movable(verdict, seat, of, to);
        let device = model.device_number(of);
        let moved = model.seat_of(device);
        let joins = moved.is_some_and(|moved| !moved.is_facilitator() && moved.space != to);
        let crisis = aside.is_some_and(|aside| aside.crisis.is_some());
        verdict.refuse(crisis && joins, RefusalCode::NotPossible);
        verdict.refuse(!model.may_go(&Places::from([(device, to)])), RefusalCode::NotPossible);
    }

    pub(super) fn verdict_recall(&self, verdict: &mut Verdict, aside: Option<u32>) {
        let open = &self.model.spaces.open;
        match aside {
            Some(aside) => verdict.refuse(self.model.spaces.find(aside).is_none(), RefusalCode::NotFound),
            None => verdict.refuse(open.iter().all(|aside| aside.crisis.is_some()), RefusalCode::NotPossible),
        };
    }

    pub(super) fn verdict_keep_apart(&self, verdict: &mut Verdict, one: u32, other: u32) {
        let known = |number: u32| self.model.subject_of(number).is_some();
        verdict.refuse(!known(one) || !known(other), RefusalCode::NotFound);
        verdict.refuse(one == other, RefusalCode::NotPossible);
    }

    /// Into an aside only who is connected; another facilitator by the lead alone.
    fn verdict_movable(&self, verdict: &mut Verdict, by: &Seat, of: u32, to: u32) {
        let Some(seat) = self.model.seat_of(self.model.device_number(of)) else {
            verdict.refuse(true, RefusalCode::NotFound);
            return;
        };
        verdict.refuse(to != 0 && seat.connection.is_none(), RefusalCode::NotFound);
        let others = seat.is_facilitator() && seat.number != by.number;
        verdict.refuse(others && !self.model.leads(by), RefusalCode::NotAllowed);
    }

    pub(super) fn asides_opened(
        &mut self,
        actor: Option<String>,
        groups: &[Vec<ParticipantId>],
        seconds: Option<u32>,
        audit: &mut Audit,
    ) {
        let ends_at = seconds.map(|seconds| self.model.in_seconds(seconds));
        let first = self.model.spaces.last + 1;
        let (mut moves, mut asides) = (Places::new(), Vec::new());
        for (group, number) in groups.iter().zip(first..) {
            moves.extend(group.iter().map(|one| (one.0, number)));
            asides.push(Aside { number, ends_at, crisis: None });
        }
        self.put(actor, &moves, asides, audit);
    }

    pub(super) fn crisis_aside_opened(&mut self, actor: Option<String>, by: u32, of: u32, audit: &mut Audit) {
        let number = self.model.spaces.last + 1;
        let moves = Places::from([(of, number), (by, number)]);
        self.put(actor, &moves, vec![Aside { number, ends_at: None, crisis: Some(by) }], audit);
    }

    /// Everyone named goes, with the device they sit at.
    pub(super) fn put(
        &mut self,
        actor: Option<String>,
        moves: &Places,
        asides: Vec<Aside>,
        audit: &mut Audit,
    ) {
        let devices: Places =
            moves.iter().map(|(one, space)| (self.model.device_number(*one), *space)).collect();
        for (number, space) in &devices {
            let Some(seat) = self.model.seat_of(*number).filter(|seat| seat.space != *space) else {
                continue;
            };
            let aside = (*space != 0).then_some(*space);
            audit.must.push((actor.clone(), Act::Moved { subject: seat.claims.subject.clone(), aside }));
        }
        self.model.change(|model| {
            model.spaces.last += u32::try_from(asides.len()).expect("a handful");
            model.spaces.open.extend(asides);
            devices.iter().for_each(|(number, space)| model.cross(*number, *space));
        });
    }

    /// Law 1, for everyone who may speak and everyone who may listen: who hears whom is what the rules say.
    pub(super) fn check_spaces(&self) -> Result<(), Broken> {
        let seated =
            |row: &hearth_forwarding::Row| self.model.seat_of(row.subject.0).filter(|seat| !seat.silent);
        let present: Vec<_> = self.table.rows.iter().filter_map(|row| Some((row, seated(row)?))).collect();
        for (row, seat) in &present {
            law!(u32::from(row.space.0) == seat.space, "1", "{row:?} is to be in space {}", seat.space)?;
            let weight = match (self.model.speaker_at(seat), seat.is_facilitator()) {
                (Some(_), _) => 2,
                (None, true) => 1,
                (None, false) => 0,
            };
            law!(row.weight == weight, "1", "{row:?} is to weigh {weight}")?;
        }
        let peer = |row: &hearth_forwarding::Row| -> (Subject, Generation) { (row.subject, row.generation) };
        for (from, speaker) in &present {
            for source in SOURCES {
                if !from.closed[source.index()].is_empty() {
                    continue;
                }
                for (to, listener) in &present {
                    let may = self.table.permits(peer(from), source, peer(to)).is_ok();
                    let meant = self.model.reaches(speaker, source, listener);
                    law!(may == meant, "1", "{source:?} of {from:?} reaches {to:?}: {may}")?;
                }
            }
        }
        Ok(())
    }
}

impl Model {
    /// Everyone would be where they are taken, and nobody with whom they may not be.
    fn may_go(&self, moves: &Places) -> bool {
        let mut places = self.places();
        places.extend(moves);
        let places = self.with_followers(places);
        moves
            .iter()
            .all(|(number, space)| places.get(number) == Some(space) && self.may_be_together(&places, *space))
    }

    /// The end of one, or of all but those in a crisis, comes sooner, and never later.
    pub(super) fn recall(&mut self, aside: Option<u32>, seconds: u32) {
        let ends_at = self.in_seconds(seconds);
        for open in &mut self.spaces.open {
            let meant = aside.map_or(open.crisis.is_none(), |aside| open.number == aside);
            if meant {
                open.ends_at = Some(open.ends_at.map_or(ends_at, |before| before.min(ends_at)));
            }
        }
    }

    fn in_seconds(&self, seconds: u32) -> u32 {
        self.now + seconds.min(SECONDS_MAX) * 1_000
    }
}
