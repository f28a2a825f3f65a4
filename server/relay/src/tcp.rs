//! ICE-TCP, passive (RFC 6544): datagrams over TCP streams in the framing of RFC 4571, for networks that block UDP.
//!
//! Strangers may connect, so everything is bounded: streams in all and for one address, the time until a stream must prove itself by
//! an accepted STUN check, the idle time, and what waits to be written. What does not fit there is dropped by whole frames.

pub(crate) mod frame;

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use mio::{
    Interest, Registry, Token,
    net::{TcpListener, TcpStream},
};
use socket2::{Domain, Protocol, Type};

use crate::counters::{Count, Counters};
use frame::{Decoder, Queue};

pub const STREAMS_MAX: usize = 256;
/// From one address, before admission. Behind a clinic's NAT more may come once these are admitted.
pub const STRANGERS_PER_ADDRESS_MAX: usize = 8;
/// A stream that was not admitted by then is closed.
pub const ADMISSION: Duration = Duration::from_secs(10);
/// An admitted stream without a frame for so long is closed; browsers check consent every few seconds (RFC 7675).
pub const IDLE: Duration = Duration::from_secs(30);
/// The token of the first stream; each has one of the following [`STREAMS_MAX`].
pub const FIRST_TOKEN: usize = 16;
/// Read from one stream before the others have their turn. Bytes.
const TURN: usize = 128 << 10;

#[derive(Debug)]
pub struct Streams {
    listener: TcpListener,
    registry: Option<Registry>,
    /// By token.
    streams: Vec<Option<Stream>>,
    by_remote: HashMap<SocketAddr, usize>,
    closed: Vec<SocketAddr>,
    chunk: Box<[u8]>,
}

#[derive(Debug)]
struct Stream {
    socket: TcpStream,
    remote: SocketAddr,
    decoder: Decoder,
    queue: Queue,
    admitted: bool,
    since: Instant,
    last_frame: Instant,
}

