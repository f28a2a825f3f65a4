//! RFC 4571, section 2: each datagram behind its length in two bytes.

use std::io::{self, ErrorKind, Write};

/// A longer frame breaks the stream. Bytes.
pub const FRAME_MAX: usize = 2048;
/// What may wait to be written to one stream: half a second at 2 Mbit/s. Bytes.
const QUEUE_MAX: usize = 128 << 10;
const HEAD: usize = 2;

/// Takes a stream apart, however it was cut. Holds at most one frame.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    partial: Vec<u8>,
}

impl Decoder {
    #[cfg(any(test, feature = "tests"))]
    pub fn held(&self) -> usize {
        self.partial.len()
    }

    /// An error: the frame is longer than any we expect; the stream cannot go on.
    pub fn decode(&mut self, mut bytes: &[u8], mut deliver: impl FnMut(&[u8])) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.partial.is_empty()
                && let Some((frame, rest)) = whole(bytes)?
            {
                hand_over(frame, &mut deliver);
                bytes = rest;
                continue;
            }
            let wanted = match self.partial.first_chunk::<HEAD>() {
                None => HEAD,
                Some(head) => HEAD + length(*head)?,
            };
            let (more, rest) = bytes.split_at(bytes.len().min(wanted - self.partial.len()));
            self.partial.extend_from_slice(more);
            bytes = rest;
            if let Some((frame, _)) = whole(&self.partial)? {
                hand_over(frame, &mut deliver);
                self.partial.clear();
            }
        }
        Ok(())
    }
}

fn whole(bytes: &[u8]) -> io::Result<Option<(&[u8], &[u8])>> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
    Ok(rest.split_at_checked(length(*head)?))
}

fn length(head: [u8; HEAD]) -> io::Result<usize> {
    let length = usize::from(u16::from_be_bytes(head));
    if length > FRAME_MAX { Err(ErrorKind::InvalidData.into()) } else { Ok(length) }
}

/// An empty frame is a sign of life and nothing else.
fn hand_over(frame: &[u8], deliver: &mut impl FnMut(&[u8])) {
    if !frame.is_empty() {
        deliver(frame);
    }
}

/// What waits to be written, as whole frames but for the first, of which the kernel may have a part.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Starts at a frame.
    bytes: Vec<u8>,
    written: usize,
}

impl Queue {
    /// False: it does not fit, and was dropped.
    pub fn push(&mut self, datagram: &[u8]) -> bool {
        let Ok(length) = u16::try_from(datagram.len()) else { return false };
        if datagram.len() > FRAME_MAX || self.bytes.len() - self.written + HEAD + datagram.len() > QUEUE_MAX {
            return false;
        }
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(datagram);
        true
    }

