//! How a browser is reached and known: ICE by [`is`], DTLS by [`dimpl`].
//!
//! Full ICE, controlled; DTLS 1.2 as the server, whose client has to show the certificate of its description. What DTLS agrees on is
//! handed out after that and never before.

use std::time::Instant;

use aws_lc_rs::{digest, hmac, rand};
use dimpl::{Dtls, Output, SrtpProfile};
use is::{
    Candidate, IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol, Sha1HmacProvider,
    stun::{StunMessage, StunPacket},
};

use super::{Fault, Identity, Received, route::Route};
use crate::{
    demux::{Path, Via},
    guard::{self, Reject},
    offer::{Credentials, Description},
    rtp::Profile,
};

/// A drain that brings more than this has a fault in it.
const DRAIN_MAX: usize = 20_000;
/// More than a record of the handshake has. Bytes.
const RECORD: usize = 2_048;

/// What a drain brings besides datagrams.
pub enum News {
    /// Keying material as RFC 5764, section 4.2, lays it out.
    Agreed {
        material: Vec<u8>,
        profile: Profile,
    },
    Connected,
    Disconnected,
}

pub struct Transport {
    identity: Identity,
    ice: IceAgent,
    /// From the first offer on.
    handshake: Option<Handshake>,
    pub route: Route,
    /// Which pair the agent has chosen: where to answer before the browser has.
    chosen: Option<Path>,
    /// When the agent and the handshake want to be called. None: at once.
    at: Option<Instant>,
}

struct Handshake {
    dtls: Dtls,
    at: Option<Instant>,
    /// SHA-256 of the certificate that has to be shown.
    fingerprint: [u8; 32],
    shown: bool,
    broken: Option<dimpl::Error>,
}

#[derive(Debug)]
struct Sha1;

