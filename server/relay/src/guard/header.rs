/// Of an RTP header (RFC 3550, section 5.1), what the guard needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub ssrc: u32,
    pub payload: u8,
    pub mid: Option<&'a [u8]>,
    pub rid: Option<&'a [u8]>,
    pub rrid: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// None: not well-formed, or an extension that names the layer stands there twice (then it is open which one counts).
    pub fn parse(
        packet: &'a [u8],
        mid_id: Option<u8>,
        rid_id: Option<u8>,
        rrid_id: Option<u8>,
    ) -> Option<Header<'a>> {
        let (fixed, rest) = packet.split_first_chunk::<12>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let contributors = usize::from(fixed[0] & 0x0f) * 4;
        let rest = rest.get(contributors..)?;
        let mut header = Header {
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            payload: fixed[1] & 0x7f,
            mid: None,
            rid: None,
            rrid: None,
        };
        let has_extension = fixed[0] & 0x10 != 0;
        if !has_extension {
            return Some(header);
        }
        let (extension, rest) = rest.split_first_chunk::<4>()?;
        let words = usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        let elements = rest.get(..words * 4)?;
        let mut once = true;
        let form = u16::from_be_bytes([extension[0], extension[1]]);
        each_element(form, elements, |id, value| {
            let named = [(mid_id, &mut header.mid), (rid_id, &mut header.rid), (rrid_id, &mut header.rrid)];
            for (known, place) in named {
                if known == Some(id) {
                    once &= place.replace(value).is_none();
                }
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
