use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hearth_protocol::Secret;
use hearth_room::{Fresh, SecretHash};
use sha2::{Digest, Sha256};

use crate::chance;

/// A new secret of 256 bits with its hash.
pub(super) fn fresh() -> Fresh {
    let secret = Secret(BASE64_URL_SAFE_NO_PAD.encode(chance::bytes::<32>()));
    let hash = hash(&secret);
    Fresh { secret, hash }
}

/// The hash under which the room knows a secret.
pub fn hash(secret: &Secret) -> SecretHash {
    SecretHash(Sha256::digest(secret.0.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_secret_has_256_bits_and_its_own_hash() {
        let (one, other) = (fresh(), fresh());
        assert_eq!(one.secret.0.len(), 43);
        assert_ne!(one.secret, other.secret);
        assert_eq!(hash(&one.secret), one.hash);
    }
}
