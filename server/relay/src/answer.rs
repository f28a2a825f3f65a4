//! What the relay answers to an offer (RFC 8829, section 5.3): line by line what it takes of it, and nothing of anybody else.

use std::fmt::{self, Write};

use crate::{
    feed::Kind,
    offer::{Codec, Credentials, Description, Line, Use},
};

/// The relay's side of a connection.
#[derive(Debug)]
pub struct Local<'a> {
    /// Of the description: number of the connection, and how many answers it had with this one.
    pub session: (u64, u32),
    pub credentials: &'a Credentials,
    /// SHA-256, as it is written.
    pub fingerprint: &'a str,
    /// Without `a=`.
    pub candidates: &'a [String],
}

/// `streams`: SSRCs of media and of retransmissions of the slot with this mid.
pub fn write(offer: &Description, local: &Local, streams: impl Fn(&str) -> Option<(u32, u32)>) -> String {
    let mut answer = String::with_capacity(1_024 * offer.lines.len());
    // Writing to a string cannot fail.
    let _ = Answer { out: &mut answer, offer, local }.write(streams);
    answer
}

struct Answer<'a> {
    out: &'a mut String,
    offer: &'a Description,
    local: &'a Local<'a>,
}

impl Answer<'_> {
    fn write(&mut self, streams: impl Fn(&str) -> Option<(u32, u32)>) -> fmt::Result {
        let (id, version) = self.local.session;
        write!(self.out, "v=0\r\no=- {id} {version} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE")?;
        let is_taken = |line: &&Line| line.codec.is_some();
        for line in self.offer.lines.iter().filter(is_taken) {
            write!(self.out, " {}", line.mid)?;
        }
        self.out.write_str("\r\n")?;
        if self.offer.mixed {
            self.out.write_str("a=extmap-allow-mixed\r\n")?;
        }
        self.out.write_str("a=msid-semantic: WMS *\r\n")?;
        let mut is_first = true;
        for line in &self.offer.lines {
            match &line.codec {
                Some(codec) => {
                    let streams = (line.use_ == Use::Slot).then(|| streams(&line.mid)).flatten();
                    self.take(line, codec, is_first, streams)?;
                    is_first = false;
                }
                None => self.reject(line)?,
            }
        }
        Ok(())
    }

    /// `is_first`: the connection is described there, and the other lines repeat only who it is.
    fn take(
        &mut self,
        line: &Line,
        codec: &Codec,
        is_first: bool,
        streams: Option<(u32, u32)>,
    ) -> fmt::Result {
        let Codec { payload_type, red, repair, feedback } = codec;
        write!(self.out, "m={} 9 {}", name(line.kind), line.protocol)?;
        // Chromium makes RED only if it stands before what it carries.
        for format in [*red, Some(*payload_type), *repair].into_iter().flatten() {
            write!(self.out, " {format}")?;
        }
        self.out.write_str("\r\nc=IN IP4 0.0.0.0\r\n")?;
        if is_first {
            for candidate in self.local.candidates {
                write!(self.out, "a={candidate}\r\n")?;
            }
        }
        let Credentials { ufrag, password } = self.local.credentials;
        write!(self.out, "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\na=ice-options:trickle\r\n")?;
        write!(self.out, "a=fingerprint:sha-256 {}\r\na=setup:passive\r\n", self.local.fingerprint)?;
        write!(self.out, "a=mid:{}\r\n", line.mid)?;
        for (id, extension) in &line.extensions {
            write!(self.out, "a=extmap:{id} {}\r\n", extension.uri())?;
        }
        let direction = match (line.use_, line.sends) {
            (Use::Slot, _) => "sendonly",
            (Use::Feed(_), _) | (Use::Nothing, true) => "recvonly",
            (Use::Nothing, false) => "inactive",
        };
        write!(self.out, "a={direction}\r\na=rtcp-mux\r\n")?;
        self.write_codec(line.kind, codec)?;
        for said in feedback {
            write!(self.out, "a=rtcp-fb:{payload_type} {said}\r\n")?;
        }
        if line.sends {
            self.write_layers(line)?;
        }
        match streams {
            Some((ssrc, again)) => self.write_streams(&line.mid, ssrc, repair.map(|_| again)),
            None => Ok(()),
        }
    }

    fn write_codec(&mut self, kind: Kind, codec: &Codec) -> fmt::Result {
        let Codec { payload_type, red, repair, feedback: _ } = codec;
        match kind {
            Kind::Audio => {
                // RFC 7587 section 7.
                write!(self.out, "a=rtpmap:{payload_type} opus/48000/2\r\n")?;
                write!(self.out, "a=fmtp:{payload_type} minptime=10;useinbandfec=1\r\n")?;
            }
            Kind::Video => write!(self.out, "a=rtpmap:{payload_type} VP8/90000\r\n")?,
        }
        if let Some(red) = red {
            write!(self.out, "a=rtpmap:{red} red/48000/2\r\na=fmtp:{red} {payload_type}/{payload_type}\r\n")?;
        }
        if let Some(repair) = repair {
            write!(self.out, "a=rtpmap:{repair} rtx/90000\r\na=fmtp:{repair} apt={payload_type}\r\n")?;
        }
        Ok(())
    }

    /// RFC 8851, RFC 8853.
    fn write_layers(&mut self, line: &Line) -> fmt::Result {
        for rid in &line.rids {
            write!(self.out, "a=rid:{rid} recv\r\n")?;
        }
        if line.simulcast && !line.rids.is_empty() {
            write!(self.out, "a=simulcast:recv {}\r\n", line.rids.join(";"))?;
        }
        Ok(())
    }

    /// Each slot is a stream of its own: what is shown in one is not kept in step with another.
    fn write_streams(&mut self, mid: &str, ssrc: u32, again: Option<u32>) -> fmt::Result {
        write!(self.out, "a=msid:slot-{mid} slot-{mid}\r\n")?;
        for ssrc in [Some(ssrc), again].into_iter().flatten() {
            write!(self.out, "a=ssrc:{ssrc} cname:hearth\r\na=ssrc:{ssrc} msid:slot-{mid} slot-{mid}\r\n")?;
        }
        if let Some(again) = again {
            // RFC 5576 section 4.2, RFC 4588 section 9.
            write!(self.out, "a=ssrc-group:FID {ssrc} {again}\r\n")?;
        }
        Ok(())
    }

    fn reject(&mut self, line: &Line) -> fmt::Result {
        write!(self.out, "m={} 0 {} 0\r\nc=IN IP4 0.0.0.0\r\n", name(line.kind), line.protocol)?;
        write!(self.out, "a=mid:{}\r\na=inactive\r\n", line.mid)
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
}

