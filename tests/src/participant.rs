//! A participant on the `webrtc` crate: an implementation from another house than the relay's, so that both cannot agree on the same
//! mistake. Its payloads carry the same stamps as the generator's.

mod connection;

use std::{
    error::Error,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use hearth_protocol::{Source, TrackLabel};
pub use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::{
    rtcp::{
        payload_feedbacks::picture_loss_indication::PictureLossIndication,
        transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers},
    },
    rtp,
};
use tokio::{sync::watch, task::JoinHandle};
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{PeerConnection, RTCPeerConnectionState},
};

use crate::generator::{CAMERA, MICROPHONE, Pace, Received, Shape, Stamp, now_us, payload};

pub type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A participant that has made its offer and waits for the answer.
pub struct Offering {
    pub sdp: String,
    pub tracks: Vec<TrackLabel>,
    connection: Arc<dyn PeerConnection>,
    outgoing: Vec<Outgoing>,
    shared: Arc<Shared>,
    state: watch::Receiver<RTCPeerConnectionState>,
    sender: u32,
}

/// A running participant. Dropping it leaves the connection to time out.
pub struct Participant {
    sender: u32,
    connection: Arc<dyn PeerConnection>,
    outgoing: Vec<Outgoing>,
    shared: Arc<Shared>,
    state: watch::Receiver<RTCPeerConnectionState>,
    sending: Mutex<Vec<(Source, JoinHandle<()>)>>,
}

#[derive(Clone)]
struct Outgoing {
    source: Source,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: u8,
}

#[derive(Default)]
struct Shared {
    phase: AtomicU32,
    received: Mutex<Received>,
    incoming: Mutex<Vec<Incoming>>,
}

#[derive(Clone)]
struct Incoming {
    track: Arc<dyn TrackRemote>,
    ssrc: u32,
    highest: u16,
}

impl fmt::Debug for Offering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offering({})", self.sender)
    }
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Participant({})", self.sender)
    }
}

impl Participant {
    /// `sender` is put into each stamp. Simulcast layers in the shape are left out: the generator sends those.
    pub async fn offer(sender: u32, shape: &Shape) -> Fallible<Offering> {
        connection::offer(sender, shape, &[]).await
    }

    /// One that offers this profile of SRTP alone.
    pub async fn offer_sealed(
        sender: u32,
        shape: &Shape,
        profile: SrtpProtectionProfile,
    ) -> Fallible<Offering> {
        connection::offer(sender, shape, &[profile]).await
    }

    pub async fn until_connected(&self) -> Fallible<()> {
        let mut state = self.state.clone();
        let connected = state.wait_for(|state| *state == RTCPeerConnectionState::Connected);
        tokio::time::timeout(crate::signalling::DEADLINE, connected).await??;
        Ok(())
    }

    pub fn is_connected(&self) -> bool {
        *self.state.borrow() == RTCPeerConnectionState::Connected
    }

    /// Sends this source at this pace until it is paused.
    pub fn send(&self, source: Source, pace: Pace) {
        self.pause(source);
        let Some(outgoing) = self.outgoing.iter().find(|outgoing| outgoing.source == source) else { return };
        let task = tokio::spawn(send(self.sender, outgoing.clone(), pace, self.shared.clone()));
        self.sending.lock().expect("nothing panics with it").push((source, task));
    }

    pub fn pause(&self, source: Source) {
        let mut sending = self.sending.lock().expect("nothing panics with it");
        sending.retain(|(whose, task)| {
            if *whose == source {
                task.abort();
            }
            *whose != source
        });
    }

    /// Every stamp from now on is of this phase.
    pub fn set_phase(&self, phase: u32) {
        self.shared.phase.store(phase, Ordering::SeqCst);
    }

    pub fn received(&self) -> Received {
        self.shared.received.lock().expect("nothing panics with it").clone()
    }

    /// Packets that arrived from this sender's source, in this phase or a later one.
    pub fn received_since(&self, sender: u32, source: u8, phase: u32) -> u64 {
        self.shared.received.lock().expect("nothing panics with it").since(sender, source, phase)
    }

