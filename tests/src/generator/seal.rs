//! SRTP by hand (RFC 3711, RFC 7714), under the keys of a real connection: for packets that no stack would make, and to read every byte of
//! those that arrive.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use str0m::crypto::{
    CryptoError, CryptoProvider,
    dtls::{
        DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
        SrtpProfile,
    },
    from_feature_flags,
};

/// AEAD_AES_256_GCM, which is what clients and relay agree on.
const KEY: usize = 32;
const SALT: usize = 12;
const TAG: usize = 16;
const RTCP_HEAD: usize = 8;

/// Of both directions of one connection.
#[derive(Debug)]
pub struct Keys {
    ours: Half,
    theirs: Half,
}

#[derive(Debug)]
struct Half {
    rtp: Cipher,
    rtcp: Cipher,
}

#[derive(Debug)]
struct Cipher {
    key: LessSafeKey,
    salt: [u8; SALT],
}

impl Keys {
    /// As if this client had sent it. The first `head` bytes stay in the clear. Of the first 65,536 packets of its SSRC.
    pub fn seal_rtp(&self, packet: &[u8], head: usize) -> Vec<u8> {
        self.ours.rtp.seal(
            &self.ours.rtp.rtp_nonce(packet),
            &packet[..head],
            &packet[..head],
            &packet[head..],
        )
    }

    /// `index`: any number of 31 bits that was not used before.
    pub fn seal_rtcp(&self, compound: &[u8], index: u32) -> Vec<u8> {
        let (head, body) = compound.split_at(RTCP_HEAD);
        let index = 1 << 31 | index;
        let aad = [head, &index.to_be_bytes()].concat();
        let mut sealed = self.ours.rtcp.seal(&self.ours.rtcp.rtcp_nonce(head, index), head, &aad, body);
        sealed.extend(index.to_be_bytes());
        sealed
    }

    /// What the relay sent: head and payload. None: not RTP, or later than the first 65,536 of its SSRC.
    pub fn open_rtp<'a>(&self, packet: &'a [u8]) -> Option<(&'a [u8], Vec<u8>)> {
        let contributors = usize::from(*packet.first()? & 0x0f) * 4;
        let mut head = 12 + contributors;
        if packet[0] & 0x10 != 0 {
            let words = packet.get(head + 2..head + 4)?;
            head += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
        }
        let (head, sealed) = packet.split_at_checked(head)?;
        let payload = self.theirs.rtp.open(&self.theirs.rtp.rtp_nonce(packet), head, sealed)?;
        Some((head, payload))
    }

    /// A compound packet that the relay sent, whole.
    pub fn open_rtcp(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let (rest, index) = packet.split_last_chunk::<4>()?;
        let (head, sealed) = rest.split_at_checked(RTCP_HEAD)?;
        let nonce = self.theirs.rtcp.rtcp_nonce(head, u32::from_be_bytes(*index));
        let body = self.theirs.rtcp.open(&nonce, &[head, index].concat(), sealed)?;
        Some([head, &body].concat())
    }

    /// RFC 5764 section 4.2: both keys, then both salts, the client's first.
    fn new(material: &[u8], is_client: bool) -> Keys {
        let half = |number: usize| {
            let (keys, salts) = material.split_at(2 * KEY);
            Half::derive(&keys[number * KEY..][..KEY], &salts[number * SALT..][..SALT])
        };
        let (client, server) = (half(0), half(1));
        let (ours, theirs) = if is_client { (client, server) } else { (server, client) };
        Keys { ours, theirs }
    }
}

impl Half {
    /// RFC 3711 section 4.3, with the salt at the upper end (RFC 7714 section 11).
    fn derive(key: &[u8], salt: &[u8]) -> Half {
        let stream = |label: u8, length: usize| -> Vec<u8> {
            let mut block = [0; 16];
            block[..SALT].copy_from_slice(salt);
            block[7] ^= label;
            let blocks = (0..length.div_ceil(16) as u8).flat_map(|count| {
                block[15] = count;
                let mut out = [0; 32];
                from_feature_flags().srtp_provider.srtp_aes_256_ecb_round(key, &block, &mut out);
                out.into_iter().take(16)
            });
            blocks.take(length).collect()
        };
        let cipher = |key_label, salt_label| Cipher {
            key: LessSafeKey::new(
                UnboundKey::new(&AES_256_GCM, &stream(key_label, KEY)).expect("a key of the right length"),
            ),
            salt: stream(salt_label, SALT).try_into().expect("a salt of the right length"),
        };
        Half { rtp: cipher(0, 2), rtcp: cipher(3, 5) }
    }
}

impl Cipher {
    fn rtp_nonce(&self, packet: &[u8]) -> [u8; SALT] {
        let mut nonce = [0; SALT];
        nonce[2..6].copy_from_slice(&packet[8..12]);
        nonce[10..12].copy_from_slice(&packet[2..4]);
        self.salted(nonce)
    }

    fn rtcp_nonce(&self, head: &[u8], index: u32) -> [u8; SALT] {
        let mut nonce = [0; SALT];
        nonce[2..6].copy_from_slice(&head[4..8]);
        nonce[8..12].copy_from_slice(&(index & !(1 << 31)).to_be_bytes());
        self.salted(nonce)
    }

    fn salted(&self, mut nonce: [u8; SALT]) -> [u8; SALT] {
        nonce.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte ^= salt);
        nonce
    }

    fn seal(&self, nonce: &[u8; SALT], head: &[u8], aad: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut sealed = head.to_vec();
        sealed.extend(payload);
        let tag = self.key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(aad),
            &mut sealed[head.len()..],
        );
        sealed.extend(tag.expect("a packet is not too long").as_ref());
        sealed
    }

    fn open(&self, nonce: &[u8; SALT], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = sealed.to_vec();
        let length = sealed.len().checked_sub(TAG)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.key.open_in_place(nonce, Aad::from(aad), &mut sealed).ok()?;
        sealed.truncate(length);
        Some(sealed)
    }
}

/// The stack's own cryptography, which hands the keys over as well.
pub(super) fn provider(keys: Arc<OnceLock<Keys>>) -> CryptoProvider {
    let stack = from_feature_flags();
    // A few bytes for each client of a test, as the stack takes static references alone.
    let dtls_provider = Box::leak(Box::new(Overheard { provider: stack.dtls_provider, keys }));
    CryptoProvider { dtls_provider, ..stack }
}

#[derive(Debug)]
struct Overheard<P> {
    provider: P,
    keys: Arc<OnceLock<Keys>>,
}

impl DtlsProvider for Overheard<&'static dyn DtlsProvider> {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let provider = self.provider.new_dtls(certificate, now, version, mtu)?;
        Ok(Box::new(Overheard { provider, keys: self.keys.clone() }))
    }
}

impl DtlsInstance for Overheard<Box<dyn DtlsInstance>> {
    fn set_active(&mut self, active: bool) {
        self.provider.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.provider.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.provider.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            assert_eq!(*profile, SrtpProfile::AEAD_AES_256_GCM);
            self.keys.get_or_init(|| Keys::new(material, self.provider.is_active()));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.provider.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.provider.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.provider.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.provider.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.provider.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.provider.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.provider.close()
    }
}
