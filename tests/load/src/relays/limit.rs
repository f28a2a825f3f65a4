//! The limit: what no relay can do with less. It opens each packet once, seals it for each listener with the cipher that browsers
//! negotiate here, and sends a batch with one system call; several of one length for one listener leave as one message, which the kernel
//! cuts up (UDP_SEGMENT). It knows no handshake, no report and no gate: who listens to whom, and the keys, it is told in lines of JSON.

use std::{
    array,
    collections::{BTreeMap, HashMap},
    io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Write},
    net::{SocketAddr, SocketAddrV4, UdpSocket},
    ops::Range,
    os::fd::AsRawFd,
    process::{ChildStdin, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use hearth_protocol::Source;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};
use serde::{Deserialize, Serialize};

use crate::{
    Fallible,
    client::{Client, Shape},
    process::{self, Process},
    scenario::Scenario,
    srtp::{self, Master, Seal},
    stream::Stream,
};

const BATCH: usize = 64;
const DATAGRAM_MAX: usize = 2_048;
const BUFFER: usize = 8 << 20;
/// Datagrams in one message: the kernel takes 64, and 64 kB.
const JOINED_MAX: usize = 48;
const JOINED_BYTES_MAX: usize = 60_000;

/// What the limit program is told.
#[derive(Debug, Deserialize, Serialize)]
enum Word {
    /// They are numbered from 0 on, in this order.
    Listener {
        address: SocketAddrV4,
        key: Master,
    },
    Source {
        ssrc: u32,
        key: Master,
        to: Vec<usize>,
    },
}

/// A running limit program.
#[derive(Debug)]
pub struct Limit {
    pub process: Process,
    address: SocketAddr,
    words: ChildStdin,
    sources: Vec<((usize, usize), Layer, Master)>,
    /// By the same order as the program numbers them.
    listeners: Vec<((usize, usize), SocketAddrV4, Master)>,
}

/// What is sent with an SSRC. None: sound.
type Layer = (u32, Option<usize>);

impl Limit {
    /// `apart`: as [`run`] takes it.
    pub fn start(apart: bool) -> Fallible<Limit> {
        let mut command = process::command(std::env::current_exe()?);
        command.arg("limit").args(apart.then_some("--apart")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let words = process.child().stdin.take().ok_or("the limit program does not listen")?;
        let said = process.child().stdout.take().ok_or("the limit program does not speak")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let address = line.trim().parse()?;
        Ok(Limit { process, address, words, sources: vec![], listeners: vec![] })
    }

    /// `place`: room and seat.
    pub fn join(&mut self, number: u32, place: (usize, usize), shape: &Shape) -> Fallible<Client> {
        let (ours, theirs) = (Master::draw(), Master::draw());
        let client = Client::bare(number, shape, self.address, [&ours, &theirs])?;
        let SocketAddr::V4(address) = client.local() else { return Err("not an IPv4 address".into()) };
        let layer = |stream: &Stream| (stream.source != Source::Microphone).then_some(stream.layer);
        let streams = client.streams.iter();
        self.sources.extend(streams.map(|stream| (place, (stream.ssrc, layer(stream)), ours.clone())));
        self.listeners.push((place, address, theirs));
        Ok(client)
    }

    /// Tells who listens to whom: everyone to everybody else in their room, of pictures to one layer.
    pub fn settle(&mut self, scenario: &Scenario) -> Fallible<()> {
        for (_, address, key) in &self.listeners {
            let word = Word::Listener { address: *address, key: key.clone() };
            writeln!(self.words, "{}", serde_json::to_string(&word)?)?;
        }
        for ((room, seat), (ssrc, layer), key) in &self.sources {
            let takes = |(theirs, other): (usize, usize)| {
                let wanted = layer.is_none_or(|layer| scenario.layer(other, *seat) == layer);
                theirs == *room && other != *seat && wanted
            };
            let listeners = self.listeners.iter().enumerate();
            let to = listeners.filter(|(_, (place, ..))| takes(*place)).map(|(at, _)| at).collect();
            let word = Word::Source { ssrc: *ssrc, key: key.clone(), to };
            writeln!(self.words, "{}", serde_json::to_string(&word)?)?;
        }
        Ok(self.words.flush()?)
    }
}

#[derive(Default)]
struct Table {
    listeners: Vec<Listener>,
    sources: HashMap<u32, (Seal, u32, Vec<usize>)>,
}

struct Listener {
    address: SockaddrIn,
    seal: Seal,
    /// Sealed packets that wait for the end of the batch, one behind the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The program itself, until nobody tells it anything any more. `apart`: each datagram is a message of its own.
pub fn run(apart: bool) -> Fallible<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    setsockopt(&socket, sockopt::RcvBuf, &BUFFER)?;
    setsockopt(&socket, sockopt::SndBuf, &BUFFER)?;
    println!("{}", socket.local_addr()?);
    let table = Arc::new(Mutex::new(Table::default()));
    let shared = table.clone();
    let joined_max = if apart { 1 } else { JOINED_MAX };
    thread::spawn(move || forward(&socket, &shared, joined_max));
    for line in io::stdin().lines() {
        let mut table = table.lock().map_err(|_| "the forwarding thread panicked")?;
        match serde_json::from_str(&line?)? {
            Word::Listener { address, key } => table.listeners.push(Listener {
                address: SockaddrIn::from(address),
                seal: Seal::from(&key),
                bytes: vec![],
                ends: vec![],
            }),
            Word::Source { ssrc, key, to } => {
                table.sources.insert(ssrc, (Seal::from(&key), 0, to));
            }
        }
    }
    Ok(())
}

fn forward(socket: &UdpSocket, table: &Mutex<Table>, joined_max: usize) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    let mut inbound = vec![0; BATCH * DATAGRAM_MAX];
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut whole = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut cut = MultiHeaders::<SockaddrIn>::preallocate(BATCH, Some(nix::cmsg_space!(u16)));
    let mut waiting = vec![];
    loop {
        let mut chunks = inbound.chunks_exact_mut(DATAGRAM_MAX);
        let mut slices: [[IoSliceMut; 1]; BATCH] =
            array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let received = recvmmsg(fd, &mut headers, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None)?;
        let lengths: Vec<usize> = received.map(|message| message.bytes).collect();
        let mut table = table.lock().expect("nothing panics with it");
        for (length, datagram) in lengths.into_iter().zip(inbound.chunks_exact_mut(DATAGRAM_MAX)) {
            copy(&mut table, &mut datagram[..length], &mut waiting);
        }
        for (segment, messages) in &by_segment(&table.listeners, &waiting, joined_max) {
            for batch in messages.chunks(BATCH) {
                let slices: Vec<[IoSlice; 1]> =
                    batch.iter().map(|(_, bytes)| [IoSlice::new(bytes)]).collect();
                let addresses: Vec<_> = batch.iter().map(|(address, _)| Some(*address)).collect();
                if *segment == 0 {
                    sendmmsg(fd, &mut whole, &slices, &addresses, [], MsgFlags::empty())?;
                } else {
                    let by = [ControlMessage::UdpGsoSegments(segment)];
                    sendmmsg(fd, &mut cut, &slices, &addresses, by, MsgFlags::empty())?;
                }
            }
        }
        for listener in waiting.drain(..) {
            let listener = &mut table.listeners[listener];
            listener.bytes.clear();
            listener.ends.clear();
        }
    }
}

