//! A server that is killed at any instant, again and again, in the middle of what a group asks of it; and whether everything that
//! it had acknowledged still holds when it is there again.

mod person;
mod program;
mod referee;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hearth::{Grant, RoomId};
use hearth_protocol::{ByeReason, Credential, Reason, Request, Role};

use crate::chance::Chance;
use crate::group::grant;
use person::{Office, Person, Received, Scene};
use program::{Home, Program, ROOM};
use referee::{Asked, Referee, SOURCES, Standing};

const FACILITATORS: [(&str, Office); 3] =
    [("fay", Office::LockAndRemoval), ("gus", Office::Freeze), ("hal", Office::Door)];
const MEMBERS: [&str; 6] = ["ada", "ben", "cleo", "dan", "eve", "finn"];
/// A kill comes at most so long after the storm begins.
const STORM_MS: u32 = 350;
/// A kill that meets people as they come back comes at most so long after the doors open.
const RETURN_MS: u32 = 60;
/// Newcomers in each storm.
const VISITORS: usize = 2;
/// Whoever came so many kills ago is not looked at again.
const VISITORS_KEPT: usize = 6;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub kills: usize,
    /// Of those, before everyone was back from the one before.
    pub while_returning: usize,
    /// Commands that were answered by `ok`, all of them found again.
    pub acknowledged: usize,
    /// Commands without an answer at the kill and without a trace in the audit.
    pub in_doubt: usize,
    /// Of those, asked again by the same id after the restart.
    pub repeated: usize,
    pub returns: usize,
    pub rows: usize,
    /// From the kill to everyone being back and everything compared.
    pub healed: Vec<Duration>,
}

impl Report {
    pub fn add(&mut self, other: Report) {
        self.kills += other.kills;
        self.while_returning += other.while_returning;
        self.acknowledged += other.acknowledged;
        self.in_doubt += other.in_doubt;
        self.repeated += other.repeated;
        self.returns += other.returns;
        self.rows += other.rows;
        self.healed.extend(other.healed);
    }
}

/// A meeting that is killed so often, and at last in the middle of its end. An error says what did not hold.
pub async fn night(seed: u64, kills: usize) -> Result<Report, String> {
    let mut night = Night::begin(seed).await?;
    while night.report.kills < kills {
        night.storm().await;
        night.fall().await?;
        night.report.in_doubt += night.facilitators.iter().map(|person| person.asked.len()).sum::<usize>();
        night.rise().await?;
    }
    night.end().await?;
    Ok(night.report)
}

struct Night {
    home: Home,
    program: Program,
    chance: Chance,
    facilitators: Vec<Person>,
    members: Vec<Person>,
    /// Oldest first.
    visitors: Vec<Person>,
    came: usize,
    referee: Referee,
    report: Report,
    fell: Instant,
}

impl Night {
    async fn begin(seed: u64) -> Result<Night, String> {
        let home = Home::make(&seed.to_string());
        let program = home.start();
        let person = |subject: &str, role| Person::new(subject, role, home.ticket(&grant_of(subject, role)));
        let facilitators =
            FACILITATORS.iter().zip([Role::Facilitator, Role::Cofacilitator, Role::Cofacilitator]);
        let mut facilitators: Vec<_> =
            facilitators.map(|((subject, _), role)| person(subject, role)).collect();
        let mut members: Vec<_> = MEMBERS.iter().map(|subject| person(subject, Role::Member)).collect();
        facilitators[0].knock(program.address).await;
        let (lead, others) = facilitators.split_first_mut().expect("there are three");
        let desk = lead.client.as_ref().ok_or("the lead did not get in")?;
        desk.until_seated().await;
        for person in others.iter_mut().chain(&mut members) {
            person.knock(program.address).await;
            desk.admit(&person.alias).await;
            person.client.as_ref().ok_or("somebody did not get in")?.until_seated().await;
            lead.asked.push(Asked::admitted(&person.subject));
        }
        Ok(Night {
            home,
            program,
            chance: Chance::new(seed),
            facilitators,
            members,
            visitors: Vec::new(),
            came: 0,
            referee: Referee::default(),
            report: Report::default(),
            fell: Instant::now(),
        })
    }

