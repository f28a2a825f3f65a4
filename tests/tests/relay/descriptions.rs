//! Session descriptions that no browser makes: each is answered or refused in words, and the meeting goes on.

use hearth_protocol::Source as Sent;
use hearth_relay::OfferRefused;
use hearth_tests::generator::{Generator, MICROPHONE, Pace, Shape};

use crate::meeting::{Meeting, wait_more};

/// Of one browser at once.
const OFFERS: u32 = 8;

struct Scene {
    meeting: Meeting,
    _anna: Generator,
    bert: Generator,
    /// Who offers next: each has a pace of its own.
    next: u32,
}

impl Scene {
    fn new() -> Scene {
        let meeting = Meeting::of(&(1..200).collect::<Vec<_>>());
        let (anna, bert) = (meeting.join(1, &Shape::default()), meeting.join(2, &Shape::default()));
        anna.send(Sent::Microphone, Pace::VOICE);
        wait_more(&bert, 1, MICROPHONE);
        Scene { meeting, _anna: anna, bert, next: 3 * OFFERS }
    }

    fn offer(&mut self, sdp: String) -> Result<String, OfferRefused> {
        self.next += 1;
        self.meeting.offer(self.next / OFFERS, 1, sdp, vec![])
    }

    fn check_refused(&mut self, sdp: String, expected: fn(&OfferRefused) -> bool) {
        let start: String = sdp.chars().take(200).collect();
        let refused = self.offer(sdp).expect_err("a refusal");
        assert!(expected(&refused), "{refused:?}: {start}");
    }

    fn check_goes_on(&self) {
        wait_more(&self.bert, 1, MICROPHONE);
        assert_eq!(self.meeting.count("hearth_relay_peers_total", "panicked"), 0);
        assert_eq!(self.meeting.count("hearth_relay_worker_restarts_total", ""), 0);
    }
}

fn good() -> String {
    Generator::offer(3, &Shape { rids: vec!["q", "h"], ..Shape::default() }).expect("an offer").sdp
}

fn is_unusable(refused: &OfferRefused) -> bool {
    matches!(refused, OfferRefused::Unusable(_))
}

#[test]
fn descriptions_beyond_the_limits_are_refused() {
    let mut scene = Scene::new();
    let good = good();
    scene.check_refused("x".repeat(200_000), |refused| *refused == OfferRefused::TooLarge);
    scene.check_refused("\u{1f525}".repeat(50_000), |refused| *refused == OfferRefused::TooLarge);
    scene.check_refused("m=audio 9 x 1\r\n".repeat(2_000), |refused| *refused == OfferRefused::TooManyLines);
    let candidates = "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n".repeat(2_000);
    scene.check_refused(format!("{good}{candidates}"), |refused| *refused == OfferRefused::TooLarge);
    let declared: String = (0..100).map(|ssrc| format!("a=ssrc:{} cname:x\r\n", 9_000 + ssrc)).collect();
    scene.check_refused(format!("{good}{declared}"), is_unusable);
    scene.check_goes_on();
}

#[test]
fn descriptions_that_make_no_sense_are_refused() {
    let mut scene = Scene::new();
    let good = good();
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    let refused = [
        String::new(),
        "v=0".to_owned(),
        "\0".repeat(1_000),
        good.replace("\r\n", " "),
        changed("a=fingerprint", "a=nothing"),
        changed("a=ice-ufrag", "a=nothing"),
        changed("a=ice-pwd", "a=nothing"),
        changed("a=mid:", "a=mid:\u{e4}"),
        changed("m=audio", "m=text"),
        changed("m=video", "m=application"),
        good.lines().filter(|line| !line.starts_with("a=mid")).map(|line| format!("{line}\r\n")).collect(),
        format!("{good}{good}"),
    ];
    for sdp in refused {
        scene.check_refused(sdp, is_unusable);
    }
    scene.check_goes_on();
}

#[test]
fn nobody_gets_a_data_channel() {
    let mut scene = Scene::new();
    let channel = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\na=sctp-port:5000\r\n";
    scene.check_refused(format!("{}{channel}", good()), is_unusable);
    scene.check_goes_on();
}

