//! Anything, in any order, from anyone: nothing panics, no view goes astray, and no gate opens by another's act.
//!
//! `SEED=n cargo test -p hearth-room --test scenarios noise` runs one again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hearth_forwarding::{Generation, Source, Subject};
use hearth_protocol::{
    AsideId, Audience, BreachCode, FloorMode, HandKind, KnockId, Level, MessageId, ParticipantId, Prompt,
    Reaction, Request, RequestId, Role, RoundOrder, SegmentSettings, SignalId, ThawStep,
};
use hearth_room::{Command, ConnectionId};

use crate::meeting::*;

const SEEDS: u64 = 25;
const STEPS: u32 = 150;

/// SplitMix64, so that a seed means the same everywhere.
struct Chance(u64);

impl Chance {
    fn draw(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.draw(10)).expect("below ten")
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.draw(all.len() as u64)).expect("an index")].clone()
    }
}

const NAMES: [(&str, Role); 8] = [
    ("fay", Role::Facilitator),
    ("gus", Role::Cofacilitator),
    ("pat", Role::PeerLead),
    ("ann", Role::Member),
    ("ben", Role::Member),
    ("cai", Role::Member),
    ("ivy", Role::Interpreter),
    ("oda", Role::Observer),
];

const LEVELS: [Level; 4] = [Level::Listen, Level::Text, Level::Voice, Level::Video];

fn request(chance: &mut Chance) -> Request {
    let participant = ParticipantId(chance.small());
    let participants = vec![participant, ParticipantId(chance.small())];
    let knock = KnockId(chance.small() + chance.small());
    let source = spoken(chance.of(&Source::ALL));
    let open = chance.draw(3) > 0;
    let modes =
        [FloorMode::Open, FloorMode::Hands, FloorMode::Facilitator, FloorMode::Quiet, FloorMode::Round];
    match chance.draw(60) {
        48.. => words(chance),
        0..=4 => accept(),
        5..=9 => Request::SetOwn { source, open },
        10 => Request::OpenOnTurn { on: open },
        11 => Request::RaiseHand { kind: chance.of(&[HandKind::Speak, HandKind::Respond]) },
        12 => Request::LowerHand,
        13 => Request::Yield,
        14 => Request::Pass,
        15 => Request::Defer,
        16 => Request::Leave,
        17..=20 => Request::Admit { knock, through_lock: open },
        21 => Request::AdmitAll { if_version: chance.small() + chance.small() },
        22 => Request::Deny { knock },
        23 => Request::UndoDenial { knock },
        24 => Request::SetGate { participant, source, open },
        25 => Request::GateAll { source, except: participants },
        26 => Request::AskToUnmute { participant },
        27 => Request::SetFloor { mode: chance.of(&modes) },
        28 => Request::Grant { participant },
        29 => Request::Revoke { participant },
        30 => Request::RoundStart {
            order: RoundOrder::Manual { participants },
            turn_seconds: open.then_some(u32::MAX),
            include_facilitators: open,
        },
        31 => Request::RoundExtend { seconds: u32::MAX },
        32 => Request::RoundSkip,
        33 => Request::Lock { locked: open },
        34 => Request::Freeze,
        35 => Request::Thaw { step: chance.of(&[ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat]) },
        36 if open => Request::Remove { participant },
        36 => Request::ResumeRoom,
        37 => Request::UndoRemoval { participant },
        38 => Request::SendToWaiting { participant },
        39..=41 => Request::OpenAsides {
            groups: vec![participants, vec![ParticipantId(chance.small())]],
            seconds: open.then(|| chance.small()),
        },
        42 => Request::OpenCrisisAside { participant },
        43 => Request::Move { participant, aside: open.then(|| AsideId(chance.small())) },
        44 => Request::Recall { aside: open.then(|| AsideId(chance.small())), seconds: chance.small() },
        45 => Request::KeepApart { one: participant, other: ParticipantId(chance.small()), apart: open },
        46 => Request::LendHelper { participant, on: open },
        _ => match chance.draw(18) {
            0 => Request::HandOver { participant },
            1 => Request::TakeLead,
            2 => Request::RenewMedia,
            3 => Request::React { reaction: Reaction::MeToo },
            4 => Request::OrderHands { participants },
            5 => Request::RoundEnd,
            6 => Request::CancelEnd,
            8 => Request::SetLevel { level: chance.of(&LEVELS) },
            9 => Request::SetCeiling { participant: open.then_some(participant), level: chance.of(&LEVELS) },
            10 => Request::Break { seconds: chance.small() },
            11 => Request::EndBreak,
            12 | 13 => Request::StepTo { segment: chance.small() },
            14 => Request::Override {
                settings: SegmentSettings { sources: Some(vec![source]), ..SegmentSettings::default() },
            },
            15 => Request::ChangeFormat { format: chance.of(&["teen", "cbt", "twelve_step"]).to_owned() },
            16 => Request::RoundSuspendStop,
            _ => Request::End { seconds: u32::MAX },
        },
    }
}