    fn core(&self) -> Vec<String> {
        self.members.iter().map(|person| person.subject.clone()).collect()
    }

    fn everyone(&mut self) -> impl Iterator<Item = &mut Person> {
        self.facilitators.iter_mut().chain(&mut self.members).chain(&mut self.visitors)
    }

    /// Everybody asks at once, for a while that nobody knows beforehand; newcomers knock.
    async fn storm(&mut self) {
        for _ in 0..VISITORS {
            self.came += 1;
            let subject = format!("visitor-{}", self.came);
            let ticket = self.home.ticket(&grant_of(&subject, Role::Member));
            self.visitors.push(Person::new(&subject, Role::Member, ticket));
        }
        let scene = self.scene();
        for person in &mut self.facilitators {
            if self.chance.one_in(2) {
                self.report.repeated += person.asked.iter().filter(|asked| asked.answer.is_none()).count();
            } else {
                person.asked.retain(|asked| asked.answer.is_some());
            }
        }
        let (address, seed) = (self.program.address, self.chance.next());
        let chances = |at: usize| Chance::new(seed.wrapping_add(at as u64));
        let commands =
            self.facilitators.iter_mut().zip(FACILITATORS).enumerate().map(|(at, (person, (_, office)))| {
                let (scene, mut chance) = (scene.clone(), chances(at));
                async move { person.command(office, scene, &mut chance).await }
            });
        let stirs = self.members.iter_mut().enumerate().map(|(at, person)| {
            let mut chance = chances(100 + at);
            async move { person.stir(address, &mut chance).await }
        });
        let newcomers = self.visitors.iter_mut().rev().take(VISITORS).map(|person| async move {
            person.knock(address).await;
        });
        let all = async { tokio::join!(join_all(commands), join_all(stirs), join_all(newcomers)) };
        let storm = Duration::from_micros(u64::from(self.chance.below(STORM_MS * 1_000)));
        // It never ends by itself.
        let _ = tokio::time::timeout(storm, all).await;
    }

    fn scene(&self) -> Scene {
        let known = |people: &[Person], standing: Option<Standing>| {
            let fits =
                |person: &&Person| standing.is_none_or(|it| self.referee.standing(&person.subject) == it);
            let known = people.iter().filter(fits).filter_map(|one| Some((one.id?, one.subject.clone())));
            known.collect::<Vec<_>>()
        };
        Scene {
            locked: self.referee.locked,
            frozen: self.referee.frozen,
            core: known(&self.members, None),
            seated: known(&self.visitors, Some(Standing::Seated)),
            removed: known(&self.visitors, Some(Standing::Removed)),
        }
    }

    /// The kill, and what the files say of it.
    async fn fall(&mut self) -> Result<(), String> {
        self.program.kill();
        self.fell = Instant::now();
        self.report.kills += 1;
        join_all(self.everyone().map(Person::hear_the_end)).await;
        let core = self.core();
        let came = (1..=self.came).map(|number| format!("visitor-{number}"));
        let subjects =
            FACILITATORS.iter().map(|(subject, _)| (*subject).to_owned()).chain(core.clone()).chain(came);
        let (rows, names) = self.home.record(&subjects.collect::<Vec<_>>()).await;
        self.report.rows = rows.len();
        self.referee.read(&rows, &names, &core)?;
        for person in &mut self.facilitators {
            let answered = person.asked.iter().filter_map(|asked| asked.answer);
            self.report.acknowledged += answered.filter(Result::is_ok).count();
            self.referee.judge(&person.subject, &mut person.asked)?;
        }
        for visitor in self.visitors.iter().filter(|person| person.was_let_in()) {
            if !self.referee.spent.contains(&visitor.subject) {
                return Err(format!("the ticket of {} was spent, and is not any more", visitor.subject));
            }
        }
        Ok(())
    }