impl Streams {
    /// An error of kind `AddrInUse`: the port is taken.
    pub fn bind(address: SocketAddr) -> io::Result<Streams> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        // A port whose streams of before linger in TIME_WAIT can be taken again; one that is listened on cannot.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(128)?;
        Ok(Streams {
            listener: TcpListener::from_std(socket.into()),
            registry: None,
            streams: Vec::new(),
            by_remote: HashMap::new(),
            closed: Vec::new(),
            chunk: vec![0; 16 << 10].into(),
        })
    }

    #[cfg(test)]
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// `token` is the listener's: after its event call [`Streams::accept`]; for those from [`FIRST_TOKEN`] up [`Streams::ready`].
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.listener, token, Interest::READABLE)?;
        self.registry = Some(registry.try_clone()?);
        Ok(())
    }

    pub fn accept(&mut self, now: Instant, counters: &Counters) {
        loop {
            match self.listener.accept() {
                Ok((socket, remote)) => {
                    let taken = self.take(socket, canonical(remote), now);
                    counters.one(if taken { Count::StreamsAccepted } else { Count::StreamsRefused });
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                // Nothing more to accept, or no descriptor left: the next event tries again.
                Err(_) => return,
            }
        }
    }

    /// Reads whole datagrams and goes on writing.
    pub fn ready(
        &mut self,
        token: Token,
        now: Instant,
        counters: &Counters,
        deliver: &mut dyn FnMut(SocketAddr, &[u8]),
    ) {
        let Some(at) = token.0.checked_sub(FIRST_TOKEN) else { return };
        let Some(Some(stream)) = self.streams.get_mut(at) else { return };
        let alive = stream.queue.write(&mut stream.socket).is_ok()
            && stream.read(&mut self.chunk, now, counters, deliver).is_ok_and(|drained| {
                // Events are edge-triggered: registering again brings another where more is there to read.
                drained
                    || self.registry.as_ref().is_some_and(|registry| {
                        registry.reregister(&mut stream.socket, token, INTEREST).is_ok()
                    })
            });
        if !alive {
            counters.one(Count::StreamsBroken);
            self.close_at(at);
        }
    }

    /// One datagram. False: dropped, because there is no such stream or too much waits to be written.
    pub fn send(&mut self, remote: SocketAddr, datagram: &[u8], counters: &Counters) -> bool {
        let Some(&at) = self.by_remote.get(&remote) else {
            counters.one(Count::StreamGone);
            return false;
        };
        let Some(Some(stream)) = self.streams.get_mut(at) else { return false };
        if !stream.queue.push(datagram) {
            counters.one(Count::StreamFull);
            return false;
        }
        counters.one(Count::PacketsOutTcp);
        counters.add(Count::BytesOutTcp, datagram.len() as u64);
        if stream.queue.write(&mut stream.socket).is_err() {
            counters.one(Count::StreamsBroken);
            self.close_at(at);
        }
        true
    }

    /// A STUN check from there was accepted.
    pub fn admit(&mut self, remote: SocketAddr) {
        let at = self.by_remote.get(&remote);
        if let Some(Some(stream)) = at.and_then(|at| self.streams.get_mut(*at)) {
            stream.admitted = true;
        }
    }

    /// Nothing that waits to be written goes to the kernel any more. Of a frame that it has in part, the rest is replaced by zeros,
    /// which no receiver can authenticate.
    pub fn purge(&mut self, remote: SocketAddr) {
        let at = self.by_remote.get(&remote);
        if let Some(Some(stream)) = at.and_then(|at| self.streams.get_mut(*at)) {
            stream.queue.purge();
        }
    }

    /// Closes what was never admitted or fell silent. To be called about once a second.
    pub fn expire(&mut self, now: Instant, counters: &Counters) {
        for at in 0..self.streams.len() {
            if self.streams[at].as_ref().is_some_and(|stream| stream.is_expired(now)) {
                counters.one(Count::StreamsExpired);
                self.close_at(at);
            }
        }
    }

    /// Closes all of them, with whatever waits to be written.
    pub fn close_all(&mut self) {
        (0..self.streams.len()).for_each(|at| self.close_at(at));
    }

    /// Whose streams were closed since the last call.
    pub fn take_closed(&mut self) -> impl Iterator<Item = SocketAddr> {
        self.closed.drain(..)
    }

    fn take(&mut self, mut socket: TcpStream, remote: SocketAddr, now: Instant) -> bool {
        let Some(registry) = &self.registry else { return false };
        if self.by_remote.len() >= STREAMS_MAX || self.strangers(remote.ip()) >= STRANGERS_PER_ADDRESS_MAX {
            return false;
        }
        let free = self.streams.iter().position(Option::is_none);
        let at = free.unwrap_or(self.streams.len());
        let ready = socket.set_nodelay(true).is_ok()
            && registry.register(&mut socket, Token(FIRST_TOKEN + at), INTEREST).is_ok();
        if !ready {
            return false;
        }
        let stream = Stream {
            socket,
            remote,
            decoder: Decoder::default(),
            queue: Queue::default(),
            admitted: false,
            since: now,
            last_frame: now,
        };
        match free {
            Some(at) => self.streams[at] = Some(stream),
            None => self.streams.push(Some(stream)),
        }
        self.by_remote.insert(remote, at);
        true
    }

    fn strangers(&self, ip: IpAddr) -> usize {
        let streams = self.streams.iter().flatten();
        streams.filter(|stream| !stream.admitted && stream.remote.ip() == ip).count()
    }

    fn close_at(&mut self, at: usize) {
        if let Some(mut stream) = self.streams[at].take() {
            if let Some(registry) = &self.registry {
                // Closing the descriptor would do as well.
                let _ = registry.deregister(&mut stream.socket);
            }
            self.by_remote.remove(&stream.remote);
            self.closed.push(stream.remote);
        }
    }
}

impl Stream {
    fn is_expired(&self, now: Instant) -> bool {
        let (since, limit) = if self.admitted { (self.last_frame, IDLE) } else { (self.since, ADMISSION) };
        now.saturating_duration_since(since) >= limit
    }

    /// True: read to the end of what is there.
    fn read(
        &mut self,
        chunk: &mut [u8],
        now: Instant,
        counters: &Counters,
        deliver: &mut dyn FnMut(SocketAddr, &[u8]),
    ) -> io::Result<bool> {
        let mut total = 0;
        while total < TURN {
            let length = match self.socket.read(chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            total += length;
            self.decoder.decode(&chunk[..length], |frame| {
                self.last_frame = now;
                counters.one(Count::PacketsInTcp);
                counters.add(Count::BytesInTcp, frame.len() as u64);
                deliver(self.remote, frame);
            })?;
        }
        Ok(false)
    }
}

const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

fn canonical(remote: SocketAddr) -> SocketAddr {
    SocketAddr::new(remote.ip().to_canonical(), remote.port())
}

#[cfg(test)]
mod tests;
