//! Somebody who comes back after each kill, with the newest secret that they were told.

use std::{net::SocketAddr, time::Duration};

use hearth_protocol::{
    ByeReason, Credential, HandKind, ParticipantId, Request, Role, Secret, ServerFrame, Source, ThawStep,
};

use super::program::ROOM;
use super::referee::Asked;
use crate::chance::Chance;
use crate::signalling::Client;

/// A new connection may ask so often at once; beyond it is told that this is too fast.
const BURST: usize = 28;
const BETWEEN: Duration = Duration::from_millis(110);
/// Nothing that works takes so long.
const WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Person {
    pub subject: String,
    pub alias: String,
    pub role: Role,
    pub ticket: String,
    pub id: Option<ParticipantId>,
    /// As told before this connection.
    pub secret: Option<Secret>,
    pub client: Option<Client>,
    /// Asked and not yet accounted for.
    pub asked: Vec<Asked>,
}

/// How a connection was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Seated,
    AtTheDoor,
    Away(ByeReason),
    /// Cut before an answer.
    Cut,
}

impl Person {
    pub fn new(subject: &str, role: Role, ticket: String) -> Person {
        let alias = subject.to_owned();
        let (id, secret, client, asked) = (None, None, None, Vec::new());
        Person { subject: subject.to_owned(), alias, role, ticket, id, secret, client, asked }
    }

    /// By ticket, and with the ground rules agreed to.
    pub async fn knock(&mut self, server: SocketAddr) -> Received {
        let credential = Credential::Ticket { ticket: self.ticket.clone() };
        let received = self.present(server, credential).await;
        let Some(client) = self.client.as_ref().filter(|_| received == Received::AtTheDoor) else {
            return received;
        };
        let Some(rules) = client.within(WITHIN, |told| told.ground_rules.clone()).await else {
            return Received::Cut;
        };
        client.ask(Request::AcceptGroundRules { version: rules.version, hash: rules.hash }).await;
        received
    }

    pub async fn come_back(&mut self, server: SocketAddr) -> Received {
        let Some(secret) = self.secret.clone() else { return Received::Cut };
        self.present(server, Credential::Resume { secret }).await
    }

    pub async fn present(&mut self, server: SocketAddr, credential: Credential) -> Received {
        self.hang_up();
        let origin = format!("http://{server}");
        let Ok(client) = Client::connect_from(server, ROOM, Some(&origin)).await else {
            return Received::Cut;
        };
        let client = self.client.insert(client);
        client.hello(credential, None).await;
        let received = client.within(WITHIN, |told| {
            let knocked =
                told.frames.iter().any(|(_, frame, _)| matches!(frame, ServerFrame::Knocked { .. }));
            let bye = told.bye.as_ref().map(|bye| Received::Away(bye.reason));
            let seated = (told.seated && told.view.is_some()).then_some(Received::Seated);
            let cut = told.closed.map(|_| Received::Cut);
            bye.or(seated).or(knocked.then_some(Received::AtTheDoor)).or(cut)
        });
        received.await.unwrap_or(Received::Cut)
    }

    /// After a kill: hears what had been said, and hangs up.
    pub async fn hear_the_end(&mut self) {
        if let Some(client) = &self.client {
            client.until_closed().await;
        }
        self.hang_up();
    }

    /// Whether the ticket was heard to be good.
    pub fn was_let_in(&self) -> bool {
        self.secret.is_some() || self.client.as_ref().is_some_and(|client| client.told().secret.is_some())
    }

    fn hang_up(&mut self) {
        let Some(client) = self.client.take() else { return };
        let told = client.told();
        self.secret = told.secret.clone().or(self.secret.take());
        if let Some(view) = &told.view {
            self.id = self.id.or(Some(view.you.participant));
        }
        for one in &mut self.asked {
            if let Some((answer, _)) = told.answer(&one.id) {
                one.answer = Some(answer.map(|_| ()).map_err(|refusal| refusal.code));
            }
        }
    }

    async fn ask(&mut self, asked: Asked) {
        let (id, request) = (asked.id.clone(), asked.request.clone());
        // Written down first: who is stopped in between has perhaps asked.
        self.asked.push(asked);
        if let Some(client) = &self.client {
            client.ask_as(id, request).await;
        }
    }

    /// As a page does with what it never heard the answer to: the same again, by the same ids.
    async fn ask_again(&mut self, scene: &mut Scene) {
        let in_doubt: Vec<_> = self.asked.extract_if(.., |asked| asked.answer.is_none()).collect();
        for one in in_doubt {
            let surely = scene.expects(&one.request);
            self.ask(Asked { surely, answer: None, ..one }).await;
        }
    }
}

/// What a facilitator knows of the room at the beginning of a storm.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    pub locked: bool,
    /// So many steps of a thaw are done.
    pub frozen: Option<usize>,
    pub core: Vec<(ParticipantId, String)>,
    /// Visitors with a seat, to be removed.
    pub seated: Vec<(ParticipantId, String)>,
    pub removed: Vec<(ParticipantId, String)>,
}

