//! Law 11: the same meeting without the signals. Whatever anybody but facilitators and the senders is sent, and when, is the same in
//! both, to the byte; so are the relay's table, the record, what is kept, and when anything happens by itself.

use std::collections::BTreeSet;

use hearth_protocol::Request;
use hearth_room::{Command, ConnectionId, Effects, Room, Tell};

use crate::{
    judge::{Broken, law},
    model::is_signal,
    script::Script,
};

/// So long both are held: longer than it takes to be repeated, told and forgotten.
const STEPS: u32 = 80;

#[derive(Clone, Debug)]
pub struct Unsignalled {
    room: Room,
    /// Whose signals are missing here.
    senders: BTreeSet<String>,
    /// A facilitator has answered: what is kept of that differs.
    answered: bool,
    /// No signal stood as they parted: nothing is due here for one.
    bare: bool,
    left: u32,
}

impl Unsignalled {
    pub fn new(room: &Room, bare: bool) -> Unsignalled {
        Unsignalled { room: room.clone(), senders: BTreeSet::new(), answered: false, bare, left: STEPS }
    }

    /// `spared`: the facilitators' connections, who are meant to see it. Whether both go on.
    pub fn follow(
        &mut self,
        now: u32,
        command: Option<&Command>,
        effects: &[Effects],
        mut spared: BTreeSet<ConnectionId>,
        script: &Script,
        room: &Room,
    ) -> Result<bool, Broken> {
        let mut followed = vec![self.repeat(now, command, script)];
        while self.room.poll_timeout().is_some_and(|at| at <= now) && followed.len() < 20 {
            followed.push(self.room.handle_timeout(now));
        }
        let senders = script.people.iter().filter(|person| self.senders.contains(&person.subject));
        spared.extend(senders.flat_map(|person| &person.connections));
        let (with, without) = (others(effects, &spared), others(&followed, &spared));
        law!(with == without, "11", "with the signal others hear {with:#?}\nwithout it {without:#?}")?;
        let (with, without) = (kept(effects), kept(&followed));
        law!(with == without, "11", "with the signal {with:#?}\nwithout it {without:#?}")?;
        let (with, without) = (room.table(), self.room.table());
        law!(with == without, "11", "with the signal the table is {with:?}\nwithout it {without:?}")?;
        let (next, before) = (room.poll_timeout(), self.room.poll_timeout());
        let early = before.is_none_or(|before| next.is_some_and(|next| next <= before));
        law!(early || !self.bare, "11", "with the signal {next:?} is due next, without it {before:?}")?;
        self.left -= 1;
        if self.left == 0 && !self.answered {
            let (with, without) = (room.snapshot(), self.room.snapshot());
            let [with, without] =
                [with, without].map(|one| serde_json::to_string(&one).expect("a snapshot is JSON"));
            law!(with == without, "11", "with the signal {with}\nis kept, without it {without}")?;
        }
        Ok(self.left > 0)
    }

    fn repeat(&mut self, now: u32, command: Option<&Command>, script: &Script) -> Effects {
        let Some(command) = command else { return self.room.handle_timeout(now) };
        if let Command::Request { connection, request, .. } = command {
            self.answered |= matches!(request, Request::AnswerSignal { .. });
            if is_signal(request) {
                let sender = script.people.iter().find(|person| person.connections.contains(connection));
                self.senders.extend(sender.map(|person| person.subject.clone()));
                // That they are heard of has nothing to do with what they say.
                return self.room.apply(now, Command::Heard { connection: *connection });
            }
        }
        self.room.apply(now, command.clone())
    }
}

fn others<'a>(effects: &'a [Effects], spared: &BTreeSet<ConnectionId>) -> Vec<&'a Tell> {
    let told = effects.iter().flat_map(|effects| effects.farewell.iter().chain(&effects.tell));
    told.filter(|tell| !spared.contains(&tell.to)).collect()
}

/// What the relay, the record and the store get.
fn kept(effects: &[Effects]) -> Vec<Effects> {
    let same = |one: &Effects| Effects { farewell: None, tell: Vec::new(), ..one.clone() };
    let empty = |one: &Effects| *one == Effects { version: one.version, ..Effects::default() };
    effects.iter().map(same).filter(|one| !empty(one)).collect()
}
