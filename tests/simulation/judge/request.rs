//! A request: answered once, refused for a reason that the rules know, or carried out.

use hearth_forwarding::Source;
use hearth_protocol::{RefusalCode, Request, RequestId, ServerFrame};
use hearth_room::{Command, ConnectionId};

use super::{Audit, Broken, Judge, Step, door::unanswered, law, wire::Heard};
use crate::model::{Seat, is_signal};

pub fn is_own_unmute(command: Option<&Command>, seat: &Seat, source: Source) -> bool {
    let Some(Command::Request { connection, request: Request::SetOwn { source: wire, open: true }, .. }) =
        command
    else {
        return false;
    };
    seat.connection == Some(*connection) && inside(*wire) == source
}

pub fn inside(source: hearth_protocol::Source) -> Source {
    match source {
        hearth_protocol::Source::Microphone => Source::Microphone,
        hearth_protocol::Source::Camera => Source::Camera,
        hearth_protocol::Source::Screen => Source::Screen,
    }
}

impl Judge {
    pub(super) fn request(
        &mut self,
        connection: ConnectionId,
        id: &RequestId,
        request: &Request,
        step: &Step<'_>,
        heard: &Heard<'_>,
        audit: &mut Audit,
    ) -> Result<(), Broken> {
        let Some(subject) = self.subject_behind(connection) else {
            return law!(!heard.contains_key(&connection), "replies", "a request from nobody was answered");
        };
        let told = heard.get(&connection).ok_or_else(|| unanswered("a request"))?;
        if is_signal(request) {
            return self.signalled(&subject, id, request, told);
        }
        let replies = told.reply(id);
        let said_goodbye = told.bye.is_some() && replies.is_empty();
        if let Some(before) = self.answers.get(&(subject.clone(), id.clone())) {
            // Words that go with a refusal are said once.
            let same = matches!((before, replies.as_slice()), (
                ServerFrame::Refusal { refusal: before, .. },
                [ServerFrame::Refusal { refusal, .. }],
            ) if before.code == refusal.code);
            return law!(same || replies == [before], "replies", "asked again: {before:?}, then {replies:?}");
        }
        law!(replies.len() == 1 || said_goodbye, "replies", "{} replies to {request:?}", replies.len())?;
        let verdict = self.verdict(connection, request);
        let Some(reply) = replies.first().map(|reply| (*reply).clone()) else {
            return self.carry_out(connection, &subject, request, told, step, heard, audit);
        };
        self.tally.request(request, &reply);
        // What was only read is read again.
        if !matches!(request, Request::Export | Request::ExportFormat) || is_refusal(&reply) {
            self.answers.insert((subject.clone(), id.clone()), reply.clone());
        }
        let ServerFrame::Refusal { refusal, .. } = &reply else {
            law!(
                verdict.refused.is_empty(),
                "refusals",
                "{request:?} was carried out despite {:?}",
                verdict.refused
            )?;
            return self.carry_out(connection, &subject, request, told, step, heard, audit);
        };
        let known = if verdict.refused.is_empty() { &verdict.open } else { &verdict.refused };
        let wanting = |codes: &[RefusalCode]| codes.contains(&RefusalCode::NotAllowed);
        let too_fast = (wanting(&verdict.refused) || wanting(&verdict.open)) && self.is_too_fast(&subject);
        if refusal.code == RefusalCode::TooFast && too_fast {
            self.owe(&subject);
            return Ok(());
        }
        let apt = known.contains(&refusal.code) || verdict.open.contains(&refusal.code);
        law!(
            apt,
            "refusals",
            "{request:?} by {subject} was refused as {:?}, but the rules say {verdict:?}",
            refusal.code
        )?;
        if let (Request::EndNow { .. }, RefusalCode::ConfirmationNeeded) = (request, refusal.code) {
            self.model.word = Some(refusal.message.clone());
        }
        if matches!(refusal.code, RefusalCode::BadMessage | RefusalCode::TooLarge) {
            let number = self.model.seat(&subject).map_or(0, |seat| seat.number);
            self.model.paced(number, false);
        }
        if refusal.code == RefusalCode::NotAllowed {
            self.owe(&subject);
            self.wanting.entry(subject).or_default().push(self.model.now);
        }
        Ok(())
    }

    /// The audit has a minute to say that this was refused.
    fn owe(&mut self, subject: &str) {
        let now = self.model.now;
        self.owed.entry(subject.to_owned()).or_insert((0, now)).0 += 1;
    }

    /// Asked five times within a minute for what is not theirs to ask.
    fn is_too_fast(&self, subject: &str) -> bool {
        let since = self.model.now.saturating_sub(60_000);
        let lately =
            self.wanting.get(subject).map_or(0, |times| times.iter().filter(|at| **at >= since).count());
        lately >= 5
    }

    pub(super) fn subject_behind(&self, connection: ConnectionId) -> Option<String> {
        let seat = self.model.seat_behind(connection).map(|seat| seat.claims.subject.clone());
        seat.or_else(|| self.model.door_behind(connection).map(|door| door.claims.subject.clone()))
    }
}

fn is_refusal(reply: &ServerFrame) -> bool {
    matches!(reply, ServerFrame::Refusal { .. })
}