impl Scene {
    /// Whether this will surely be an act, asked for the second time; and what it leads to.
    fn expects(&mut self, request: &Request) -> bool {
        if let Request::Lock { locked } = request {
            return std::mem::replace(&mut self.locked, *locked) != *locked;
        }
        if *request == Request::Freeze {
            return self.frozen.replace(0) != Some(0);
        }
        if let Request::Thaw { step } = request {
            let fits = self.frozen.filter(|done| THAWING[*done] == *step);
            self.frozen =
                fits.map_or(self.frozen, |done| Some(done + 1).filter(|done| *done < THAWING.len()));
            return fits.is_some();
        }
        true
    }
}

const THAWING: [ThawStep; 3] = [ThawStep::Microphones, ThawStep::Cameras, ThawStep::Chat];

/// What a facilitator sees to, so that nobody else's command decides what becomes of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    LockAndRemoval,
    Freeze,
    Door,
}

impl Person {
    /// Commands at full speed, until it is stopped from outside.
    pub async fn command(&mut self, office: Office, mut scene: Scene, chance: &mut Chance) {
        let repeated = self.asked.len();
        self.ask_again(&mut scene).await;
        for number in repeated.. {
            if number >= BURST {
                tokio::time::sleep(BETWEEN).await;
            } else if chance.one_in(3) {
                tokio::time::sleep(Duration::from_millis(chance.below(12).into())).await;
            }
            let asked = match office {
                _ if chance.one_in(2) => gate(&scene, chance),
                Office::LockAndRemoval => lock_or_remove(&mut scene, chance),
                Office::Freeze => freeze_or_thaw(&mut scene, chance),
                Office::Door => self.door(chance),
            };
            if let Some((request, act, subject)) = asked {
                let id = Client::fresh_id();
                self.ask(Asked { id, request, act, subject, surely: true, answer: None }).await;
            }
        }
    }

    /// What members do all the time.
    pub async fn stir(&mut self, server: SocketAddr, chance: &mut Chance) {
        let returns_at = chance.below(60) as usize;
        for number in 0.. {
            tokio::time::sleep(Duration::from_millis(chance.below(25).into())).await;
            if number == returns_at {
                self.hang_up();
                self.come_back(server).await;
            }
            let request = match chance.below(5) {
                0 => Request::SetOwn { source: Source::Microphone, open: true },
                1 => Request::SetOwn { source: Source::Camera, open: false },
                2 => Request::RaiseHand { kind: HandKind::Speak },
                3 => Request::LowerHand,
                _ => Request::OpenOnTurn { on: chance.one_in(2) },
            };
            if let Some(client) = self.client.as_ref().filter(|_| number < BURST) {
                client.ask(request).await;
            }
        }
    }

    fn door(&self, chance: &mut Chance) -> Option<What> {
        let told = self.client.as_ref()?.told();
        let desk = told.view.as_ref()?.desk.as_ref()?;
        if chance.one_in(6) {
            let denied = chance.pick(&desk.denied)?;
            return Some((Request::UndoDenial { knock: denied.knock }, "denial_undone", None));
        }
        let knock = chance.pick(&desk.knocks)?.id;
        Some(if chance.one_in(3) {
            (Request::Deny { knock }, "denied", None)
        } else {
            (Request::Admit { knock, through_lock: true }, "admitted", None)
        })
    }
}

type What = (Request, &'static str, Option<String>);

fn gate(scene: &Scene, chance: &mut Chance) -> Option<What> {
    let sources = [Source::Microphone, Source::Camera, Source::Screen];
    let source = *chance.pick(&sources)?;
    if chance.one_in(8) {
        return Some((Request::GateAll { source, except: Vec::new() }, "all_gates_closed", None));
    }
    let (participant, subject) = chance.pick(&scene.core)?.clone();
    let open = chance.one_in(2);
    let act = if open { "gate_opened" } else { "gate_closed" };
    Some((Request::SetGate { participant, source, open }, act, Some(subject)))
}

fn lock_or_remove(scene: &mut Scene, chance: &mut Chance) -> Option<What> {
    if chance.one_in(3) && !scene.seated.is_empty() {
        let (participant, subject) = scene.seated.swap_remove(0);
        return Some((Request::Remove { participant }, "removed", Some(subject)));
    }
    if chance.one_in(8) && !scene.removed.is_empty() {
        let (participant, subject) = scene.removed.swap_remove(0);
        return Some((Request::UndoRemoval { participant }, "removal_undone", Some(subject)));
    }
    scene.locked = !scene.locked;
    let act = if scene.locked { "locked" } else { "unlocked" };
    Some((Request::Lock { locked: scene.locked }, act, None))
}

#[expect(clippy::unnecessary_wraps, reason = "as its sisters")]
fn freeze_or_thaw(scene: &mut Scene, chance: &mut Chance) -> Option<What> {
    match scene.frozen {
        Some(done) if done == 0 || chance.one_in(2) => {
            scene.frozen = Some(done + 1).filter(|done| *done < THAWING.len());
            Some((Request::Thaw { step: THAWING[done] }, "thawed", None))
        }
        None | Some(_) => {
            scene.frozen = Some(0);
            Some((Request::Freeze, "frozen", None))
        }
    }
}
