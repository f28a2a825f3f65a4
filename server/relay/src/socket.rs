//! One UDP socket, read and written in batches.

mod batch;

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    ops::Range,
    os::fd::AsRawFd,
};

use mio::{Interest, Registry, Token, unix::SourceFd};
use nix::{
    cmsg_space,
    errno::Errno,
    sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg},
};
use socket2::{Domain, Protocol, Type};

pub use self::batch::BATCH;
use self::batch::Batch;
use crate::counters::{Count, Counters};

/// Longer datagrams are dropped: nothing that WebRTC sends exceeds the usual path MTU. Bytes.
pub const DATAGRAM_MAX: usize = 2048;
/// Asked of the kernel in each direction; it gives what `net.core.rmem_max` and `wmem_max` allow. Bytes.
const KERNEL_BUFFER: usize = 8 << 20;
/// What an outbox holds at most; what is more is dropped and counted. A batch of 64 video packets to 50 listeners fits. Bytes.
const OUTBOX_MAX: usize = 4 << 20;

#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    /// Addresses of IPv4 are written as IPv6 where the socket serves both.
    maps_v4: bool,
    /// One for each direction: sending leaves pointers in them that receiving would write to.
    inbound: Headers,
    outbound: Headers,
    /// Of messages that the kernel is to cut up.
    cut: CutHeaders,
    batch: Batch,
    /// Of the batch's messages, in memory that is used again.
    addresses: Vec<Option<SockaddrStorage>>,
    /// Until the system says that it cannot cut messages up here.
    cuts: bool,
}

impl Socket {
    /// An error of kind `AddrInUse`: the port is taken.
    pub fn bind(address: SocketAddr) -> io::Result<Socket> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        // Best effort: the kernel cuts it down to its own limit without an error.
        socket.set_recv_buffer_size(KERNEL_BUFFER)?;
        socket.set_send_buffer_size(KERNEL_BUFFER)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(Socket {
            socket: socket.into(),
            maps_v4: address.is_ipv6(),
            inbound: Headers::default(),
            outbound: Headers::default(),
            cut: CutHeaders::default(),
            batch: Batch::default(),
            addresses: Vec::new(),
            cuts: true,
        })
    }

    pub fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.socket.as_raw_fd()), token, Interest::READABLE)
    }

    /// Replaces what the inbox holds. Fewer than [`BATCH`]: that was all. Datagrams too long for us are counted and not in the inbox.
    pub fn receive(&mut self, inbox: &mut Inbox) -> io::Result<usize> {
        inbox.entries.clear();
        inbox.too_long = 0;
        let headers = self.inbound.get();
        let mut chunks = inbox.bytes.chunks_exact_mut(DATAGRAM_MAX);
        let mut slices: [[IoSliceMut; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let received =
            recvmmsg(self.socket.as_raw_fd(), headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None);
        let messages = match received {
            Ok(messages) => messages,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut count = 0;
        for (at, message) in messages.enumerate() {
            count += 1;
            let from = message.address.as_ref().and_then(address);
            let is_whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
            inbox.too_long += u64::from(!is_whole);
            if let Some(from) = from.filter(|_| is_whole) {
                inbox.entries.push((from, at, message.bytes));
            }
        }
        Ok(count)
    }

    /// Hands everything to the kernel. What it does not take at once is dropped and counted: late media is worth nothing. The outbox
    /// is empty afterwards.
    pub fn send(&mut self, outbox: &mut Outbox, counters: &Counters) {
        counters.add(Count::OutboxFull, std::mem::take(&mut outbox.overflowed));
        let mut rest = outbox.entries.as_slice();
        // So many of the next ones leave one by one: as one message, the kernel did not take them.
        let mut singly = 0;
        while !rest.is_empty() {
            let next = if singly > 0 { &rest[..singly] } else { rest };
            self.batch.fill(next, self.cuts && singly == 0);
            match self.send_batch(&outbox.bytes) {
                Ok(sent) => {
                    let sent = &self.batch.messages[..sent];
                    let datagrams: usize = sent.iter().map(|message| message.count).sum();
                    let bytes: usize = sent.iter().map(|message| message.bytes.len()).sum();
                    counters.add(Count::PacketsOutUdp, datagrams as u64);
                    counters.add(Count::BytesOutUdp, bytes as u64);
                    rest = &rest[datagrams..];
                    singly = singly.saturating_sub(datagrams);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    counters.add(Count::SocketFull, rest.len() as u64);
                    break;
                }
                Err(error) if self.batch.messages[0].count > 1 => {
                    singly = self.batch.messages[0].count;
                    self.cuts &= error != Errno::EIO;
                }
                // The first of the batch cannot be sent: no route, a forbidden address, too long.
                Err(_) => {
                    counters.one(Count::SendFailed);
                    rest = &rest[1..];
                    singly = singly.saturating_sub(1);
                }
            }
        }
        outbox.clear();
    }

    /// How many messages of the batch the kernel took. An error: not the first.
    fn send_batch(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let Batch { messages, segment, .. } = &self.batch;
        let slices: [[IoSlice; 1]; BATCH] = std::array::from_fn(|at| {
            let range = messages.get(at).map_or(0..0, |message| message.bytes.clone());
            [IoSlice::new(&bytes[range])]
        });
        self.addresses.clear();
        self.addresses.extend(messages.iter().map(|message| Some(storage(message.to, self.maps_v4))));
        let (slices, addresses) = (&slices[..messages.len()], &self.addresses);
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let socket = self.socket.as_raw_fd();
        let segment = u16::try_from(*segment).expect("longer ones are not joined");
        let results = match segment {
            0 => sendmmsg(socket, self.outbound.get(), slices, addresses, [], flags)?,
            _ => {
                let cut = [ControlMessage::UdpGsoSegments(&segment)];
                sendmmsg(socket, self.cut.get(), slices, addresses, cut, flags)?
            }
        };
        Ok(results.count())
    }
}

/// What one system call received, in memory that is used again.
#[derive(Debug)]
pub struct Inbox {
    bytes: Vec<u8>,
    entries: Vec<(SocketAddr, usize, usize)>,
    too_long: u64,
}

impl Default for Inbox {
    fn default() -> Self {
        Inbox { bytes: vec![0; BATCH * DATAGRAM_MAX], entries: Vec::with_capacity(BATCH), too_long: 0 }
    }
}

impl Inbox {
    pub fn get(&self, at: usize) -> Option<(SocketAddr, &[u8])> {
        let &(from, place, length) = self.entries.get(at)?;
        Some((from, &self.bytes[place * DATAGRAM_MAX..][..length]))
    }

    /// Datagrams of the last time that were longer than [`DATAGRAM_MAX`] and are not here.
    pub fn too_long(&self) -> u64 {
        self.too_long
    }

    pub fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        (0..self.entries.len()).filter_map(|at| self.get(at))
    }
}

/// What waits to be sent, in memory that is used again.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    entries: Vec<(SocketAddr, Range<usize>)>,
    overflowed: u64,
}

