//! A browser's offer (RFC 8829, RFC 8866): its limits, how to reach the browser, and what each media line is for.

mod section;

use std::time::Duration;

use hearth_forwarding::Source;

use crate::{
    feed::{Feed, Kind},
    handle::OfferRefused,
};
use section::Section;

/// Bytes.
const LENGTH_MAX: usize = 48 * 1024;
const LINES_MAX: usize = 64;
/// SSRCs that a description may declare, over all its lines.
const SSRCS_MAX: usize = 64;
const CANDIDATES_MAX: usize = 32;
/// So many offers of one browser at once, then one in this time.
pub const OFFERS_MAX: u32 = 8;
pub const OFFERS_EVERY: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub credentials: Credentials,
    /// SHA-256 of the certificate that the browser will show (RFC 8122).
    pub fingerprint: [u8; 32],
    /// On the loopback interface, without `a=`.
    pub candidates: Vec<String>,
    /// Header extensions of both forms may be mixed (RFC 8285, section 6).
    pub mixed: bool,
    pub lines: Vec<Line>,
}

/// Of ICE (RFC 8839, section 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub ufrag: String,
    pub password: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub mid: String,
    pub kind: Kind,
    /// As offered: the answer has to repeat it.
    pub protocol: &'static str,
    pub use_: Use,
    /// The browser sends on it.
    pub sends: bool,
    /// What is taken of it. None: the line is rejected, by the browser or because it offers nothing that is carried here.
    pub codec: Option<Codec>,
    /// Simulcast layers that it sends, as listed.
    pub rids: Vec<String>,
    pub simulcast: bool,
    pub ssrcs: Vec<u32>,
    pub extensions: Vec<(u8, Extension)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Feed(Feed),
    Slot,
    /// Sends, but no label says what, or nothing at all: never forwarded.
    Nothing,
}

/// Payload types of Opus or VP8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    pub payload_type: u8,
    /// The same several times in one packet (RFC 2198): sound alone.
    pub red: Option<u8>,
    /// Retransmissions (RFC 4588): pictures alone.
    pub repair: Option<u8>,
    /// Of what may be said back, what was offered and is understood.
    pub feedback: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    Mid,
    Rid,
    RepairedRid,
    Level,
    Transport,
}

impl Extension {
    const ALL: [Extension; 5] =
        [Extension::Mid, Extension::Rid, Extension::RepairedRid, Extension::Level, Extension::Transport];

    pub const fn uri(self) -> &'static str {
        match self {
            // RFC 9143, section 14.
            Extension::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            // RFC 8852, section 4.
            Extension::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Extension::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            // RFC 6464, section 4.
            Extension::Level => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Extension::Transport => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
        }
    }

    const fn suits(self, kind: Kind) -> bool {
        match self {
            Extension::Mid | Extension::Transport => true,
            Extension::Rid | Extension::RepairedRid => matches!(kind, Kind::Video),
            Extension::Level => matches!(kind, Kind::Audio),
        }
    }
}

impl Line {
    pub fn id_of(&self, extension: Extension) -> Option<u8> {
        self.extensions.iter().find(|(_, known)| *known == extension).map(|(id, _)| *id)
    }
}

/// How to reach the browser. It may stand once for all lines, or with each of them.
#[derive(Debug, Default)]
struct Reach<'a> {
    ufrag: Option<&'a str>,
    password: Option<&'a str>,
    fingerprint: Option<[u8; 32]>,
    setup: Option<&'a str>,
}

impl<'a> Reach<'a> {
    fn read(&mut self, name: &str, value: &'a str) {
        match name {
            "ice-ufrag" => self.ufrag = Some(value),
            "ice-pwd" => self.password = Some(value),
            "fingerprint" => self.fingerprint = self.fingerprint.or_else(|| fingerprint(value)),
            "setup" => self.setup = Some(value),
            _ => {}
        }
    }

