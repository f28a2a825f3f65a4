//! What was negotiated: which line is which feed or slot, its payload types, its layers.

use aws_lc_rs::rand;

use super::Fault;
use crate::{
    feed::{Feed, Kind},
    guard,
    offer::{Codec, Description, Extension, Line, Use},
    rtp::{Outgoing, Place},
};

/// Slots that one connection may have had, over all its offers.
const SLOTS_MAX: usize = 128;
/// SSRCs that the descriptions of one connection may declare, over all its offers.
const DECLARED_MAX: usize = 256;

#[derive(Debug, Default)]
pub struct Lines {
    pub slots: Vec<SlotLine>,
    pub feeds: [Option<FeedLine>; Feed::COUNT],
    /// The mid of each line as last offered, and whether it was rejected.
    order: Vec<(String, bool)>,
    /// SSRCs that were ever declared.
    declared: Vec<u32>,
}

#[derive(Debug)]
pub struct SlotLine {
    pub mid: String,
    pub kind: Kind,
    pub active: bool,
    pub payload_type: Option<u8>,
    pub red: Option<u8>,
    /// Of media and of its retransmissions, as long as the connection lasts.
    pub ssrcs: (u32, u32),
}

#[derive(Debug)]
pub struct FeedLine {
    pub mid: String,
    /// Smallest picture first; empty: one layer without a name.
    pub rids: Vec<String>,
    codec: Codec,
}

impl Lines {
    /// Whether an offer keeps to what was settled before. Nothing has changed yet.
    pub fn check(&self, offer: &Description) -> Result<(), Fault> {
        let refuse = |why: &str| Err(Fault::Offer(why.to_owned()));
        if offer.lines.len() < self.order.len() {
            return refuse("media lines are missing");
        }
        for (at, line) in offer.lines.iter().enumerate() {
            let keeps = match self.order.get(at) {
                // A line that was rejected may become another (RFC 8829, section 5.2.2).
                Some((mid, rejected)) => *mid == line.mid || *rejected,
                None => true,
            };
            let is_elsewhere = |(other, (mid, _)): (usize, &(String, bool))| other != at && *mid == line.mid;
            if !keeps || self.order.iter().enumerate().any(is_elsewhere) {
                return refuse("the media lines are in another order");
            }
            if self.slots.iter().any(|slot| slot.mid == line.mid && slot.kind != line.kind) {
                return refuse("a media line of another kind");
            }
        }
        if self.slots.len() + self.new_slots(offer).count() > SLOTS_MAX {
            return refuse("too many slots");
        }
        if self.declared.len() + self.new_ssrcs(offer).count() > DECLARED_MAX {
            return refuse("too many SSRCs");
        }
        Ok(())
    }

    /// After [`check`](Self::check).
    pub fn accept(&mut self, offer: &Description) {
        let new: Vec<u32> = self.new_ssrcs(offer).collect();
        self.declared.extend(new);
        self.order = offer.lines.iter().map(|line| (line.mid.clone(), line.codec.is_none())).collect();
        self.feeds = Default::default();
        for slot in &mut self.slots {
            slot.active = false;
        }
        for line in &offer.lines {
            let Some(codec) = &line.codec else { continue };
            match line.use_ {
                Use::Feed(feed) => {
                    let (mid, rids) = (line.mid.clone(), by_size(&line.rids));
                    self.feeds[feed.index()] = Some(FeedLine { mid, rids, codec: codec.clone() });
                }
                Use::Slot => {
                    let at = self.slots.iter().position(|slot| slot.mid == line.mid);
                    let at = at.unwrap_or_else(|| {
                        self.slots.push(SlotLine {
                            mid: line.mid.clone(),
                            kind: line.kind,
                            active: false,
                            payload_type: None,
                            red: None,
                            ssrcs: self.fresh(),
                        });
                        self.slots.len() - 1
                    });
                    let slot = &mut self.slots[at];
                    (slot.active, slot.payload_type, slot.red) = (true, Some(codec.payload_type), codec.red);
                }
                Use::Nothing => {}
            }
        }
    }

