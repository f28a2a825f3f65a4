//! What leaves with one system call. Neighbours of one length for one destination leave as one message, which the kernel cuts up again
//! (UDP_SEGMENT): cheaper than one by one. All messages of a batch are cut by the same length; what is not longer stays whole.

use std::{net::SocketAddr, ops::Range};

/// Messages moved by one system call.
pub const BATCH: usize = 64;
/// Datagrams in one message; the kernel takes 64, and 64 kB.
const JOINED_MAX: usize = 24;
/// Longer ones leave alone. Bytes.
const SEGMENT_MAX: usize = 2_048;

#[derive(Debug, Default)]
pub struct Batch {
    pub messages: Vec<Message>,
    /// By which length messages are cut up. 0: none is.
    pub segment: usize,
    longest: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub to: SocketAddr,
    pub bytes: Range<usize>,
    /// Datagrams in it: all but the last of the same length.
    pub count: usize,
    segment: usize,
}

impl Batch {
    /// As many of these as fit, from the first on. `joins`: neighbours may leave as one message.
    pub fn fill(&mut self, entries: &[(SocketAddr, Range<usize>)], joins: bool) {
        self.messages.clear();
        (self.segment, self.longest) = (0, 0);
        for (to, bytes) in entries {
            if joins && self.join(*to, bytes) {
                continue;
            }
            let too_long = self.segment > 0 && bytes.len() > self.segment;
            if self.messages.len() == BATCH || too_long {
                return;
            }
            self.longest = self.longest.max(bytes.len());
            self.messages.push(Message { to: *to, bytes: bytes.clone(), count: 1, segment: bytes.len() });
        }
    }

    fn join(&mut self, to: SocketAddr, bytes: &Range<usize>) -> bool {
        let Some(last) = self.messages.last_mut() else { return false };
        let is_full = last.count == JOINED_MAX || last.bytes.len() < last.count * last.segment;
        let is_long = last.segment > SEGMENT_MAX;
        let fits = last.to == to
            && last.bytes.end == bytes.start
            && bytes.len() <= last.segment
            && !bytes.is_empty();
        let cuts_alike =
            if self.segment == 0 { last.segment == self.longest } else { last.segment == self.segment };
        if is_full || is_long || !fits || !cuts_alike {
            return false;
        }
        self.segment = last.segment;
        last.bytes.end = bytes.end;
        last.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (destination, length) of datagrams in a row: (destination, datagrams, bytes) of the messages, and the segment.
    fn check(datagrams: &[(u16, usize)], messages: &[(u16, usize, usize)], segment: usize) {
        let mut at = 0;
        let entries: Vec<_> = (datagrams.iter())
            .map(|(port, length)| {
                at += length;
                (SocketAddr::from(([192, 0, 2, 1], *port)), at - length..at)
            })
            .collect();
        let mut batch = Batch::default();
        batch.fill(&entries, true);
        let made: Vec<_> = batch
            .messages
            .iter()
            .map(|message| (message.to.port(), message.count, message.bytes.len()))
            .collect();
        assert_eq!((made.as_slice(), batch.segment), (messages, segment), "{datagrams:?}");
        batch.fill(&entries, false);
        assert!(batch.segment == 0 && batch.messages.iter().all(|message| message.count == 1));
    }

    #[test]
    fn neighbours_of_one_length_for_one_destination_leave_together() {
        check(&[(1, 9), (1, 9), (1, 9), (2, 9), (2, 9)], &[(1, 3, 27), (2, 2, 18)], 9);
        check(&[(1, 9), (2, 9), (1, 9)], &[(1, 1, 9), (2, 1, 9), (1, 1, 9)], 0);
    }

    #[test]
    fn a_shorter_one_is_the_last_of_its_message() {
        check(&[(1, 9), (1, 9), (1, 5), (1, 5)], &[(1, 3, 23), (1, 1, 5)], 9);
    }

    #[test]
    fn all_messages_are_cut_by_the_same_length() {
        check(&[(1, 9), (1, 9), (2, 5), (2, 5)], &[(1, 2, 18), (2, 1, 5), (2, 1, 5)], 9);
        check(&[(1, 5), (1, 5), (2, 9), (2, 9)], &[(1, 2, 10)], 5);
        check(&[(1, 9), (2, 5), (2, 5)], &[(1, 1, 9), (2, 1, 5), (2, 1, 5)], 0);
    }
}