impl Sha1HmacProvider for Sha1 {
    fn sha1_hmac(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
        parts.iter().for_each(|part| context.update(part));
        let mut tag = [0; 20];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

impl Transport {
    pub fn new(identity: &Identity) -> Self {
        let mut ice = IceAgent::with_hmac(credentials(), &Sha1);
        for candidate in identity.candidates() {
            ice.add_local_candidate(candidate);
        }
        Transport {
            identity: identity.clone(),
            ice,
            handshake: None,
            route: Route::default(),
            chosen: None,
            at: None,
        }
    }

    /// Whether an offer can be taken. Nothing has changed yet.
    pub fn check(&self, offer: &Description) -> Result<(), Fault> {
        match &self.handshake {
            Some(handshake) if handshake.fingerprint != offer.fingerprint => {
                Err(Fault::Offer("another certificate needs another connection".to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub fn accept(&mut self, offer: &Description, now: Instant) {
        let Credentials { ufrag, password } = &offer.credentials;
        let theirs = IceCreds { ufrag: ufrag.clone(), pass: password.clone() };
        // RFC 8445 section 9: others than before restart ICE, on both sides.
        if self.ice.remote_credentials().is_some_and(|before| *before != theirs) {
            self.ice.ice_restart(credentials(), true);
        }
        self.ice.set_remote_credentials(theirs);
        for candidate in &offer.candidates {
            if let Ok(candidate) = Candidate::from_sdp_string(candidate) {
                self.ice.add_remote_candidate(candidate);
            }
        }
        if self.handshake.is_none() {
            let dtls = Dtls::new_12(self.identity.handshakes(), self.identity.certificate(), now);
            let fingerprint = offer.fingerprint;
            self.handshake = Some(Handshake { dtls, at: None, fingerprint, shown: false, broken: None });
        }
        self.at = None;
    }

    pub fn credentials(&self) -> Credentials {
        let IceCreds { ufrag, pass } = self.ice.local_credentials();
        Credentials { ufrag: ufrag.clone(), password: pass.clone() }
    }

    pub fn candidates(&self) -> Vec<String> {
        self.ice.local_candidates().map(|candidate| candidate.to_sdp_string()).collect()
    }

    pub fn fingerprint(&self) -> &str {
        self.identity.fingerprint()
    }

    /// A datagram of STUN.
    pub fn receive_check(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Received {
        let Ok(message) = StunMessage::parse(datagram) else { return Received::Rejected(Reject::Malformed) };
        // Under our password, and of our ufrag or an answer to our own check.
        if !self.ice.accepts_message(&message) {
            return Received::NotAccepted;
        }
        // Not what stands behind the integrity: anybody could have added that to a copy.
        let nominates = message.use_candidate();
        let transaction = guard::transaction(datagram).filter(|_| message.is_binding_request());
        let moved = match transaction.map(|check| self.route.check(path, check, nominates, now)) {
            None => false,
            Some(Ok(moved)) => moved,
            Some(Err(reject)) => return Received::Rejected(reject),
        };
        let proto = match path.via {
            Via::Udp => Protocol::Udp,
            Via::Tcp => Protocol::Tcp,
        };
        let destination = self.identity.local_for(path.remote);
        self.ice.handle_packet(now, StunPacket { proto, source: path.remote, destination, message });
        self.at = None;
        Received::Taken { checked: transaction.is_some(), moved }
    }

    /// A datagram of DTLS. What is wrong with it is its own fault, not the connection's: whatever breaks for good shows in the next
    /// drain.
    pub fn receive_handshake(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Received {
        if let Some(Handshake { dtls, broken, .. }) = &mut self.handshake {
            match dtls.handle_timeout(now) {
                Ok(()) => drop(dtls.handle_packet(datagram)),
                Err(error) => *broken = Some(error),
            }
            self.at = None;
        }
        Received::unchecked(self.route.handshake(path, now))
    }

    /// Everything that is due goes out; when to come back.
    pub fn drain(
        &mut self,
        now: Instant,
        send: &mut dyn FnMut(Path, &[u8]),
        news: &mut dyn FnMut(News),
    ) -> Result<Instant, Fault> {
        if let Some(at) = self.at.filter(|at| *at > now) {
            return Ok(at);
        }
        self.ice.handle_timeout(now);
        while let Some(transmit) = self.ice.poll_transmit() {
            send(path(transmit.proto, transmit.destination), &transmit.contents);
        }
        while let Some(event) = self.ice.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { proto, source: _, destination } => {
                    self.chosen = Some(path(proto, destination));
                }
                IceAgentEvent::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                    news(News::Disconnected);
                }
                IceAgentEvent::IceConnectionStateChange(_)
                | IceAgentEvent::IceRestart(_)
                | IceAgentEvent::DiscoveredRecv { .. } => {}
            }
        }
        let mut at = self.ice.poll_timeout();
        if let Some(handshake) = &mut self.handshake
            && let Some(path) = self.route.nominated().or(self.chosen)
        {
            let due = handshake.drain(now, &mut |record| send(path, record), news)?;
            at = at.into_iter().chain([due]).min();
        }
        let at = at.unwrap_or(now).max(now);
        self.at = Some(at);
        Ok(at)
    }

    /// Says goodbye: the browser sees the end at once.
    pub fn close(&mut self, now: Instant, send: &mut dyn FnMut(Path, &[u8])) {
        if let Some(handshake) = &mut self.handshake
            && let Some(path) = self.route.nominated().or(self.chosen)
            && handshake.dtls.close().is_ok()
        {
            drop(handshake.drain(now, &mut |record| send(path, record), &mut |_| {}));
        }
    }
}

impl Handshake {
    fn drain(
        &mut self,
        now: Instant,
        send: &mut dyn FnMut(&[u8]),
        news: &mut dyn FnMut(News),
    ) -> Result<Instant, Fault> {
        if let Some(error) = self.broken.take() {
            return Err(Fault::Handshake(error));
        }
        if self.at.is_none_or(|at| at <= now) {
            self.dtls.handle_timeout(now).map_err(Fault::Handshake)?;
        }
        let mut record = [0; RECORD];
        let mut is_over = false;
        for _ in 0..DRAIN_MAX {
            match self.dtls.poll_output(&mut record) {
                Output::Packet(packet) => send(packet),
                Output::Timeout(_) if is_over => return Err(Fault::Closed),
                Output::Timeout(at) => {
                    self.at = Some(at);
                    return Ok(at);
                }
                Output::PeerCert(certificate) => {
                    let shown = digest::digest(&digest::SHA256, certificate);
                    if shown.as_ref() != self.fingerprint {
                        return Err(Fault::Certificate);
                    }
                    self.shown = true;
                }
                Output::KeyingMaterial(material, profile) if self.shown => {
                    let profile = known(profile).ok_or(Fault::Unknown)?;
                    news(News::Agreed { material: material.to_vec(), profile });
                }
                Output::Connected if self.shown => news(News::Connected),
                Output::KeyingMaterial(..) | Output::Connected => return Err(Fault::Certificate),
                Output::CloseNotify => {
                    is_over = true;
                    drop(self.dtls.close());
                }
                // There are no data channels.
                Output::ApplicationData(_) => {}
                Output::BufferTooSmall { .. } | _ => return Err(Fault::Unknown),
            }
        }
        Err(Fault::Endless)
    }
}

/// Not to be guessed (RFC 8839, section 5.4): the agent's own would come from a generator that is not made for secrets.
fn credentials() -> IceCreds {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = [0; 16 + 24];
    // Never fails once the process has started.
    rand::fill(&mut random).expect("the system has random numbers");
    let letters =
        |bytes: &[u8]| bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 64)])).collect();
    let (ufrag, pass) = random.split_at(16);
    IceCreds { ufrag: letters(ufrag), pass: letters(pass) }
}

fn path(protocol: Protocol, remote: std::net::SocketAddr) -> Path {
    let via = if protocol == Protocol::Udp { Via::Udp } else { Via::Tcp };
    Path { via, remote }
}

fn known(profile: SrtpProfile) -> Option<Profile> {
    match profile {
        SrtpProfile::AEAD_AES_256_GCM => Some(Profile::Aes256Gcm),
        SrtpProfile::AEAD_AES_128_GCM => Some(Profile::Aes128Gcm),
        SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1_80),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer;

    #[test]
    fn a_connection_keeps_its_certificate_and_changes_its_secrets_with_the_browsers() {
        let identity = Identity::new(vec![([127, 0, 0, 1], 4_000).into()]).expect("a certificate");
        let mut transport = Transport::new(&identity);
        let first = offer::read(&offer::tests::offer(), &[], false).expect("an offer");
        transport.check(&first).expect("the first");
        transport.accept(&first, Instant::now());
        let other = Description { fingerprint: [1; 32], ..first.clone() };
        assert!(matches!(transport.check(&other), Err(Fault::Offer(_))));

        let before = transport.credentials();
        assert_eq!((before.ufrag.len(), before.password.len()), (16, 24));
        transport.accept(&first, Instant::now());
        assert_eq!(transport.credentials(), before, "no restart");
        let credentials = Credentials { ufrag: "ijkl".to_owned(), ..first.credentials.clone() };
        transport.accept(&Description { credentials, ..first }, Instant::now());
        assert_ne!(transport.credentials(), before);
    }
}
