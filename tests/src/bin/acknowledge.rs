//! From the facilitator's click to the acknowledgement, and what is forwarded after it, while media flow.
//!
//! Several rooms at once, in each a facilitator and three members who all speak. An act closes somebody's microphone; at the
//! acknowledgement that person's stamps enter a new phase. A packet of that phase that anybody decrypts was forwarded after the
//! acknowledgement: there must be none.
//!
//! ```text
//! cargo run -p hearth-tests --bin acknowledge -- [mutes] [turns] [freezes] [removals]
//! ```

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use hearth::{Config, Server};
use hearth_protocol::{FloorMode, Request, Role, Source, ThawStep};
use hearth_tests::{
    generator::{MICROPHONE, Shape, now_us},
    group::{Group, Person, grant, until},
    signalling::Client,
};

const ROOMS: usize = 4;
const MEMBERS: usize = 3;
/// Packets that somebody sends into a closed gate before it is opened again.
const PROBES: u64 = 5;
/// A connection may ask ten times a second for long.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(105);
/// After its stamps are of the next open phase, the last closed ones have surely left the sender's socket.
const SETTLE: Duration = Duration::from_millis(40);

/// What was measured of one kind of act.
#[derive(Debug, Default)]
struct Figures {
    acknowledged: Vec<Duration>,
    /// Packets that were sent into a closed gate.
    probes: u64,
    /// Packets of those that somebody decrypted.
    leaked: u64,
    /// How long after the acknowledgement the last packet from before it arrived, where one did.
    late: Vec<Duration>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (mutes, turns, freezes, removals): (usize, usize, usize, usize) =
        (number(1_000), number(1_000), number(200), number(100));
    let mut config = Config::for_tests();
    for room in 0..ROOMS {
        config.rooms.insert(format!("room-{room}"), Default::default());
    }
    let server = Arc::new(Server::start(config).await.expect("a server with free ports starts"));
    println!("{ROOMS} rooms of a facilitator and {MEMBERS} members, all speaking, 50 packets/s each\n");

    let rooms: Vec<_> = (0..ROOMS)
        .map(|room| {
            let server = server.clone();
            tokio::spawn(async move {
                let shape = Shape { camera: false, ..Shape::default() };
                let mut group = Group::meet_in(&server, &format!("room-{room}"), MEMBERS, &shape).await;
                group.until_all_hear_all().await;
                let share = |all: usize| all / ROOMS + usize::from(room < all % ROOMS);
                let mutes = mute(&group, share(mutes)).await;
                let turns = turn(&group, share(turns)).await;
                let freezes = freeze(&group, share(freezes)).await;
                let removals = remove(&server, &mut group, share(removals), &shape).await;
                [mutes, turns, freezes, removals]
            })
        })
        .collect();