    fn or(&self, other: &Reach<'a>) -> Reach<'a> {
        Reach {
            ufrag: self.ufrag.or(other.ufrag),
            password: self.password.or(other.password),
            fingerprint: self.fingerprint.or(other.fingerprint),
            setup: self.setup.or(other.setup),
        }
    }

    fn finish(self) -> Result<(Credentials, [u8; 32]), OfferRefused> {
        // The offering side starts the handshake: a browser always can (RFC 8842, section 5).
        if self.setup.is_some_and(|setup| !["actpass", "active"].contains(&setup)) {
            return Err(unusable("it does not offer to start the handshake (a=setup:actpass)"));
        }
        let plain = |value: &str, shortest| {
            (shortest..=256).contains(&value.len())
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
        };
        let ufrag = self.ufrag.filter(|ufrag| plain(ufrag, 4));
        let password = self.password.filter(|password| plain(password, 22));
        let (Some(ufrag), Some(password)) = (ufrag, password) else {
            return Err(unusable("no a=ice-ufrag and a=ice-pwd that could be used"));
        };
        let fingerprint = self.fingerprint.ok_or_else(|| unusable("no a=fingerprint of SHA-256"))?;
        Ok((Credentials { ufrag: ufrag.to_owned(), password: password.to_owned() }, fingerprint))
    }
}

/// Reads as much of a description as is needed, within its limits.
///
/// `loopback`: keep candidates on the loopback interface. All others are dropped: the relay answers checks, it never sends to an
/// address because a description names it.
pub fn read(sdp: &str, tracks: &[(String, Source)], loopback: bool) -> Result<Description, OfferRefused> {
    if sdp.len() > LENGTH_MAX {
        return Err(OfferRefused::TooLarge);
    }
    if sdp.lines().filter(|line| line.starts_with("m=")).count() > LINES_MAX {
        return Err(OfferRefused::TooManyLines);
    }
    let mut shared = Reach::default();
    let mut bundle: Option<Vec<&str>> = None;
    let mut mixed = false;
    let mut candidates = Vec::new();
    let mut sections: Vec<Section> = Vec::new();
    for line in sdp.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            sections.push(Section::new(media)?);
            continue;
        }
        let Some(attribute) = line.strip_prefix("a=") else { continue };
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        if name == "candidate" {
            if loopback && names_loopback(value) && candidates.len() < CANDIDATES_MAX {
                candidates.push(attribute.to_owned());
            }
            continue;
        }
        mixed |= name == "extmap-allow-mixed";
        match sections.last_mut() {
            Some(section) => section.read(name, value),
            None if name == "group" && bundle.is_none() => {
                bundle = value.strip_prefix("BUNDLE").map(|mids| mids.split_whitespace().collect());
            }
            None => shared.read(name, value),
        }
    }
    // What counts is the first line that is used: all others go where it goes (RFC 9143, section 7.2).
    let is_bundled = |mid: &str| bundle.as_ref().is_some_and(|mids| mids.contains(&mid));
    let mut reach = None;
    let mut lines: Vec<Line> = Vec::with_capacity(sections.len());
    for section in sections {
        let own = section.reach.or(&shared);
        let line = section.finish(tracks, is_bundled)?;
        if lines.iter().any(|other| other.mid == line.mid) {
            return Err(unusable("two media lines of one mid"));
        }
        if matches!(line.use_, Use::Feed(_)) && lines.iter().any(|other| other.use_ == line.use_) {
            return Err(unusable("two media lines for one source"));
        }
        if line.codec.is_some() {
            if bundle.is_none() && reach.is_some() {
                return Err(unusable("media lines without a bundle"));
            }
            if bundle.is_some() && !is_bundled(&line.mid) {
                return Err(unusable("a media line outside the bundle"));
            }
            reach.get_or_insert(own);
        }
        lines.push(line);
    }
    if lines.iter().map(|line| line.ssrcs.len()).sum::<usize>() > SSRCS_MAX {
        return Err(unusable("too many SSRCs"));
    }
    let reach = reach.ok_or_else(|| unusable("no media line with Opus or VP8"))?;
    let (credentials, fingerprint) = reach.finish()?;
    Ok(Description { credentials, fingerprint, candidates, mixed, lines })
}

fn unusable(why: &str) -> OfferRefused {
    OfferRefused::Unusable(why.to_owned())
}

