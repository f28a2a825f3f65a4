//! What is looked at every tick: speakers, slots, layers, key frames, silence; and what the rooms are told.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use hearth_forwarding::{Space, Subject};
use tokio::sync::mpsc::error::TrySendError;

use super::Worker;
use crate::{
    counters::Count,
    demux::PeerKey,
    feed::{Feed, Kind},
    fill,
    handle::Event,
    mailbox::GroupId,
    slot::{Filling, Slot},
};

/// A browser checks its path every few seconds (RFC 7675). Without any for so long the connection has failed for good.
const UNCHECKED_MAX: Duration = Duration::from_secs(30);
/// How often it is looked for what has expired, and told how long people were heard.
const SECOND: Duration = Duration::from_secs(1);

impl Worker<'_> {
    pub(super) fn tick(&mut self) {
        for id in self.groups.keys().copied().collect::<Vec<_>>() {
            self.update_speakers(id);
        }
        self.fill_stale();
        for id in self.groups.keys().copied().collect::<Vec<_>>() {
            self.choose_layers(id, false);
        }
        self.send_wishes();
        if self.now >= self.second_at {
            self.second_at = self.now + SECOND;
            self.expire();
            self.tell_heard();
            self.measure();
        }
    }

    fn expire(&mut self) {
        self.ports.streams.expire(self.now, self.counters);
        let now = self.now;
        let silent =
            |key: &PeerKey| self.members.get(*key).is_some_and(|member| now > member.checked + UNCHECKED_MAX);
        for key in self.members.keys().filter(silent).collect::<Vec<_>>() {
            self.lose(key, None);
        }
    }

    /// The mean of the last seconds, so that a pause makes no worker look idle.
    fn measure(&mut self) {
        let packets = self.counters.packets();
        let latest = packets - std::mem::replace(&mut self.packets, packets);
        let before = self.counters.packets_per_second();
        self.counters.set_packets_per_second((3 * before + latest) / 4);
    }

    fn update_speakers(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let sounds = |key: &PeerKey, space: Space| {
            let slots = &self.members.get(*key).filter(|member| member.space == space)?.slots;
            Some(slots.iter().filter(|slot| slot.kind() == Kind::Audio).count()).filter(|count| *count > 0)
        };
        for (space, speakers) in &mut group.speakers {
            let slots = group.members.iter().filter_map(|key| sounds(key, *space)).min().unwrap_or(0);
            group.stale |= speakers.update(self.now, slots);
        }
        group.note_speaking();
    }

    pub(super) fn fill_stale(&mut self) {
        for id in self.groups.iter().filter(|(_, group)| group.stale).map(|(id, _)| *id).collect::<Vec<_>>() {
            self.fill(id);
        }
    }

    /// Fills all slots of a group, and makes the routes that lead to them.
    fn fill(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.stale = false;
        let mut keys = group.members.clone();
        keys.sort_by_key(|key| self.members.get(*key).map(|member| member.row));
        let orders: BTreeMap<Space, Vec<Subject>> =
            group.speakers.iter().map(|(space, speakers)| (*space, speakers.order())).collect();
        let sources = self.open_sources(id, &keys);
        for listener in &keys {
            let (Some(group), Some(member)) = (self.groups.get(&id), self.members.get(*listener)) else {
                continue;
            };
            let permitted: Vec<Filling> = (sources.iter())
                .filter(|(row, filling)| group.permits.allows(*row, filling.feed, member.row))
                .map(|(_, filling)| *filling)
                .collect();
            let order = orders.get(&member.space).map_or(&[][..], Vec::as_slice);
            self.fill_listener(*listener, &permitted, order);
        }
        self.route(&keys);
        self.choose_layers(id, true);
        self.send_wishes();
    }

    /// What is sent and not closed, with its row.
    fn open_sources(&self, id: GroupId, keys: &[PeerKey]) -> Vec<(usize, Filling)> {
        let Some(group) = self.groups.get(&id) else { return Vec::new() };
        let mut sources = Vec::new();
        for key in keys {
            let Some(member) = self.members.get(*key) else { continue };
            for feed in Feed::ALL {
                let is_open = group.permits.closed(member.row, feed).is_some_and(|closed| closed.is_empty());
                if is_open && member.feeds[feed.index()].is_some() {
                    sources.push((member.row, Filling { from: *key, subject: member.subject, feed }));
                }
            }
        }
        sources
    }

    fn fill_listener(&mut self, key: PeerKey, permitted: &[Filling], order: &[Subject]) {
        let Some(member) = self.members.get(key) else { return };
        let active: Vec<bool> = member.peer.slots().map(|(_, _, active)| active).collect();
        let of_kind = |kind: Kind| -> Vec<usize> {
            let slots = member.slots.iter().enumerate();
            slots.filter(|(at, slot)| active[*at] && slot.kind() == kind).map(|(at, _)| at).collect()
        };
        let (audio, video) = (of_kind(Kind::Audio), of_kind(Kind::Video));
        let sounds = fill::sounds(permitted, order, audio.len());
        let pictures = fill::pictures(permitted, member.view.as_deref(), order, video.len());
        let wanted: Vec<Filling> = pictures.iter().map(|(filling, _)| *filling).collect();
        let mut emptied = Vec::new();
        for (places, wanted) in [(audio, sounds), (video, wanted)] {
            let Some(member) = self.members.get_mut(key) else { return };
            let of = |slot: &Slot| fill::Place { present: slot.wanted(), before: slot.before() };
            let present: Vec<_> = places.iter().map(|at| of(&member.slots[*at])).collect();
            for (at, filling) in places.iter().zip(fill::place(&present, &wanted)) {
                let slot = &mut member.slots[*at];
                if slot.assign(filling, self.now) {
                    emptied.push(*at);
                }
                let tile = pictures.iter().find(|(shown, _)| Some(*shown) == filling);
                slot.set_height(tile.map_or(0, |(_, height)| *height));
            }
        }
        for at in emptied {
            self.empty(key, at);
        }
    }

    fn route(&mut self, keys: &[PeerKey]) {
        for key in keys {
            for sending in
                self.members.get_mut(*key).iter_mut().flat_map(|member| member.feeds.iter_mut().flatten())
            {
                sending.routes.clear();
            }
        }
        for listener in keys {
            let slots = self.members.get(*listener).map(|member| member.slots.as_slice()).unwrap_or_default();
            let mut routes: Vec<(Filling, usize)> = Vec::new();
            for (at, slot) in slots.iter().enumerate() {
                routes.extend(slot.wanted().map(|filling| (filling, at)));
            }
            for (filling, at) in routes {
                let from = self.members.get_mut(filling.from);
                if let Some(Some(sending)) = from.map(|member| &mut member.feeds[filling.feed.index()]) {
                    sending.routes.push((*listener, at));
                }
            }
        }
    }

    /// The layer for each picture by its tile. Whoever waits for a key frame and could take it asks: `anew` at once, else again and again
    /// while something is heard of the source.
    fn choose_layers(&mut self, id: GroupId, anew: bool) {
        let Some(group) = self.groups.get(&id) else { return };
        for listener in group.members.clone() {
            let connected = self.members.get(listener).filter(|member| member.peer.is_connected());
            let count = connected.map_or(0, |member| member.slots.len());
            for at in 0..count {
                let Some(slot) = self.members.get(listener).map(|member| &member.slots[at]) else { break };
                let Some(wanted) = slot.wanted().filter(|_| slot.kind() == Kind::Video) else { continue };
                let height = slot.height();
                let from =
                    self.members.get(wanted.from).and_then(|from| from.feeds[wanted.feed.index()].as_ref());
                let Some(layers) = from.map(|sending| &sending.layers) else { continue };
                let (layer, asks) = (layers.choose(self.now, height), anew || layers.is_heard(self.now));
                let Some(slot) = self.members.get_mut(listener).map(|member| &mut member.slots[at]) else {
                    break;
                };
                slot.set_layer(layer);
                if let Some((filling, layer)) = slot.awaits().filter(|_| asks) {
                    self.wish(filling.from, filling.feed, layer);
                }
            }
        }
    }

    fn wish(&mut self, from: PeerKey, feed: Feed, layer: usize) {
        let sending = self.members.get_mut(from).and_then(|member| member.feeds[feed.index()].as_mut());
        if let Some(layer) = sending.and_then(|sending| sending.layers.get_mut(layer)) {
            layer.wish.ask();
        }
    }

    pub(super) fn ask_key_frame(&mut self, from: PeerKey, feed: Feed, layer: usize) {
        self.wish(from, feed, layer);
        self.send_wishes_of(from);
    }

    fn send_wishes(&mut self) {
        for key in self.members.keys().collect::<Vec<_>>() {
            self.send_wishes_of(key);
        }
    }

    fn send_wishes_of(&mut self, key: PeerKey) {
        let Some(member) = self.members.get_mut(key) else { return };
        let mut due = Vec::new();
        for feed in [Feed::Camera, Feed::ScreenPicture] {
            let Some(sending) = &mut member.feeds[feed.index()] else { continue };
            let layers =
                sending.layers.iter_mut().filter_map(|(at, layer)| layer.wish.take(self.now).then_some(at));
            due.extend(layers.map(|layer| (feed, layer)));
        }
        if due.is_empty() {
            return;
        }
        self.counters.add(Count::KeyframesRequested, due.len() as u64);
        let peer = &mut member.peer;
        let asked = catch_unwind(AssertUnwindSafe(|| {
            due.into_iter().for_each(|(feed, layer)| peer.request_key_frame(feed, layer));
        }));
        match asked {
            Ok(()) => self.touch(key),
            Err(_) => self.lose(key, Some(Count::PeerPanics)),
        }
    }

    /// How long each was heard since the last time. What does not fit into a channel now is in the sums of the next time.
    fn tell_heard(&mut self) {
        for (id, group) in &mut self.groups {
            let (heard, ends) = (group.heard.report(), self.ports.groups.get(id));
            let Some(ends) = ends.filter(|_| !heard.is_empty()) else { continue };
            if ends.events.try_send(Event::Voiced { heard: heard.clone() }).is_ok() {
                group.heard.reported(&heard);
            }
        }
    }

    /// States are told until they were: what does not fit into a channel now is told from the state at that time.
    pub(super) fn tell(&mut self) {
        for (id, group) in &mut self.groups {
            if !group.news {
                continue;
            }
            let Some(ends) = self.ports.groups.get(id) else { continue };
            let epoch = group.table.as_ref().map(|table| table.epoch).unwrap_or_default();
            let mut fits = true;
            let mut send = |event: Event| {
                fits = fits && !matches!(ends.events.try_send(event), Err(TrySendError::Full(_)));
                fits
            };
            if group.restarted {
                group.restarted = !send(Event::Restarted);
            }
            while let Some((subject, generation)) = group.lost.last().copied() {
                if !send(Event::Lost { subject, generation }) {
                    break;
                }
                group.lost.pop();
            }
            for key in &group.members {
                let Some(member) = self.members.get_mut(*key) else { continue };
                let (subject, generation) = (member.subject, member.generation);
                let mids: Vec<&str> = member.peer.slots().map(|(mid, _, _)| mid).collect();
                for (slot, mid) in member.slots.iter_mut().zip(mids).filter(|(slot, _)| !slot.is_told()) {
                    let event = Event::Slot {
                        subject,
                        generation,
                        mid: mid.to_owned(),
                        carries: slot.shown(),
                        epoch,
                    };
                    if send(event) {
                        slot.set_told();
                    }
                }
            }
            for (space, subjects) in group.speaking.changed() {
                if send(Event::Speaking { space, subjects: subjects.clone() }) {
                    group.speaking.set_told(space, subjects);
                }
            }
            group.news = !fits;
        }
    }
}