fn words(chance: &mut Chance) -> Request {
    let participant = ParticipantId(chance.small());
    let on = chance.draw(2) == 0;
    let to = chance.of(&[
        Audience::Room,
        Audience::Everywhere,
        Audience::Facilitators,
        Audience::Team,
        Audience::Participant { participant },
    ]);
    let text = chance.of(&["", "a word", "\u{0}", "two\nlines"]).to_owned();
    let value = chance.small() + 2;
    match chance.draw(20) {
        0..=2 => Request::Distress,
        3 => Request::NotAlone { on },
        4 => Request::AnswerSignal { signal: SignalId(chance.small()), text: on.then_some(text) },
        5 if on => Request::Breach { code: BreachCode::Other, participant: Some(participant) },
        5..=8 => Request::Say { to, text },
        9 => Request::SayTurn { text },
        10 => Request::Unsay { message: MessageId(chance.small()) },
        11 => Request::ShowPrompt { prompt: on.then(|| Prompt { title: text.clone(), text }) },
        12 if on => Request::StopTimer,
        12 => Request::StartTimer { seconds: u32::MAX, label: text },
        13 if on => Request::CloseScale,
        13 => Request::OpenScale { question: text },
        14 => Request::AnswerScale { value, named: on },
        15 => Request::CareMoment { on },
        16 => Request::Milestone { text },
        17 => Request::SetGoal { text: on.then_some(text), shared: on },
        18 => Request::GiveFeedback { participant, text },
        _ => chance.of(&[Request::TakeFeedback { on }, Request::Rate { value }, Request::Export]),
    }
}

/// Who may be heard through this gate now.
fn heard(m: &Meeting) -> Vec<(Subject, Source)> {
    let open = |row: &hearth_forwarding::Row| {
        Source::ALL
            .into_iter()
            .filter(|source| row.closed[source.index()].is_empty())
            .map(|source| (row.subject, source))
            .collect::<Vec<_>>()
    };
    m.table.rows.iter().flat_map(open).collect()
}

