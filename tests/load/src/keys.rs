//! Hears what a DTLS handshake of this thread agrees on: str0m walks ICE and DTLS, and keeps the keys to itself.

use std::{cell::RefCell, sync::Arc, time::Instant};

use str0m::{
    config::{CryptoProvider, DtlsCert, DtlsVersion},
    crypto::{
        CryptoError,
        dtls::{DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile},
    },
};

use crate::srtp::{Master, Seal};

/// Keying material as RFC 5764 lays it out.
#[derive(Clone, Debug)]
pub struct Material {
    pub bytes: Vec<u8>,
    pub profile: SrtpProfile,
    /// This side was the client.
    pub active: bool,
}

impl Material {
    /// What this side seals with, and the other. None: not AES-GCM.
    pub fn seals(&self) -> Option<[Seal; 2]> {
        let [client, server] = Master::both(&self.bytes, self.profile)?;
        let (ours, theirs) = if self.active { (client, server) } else { (server, client) };
        Some([Seal::from(&ours), Seal::from(&theirs)])
    }
}

/// The usual cryptography, overheard.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = str0m::crypto::from_feature_flags();
    provider.dtls_provider = &Overhearing;
    Arc::new(provider)
}

/// What was agreed on by the stack that this thread drove last, once.
pub fn take() -> Option<Material> {
    HEARD.take()
}

thread_local! {
    static HEARD: RefCell<Option<Material>> = const { RefCell::new(None) };
}

#[derive(Debug)]
struct Overhearing;

#[derive(Debug)]
struct Overheard(Box<dyn DtlsInstance>);

impl DtlsProvider for Overhearing {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let usual = str0m::crypto::from_feature_flags().dtls_provider;
        Ok(Box::new(Overheard(usual.new_dtls(certificate, now, version, mtu)?)))
    }
}

impl DtlsInstance for Overheard {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let active = self.0.is_active();
        let output = self.0.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            HEARD.replace(Some(Material { bytes: material.to_vec(), profile: *profile, active }));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
