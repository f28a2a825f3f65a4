//! A room with a facilitator, somebody hostile and somebody who wants their peace.

use hearth::{Config, Server};
use hearth_protocol::{
    ByeReason, Credential, KnockId, ParticipantId, Reason, Refusal, RefusalCode, Request, Role, ServerFrame,
    Source,
};
use hearth_tests::{
    generator::{Generator, MICROPHONE, Pace, Shape},
    group::{Group, House, Person, grant, until},
    signalling::Client,
};

/// Packets that must be tried before it counts that none came through.
const TRIED: u64 = 25;
/// Packets of the others that prove that the room goes on.
const HEARD: u64 = 10;

pub const UNMUTE: Request = Request::SetOwn { source: Source::Microphone, open: true };
/// Speech at four times its pace: a test is over sooner.
pub const BRISK: Pace = Pace { packets_per_second: 200, ..Pace::VOICE };
pub const VOICES: Shape =
    Shape { microphone: true, camera: false, rids: vec![], audio_slots: 4, video_slots: 0 };

#[derive(Debug)]
pub struct Scene {
    pub server: Server,
    pub house: House,
    pub fay: Person,
    pub ada: Person,
    pub ben: Person,
}

impl Scene {
    /// Everyone seated, unmuted and heard.
    pub async fn open() -> Scene {
        Scene::with(|_| {}).await
    }

    /// In a room with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Scene {
        let mut config = Config::for_tests();
        // Whoever is at the door hears soon that they wait.
        config.room.policy.waiting_beat_ms = 100;
        change(&mut config);
        Scene::of(config, &VOICES).await
    }

    pub async fn of(config: Config, shape: &Shape) -> Scene {
        let server = Server::start(config).await.expect("a server with free ports starts");
        let group = Group::meet_in(&server, "hearth", 2, shape).await;
        group.until_all_hear_all().await;
        let Group { house, facilitator: fay, mut members } = group;
        let (ada, ben) = (members.remove(0), members.remove(0));
        for person in [&fay, &ada, &ben] {
            person.media.send(Source::Microphone, BRISK);
        }
        Scene { server, house, fay, ada, ben }
    }

    /// Ada is muted by the facilitator.
    pub async fn muted() -> Scene {
        let scene = Scene::open().await;
        scene.gate_ada(Source::Microphone, false).await;
        scene
    }

    pub async fn gate_ada(&self, source: Source, open: bool) {
        self.fay.client.must(Request::SetGate { participant: self.ada.id, source, open }).await;
    }

    pub fn ticket(&self, alias: &str, role: Role) -> String {
        self.server.ticket(&grant(&self.house.room, alias, role))
    }

    /// A connection that says hello with this, and no more.
    pub async fn present(&self, credential: Credential) -> Client {
        let client = Client::connect(self.house.address, "hearth").await;
        client.hello(credential, None).await;
        client
    }

    pub async fn present_ticket(&self, alias: &str) -> Client {
        self.present(Credential::Ticket { ticket: self.ticket(alias, Role::Member) }).await
    }

    /// At the door with a fresh ticket and the ground rules agreed to.
    pub async fn knock(&self, alias: &str) -> Client {
        Client::knock(self.house.address, "hearth", &self.ticket(alias, Role::Member)).await
    }

    /// Through the door with the facilitator's leave.
    pub async fn enter(&self, alias: &str, role: Role) -> Client {
        let ticket = self.ticket(alias, role);
        Client::join_through(self.house.address, "hearth", &ticket, alias, &self.fay.client).await
    }

    /// The knock of this alias, as Fay sees it.
    pub async fn knock_of(&self, alias: &str) -> KnockId {
        self.fay.client.until("a knock", |told| told.knock(alias)).await
    }

    /// Ada makes another media connection and speaks on it.
    pub async fn republish(&mut self) {
        self.republish_as(Source::Microphone).await;
    }

    /// Her voice is called something else.
    pub async fn republish_as(&mut self, label: Source) {
        let ada = &self.ada;
        let mut offering = Generator::offer(ada.number, &VOICES).expect("a free port");
        offering.tracks[0].source = label;
        let answer = ada.client.offer(offering.sdp.clone(), offering.tracks.clone()).await;
        let media = offering.start(&answer.expect("an answer")).expect("an answer that can be read");
        media.set_phase(ada.next_phase());
        until("media to connect", || media.is_connected()).await;
        media.send(Source::Microphone, BRISK);
        self.ada.media = media;
    }

    /// Ada sends on, and from this phase on nobody hears her; the others hear each other.
    pub async fn check_unheard(&self, phase: u32) {
        self.check_silent(&self.ada, MICROPHONE, phase).await;
    }

    pub async fn check_silent(&self, speaker: &Person, source: u8, phase: u32) {
        // Where the server has closed the connection, nothing can be tried any more.
        let tried = || speaker.media.sent_in_phase() >= TRIED || speaker.media.is_ended();
        until("packets that must not come through", tried).await;
        self.check_goes_on().await;
        for listener in [&self.fay, &self.ben] {
            let heard = listener.hears(speaker, source, phase);
            assert_eq!(heard, 0, "{} received {heard} packets of {}", listener.alias, speaker.alias);
        }
    }

    /// Fay and Ben hear each other, and were told nothing that a page could not understand.
    pub async fn check_goes_on(&self) {
        let (fay, ben) = (&self.fay, &self.ben);
        let (by_fay, by_ben) = (fay.next_phase(), ben.next_phase());
        until("Fay and Ben to hear each other", || {
            ben.hears(fay, MICROPHONE, by_fay) >= HEARD && fay.hears(ben, MICROPHONE, by_ben) >= HEARD
        })
        .await;
        for person in [fay, ben] {
            let told = person.client.told();
            assert_eq!(told.closed, None, "{} was cut off", person.alias);
            assert!(told.faults.is_empty(), "{}: {:?}", person.alias, told.faults);
            assert!(told.participant("Fay").is_some() && told.participant("Ben").is_some());
        }
    }

    /// Nothing that is sent to the room reaches this person any more, from these phases of Fay's and Ben's on.
    pub fn check_hears_nobody(&self, listener: &Person, by_fay: u32, by_ben: u32) {
        assert_eq!(listener.hears(&self.fay, MICROPHONE, by_fay), 0, "{} hears Fay", listener.alias);
        assert_eq!(listener.hears(&self.ben, MICROPHONE, by_ben), 0, "{} hears Ben", listener.alias);
    }

    /// Everyone on the rosters of Fay and Ben, by name.
    pub fn roster(&self) -> Vec<String> {
        self.fay.client.view().participants.into_iter().map(|participant| participant.alias).collect()
    }

    pub async fn end(self) {
        self.check_goes_on().await;
        self.server.stop().await;
    }
}