fn step(m: &mut Meeting, chance: &mut Chance) {
    let (name, role) = chance.of(&NAMES);
    let at = m.at.get(name).copied().unwrap_or(ConnectionId(0));
    let before = heard(m);
    let mut by = None;
    match chance.draw(20) {
        0..=2 => {
            let mut ticket = claims(name, role);
            ticket.open_admission = true;
            ticket.interprets = Some("ann".to_owned());
            m.waits_with_or_not(ticket);
        }
        3 if m.at.contains_key(name) && m.hears(name).secret.is_some() => {
            let generation = chance.small();
            m.returns(name, Some(generation));
        }
        4 => m.apply(Command::Dropped {
            connection: at,
            last_seen: m.now.saturating_sub(chance.small() * 1_000),
        }),
        5 => m.wait(chance.small() * chance.small() * 500),
        6 => m.apply(Command::MediaLost {
            subject: Subject(chance.small()),
            generation: Generation(chance.small()),
        }),
        9 => {
            let sitter = chance.of(&["ann", "ben", "cai", "dan", "eve"]);
            let mut claims = claims(sitter, Role::Member);
            claims.ticket = format!("beside-{}", m.fresh().secret.0);
            let hash = RULES_HASH.to_owned();
            let request_id = RequestId(format!("r{}", chance.draw(400)));
            m.apply(Command::ShareDevice { connection: at, request_id, claims, version: RULES, hash });
        }
        10 => {
            let (fresh, participant) = (m.fresh(), ParticipantId(chance.small()));
            let request_id = RequestId(format!("r{}", chance.draw(400)));
            let request = Request::UnshareDevice { participant };
            m.apply(Command::Request { connection: at, request_id, request, fresh });
        }
        7 if chance.draw(5) == 0 => m.apply(Command::Revoke { subject: name.to_owned() }),
        8 if chance.draw(5) == 0 => {
            let mut changed = definition();
            changed.ground_rules = rules(RULES, chance.of(&[RULES_HASH, "another"]));
            m.apply(Command::Define(Box::new(changed)));
        }
        _ => {
            let (fresh, request) = (m.fresh(), request(chance));
            if matches!(request, Request::SetOwn { open: true, .. }) {
                by = m.room.media_peer(at).map(|(subject, _)| subject);
            }
            let request_id = RequestId(format!("r{}", chance.draw(400)));
            m.apply(Command::Request { connection: at, request_id, request, fresh });
        }
    }
    let opted_in = |subject: Subject| {
        let views = m.heard.values().filter_map(|heard| heard.view.as_ref());
        views.into_iter().any(|view| view.you.participant.0 == subject.0 && view.you.open_on_turn)
    };
    for (subject, source) in heard(m) {
        let opens = !before.contains(&(subject, source));
        let on_turn = source == Source::Microphone && opted_in(subject);
        assert!(
            !opens || by == Some(subject) || on_turn,
            "{source:?} of {subject:?} opened by another's act"
        );
    }
    check_asides(m);
    let speakers =
        m.heard.values().filter_map(|heard| heard.view.as_ref()).map(|view| view.floor.speakers.len());
    assert!(speakers.max().unwrap_or(0) <= 2);
}

/// Whoever is connected sees who is where, as the relay has it, and every aside that anyone is in.
fn check_asides(m: &Meeting) {
    for (connection, heard) in &m.heard {
        let row = m.room.media_peer(*connection).and_then(|(subject, _)| m.table.row(subject));
        let Some(view) = heard.view.as_ref().filter(|_| row.is_some_and(|row| !row.barred)) else { continue };
        for one in &view.participants {
            let space = one.aside.map_or(0, |id| id.0);
            let device = one.device.unwrap_or(one.id);
            let row = m.table.row(Subject(device.0)).expect("on the roster and in the table");
            assert_eq!(u32::from(row.space.0), space, "{one:?}");
            assert!(space == 0 || view.room.asides.iter().any(|aside| aside.id.0 == space));
        }
    }
}

#[test]
fn noise_breaks_nothing() {
    let chosen = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in chosen.map_or(0..SEEDS, |seed: u64| seed..seed + 1) {
        let mut chance = Chance(seed);
        let mut defined = definition();
        defined.policy.waiting_room = seed % 3 != 0;
        defined.policy.outside_waits = seed % 2 == 0;
        defined.policy.private_queue = seed % 5 == 0;
        defined.policy.capacity = 3;
        defined.format.rules.minors = seed % 4 == 0;
        defined.format.rules.peer_lead = seed % 7 == 0;
        let mut m = Meeting::of(defined);
        let run = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..STEPS {
                if m.ended {
                    break;
                }
                step(&mut m, &mut chance);
            }
        }));
        assert!(run.is_ok(), "SEED={seed}");
    }
}
