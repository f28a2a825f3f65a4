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
