//! What people write. Kept nowhere: only who was told which message, so that it can be taken away again from all of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hearth_forwarding::Subject;
use hearth_protocol::{
    Audience, Change, ChatPolicy, Message, MessageId, MessageKind, Millis, ParticipantId, RefusalCode, Role,
    TEXT_CHARS_MAX,
};

use crate::seat::{Seat, participant};
use crate::{Changes, ConnectionId, Effects, Fresh, Room, Tell, Words};

/// Of each author. Of older messages nobody knows any more who was told.
const REMEMBERED: usize = 64;
/// So many texts of one person in so much time.
const TEXTS_MAX: usize = 8;
const TEXTS_MS: u32 = 10_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chat {
    /// By author, so that nobody's words make another's be forgotten.
    written: BTreeMap<Subject, VecDeque<Written>>,
    /// When each last wrote.
    paces: BTreeMap<Subject, VecDeque<u32>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    id: MessageId,
    told: Vec<Subject>,
    /// Taken away.
    unsaid: bool,
    /// That it is was not told yet.
    untold: bool,
}

impl Room {
    pub(crate) fn say(
        &mut self,
        out: &mut Effects,
        me: Subject,
        to: Audience,
        text: &str,
        fresh: &Fresh,
    ) -> Result<(), RefusalCode> {
        self.check_audience(me, to)?;
        self.keep_pace(me)?;
        self.write(out, me, to, MessageKind::Chat, text, fresh).map(|_| ())
    }

    /// The turn of whoever sits at this device, in text: with the chat closed too, but neither in a freeze nor on hold.
    pub(crate) fn say_turn(
        &mut self,
        out: &mut Effects,
        me: Subject,
        text: &str,
        fresh: &Fresh,
    ) -> Result<(), RefusalCode> {
        let speaker = self.speaker_at(me).ok_or(RefusalCode::NotPossible)?;
        self.check_open_to_words(me)?;
        if !self.may_write(speaker) {
            return Err(RefusalCode::NotPossible);
        }
        self.keep_pace(me)?;
        self.write(out, speaker, Audience::Room, MessageKind::Turn, text, fresh)?;
        self.heard_by_text(speaker);
        Ok(())
    }

    /// By its author, or by any facilitator who was told it: for everyone who was, and whoever of them is away is told on return.
    pub(crate) fn unsay(&mut self, me: Subject, id: MessageId) -> Result<(), RefusalCode> {
        let facilitator = self.is_facilitator(me);
        let here: Vec<Subject> = std::iter::once(me).chain(self.beside(me)).collect();
        for (from, written) in &mut self.chat.written {
            let found = written.iter_mut().find(|one| one.id == id && !one.unsaid);
            if let Some(one) =
                found.filter(|one| here.contains(from) || (facilitator && one.told.contains(&me)))
            {
                (one.unsaid, one.untold) = (true, true);
                self.take_back_feedback(id);
                return Ok(());
            }
        }
        Err(RefusalCode::NotFound)
    }

    /// Follows the views: whoever was away, or lost count, is told again what is gone.
    pub(crate) fn tell_unsaid(&mut self, out: &mut Effects) {
        let anew = |tell: &&Tell| matches!(tell.words, Words::Snapshot(_));
        let anew: BTreeSet<ConnectionId> = out.tell.iter().filter(anew).map(|tell| tell.to).collect();
        let hearing: Vec<(ConnectionId, Subject)> = self.hearing().collect();
        for one in self.chat.written.values_mut().flatten().filter(|one| one.unsaid) {
            for (to, reader) in &hearing {
                if one.told.contains(reader) && (one.untold || anew.contains(to)) {
                    let words = Words::Delta(Changes::own(vec![Change::Unsaid { message: one.id }]));
                    out.tell.push(Tell { to: *to, words });
                }
            }
            one.untold = false;
        }
    }

    /// Tells these words to whom they are for, and to who wrote them.
    pub(crate) fn write(
        &mut self,
        out: &mut Effects,
        from: Subject,
        to: Audience,
        kind: MessageKind,
        text: &str,
        fresh: &Fresh,
    ) -> Result<MessageId, RefusalCode> {
        let text = words(text)?;
        let id = self.message_id(fresh);
        let readers: Vec<(ConnectionId, Subject)> =
            self.hearing().filter(|(_, reader)| *reader == from || self.reads(*reader, from, to)).collect();
        let message = Message { id, from: participant(from), to, kind, text, at: Millis(self.now) };
        out.tell_alike(readers.iter().map(|(to, _)| *to), Change::Message(message));
        let told = readers.into_iter().map(|(_, reader)| reader).collect();
        let written = self.chat.written.entry(from).or_default();
        written.push_back(Written { id, told, unsaid: false, untold: false });
        if written.len() > REMEMBERED {
            written.pop_front();
        }
        Ok(id)
    }

    /// By chance: a number that counted would tell everyone how much is written that they do not see.
    fn message_id(&self, fresh: &Fresh) -> MessageId {
        let [a, b, c, d, ..] = fresh.hash.0;
        let mut id = MessageId(u32::from_be_bytes([a, b, c, d]));
        while self.chat.written.values().flatten().any(|one| one.id == id) {
            id = MessageId(id.0.wrapping_add(1));
        }
        id
    }

