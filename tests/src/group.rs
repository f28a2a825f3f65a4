//! A group that meets: a server, a facilitator and members, each with signalling and media of their own.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use hearth::{Config, Grant, RoomId, Server};
use hearth_protocol::{ParticipantId, Request, Role, Source, Tile};

use crate::{
    generator::{CAMERA, Generator, MICROPHONE, Pace, Shape},
    signalling::{Client, DEADLINE},
};

/// Stamps of one process carry a number for each person.
static NUMBERS: AtomicU32 = AtomicU32::new(1);

#[derive(Debug)]
pub struct Group {
    pub house: House,
    pub facilitator: Person,
    pub members: Vec<Person>,
}

/// A server and one of its rooms.
#[derive(Clone, Debug)]
pub struct House {
    pub address: SocketAddr,
    pub room: RoomId,
}

/// Somebody with a seat and media.
#[derive(Debug)]
pub struct Person {
    pub alias: String,
    pub id: ParticipantId,
    /// In the stamps of what this person sends.
    pub number: u32,
    pub client: Client,
    pub media: Generator,
}

/// A started server with the defaults of tests.
pub async fn server() -> Server {
    Server::start(Config::for_tests()).await.expect("a server with free ports starts")
}

pub fn grant(room: &RoomId, alias: &str, role: Role) -> Grant {
    Grant {
        room: room.clone(),
        subject: format!("subject-{}", alias.to_lowercase()),
        role,
        rank: 1,
        alias: alias.to_owned(),
        publish: vec![Source::Microphone, Source::Camera, Source::Screen],
        open_admission: false,
        interprets: None,
        title: None,
        guardian_consent: false,
    }
}

impl Group {
    /// In the room `hearth`: everyone is seated, connected, unmuted and speaking.
    pub async fn meet(server: &Server, members: usize) -> Group {
        Group::meet_in(server, "hearth", members, &Shape { camera: false, ..Shape::default() }).await
    }

    pub async fn meet_in(server: &Server, room: &str, members: usize, shape: &Shape) -> Group {
        let house = House { address: server.http_address(), room: RoomId::parse(room).expect("a room's id") };
        let ticket = server.ticket(&grant(&house.room, "Fay", Role::Facilitator));
        let client = Client::join(house.address, room, &ticket).await;
        let facilitator = Person::connect("Fay", client, shape).await;
        facilitator.speak().await;
        let mut group = Group { house, facilitator, members: vec![] };
        for number in 0..members {
            group.add(server, alias(number), shape).await;
        }
        group
    }

    /// One more, admitted by the facilitator, unmuted and speaking.
    pub async fn add(&mut self, server: &Server, alias: &str, shape: &Shape) {
        let ticket = server.ticket(&grant(&self.house.room, alias, Role::Member));
        let room = self.house.room.to_string();
        let client =
            Client::join_through(self.house.address, &room, &ticket, alias, &self.facilitator.client).await;
        let member = Person::connect(alias, client, shape).await;
        member.speak().await;
        self.members.push(member);
    }

    pub fn everyone(&self) -> impl Iterator<Item = &Person> {
        std::iter::once(&self.facilitator).chain(&self.members)
    }

    /// Waits until everyone hears everyone else's present phase.
    pub async fn until_all_hear_all(&self) {
        for speaker in self.everyone() {
            self.until_heard(speaker).await;
        }
    }

    /// Waits until everyone else hears what this person sends from now on.
    pub async fn until_heard(&self, speaker: &Person) {
        let listeners: Vec<_> = self.everyone().filter(|person| person.id != speaker.id).collect();
        let heard = |listener: &Person| listener.hears(speaker, MICROPHONE, 0);
        let before: Vec<_> = listeners.iter().map(|listener| heard(listener)).collect();
        let what = format!("everyone to hear {}", speaker.alias);
        until(&what, || listeners.iter().zip(&before).all(|(listener, before)| heard(listener) > *before))
            .await;
    }

