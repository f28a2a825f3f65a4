//! SRTP and SRTCP (RFC 3711, RFC 5764, RFC 7714): packets sealed and opened, once DTLS has given the keys.
//!
//! It keeps no state of streams: who calls counts rollovers and refuses what came before. Of its own it counts the reports sealed.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time, hmac,
};

/// The fixed part of an RTP header. Bytes.
const HEADER: usize = 12;
/// What SRTCP leaves in the clear: the header of the first report and its sender. Bytes.
const RTCP_HEADER: usize = 8;
const GCM_TAG: usize = 16;
const CM_TAG: usize = 10;
/// Before the 31 bits of an SRTCP index: the report is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// As browsers negotiate them; the first by older ones alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Aes128CmSha1_80,
    Aes128Gcm,
    Aes256Gcm,
}

/// What both sides seal with, from DTLS keying material laid out by RFC 5764, section 4.2: client, server. None: too short.
pub fn keys(material: &[u8], profile: Profile) -> Option<[Master; 2]> {
    let (key, salt) = (profile.key(), profile.salt());
    let master = |side: usize| {
        let key = material.get(key * side..)?.get(..key)?;
        let salt = material.get(2 * profile.key() + salt * side..)?.get(..salt)?;
        Some(Master::new(profile, key, salt))
    };
    Some([master(0)?, master(1)?])
}

/// What one side's keys are derived from.
#[derive(Clone)]
pub struct Master {
    profile: Profile,
    /// As many bytes as the profile says, then zeros.
    key: [u8; 32],
    /// From the left, as a block of the cipher; zeros follow.
    salt: u128,
}

/// What one side sends.
#[derive(Debug)]
pub struct Seal {
    rtp: Session,
    rtcp: Session,
    /// The SRTCP index.
    next: u32,
}

/// What the other side sends.
#[derive(Debug)]
pub struct Open {
    rtp: Session,
    rtcp: Session,
}

impl From<&Master> for Seal {
    fn from(master: &Master) -> Seal {
        Seal { rtp: master.session(0), rtcp: master.session(3), next: 0 }
    }
}

impl Seal {
    /// Seals the RTP packet `buffer[start..]` in place and adds the tag. Its header, extensions included, has `header` bytes, at least 12.
    pub fn seal(&self, buffer: &mut Vec<u8>, start: usize, header: usize, rollovers: u32) {
        let (head, body) = buffer[start..].split_at_mut(header);
        let vector = self.rtp.rtp_vector(head, rollovers).expect("a header has 12 bytes");
        match &self.rtp.cipher {
            Cipher::Gcm(gcm) => {
                let tag = gcm.seal(vector, head, body);
                buffer.extend_from_slice(&tag);
            }
            Cipher::Cm(cm) => {
                cm.turn(vector, body);
                let tag = cm.tag(&buffer[start..], rollovers);
                buffer.extend_from_slice(&tag);
            }
        }
    }

    /// Seals the compound RTCP packet `buffer[start..]` in place. False: the index is used up, or it is no packet; it is taken out of
    /// the buffer then, so that it cannot leave in the clear.
    pub fn seal_rtcp(&mut self, buffer: &mut Vec<u8>, start: usize) -> bool {
        let index = self.next;
        let Some(vector) = self.rtcp.rtcp_vector(&buffer[start..], index).filter(|_| index < ENCRYPTED)
        else {
            buffer.truncate(start);
            return false;
        };
        self.next += 1;
        let word = ENCRYPTED | index;
        let (head, body) = buffer[start..].split_at_mut(RTCP_HEADER);
        match &self.rtcp.cipher {
            Cipher::Gcm(gcm) => {
                let tag = gcm.seal(vector, &rtcp_authenticated(head, word), body);
                buffer.extend_from_slice(&tag);
                buffer.extend_from_slice(&word.to_be_bytes());
            }
            Cipher::Cm(cm) => {
                cm.turn(vector, body);
                let tag = cm.tag(&buffer[start..], word);
                buffer.extend_from_slice(&word.to_be_bytes());
                buffer.extend_from_slice(&tag);
            }
        }
        true
    }
}

impl From<&Master> for Open {
    fn from(master: &Master) -> Open {
        Open { rtp: master.session(0), rtcp: master.session(3) }
    }
}

impl Open {
    /// Opens an RTP packet whose header, extensions included, has `header` bytes: `payload` becomes its payload. False: it is not
    /// authentic or too short.
    pub fn open(&self, packet: &[u8], header: usize, rollovers: u32, payload: &mut Vec<u8>) -> bool {
        let opened = self.payload(packet, header, rollovers, payload);
        if opened.is_none() {
            payload.clear();
        }
        opened.is_some()
    }

