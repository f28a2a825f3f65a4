use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A key that signs tickets, and the one issuer it speaks for. HS256; the key decides, never the ticket's header.
#[derive(Clone)]
pub struct Key {
    pub issuer: String,
    secret: Vec<u8>,
}

impl Key {
    /// RFC 7518, section 3.2: at least as long as the hash.
    pub const BYTES_MIN: usize = 32;

    /// `secret`: base64url without padding.
    pub fn new(issuer: &str, secret: &str) -> Option<Key> {
        let secret = URL_SAFE_NO_PAD.decode(secret.trim_end_matches('=')).ok()?;
        (secret.len() >= Self::BYTES_MIN).then(|| Key { issuer: issuer.to_owned(), secret })
    }

    /// One that lives as long as the process.
    pub fn draw(issuer: &str) -> Key {
        Key { issuer: issuer.to_owned(), secret: crate::chance::bytes::<32>().to_vec() }
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Keys by name, which a ticket's header gives as `kid`.
#[derive(Clone, Debug, Default)]
pub struct Keyring(BTreeMap<String, Key>);

impl Keyring {
    pub fn get(&self, name: &str) -> Option<&Key> {
        self.0.get(name)
    }

    pub fn insert(&mut self, name: &str, key: Key) {
        self.0.insert(name.to_owned(), key);
    }

    pub fn first(&self) -> Option<(&str, &Key)> {
        self.0.iter().next().map(|(name, key)| (name.as_str(), key))
    }
}
