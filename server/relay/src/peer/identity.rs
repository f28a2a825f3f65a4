//! What all connections of a worker have in common: its certificate and its addresses.

use std::{net::SocketAddr, sync::Arc};

use str0m::{
    Candidate,
    config::{CryptoProvider, DtlsCert},
    net::TcpType,
};

use super::dtls;

#[derive(Clone)]
pub struct Identity {
    certificate: Arc<DtlsCert>,
    crypto: Arc<CryptoProvider>,
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
        let crypto = CryptoProvider { dtls_provider: &dtls::Provider, ..str0m::crypto::from_feature_flags() };
        let certificate = crypto.dtls_provider.generate_certificate()?;
        Some(Identity {
            certificate: Arc::new(certificate),
            crypto: Arc::new(crypto),
            addresses: addresses.into(),
        })
    }

    pub fn certificate(&self) -> DtlsCert {
        (*self.certificate).clone()
    }

    pub fn crypto(&self) -> Arc<CryptoProvider> {
        self.crypto.clone()
    }

    /// Browsers on this machine alone: what they say of their own loopback addresses may be used.
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|address| address.ip().is_loopback())
    }

    pub fn candidates(&self) -> impl Iterator<Item = Candidate> {
        self.addresses.iter().flat_map(|address| {
            let udp = Candidate::host(*address, "udp").ok();
            let tcp = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build().ok();
            udp.into_iter().chain(tcp)
        })
    }

    /// Which of our addresses a datagram from there is taken to have reached. Behind NAT it cannot be known; the stack only needs
    /// one of its own candidates of the right family.
    pub fn local_for(&self, remote: SocketAddr) -> SocketAddr {
        let fits = |address: &&SocketAddr| address.is_ipv4() == remote.is_ipv4();
        let near =
            |address: &&SocketAddr| fits(address) && address.ip().is_loopback() == remote.ip().is_loopback();
        let found = self.addresses.iter().find(near).or_else(|| self.addresses.iter().find(fits));
        *found.unwrap_or(&self.addresses[0])
    }
}
