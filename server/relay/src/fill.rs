//! What a listener's slots are filled with, among what the table permits.
//!
//! Pictures as the browser's view says, most important first; without a view yet, screens, then who speaks, then in the order of
//! rows. Sound of everyone while there are slots enough, else as the speakers' order says. What stays keeps its slot.

use std::time::Instant;

use hearth_forwarding::{Source, Subject};

use crate::{feed::Feed, handle::Tile, slot::Filling};

/// Where no view has said a height. Device pixels.
const HEIGHT_USUAL: u32 = 360;

/// Those whose sound is to be heard, in order.
pub fn sounds(permitted: &[Filling], order: &[Subject], slots: usize) -> Vec<Filling> {
    let mut wanted: Vec<Filling> = permitted
        .iter()
        .filter(|filling| matches!(filling.feed, Feed::Microphone | Feed::ScreenSound))
        .copied()
        .collect();
    if wanted.len() > slots {
        let place = |subject: Subject| order.iter().position(|known| *known == subject).unwrap_or(usize::MAX);
        wanted.sort_by_key(|filling| place(filling.subject));
        wanted.truncate(slots);
    }
    wanted
}

/// Those whose pictures are to be seen, in order, with the height of their tiles.
pub fn pictures(
    permitted: &[Filling],
    view: Option<&[Tile]>,
    order: &[Subject],
    slots: usize,
) -> Vec<(Filling, u32)> {
    let find = |subject: Subject, feed: Feed| {
        permitted.iter().find(|filling| filling.subject == subject && filling.feed == feed).copied()
    };
    let mut wanted: Vec<(Filling, u32)> = Vec::new();
    let mut add = |filling: Option<Filling>, height: u32| {
        let Some(filling) = filling else { return };
        if height > 0 && !wanted.iter().any(|(known, _)| *known == filling) {
            wanted.push((filling, height));
        }
    };
    match view {
        Some(tiles) => {
            for tile in tiles {
                let feed = match tile.source {
                    Source::Camera => Feed::Camera,
                    Source::Screen => Feed::ScreenPicture,
                    Source::Microphone => continue,
                };
                add(find(tile.subject, feed), tile.height);
            }
        }
        None => {
            let of = |feed: Feed| permitted.iter().filter(move |filling| filling.feed == feed).copied();
            of(Feed::ScreenPicture).for_each(|filling| add(Some(filling), HEIGHT_USUAL * 3));
            order.iter().for_each(|subject| add(find(*subject, Feed::Camera), HEIGHT_USUAL));
            of(Feed::Camera).for_each(|filling| add(Some(filling), HEIGHT_USUAL));
        }
    }
    wanted.truncate(slots);
    wanted
}

/// A slot as far as it matters for filling it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    pub present: Option<Filling>,
    /// What it was filled with before it was left empty, and when that was.
    pub before: Option<(Filling, Instant)>,
}

/// Puts what is wanted into slots: what has one keeps it. The rest takes the free slot that it had last, else one never used, else
/// the one empty for longest: so a slot hardly ever passes from one to another at once.
pub fn place(places: &[Place], wanted: &[Filling]) -> Vec<Option<Filling>> {
    let mut placed: Vec<Option<Filling>> =
        places.iter().map(|place| place.present.filter(|filling| wanted.contains(filling))).collect();
    for filling in wanted {
        if placed.contains(&Some(*filling)) {
            continue;
        }
        let free = (0..places.len()).filter(|at| placed[*at].is_none()).min_by_key(|at| {
            let before = places[*at].before;
            let just_left = places[*at].present.is_some();
            let had = before.is_some_and(|(before, _)| before == *filling);
            (just_left, !had, before.map(|(_, since)| since))
        });
        let Some(free) = free else { break };
        placed[free] = Some(*filling);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::PeerKey;

    fn filling(subject: u32, feed: Feed) -> Filling {
        Filling { from: PeerKey(subject, 1), subject: Subject(subject), feed }
    }

    fn subjects(fillings: &[Filling]) -> Vec<u32> {
        fillings.iter().map(|filling| filling.subject.0).collect()
    }

    #[test]
    fn everyone_is_heard_while_there_are_slots_enough() {
        let all: Vec<Filling> = (1..=4).map(|subject| filling(subject, Feed::Microphone)).collect();
        let order = [Subject(4), Subject(2)];
        assert_eq!(subjects(&sounds(&all, &order, 4)), [1, 2, 3, 4]);
        assert_eq!(subjects(&sounds(&all, &order, 3)), [4, 2, 1]);
    }

    #[test]
    fn the_view_chooses_the_pictures() {
        let all: Vec<Filling> = (1..=4).map(|subject| filling(subject, Feed::Camera)).collect();
        let tile =
            |subject: u32, height: u32| Tile { subject: Subject(subject), source: Source::Camera, height };
        let seen = |view: Option<&[Tile]>, slots: usize| {
            let pictures = pictures(&all, view, &[Subject(3)], slots);
            pictures.iter().map(|(filling, _)| filling.subject.0).collect::<Vec<_>>()
        };
        assert_eq!(
            seen(Some(&[tile(4, 90), tile(2, 0), tile(9, 90), tile(1, 720), tile(4, 720)]), 8),
            [4, 1]
        );
        assert_eq!(seen(Some(&[tile(4, 90), tile(1, 90)]), 1), [4]);
        assert_eq!(seen(Some(&[]), 8), [0; 0]);
        assert_eq!(seen(None, 8), [3, 1, 2, 4]);
    }

    #[test]
    fn what_stays_keeps_its_slot() {
        let of = |subject: u32| filling(subject, Feed::Camera);
        let has = |subject: u32| Place { present: Some(of(subject)), before: None };
        let placed = place(&[has(1), has(2), has(3)], &[of(5), of(3), of(1)]);
        assert_eq!(placed, [Some(of(1)), Some(of(5)), Some(of(3))]);
        assert_eq!(place(&[Place::default()], &[of(1), of(2)]), [Some(of(1))]);
    }

    #[test]
    fn a_slot_seldom_passes_from_one_to_another() {
        let of = |subject: u32| filling(subject, Feed::Camera);
        let start = Instant::now();
        let had = |subject: u32, at: u64| Place {
            present: None,
            before: Some((of(subject), start + std::time::Duration::from_secs(at))),
        };
        let busy = Place { present: Some(of(9)), before: None };
        let check = |places: &[Place], at: usize| assert_eq!(place(places, &[of(1)])[at], Some(of(1)));
        check(&[busy, had(2, 1), Place::default(), had(1, 5)], 3);
        check(&[busy, had(2, 1), Place::default()], 2);
        check(&[busy, had(2, 7), had(3, 4)], 2);
        check(&[busy], 0);
    }
}