impl Outbox {
    pub fn push(&mut self, to: SocketAddr, datagram: &[u8]) {
        let start = self.bytes.len();
        if start + datagram.len() > OUTBOX_MAX {
            self.overflowed += 1;
            return;
        }
        self.bytes.extend_from_slice(datagram);
        self.entries.push((to, start..self.bytes.len()));
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

/// Room for the kernel's message headers: made once, by the thread that uses it.
#[derive(Default)]
struct Headers(Option<MultiHeaders<SockaddrStorage>>);

impl Headers {
    fn get(&mut self) -> &mut MultiHeaders<SockaddrStorage> {
        self.0.get_or_insert_with(|| MultiHeaders::preallocate(BATCH, None))
    }
}

/// The same, with room for the length by which messages are cut up.
#[derive(Default)]
struct CutHeaders(Option<MultiHeaders<SockaddrStorage>>);

impl CutHeaders {
    fn get(&mut self) -> &mut MultiHeaders<SockaddrStorage> {
        self.0.get_or_insert_with(|| MultiHeaders::preallocate(BATCH, Some(cmsg_space!(u16))))
    }
}

impl std::fmt::Debug for CutHeaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CutHeaders")
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Headers")
    }
}

fn storage(address: SocketAddr, maps_v4: bool) -> SockaddrStorage {
    match address {
        SocketAddr::V4(v4) if maps_v4 => {
            let mapped: Ipv6Addr = v4.ip().to_ipv6_mapped();
            SockaddrStorage::from(SocketAddr::V6(SocketAddrV6::new(mapped, v4.port(), 0, 0)))
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => SockaddrStorage::from(address),
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::from((v4.ip(), v4.port())));
    }
    let v6 = storage.as_sockaddr_in6()?;
    Some(match v6.ip().to_ipv4_mapped() {
        Some(ip) => SocketAddr::from((ip, v6.port())),
        None => SocketAddr::V6(SocketAddrV6::new(v6.ip(), v6.port(), 0, v6.scope_id())),
    })
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, time::Duration};

    use mio::{Events, Poll};

    use super::*;

    fn check_passes(from: &str, to: &str, dial: &str) {
        let counters = Counters::default();
        let mut sender = Socket::bind(from.parse().expect("an address")).expect("a port");
        let mut receiver = Socket::bind(to.parse().expect("an address")).expect("a port");
        let to = SocketAddr::new(dial.parse().expect("an address"), receiver.local().expect("bound").port());
        let mut poll = Poll::new().expect("a poll");
        receiver.register(poll.registry(), Token(0)).expect("registered");
        let mut outbox = Outbox::default();
        for number in 0..150_u32 {
            outbox.push(to, &number.to_be_bytes().repeat(10));
        }
        sender.send(&mut outbox, &counters);
        assert!(outbox.is_empty());
        assert_eq!(counters.get(Count::PacketsOutUdp), 150);
        assert_eq!(counters.get(Count::BytesOutUdp), 150 * 40);

        let mut inbox = Inbox::default();
        let mut numbers = Vec::new();
        let mut events = Events::with_capacity(4);
        while numbers.len() < 150 {
            poll.poll(&mut events, Some(Duration::from_secs(5))).expect("polled");
            assert!(!events.is_empty(), "{} arrived", numbers.len());
            while receiver.receive(&mut inbox).expect("received") > 0 {
                for (from, bytes) in inbox.datagrams() {
                    assert_eq!(from.ip(), to.ip());
                    assert_eq!(bytes.len(), 40);
                    numbers.push(bytes[3]);
                }
            }
        }
        assert!(numbers.iter().copied().eq(0..150));
    }

    #[test]
    fn batches_pass_over_either_family() {
        check_passes("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1");
        check_passes("[::]:0", "127.0.0.1:0", "127.0.0.1");
        check_passes("127.0.0.1:0", "[::]:0", "127.0.0.1");
    }

    #[test]
    fn a_taken_port_is_told() {
        let first = Socket::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let second = Socket::bind(first.local().expect("bound"));
        assert_eq!(second.map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
    }

    #[test]
    fn one_bad_destination_does_not_hold_up_the_rest() {
        let counters = Counters::default();
        let mut sender = Socket::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let good = sender.local().expect("bound");
        let mut outbox = Outbox::default();
        outbox.push("[2001:db8::1]:9".parse().expect("an address"), b"of another family");
        outbox.push(good, b"fine");
        outbox.push(good, &[0; 70_000]);
        outbox.push(good, b"fine too");
        sender.send(&mut outbox, &counters);
        assert_eq!(counters.get(Count::PacketsOutUdp), 2);
        assert_eq!(counters.get(Count::SendFailed), 2);
    }

    #[test]
    fn too_long_a_datagram_is_not_delivered() {
        let counters = Counters::default();
        let mut socket = Socket::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let own = socket.local().expect("bound");
        let mut outbox = Outbox::default();
        outbox.push(own, &[1; DATAGRAM_MAX + 1]);
        outbox.push(own, &[2; DATAGRAM_MAX]);
        socket.send(&mut outbox, &counters);
        let mut inbox = Inbox::default();
        assert_eq!(socket.receive(&mut inbox).expect("received"), 2);
        assert_eq!((inbox.datagrams().count(), inbox.too_long()), (1, 1));
        assert_eq!(inbox.get(0).map(|(_, bytes)| bytes.len()), Some(DATAGRAM_MAX));
    }

    #[test]
    fn an_outbox_overflows_by_dropping_and_counting() {
        let counters = Counters::default();
        let mut socket = Socket::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let mut outbox = Outbox::default();
        let to = socket.local().expect("bound");
        for _ in 0..OUTBOX_MAX / 1000 + 10 {
            outbox.push(to, &[0; 1000]);
        }
        assert_eq!(outbox.len(), OUTBOX_MAX / 1000);
        outbox.entries.truncate(1);
        socket.send(&mut outbox, &counters);
        assert!(counters.get(Count::OutboxFull) >= 9);
    }
}
