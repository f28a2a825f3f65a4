//! What goes between browsers and the relay: offers, views, slots. Whose media connection it is, the room says.

use std::time::Duration;

use hearth_forwarding::{Generation, Subject};
use hearth_protocol::{Change, MediaOffer, Outcome, RefusalCode, RequestId, ServerFrame, Tile};
use hearth_relay::{Event, OfferRefused};
use hearth_room::{Command, ConnectionId};
use tokio::time::timeout;

use super::{Task, Work};
use crate::{rooms::media, signalling::refusal};

/// How long an answer to an offer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Tiles that one view may name.
const TILES_MAX: usize = 64;

impl Task {
    pub(super) fn offer(&mut self, connection: ConnectionId, request_id: RequestId, offer: MediaOffer) {
        let (subject, generation) = match self.peer(connection) {
            Ok(peer) => peer,
            Err(code) => return self.answer(connection, request_id, Err(code)),
        };
        if generation.0 != offer.generation {
            return self.answer(connection, request_id, Err(RefusalCode::StaleGeneration));
        }
        let answer = self.media.offer(media::offer(subject, offer));
        self.works.push(Box::pin(async move {
            let answer = match timeout(ANSWERED_WITHIN, answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => Err(OfferRefused::Gone),
            };
            Work::Answered { connection, request_id, answer }
        }));
    }

    pub(super) fn view(&self, connection: ConnectionId, tiles: &[Tile]) -> Result<(), RefusalCode> {
        let (subject, generation) = self.peer(connection)?;
        if tiles.len() > TILES_MAX {
            return Err(RefusalCode::TooLarge);
        }
        self.media.view(subject, generation, tiles.iter().map(media::tile).collect());
        Ok(())
    }

    /// The media connection that this guest may have, once it was told of it.
    pub(super) fn peer(&self, connection: ConnectionId) -> Result<(Subject, Generation), RefusalCode> {
        let told = self.guests.get(&connection).is_some_and(|guest| guest.told);
        self.room.media_peer(connection).filter(|_| told).ok_or(RefusalCode::NotSeated)
    }

    pub(super) fn answer(
        &self,
        connection: ConnectionId,
        request_id: RequestId,
        result: Result<Option<Outcome>, RefusalCode>,
    ) {
        let Some(guest) = self.guests.get(&connection) else { return };
        guest.outbox.frame(&match result {
            Ok(outcome) => ServerFrame::Ok { request_id, outcome },
            Err(code) => ServerFrame::Refusal { request_id: Some(request_id), refusal: refusal(code) },
        });
    }

    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Slot { subject, generation, mid, carries, epoch } => {
                let peer = (subject, generation);
                let Some(change) = self.stage.slot(peer, mid, carries, epoch) else { return };
                let guest = self.guests.iter().find(|(connection, guest)| {
                    guest.told && self.room.media_peer(**connection) == Some(peer)
                });
                if let Some((_, guest)) = guest {
                    guest.outbox.delta("", &[change]);
                }
            }
            Event::Speaking { space, subjects } => {
                self.stage.speaking(space, subjects);
                self.tell_speaking();
            }
            Event::Voiced { heard } => self.apply(Command::Voiced { heard }),
            Event::Lost { subject, generation } => {
                self.stage.lost(subject);
                self.apply(Command::MediaLost { subject, generation });
            }
            Event::Restarted => {
                tracing::warn!("the relay was restarted");
                self.stage.clear();
                self.tell_speaking();
                self.apply(Command::RelayRestarted);
                self.hand_over(self.room.table());
            }
        }
    }

    /// Tells everyone who speaks where they are, if that is not what they were told last.
    pub(super) fn tell_speaking(&mut self) {
        let newest = self.room.table();
        for (connection, guest) in self.guests.iter_mut().filter(|(_, guest)| guest.told) {
            let Some((subject, _)) = self.room.media_peer(*connection) else { continue };
            let speaking = self.stage.speaking_to(subject, &self.recorded, &newest);
            let Some(participants) = speaking.filter(|speaking| *speaking != guest.speaking) else {
                continue;
            };
            guest.speaking.clone_from(&participants);
            guest.outbox.delta("", &[Change::Speaking { participants }]);
        }
    }
}