    /// Lets packets flow for a while: until `witness`, who is open, was heard by all others with this many packets sent from now on.
    /// What the relay would have forwarded of anybody else meanwhile has arrived too.
    pub async fn witnessed(&self, witness: &Person, packets: u64) {
        let listeners: Vec<_> = self.everyone().filter(|person| person.id != witness.id).collect();
        let phase = witness.next_phase();
        until("packets of the witness", || {
            listeners.iter().all(|listener| listener.hears(witness, MICROPHONE, phase) >= packets)
        })
        .await;
    }

    /// What all others together heard of this person's microphone in this phase or later.
    pub fn heard_since(&self, speaker: &Person, phase: u32) -> u64 {
        self.everyone()
            .filter(|person| person.id != speaker.id)
            .map(|listener| listener.hears(speaker, MICROPHONE, phase))
            .sum()
    }
}

impl Person {
    /// Makes the media connection of somebody who has a seat.
    pub async fn connect(alias: &str, client: Client, shape: &Shape) -> Person {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let offering = Generator::offer(number, shape).expect("a free port");
        let answer = client.offer(offering.sdp.clone(), offering.tracks.clone()).await;
        let answer = answer.unwrap_or_else(|refusal| panic!("the offer of {alias} was refused: {refusal:?}"));
        let media = offering.start(&answer).expect("an answer that can be read");
        until("media to connect", || media.is_connected()).await;
        let id = client.view().you.participant;
        Person { alias: alias.to_owned(), id, number, client, media }
    }

    /// As a page does: told of another generation than this one, it makes its media connection anew and goes on sending, unasked.
    pub async fn follow(&mut self, generation: u32, shape: &Shape) {
        self.client.until_view("another generation", |view| view.you.media_generation != generation).await;
        let offering = Generator::offer(self.number, shape).expect("a free port");
        let answer = self.client.offer(offering.sdp.clone(), offering.tracks.clone()).await;
        let answer = answer.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", self.alias));
        let phase = self.media.next_phase();
        self.media = offering.start(&answer).expect("an answer that can be read");
        self.media.set_phase(phase);
        until("media to connect", || self.media.is_connected()).await;
        self.media.send(Source::Microphone, Pace::VOICE);
    }

    /// Unmutes and speaks.
    pub async fn speak(&self) {
        self.media.send(Source::Microphone, Pace::VOICE);
        self.unmute().await;
    }

    pub async fn unmute(&self) {
        self.client.must(Request::SetOwn { source: Source::Microphone, open: true }).await;
    }

    /// Opens the camera and sends a picture.
    pub async fn show(&self) {
        self.media.send(Source::Camera, Pace::VIDEO);
        self.client.must(Request::SetOwn { source: Source::Camera, open: true }).await;
    }

    /// Puts these people's cameras on the screen.
    pub async fn watch(&self, people: impl IntoIterator<Item = ParticipantId>) {
        let tile = |participant| Tile { participant, source: Source::Camera, height: 360 };
        self.client.must(Request::View { tiles: people.into_iter().map(tile).collect() }).await;
    }

    /// Packets heard of this speaker's source, in this phase or a later one.
    pub fn hears(&self, speaker: &Person, source: u8, phase: u32) -> u64 {
        self.media.received_since(speaker.number, source, phase)
    }

    pub fn sees(&self, speaker: &Person, phase: u32) -> u64 {
        self.hears(speaker, CAMERA, phase)
    }

    /// Whatever is sent from now on is told apart from everything before it.
    pub fn next_phase(&self) -> u32 {
        self.media.next_phase()
    }
}

/// Waits until it holds. Fails after [`DEADLINE`].
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Aliases that no rule changes.
fn alias(number: usize) -> &'static str {
    const ALIASES: [&str; 12] =
        ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jun", "Kai", "Lea"];
    ALIASES[number % ALIASES.len()]
}