    /// What the guard is to let through: the lines that are feeds.
    pub fn negotiated(&self, offer: &Description) -> guard::Negotiated {
        let mut negotiated = guard::Negotiated::default();
        for line in &offer.lines {
            let Some(feed) = self.feeds.iter().flatten().find(|feed| feed.mid == line.mid) else { continue };
            // The ids are the same on all lines of a bundle (RFC 8285 section 6); not all lines have all extensions.
            let ids = &mut negotiated.ids;
            for (id, extension) in [
                (&mut ids.mid, Extension::Mid),
                (&mut ids.rid, Extension::Rid),
                (&mut ids.rrid, Extension::RepairedRid),
                (&mut ids.level, Extension::Level),
                (&mut ids.transport, Extension::Transport),
            ] {
                *id = id.or(line.id_of(extension));
            }
            let Codec { payload_type, red, repair, feedback: _ } = feed.codec;
            negotiated.lines.push(guard::Line {
                mid: line.mid.clone(),
                rids: feed.rids.clone(),
                payloads: [Some(payload_type), red].into_iter().flatten().collect(),
                repairs: repair.into_iter().collect(),
                ssrcs: line.ssrcs.clone(),
            });
        }
        negotiated
    }

    /// Whether a packet of this payload type is media of the feed, and if it is several in one, of which payload type those are.
    pub fn carries(&self, feed: Feed, payload_type: u8) -> Option<Option<u8>> {
        let Codec { payload_type: own, red, .. } = self.feeds[feed.index()].as_ref()?.codec;
        if red == Some(payload_type) {
            return Some(Some(own));
        }
        (own == payload_type).then_some(None)
    }

    /// The slots' streams in their order.
    pub fn outgoing(&self, offer: &Description) -> Vec<Outgoing> {
        let line_of = |slot: &SlotLine| offer.lines.iter().find(|line| line.mid == slot.mid);
        let outgoing = |slot: &SlotLine| {
            let (ssrc, again) = slot.ssrcs;
            let line = line_of(slot);
            let id_of = |extension| line.and_then(|line: &Line| line.id_of(extension));
            let repair = line.and_then(|line| line.codec.as_ref()?.repair);
            Outgoing {
                kind: slot.kind,
                ssrc,
                repair: repair.map(|payload_type| (again, payload_type)),
                mid: slot.mid.clone(),
                mid_id: id_of(Extension::Mid),
                transport_id: id_of(Extension::Transport),
            }
        };
        self.slots.iter().map(outgoing).collect()
    }

    pub fn ssrcs(&self, mid: &str) -> Option<(u32, u32)> {
        self.slots.iter().find(|slot| slot.mid == mid).map(|slot| slot.ssrcs)
    }

    /// Which feed and layer of it the guard means.
    pub fn place(&self, layer: &guard::Layer, ssrc: u32) -> Option<Place> {
        Feed::ALL.into_iter().find_map(|feed| {
            let line = self.feeds[feed.index()].as_ref().filter(|line| line.mid == layer.mid)?;
            let number = match layer.rid {
                None => line.rids.is_empty().then_some(0)?,
                Some(rid) => line.rids.iter().position(|known| known == rid)?,
            };
            Some(Place { feed, layer: number, repair: layer.repair == Some(ssrc) })
        })
    }

    #[cfg(any(test, feature = "tests"))]
    pub fn check_consistent(&self) {
        assert!(self.slots.len() <= SLOTS_MAX && self.declared.len() <= DECLARED_MAX);
        let mut ssrcs: Vec<u32> = self.slots.iter().flat_map(|slot| [slot.ssrcs.0, slot.ssrcs.1]).collect();
        ssrcs.sort_unstable();
        assert!(ssrcs.windows(2).all(|two| two[0] != two[1]), "two slots share an SSRC");
    }