    /// Everyone comes back, perhaps into another kill; then the room is compared with what the audit says.
    async fn rise(&mut self) -> Result<(), String> {
        self.program = self.home.start();
        while self.chance.one_in(4) {
            let patience = Duration::from_micros(u64::from(self.chance.below(RETURN_MS * 1_000)));
            let address = self.program.address;
            let returns = join_all(self.everyone().map(|person| person.come_back(address)));
            // Whether they are in time is not the question.
            let _ = tokio::time::timeout(patience, returns).await;
            self.report.while_returning += 1;
            self.fall().await?;
            self.program = self.home.start();
        }
        let address = self.program.address;
        let core = self.facilitators.iter_mut().chain(&mut self.members);
        let received = join_all(core.map(|person| person.come_back(address))).await;
        self.report.returns += received.len();
        for (person, received) in self.facilitators.iter().chain(&self.members).zip(received) {
            if received != Received::Seated {
                return Err(format!("{} came back to no seat: {received:?}", person.subject));
            }
            check_seat(person)?;
        }
        self.check_room().await?;
        for at in 0..self.visitors.len() {
            self.check_visitor(at).await?;
        }
        let old = self.visitors.len().saturating_sub(VISITORS_KEPT * VISITORS);
        self.visitors.drain(..old);
        self.report.healed.push(self.fell.elapsed());
        Ok(())
    }

    async fn check_room(&self) -> Result<(), String> {
        let lead = self.facilitators[0].client.as_ref().ok_or("the lead is not there")?;
        let all = self.facilitators.len() + self.members.len();
        let view = lead.until_view("everyone to be back", |view| view.participants.len() >= all).await;
        let found = (
            view.room.locked,
            view.room.frozen.as_ref().map(|frozen| frozen.thawed.len()),
            view.room.hold.is_some(),
        );
        let expected = (self.referee.locked, self.referee.frozen, false);
        if found != expected {
            return Err(format!("locked, frozen, on hold: {found:?} after the restart, {expected:?} before"));
        }
        let desk = view.desk.ok_or("the lead has no desk")?;
        for person in &self.members {
            let gates = desk.gates.iter().find(|gates| Some(gates.participant) == person.id);
            let gates = &gates.ok_or_else(|| format!("{} has no gates", person.subject))?.gates;
            for (reasons, (_, source)) in
                [&gates.microphone, &gates.camera, &gates.screen].into_iter().zip(SOURCES)
            {
                let (closed, before) = (
                    reasons.contains(&Reason::Facilitator),
                    self.referee.closed.contains(&(person.subject.clone(), source)),
                );
                if closed != before {
                    return Err(format!(
                        "{}'s {source} is closed: {closed}, before: {before}",
                        person.subject
                    ));
                }
            }
        }
        for visitor in &self.visitors {
            let removed = desk.removed.iter().any(|one| Some(one.participant) == visitor.id);
            if visitor.id.is_some()
                && removed != (self.referee.standing(&visitor.subject) == Standing::Removed)
            {
                return Err(format!("{} is on the list of the removed: {removed}", visitor.subject));
            }
        }
        Ok(())
    }

    /// A spent ticket stays spent; whoever was denied or removed stays outside; all others are where they were.
    async fn check_visitor(&mut self, at: usize) -> Result<(), String> {
        let (address, standing) = (self.program.address, self.referee.standing(&self.visitors[at].subject));
        let fresh = self.home.ticket(&grant_of(&self.visitors[at].subject, Role::Member));
        let visitor = &mut self.visitors[at];
        let subject = visitor.subject.clone();
        if self.referee.spent.contains(&subject) {
            let old = Credential::Ticket { ticket: visitor.ticket.clone() };
            let received = Person::new("again", Role::Member, String::new()).present(address, old).await;
            expect(&subject, "the spent ticket", received, &[Received::Away(ByeReason::BadHello)])?;
        }
        match standing {
            Standing::Denied | Standing::Removed => {
                let again = Credential::Ticket { ticket: fresh };
                let received =
                    Person::new("again", Role::Member, String::new()).present(address, again).await;
                expect(
                    &subject,
                    "a fresh ticket after denial",
                    received,
                    &[Received::Away(ByeReason::NotNow)],
                )?;
                if visitor.secret.is_some() {
                    let received = visitor.come_back(address).await;
                    expect(
                        &subject,
                        "the old secret after denial",
                        received,
                        &[Received::Away(ByeReason::BadHello)],
                    )?;
                }
            }
            Standing::Waiting | Standing::Seated if visitor.secret.is_some() => {
                let expected =
                    if standing == Standing::Seated { Received::Seated } else { Received::AtTheDoor };
                expect(&subject, "the secret", visitor.come_back(address).await, &[expected])?;
                if standing == Standing::Seated {
                    check_seat(visitor)?;
                }
            }
            Standing::Nowhere | Standing::Waiting | Standing::Seated => {}
        }
        Ok(())
    }

