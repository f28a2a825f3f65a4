//! The header of an RTP packet (RFC 3550, section 5.1) with the extensions that count here (RFC 8285).

/// Numbers of header extensions, as an offer and its answer have settled them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// `mid` (RFC 9143), `rtp-stream-id` and `repaired-rtp-stream-id` (RFC 8852).
    pub mid: Option<u8>,
    pub rid: Option<u8>,
    pub rrid: Option<u8>,
    /// RFC 6464.
    pub level: Option<u8>,
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01.
    pub transport: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub ssrc: u32,
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    /// The payload ends with padding, and its last byte says how much.
    pub padded: bool,
    /// Extensions included. Bytes.
    pub length: usize,
    pub mid: Option<&'a [u8]>,
    pub rid: Option<&'a [u8]>,
    pub rrid: Option<&'a [u8]>,
    /// −dBov.
    pub level: Option<u8>,
    pub transport: Option<u16>,
}

impl<'a> Header<'a> {
    /// None: not well-formed, or an extension that names the layer stands there twice (then it is open which one counts).
    pub fn parse(packet: &'a [u8], ids: &Ids) -> Option<Header<'a>> {
        let (fixed, rest) = packet.split_first_chunk::<12>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let contributors = usize::from(fixed[0] & 0x0f) * 4;
        let rest = rest.get(contributors..)?;
        let mut header = Header {
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            payload_type: fixed[1] & 0x7f,
            marker: fixed[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            padded: fixed[0] & 0x20 != 0,
            length: 12 + contributors,
            mid: None,
            rid: None,
            rrid: None,
            level: None,
            transport: None,
        };
        let has_extension = fixed[0] & 0x10 != 0;
        if !has_extension {
            return Some(header);
        }
        let (extension, rest) = rest.split_first_chunk::<4>()?;
        let words = usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        let elements = rest.get(..words * 4)?;
        header.length += 4 + words * 4;
        let mut once = true;
        let form = u16::from_be_bytes([extension[0], extension[1]]);
        each_element(form, elements, |id, value| {
            let id = Some(id);
            let names =
                [(ids.mid, &mut header.mid), (ids.rid, &mut header.rid), (ids.rrid, &mut header.rrid)];
            for (known, place) in names {
                if known == id {
                    once &= place.replace(value).is_none();
                }
            }
            if let [level] = value
                && ids.level == id
            {
                header.level = Some(level & 0x7f);
            }
            if let [high, low] = value
                && ids.transport == id
            {
                header.transport = Some(u16::from_be_bytes([*high, *low]));
            }
        })?;
        once.then_some(header)
    }
}

/// RFC 8285, sections 4.2 and 4.3. Other forms hold no elements. None: an element runs over the end.
fn each_element<'a>(form: u16, mut elements: &'a [u8], mut each: impl FnMut(u8, &'a [u8])) -> Option<()> {
    let one_byte = form == 0xbede;
    let two_byte = form & 0xfff0 == 0x1000;
    if !one_byte && !two_byte {
        return Some(());
    }
    while let Some((&first, rest)) = elements.split_first() {
        if first == 0 {
            elements = rest;
            continue;
        }
        let (id, length, rest) = if one_byte {
            if first >> 4 == 15 {
                return Some(());
            }
            (first >> 4, usize::from(first & 0x0f) + 1, rest)
        } else {
            let (&length, rest) = rest.split_first()?;
            (first, usize::from(length), rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        each(id, value);
        elements = rest;
    }
    Some(())
}

/// Of the one-byte form, in which the relay writes (RFC 8285, section 4.2). The packet's extension bit is the caller's to set.
pub fn write_extensions(packet: &mut Vec<u8>, elements: &[(u8, &[u8])]) {
    let start = packet.len();
    packet.extend_from_slice(&[0xbe, 0xde, 0, 0]);
    for (id, value) in elements {
        packet.push(id << 4 | (value.len() - 1) as u8);
        packet.extend_from_slice(value);
    }
    packet.resize(start + (packet.len() - start).next_multiple_of(4), 0);
    let words = ((packet.len() - start) / 4 - 1) as u16;
    packet[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

/// Whether an element can be written in the one-byte form.
pub fn fits(id: u8, value: &[u8]) -> bool {
    (1..=14).contains(&id) && (1..=16).contains(&value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: Ids = Ids { mid: Some(4), rid: Some(10), rrid: Some(11), level: Some(1), transport: Some(3) };

    fn packet(elements: &[(u8, &[u8])]) -> Vec<u8> {
        let mut packet = vec![0x90, 0x80 | 96, 0xff, 0xfe, 0, 0, 0, 7, 0, 0, 0, 9];
        write_extensions(&mut packet, elements);
        packet.extend([5; 20]);
        packet
    }

    #[test]
    fn what_is_written_is_read() {
        let packet = packet(&[(4, b"17"), (3, &[0xab, 0xcd]), (1, &[0x80 | 31]), (10, b"h")]);
        let header = Header::parse(&packet, &IDS).expect("well-formed");
        assert_eq!(packet.len() - header.length, 20);
        assert_eq!((header.ssrc, header.payload_type, header.marker), (9, 96, true));
        assert_eq!((header.sequence, header.timestamp), (0xfffe, 7));
        assert_eq!((header.mid, header.rid, header.rrid), (Some(&b"17"[..]), Some(&b"h"[..]), None));
        assert_eq!((header.level, header.transport), (Some(31), Some(0xabcd)));
    }

    #[test]
    fn a_layer_named_twice_is_refused() {
        assert!(Header::parse(&packet(&[(4, b"1"), (4, b"2")]), &IDS).is_none());
        assert!(Header::parse(&packet(&[(1, &[1]), (1, &[2])]), &IDS).is_some());
    }

    #[test]
    fn an_extension_over_the_end_is_refused() {
        let mut packet = packet(&[(4, b"17")]);
        packet[15] = 200;
        assert!(Header::parse(&packet, &IDS).is_none());
    }
}