    fn new_slots<'a>(&self, offer: &'a Description) -> impl Iterator<Item = &'a Line> {
        let is_known = |mid: &str| self.slots.iter().any(|slot| slot.mid == mid);
        offer.lines.iter().filter(move |line| line.use_ == Use::Slot && !is_known(&line.mid))
    }

    fn new_ssrcs(&self, offer: &Description) -> impl Iterator<Item = u32> {
        let ssrcs = offer.lines.iter().flat_map(|line| &line.ssrcs).copied();
        ssrcs.filter(|ssrc| !self.declared.contains(ssrc))
    }

    /// Two that nobody has: not the browser, and no other slot.
    fn fresh(&self) -> (u32, u32) {
        let mut numbers = [0; 8];
        loop {
            // Never fails once the process has started.
            rand::fill(&mut numbers).expect("the system has random numbers");
            let [a, b, c, d, e, f, g, h] = numbers;
            let (ssrc, again) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
            let is_taken = |ssrc: u32| {
                let of_slot = |slot: &SlotLine| slot.ssrcs.0 == ssrc || slot.ssrcs.1 == ssrc;
                ssrc == 0 || self.declared.contains(&ssrc) || self.slots.iter().any(of_slot)
            };
            if ssrc != again && !is_taken(ssrc) && !is_taken(again) {
                return (ssrc, again);
            }
        }
    }
}

/// `q h f` are known by name; other names are listed from small to large.
fn by_size(rids: &[String]) -> Vec<String> {
    const KNOWN: [&str; 3] = ["q", "h", "f"];
    let place = |rid: &String| KNOWN.iter().position(|known| known == rid);
    let mut sorted = rids.to_vec();
    if sorted.iter().all(|rid| place(rid).is_some()) {
        sorted.sort_by_key(place);
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer;

    fn description(change: impl Fn(String) -> String) -> Description {
        offer::read(&change(offer::tests::offer()), &[], false).expect("an offer")
    }

    fn settled() -> Lines {
        let mut lines = Lines::default();
        let offer = description(|sdp| sdp);
        lines.check(&offer).expect("the first");
        lines.accept(&offer);
        lines
    }

    #[track_caller]
    fn check(change: impl Fn(String) -> String, expected: Result<(), &str>) {
        let checked = settled().check(&description(change));
        let said = checked.map_err(|fault| fault.to_string());
        assert_eq!(said, expected.map_err(|why| format!("the description cannot be answered: {why}")));
    }

    #[test]
    fn lines_keep_their_places() {
        check(|sdp| sdp, Ok(()));
        check(|sdp| sdp.replace("a=mid:4", "a=mid:new"), Ok(()));
        let order = Err("the media lines are in another order");
        check(|sdp| sdp.replace("a=mid:2", "a=mid:new").replace("BUNDLE 0 1 2", "BUNDLE 0 1 new"), order);
        check(
            |sdp| sdp.replace("a=mid:2", "a=mid:x").replace("a=mid:4", "a=mid:2").replace("1 2 3", "1 x 3"),
            order,
        );
        check(|sdp| sdp[..sdp.rfind("m=").expect("a line")].to_owned(), Err("media lines are missing"));
    }

    #[test]
    fn a_slot_keeps_its_streams_and_no_two_share_one() {
        let mut lines = settled();
        let more = |count: usize| {
            description(|sdp| {
                let slot = |mid: usize| {
                    format!(
                        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:s{mid}\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
                    )
                };
                let mids: String = (0..count).map(|mid| format!(" s{mid}")).collect();
                let slots: String = (0..count).map(slot).collect();
                sdp.replace("BUNDLE 0 1 2 3", &format!("BUNDLE 0 1 2 3{mids}")) + &slots
            })
        };
        let before = lines.ssrcs("2").expect("a slot");
        let offer = more(20);
        lines.check(&offer).expect("room enough");
        lines.accept(&offer);
        assert_eq!(lines.ssrcs("2"), Some(before));
        lines.check_consistent();
        lines.accept(&description(|sdp| sdp));
        assert_eq!(lines.slots.iter().filter(|slot| slot.active).count(), 1);
        assert_eq!(lines.slots.len(), 21);
    }
}