/// Opens a packet and seals it for everyone who listens, into memory that is used again.
fn copy(table: &mut Table, datagram: &mut [u8], waiting: &mut Vec<usize>) {
    let Some(ssrc) = datagram.get(8..12).and_then(|bytes| bytes.first_chunk()) else { return };
    // Reports have nobody to go to.
    let Some((seal, highest, to)) = table.sources.get_mut(&u32::from_be_bytes(*ssrc)) else { return };
    let index = srtp::index(*highest, u16::from_be_bytes([datagram[2], datagram[3]]));
    *highest = index.max(*highest);
    // A layer that nobody takes is not worth opening.
    if to.is_empty() || seal.open(datagram, index).is_none() {
        return;
    }
    let length = datagram.len() - srtp::TAG;
    for at in to {
        let listener = &mut table.listeners[*at];
        if listener.ends.is_empty() {
            waiting.push(*at);
        }
        let start = listener.bytes.len();
        listener.bytes.extend_from_slice(&datagram[..length]);
        listener.seal.seal_from(&mut listener.bytes, start, index);
        listener.ends.push(listener.bytes.len());
    }
}

type Messages<'a> = Vec<(SockaddrIn, &'a [u8])>;

/// What leaves, by the length at which it is cut up. 0: it is one datagram.
fn by_segment<'a>(
    listeners: &'a [Listener],
    waiting: &[usize],
    joined_max: usize,
) -> BTreeMap<u16, Messages<'a>> {
    let mut all: BTreeMap<u16, Messages> = BTreeMap::new();
    for at in waiting {
        let Listener { address, bytes, ends, .. } = &listeners[*at];
        for row in rows(ends, joined_max) {
            let segment = if row.count == 1 { 0 } else { row.length as u16 };
            all.entry(segment).or_default().push((*address, &bytes[row.bytes]));
        }
    }
    all
}

/// Neighbours of one length. The last may be shorter.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    count: usize,
    length: usize,
    bytes: Range<usize>,
}

fn rows(ends: &[usize], joined_max: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![];
    let mut start = 0;
    for end in ends {
        let length = end - start;
        match rows.last_mut().filter(|row| row.takes(length, joined_max)) {
            Some(row) => (row.count, row.bytes.end) = (row.count + 1, *end),
            None => rows.push(Row { count: 1, length, bytes: start..*end }),
        }
        start = *end;
    }
    rows
}

impl Row {
    fn takes(&self, length: usize, joined_max: usize) -> bool {
        let is_whole = self.bytes.len() == self.count * self.length;
        let has_room = self.count < joined_max && self.bytes.len() + length <= JOINED_BYTES_MAX;
        is_whole && has_room && length <= self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of datagrams in a row: (datagrams, bytes) of the messages.
    fn check(lengths: &[usize], joined_max: usize, messages: &[(usize, usize)]) {
        let ends: Vec<usize> = lengths
            .iter()
            .scan(0, |end, length| {
                *end += length;
                Some(*end)
            })
            .collect();
        let made: Vec<_> = rows(&ends, joined_max).iter().map(|row| (row.count, row.bytes.len())).collect();
        assert_eq!(made, messages, "{lengths:?}");
    }

    #[test]
    fn neighbours_of_one_length_leave_together_and_a_shorter_one_is_the_last() {
        check(&[9, 9, 9], JOINED_MAX, &[(3, 27)]);
        check(&[9, 9, 5, 9], JOINED_MAX, &[(3, 23), (1, 9)]);
        check(&[5, 9, 9], JOINED_MAX, &[(1, 5), (2, 18)]);
        check(&[9, 9], 1, &[(1, 9), (1, 9)]);
        check(&[40_000, 40_000], JOINED_MAX, &[(1, 40_000), (1, 40_000)]);
    }
}
