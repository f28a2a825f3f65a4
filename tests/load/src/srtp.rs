//! SRTP with AES-GCM (RFC 7714), sealed in place: the fast way for packets that are thrown away after they were counted.

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use str0m::crypto::dtls::SrtpProfile;

/// The authentication tag. Bytes.
pub const TAG: usize = 16;

/// What one side of a connection seals with: from DTLS (RFC 5764), or drawn.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Master {
    key: Vec<u8>,
    salt: [u8; 12],
}

impl Master {
    /// What the client of DTLS seals with, and the server. None: not AES-GCM.
    pub fn both(material: &[u8], profile: SrtpProfile) -> Option<[Master; 2]> {
        let lengths = [(SrtpProfile::AEAD_AES_128_GCM, 16), (SrtpProfile::AEAD_AES_256_GCM, 32)];
        let (_, length) = lengths.into_iter().find(|(known, _)| *known == profile)?;
        let side = |at: usize| {
            let key = material.get(length * at..)?.get(..length)?.to_vec();
            let salt = material.get(2 * length + 12 * at..)?.get(..12)?.try_into().ok()?;
            Some(Master { key, salt })
        };
        Some([side(0)?, side(1)?])
    }

    /// AES-256-GCM, as browsers negotiate it here.
    pub fn draw() -> Master {
        let mut bytes = [0; 44];
        aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random bytes");
        let (key, salt) = bytes.split_at(32);
        Master { key: key.to_vec(), salt: salt.try_into().expect("44 less 32") }
    }

