//! What a datagram is, by its first byte (RFC 7983) and its lengths.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
}

/// Both an RTP header and an RTCP header with the index of SRTCP have twelve bytes, and the shortest authentication tag negotiated
/// here has ten (RFC 3711, RFC 7714).
const SRTP_MIN: usize = 12 + 10;

/// None: nothing that is read any further.
pub fn kind(datagram: &[u8]) -> Option<Kind> {
    let first = *datagram.first()?;
    match first {
        0..=3 => stun(datagram).map(|_| Kind::Stun),
        20..=63 => is_dtls(datagram).then_some(Kind::Dtls),
        128..=191 => {
            // RFC 5761, section 4.
            let is_rtcp = (192..=223).contains(datagram.get(1)?);
            let kind = if is_rtcp { Kind::Rtcp } else { Kind::Rtp };
            (datagram.len() >= SRTP_MIN).then_some(kind)
        }
        4..=19 | 64..=127 | 192..=255 => None,
    }
}

/// The first half of the USERNAME in a STUN binding request: which of our connections is meant (RFC 8445, section 7.2.2).
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    const USERNAME: u16 = 0x0006;
    let username = binding_request(datagram)?.find(|(kind, _)| *kind == USERNAME)?.1;
    let (local, _) = std::str::from_utf8(username).ok()?.split_once(':')?;
    // RFC 8839, section 5.4: 4 to 256 characters.
    (4..=256).contains(&local.len()).then_some(local)
}

/// What tells one STUN request from another; random (RFC 8489, section 5).
pub type Transaction = [u8; 12];

/// Of a STUN message.
pub fn transaction(datagram: &[u8]) -> Option<Transaction> {
    stun(datagram)?;
    datagram.get(8..20)?.try_into().ok()
}

/// The attributes of a well-formed STUN message (RFC 8489, section 5).
fn stun(datagram: &[u8]) -> Option<&[u8]> {
    const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
    let (header, attributes) = datagram.split_first_chunk::<20>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_whole = length == attributes.len() && length.is_multiple_of(4);
    (header[4..8] == COOKIE && is_whole).then_some(attributes)
}

fn binding_request(datagram: &[u8]) -> Option<impl Iterator<Item = (u16, &[u8])>> {
    let mut rest = stun(datagram)?;
    if datagram[..2] != [0x00, 0x01] {
        return None;
    }
    Some(std::iter::from_fn(move || {
        let (head, after) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = after.get(..length)?;
        rest = after.get(length.next_multiple_of(4)..)?;
        Some((u16::from_be_bytes([head[0], head[1]]), value))
    }))
}

/// At least one whole record: RFC 6347, section 4.1, or RFC 9147, section 4.
fn is_dtls(datagram: &[u8]) -> bool {
    let is_unified = datagram[0] & 0xe0 == 0x20;
    if is_unified {
        // Header, sequence number, one byte of content type and the tag of an AEAD.
        return datagram.len() >= 2 + 1 + 16;
    }
    let Some((header, records)) = datagram.split_first_chunk::<13>() else { return false };
    let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
    // DTLS 1.0 and 1.2; 1.3 writes 1.2.
    matches!(header[1..3], [0xfe, 0xff | 0xfd]) && length <= records.len()
}
