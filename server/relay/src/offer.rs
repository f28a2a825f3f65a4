//! A browser's offer before the WebRTC stack sees it: its limits, and what each media line is for.

use std::time::Duration;

use hearth_forwarding::Source;

use crate::{
    feed::{Feed, Kind},
    handle::OfferRefused,
};

/// Bytes.
const LENGTH_MAX: usize = 48 * 1024;
const LINES_MAX: usize = 64;
/// SSRCs that a description may declare, over all its lines.
const SSRCS_MAX: usize = 64;
const LAYERS_MAX: usize = 3;
/// So many offers of one browser at once, then one in this time.
pub const OFFERS_MAX: u32 = 8;
pub const OFFERS_EVERY: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub mid: String,
    pub kind: Kind,
    pub use_: Use,
    /// Simulcast layers that it sends, as listed.
    pub rids: Vec<String>,
    pub ssrcs: Vec<u32>,
    /// Payload types of RFC 2198 for the sound of this line.
    pub red: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Feed(Feed),
    Slot,
    /// Sends, but no label says what, or nothing at all: never forwarded.
    Nothing,
}

#[derive(Debug)]
pub struct Sketch {
    pub lines: Vec<Line>,
    /// The description without the sender's own candidates.
    pub sdp: String,
}

/// Reads as much of a description as is needed, within its limits.
///
/// `loopback`: keep candidates on the loopback interface. All others are dropped: the relay answers checks, it never sends to an
/// address because a description names it.
pub fn read(sdp: &str, tracks: &[(String, Source)], loopback: bool) -> Result<Sketch, OfferRefused> {
    if sdp.len() > LENGTH_MAX {
        return Err(OfferRefused::TooLarge);
    }
    if sdp.lines().filter(|line| line.starts_with("m=")).count() > LINES_MAX {
        return Err(OfferRefused::TooManyLines);
    }
    let mut sections: Vec<Section> = Vec::new();
    let mut kept = String::with_capacity(sdp.len() + 2);
    for line in sdp.lines() {
        if line.starts_with("a=candidate:") && !(loopback && names_loopback(line)) {
            continue;
        }
        kept.push_str(line.trim_end_matches('\r'));
        kept.push_str("\r\n");
        if let Some(media) = line.strip_prefix("m=") {
            sections.push(Section::new(media)?);
        } else if let Some(section) = sections.last_mut() {
            section.read(line);
        }
    }
    let mut lines: Vec<Line> = Vec::with_capacity(sections.len());
    for section in sections {
        let line = section.finish(tracks)?;
        if lines.iter().any(|other| other.mid == line.mid) {
            return Err(unusable("two media lines of one mid"));
        }
        if matches!(line.use_, Use::Feed(_)) && lines.iter().any(|other| other.use_ == line.use_) {
            return Err(unusable("two media lines for one source"));
        }
        lines.push(line);
    }
    if lines.iter().map(|line| line.ssrcs.len()).sum::<usize>() > SSRCS_MAX {
        return Err(unusable("too many SSRCs"));
    }
    Ok(Sketch { lines, sdp: kept })
}

fn unusable(why: &str) -> OfferRefused {
    OfferRefused::Unusable(why.to_owned())
}

/// RFC 8839 section 5.1: the address is the fifth word.
fn names_loopback(line: &str) -> bool {
    let address = line.split(' ').nth(4).and_then(|address| address.parse::<std::net::IpAddr>().ok());
    address.is_some_and(|address| address.is_loopback())
}

#[derive(Debug)]
struct Section {
    kind: Kind,
    rejected: bool,
    mid: Option<String>,
    sends: bool,
    receives: bool,
    rids: Vec<String>,
    ssrcs: Vec<u32>,
    red: Vec<u8>,
}

impl Section {
    fn new(media: &str) -> Result<Self, OfferRefused> {
        let mut words = media.split(' ');
        let kind = match words.next() {
            Some("audio") => Kind::Audio,
            Some("video") => Kind::Video,
            Some("application") => return Err(unusable("data channels are not carried here")),
            Some(_) | None => return Err(unusable("a media line that is neither audio nor video")),
        };
        let rejected = words.next() == Some("0");
        // RFC 8866 section 6.7: sendrecv unless said otherwise.
        Ok(Section {
            kind,
            rejected,
            mid: None,
            sends: true,
            receives: true,
            rids: Vec::new(),
            ssrcs: Vec::new(),
            red: Vec::new(),
        })
    }

