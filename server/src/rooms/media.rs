use std::fmt;

use hearth_forwarding::{ForwardingTable, Generation, Reason, Reasons, Source, Subject};
use hearth_protocol::{MediaOffer, RefusalCode};
use hearth_relay::{Media, MediaEvents, Offer, OfferRefused, Relay, Tile};
use tokio::sync::oneshot;

/// Where a room gets its media from: the relay, or a scripted one in the tests of interleavings.
pub trait MediaSource: fmt::Debug + Send + Sync {
    fn open(&self) -> (Box<dyn RoomMedia>, MediaEvents);
}

/// One room's media, as [`hearth_relay::Media`] has them.
pub trait RoomMedia: fmt::Debug + Send + Sync {
    fn forward(&self, table: ForwardingTable);
    fn offer(&self, offer: Offer) -> oneshot::Receiver<Result<String, OfferRefused>>;
    fn view(&self, subject: Subject, generation: Generation, tiles: Vec<Tile>);
}

impl MediaSource for Relay {
    fn open(&self) -> (Box<dyn RoomMedia>, MediaEvents) {
        let (media, events) = Relay::open(self);
        (Box::new(media), events)
    }
}

impl RoomMedia for Media {
    fn forward(&self, table: ForwardingTable) {
        Media::forward(self, table);
    }

    fn offer(&self, offer: Offer) -> oneshot::Receiver<Result<String, OfferRefused>> {
        Media::offer(self, offer)
    }

    fn view(&self, subject: Subject, generation: Generation, tiles: Vec<Tile>) {
        Media::view(self, subject, generation, tiles);
    }
}

/// `wanted`, but in nothing looser than `recorded`: who was not there has no row, and what was closed or barred stays so. Whoever is
/// on the way to another space is in neither, so that the media connection need not be made anew.
pub(super) fn no_looser(mut wanted: ForwardingTable, recorded: &ForwardingTable) -> ForwardingTable {
    wanted.rows.retain_mut(|row| {
        let Some(before) = recorded.row(row.subject) else { return false };
        let moves = before.space != row.space;
        row.barred |= before.barred || moves;
        let between = if moves { Reasons::of(Reason::Away) } else { Reasons::NONE };
        for (closed, was) in row.closed.iter_mut().zip(before.closed) {
            *closed = closed.union(was).union(between);
        }
        true
    });
    wanted
}

pub(super) fn offer(subject: Subject, offer: MediaOffer) -> Offer {
    let tracks = offer.tracks.into_iter().map(|track| (track.mid, source(track.source))).collect();
    Offer { subject, generation: Generation(offer.generation), sdp: offer.sdp, tracks }
}

pub(super) fn tile(tile: &hearth_protocol::Tile) -> Tile {
    Tile { subject: Subject(tile.participant.0), source: source(tile.source), height: tile.height }
}

pub(super) fn code(refused: &OfferRefused) -> RefusalCode {
    match refused {
        OfferRefused::Stale => RefusalCode::StaleGeneration,
        OfferRefused::TooLarge | OfferRefused::TooManyLines => RefusalCode::TooLarge,
        OfferRefused::TooFast => RefusalCode::TooFast,
        OfferRefused::Unusable(_) => RefusalCode::BadOffer,
        OfferRefused::Gone => RefusalCode::MediaUnavailable,
    }
}

const fn source(source: hearth_protocol::Source) -> Source {
    match source {
        hearth_protocol::Source::Microphone => Source::Microphone,
        hearth_protocol::Source::Camera => Source::Camera,
        hearth_protocol::Source::Screen => Source::Screen,
    }
}

pub(super) const fn wire_source(source: Source) -> hearth_protocol::Source {
    match source {
        Source::Microphone => hearth_protocol::Source::Microphone,
        Source::Camera => hearth_protocol::Source::Camera,
        Source::Screen => hearth_protocol::Source::Screen,
    }
}

#[cfg(test)]
mod tests {
    use hearth_forwarding::{Row, Space};

    use super::*;

    fn row(subject: u32, microphone: Reasons, barred: bool) -> Row {
        let closed = [microphone, Reasons::NONE, Reasons::NONE];
        Row {
            subject: Subject(subject),
            generation: Generation(1),
            space: Space(0),
            barred,
            closed,
            weight: 0,
        }
    }

    fn table(rows: Vec<Row>) -> ForwardingTable {
        ForwardingTable { rows, ..ForwardingTable::default() }
    }

    #[test]
    fn what_is_not_recorded_closes_and_never_opens() {
        let closed = Reasons::of(Reason::Facilitator);
        let wanted =
            table(vec![row(1, Reasons::NONE, false), row(2, closed, true), row(3, Reasons::NONE, false)]);
        let recorded = table(vec![row(1, closed, true), row(2, Reasons::NONE, false)]);
        let held = no_looser(wanted, &recorded);
        assert_eq!(held, table(vec![row(1, closed, true), row(2, closed, true)]));
    }

    #[test]
    fn a_move_that_is_not_recorded_leads_nowhere() {
        let moved = |space| Row { space: Space(space), ..row(1, Reasons::NONE, false) };
        for (before, wanted) in [(0, 1), (1, 0), (1, 2)] {
            let held = no_looser(table(vec![moved(wanted)]), &table(vec![moved(before)]));
            assert!(held.rows[0].barred);
            assert!(held.rows[0].closed.iter().all(|closed| closed.contains(Reason::Away)));
        }
    }
}