    let mut all: [Figures; 4] = Default::default();
    for room in rooms {
        for (sum, part) in all.iter_mut().zip(room.await.expect("a room's acts succeed")) {
            sum.add(part);
        }
    }
    println!(
        "| act | acts | p50 ms | p95 ms | p99 ms | max ms | sent after | forwarded after | older ones, last p99 ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, figures) in ["mute", "end of turn", "freeze", "removal"].iter().zip(&mut all) {
        figures.print(name);
    }
    let leaked: u64 = all.iter().map(|figures| figures.leaked).sum();
    if leaked == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn mute(group: &Group, acts: usize) -> Figures {
    let mut figures = Figures::default();
    for act in 0..acts {
        let member = &group.members[act % MEMBERS];
        let gate = |open| Request::SetGate { participant: member.id, source: Source::Microphone, open };
        figures.close(group, &[member], gate(false)).await;
        ask(group, gate(true)).await;
        member.unmute().await;
        group.until_heard(member).await;
    }
    figures
}

async fn turn(group: &Group, acts: usize) -> Figures {
    let mut figures = Figures::default();
    ask(group, Request::SetFloor { mode: FloorMode::Hands }).await;
    for act in 0..acts {
        let member = &group.members[act % MEMBERS];
        ask(group, Request::Grant { participant: member.id }).await;
        member.unmute().await;
        group.until_heard(member).await;
        figures.close(group, &[member], Request::Revoke { participant: member.id }).await;
    }
    ask(group, Request::SetFloor { mode: FloorMode::Open }).await;
    for member in &group.members {
        member.unmute().await;
        group.until_heard(member).await;
    }
    figures
}

async fn freeze(group: &Group, acts: usize) -> Figures {
    let mut figures = Figures::default();
    for _ in 0..acts {
        let members: Vec<_> = group.members.iter().collect();
        figures.close(group, &members, Request::Freeze).await;
        for step in [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat] {
            ask(group, Request::Thaw { step }).await;
        }
        for member in &group.members {
            member.unmute().await;
        }
        for member in &group.members {
            group.until_heard(member).await;
        }
    }
    figures
}

/// Both ways: the removed one is not heard, and hears nobody.
async fn remove(server: &Server, group: &mut Group, acts: usize, shape: &Shape) -> Figures {
    let mut figures = Figures::default();
    for _ in 0..acts {
        let member = group.members.remove(0);
        let request = Request::Remove { participant: member.id };
        let (answer, took) = group.facilitator.client.timed(request).await;
        answer.expect("a removal is carried out");
        let acknowledged_us = now_us();
        let gone = member.next_phase();
        let phases: Vec<_> = group.everyone().map(|person| (person.number, person.next_phase())).collect();
        figures.acknowledged.push(took);
        until("packets of those who stay", || {
            group.everyone().all(|person| person.media.sent_in_phase() >= PROBES)
                && (member.media.sent_in_phase() >= PROBES || member.media.is_ended())
        })
        .await;
        group.witnessed(&group.facilitator, PROBES).await;
        figures.probes += member.media.sent_in_phase();
        figures.leaked += group.heard_since(&member, gone);
        for (number, phase) in phases {
            figures.probes += PROBES;
            figures.leaked += member.media.received_since(number, MICROPHONE, phase);
        }
        figures.note_late(group, &member, acknowledged_us);

        ask(group, Request::UndoRemoval { participant: member.id }).await;
        let ticket = server.ticket(&grant(&group.house.room, &member.alias, Role::Member));
        let room = group.house.room.to_string();
        let client = Client::knock(group.house.address, &room, &ticket).await;
        let knock = until_knock(group).await;
        ask(group, Request::Admit { knock, through_lock: false }).await;
        client.until_seated().await;
        let member = Person::connect(&member.alias, client, shape).await;
        member.speak().await;
        group.members.push(member);
        group.until_all_hear_all().await;
    }
    figures
}

async fn until_knock(group: &Group) -> hearth_protocol::KnockId {
    let first = |view: &hearth_protocol::RoomView| Some(view.desk.as_ref()?.knocks.first()?.id);
    let client = &group.facilitator.client;
    client.until("a knock", |told| told.view.as_ref().and_then(first)).await
}

/// A facilitator's request beside those that are measured, at a pace that the server allows for long.
async fn ask(group: &Group, request: Request) {
    let next = Instant::now() + BETWEEN_REQUESTS;
    group.facilitator.client.must(request).await;
    tokio::time::sleep_until(next.into()).await;
}

impl Figures {
    /// Carries out what closes these people's microphones, and watches until each has sent some packets into the closed gate.
    async fn close(&mut self, group: &Group, people: &[&Person], request: Request) {
        let next = Instant::now() + BETWEEN_REQUESTS;
        let (answer, took) = group.facilitator.client.timed(request).await;
        answer.expect("a closing is carried out");
        let acknowledged_us = now_us();
        let phases: Vec<_> = people.iter().map(|person| person.next_phase()).collect();
        self.acknowledged.push(took);
        until("packets into the closed gate", || {
            people.iter().all(|person| person.media.sent_in_phase() >= PROBES)
        })
        .await;
        // Those of the next phase count again, once the gate is open.
        for person in people {
            self.probes += person.media.sent_in_phase();
            person.next_phase();
        }
        tokio::time::sleep(SETTLE).await;
        group.witnessed(&group.facilitator, 3).await;
        for (person, phase) in people.iter().zip(phases) {
            self.leaked += group.heard_since(person, phase);
            self.note_late(group, person, acknowledged_us);
        }
        tokio::time::sleep_until(next.into()).await;
    }

    fn note_late(&mut self, group: &Group, speaker: &Person, acknowledged_us: u64) {
        let listeners = group.everyone().filter(|listener| listener.id != speaker.id);
        let last = listeners.filter_map(|listener| {
            Some(listener.media.received().from.get(&(speaker.number, MICROPHONE))?.last_arrival_us)
        });
        let late_us = last.max().unwrap_or_default().saturating_sub(acknowledged_us);
        self.late.push(Duration::from_micros(late_us));
    }

    fn add(&mut self, part: Figures) {
        self.acknowledged.extend(part.acknowledged);
        self.probes += part.probes;
        self.leaked += part.leaked;
        self.late.extend(part.late);
    }

    fn print(&mut self, name: &str) {
        self.acknowledged.sort();
        self.late.sort();
        let ms = |sorted: &[Duration], share: f64| {
            let at = (sorted.len() as f64 * share).ceil() as usize;
            let value = sorted.get(at.saturating_sub(1).min(sorted.len().saturating_sub(1)));
            value.map_or(f64::NAN, |value| value.as_secs_f64() * 1_000.0)
        };
        let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(|share| ms(&self.acknowledged, share));
        println!(
            "| {name} | {} | {p50:.2} | {p95:.2} | {p99:.2} | {max:.2} | {} | {} | {:.2} |",
            self.acknowledged.len(),
            self.probes,
            self.leaked,
            ms(&self.late, 0.99)
        );
    }
}
