//! SRTP as the stack has it, and how often a packet could not be opened, which the stack passes over without a word.

use std::cell::Cell;

use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, CryptoError, CryptoProvider, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

use super::dtls;

thread_local! {
    static UNOPENED: Cell<u64> = const { Cell::new(0) };
}

/// Packets that were not authentic, on this thread so far. Of AEAD ciphers: browsers negotiate no others here.
pub fn unopened() -> u64 {
    UNOPENED.get()
}

pub fn provider() -> CryptoProvider {
    CryptoProvider { srtp_provider: &Counting, dtls_provider: &dtls::Provider, ..stack() }
}

fn stack() -> CryptoProvider {
    str0m::crypto::from_feature_flags()
}

#[derive(Debug)]
struct Counting;

impl SrtpProvider for Counting {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        stack().srtp_provider.aes_128_cm_sha1_80()
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Counting
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Counting
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        stack().srtp_provider.srtp_aes_128_ecb_round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        stack().srtp_provider.srtp_aes_256_ecb_round(key, input, output);
    }
}

impl SupportedAeadAes128Gcm for Counting {
    fn create_cipher(&self, key: [u8; 16], encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Cipher(stack().srtp_provider.aead_aes_128_gcm().create_cipher(key, encrypt)))
    }
}

impl SupportedAeadAes256Gcm for Counting {
    fn create_cipher(&self, key: [u8; 32], encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Cipher(stack().srtp_provider.aead_aes_256_gcm().create_cipher(key, encrypt)))
    }
}

#[derive(Debug)]
struct Cipher<C: ?Sized>(Box<C>);

type Iv = [u8; 12];
type Fallible<T> = Result<T, CryptoError>;

impl AeadAes128GcmCipher for Cipher<dyn AeadAes128GcmCipher> {
    fn encrypt(&mut self, iv: &Iv, aad: &[u8], input: &[u8], output: &mut [u8]) -> Fallible<()> {
        self.0.encrypt(iv, aad, input, output)
    }

    fn decrypt(&mut self, iv: &Iv, aads: &[&[u8]], input: &[u8], output: &mut [u8]) -> Fallible<usize> {
        counted(self.0.decrypt(iv, aads, input, output))
    }
}

impl AeadAes256GcmCipher for Cipher<dyn AeadAes256GcmCipher> {
    fn encrypt(&mut self, iv: &Iv, aad: &[u8], input: &[u8], output: &mut [u8]) -> Fallible<()> {
        self.0.encrypt(iv, aad, input, output)
    }

    fn decrypt(&mut self, iv: &Iv, aads: &[&[u8]], input: &[u8], output: &mut [u8]) -> Fallible<usize> {
        counted(self.0.decrypt(iv, aads, input, output))
    }
}

fn counted(opened: Fallible<usize>) -> Fallible<usize> {
    if opened.is_err() {
        UNOPENED.set(UNOPENED.get() + 1);
    }
    opened
}
