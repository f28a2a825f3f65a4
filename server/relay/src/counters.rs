//! What the relay counts: one set per worker, written by that worker's thread alone and read by anyone at any time.
//!
//! No counter carries a room or a subject.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hearth_forwarding::{Reason, Reasons};

use crate::{Counter, guard::Reject};

/// Counters of one worker. There must be one writer: adding is a load and a store, not an exchange.
#[derive(Debug)]
pub struct Counters {
    counts: [AtomicU64; Count::COUNT],
    closed: [AtomicU64; Reason::COUNT],
    rejected: [AtomicU64; Reject::COUNT],
    /// Of the last seconds, received and sent.
    packets_per_second: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            counts: [const { AtomicU64::new(0) }; Count::COUNT],
            closed: [const { AtomicU64::new(0) }; Reason::COUNT],
            rejected: [const { AtomicU64::new(0) }; Reject::COUNT],
            packets_per_second: AtomicU64::new(0),
        }
    }
}

impl Counters {
    pub fn add(&self, count: Count, by: u64) {
        add(&self.counts[count as usize], by);
    }

    pub fn one(&self, count: Count) {
        self.add(count, 1);
    }

    /// A packet stopped at a closed gate counts under each of its reasons.
    pub fn closed(&self, reasons: Reasons) {
        for reason in reasons.iter() {
            add(&self.closed[reason.index()], 1);
        }
    }

    pub fn rejected(&self, reject: Reject) {
        add(&self.rejected[reject as usize], 1);
    }

    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    /// Received and sent so far.
    pub fn packets(&self) -> u64 {
        let all = [Count::PacketsInUdp, Count::PacketsInTcp, Count::PacketsOutUdp, Count::PacketsOutTcp];
        all.into_iter().map(|count| self.get(count)).sum()
    }

    pub fn packets_per_second(&self) -> u64 {
        self.packets_per_second.load(Ordering::Relaxed)
    }

    pub fn set_packets_per_second(&self, packets: u64) {
        self.packets_per_second.store(packets, Ordering::Relaxed);
    }

    pub fn get_closed(&self, reason: Reason) -> u64 {
        self.closed[reason.index()].load(Ordering::Relaxed)
    }

    pub fn get_rejected(&self, reject: Reject) -> u64 {
        self.rejected[reject as usize].load(Ordering::Relaxed)
    }
}

/// Everything counted, summed over workers.
pub fn list(workers: &[Arc<Counters>]) -> Vec<Counter> {
    let sum = |get: &dyn Fn(&Counters) -> u64| workers.iter().map(|worker| get(worker)).sum();
    let counts = Count::ALL.iter().map(|count| {
        let (name, label) = count.describe();
        Counter { name, label, value: sum(&|worker| worker.get(*count)) }
    });
    let closed = Reason::ALL.iter().map(|reason| Counter {
        name: "hearth_relay_gate_closed_packets_total",
        label: Some(("reason", reason.name())),
        value: sum(&|worker| worker.get_closed(*reason)),
    });
    let rejected = Reject::ALL.iter().map(|reject| Counter {
        name: "hearth_relay_rejected_packets_total",
        label: Some(("reason", reject.name())),
        value: sum(&|worker| worker.get_rejected(*reject)),
    });
    counts.chain(closed).chain(rejected).collect()
}

fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

