//! The limit: what no relay can do with less. It opens each packet once, seals it for each listener with the cipher that browsers
//! negotiate here, and sends a batch with one system call. It knows no handshake, no report and no gate: who listens to whom, and the
//! keys, it is told in lines of JSON.

use std::{
    array,
    collections::HashMap,
    io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Write},
    net::{SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::AsRawFd,
    process::{ChildStdin, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt};
use serde::{Deserialize, Serialize};

use crate::{
    Fallible,
    client::{Client, Shape},
    process::{self, Process},
    srtp::{self, Master, Seal},
};

const BATCH: usize = 64;
const DATAGRAM_MAX: usize = 2_048;
const BUFFER: usize = 8 << 20;

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
    /// By room: who sends what.
    sources: Vec<(usize, usize, u32, Master)>,
    listeners: Vec<(usize, SocketAddrV4, Master)>,
}

impl Limit {
    pub fn start() -> Fallible<Limit> {
        let mut command = process::command(std::env::current_exe()?);
        command.arg("limit").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let words = process.child().stdin.take().ok_or("the limit program does not listen")?;
        let said = process.child().stdout.take().ok_or("the limit program does not speak")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let address = line.trim().parse()?;
        Ok(Limit { process, address, words, sources: vec![], listeners: vec![] })
    }

    pub fn join(&mut self, number: u32, room: usize, shape: &Shape) -> Fallible<Client> {
        let (ours, theirs) = (Master::draw(), Master::draw());
        let client = Client::bare(number, shape, self.address, [&ours, &theirs])?;
        let SocketAddr::V4(address) = client.local() else { return Err("not an IPv4 address".into()) };
        let listener = self.listeners.len();
        self.sources.extend(client.streams.iter().map(|stream| (room, listener, stream.ssrc, ours.clone())));
        self.listeners.push((room, address, theirs));
        Ok(client)
    }

    /// Tells who listens to whom: everyone to everybody else in their room.
    pub fn settle(&mut self) -> Fallible<()> {
        for (_, address, key) in &self.listeners {
            let word = Word::Listener { address: *address, key: key.clone() };
            writeln!(self.words, "{}", serde_json::to_string(&word)?)?;
        }
        for (room, own, ssrc, key) in &self.sources {
            let others =
                self.listeners.iter().enumerate().filter(|(at, (theirs, ..))| theirs == room && at != own);
            let to = others.map(|(at, _)| at).collect();
            let word = Word::Source { ssrc: *ssrc, key: key.clone(), to };
            writeln!(self.words, "{}", serde_json::to_string(&word)?)?;
        }
        Ok(self.words.flush()?)
    }
}

#[derive(Default)]
struct Table {
    listeners: Vec<(Option<SockaddrIn>, Seal)>,
    sources: HashMap<u32, (Seal, u32, Vec<usize>)>,
}

/// The program itself, until nobody tells it anything any more.
pub fn run() -> Fallible<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    setsockopt(&socket, sockopt::RcvBuf, &BUFFER)?;
    setsockopt(&socket, sockopt::SndBuf, &BUFFER)?;
    println!("{}", socket.local_addr()?);
    let table = Arc::new(Mutex::new(Table::default()));
    let shared = table.clone();
    thread::spawn(move || forward(&socket, &shared));
    for line in io::stdin().lines() {
        let mut table = table.lock().map_err(|_| "the forwarding thread panicked")?;
        match serde_json::from_str(&line?)? {
            Word::Listener { address, key } => {
                table.listeners.push((Some(SockaddrIn::from(address)), Seal::from(&key)));
            }
            Word::Source { ssrc, key, to } => {
                table.sources.insert(ssrc, (Seal::from(&key), 0, to));
            }
        }
    }
    Ok(())
}

fn forward(socket: &UdpSocket, table: &Mutex<Table>) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    let mut inbound = vec![0; BATCH * DATAGRAM_MAX];
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut sending = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut outbound: Vec<(Option<SockaddrIn>, Vec<u8>)> = vec![];
    loop {
        let mut chunks = inbound.chunks_exact_mut(DATAGRAM_MAX);
        let mut slices: [[IoSliceMut; 1]; BATCH] =
            array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let received = recvmmsg(fd, &mut headers, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None)?;
        let lengths: Vec<usize> = received.map(|message| message.bytes).collect();
        let mut table = table.lock().expect("nothing panics with it");
        let mut used = 0;
        for (length, packet) in lengths.into_iter().zip(inbound.chunks_exact_mut(DATAGRAM_MAX)) {
            used = copy(&mut table, &mut packet[..length], &mut outbound, used);
        }
        drop(table);
        for batch in outbound[..used].chunks(BATCH) {
            let slices: Vec<[IoSlice; 1]> = batch.iter().map(|(_, packet)| [IoSlice::new(packet)]).collect();
            let addresses: Vec<Option<SockaddrIn>> = batch.iter().map(|(address, _)| *address).collect();
            sendmmsg(fd, &mut sending, &slices, &addresses, [], MsgFlags::empty())?;
        }
    }
}

/// Opens a packet and seals it for everyone who listens, into memory that is used again.
fn copy(
    table: &mut Table,
    packet: &mut [u8],
    to: &mut Vec<(Option<SockaddrIn>, Vec<u8>)>,
    mut used: usize,
) -> usize {
    let Some(ssrc) = packet.get(8..12).and_then(|bytes| bytes.first_chunk()) else { return used };
    // Reports have nobody to go to.
    let Some((seal, highest, listeners)) = table.sources.get_mut(&u32::from_be_bytes(*ssrc)) else {
        return used;
    };
    let index = srtp::index(*highest, u16::from_be_bytes([packet[2], packet[3]]));
    *highest = index.max(*highest);
    if seal.open(packet, index).is_none() {
        return used;
    }
    let length = packet.len() - srtp::TAG;
    for listener in listeners {
        let (address, seal) = &table.listeners[*listener];
        if to.len() == used {
            to.push((None, Vec::with_capacity(DATAGRAM_MAX)));
        }
        let (at, sealed) = &mut to[used];
        *at = *address;
        sealed.clear();
        sealed.extend_from_slice(&packet[..length]);
        seal.seal(sealed, index);
        used += 1;
    }
    used
}
