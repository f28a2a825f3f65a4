//! A packet's way from its sender to the listeners' slots.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use hearth_forwarding::Stop;

use super::Worker;
use crate::{
    counters::Count,
    demux::PeerKey,
    feed::{Feed, Kind},
    ingress::{self, Admission},
    packet::Packet,
    peer::{self, Signal},
    permits,
    recent::{Frame, Recent},
    slot::Skip,
};

impl Worker<'_> {
    pub(super) fn handle(&mut self, key: PeerKey, signal: Signal) {
        match signal {
            Signal::Packet(packet) => self.forward(key, packet),
            Signal::Counted(count, by) => self.counters.add(count, by),
            Signal::KeyFrameWanted { slot } => {
                self.counters.one(Count::KeyframesAsked);
                let slot = self.members.get(key).and_then(|member| member.slots.get(slot));
                if let Some((filling, layer)) = slot.and_then(|slot| slot.source_layer()) {
                    self.ask_key_frame(filling.from, filling.feed, layer);
                }
            }
            Signal::Connected => {
                self.counters.one(Count::IceConnected);
                self.counters.one(Count::DtlsConnected);
                let group = self.members.get(key).map(|member| member.group);
                if let Some(group) = group.and_then(|group| self.groups.get_mut(&group)) {
                    group.stale = true;
                }
            }
            Signal::Disconnected => self.counters.one(Count::IceDisconnected),
        }
    }

    fn forward(&mut self, from: PeerKey, packet: Packet) {
        self.note_media(from);
        let now = self.now;
        let Some(member) = self.members.get_mut(from) else { return };
        let Some(group) = self.groups.get_mut(&member.group) else { return };
        // First of all, and on nothing that the sender wrote.
        match ingress::gate(&group.permits, member.row, packet.feed) {
            Admission::Open => {}
            Admission::Closed(reasons) => return self.counters.closed(reasons),
            Admission::Unknown => return self.counters.one(Count::NoSpeaker),
        }
        let Some(sending) = &mut member.feeds[packet.feed.index()] else {
            return self.counters.one(Count::NoSource);
        };
        if !sending.budget.take(now) {
            return self.counters.one(Count::OverBudget);
        }
        let Some(payload_type) = packet.red else { return self.pass(from, &packet) };
        let Some(whole) = sending.recent.unwrap(packet, payload_type) else {
            return self.counters.one(Count::Malformed);
        };
        self.counters.add(Count::Filled, whole.len() as u64 - 1);
        whole.iter().for_each(|packet| self.pass(from, packet));
    }

    /// A packet behind its gate.
    fn pass(&mut self, from: PeerKey, packet: &Packet) {
        let now = self.now;
        let Some(member) = self.members.get_mut(from) else { return };
        let Some(group) = self.groups.get_mut(&member.group) else { return };
        if packet.feed.kind() == Kind::Audio {
            let speakers = group.speakers.entry(member.space).or_default();
            speakers.heard(member.subject, member.weight, packet.payload.len(), packet.level, now);
        }
        if packet.feed == Feed::Microphone {
            group.heard.packet(member.subject, packet.timestamp, &packet.payload, packet.level, now);
        }
        let Some(sending) = &mut member.feeds[packet.feed.index()] else { return };
        let picture = packet.picture.unwrap_or_default();
        sending.layers.heard(packet.layer, now, picture.height);
        if picture.starts_key_frame
            && let Some(layer) = sending.layers.get_mut(packet.layer)
        {
            layer.wish.granted();
        }
        let (row, routes) = (member.row, std::mem::take(&mut sending.routes));
        let mut along = Along { recent: std::mem::take(&mut sending.recent), made: Vec::new() };
        if routes.is_empty() {
            self.counters.one(Count::NoSlot);
        }
        for (listener, slot) in &routes {
            self.pass_to(from, row, packet, &mut along, *listener, *slot);
        }
        if let Some(Some(sending)) =
            self.members.get_mut(from).map(|member| &mut member.feeds[packet.feed.index()])
        {
            (sending.routes, sending.recent) = (routes, along.recent);
            if packet.feed.kind() == Kind::Audio {
                sending.recent.note(packet);
            }
        }
    }

    fn pass_to(
        &mut self,
        from: PeerKey,
        row: usize,
        packet: &Packet,
        along: &mut Along,
        to: PeerKey,
        at: usize,
    ) {
        let now = self.now;
        let Some(listener) = self.members.get_mut(to) else { return self.counters.one(Count::NoListener) };
        let Some(group) = self.groups.get_mut(&listener.group) else { return };
        if !group.permits.allows(row, packet.feed, listener.row) {
            // Routes are made from permits, and slots emptied with them: this is the second lock on the same door.
            let stop = group
                .table
                .as_ref()
                .and_then(|table| permits::reason(table, row, packet.feed.source(), listener.row));
            return self.count_stop(stop);
        }
        if !listener.peer.is_connected() {
            return self.counters.one(Count::NoListener);
        }
        let Some(slot) = listener.slots.get_mut(at) else { return };
        let forwarded = match slot.take(from, packet, now) {
            Ok(forwarded) => forwarded,
            Err(skip) => return self.count_skip(skip),
        };
        let news = !slot.is_told();
        let wrapped = listener.peer.repeats(at).and_then(|(most, payload_type)| {
            along.payload(packet, most, payload_type, |sequence| slot.has_sent(sequence))
        });
        self.counters.add(Count::Repeated, u64::from(wrapped.is_some()));
        let written = catch_unwind(AssertUnwindSafe(|| {
            if forwarded.switched {
                listener.peer.forget_sent(at);
            }
            listener.peer.write(at, packet, wrapped, forwarded.numbers)
        }));
        group.news |= news;
        if forwarded.switched {
            self.counters.one(Count::SlotSwitches);
        }
        match written {
            Ok(true) => {
                self.counters.one(match packet.feed.kind() {
                    Kind::Audio => Count::ForwardedAudio,
                    Kind::Video => Count::ForwardedVideo,
                });
                self.touch(to);
                self.note_media(to);
            }
            Ok(false) => self.counters.one(Count::NoSlot),
            Err(_) => self.lose(to, Some(Count::PeerPanics)),
        }
    }

    /// How long it took until somebody's first media came or went.
    fn note_media(&mut self, key: PeerKey) {
        let since = self.members.get_mut(key).and_then(|member| member.since.take());
        let Some(since) = since else { return };
        self.counters.one(match self.now.saturating_duration_since(since).as_millis() {
            0..500 => Count::FirstMediaInHalfASecond,
            500..2_000 => Count::FirstMediaInTwoSeconds,
            2_000..10_000 => Count::FirstMediaInTenSeconds,
            10_000.. => Count::FirstMediaLater,
        });
    }

    fn count_skip(&self, skip: Skip) {
        self.counters.one(match skip {
            Skip::OtherLayer => Count::OtherLayer,
            Skip::NoKeyFrame => Count::NoKeyFrame,
            Skip::Padding => Count::Padding,
            Skip::Late => Count::Late,
        });
    }

    fn count_stop(&self, stop: Option<Stop>) {
        match stop {
            Some(Stop::Closed(reasons)) => self.counters.closed(reasons),
            Some(Stop::NoSpeaker) => self.counters.one(Count::NoSpeaker),
            Some(Stop::Barred) => self.counters.one(Count::Barred),
            Some(Stop::OtherSpace) => self.counters.one(Count::OtherSpace),
            Some(Stop::Own) => self.counters.one(Count::Own),
            Some(Stop::NoListener) | None => self.counters.one(Count::NoListener),
        }
    }
}

/// A packet's sound together with what went before it, made once for all who get the same.
struct Along {
    recent: Recent,
    made: Vec<(usize, u8, Arc<[u8]>)>,
}

impl Along {
    /// With at most so many earlier frames, all of which this listener was sent already. None: without any.
    fn payload(
        &mut self,
        packet: &Packet,
        most: usize,
        payload_type: u8,
        was_sent: impl Fn(u64) -> bool,
    ) -> Option<Arc<[u8]>> {
        let fits = |frame: &&Frame| was_sent(frame.sequence) && peer::fits(frame, packet.timestamp);
        let count = self.recent.newest().take(most).take_while(fits).count();
        if count == 0 {
            return None;
        }
        let made = self.made.iter().find(|(known, of, _)| (*known, *of) == (count, payload_type));
        if let Some((_, _, payload)) = made {
            return Some(payload.clone());
        }
        let payload = peer::wrap(payload_type, packet.timestamp, self.recent.last(count), &packet.payload);
        self.made.push((count, payload_type, payload.clone()));
        Some(payload)
    }
}
