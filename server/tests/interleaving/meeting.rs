//! A meeting without sockets: people who come to a room, ask, and read what they are told, step by step.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::FutureExt;
use hearth::{
    RoomId,
    auth::{Grant, Key, Keyring, Ticket, Tickets, Verifier},
    config::Definitions,
    origin::Origins,
    rooms::{Arrival, Directory, Handle, hash},
    signalling::{Letter, Limits, Mail, Outbox, Signalling},
};
use hearth_forwarding::Generation;
use hearth_protocol::*;
use hearth_room::{Definition, Format, Policy};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::scripted::{ScriptedLedger, ScriptedMedia, ScriptedRelay};

/// A house with a scripted relay and a scripted ledger.
pub struct Meeting {
    pub directory: Directory,
    pub relay: ScriptedRelay,
    pub ledger: ScriptedLedger,
    issuer: (Tickets, Key, Verifier),
}

/// One person's connection to a room.
pub struct Guest {
    pub handle: Handle,
    mail: Mail,
    asked: u32,
    /// Deltas were lost, and a snapshot is not asked for yet.
    pub lost: bool,
    pub secret: Option<Secret>,
    pub view: Option<RoomView>,
    pub seq: u32,
    /// The connection was ended by the room.
    pub over: bool,
}

pub fn room(name: &str) -> RoomId {
    RoomId::parse(name).expect("a room's id")
}

impl Meeting {
    pub fn new() -> Meeting {
        let relay = ScriptedRelay::default();
        let ledger = ScriptedLedger::default();
        let definitions = Definitions::new(["one", "two"].map(|name| (room(name), definition())));
        let directory = Directory::new(definitions, Arc::new(ledger.clone()), Arc::new(relay.clone()));
        let key = Key::draw("test");
        let mut keys = Keyring::default();
        keys.insert("test", key.clone());
        let tickets = Tickets {
            audience: "hearth".into(),
            skew: Duration::from_secs(10),
            lifetime_max: Duration::from_secs(600),
        };
        let verifier = Verifier::new(tickets.clone(), keys);
        Meeting { directory, relay, ledger, issuer: (tickets, key, verifier) }
    }

    /// The same house after a restart: what was kept is all that is left.
    pub fn restarted(self) -> Meeting {
        let definitions = Definitions::new(["one", "two"].map(|name| (room(name), definition())));
        let relay = ScriptedRelay::default();
        let directory = Directory::new(definitions, Arc::new(self.ledger.clone()), Arc::new(relay.clone()));
        Meeting { directory, relay, ..self }
    }

    pub fn signed(&self, name: &str, subject: &str, role: Role) -> String {
        let grant = Grant {
            room: room(name),
            subject: subject.to_owned(),
            role,
            rank: 0,
            alias: subject.to_owned(),
            publish: vec![Source::Microphone, Source::Camera, Source::Screen],
            open_admission: false,
            interprets: None,
            title: None,
            guardian_consent: false,
        };
        let (tickets, key, _) = &self.issuer;
        tickets.mint("test", key, &grant, Duration::from_secs(300))
    }

    pub fn ticket(&self, name: &str, subject: &str, role: Role) -> Ticket {
        let signed = self.signed(name, subject, role);
        self.issuer.2.verify(&signed, &room(name)).expect("a good ticket")
    }

    pub fn signalling(&self) -> Signalling {
        let verifier = self.issuer.2.clone();
        Signalling::new(self.directory.clone(), verifier, Origins::new(None, &[]), Limits::default())
    }

    pub async fn arrive(&self, name: &str, arrival: Arrival) -> Guest {
        let (outbox, mail) = Outbox::new();
        let handle = self.directory.enter(&room(name), arrival, &outbox).await.expect("the room wakes");
        settle().await;
        Guest { handle, mail, asked: 0, lost: false, secret: None, view: None, seq: 0, over: false }
    }

    /// At the door, having agreed to the ground rules.
    pub async fn at_the_door(&self, name: &str, subject: &str, role: Role) -> Guest {
        let mut guest = self.arrive(name, Arrival::Ticket(self.ticket(name, subject, role))).await;
        guest.agree().await;
        guest
    }

    pub async fn facilitator(&self, name: &str) -> Guest {
        let mut guest = self.at_the_door(name, "facilitator", Role::Facilitator).await;
        guest.read();
        assert!(guest.view.is_some(), "the first facilitator begins the session");
        guest
    }

    /// Admitted and seated.
    pub async fn member(&self, name: &str, subject: &str, facilitator: &mut Guest) -> Guest {
        let mut guest = self.at_the_door(name, subject, Role::Member).await;
        let knock = facilitator.knock(subject);
        facilitator.ask(Request::Admit { knock, through_lock: false }).await;
        guest.read();
        assert!(guest.view.is_some(), "{subject} is admitted");
        facilitator.read();
        guest
    }

    pub async fn resume(&self, name: &str, secret: &Secret, media_generation: Option<Generation>) -> Guest {
        let guest = self.arrive(name, Arrival::Secret { hash: hash(secret), media_generation }).await;
        // Ids that a subject has used before are answered as before.
        Guest { asked: 1_000, ..guest }
    }
}

