use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Grant, Key, Tickets};
use crate::room_id::RoomId;
use crate::store::{Fault, Store};

/// What a personal link carries in its fragment: 256 bits, base64url. Worth a place in a room; never logged.
#[derive(Clone)]
pub struct LinkSecret([u8; 32]);

impl LinkSecret {
    pub fn parse(text: &str) -> Option<LinkSecret> {
        parse_secret(text).map(LinkSecret)
    }

    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What the store knows the link by.
    fn id(&self) -> [u8; 32] {
        self.derive(b"id", &[])
    }

    /// The only use of its key, so that a fixed nonce is used once.
    fn seal(&self) -> (LessSafeKey, Nonce) {
        let key =
            UnboundKey::new(&AES_256_GCM, &self.derive(b"seal", &[])).expect("32 bytes are a key of AES-256");
        (LessSafeKey::new(key), Nonce::assume_unique_for_key([0; 12]))
    }

    /// Says which browser, and only to this link: two links in one browser have nothing in common in the store.
    fn bind(&self, browser: &Browser) -> [u8; 32] {
        self.derive(b"browser", &browser.0)
    }

    fn derive(&self, purpose: &[u8], more: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose);
        mac.update(more);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

/// What a browser carries in its cookie: 256 bits, base64url.
#[derive(Clone)]
pub struct Browser([u8; 32]);

impl Browser {
    pub fn draw() -> Browser {
        Browser(crate::chance::bytes())
    }

    pub fn parse(text: &str) -> Option<Browser> {
        parse_secret(text).map(Browser)
    }

    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Browser(…)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LinkFault {
    #[error("the store does not answer as it should")]
    Store(#[from] Fault),
    #[error("a stored link cannot be read")]
    Unreadable,
}

/// Personal links: each stands for one subject, belongs to the browser that redeems it first, and ends with the session.
#[derive(Clone, Debug)]
pub struct Links {
    store: Store,
    tickets: Tickets,
    /// Signs what links are redeemed for. Lives as long as the process: a page redeems again.
    key: Arc<(String, Key)>,
}

impl Links {
    pub fn new(store: Store, tickets: Tickets, key_name: &str, key: Key) -> Links {
        Links { store, tickets, key: Arc::new((key_name.to_owned(), key)) }
    }

    /// A link for this person. Whoever holds the secret first is this person.
    pub async fn issue(&self, grant: &Grant) -> Result<LinkSecret, LinkFault> {
        issue(&self.store, grant).await
    }

    /// The room and a fresh ticket for it, or nothing: wrong, used by another browser and revoked are one.
    pub async fn redeem(
        &self,
        secret: &LinkSecret,
        browser: &Browser,
    ) -> Result<Option<(RoomId, String)>, LinkFault> {
        let bound = secret.bind(browser);
        let Some(link) = self.store.redeem_link(&secret.id(), &bound).await? else { return Ok(None) };
        if !bool::from(link.browser.ct_eq(&bound)) {
            return Ok(None);
        }
        let (key, nonce) = secret.seal();
        let mut sealed = link.sealed;
        let plain = key
            .open_in_place(nonce, Aad::from(link.room.as_str()), &mut sealed)
            .map_err(|_| LinkFault::Unreadable)?;
        let grant: Grant = serde_json::from_slice(plain).map_err(|_| LinkFault::Unreadable)?;
        let ticket = self.mint(&grant);
        Ok(Some((grant.room, ticket)))
    }

    /// A ticket as a redeemed link gives one.
    pub fn mint(&self, grant: &Grant) -> String {
        self.tickets.mint(&self.key.0, &self.key.1, grant, TICKET_LIFETIME)
    }

    /// The session is over, and its links with it.
    pub async fn revoke(&self, room: &RoomId) -> Result<(), LinkFault> {
        Ok(self.store.revoke_links(room).await?)
    }
}

/// Also without a server at hand: a running one finds the link in its store.
pub async fn issue(store: &Store, grant: &Grant) -> Result<LinkSecret, LinkFault> {
    let secret = LinkSecret(crate::chance::bytes());
    let (key, nonce) = secret.seal();
    let mut sealed = serde_json::to_vec(grant).map_err(|_| LinkFault::Unreadable)?;
    key.seal_in_place_append_tag(nonce, Aad::from(grant.room.as_str()), &mut sealed)
        .map_err(|_| LinkFault::Unreadable)?;
    store.add_link(&secret.id(), &grant.room, &sealed).await?;
    Ok(secret)
}

/// Long enough to knock with; the waiting and resume secrets carry on from there.
const TICKET_LIFETIME: Duration = Duration::from_secs(120);

fn parse_secret(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use hearth_protocol::Role;

    use super::*;
    use crate::auth::{Keyring, Verifier};

    fn grant() -> Grant {
        Grant {
            room: RoomId::parse("room-1").unwrap(),
            subject: "s-1".into(),
            role: Role::Member,
            rank: 100,
            alias: "River".into(),
            publish: Vec::new(),
            open_admission: false,
            interprets: None,
            title: None,
            guardian_consent: false,
        }
    }

    async fn links() -> (Store, Links, Verifier) {
        let store = Store::temporary().await.unwrap();
        let skew = Duration::from_secs(30);
        let tickets = Tickets { audience: "hearth".into(), skew, lifetime_max: Duration::from_secs(3600) };
        let key = Key::draw("hearth");
        let mut keys = Keyring::default();
        keys.insert("link", key.clone());
        let links = Links::new(store.clone(), tickets.clone(), "link", key);
        (store, links, Verifier::new(tickets, keys))
    }

    #[tokio::test]
    async fn a_link_opens_for_its_first_browser_again_and_again_and_for_no_other() {
        let (_store, links, verifier) = links().await;
        let secret = links.issue(&grant()).await.unwrap();
        let (mine, other) = (Browser::draw(), Browser::draw());
        for _ in 0..2 {
            let (room, ticket) = links.redeem(&secret, &mine).await.unwrap().unwrap();
            assert_eq!(verifier.verify(&ticket, &room).unwrap().grant, grant());
        }
        assert!(links.redeem(&secret, &other).await.unwrap().is_none());
        assert!(links.redeem(&secret, &mine).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_link_ends_with_its_session_and_a_wrong_one_opens_nothing() {
        let (_store, links, _) = links().await;
        let secret = links.issue(&grant()).await.unwrap();
        let browser = Browser::draw();
        assert!(links.redeem(&LinkSecret([7; 32]), &browser).await.unwrap().is_none());
        links.revoke(&grant().room).await.unwrap();
        assert!(links.redeem(&secret, &browser).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_store_holds_neither_the_secret_nor_a_name() {
        let (store, links, _) = links().await;
        let secret = links.issue(&grant()).await.unwrap();
        let browser = Browser::draw();
        links.redeem(&secret, &browser).await.unwrap();
        let kept = store.redeem_link(&secret.id(), &[0; 32]).await.unwrap().unwrap();
        let all = [secret.id().to_vec(), kept.sealed, kept.browser].concat();
        for hidden in [secret.0.as_slice(), browser.0.as_slice(), b"River", b"s-1"] {
            assert!(!all.windows(hidden.len()).any(|window| window == hidden));
        }
    }
}
