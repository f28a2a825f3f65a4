//! The little of RTCP (RFC 3550, 4585) that a relay expects of a browser: reports, transport feedback, and its wishes for key frames.

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
/// A count of five bits.
const BLOCKS_MAX: usize = 31;

/// What a stream has sent until now.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub ssrc: u32,
    pub time: u32,
    pub packets: u32,
    pub bytes: u32,
}

/// A compound report: what was sent, the highest sequence numbers that were heard, and a name that says nothing. `now_us`: since any
/// time, the same in each report.
pub fn report(own: u32, sent: &[Sent], heard: &[(u32, u32)], now_us: u64) -> Vec<u8> {
    let mut packet = Vec::with_capacity(256);
    let heard = &heard[..heard.len().min(BLOCKS_MAX)];
    match sent.split_first() {
        Some((first, more)) => {
            sender(&mut packet, first, heard, now_us);
            more.iter().for_each(|sent| sender(&mut packet, sent, &[], now_us));
        }
        None => {
            begin(&mut packet, RECEIVER_REPORT, heard.len() as u8, 1 + 6 * heard.len(), own);
            blocks(&mut packet, heard);
        }
    }
    begin(&mut packet, DESCRIPTION, 1, 3, own);
    packet.extend_from_slice(&[1, 4, b'l', b'o', b'a', b'd', 0, 0]);
    packet
}

fn sender(packet: &mut Vec<u8>, sent: &Sent, heard: &[(u32, u32)], now_us: u64) {
    begin(packet, SENDER_REPORT, heard.len() as u8, 6 + 6 * heard.len(), sent.ssrc);
    let (seconds, rest) = (now_us / 1_000_000, now_us % 1_000_000);
    for word in [seconds as u32, ((rest << 32) / 1_000_000) as u32, sent.time, sent.packets, sent.bytes] {
        packet.extend_from_slice(&word.to_be_bytes());
    }
    blocks(packet, heard);
}

fn blocks(packet: &mut Vec<u8>, heard: &[(u32, u32)]) {
    for (ssrc, highest) in heard {
        for word in [*ssrc, 0, *highest, 0, 0, 0] {
            packet.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// When packets with these transport-wide numbers came (draft-holmer-rmcat-transport-wide-cc-extensions-01), in order, in microseconds.
/// What is missing in between is told as lost.
pub fn feedback(own: u32, about: u32, count: u8, arrivals: &[(u16, u64)]) -> Vec<u8> {
    let Some((&(first, at), &(last, _))) = arrivals.first().zip(arrivals.last()) else { return vec![] };
    let reference = at / 64_000;
    let (mut chunks, mut deltas) = (Vec::new(), Vec::new());
    let (mut expected, mut before) = (first, reference * 64_000);
    let mut run = 0_u16;
    for (number, at) in arrivals {
        let missing = number.wrapping_sub(expected);
        if missing > 0 {
            chunks.extend([0x2000 | run, missing & 0x1fff]);
            run = 0;
        }
        // Small deltas alone: a pause of more than 63 ms is told as that.
        let delta = (at.saturating_sub(before) / 250).min(255);
        before += delta * 250;
        deltas.push(delta as u8);
        run += 1;
        expected = number.wrapping_add(1);
    }
    chunks.push(0x2000 | run);
    chunks.retain(|chunk| chunk & 0x1fff > 0);
    let body = 2 * chunks.len() + deltas.len();
    let mut packet = Vec::with_capacity(20 + body + 3);
    begin(&mut packet, TRANSPORT_FEEDBACK, 15, 4 + body.div_ceil(4), own);
    packet.extend_from_slice(&about.to_be_bytes());
    packet.extend_from_slice(&first.to_be_bytes());
    packet.extend_from_slice(&(last.wrapping_sub(first) + 1).to_be_bytes());
    packet.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
    packet.push(count);
    chunks.iter().for_each(|chunk| packet.extend_from_slice(&chunk.to_be_bytes()));
    packet.extend_from_slice(&deltas);
    packet.resize(packet.len().next_multiple_of(4), 0);
    packet
}

/// The SSRCs of which a compound packet wishes key frames.
pub fn key_frames_wanted(mut compound: &[u8]) -> Vec<u32> {
    let mut wanted = Vec::new();
    while let [first, kind, high, low, ..] = *compound {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let Some((packet, rest)) = compound.split_at_checked(length) else { break };
        let at = match (kind, first & 0x1f) {
            (PAYLOAD_FEEDBACK, 1) => 8,
            (PAYLOAD_FEEDBACK, 4) => 12,
            _ => usize::MAX,
        };
        let ssrc = packet.get(at..).and_then(|rest| rest.first_chunk());
        wanted.extend(ssrc.map(|ssrc| u32::from_be_bytes(*ssrc)));
        compound = rest;
    }
    wanted
}

fn begin(packet: &mut Vec<u8>, kind: u8, count: u8, words: usize, ssrc: u32) {
    packet.extend_from_slice(&[0x80 | count, kind]);
    packet.extend_from_slice(&(words as u16).to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every packet of a compound one is as long as it says.
    fn check(compound: &[u8], kinds: &[u8]) {
        let (mut rest, mut seen) = (compound, vec![]);
        while !rest.is_empty() {
            seen.push(rest[1]);
            let length = 4 + 4 * usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            rest = &rest[length..];
        }
        assert_eq!(seen, kinds);
    }

    #[test]
    fn packets_are_as_long_as_they_say() {
        let sent = Sent { ssrc: 1, time: 2, packets: 3, bytes: 4 };
        check(&report(9, &[], &[(5, 6), (7, 8)], 1), &[RECEIVER_REPORT, DESCRIPTION]);
        check(&report(9, &[sent, sent], &[(5, 6)], 1), &[SENDER_REPORT, SENDER_REPORT, DESCRIPTION]);
        let arrivals = [(65_534, 100_000), (65_535, 100_300), (3, 180_000), (4, 180_250)];
        let feedback = feedback(9, 1, 0, &arrivals);
        check(&feedback, &[TRANSPORT_FEEDBACK]);
        assert_eq!(feedback[12..16], [0xff, 0xfe, 0, 7], "from the first to the last");
        assert_eq!(feedback[20..26], [0x20, 2, 0, 3, 0x20, 2], "two came, three did not, two came");
    }

    #[test]
    fn wishes_for_key_frames_are_found_behind_a_report() {
        let mut compound = report(9, &[], &[], 0);
        begin(&mut compound, PAYLOAD_FEEDBACK, 1, 2, 9);
        compound.extend(77_u32.to_be_bytes());
        begin(&mut compound, PAYLOAD_FEEDBACK, 4, 4, 9);
        compound.extend([0, 0, 0, 0, 0, 0, 0, 78, 1, 0, 0, 0]);
        assert_eq!(key_frames_wanted(&compound), [77, 78]);
    }
}
