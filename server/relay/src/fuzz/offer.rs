//! Offers of one browser, one after another, and what it is answered.

use std::sync::OnceLock;

use hearth_forwarding::Source;

use super::Choices;
use crate::{
    offer,
    peer::{Fault, Identity, Peer},
};

/// What offers are made of. A line of chance may stand between.
const LINES: &[&str] = &[
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
    "m=audio 0 UDP/TLS/RTP/SAVPF 111",
    "m=video 0 TCP/TLS/RTP/SAVPF 96",
    "a=group:BUNDLE 0 1 2 3 4 5",
    "a=group:BUNDLE 0 2",
    "a=extmap-allow-mixed",
    "a=mid:0",
    "a=mid:1",
    "a=mid:2",
    "a=mid:3",
    "a=mid:4",
    "a=sendonly",
    "a=recvonly",
    "a=sendrecv",
    "a=inactive",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "a=rtpmap:63 red/48000/2",
    "a=fmtp:63 111/111",
    "a=rtpmap:96 VP8/90000",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtcp-fb:96 nack pli",
    "a=rtcp-fb:* transport-cc",
    "a=rid:q send",
    "a=rid:h send pt=96",
    "a=simulcast:send q;h",
    "a=ssrc:5 cname:x",
    "a=ssrc-group:FID 5 6",
    "a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=candidate:1 1 udp 1 127.0.0.1 9 typ host",
    "a=candidate:1 1 tcp 1 ::1 9 typ host tcptype active",
];
const REACH: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=fingerprint:sha-256 \
    AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA\r\n";

/// Whatever is offered is answered line by line or refused, and what was refused has changed nothing.
pub fn offer(bytes: &[u8]) {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 4_000));
        Identity::new(vec![address]).expect("a certificate")
    });
    let now = std::time::Instant::now();
    let tracks = [("0".to_owned(), Source::Microphone), ("1".to_owned(), Source::Camera)];
    let mut choices = Choices(bytes);
    let mut peer = Peer::new(identity, now);
    while !choices.is_over() {
        let sdp = sdp(&mut choices);
        let Ok(description) = offer::read(&sdp, &tracks, true) else { continue };
        let before: Vec<_> = peer.slots().map(|(mid, kind, active)| (mid.to_owned(), kind, active)).collect();
        match peer.answer(&description, now) {
            Ok(answer) => {
                let count = |sdp: &str| sdp.lines().filter(|line| line.starts_with("m=")).count();
                assert_eq!(count(&answer), count(&sdp), "{sdp}\n{answer}");
                assert!(answer.lines().all(|line| line.get(1..2) == Some("=")), "{answer}");
            }
            Err(Fault::Offer(_)) => {
                let now = peer.slots().map(|(mid, kind, active)| (mid.to_owned(), kind, active));
                assert!(now.eq(before), "a refused offer has changed something");
            }
            Err(fault) => panic!("{fault}"),
        }
        peer.check_consistent();
    }
}

fn sdp(choices: &mut Choices) -> String {
    let mut sdp = String::from("v=0\r\n");
    sdp.push_str(REACH);
    for _ in 0..=choices.byte() % 64 {
        match usize::from(choices.byte()) {
            chance @ 250.. => {
                let length = (chance - 249) * 8;
                sdp.push_str(&String::from_utf8_lossy(choices.some(length)));
            }
            at => sdp.push_str(LINES[at % LINES.len()]),
        }
        sdp.push_str("\r\n");
    }
    sdp
}