    /// Opens a compound RTCP packet: `plain` becomes all of it, in the clear. Its index, or none: it is not authentic, too short, or
    /// was not encrypted in the first place.
    pub fn open_rtcp(&self, packet: &[u8], plain: &mut Vec<u8>) -> Option<u32> {
        let index = self.compound(packet, plain);
        if index.is_none() {
            plain.clear();
        }
        index
    }

    fn payload(&self, packet: &[u8], header: usize, rollovers: u32, payload: &mut Vec<u8>) -> Option<()> {
        let vector = self.rtp.rtp_vector(packet, rollovers)?;
        match &self.rtp.cipher {
            Cipher::Gcm(gcm) => {
                let (head, body) = packet.split_at_checked(header)?;
                payload.resize(body.len().checked_sub(GCM_TAG)?, 0);
                gcm.open(vector, head, body, payload)
            }
            Cipher::Cm(cm) => {
                let (sealed, tag) = packet.split_last_chunk()?;
                let body = sealed.get(header..)?;
                cm.check(sealed, rollovers, tag)?;
                payload.clear();
                payload.extend_from_slice(body);
                cm.turn(vector, payload);
                Some(())
            }
        }
    }

    fn compound(&self, packet: &[u8], plain: &mut Vec<u8>) -> Option<u32> {
        let (sealed, word) = match &self.rtcp.cipher {
            Cipher::Gcm(_) => packet.split_last_chunk()?,
            Cipher::Cm(_) => packet.split_last_chunk::<CM_TAG>()?.0.split_last_chunk()?,
        };
        let word = u32::from_be_bytes(*word);
        let index = word & !ENCRYPTED;
        if word == index {
            return None;
        }
        let vector = self.rtcp.rtcp_vector(sealed, index)?;
        let (head, body) = sealed.split_at_checked(RTCP_HEADER)?;
        match &self.rtcp.cipher {
            Cipher::Gcm(gcm) => {
                plain.resize(sealed.len().checked_sub(GCM_TAG).filter(|length| *length >= RTCP_HEADER)?, 0);
                let (to_head, to_body) = plain.split_at_mut(RTCP_HEADER);
                to_head.copy_from_slice(head);
                gcm.open(vector, &rtcp_authenticated(head, word), body, to_body)?;
            }
            Cipher::Cm(cm) => {
                let (_, tag) = packet.split_last_chunk()?;
                cm.check(sealed, word, tag)?;
                plain.clear();
                plain.extend_from_slice(sealed);
                cm.turn(vector, &mut plain[RTCP_HEADER..]);
            }
        }
        Some(index)
    }
}

/// The extended number (rollovers before the sequence number) nearest to the highest so far (RFC 3711, appendix A). Nothing comes
/// before rollover 0.
pub fn index(highest: Option<u64>, number: u16) -> u64 {
    let Some(highest) = highest else { return number.into() };
    let same = highest & !0xffff | u64::from(number);
    if same > highest + 0x8000 {
        same.checked_sub(0x1_0000).unwrap_or(same)
    } else if same + 0x8000 < highest {
        same + 0x1_0000
    } else {
        same
    }
}

impl Profile {
    /// Bytes.
    fn key(self) -> usize {
        match self {
            Profile::Aes128CmSha1_80 | Profile::Aes128Gcm => 16,
            Profile::Aes256Gcm => 32,
        }
    }

    /// Bytes.
    fn salt(self) -> usize {
        match self {
            Profile::Aes128CmSha1_80 => 14,
            Profile::Aes128Gcm | Profile::Aes256Gcm => 12,
        }
    }
}

impl Master {
    fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Master {
        let mut master = Master { profile, key: [0; 32], salt: left(salt) };
        master.key[..key.len()].copy_from_slice(key);
        master
    }

    /// `label`: the first of the three, of the key; the tag's key and the salt have the next ones (RFC 3711, section 4.3.2).
    fn session(&self, label: u8) -> Session {
        let (mut key, mut tag, mut salt) = ([0; 32], [0; 20], [0; 14]);
        let (key, salt) = (&mut key[..self.profile.key()], &mut salt[..self.profile.salt()]);
        self.derive(label, key);
        self.derive(label + 1, &mut tag);
        self.derive(label + 2, salt);
        Session::new(self.profile, key, &tag, salt)
    }

