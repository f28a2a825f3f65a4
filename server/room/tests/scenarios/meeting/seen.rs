//! What is to be seen of a meeting.

use hearth_forwarding::{Reason, Row, Source, Subject};
use hearth_protocol::{ByeReason, Change, KnockId, Message, Participant, ParticipantId, RoomView};
use hearth_room::{Act, Command, ConnectionId, Effects, Words};

use super::{Heard, Meeting};

impl Meeting {
    /// Whose connections the last words with this text went to.
    pub fn readers(&self, text: &str) -> Vec<&str> {
        let said = |heard: &Heard| heard.messages.iter().any(|message| message.text == text);
        let all = self.at.iter().filter(|(_, at)| self.heard.get(at).is_some_and(said));
        all.map(|(name, _)| name.as_str()).collect()
    }

    pub fn message(&self, name: &str, text: &str) -> Message {
        let found = self.hears(name).messages.iter().rfind(|message| message.text == text);
        found.unwrap_or_else(|| panic!("{name} does not read {text}")).clone()
    }

    /// How often this connection was told so.
    pub fn changes(&self, name: &str, wanted: impl Fn(&Change) -> bool) -> usize {
        self.hears(name).deltas.iter().flatten().filter(|change| wanted(change)).count()
    }

    pub fn keep(&mut self, effects: &Effects) {
        for tell in effects.farewell.iter().chain(&effects.tell) {
            let text = match &tell.words {
                Words::Frame(frame) => serde_json::to_string(frame),
                Words::Snapshot(view) => serde_json::to_string(view),
                Words::Delta(changes) => serde_json::to_string(&changes.iter().collect::<Vec<_>>()),
                Words::Bye(bye) => serde_json::to_string(bye),
            };
            self.told.push((self.now, tell.to, text.expect("a wire type can be written")));
        }
        let done = Effects { tell: Vec::new(), ..effects.clone() };
        if done != (Effects { version: done.version, ..Effects::default() }) {
            self.done.push((self.now, done));
        }
    }

    /// Whoever counts deltas sees what a fresh snapshot would show.
    pub fn views_are_current(&mut self) {
        let connections: Vec<_> = self
            .heard
            .iter()
            .filter(|(_, heard)| heard.view.is_some() && heard.bye.is_none())
            .map(|(at, _)| *at)
            .collect();
        for connection in connections {
            let mut twin = self.room.clone();
            let effects = twin.apply(self.now, Command::Refresh { connection });
            for tell in effects.tell {
                let Words::Snapshot(mut fresh) = tell.words else { continue };
                assert_eq!(tell.to, connection);
                let seen = self.heard[&connection].view.as_ref().expect("just looked");
                fresh.now = seen.now;
                assert_eq!(*seen, *fresh, "deltas of {connection:?} went astray");
            }
        }
    }

    pub fn hears(&self, name: &str) -> &Heard {
        &self.heard[&self.at[name]]
    }

    pub fn view(&self, name: &str) -> &RoomView {
        self.hears(name).view.as_ref().unwrap_or_else(|| panic!("{name} has no view"))
    }

    pub fn bye(&self, name: &str) -> Option<ByeReason> {
        self.hears(name).bye.as_ref().map(|bye| bye.reason)
    }

    pub fn id(&self, name: &str) -> ParticipantId {
        self.ids[name]
    }

    pub fn subject(&self, name: &str) -> Subject {
        Subject(self.ids[name].0)
    }

    pub fn row(&self, name: &str) -> Option<&Row> {
        self.table.row(self.subject(name))
    }

    pub fn closed(&self, name: &str, source: Source) -> Vec<Reason> {
        self.row(name).unwrap_or_else(|| panic!("{name} has no row")).closed[source.index()].iter().collect()
    }

    /// Whether anyone's relay would forward this source of theirs to at least one listener.
    pub fn is_heard(&self, name: &str, source: Source) -> bool {
        let Some(row) = self.row(name) else { return false };
        let speaker = (row.subject, row.generation);
        self.table
            .rows
            .iter()
            .any(|to| self.table.permits(speaker, source, (to.subject, to.generation)).is_ok())
    }

    pub fn sees(&self, viewer: &str, name: &str) -> Option<&Participant> {
        let id = self.id(name);
        self.view(viewer).participants.iter().find(|one| one.id == id)
    }

    /// Whether this source of one reaches that very listener.
    pub fn reaches(&self, name: &str, source: Source, listener: &str) -> bool {
        let (Some(from), Some(to)) = (self.row(name), self.row(listener)) else { return false };
        self.table.permits((from.subject, from.generation), source, (to.subject, to.generation)).is_ok()
    }

    pub fn notices(&self, name: &str, wanted: hearth_protocol::Notice) -> usize {
        let changes = self.hears(name).deltas.iter().flatten();
        changes.filter(|change| **change == Change::Notice { notice: wanted }).count()
    }

    pub fn knock_of(&self, name: &str) -> KnockId {
        let facilitator = self.a_facilitator();
        let desk = self.view(&facilitator).desk.as_ref().expect("a facilitator has a desk");
        let alias = |knock: &&hearth_protocol::Knock| knock.alias == name;
        desk.knocks.iter().find(alias).unwrap_or_else(|| panic!("{name} does not wait: {:?}", desk.knocks)).id
    }

    pub fn a_facilitator(&self) -> String {
        let desk = |at: &ConnectionId| {
            let heard = &self.heard[at];
            heard.bye.is_none() && heard.view.as_ref().is_some_and(|view| view.desk.is_some())
        };
        let connected = |at: &ConnectionId| self.room.media_peer(*at).is_some();
        let found = self.at.iter().find(|(_, at)| desk(at) && connected(at));
        found.expect("no facilitator is there").0.clone()
    }

    pub fn is_connected(&self, name: &str) -> bool {
        self.room.media_peer(self.at[name]).is_some()
    }

    pub fn acts(&self, wanted: impl Fn(&Act) -> bool) -> usize {
        self.record.iter().filter(|record| wanted(&record.act)).count()
    }
}