#[test]
fn odd_descriptions_are_answered_or_refused_and_nothing_breaks() {
    let mut scene = Scene::new();
    let good = good();
    let bundle = good.lines().find(|line| line.starts_with("a=group:BUNDLE")).expect("a bundle").to_owned();
    let long = "f".repeat(20_000);
    let odd = [
        good.replace(&bundle, "a=group:BUNDLE"),
        good.replace(&bundle, "a=group:BUNDLE x y z"),
        good.replace(&bundle, &format!("{bundle}\r\n{bundle}")),
        good.replace(&bundle, ""),
        good.replace("a=setup:actpass", "a=setup:holdconn"),
        good.replace("a=setup:actpass", "a=setup:passive"),
        good.replace("a=rid:q send", "a=rid:q send pt=96;max-width=-1"),
        good.replace("a=simulcast:send", "a=simulcast:send ~;;,,~q;recv"),
        good.replace("a=simulcast:send q;h", "a=simulcast:send q,h,x;y recv z"),
        good.replace("a=extmap:", "a=extmap:0"),
        good.replace("a=extmap:", "a=extmap:25"),
        good.replace("a=rtpmap:", "a=rtpmap:999"),
        good.replace("/90000", "/0"),
        good.replace("/48000/2", "/4294967295/999"),
        good.replace("a=fmtp:", &format!("a=fmtp:{long}")),
        good.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 zz:"),
        good.replace("a=fingerprint:sha-256 ", "a=fingerprint:md5 "),
        good.replacen("a=ice-ufrag:", &format!("a=ice-ufrag:{long}"), 1),
        good.replacen("a=ice-pwd:", "a=ice-pwd:\u{1f511}", 1),
        good.replace(" 9 ", " 70000 "),
        good.replace(" 9 ", " -1 "),
        good.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        good.replace("a=sendonly", "a=sendonly\r\na=recvonly\r\na=inactive"),
        good.replace("a=recvonly", "a=sendrecv"),
        good.replace("a=rtcp-mux", "a=rtcp:9 IN IP4 0.0.0.0"),
        good.replace("v=0", "v=99999999999999999999"),
        good.replace("o=", "o=- -1 -1 "),
        good.replace("\r\n", "\n"),
        good.replace("\r\n", "\r\r\n\n"),
        good.replace("a=mid:", "a=mid:0"),
        good.replace("a=msid:", &format!("a=msid:{long}")),
        good.replace("cname:", "cname:\u{202e}"),
        format!("{good}a=candidate:1 1 udp 1 127.0.0.1 99999 typ host\r\n"),
        format!("{good}a=candidate:1 1 udp 99999999999999999999 127.0.0.1 9 typ {long}\r\n"),
        format!("{good}a=candidate:\r\na=candidate\r\na=end-of-candidates\r\n"),
        format!("{good}a=ssrc-group:FID\r\na=ssrc-group:FID 1\r\na=ssrc-group:SIM 1 2 3\r\n"),
    ];
    let mut answered = 0;
    for sdp in odd {
        match scene.offer(sdp) {
            Ok(_) => answered += 1,
            Err(OfferRefused::Unusable(_) | OfferRefused::TooLarge) => {}
            Err(
                refused @ (OfferRefused::Stale
                | OfferRefused::TooManyLines
                | OfferRefused::TooFast
                | OfferRefused::Gone),
            ) => {
                panic!("{refused:?}")
            }
        }
    }
    println!("{answered} answered");
    scene.check_goes_on();
}

#[test]
fn descriptions_broken_by_chance_break_nothing() {
    let mut scene = Scene::new();
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_0004_u64);
    println!("SEED={seed}");
    let mut dice = seed;
    let mut below = |limit: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % limit as u64) as usize
    };
    let good = good();
    let lines: Vec<&str> = good.lines().collect();
    for _ in 0..300 {
        let mut broken: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..=below(4) {
            let at = below(broken.len());
            match below(5) {
                0 => drop(broken.remove(at)),
                1 => broken.insert(at, lines[below(lines.len())].to_owned()),
                2 => broken[at] = broken[at].chars().take(below(broken[at].len() + 1)).collect(),
                3 => broken[at] = broken[at].repeat(1 + below(5)),
                _ => {
                    let mut letters: Vec<char> = broken[at].chars().collect();
                    let place = below(letters.len() + 1);
                    letters.insert(place, ['0', '9', ' ', ':', ';', ',', '\0', '\u{7fff}', '-'][below(9)]);
                    broken[at] = letters.into_iter().collect();
                }
            }
        }
        let offered = scene.offer(broken.iter().map(|line| format!("{line}\r\n")).collect());
        assert!(!matches!(offered, Err(OfferRefused::Gone | OfferRefused::Stale)), "SEED={seed} {broken:?}");
    }
    scene.check_goes_on();
}

#[test]
fn a_flood_of_good_descriptions_is_slowed_down() {
    let scene = Scene::new();
    let good = good();
    let refused = (0..60)
        .filter(|_| scene.meeting.offer(2, 1, good.clone(), vec![]) == Err(OfferRefused::TooFast))
        .count();
    assert!(refused > 30, "{refused}");
    scene.check_goes_on();
}