    /// RFC 3711, section 4.3, where keys are derived once.
    fn derive(&self, label: u8, to: &mut [u8]) {
        let key = &self.key[..self.profile.key()];
        let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
        let start = self.salt ^ u128::from(label) << 64;
        to.fill(0);
        Counter::new(UnboundCipherKey::new(algorithm, key).expect("the key is as long as its cipher asks"))
            .turn(start, to);
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// What seals either the media or the reports of one side.
struct Session {
    cipher: Cipher,
    /// From the left, as a block of the cipher.
    salt: u128,
}

enum Cipher {
    Gcm(Gcm),
    /// Rare, and larger.
    Cm(Box<Cm>),
}

impl Session {
    fn new(profile: Profile, key: &[u8], tag: &[u8], salt: &[u8]) -> Session {
        let cipher = match profile {
            Profile::Aes128CmSha1_80 => Cipher::Cm(Box::new(Cm::new(key, tag))),
            Profile::Aes128Gcm | Profile::Aes256Gcm => Cipher::Gcm(Gcm::new(key)),
        };
        Session { cipher, salt: left(salt) }
    }

    fn rtp_vector(&self, packet: &[u8], rollovers: u32) -> Option<u128> {
        let header = packet.first_chunk::<HEADER>()?;
        let number = u16::from_be_bytes([header[2], header[3]]);
        let (_, ssrc) = header.split_last_chunk()?;
        Some(self.vector(u32::from_be_bytes(*ssrc), u64::from(rollovers) << 16 | u64::from(number)))
    }

    fn rtcp_vector(&self, compound: &[u8], index: u32) -> Option<u128> {
        let (_, ssrc) = compound.first_chunk::<RTCP_HEADER>()?.split_last_chunk()?;
        Some(self.vector(u32::from_be_bytes(*ssrc), index.into()))
    }

    /// The SSRC and 48 bits of index over the end of the salt: RFC 3711, section 4.1.1; RFC 7714, sections 8.1 and 9.1.
    fn vector(&self, ssrc: u32, index: u64) -> u128 {
        let unused = match &self.cipher {
            Cipher::Gcm(_) => 32,
            Cipher::Cm(_) => 16,
        };
        self.salt ^ (u128::from(ssrc) << 48 | u128::from(index)) << unused
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// AES-GCM (RFC 7714).
struct Gcm(LessSafeKey);

impl Gcm {
    fn new(key: &[u8]) -> Gcm {
        let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
        let key = UnboundKey::new(algorithm, key).expect("the key is as long as its cipher asks");
        Gcm(LessSafeKey::new(key))
    }

    fn seal(&self, vector: u128, authenticated: &[u8], body: &mut [u8]) -> [u8; GCM_TAG] {
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce(vector), Aad::from(authenticated), body)
            .expect("a packet is short enough for AES-GCM");
        tag.as_ref().try_into().expect("the tag of AES-GCM has 16 bytes")
    }

    /// `body` ends with the tag, and `plain` is shorter by it.
    fn open(&self, vector: u128, authenticated: &[u8], body: &[u8], plain: &mut [u8]) -> Option<()> {
        let (sealed, tag) = body.split_last_chunk::<GCM_TAG>()?;
        self.0.open_separate_gather(nonce(vector), Aad::from(authenticated), sealed, tag, plain).ok()
    }
}

/// AES in counter mode, with HMAC-SHA1 (RFC 3711, sections 4.1.1 and 4.2.1).
struct Cm {
    counter: Counter,
    tag: hmac::Key,
}

impl Cm {
    fn new(key: &[u8], tag: &[u8]) -> Cm {
        let key = UnboundCipherKey::new(&AES_128, key).expect("the key is as long as its cipher asks");
        Cm { counter: Counter::new(key), tag: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, tag) }
    }

    /// The same for sealing and for opening.
    fn turn(&self, vector: u128, body: &mut [u8]) {
        self.counter.turn(vector, body);
    }

    /// `word`: the rollovers of RTP, the index of RTCP.
    fn tag(&self, sealed: &[u8], word: u32) -> [u8; CM_TAG] {
        let mut context = hmac::Context::with_key(&self.tag);
        context.update(sealed);
        context.update(&word.to_be_bytes());
        *context.sign().as_ref().first_chunk().expect("SHA-1 gives 20 bytes")
    }

    fn check(&self, sealed: &[u8], word: u32, tag: &[u8; CM_TAG]) -> Option<()> {
        constant_time::verify_slices_are_equal(&self.tag(sealed, word), tag).ok()
    }
}

struct Counter(EncryptingKey);

impl Counter {
    fn new(key: UnboundCipherKey) -> Counter {
        Counter(EncryptingKey::ctr(key).expect("AES has a counter mode"))
    }

    fn turn(&self, start: u128, bytes: &mut [u8]) {
        let context = EncryptionContext::Iv128(start.to_be_bytes().into());
        self.0.less_safe_encrypt(bytes, context).expect("a counter takes any length");
    }
}

fn nonce(vector: u128) -> Nonce {
    let [nonce @ .., _, _, _, _] = vector.to_be_bytes();
    Nonce::assume_unique_for_key(nonce)
}

/// RFC 7714, section 9.2.
fn rtcp_authenticated(head: &[u8], word: u32) -> [u8; RTCP_HEADER + 4] {
    let mut authenticated = [0; RTCP_HEADER + 4];
    authenticated[..RTCP_HEADER].copy_from_slice(head);
    authenticated[RTCP_HEADER..].copy_from_slice(&word.to_be_bytes());
    authenticated
}

fn left(salt: &[u8]) -> u128 {
    let mut block = [0; 16];
    block[..salt.len()].copy_from_slice(salt);
    u128::from_be_bytes(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [Profile; 3] = [Profile::Aes128CmSha1_80, Profile::Aes128Gcm, Profile::Aes256Gcm];
    /// Version 2, a CSRC, an extension of one word.
    const HEAD: [u8; 24] =
        [0x91, 0x6f, 0xff, 0xfe, 0, 0, 3, 0xc0, 1, 2, 3, 4, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0];
    const REPORT: [u8; 16] = [0x80, 201, 0, 1, 1, 2, 3, 4, 0x81, 206, 0, 1, 5, 6, 7, 8];

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn material(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 37 + 11) as u8).collect()
    }

    fn masters(profile: Profile) -> [Master; 2] {
        keys(&material(2 * (profile.key() + profile.salt())), profile).expect("long enough")
    }

    /// By the client, to the server.
    fn pair(profile: Profile) -> (Seal, Open) {
        let [client, _] = masters(profile);
        (Seal::from(&client), Open::from(&client))
    }

    fn seal(seal: &Seal, payload: &[u8], rollovers: u32) -> Vec<u8> {
        let mut buffer = [&HEAD, payload].concat();
        seal.seal(&mut buffer, 0, HEAD.len(), rollovers);
        buffer
    }

    fn open(open: &Open, packet: &[u8], rollovers: u32) -> Option<Vec<u8>> {
        let mut payload = vec![0xee; 7];
        let is_open = open.open(packet, HEAD.len(), rollovers, &mut payload);
        assert!(is_open || payload.is_empty(), "what was refused is not handed on");
        is_open.then_some(payload)
    }

    fn open_rtcp(open: &Open, packet: &[u8]) -> Option<(u32, Vec<u8>)> {
        let mut plain = vec![0xee; 7];
        let index = open.open_rtcp(packet, &mut plain);
        assert!(index.is_some() || plain.is_empty(), "what was refused is not handed on");
        index.map(|index| (index, plain))
    }

    /// Each way in which one bit of it may be another.
    fn changed(packet: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        (0..packet.len() * 8).map(|bit| {
            let mut changed = packet.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            changed
        })
    }

    #[test]
    fn keys_are_derived_as_in_rfc_3711() {
        let master = Master::new(
            Profile::Aes128CmSha1_80,
            &bytes("E1F97A0D3E018BE0D64FA32C06DE4139"),
            &bytes("0EC675AD498AFEEBB6960B3AABE6"),
        );
        let check = |label: u8, expected: &str| {
            let expected = bytes(expected);
            let mut derived = vec![0xee; expected.len()];
            master.derive(label, &mut derived);
            assert_eq!(derived, expected);
        };
        check(0, "C61E7A93744F39EE10734AFE3FF7A087");
        check(2, "30CBBC08863D8C85D49DB34A9AE1");
        check(
            1,
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2",
        );
    }

    #[test]
    fn counter_mode_gives_the_key_stream_of_rfc_3711() {
        let session = Session::new(
            Profile::Aes128CmSha1_80,
            &bytes("2B7E151628AED2A6ABF7158809CF4F3C"),
            &[0; 20],
            &bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
        );
        let Cipher::Cm(cm) = &session.cipher else { panic!("counter mode") };
        let mut stream = [0; 48];
        cm.turn(session.vector(0, 0), &mut stream);
        let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
                        41E95B3BB0A2E8DD477901E4FCA894C0";
        assert_eq!(stream[..], bytes(expected));
    }

    /// Session keys as in RFC 7714, sections 16 and 17.
    fn quid_pro_quo(profile: Profile) -> (Seal, Open) {
        let key: Vec<u8> = (0..32).collect();
        let session = || Session::new(profile, &key[..profile.key()], &[], b"Quid pro quo");
        let seal = Seal { rtp: session(), rtcp: session(), next: 0x5d4 };
        (seal, Open { rtp: session(), rtcp: session() })
    }

    #[test]
    fn media_are_sealed_as_in_rfc_7714() {
        let head = bytes("8040f17b 8041f8d3 5501a0b2");
        let text = b"Gallia est omnis divisa in partes tres";
        let check = |profile: Profile, expected: &str| {
            let (seal, open) = quid_pro_quo(profile);
            let mut packet = [b"before", &head[..], text].concat();
            seal.seal(&mut packet, 6, 12, 0);
            assert_eq!(packet[..6], *b"before");
            assert_eq!(packet[18..], bytes(expected));
            let mut payload = Vec::new();
            assert!(open.open(&packet[6..], 12, 0, &mut payload));
            assert_eq!(payload, text);
        };
        check(
            Profile::Aes128Gcm,
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833
             899d7f27beb16a9152cf765ee4390cce",
        );
        check(
            Profile::Aes256Gcm,
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b
             7aa3db36dfffd6b0f9bb7878d7a76c13",
        );
    }

    #[test]
    fn reports_are_sealed_as_in_rfc_7714() {
        let report = bytes(
            "81c8000d4d6172734e5450314e54503252545020 0000042a0000e9304c756e61
             deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
        );
        let check = |profile: Profile, expected: &str| {
            let (mut seal, open) = quid_pro_quo(profile);
            let mut packet = report.clone();
            assert!(seal.seal_rtcp(&mut packet, 0));
            assert_eq!(packet, bytes(&["81c8000d4d617273", expected, "800005d4"].concat()));
            assert_eq!(open_rtcp(&open, &packet), Some((0x5d4, report.clone())));
        };
        check(
            Profile::Aes128Gcm,
            "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b
             c84aa45896cf4d2fc5abf87245d9eade",
        );
        check(
            Profile::Aes256Gcm,
            "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad
             1d1eb30c4446839f57ff6f6cb26ac3be",
        );
    }

    #[test]
    fn what_one_side_seals_the_other_opens() {
        for profile in PROFILES {
            let (sealing, opening) = pair(profile);
            for length in [0, 1, 15, 16, 17, 1_200] {
                let payload = material(length);
                let sealed = seal(&sealing, &payload, 3);
                assert_eq!(sealed[..HEAD.len()], HEAD, "{profile:?}");
                assert!(length < 15 || sealed[HEAD.len()..][..length] != payload, "{profile:?}");
                assert_eq!(open(&opening, &sealed, 3), Some(payload), "{profile:?}");
            }
        }
    }

    #[test]
    fn reports_are_sealed_and_counted() {
        for profile in PROFILES {
            let (mut sealing, opening) = pair(profile);
            for index in 0..3 {
                let mut buffer = [b"before", &REPORT[..]].concat();
                assert!(sealing.seal_rtcp(&mut buffer, 6));
                assert_eq!(buffer[..6], *b"before");
                assert_eq!(buffer[6..14], REPORT[..8]);
                assert_ne!(buffer[14..22], REPORT[8..]);
                assert_eq!(open_rtcp(&opening, &buffer[6..]), Some((index, REPORT.to_vec())), "{profile:?}");
            }
        }
    }

    #[test]
    fn each_side_has_its_own_keys_and_media_others_than_reports() {
        for profile in PROFILES {
            let [client, server] = masters(profile);
            let sealed = seal(&Seal::from(&client), b"a payload", 0);
            assert_eq!(open(&Open::from(&server), &sealed, 0), None);
            let media = (client.session(0), client.session(3));
            assert_ne!(media.0.salt, media.1.salt);
        }
    }

    #[test]
    fn one_changed_bit_is_refused() {
        for profile in PROFILES {
            let (mut sealing, opening) = pair(profile);
            for packet in changed(&seal(&sealing, b"a payload", 3)) {
                assert_eq!(open(&opening, &packet, 3), None, "{profile:?} {packet:02x?}");
            }
            let mut report = REPORT.to_vec();
            assert!(sealing.seal_rtcp(&mut report, 0));
            for packet in changed(&report) {
                assert_eq!(open_rtcp(&opening, &packet), None, "{profile:?} {packet:02x?}");
            }
        }
    }

    #[test]
    fn another_rollover_is_refused() {
        for profile in PROFILES {
            let (sealing, opening) = pair(profile);
            let sealed = seal(&sealing, b"a payload", 3);
            for rollovers in [0, 2, 4, u32::MAX] {
                assert_eq!(open(&opening, &sealed, rollovers), None, "{profile:?}");
            }
        }
    }

    #[test]
    fn what_was_cut_is_refused() {
        for profile in PROFILES {
            let (mut sealing, opening) = pair(profile);
            let sealed = seal(&sealing, b"a payload", 0);
            let mut report = REPORT.to_vec();
            assert!(sealing.seal_rtcp(&mut report, 0));
            for end in 0..sealed.len() {
                assert_eq!(open(&opening, &sealed[..end], 0), None);
            }
            for end in 0..report.len() {
                assert_eq!(open_rtcp(&opening, &report[..end]), None);
            }
        }
    }

    #[test]
    fn reports_that_were_authentic_and_in_the_clear_are_refused() {
        let [client, _] = masters(Profile::Aes128CmSha1_80);
        let Cipher::Cm(cm) = client.session(3).cipher else { panic!("counter mode") };
        let tag = cm.tag(&REPORT, 7);
        let packet = [&REPORT[..], &7_u32.to_be_bytes(), &tag].concat();
        assert_eq!(open_rtcp(&Open::from(&client), &packet), None);
    }

    #[test]
    fn reports_end_with_their_index() {
        for profile in PROFILES {
            let (mut sealing, opening) = pair(profile);
            sealing.next = 0x7fff_ffff;
            let mut last = REPORT.to_vec();
            assert!(sealing.seal_rtcp(&mut last, 0));
            assert_eq!(open_rtcp(&opening, &last), Some((0x7fff_ffff, REPORT.to_vec())));
            let mut buffer = [b"before", &REPORT[..]].concat();
            assert!(!sealing.seal_rtcp(&mut buffer, 6));
            assert_eq!(buffer, b"before", "nothing leaves in the clear");
        }
    }

    #[test]
    fn short_material_gives_no_keys() {
        for (profile, length) in PROFILES.into_iter().zip([60, 56, 88]) {
            assert!(keys(&material(length), profile).is_some());
            for short in 0..length {
                assert!(keys(&material(short), profile).is_none());
            }
        }
    }

    #[test]
    fn keys_are_never_printed() {
        for profile in PROFILES {
            let [client, _] = masters(profile);
            let printed = format!("{client:?} {:?} {:?}", Seal::from(&client), Open::from(&client));
            assert!(printed.len() < 300 && !printed.contains('['), "{printed}");
            assert!(!printed.contains(&client.salt.to_string()), "{printed}");
        }
    }

    #[test]
    fn noise_is_refused_and_never_panics() {
        let mut dice = 0x5eed_u64;
        let both = PROFILES.map(|profile| pair(profile).1);
        for round in 0..20_000 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let length = (dice >> 33) as usize % 70;
            let noise: Vec<u8> = (0..length).map(|at| (dice >> (at % 8 * 8)) as u8 ^ at as u8).collect();
            let opening = &both[round % 3];
            let mut to = Vec::new();
            assert!(!opening.open(&noise, (dice >> 50) as usize % 80, dice as u32, &mut to));
            assert_eq!(opening.open_rtcp(&noise, &mut to), None);
        }
    }

    #[test]
    fn numbers_roll_over_and_late_ones_do_not() {
        assert_eq!(index(None, 65_000), 65_000);
        assert_eq!(index(Some(0xfffe), 2), 0x1_0002);
        assert_eq!(index(Some(0x1_0002), 0xfffe), 0xfffe);
        assert_eq!(index(Some(0x1_0002), 3), 0x1_0003);
        assert_eq!(index(Some(2), 0xfffe), 0xfffe, "nothing comes before rollover 0");
        assert_eq!(index(Some(0x5_9000), 0x1001), 0x5_1001);
        assert_eq!(index(Some(0x5_9000), 0x0fff), 0x6_0fff);
        assert_eq!(index(Some(0x5_1000), 0x9000), 0x5_9000);
        assert_eq!(index(Some(0x5_1000), 0x9001), 0x4_9001);
    }
}