    #[cfg(any(test, feature = "tests"))]
    pub fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Writes as much as the kernel takes now.
    pub fn write(&mut self, to: &mut impl Write) -> io::Result<()> {
        while self.written < self.bytes.len() {
            match to.write(&self.bytes[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.forget_written();
        Ok(())
    }

    pub fn purge(&mut self) {
        self.forget_written();
        if self.written == 0 {
            self.bytes.clear();
            return;
        }
        let end = self.frame_end(0);
        self.bytes.truncate(end);
        self.bytes[self.written.max(HEAD)..].fill(0);
    }

    /// Drops the frames that the kernel has in full.
    fn forget_written(&mut self) {
        let mut start = 0;
        while start < self.written && self.frame_end(start) <= self.written {
            start = self.frame_end(start);
        }
        self.bytes.drain(..start);
        self.written -= start;
    }

    fn frame_end(&self, start: usize) -> usize {
        let length = u16::from_be_bytes([self.bytes[start], self.bytes[start + 1]]);
        start + HEAD + usize::from(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(frames: &[Vec<u8>]) -> Vec<u8> {
        frames.iter().flat_map(|frame| [&(frame.len() as u16).to_be_bytes()[..], frame].concat()).collect()
    }

    fn frames() -> Vec<Vec<u8>> {
        [1, 2, 3, 700, FRAME_MAX, 5, 0, 9].iter().map(|length| vec![*length as u8; *length]).collect()
    }

    #[test]
    fn however_a_stream_is_cut_the_same_frames_come_out() {
        let bytes = framed(&frames());
        for cut in [1, 2, 3, 7, 64, 701, 5000] {
            let mut decoder = Decoder::default();
            let mut out = Vec::new();
            for chunk in bytes.chunks(cut) {
                decoder.decode(chunk, |frame| out.push(frame.to_vec())).expect("well-formed");
                assert!(decoder.partial.len() < HEAD + FRAME_MAX);
            }
            let expected: Vec<_> = frames().into_iter().filter(|frame| !frame.is_empty()).collect();
            assert_eq!(out, expected, "cut at {cut}");
        }
    }

    #[test]
    fn random_bytes_break_the_stream_or_give_frames_but_never_grow_it() {
        let mut state = 0x5eed_u64;
        println!("seed {state}");
        let mut decoder = Decoder::default();
        for _ in 0..100_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bytes = state.to_be_bytes();
            // Mostly short lengths, so that both outcomes are met.
            let chunk = [bytes[0] & 7 & bytes[1], bytes[2], bytes[3], bytes[4]];
            if decoder
                .decode(&chunk[..usize::from(bytes[5] % 5)], |frame| assert!(frame.len() <= FRAME_MAX))
                .is_err()
            {
                decoder = Decoder::default();
            }
            assert!(decoder.partial.len() < HEAD + FRAME_MAX);
        }
    }

    /// Takes so much and no more.
    struct Narrow(Vec<u8>, usize);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let length = bytes.len().min(self.1);
            self.1 -= length;
            self.0.extend_from_slice(&bytes[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_purge_leaves_whole_frames_and_nothing_of_what_was_not_written() {
        for taken in 0..24 {
            let mut queue = Queue::default();
            assert!(queue.push(&[1; 10]) && queue.push(&[2; 10]) && queue.push(&[3; 10]));
            let mut kernel = Narrow(Vec::new(), taken);
            queue.write(&mut kernel).expect("would block");
            queue.purge();
            assert!(queue.push(&[4; 10]));
            kernel.1 = 1000;
            let before = kernel.0.len();
            queue.write(&mut kernel).expect("written");
            assert!(queue.bytes.is_empty());
            assert!(!kernel.0[before..].iter().any(|byte| [1, 2, 3].contains(byte)), "{taken} bytes taken");
            let mut last = Vec::new();
            Decoder::default().decode(&kernel.0, |frame| last = frame.to_vec()).expect("well-formed");
            assert_eq!(last, [4; 10], "{taken} bytes taken");
        }
    }

    #[test]
    fn a_stream_that_does_not_drain_drops_whole_frames() {
        let mut queue = Queue::default();
        let mut kernel = Narrow(Vec::new(), 33);
        let mut pushed = 0;
        for _ in 0..1000 {
            pushed += usize::from(queue.push(&[1; 1200]));
            queue.write(&mut kernel).expect("would block");
            assert!(queue.bytes.len() <= QUEUE_MAX + FRAME_MAX + HEAD);
        }
        assert_eq!(pushed, (QUEUE_MAX + 33) / 1202);
        kernel.1 = usize::MAX;
        queue.write(&mut kernel).expect("written");
        let mut frames = 0;
        Decoder::default()
            .decode(&kernel.0, |frame| frames += usize::from(frame == [1; 1200]))
            .expect("well-formed");
        assert_eq!(frames, pushed);
    }

    #[test]
    fn too_long_a_datagram_is_dropped_before_the_stream_breaks() {
        let mut queue = Queue::default();
        assert!(!queue.push(&[0; FRAME_MAX + 1]));
        assert!(queue.push(&[0; FRAME_MAX]));
        assert!(Decoder::default().decode(&[0xff, 0xff], |_| {}).is_err());
    }
}
