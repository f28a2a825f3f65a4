//! DTLS with one configuration for all connections, and what it agrees on.
//!
//! The stack's own provider makes a configuration for each connection, and tries out every cipher and key exchange each time: a
//! seventh of what a join costs, on the worker's thread. And the stack keeps the keys of SRTP to itself.

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Instant,
};

use dimpl::{Config, Dtls};
use str0m::crypto::{
    CryptoError,
    dtls::{
        DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
        SrtpProfile,
    },
};

use crate::rtp::Profile;

#[derive(Debug)]
pub struct Provider;

/// Where a connection's keys appear: each has its own, so that none ever gets another's.
pub type Keys = Arc<Mutex<Option<Agreed>>>;

/// Keying material as RFC 5764, section 4.2, lays it out.
pub struct Agreed {
    pub material: Vec<u8>,
    pub profile: Profile,
    /// This side was the client.
    pub active: bool,
}

thread_local! {
    static MADE: RefCell<Option<Keys>> = const { RefCell::new(None) };
}

/// Of the connection that this thread made last, once: the stack has no other way to say which it was.
pub fn made() -> Keys {
    MADE.take().unwrap_or_default()
}

struct Instance(Dtls, Keys);

impl DtlsProvider for Provider {
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
        static CONFIG: OnceLock<(Option<usize>, Arc<Config>)> = OnceLock::new();
        let known = match CONFIG.get() {
            Some(known) => known,
            None => {
                let config = configure(mtu).map_err(|error| CryptoError::Other(error.to_string()))?;
                CONFIG.get_or_init(|| (mtu, Arc::new(config)))
            }
        };
        let (known, config) = known;
        // Not what is asked for here; its keys would not be heard, and nothing would be sent.
        if version != DtlsVersion::Dtls12 || *known != mtu {
            return str0m::crypto::from_feature_flags().dtls_provider.new_dtls(
                certificate,
                now,
                version,
                mtu,
            );
        }
        let keys = Keys::default();
        MADE.replace(Some(keys.clone()));
        Ok(Box::new(Instance(Dtls::new_12(config.clone(), certificate.clone(), now), keys)))
    }
}

fn known(profile: SrtpProfile) -> Option<Profile> {
    let profiles = [
        (SrtpProfile::AEAD_AES_256_GCM, Profile::Aes256Gcm),
        (SrtpProfile::AEAD_AES_128_GCM, Profile::Aes128Gcm),
        (SrtpProfile::AES128_CM_SHA1_80, Profile::Aes128CmSha1_80),
    ];
    profiles.into_iter().find(|(known, _)| *known == profile).map(|(_, profile)| profile)
}

fn configure(mtu: Option<usize>) -> Result<Config, dimpl::Error> {
    // ICE has seen that the other side is where it says: cookies would bring nothing.
    let config = Config::builder().use_server_cookie(false);
    match mtu {
        Some(mtu) => config.mtu(mtu).build(),
        None => config.build(),
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let active = self.0.is_active();
        let output = self.0.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output
            && let Some(profile) = known(*profile)
        {
            *self.1.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Agreed { material: material.to_vec(), profile, active });
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
