//! What a browser may report.

use std::time::{Duration, Instant};

use super::Choices;
use crate::{
    feed::Kind,
    packet::Numbers,
    rtp::{
        Outgoing, Profile, Reported, Session,
        rtcp::{self, Feedback, Message},
        srtp::{self, Seal},
    },
};

const SLOTS: usize = 4;

/// Compounds of any bytes: what they say is no longer than they are, whatever they ask for has an end, and repairs stay within what was
/// earned.
pub fn reports(bytes: &[u8]) {
    read(bytes);
    tell(bytes);
    let mut choices = Choices(bytes);
    let now = Instant::now();
    let material: Vec<u8> = (0..88).collect();
    let [client, _] = srtp::keys(&material, Profile::Aes256Gcm).expect("long enough");
    let mut seal = Seal::from(&client);
    let mut session = Session::new(now);
    session.unlock(&material, Profile::Aes256Gcm, false, now);
    session.negotiate((0..SLOTS).map(line).collect(), |_| None);
    let (mut now, mut written, mut repaired) = (now, 0, 0);
    while !choices.is_over() {
        let order = choices.byte();
        for sequence in written..written + u64::from(order >> 4) {
            let numbers = Numbers {
                sequence,
                timestamp: 0,
                marker: true,
                picture_id: None,
                tl0_index: None,
                key_index: None,
            };
            assert!(session.write(sequence as usize % SLOTS, 96, numbers, (&b"\x10picture"[..]).into()));
        }
        written += u64::from(order >> 4);
        if order & 1 == 0 {
            now += Duration::from_millis(u64::from(choices.byte()));
        }
        let mut report = choices.datagram().to_vec();
        let length = report.len();
        if seal.seal_rtcp(&mut report, 0) {
            let mut news = 0;
            assert_ne!(session.receive_reports(now, &report, &mut |_| news += 1), Reported::NotAuthentic);
            assert!(news <= 1 + length / 8);
        }
        session.check_consistent();
        session.flush(
            now,
            &mut |packet| repaired += u64::from(packet[1] & 0x7f == 97 && packet[11] >= 100),
            &mut |_| {},
        );
        assert!(repaired <= 256 + written / 2, "{repaired} repairs of {written}");
        assert!(session.due().is_some_and(|due| due > now), "it comes to rest");
        assert!((0.0..=1.0).contains(&session.lost()));
    }
}

fn line(slot: usize) -> Outgoing {
    let ssrc = slot as u32 + 1;
    Outgoing {
        kind: if slot == 0 { Kind::Audio } else { Kind::Video },
        ssrc,
        repair: (slot > 0).then_some((ssrc + 100, 97)),
        mid: slot.to_string(),
        mid_id: Some(4),
        transport_id: Some(3),
    }
}

fn read(compound: &[u8]) {
    let (mut said, mut numbers_said) = (0, 0);
    for message in rtcp::read(compound) {
        said += 1;
        match message {
            Message::Nack { numbers, .. } => numbers_said += numbers.count(),
            Message::Transport(Feedback { count, received, .. }) => assert!(count > 0 && received <= count),
            Message::Sender { .. } | Message::Block(_) | Message::KeyFrame { .. } => {}
        }
    }
    assert!(said <= compound.len() / 4 && numbers_said <= 17 * compound.len() / 4);
}

/// What is told of arrivals is read as it was.
fn tell(bytes: &[u8]) {
    let (mut number, mut at) = (65_000_u64, 0_u64);
    let arrivals: Vec<(u64, u64)> = bytes
        .chunks_exact(2)
        .map(|step| {
            number += 1 + (u64::from(step[0] & 15) << (step[0] >> 4));
            at += u64::from(step[1] & 15) << (step[1] >> 3);
            (number, at)
        })
        .collect();
    let mut rest = &arrivals[..];
    while !rest.is_empty() {
        let mut report = Vec::new();
        let told = rtcp::transport_feedback(&mut report, 1, 2, 3, rest);
        assert!((1..=rest.len()).contains(&told) && report.len() <= 1_000);
        let ((first, _), (last, _)) = (rest[0], rest[told - 1]);
        let expected =
            Feedback { first: first as u16, count: (last - first + 1) as u16, received: told as u16 };
        let said = rtcp::read(&report).next();
        assert!(matches!(said, Some(Message::Transport(said)) if said == expected), "{said:?}");
        rest = &rest[told..];
    }
}