macro_rules! counts {
    ($($count:ident => $name:literal $({ $key:literal : $value:literal })?,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Count { $($count,)* }

        impl Count {
            pub const ALL: &'static [Count] = &[$(Count::$count,)*];
            pub const COUNT: usize = Self::ALL.len();

            /// The Prometheus name, and the label that tells it from others of that name.
            pub const fn describe(self) -> (&'static str, Option<(&'static str, &'static str)>) {
                match self { $(Count::$count => ($name, counts!(@label $($key, $value)?)),)* }
            }
        }
    };
    (@label) => { None };
    (@label $key:literal, $value:literal) => { Some(($key, $value)) };
}

counts! {
    PacketsInUdp => "hearth_relay_received_packets_total" { "transport": "udp" },
    PacketsInTcp => "hearth_relay_received_packets_total" { "transport": "tcp" },
    BytesInUdp => "hearth_relay_received_bytes_total" { "transport": "udp" },
    BytesInTcp => "hearth_relay_received_bytes_total" { "transport": "tcp" },
    PacketsOutUdp => "hearth_relay_sent_packets_total" { "transport": "udp" },
    PacketsOutTcp => "hearth_relay_sent_packets_total" { "transport": "tcp" },
    BytesOutUdp => "hearth_relay_sent_bytes_total" { "transport": "udp" },
    BytesOutTcp => "hearth_relay_sent_bytes_total" { "transport": "tcp" },

    ForwardedAudio => "hearth_relay_forwarded_packets_total" { "media": "audio" },
    ForwardedVideo => "hearth_relay_forwarded_packets_total" { "media": "video" },

    Filled => "hearth_relay_redundancy_total" { "use": "filled" },
    Repeated => "hearth_relay_redundancy_total" { "use": "repeated" },
    NacksReceived => "hearth_relay_nacks_total" { "direction": "in" },
    NacksSent => "hearth_relay_nacks_total" { "direction": "out" },
    Repaired => "hearth_relay_repaired_packets_total",

    NoSpeaker => "hearth_relay_dropped_packets_total" { "reason": "no_speaker" },
    NoSource => "hearth_relay_dropped_packets_total" { "reason": "no_source" },
    NoListener => "hearth_relay_dropped_packets_total" { "reason": "no_listener" },
    NoSlot => "hearth_relay_dropped_packets_total" { "reason": "no_slot" },
    Barred => "hearth_relay_dropped_packets_total" { "reason": "barred" },
    OtherSpace => "hearth_relay_dropped_packets_total" { "reason": "other_space" },
    Malformed => "hearth_relay_dropped_packets_total" { "reason": "malformed" },
    Own => "hearth_relay_dropped_packets_total" { "reason": "own" },
    OtherLayer => "hearth_relay_dropped_packets_total" { "reason": "other_layer" },
    NoKeyFrame => "hearth_relay_dropped_packets_total" { "reason": "no_key_frame" },
    Padding => "hearth_relay_dropped_packets_total" { "reason": "padding" },
    Late => "hearth_relay_dropped_packets_total" { "reason": "late" },
    OverBudget => "hearth_relay_dropped_packets_total" { "reason": "over_budget" },
    RepairsOverBudget => "hearth_relay_dropped_packets_total" { "reason": "repairs_over_budget" },
    NotNegotiated => "hearth_relay_dropped_packets_total" { "reason": "not_negotiated" },
    BadPicture => "hearth_relay_dropped_packets_total" { "reason": "bad_picture" },
    CameToNothing => "hearth_relay_dropped_packets_total" { "reason": "copy_or_padding" },
    TooLong => "hearth_relay_dropped_packets_total" { "reason": "too_long" },
    UnknownAddress => "hearth_relay_dropped_packets_total" { "reason": "unknown_address" },
    UnknownUfrag => "hearth_relay_dropped_packets_total" { "reason": "unknown_ufrag" },
    NotAccepted => "hearth_relay_dropped_packets_total" { "reason": "not_accepted" },
    OutboxFull => "hearth_relay_dropped_packets_total" { "reason": "outbox_full" },
    SocketFull => "hearth_relay_dropped_packets_total" { "reason": "socket_full" },
    SendFailed => "hearth_relay_dropped_packets_total" { "reason": "send_failed" },
    StreamFull => "hearth_relay_dropped_packets_total" { "reason": "stream_full" },
    StreamGone => "hearth_relay_dropped_packets_total" { "reason": "stream_gone" },

    StreamsAccepted => "hearth_relay_tcp_streams_total" { "outcome": "accepted" },
    StreamsRefused => "hearth_relay_tcp_streams_total" { "outcome": "refused" },
    StreamsExpired => "hearth_relay_tcp_streams_total" { "outcome": "expired" },
    StreamsBroken => "hearth_relay_tcp_streams_total" { "outcome": "broken" },

    KeyframesAsked => "hearth_relay_keyframe_requests_total" { "direction": "in" },
    KeyframesRequested => "hearth_relay_keyframe_requests_total" { "direction": "out" },
    SlotSwitches => "hearth_relay_slot_switches_total",

    IceConnected => "hearth_relay_ice_total" { "outcome": "connected" },
    IceDisconnected => "hearth_relay_ice_total" { "outcome": "disconnected" },
    Rebinds => "hearth_relay_ice_total" { "outcome": "rebound" },
    DtlsConnected => "hearth_relay_dtls_total" { "outcome": "connected" },

    FirstMediaInHalfASecond => "hearth_relay_first_media_total" { "within": "half_a_second" },
    FirstMediaInTwoSeconds => "hearth_relay_first_media_total" { "within": "two_seconds" },
    FirstMediaInTenSeconds => "hearth_relay_first_media_total" { "within": "ten_seconds" },
    FirstMediaLater => "hearth_relay_first_media_total" { "within": "longer" },

    PeersMade => "hearth_relay_peers_total" { "outcome": "made" },
    PeersEnded => "hearth_relay_peers_total" { "outcome": "ended" },
    PeersLost => "hearth_relay_peers_total" { "outcome": "lost" },
    PeerPanics => "hearth_relay_peers_total" { "outcome": "panicked" },
    Offers => "hearth_relay_offers_total" { "outcome": "answered" },
    OffersRefused => "hearth_relay_offers_total" { "outcome": "refused" },
    Tables => "hearth_relay_tables_applied_total",
    WorkerRestarts => "hearth_relay_worker_restarts_total",
    TurnsInAMillisecond => "hearth_relay_worker_turns_total" { "within": "a_millisecond" },
    TurnsInFiveMilliseconds => "hearth_relay_worker_turns_total" { "within": "five_milliseconds" },
    TurnsInTwentyMilliseconds => "hearth_relay_worker_turns_total" { "within": "twenty_milliseconds" },
    TurnsLonger => "hearth_relay_worker_turns_total" { "within": "longer" },
    BusyMicroseconds => "hearth_relay_worker_busy_microseconds_total",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn workers_are_summed_and_reasons_named() {
        let workers = [Arc::new(Counters::default()), Arc::new(Counters::default())];
        workers[0].add(Count::BytesInUdp, 5);
        workers[1].add(Count::BytesInUdp, 7);
        workers[0].closed(Reasons::of(Reason::Self_).with(Reason::Freeze));
        workers[1].rejected(Reject::LayerTaken);
        let list = list(&workers);
        let check = |name: &str, label: (&str, &str), value: u64| {
            let found = list.iter().find(|counter| counter.name == name && counter.label == Some(label));
            assert_eq!(found.map(|counter| counter.value), Some(value), "{name} {label:?}");
        };
        check("hearth_relay_received_bytes_total", ("transport", "udp"), 12);
        check("hearth_relay_gate_closed_packets_total", ("reason", "self"), 1);
        check("hearth_relay_gate_closed_packets_total", ("reason", "freeze"), 1);
        check("hearth_relay_gate_closed_packets_total", ("reason", "floor"), 0);
        check("hearth_relay_rejected_packets_total", ("reason", "layer_taken"), 1);
    }

    #[test]
    fn every_series_has_its_own_name_and_prometheus_accepts_it() {
        let list = list(&[]);
        let series: BTreeSet<_> = list.iter().map(|counter| (counter.name, counter.label)).collect();
        assert_eq!(series.len(), list.len());
        for Counter { name, label, .. } in list {
            assert!(name.starts_with("hearth_relay_") && name.ends_with("_total"), "{name}");
            let words = [name, label.map_or("", |label| label.0), label.map_or("", |label| label.1)];
            assert!(
                words.iter().all(|word| word.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()))
            );
        }
    }
}