    /// The end asked for twice, as it has to be, and a kill around it.
    async fn end(&mut self) -> Result<(), String> {
        let lead = self.facilitators[0].client.as_ref().ok_or("the lead is not there")?;
        let Some(hearth_protocol::Outcome::Confirm { word }) =
            lead.must(Request::EndNow { confirm: None }).await
        else {
            return Err("no word to confirm the end with".to_owned());
        };
        let id = lead.ask(Request::EndNow { confirm: Some(word) }).await;
        let until = Duration::from_micros(u64::from(self.chance.below(20_000)));
        let told = lead.within(until, |told| told.answer(&id)).await.is_some();
        self.program.kill();
        let told = told || lead.within(Duration::from_secs(5), |told| told.answer(&id)).await.is_some();
        let ended = self.has_ended().await?;
        if told && !ended {
            return Err("the end was acknowledged, and the session goes on".to_owned());
        }
        self.program = self.home.start();
        for at in 0..self.visitors.len() {
            let standing = self.referee.standing(&self.visitors[at].subject);
            let denied = matches!(standing, Standing::Denied | Standing::Removed);
            let spent = self.referee.spent.contains(&self.visitors[at].subject);
            let fresh = self.home.ticket(&grant_of(&self.visitors[at].subject, Role::Member));
            let again = [
                (denied, fresh, ByeReason::NotNow),
                (spent, self.visitors[at].ticket.clone(), ByeReason::BadHello),
            ];
            for (_, ticket, reason) in again.into_iter().filter(|(tried, ..)| *tried) {
                let credential = Credential::Ticket { ticket };
                let received = Person::new("again", Role::Member, String::new())
                    .present(self.program.address, credential)
                    .await;
                expect(
                    &self.visitors[at].subject,
                    "a ticket after the end",
                    received,
                    &[Received::Away(reason)],
                )?;
            }
        }
        Ok(())
    }

    async fn has_ended(&mut self) -> Result<bool, String> {
        let subjects: Vec<String> = FACILITATORS.iter().map(|(subject, _)| (*subject).to_owned()).collect();
        let (rows, _) = self.home.record(&subjects).await;
        Ok(rows.iter().filter(|row| row.act == "ended").count() == 1)
    }
}

/// The same number, and silent.
fn check_seat(person: &Person) -> Result<(), String> {
    let client = person.client.as_ref().ok_or("nobody is there")?;
    let you = client.view().you;
    if person.id.is_some_and(|id| id != you.participant) {
        return Err(format!("{} came back as {:?}", person.subject, you.participant));
    }
    let role = client.view().participants.iter().find(|one| one.id == you.participant).map(|one| one.role);
    if role != Some(person.role) {
        return Err(format!("{} came back as a {role:?}", person.subject));
    }
    let gates = [&you.gates.microphone, &you.gates.camera, &you.gates.screen];
    if !gates.into_iter().all(|reasons| reasons.contains(&Reason::Self_)) {
        return Err(format!("{} came back and can be heard or seen: {:?}", person.subject, you.gates));
    }
    Ok(())
}

fn expect(subject: &str, what: &str, received: Received, expected: &[Received]) -> Result<(), String> {
    if expected.contains(&received) {
        return Ok(());
    }
    Err(format!("{subject}: {what} led to {received:?}, not to {expected:?}"))
}

fn grant_of(subject: &str, role: Role) -> Grant {
    let rank = if role == Role::Facilitator { 0 } else { 9 };
    Grant {
        subject: subject.to_owned(),
        rank,
        ..grant(&RoomId::parse(ROOM).expect("a room's id"), subject, role)
    }
}