#[cfg(test)]
mod tests {
    use hearth_forwarding::Source;

    use super::*;
    use crate::offer;

    #[test]
    fn what_is_carried_here_is_taken_and_the_rest_rejected() {
        let tracks = [("0".to_owned(), Source::Microphone), ("1".to_owned(), Source::Camera)];
        let mut offer = offer::read(&offer::tests::offer(), &tracks, false).expect("an offer");
        offer.lines[3].use_ = Use::Slot;
        offer.lines[3].sends = false;
        offer.lines[3].codec.as_mut().expect("it is carried").repair = Some(97);
        let local = Local {
            session: (7, 2),
            credentials: &Credentials { ufrag: "efgh".to_owned(), password: "secret".to_owned() },
            fingerprint: "BB:BB",
            candidates: &["candidate:1 1 udp 5 192.0.2.1 4000 typ host".to_owned()],
        };
        let streams = |mid: &str| Some(if mid == "2" { (20, 21) } else { (30, 31) });
        let expected = "v=0|o=- 7 2 IN IP4 0.0.0.0|s=-|t=0 0|a=group:BUNDLE 0 1 2 3|a=extmap-allow-mixed|a=msid-semantic: WMS *|\
            m=audio 9 UDP/TLS/RTP/SAVPF 63 111|c=IN IP4 0.0.0.0|a=candidate:1 1 udp 5 192.0.2.1 4000 typ host|REACH|a=mid:0|\
            a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level|a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid|\
            a=recvonly|a=rtcp-mux|a=rtpmap:111 opus/48000/2|a=fmtp:111 minptime=10;useinbandfec=1|\
            a=rtpmap:63 red/48000/2|a=fmtp:63 111/111|a=rtcp-fb:111 transport-cc|\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97|c=IN IP4 0.0.0.0|REACH|a=mid:1|a=recvonly|a=rtcp-mux|a=rtpmap:96 VP8/90000|\
            a=rtpmap:97 rtx/90000|a=fmtp:97 apt=96|a=rtcp-fb:96 transport-cc|a=rtcp-fb:96 nack|a=rtcp-fb:96 nack pli|\
            a=rid:q recv|a=rid:h recv|a=simulcast:recv q;h|\
            m=audio 9 UDP/TLS/RTP/SAVPF 111|c=IN IP4 0.0.0.0|REACH|a=mid:2|a=sendonly|a=rtcp-mux|\
            a=rtpmap:111 opus/48000/2|a=fmtp:111 minptime=10;useinbandfec=1|a=msid:slot-2 slot-2|\
            a=ssrc:20 cname:hearth|a=ssrc:20 msid:slot-2 slot-2|\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97|c=IN IP4 0.0.0.0|REACH|a=mid:3|a=sendonly|a=rtcp-mux|a=rtpmap:96 VP8/90000|\
            a=rtpmap:97 rtx/90000|a=fmtp:97 apt=96|a=msid:slot-3 slot-3|a=ssrc:30 cname:hearth|a=ssrc:30 msid:slot-3 slot-3|\
            a=ssrc:31 cname:hearth|a=ssrc:31 msid:slot-3 slot-3|a=ssrc-group:FID 30 31|\
            m=video 0 UDP/TLS/RTP/SAVPF 0|c=IN IP4 0.0.0.0|a=mid:4|a=inactive|";
        let reach = "a=ice-ufrag:efgh|a=ice-pwd:secret|a=ice-options:trickle|a=fingerprint:sha-256 BB:BB|a=setup:passive";
        let answer = write(&offer, &local, streams).replace("\r\n", "|");
        let lines = |sdp: &str| sdp.split('|').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&answer), lines(&expected.replace("REACH", reach)));
    }
}