/// Of SHA-256, which is what browsers give.
fn fingerprint(value: &str) -> Option<[u8; 32]> {
    let (hash, digits) = value.split_once(' ')?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut read = [0; 32];
    let mut parts = digits.trim().split(':');
    for byte in &mut read {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(read)
}

/// RFC 8839 section 5.1: the address is the fifth word.
fn names_loopback(candidate: &str) -> bool {
    let address = candidate.split(' ').nth(4).and_then(|address| address.parse::<std::net::IpAddr>().ok());
    address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    const FINGERPRINT: &str =
        "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA";

    /// A microphone, a camera in two layers, two slots to be, and a line that was stopped.
    pub fn offer() -> String {
        format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\na=extmap-allow-mixed\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
            a=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:actpass\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
            a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtcp-fb:111 transport-cc\r\n\
            a=rtpmap:9 G722/8000\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
            a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:5 urn:3gpp:video-orientation\r\n\
            a=ssrc:5 cname:x\r\na=ssrc:5 msid:y\r\n\
            a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
            a=rtcp-fb:96 goog-remb\r\na=rtcp-fb:* transport-cc\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=100\r\n\
            a=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h\r\n\
            m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=recvonly\r\na=bundle-only\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n\
            m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:4\r\na=inactive\r\na=rtpmap:96 VP8/90000\r\n"
        )
    }

    fn label(mid: &str, source: Source) -> (String, Source) {
        (mid.to_owned(), source)
    }

    #[test]
    fn lines_are_what_their_labels_say() {
        let offer = offer();
        let tracks = [label("0", Source::Microphone), label("1", Source::Camera)];
        let read_all = |loopback| read(&offer, &tracks, loopback).expect("read");
        let description = read_all(true);
        let uses: Vec<Use> = description.lines.iter().map(|line| line.use_).collect();
        assert_eq!(
            uses,
            [Use::Feed(Feed::Microphone), Use::Feed(Feed::Camera), Use::Slot, Use::Nothing, Use::Nothing]
        );
        let [voice, camera, slot, _, stopped] = &description.lines[..] else { panic!("five lines") };
        assert_eq!((&voice.ssrcs[..], &camera.rids[..]), (&[5][..], &["q".to_owned(), "h".to_owned()][..]));
        let expected =
            Codec { payload_type: 111, red: Some(63), repair: None, feedback: vec!["transport-cc"] };
        assert_eq!(voice.codec, Some(expected));
        let expected = Codec {
            payload_type: 96,
            red: None,
            repair: Some(97),
            feedback: vec!["transport-cc", "nack", "nack pli"],
        };
        assert_eq!(camera.codec, Some(expected));
        assert!(slot.codec.is_some(), "port 0 within the bundle is no refusal");
        assert_eq!(stopped.codec, None);
        assert_eq!(voice.extensions, [(1, Extension::Level), (4, Extension::Mid)]);
        assert_eq!(description.credentials.ufrag, "abcd");
        assert_eq!(description.fingerprint, [0xaa; 32]);
        assert_eq!(description.candidates, ["candidate:1 1 udp 1 127.0.0.1 9 typ host"]);
        assert!(description.mixed && read_all(false).candidates.is_empty());
    }

    #[track_caller]
    fn check_refused(sdp: &str, tracks: &[(String, Source)], expected: OfferRefused) {
        assert_eq!(read(sdp, tracks, false).err(), Some(expected));
    }

    #[test]
    fn what_is_too_much_or_not_understood_is_refused() {
        let offer = offer();
        check_refused(&"a".repeat(LENGTH_MAX + 1), &[], OfferRefused::TooLarge);
        check_refused(&"m=audio 9 x 1\r\n".repeat(2_000), &[], OfferRefused::TooManyLines);
        check_refused("m=application 9 x\r\n", &[], unusable("data channels are not carried here"));
        check_refused(&offer.replace("a=mid:", "a=x:"), &[], unusable("a media line without a plain mid"));
        check_refused(&offer, &[label("0", Source::Camera)], unusable("a source of the wrong kind"));
        let twice = [label("1", Source::Camera), label("3", Source::Camera)];
        check_refused(&offer, &twice, unusable("two media lines for one source"));
        check_refused(&offer.replace("BUNDLE 0", "BUNDLE"), &[], unusable("a media line outside the bundle"));
        check_refused(&offer.replace("a=group", "a=x"), &[], unusable("media lines without a bundle"));
        check_refused(&offer.replace("rtcp-mux", "x"), &[], unusable("a media line without a=rtcp-mux"));
        check_refused(&offer.replace("sha-256", "sha-1"), &[], unusable("no a=fingerprint of SHA-256"));
        check_refused(
            &offer.replace("opus", "pcmu").replace("VP8", "VP9"),
            &[],
            unusable("no media line with Opus or VP8"),
        );
        for reach in ["a=ice-ufrag:", "a=ice-pwd:"] {
            let spoilt = offer.replace(reach, &format!("{reach}\u{1f511}"));
            check_refused(&spoilt, &[], unusable("no a=ice-ufrag and a=ice-pwd that could be used"));
        }
        check_refused(
            &offer.replace("actpass", "passive"),
            &[],
            unusable("it does not offer to start the handshake (a=setup:actpass)"),
        );
    }
}
