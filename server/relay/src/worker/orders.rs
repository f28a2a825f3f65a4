//! What the mailbox holds: tables first, whatever else waits.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hearth_forwarding::{ForwardingTable, Row, Space};

use super::{Worker, sender};
#[cfg(any(test, feature = "tests"))]
use crate::mailbox::Planted;
use crate::{
    counters::Count,
    demux::{PeerKey, Via},
    feed::Feed,
    group::Group,
    handle::{Offer, OfferRefused},
    layers::Layers,
    mailbox::GroupId,
    member::{Member, Sending},
    offer::{self, Description},
    pace::Pace,
    peer::{Fault, Peer},
    permits::{self, Permits},
    recent::Recent,
    slot::{Filling, Slot},
};

impl Worker<'_> {
    pub(super) fn obey(&mut self) {
        if !self.mailbox.is_waiting() {
            return;
        }
        // Whatever was let through before the new table goes out before it, not after.
        self.settle();
        let orders = self.mailbox.take();
        // First what no panic may lose, as nobody says it twice.
        self.ports.stopped |= orders.stop;
        for (group, ends) in orders.opened {
            self.ports.groups.insert(group, ends);
            self.groups.insert(group, Group::default());
        }
        for group in &orders.closed {
            self.ports.groups.remove(group);
        }
        #[cfg(any(test, feature = "tests"))]
        self.break_down(orders.planted);
        for group in orders.closed {
            self.close_group(group);
        }
        for (group, table) in orders.tables {
            self.apply(group, table);
        }
        for ((group, subject, generation), tiles) in orders.views {
            let key = self.find(group, |member| member.subject == subject && member.generation == generation);
            if let Some(member) = key.and_then(|key| self.members.get_mut(key)) {
                member.view = Some(tiles);
                self.refresh(group);
            }
        }
        for (group, offer, answer) in orders.offers {
            let answered = self.answer(group, &offer);
            self.counters.one(if answered.is_ok() { Count::Offers } else { Count::OffersRefused });
            drop(answer.send(answered));
        }
        if self.ports.stopped {
            for key in self.members.keys().collect::<Vec<_>>() {
                self.end(key);
            }
        }
        self.fill_stale();
        self.settle();
    }

    fn find(&self, group: GroupId, is: impl Fn(&Member) -> bool) -> Option<PeerKey> {
        let keys = &self.groups.get(&group)?.members;
        keys.iter().copied().find(|key| self.members.get(*key).is_some_and(&is))
    }

    fn refresh(&mut self, group: GroupId) {
        if let Some(group) = self.groups.get_mut(&group) {
            group.stale = true;
        }
    }

    fn close_group(&mut self, id: GroupId) {
        let members = self.groups.get(&id).map(|group| group.members.clone()).unwrap_or_default();
        for key in members {
            self.end(key);
        }
        self.groups.remove(&id);
    }

    #[cfg(any(test, feature = "tests"))]
    fn break_down(&mut self, planted: Planted) {
        match planted {
            Planted::Nothing => {}
            Planted::Worker => panic!("a bug planted in the worker"),
            Planted::Peer(group, subject) => {
                let key = self.find(group, |member| member.subject == subject);
                if let Some(member) = key.and_then(|key| self.members.get_mut(key)) {
                    member.peer.doomed = true;
                }
            }
        }
    }

    /// Ends what has no row, purges what may no longer flow, then says that the table holds.
    fn apply(&mut self, id: GroupId, table: ForwardingTable) {
        let Some(group) = self.groups.get(&id) else { return };
        if group.table.as_ref().is_some_and(|present| table.version < present.version) {
            return;
        }
        let is_new_epoch = group.table.as_ref().is_none_or(|present| present.epoch != table.epoch);
        for key in group.members.clone() {
            let Some(member) = self.members.get_mut(key) else { continue };
            let Some(at) = permits::row_of(&table, member.subject, member.generation) else {
                self.end(key);
                continue;
            };
            let Row { space, weight, .. } = table.rows[at];
            let left = std::mem::replace(&mut member.space, space);
            (member.row, member.weight) = (at, weight);
            if is_new_epoch || left != space {
                // Whoever could not listen before is not told of it now.
                for sending in member.feeds.iter_mut().flatten() {
                    sending.recent.forget();
                    sending.closed = true;
                }
            }
            if left != space
                && let Some(speakers) =
                    self.groups.get_mut(&id).and_then(|group| group.speakers.get_mut(&left))
            {
                speakers.forget(member.subject);
            }
        }
        let version = table.version;
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.permits = Permits::new(&table);
        group.paces.retain(|subject, _| table.row(*subject).is_some());
        group.heard.retain(|subject| table.row(subject).is_some());
        group.speakers.retain(|space, _| table.rows.iter().any(|row| row.space == *space));
        group.table = Some(table);
        group.stale = true;
        self.purge(id);
        if let Some(group) = self.groups.get_mut(&id) {
            group.note_speaking();
        }
        self.counters.one(Count::Tables);
        if let Some(ends) = self.ports.groups.get(&id) {
            ends.applied.send_if_modified(|applied| {
                let later = *applied < version;
                *applied = version.max(*applied);
                later
            });
        }
    }

    /// For every listener, whatever is still held of a source that it may not receive. The outbox is empty here: between turns
    /// nothing else waits.
    fn purge(&mut self, id: GroupId) {
        let Some(group) = self.groups.get(&id) else { return };
        for key in group.members.clone() {
            self.purge_sending(id, key);
            let count = self.members.get(key).map_or(0, |member| member.slots.len());
            for at in 0..count {
                // What a slot carries is always what it wants: one look is enough.
                let wanted = self.members.get(key).and_then(|member| member.slots[at].wanted());
                if wanted.is_some_and(|filling| !self.is_permitted(id, filling, key)) {
                    self.vacate(key, at);
                }
            }
        }
    }

    /// What is closed is neither heard nor alive.
    fn purge_sending(&mut self, id: GroupId, key: PeerKey) {
        let (Some(group), Some(member)) = (self.groups.get_mut(&id), self.members.get_mut(key)) else {
            return;
        };
        let is_open =
            |feed: Feed| group.permits.closed(member.row, feed).is_some_and(|closed| closed.is_empty());
        for feed in Feed::ALL {
            let Some(sending) = &mut member.feeds[feed.index()] else { continue };
            if !is_open(feed) {
                sending.closed = true;
                sending.layers.forget();
                sending.recent.forget();
            } else if std::mem::take(&mut sending.closed) {
                member.peer.begin(feed);
            }
        }
        if !is_open(Feed::Microphone) {
            group.heard.close(member.subject);
            if let Some(speakers) = group.speakers.get_mut(&member.space) {
                speakers.forget(member.subject);
            }
        }
    }

    fn is_permitted(&self, id: GroupId, filling: Filling, listener: PeerKey) -> bool {
        let (Some(group), Some(from), Some(to)) =
            (self.groups.get(&id), self.members.get(filling.from), self.members.get(listener))
        else {
            return false;
        };
        group.permits.allows(from.row, filling.feed, to.row)
    }

    fn vacate(&mut self, key: PeerKey, at: usize) {
        let now = self.now;
        if self.members.get_mut(key).is_some_and(|member| member.slots[at].assign(None, now)) {
            self.empty(key, at);
        }
    }

    /// Nothing of what the slot carried leaves any more: not its repairs, and not what waits in a TCP stream.
    pub(super) fn empty(&mut self, key: PeerKey, at: usize) {
        let Some(member) = self.members.get_mut(key) else { return };
        member.slots[at].empty();
        let forgotten = catch_unwind(AssertUnwindSafe(|| member.peer.forget_sent(at)));
        if let Some(path) = member.peer.nominated()
            && path.via == Via::Tcp
        {
            self.ports.streams.purge(path.remote);
        }
        if let Some(group) = self.groups.get_mut(&member.group) {
            group.news = true;
        }
        if forgotten.is_err() {
            self.lose(key, Some(Count::PeerPanics));
        }
    }

    /// It failed: the room is told.
    pub(super) fn lose(&mut self, key: PeerKey, count: Option<Count>) {
        self.counters.one(count.unwrap_or(Count::PeersLost));
        let Some(member) = self.members.get(key) else { return };
        let who = (member.subject, member.generation);
        if let Some(group) = self.groups.get_mut(&member.group) {
            group.lost.push(who);
            group.news = true;
        }
        self.forget(key);
    }

    /// It has no place any more: its browser is told.
    fn end(&mut self, key: PeerKey) {
        let Some(mut member) = self.forget(key) else { return };
        self.counters.one(Count::PeersEnded);
        let mut send = sender(&mut self.outbox, &mut self.ports.streams, self.counters);
        let now = self.now;
        if catch_unwind(AssertUnwindSafe(|| member.peer.close(now, &mut send))).is_err() {
            self.counters.one(Count::PeerPanics);
        }
    }

    fn forget(&mut self, key: PeerKey) -> Option<Box<Member>> {
        let member = self.members.remove(key)?;
        self.demux.remove(key);
        let Some(group) = self.groups.get_mut(&member.group) else { return Some(member) };
        group.members.retain(|other| *other != key);
        group.speakers.values_mut().for_each(|speakers| speakers.forget(member.subject));
        group.stale = true;
        for listener in group.members.clone() {
            let count = self.members.get(listener).map_or(0, |listener| listener.slots.len());
            for at in 0..count {
                let wanted = self.members.get(listener).and_then(|listener| listener.slots[at].wanted());
                if wanted.is_some_and(|filling| filling.from == key) {
                    self.vacate(listener, at);
                }
            }
        }
        Some(member)
    }

    fn answer(&mut self, id: GroupId, offer: &Offer) -> Result<String, OfferRefused> {
        let group = self.groups.get_mut(&id).ok_or(OfferRefused::Gone)?;
        let table = group.table.as_ref().ok_or(OfferRefused::Stale)?;
        let row = permits::row_of(table, offer.subject, offer.generation).ok_or(OfferRefused::Stale)?;
        let Row { space, weight, .. } = table.rows[row];
        let now = self.now;
        if !group
            .paces
            .entry(offer.subject)
            .or_insert_with(|| Pace::new(offer::OFFERS_MAX, offer::OFFERS_EVERY, now))
            .take(now)
        {
            return Err(OfferRefused::TooFast);
        }
        let description = offer::read(&offer.sdp, &offer.tracks, self.identity.is_loopback())?;
        let present = self.find(id, |member| member.subject == offer.subject);
        let key = match present {
            Some(key) => key,
            None => self.make_member(id, (row, space, weight), offer)?,
        };
        let Some(member) = self.members.get_mut(key) else { return Err(OfferRefused::Gone) };
        match catch_unwind(AssertUnwindSafe(|| (member.peer.answer(&description, now), member.peer.ufrag())))
        {
            Ok((Ok(answer), ufrag)) => {
                self.demux.add_ufrag(ufrag, key);
                self.adopt(id, key, &description, present.is_none());
                Ok(answer)
            }
            Ok((Err(fault), _)) => {
                if present.is_none() {
                    self.members.remove(key);
                }
                Err(OfferRefused::Unusable(refusal(&fault)))
            }
            Err(_) => {
                self.counters.one(Count::PeerPanics);
                match present {
                    Some(key) => self.lose(key, None),
                    None => drop(self.members.remove(key)),
                }
                Err(OfferRefused::Unusable("it cannot be understood".to_owned()))
            }
        }
    }

    fn make_member(
        &mut self,
        group: GroupId,
        (row, space, weight): (usize, Space, u8),
        offer: &Offer,
    ) -> Result<PeerKey, OfferRefused> {
        let now = self.now;
        let made = catch_unwind(AssertUnwindSafe(|| Peer::new(&self.identity, now)));
        let peer = made.map_err(|_| OfferRefused::Gone)?;
        Ok(self.members.insert(Member {
            group,
            subject: offer.subject,
            generation: offer.generation,
            row,
            space,
            weight,
            peer,
            feeds: Default::default(),
            slots: Vec::new(),
            view: None,
            checked: now,
            dirty: false,
            deadline: None,
            noted: None,
            since: Some(now),
        }))
    }

    /// Takes over what an accepted offer says.
    fn adopt(&mut self, id: GroupId, key: PeerKey, offer: &Description, fresh: bool) {
        let (now, chance) = (self.now, self.any_number(u64::from(key.0)));
        let Some(member) = self.members.get_mut(key) else { return };
        for feed in Feed::ALL {
            let sending = &mut member.feeds[feed.index()];
            match (member.peer.layers(feed), sending.as_mut()) {
                (None, _) => *sending = None,
                (Some(count), Some(sending)) => sending.layers.resize(count),
                (Some(count), None) => {
                    *sending = Some(Sending {
                        layers: Layers::new(count),
                        routes: Vec::new(),
                        recent: Recent::default(),
                        closed: true,
                        budget: feed.budget(now),
                    })
                }
            }
        }
        let lines: Vec<_> = member.peer.slots().map(|(_, kind, active)| (kind, active)).collect();
        let mut emptied = Vec::new();
        for (at, (kind, active)) in lines.into_iter().enumerate() {
            if at == member.slots.len() {
                member.slots.push(Slot::new(kind, chance.rotate_left(7 * at as u32)));
            }
            // Writing on would cost a key frame when it is active again.
            if !active {
                emptied.push(at);
            }
        }
        if fresh {
            self.counters.one(Count::PeersMade);
        } else {
            tracing::debug!(lines = offer.lines.len(), "renegotiated");
        }
        if let Some(group) = self.groups.get_mut(&id) {
            if fresh {
                group.members.push(key);
            }
            group.stale = true;
            group.news = true;
        }
        for at in emptied {
            self.vacate(key, at);
        }
        self.touch(key);
    }
}

fn refusal(fault: &Fault) -> String {
    match fault {
        Fault::Offer(why) => why.clone(),
        Fault::Handshake(_) | Fault::Certificate | Fault::Unknown | Fault::Closed | Fault::Endless => {
            "the media connection is broken".to_owned()
        }
    }
}
