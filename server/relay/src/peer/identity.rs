//! What all connections of a worker have in common: its certificate and its addresses.

use std::{net::SocketAddr, sync::Arc};

use dimpl::{Config, DtlsCertificate};
use is::Candidate;

#[derive(Clone)]
pub struct Identity {
    certificate: Arc<DtlsCertificate>,
    fingerprint: Arc<str>,
    /// One for all: making it tries out every cipher and key exchange.
    handshakes: Arc<Config>,
    addresses: Arc<[SocketAddr]>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Identity {
    /// `addresses`: what browsers are told to connect to; at least one. None: no certificate could be made.
    pub fn new(addresses: Vec<SocketAddr>) -> Option<Self> {
        let certificate = dimpl::certificate::generate_self_signed_certificate().ok()?;
        // ICE has seen that the other side is where it says: cookies would bring nothing.
        let handshakes = Config::builder().use_server_cookie(false).build().ok()?;
        Some(Identity {
            fingerprint: certificate.fingerprint_str().into(),
            certificate: Arc::new(certificate),
            handshakes: Arc::new(handshakes),
            addresses: addresses.into(),
        })
    }

    pub fn certificate(&self) -> DtlsCertificate {
        (*self.certificate).clone()
    }

    /// SHA-256 of the certificate, as descriptions write it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub fn handshakes(&self) -> Arc<Config> {
        self.handshakes.clone()
    }

    /// Browsers on this machine alone: what they say of their own loopback addresses may be used.
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|address| address.ip().is_loopback())
    }

    pub fn candidates(&self) -> impl Iterator<Item = Candidate> {
        self.addresses.iter().flat_map(|address| {
            let udp = Candidate::host(*address, "udp").ok();
            let passive = "passive".parse().ok();
            let tcp = passive
                .and_then(|passive| Candidate::builder().tcp().host(*address).tcptype(passive).build().ok());
            udp.into_iter().chain(tcp)
        })
    }

    /// Which of our addresses a datagram from there is taken to have reached. Behind NAT it cannot be known; ICE only needs one of
    /// its own candidates of the right family.
    pub fn local_for(&self, remote: SocketAddr) -> SocketAddr {
        let fits = |address: &&SocketAddr| address.is_ipv4() == remote.is_ipv4();
        let near =
            |address: &&SocketAddr| fits(address) && address.ip().is_loopback() == remote.ip().is_loopback();
        let found = self.addresses.iter().find(near).or_else(|| self.addresses.iter().find(fits));
        *found.unwrap_or(&self.addresses[0])
    }
}