    /// RFC 3711, section 4.3.1.
    fn derive(&self, label: u8, to: &mut [u8]) {
        let crypto = str0m::crypto::from_feature_flags().srtp_provider;
        let mut input = [0; 16];
        input[..12].copy_from_slice(&self.salt);
        input[7] ^= label;
        for (round, chunk) in (0_u16..).zip(to.chunks_mut(16)) {
            input[14..].copy_from_slice(&round.to_be_bytes());
            let mut block = [0; 32];
            if self.key.len() == 16 {
                crypto.srtp_aes_128_ecb_round(&self.key, &input, &mut block);
            } else {
                crypto.srtp_aes_256_ecb_round(&self.key, &input, &mut block);
            }
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }

    fn key(&self, label: u8) -> LessSafeKey {
        let mut bytes = vec![0; self.key.len()];
        self.derive(label, &mut bytes);
        let algorithm = if bytes.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
        LessSafeKey::new(UnboundKey::new(algorithm, &bytes).expect("the key is as long as its cipher asks"))
    }

    fn salt(&self, label: u8) -> [u8; 12] {
        let mut salt = [0; 12];
        self.derive(label, &mut salt);
        salt
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Master(…)")
    }
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Seal {
    rtp: LessSafeKey,
    rtp_salt: [u8; 12],
    rtcp: LessSafeKey,
    rtcp_salt: [u8; 12],
}

impl From<&Master> for Seal {
    fn from(master: &Master) -> Seal {
        let (rtp, rtp_salt) = (master.key(0), master.salt(2));
        Seal { rtp, rtp_salt, rtcp: master.key(3), rtcp_salt: master.salt(5) }
    }
}

impl Seal {
    /// Seals an RTP packet in place and adds the tag. `index`: the rollover counter and the sequence number.
    pub fn seal(&self, packet: &mut Vec<u8>, index: u32) {
        self.seal_from(packet, 0, index);
    }

    /// The same with the packet that begins at `start`, behind others.
    pub fn seal_from(&self, bytes: &mut Vec<u8>, start: usize, index: u32) {
        let Some(header) = header_length(&bytes[start..]) else { return };
        let tag = self.seal_behind(header, &mut bytes[start..], index);
        bytes.extend_from_slice(&tag);
    }

    /// Seals a packet in place of which so many bytes, at least 12, stay in the clear, be they a header or not. The tag goes behind it.
    pub fn seal_behind(&self, header: usize, packet: &mut [u8], index: u32) -> [u8; TAG] {
        let nonce = self.rtp_nonce(packet, index >> 16);
        let (header, payload) = packet.split_at_mut(header);
        let tag = self.rtp.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload);
        let tag = tag.expect("a packet is short enough for AES-GCM");
        tag.as_ref().try_into().expect("the tag of AES-GCM")
    }

    /// Opens an RTP packet in place: its payload. None: not sealed by this.
    pub fn open<'a>(&self, packet: &'a mut [u8], index: u32) -> Option<&'a [u8]> {
        let header = header_length(packet).filter(|length| packet.len() >= length + TAG)?;
        let nonce = self.rtp_nonce(packet, index >> 16);
        let (header, payload) = packet.split_at_mut(header);
        self.rtp.open_in_place(nonce, Aad::from(&*header), payload).ok().map(|opened| &*opened)
    }

    pub fn seal_rtcp(&self, packet: &mut Vec<u8>, index: u32) {
        let marked = (0x8000_0000 | index).to_be_bytes();
        let nonce = self.rtcp_nonce(packet, index);
        let (head, rest) = packet.split_at_mut(8);
        let aad = [&*head, &marked].concat();
        let tag = self.rtcp.seal_in_place_separate_tag(nonce, Aad::from(aad), rest);
        packet.extend_from_slice(tag.expect("a packet is short enough for AES-GCM").as_ref());
        packet.extend_from_slice(&marked);
    }

    /// Opens a compound packet of RTCP in place.
    pub fn open_rtcp<'a>(&self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let end = packet.len().checked_sub(4).filter(|end| *end >= 8 + TAG)?;
        let marked: [u8; 4] = packet[end..].try_into().ok()?;
        let nonce = self.rtcp_nonce(packet, u32::from_be_bytes(marked) & 0x7fff_ffff);
        let (head, rest) = packet[..end].split_at_mut(8);
        let aad = [&*head, &marked].concat();
        let length = self.rtcp.open_in_place(nonce, Aad::from(aad), rest).ok()?.len();
        Some(&packet[..8 + length])
    }

    fn rtp_nonce(&self, packet: &[u8], rollovers: u32) -> Nonce {
        let mut nonce = self.rtp_salt;
        let parts =
            packet[8..12].iter().copied().chain(rollovers.to_be_bytes()).chain([packet[2], packet[3]]);
        nonce[2..].iter_mut().zip(parts).for_each(|(byte, part)| *byte ^= part);
        Nonce::assume_unique_for_key(nonce)
    }

    fn rtcp_nonce(&self, packet: &[u8], index: u32) -> Nonce {
        let mut nonce = self.rtcp_salt;
        let parts = packet[4..8].iter().copied().chain([0, 0]).chain(index.to_be_bytes());
        nonce[2..].iter_mut().zip(parts).for_each(|(byte, part)| *byte ^= part);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// The rollover counter and the sequence number of a packet, by the highest so far (RFC 3711, appendix A).
pub fn index(highest: u32, number: u16) -> u32 {
    let ahead = number.wrapping_sub(highest as u16) as i16;
    highest.wrapping_add_signed(i32::from(ahead))
}

/// Of an RTP packet, extensions included (RFC 3550, section 5).
pub fn header_length(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut length = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let words = packet.get(length + 2..length + 4)?;
        length += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    (packet.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> Vec<u8> {
        let mut packet = vec![0x90, 96, 0xff, 0xfe, 0, 0, 0, 1, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0];
        packet.extend(b"a payload");
        packet
    }

    #[test]
    fn what_one_side_seals_the_other_opens() {
        let seal = Seal::from(&Master::draw());
        let mut sealed = packet();
        seal.seal(&mut sealed, 0x0003_fffe);
        assert_eq!(sealed.len(), packet().len() + TAG);
        assert_eq!(seal.open(&mut sealed.clone(), 0x0003_fffe), Some(&b"a payload"[..]));
        assert_eq!(seal.open(&mut sealed, 0x0002_fffe), None, "another rollover");
    }

    #[test]
    fn numbers_roll_over_and_late_ones_do_not() {
        assert_eq!(index(0x0000_fffe, 2), 0x0001_0002);
        assert_eq!(index(0x0001_0002, 0xfffe), 0x0000_fffe);
        assert_eq!(index(0x0001_0002, 3), 0x0001_0003);
    }

    #[test]
    fn reports_are_sealed_too() {
        let seal = Seal::from(&Master::draw());
        let mut sealed = vec![0x80, 201, 0, 2, 1, 2, 3, 4, 9, 9, 9, 9];
        seal.seal_rtcp(&mut sealed, 7);
        assert_eq!(seal.open_rtcp(&mut sealed).map(|opened| &opened[8..]), Some(&[9, 9, 9, 9][..]));
    }
}