    fn reads(&self, reader: Subject, from: Subject, to: Audience) -> bool {
        match to {
            Audience::Room => self.space_of(reader) == self.space_of(self.device_of(from)),
            Audience::Everywhere => true,
            Audience::Facilitators | Audience::Team => self.is_facilitator(reader),
            Audience::Participant { participant } => participant.0 == reader.0,
        }
    }

    fn check_audience(&self, me: Subject, to: Audience) -> Result<(), RefusalCode> {
        if self.is_facilitator(me) {
            return match to {
                Audience::Participant { participant } => self.check_reader(me, participant),
                Audience::Room | Audience::Everywhere | Audience::Facilitators | Audience::Team => Ok(()),
            };
        }
        self.check_writes(me)?;
        match to {
            Audience::Everywhere | Audience::Team => Err(RefusalCode::NotAllowed),
            Audience::Facilitators => {
                // Whoever writes is to know that nobody would read it.
                let anyone = self.hearing().any(|(_, reader)| self.is_facilitator(reader));
                if anyone { Ok(()) } else { Err(RefusalCode::NotPossible) }
            }
            Audience::Room => self.check_chat(me, ChatPolicy::Room),
            Audience::Participant { participant } => {
                self.check_reader(me, participant)?;
                let to = Subject(participant.0);
                if self.is_facilitator(to) {
                    return Ok(());
                }
                let listens = self.seats.get(&to).is_none_or(|seat| seat.role == Role::Observer);
                if listens || self.space_of(to) != self.space_of(me) {
                    return Err(RefusalCode::NotPossible);
                }
                self.check_chat(me, ChatPolicy::Members)
            }
        }
    }

    pub(crate) fn check_reader(&self, me: Subject, of: ParticipantId) -> Result<(), RefusalCode> {
        let of = Subject(of.0);
        if !self.is_hearing(of) {
            return Err(RefusalCode::NotFound);
        }
        if of == me { Err(RefusalCode::NotPossible) } else { Ok(()) }
    }

    fn check_chat(&self, me: Subject, least: ChatPolicy) -> Result<(), RefusalCode> {
        self.check_open_to_words(me)?;
        let spared = self.seats.get(&me).is_some_and(|seat| self.is_in_crisis(seat));
        let open = match if spared { self.base_chat() } else { self.chat_policy() } {
            ChatPolicy::Facilitators => false,
            ChatPolicy::Room => least == ChatPolicy::Room,
            ChatPolicy::Members => true,
        };
        if open { Ok(()) } else { Err(RefusalCode::NotPossible) }
    }

    /// Whether this person's words may go to the group at all: by their level, and unless freeze or hold closes them.
    pub(crate) fn check_open_to_words(&self, me: Subject) -> Result<(), RefusalCode> {
        self.check_writes(me)?;
        if self.is_facilitator(me) {
            return Ok(());
        }
        let spared = self.seats.get(&me).is_some_and(|seat| self.is_in_crisis(seat));
        if self.hold.is_some() && !spared {
            return Err(RefusalCode::OnHold);
        }
        if self.freeze.is_some() && !spared {
            return Err(RefusalCode::Frozen);
        }
        if self.may_write(me) { Ok(()) } else { Err(RefusalCode::NotPossible) }
    }

    /// Observers receive and never send.
    pub(crate) fn check_writes(&self, me: Subject) -> Result<(), RefusalCode> {
        let seat = self.seats.get(&me).ok_or(RefusalCode::NotSeated)?;
        if seat.role == Role::Observer { Err(RefusalCode::NotAllowed) } else { Ok(()) }
    }

    /// A text too many is refused, and does not count.
    pub(crate) fn keep_pace(&mut self, me: Subject) -> Result<(), RefusalCode> {
        let now = self.now;
        let pace = self.chat.paces.entry(me).or_default();
        pace.retain(|at| now < at.saturating_add(TEXTS_MS));
        if pace.len() >= TEXTS_MAX {
            return Err(RefusalCode::TooFast);
        }
        pace.push_back(now);
        Ok(())
    }

    /// As it stands now: closed for members too by freeze and hold.
    pub(crate) fn chat_policy(&self) -> ChatPolicy {
        if self.freeze.is_some() || self.hold.is_some() { ChatPolicy::Facilitators } else { self.base_chat() }
    }

    /// That of two in a crisis, while the room is paused around them.
    pub(crate) fn spared_chat(&self, seat: &Seat) -> Option<ChatPolicy> {
        let paused = self.freeze.is_some() || self.hold.is_some() || self.rests.until.is_some();
        (paused && self.is_in_crisis(seat)).then(|| self.base_chat())
    }

    pub(crate) fn is_facilitator(&self, subject: Subject) -> bool {
        self.seats.get(&subject).is_some_and(|seat| seat.role.is_facilitator())
    }

    pub(crate) fn is_hearing(&self, subject: Subject) -> bool {
        self.seats.get(&subject).is_some_and(|seat| seat.is_connected() && !self.is_barred(seat))
    }
}

/// What people wrote, without what surrounds it: something, not too much, and nothing but characters and new lines.
pub(crate) fn words(text: &str) -> Result<String, RefusalCode> {
    let text = text.trim();
    if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        return Err(RefusalCode::TooLarge);
    }
    if text.is_empty() || text.chars().any(|one| one.is_control() && one != '\n') {
        return Err(RefusalCode::BadMessage);
    }
    Ok(text.to_owned())
}
