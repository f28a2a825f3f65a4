//! The VP8 payload descriptor (RFC 7741, section 4.2): read, and written over in place.

use crate::packet::{Numbers, Picture};

#[derive(Clone, Copy, Debug, Default)]
struct Descriptor {
    /// Where each field lies in the payload.
    picture_id: Option<(usize, Width)>,
    tl0_index: Option<usize>,
    key_index: Option<usize>,
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Seven,
    Fifteen,
}

/// None: not VP8.
pub fn picture(payload: &[u8]) -> Option<Picture> {
    let descriptor = Descriptor::parse(payload)?;
    let starts_key_frame = payload[0] & 0x17 == 0x10 && payload[descriptor.length] & 1 == 0;
    Some(Picture {
        starts_key_frame,
        picture_id: descriptor.picture_id.map(|(at, width)| match width {
            Width::Seven => u16::from(payload[at]),
            Width::Fifteen => u16::from_be_bytes([payload[at] & 0x7f, payload[at + 1]]),
        }),
        tl0_index: descriptor.tl0_index.map(|at| payload[at]),
        key_index: descriptor.key_index.map(|at| payload[at] & 0x1f),
        height: if starts_key_frame { key_frame_height(&payload[descriptor.length..]) } else { None },
    })
}

/// Writes the slot's numbers over the sender's, where the payload has them. A descriptor with picture ids of seven bits gets the lower
/// seven.
pub fn rewrite(payload: &mut [u8], numbers: &Numbers) {
    let Some(descriptor) = Descriptor::parse(payload) else { return };
    if let (Some((at, width)), Some(id)) = (descriptor.picture_id, numbers.picture_id) {
        let [high, low] = id.to_be_bytes();
        match width {
            Width::Seven => payload[at] = low & 0x7f,
            Width::Fifteen => (payload[at], payload[at + 1]) = (0x80 | high, low),
        }
    }
    if let (Some(at), Some(index)) = (descriptor.tl0_index, numbers.tl0_index) {
        payload[at] = index;
    }
    if let (Some(at), Some(index)) = (descriptor.key_index, numbers.key_index) {
        payload[at] = payload[at] & !0x1f | index & 0x1f;
    }
}

impl Descriptor {
    /// None: too short, nothing behind it, or a combination that RFC 7741 forbids.
    fn parse(payload: &[u8]) -> Option<Descriptor> {
        let mut descriptor = Descriptor { length: 1, ..Descriptor::default() };
        if payload.first()? & 0x80 != 0 {
            let has = payload.get(1)?;
            let (has_id, has_tl0, has_layer, has_key) =
                (has & 0x80 != 0, has & 0x40 != 0, has & 0x20 != 0, has & 0x10 != 0);
            if has_tl0 && !has_layer {
                return None;
            }
            let mut at = 2;
            if has_id {
                let width = if payload.get(at)? & 0x80 != 0 { Width::Fifteen } else { Width::Seven };
                descriptor.picture_id = Some((at, width));
                at += if width == Width::Fifteen { 2 } else { 1 };
            }
            if has_tl0 {
                descriptor.tl0_index = Some(at);
                at += 1;
            }
            if has_layer || has_key {
                descriptor.key_index = has_key.then_some(at);
                at += 1;
            }
            descriptor.length = at;
        }
        (descriptor.length < payload.len()).then_some(descriptor)
    }
}

/// RFC 6386 section 9.1: start code and size follow the three bytes of the frame tag. In the clear also where frames are encrypted
/// end to end, then a few bytes later.
fn key_frame_height(frame: &[u8]) -> Option<u16> {
    let start = frame.windows(3).take(16).position(|bytes| bytes == [0x9d, 0x01, 0x2a])?;
    let height = frame.get(start + 5..start + 7)?;
    Some(u16::from_le_bytes([height[0], height[1]]) & 0x3fff).filter(|height| *height > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Numbers = Numbers {
        sequence: 0,
        timestamp: 0,
        marker: false,
        picture_id: Some(0x1234),
        tl0_index: Some(9),
        key_index: Some(3),
    };

    fn check_rewritten(payload: &[u8], expected: &[u8]) {
        let mut rewritten = payload.to_vec();
        rewrite(&mut rewritten, &NUMBERS);
        assert_eq!(rewritten, expected);
    }

    #[test]
    fn numbers_are_written_over_where_the_payload_has_them() {
        check_rewritten(
            &[0x90, 0xf0, 0x80, 1, 2, 0b1010_0001, 7],
            &[0x90, 0xf0, 0x92, 0x34, 9, 0b1010_0011, 7],
        );
        check_rewritten(&[0x90, 0x80, 1, 7], &[0x90, 0x80, 0x34, 7]);
        check_rewritten(&[0x90, 0x20, 0xe1, 7], &[0x90, 0x20, 0xe1, 7]);
        check_rewritten(&[0x10, 7], &[0x10, 7]);
    }

    #[test]
    fn a_key_frame_tells_its_height() {
        let frame = [0x90, 0x80, 0x80, 5, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1];
        let picture = picture(&frame).expect("VP8");
        assert!(picture.starts_key_frame);
        assert_eq!((picture.height, picture.picture_id), (Some(360), Some(5)));
    }

    #[test]
    fn what_goes_on_with_a_frame_starts_none() {
        assert!(!picture(&[0x80, 0x80, 5, 0]).expect("VP8").starts_key_frame);
        assert!(!picture(&[0x90, 0x80, 5, 1]).expect("VP8").starts_key_frame);
        assert!(!picture(&[0x92, 0x80, 5, 0]).expect("VP8").starts_key_frame);
    }

    #[test]
    fn cut_off_descriptors_are_refused() {
        let whole = [0x90, 0xf0, 0x80, 1, 2, 3, 7];
        (0..whole.len()).for_each(|length| assert_eq!(picture(&whole[..length]), None, "{length}"));
        assert_eq!(picture(&[0x90, 0x40, 1, 7]), None, "TL0PICIDX without a layer");
    }
}
