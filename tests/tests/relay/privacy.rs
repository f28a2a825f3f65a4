//! Nothing of one member reaches another but what the relay forwards on purpose: read from every byte that another one gets.

use std::cell::{Cell, RefCell};

use hearth_tests::{
    generator::{MICROPHONE, Shape},
    hand::{Rtp, rtcp},
};

use crate::meeting::{Meeting, wait};

const SECRET: &[u8] = b"anna-only";
/// Hers, in a sender report.
const CLOCK: [u8; 8] = [0xde, 0xad, 0xbe, 0xef, 0x12, 0x34, 0x56, 0x78];

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Words of a description that are its maker's own: names, secrets, fingerprint, addresses, SSRCs.
fn own_words(sdp: &str) -> Vec<String> {
    let names = ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 ", "a=ssrc:", "a=msid:"];
    let candidates = sdp.lines().filter_map(|line| Some(line.split_once("127.0.0.1 ")?.1));
    let ports = candidates.filter_map(|rest| rest.split(' ').next()).filter(|port| *port != "9");
    let mut words: Vec<String> = ports.map(|port| format!("127.0.0.1 {port} ")).collect();
    for line in sdp.lines() {
        for name in names {
            let value = line.trim_end().strip_prefix(name);
            let value =
                value.into_iter().flat_map(|value| value.split([' ', ':']).filter(|word| word.len() > 5));
            let hers = value.filter(|word| !["cname", "msid", "127.0.0.1"].contains(word));
            words.extend(hers.map(str::to_owned));
        }
    }
    words
}

#[test]
fn nothing_of_one_members_description_stands_in_anothers_answer() {
    let meeting = Meeting::of(&[1, 2]);
    let anna = meeting.join_by_hand(1, &Shape::default());
    let bert = meeting.join_by_hand(2, &Shape::default());
    let words = own_words(&anna.sdp);
    assert!(words.len() > 5, "{words:?}");
    for word in words {
        assert!(!bert.answer.contains(&word), "{word} is told to another");
    }
}

#[test]
fn nothing_but_sound_of_one_member_reaches_another() {
    let meeting = Meeting::of(&[1, 2]);
    let anna = meeting.join_by_hand(1, &Shape::default());
    let bert = meeting.join_by_hand(2, &Shape::default());
    let report = [
        rtcp(0, 200, &[&anna.voice.ssrc.to_be_bytes()[..], &CLOCK, &[0; 12]].concat()),
        rtcp(
            1,
            202,
            &[&anna.voice.ssrc.to_be_bytes()[..], &[1, SECRET.len() as u8], SECRET, &[0; 5]].concat(),
        ),
        rtcp(0, 204, &[&anna.voice.ssrc.to_be_bytes()[..], b"anna", SECRET].concat()),
    ]
    .concat();
    // An extension that was not negotiated, beside those that were.
    let free = (1..=14).find(|id| !anna.sdp.contains(&format!("a=extmap:{id} "))).expect("a free id");
    let next = Cell::new(100_u16);
    let opened = RefCell::new((0, 0, Vec::<Vec<u8>>::new()));
    wait("packets and sender reports", || {
        let sequence = next.replace(next.get() + 1);
        anna.send(&Rtp { extensions: vec![(free, SECRET.to_vec())], ..anna.speech(1, sequence) });
        anna.report(&report);
        let (heads, reports, clear) = &mut *opened.borrow_mut();
        for datagram in bert.client.take_kept() {
            if let Some((head, payload)) = bert.keys().open_rtp(&datagram) {
                *heads += 1;
                clear.extend([head.to_vec(), payload]);
            } else if let Some(compound) = bert.keys().open_rtcp(&datagram) {
                *reports += u64::from(compound[1] == 200);
                clear.push(compound);
            }
        }
        *heads > 20 && *reports > 0 && bert.client.received_since(1, MICROPHONE, 1) > 20
    });
    let (_, _, clear) = opened.into_inner();
    let ssrc = anna.voice.ssrc.to_be_bytes();
    let secrets: Vec<Vec<u8>> = own_words(&anna.sdp).into_iter().map(String::into_bytes).collect();
    for bytes in &clear {
        assert!(!contains(bytes, SECRET), "an extension or a name of hers");
        assert!(!contains(bytes, &CLOCK), "her clock");
        assert!(!contains(bytes, &ssrc), "her SSRC");
        assert!(!secrets.iter().any(|secret| contains(bytes, secret)), "of her description");
    }
}