    fn read(&mut self, line: &str) {
        let Some(attribute) = line.trim_end().strip_prefix("a=") else { return };
        match attribute {
            "sendrecv" => (self.sends, self.receives) = (true, true),
            "sendonly" => (self.sends, self.receives) = (true, false),
            "recvonly" => (self.sends, self.receives) = (false, true),
            "inactive" => (self.sends, self.receives) = (false, false),
            _ => self.read_valued(attribute),
        }
    }

    fn read_valued(&mut self, attribute: &str) {
        let Some((name, value)) = attribute.split_once(':') else { return };
        match name {
            "mid" => self.mid = Some(value.to_owned()),
            "rid" => {
                let mut words = value.split(' ');
                let (rid, direction) = (words.next(), words.next());
                if let (Some(rid), Some("send")) = (rid, direction) {
                    self.rids.push(rid.to_owned());
                }
            }
            "rtpmap" => {
                let red = value.strip_suffix(" red/48000/2").and_then(|number| number.parse().ok());
                self.red.extend(red.filter(|red| !self.red.contains(red)));
            }
            "ssrc" => {
                let ssrc = value.split(' ').next().and_then(|ssrc| ssrc.parse().ok());
                self.ssrcs.extend(ssrc.filter(|ssrc| !self.ssrcs.contains(ssrc)));
            }
            _ => {}
        }
    }

    fn finish(self, tracks: &[(String, Source)]) -> Result<Line, OfferRefused> {
        // The stack cuts a mid to sixteen letters and digits; one that would change could be taken for another.
        let mid = self
            .mid
            .filter(|mid| is_plain(mid, 16))
            .ok_or_else(|| unusable("a media line without a plain mid"))?;
        if self.rids.len() > LAYERS_MAX || !self.rids.iter().all(|rid| is_plain(rid, 8)) {
            return Err(unusable("layers that are not understood"));
        }
        let label = tracks.iter().find(|(labelled, _)| *labelled == mid).map(|(_, source)| *source);
        let use_ = match (self.sends, self.receives, label) {
            _ if self.rejected && label.is_none() && !self.receives => Use::Nothing,
            (true, _, Some(source)) => {
                Use::Feed(Feed::of(source, self.kind).ok_or_else(|| unusable("a source of the wrong kind"))?)
            }
            (false, true, _) => Use::Slot,
            (true, _, None) | (false, false, _) => Use::Nothing,
        };
        Ok(Line { mid, kind: self.kind, use_, rids: self.rids, ssrcs: self.ssrcs, red: self.red })
    }
}

fn is_plain(name: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rtpmap:63 red/48000/2\r\na=ssrc:5 cname:x\r\na=ssrc:5 msid:y\r\n\
        a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\na=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=recvonly\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=sendrecv\r\n";

    fn label(mid: &str, source: Source) -> (String, Source) {
        (mid.to_owned(), source)
    }

    #[test]
    fn lines_are_what_their_labels_say() {
        let sketch =
            read(SDP, &[label("0", Source::Microphone), label("1", Source::Camera)], true).expect("read");
        let uses: Vec<Use> = sketch.lines.iter().map(|line| line.use_).collect();
        assert_eq!(uses, [Use::Feed(Feed::Microphone), Use::Feed(Feed::Camera), Use::Slot, Use::Nothing]);
        assert_eq!(sketch.lines[0].ssrcs, [5]);
        assert_eq!((&sketch.lines[0].red[..], &sketch.lines[2].red[..]), (&[63][..], &[][..]));
        assert_eq!(sketch.lines[1].rids, ["q", "h"]);
        assert!(sketch.sdp.contains("127.0.0.1 9 typ host") && !sketch.sdp.contains("10.0.0.1"));
        assert!(!read(SDP, &[], false).expect("read").sdp.contains("a=candidate"));
    }

    fn check_refused(sdp: &str, tracks: &[(String, Source)], expected: OfferRefused) {
        assert_eq!(read(sdp, tracks, false).err(), Some(expected));
    }

    #[test]
    fn what_is_too_much_or_not_understood_is_refused() {
        check_refused(&"a".repeat(LENGTH_MAX + 1), &[], OfferRefused::TooLarge);
        check_refused(&"m=audio 9 x 1\r\n".repeat(2_000), &[], OfferRefused::TooManyLines);
        check_refused("m=application 9 x\r\n", &[], unusable("data channels are not carried here"));
        check_refused("m=audio 9 x 1\r\n", &[], unusable("a media line without a plain mid"));
        check_refused(SDP, &[label("0", Source::Camera)], unusable("a source of the wrong kind"));
        let twice = [label("1", Source::Camera), label("3", Source::Camera)];
        check_refused(SDP, &twice, unusable("two media lines for one source"));
    }
}