impl Guest {
    /// Asks and lets the room work, without any time going by.
    pub async fn ask(&mut self, request: Request) -> RequestId {
        self.asked += 1;
        let request_id = RequestId(format!("r{}", self.asked));
        self.handle.request(request_id.clone(), request).await;
        settle().await;
        request_id
    }

    pub async fn agree(&mut self) {
        let rules = self.read().into_iter().find_map(|frame| match frame {
            ServerFrame::GroundRules(rules) => Some(rules),
            _ => None,
        });
        let GroundRules { version, hash, .. } = rules.expect("the ground rules are shown");
        self.ask(Request::AcceptGroundRules { version, hash }).await;
    }

    /// All that was said since. Applies snapshots and deltas to the view.
    pub fn read(&mut self) -> Vec<ServerFrame> {
        let mut frames = Vec::new();
        loop {
            match self.mail.next().now_or_never() {
                Some(Some(
                    Letter::Text(Message::Text(text), _)
                    | Letter::Secret(Message::Text(text), _)
                    | Letter::Bye(Message::Text(text), _),
                )) => {
                    let frame = serde_json::from_str(&text).expect("a frame of the protocol");
                    self.take(&frame);
                    frames.push(frame);
                }
                Some(Some(Letter::Lost)) => self.lost = true,
                Some(None) => {
                    self.over = true;
                    return frames;
                }
                Some(Some(other)) => panic!("not a text frame: {other:?}"),
                None => return frames,
            }
        }
    }

    /// The socket is gone.
    pub async fn drop_out(self) {
        let Guest { handle, mail, .. } = self;
        drop(mail);
        handle.dropped(Instant::now()).await;
        settle().await;
    }

    pub fn id(&self) -> ParticipantId {
        self.view().you.participant
    }

    pub fn view(&self) -> &RoomView {
        self.view.as_ref().expect("somebody seated")
    }

    pub fn sees(&self, of: ParticipantId) -> Option<&Participant> {
        self.view().participants.iter().find(|participant| participant.id == of)
    }

    fn knock(&mut self, alias: &str) -> KnockId {
        self.read();
        let desk = self.view().desk.as_ref().expect("a facilitator's desk");
        desk.knocks.iter().find(|knock| knock.alias == alias).expect("a knock").id
    }

    pub fn first_knock(&mut self) -> KnockId {
        self.read();
        self.view().desk.as_ref().expect("a facilitator's desk").knocks[0].id
    }

    fn take(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Knocked { secret } | ServerFrame::Seated { secret } => {
                self.secret = Some(secret.clone());
            }
            ServerFrame::Snapshot { seq, view } => {
                self.seq = *seq;
                self.view = Some((**view).clone());
            }
            ServerFrame::Delta { seq, changes } => {
                assert_eq!(*seq, self.seq + 1, "deltas are numbered without a gap");
                self.seq = *seq;
                let view = self.view.as_mut().expect("a snapshot comes before any delta");
                changes.iter().for_each(|change| apply(view, change));
            }
            _ => {}
        }
    }
}

/// Lets every task work until none has anything to do, without time going by.
pub async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Lets time go by.
pub async fn pass(time: Duration) {
    tokio::time::advance(time).await;
    settle().await;
}

pub fn is_told_ok(frames: &[ServerFrame], id: &RequestId) -> bool {
    frames.iter().any(|frame| matches!(frame, ServerFrame::Ok { request_id, .. } if request_id == id))
}

pub fn refusal(frames: &[ServerFrame], id: &RequestId) -> Option<RefusalCode> {
    frames.iter().find_map(|frame| match frame {
        ServerFrame::Refusal { request_id: Some(request_id), refusal } if request_id == id => {
            Some(refusal.code)
        }
        _ => None,
    })
}

pub fn bye(frames: &[ServerFrame]) -> Option<ByeReason> {
    frames.iter().find_map(|frame| match frame {
        ServerFrame::Bye(bye) => Some(bye.reason),
        _ => None,
    })
}

fn apply(view: &mut RoomView, change: &Change) {
    match change {
        Change::Participant(participant) => {
            view.participants.retain(|other| other.id != participant.id);
            view.participants.push(participant.clone());
        }
        Change::Left { participant } => view.participants.retain(|other| other.id != *participant),
        Change::Room(room) => view.room = (**room).clone(),
        Change::Floor(floor) => view.floor = floor.clone(),
        Change::You(you) => view.you = (**you).clone(),
        Change::Desk(desk) => view.desk = Some((**desk).clone()),
        _ => {}
    }
}

pub fn definition() -> Definition {
    let card = Card {
        title: "Goodbye".into(),
        text: "You are not part of this meeting any more.".into(),
        crisis_line: "112".into(),
        contact: "the clinic".into(),
    };
    Definition {
        title: "Tuesday group".into(),
        ground_rules: GroundRules { version: 1, hash: "h".into(), rules: vec!["Be kind.".into()] },
        crisis_line: "112".into(),
        removal_card: card,
        policy: Policy::default(),
        format: Format::default(),
        formats: Vec::new(),
        roster: BTreeSet::new(),
    }
}

pub fn media_of(meeting: &Meeting) -> ScriptedMedia {
    meeting.relay.room(0)
}

pub fn mute(participant: ParticipantId) -> Request {
    Request::SetGate { participant, source: Source::Microphone, open: false }
}