pub async fn check_refused(client: &Client, request: Request, code: RefusalCode) {
    let what = format!("{request:?}");
    let refusal = client.request(request).await.err();
    assert_eq!(code_of(refusal), Some(code), "{what}");
}

pub fn code_of(refusal: Option<Refusal>) -> Option<RefusalCode> {
    refusal.map(|refusal| refusal.code)
}

/// The connection ends with this goodbye.
pub async fn check_bye(client: &Client, reason: ByeReason, code: Option<RefusalCode>) {
    let closed = client.until_closed().await;
    let bye = client.told().bye.clone().expect("a last word");
    assert_eq!((bye.reason, bye.code, closed), (reason, code, reason.close_code()));
}

/// Whoever has no seat was told of the door and of nothing behind it.
pub fn check_knows_nothing(client: &Client) {
    for (_, frame, _) in &client.told().frames {
        let of_the_door = match frame {
            ServerFrame::Knocked { .. }
            | ServerFrame::GroundRules(_)
            | ServerFrame::Waiting
            | ServerFrame::Signal(_)
            | ServerFrame::Ok { outcome: None, .. }
            | ServerFrame::Refusal { .. }
            | ServerFrame::Pong { .. }
            | ServerFrame::Bye(_) => true,
            ServerFrame::Seated { .. }
            | ServerFrame::StandBy { .. }
            | ServerFrame::Snapshot { .. }
            | ServerFrame::Delta { .. }
            | ServerFrame::Ok { outcome: Some(_), .. } => false,
        };
        assert!(of_the_door, "{frame:?}");
    }
}

pub async fn until_waiting(client: &Client) {
    let waits = |frame: &ServerFrame| matches!(frame, ServerFrame::Waiting);
    client.until("to wait", |told| told.frames.iter().any(|(_, frame, _)| waits(frame)).then_some(())).await;
}

/// The gates of one participant, as the facilitator's desk shows them by now.
pub async fn microphone_of(client: &Client, participant: ParticipantId) -> Vec<Reason> {
    let desk = client.caught_up().await.desk.expect("a facilitator's desk");
    let gates = desk.gates.into_iter().find(|gates| gates.participant == participant);
    gates.expect("everyone on the roster is at the desk").gates.microphone
}