    /// Asks each slot for its last so many packets again. Returns for how many.
    pub async fn nack_last(&self, count: u16) -> Fallible<usize> {
        let incoming = self.shared.incoming.lock().expect("nothing panics with it").clone();
        let asked = incoming.len() * usize::from(count);
        for Incoming { track, ssrc, highest } in incoming {
            let numbers: Vec<u16> = (0..count).rev().map(|back| highest.wrapping_sub(back)).collect();
            let nack = TransportLayerNack {
                sender_ssrc: 0,
                media_ssrc: ssrc,
                nacks: nack_pairs_from_sequence_numbers(&numbers),
            };
            track.write_rtcp(vec![Box::new(nack)]).await?;
        }
        Ok(asked)
    }

    /// Asks each slot for a key frame.
    pub async fn ask_keyframes(&self) -> Fallible<()> {
        let incoming = self.shared.incoming.lock().expect("nothing panics with it").clone();
        for Incoming { track, ssrc, .. } in incoming {
            track
                .write_rtcp(vec![Box::new(PictureLossIndication { sender_ssrc: 0, media_ssrc: ssrc })])
                .await?;
        }
        Ok(())
    }

    pub async fn close(self) -> Fallible<()> {
        Ok(self.connection.close().await?)
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        for (_, task) in self.sending.lock().expect("nothing panics with it").drain(..) {
            task.abort();
        }
    }
}

impl Offering {
    /// Starts with the answer of the server.
    pub async fn start(self, answer: &str) -> Fallible<Participant> {
        let Offering { connection, outgoing, shared, state, sender, .. } = self;
        connection::accept(&*connection, answer).await?;
        Ok(Participant { sender, connection, outgoing, shared, state, sending: Mutex::default() })
    }
}

async fn send(sender: u32, to: Outgoing, pace: Pace, shared: Arc<Shared>) {
    let mut picture = payload::Vp8::default();
    let (mut sequence_number, mut timestamp, mut counter) = (1_000_u16, 90_000_u32, 0_u32);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / pace.packets_per_second.max(1));
    let mut last_key = Instant::now();
    loop {
        ticks.tick().await;
        let is_voice = to.source == Source::Microphone;
        let stamp = Stamp {
            sender,
            phase: shared.phase.load(Ordering::SeqCst),
            source: if is_voice { MICROPHONE } else { CAMERA },
            counter,
            sent_us: now_us(),
        };
        // The crate keeps key-frame requests to itself: a key frame a second takes their place.
        if last_key.elapsed() > Duration::from_secs(1) {
            last_key = Instant::now();
            picture.key_due = true;
        }
        let payload = if is_voice { payload::voice(stamp, pace) } else { picture.next(stamp, pace) };
        timestamp = timestamp.wrapping_add(payload.ticks);
        let header = rtp::Header {
            version: 2,
            marker: payload.marker,
            payload_type: to.payload_type,
            sequence_number,
            timestamp,
            ssrc: to.ssrc,
            ..Default::default()
        };
        // Before the connection stands nothing is taken: the packet is lost, as it would be on any network.
        let _ = to.track.write_rtp(rtp::Packet { header, payload: payload.bytes.into() }).await;
        sequence_number = sequence_number.wrapping_add(1);
        counter += 1;
    }
}

/// Counts what one slot brings until it ends.
async fn receive(track: Arc<dyn TrackRemote>, shared: Arc<Shared>) {
    let slot = track.track_id().await.to_string();
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
        let arrival_us = now_us();
        let rtp::Header { ssrc, sequence_number, .. } = packet.header;
        let mut incoming = shared.incoming.lock().expect("nothing panics with it");
        match incoming.iter_mut().find(|incoming| incoming.ssrc == ssrc) {
            Some(incoming) => incoming.highest = sequence_number,
            None => incoming.push(Incoming { track: track.clone(), ssrc, highest: sequence_number }),
        }
        drop(incoming);
        let mut received = shared.received.lock().expect("nothing panics with it");
        received.count(&packet.payload, slot.clone(), arrival_us);
    }
}
