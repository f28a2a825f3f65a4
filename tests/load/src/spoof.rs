//! A flood of what strangers can send: noise, RTP, checks that name nobody, and handshakes, each time from another address. It is a
//! process of its own, so that its memory and its time are not the server's.

use std::{
    io::{self, BufRead, BufReader, IoSlice},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::AsRawFd,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    libc::{in_addr, in_pktinfo},
    sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg},
};

use crate::{Fallible, process::Process};

/// All of 127.66.0.0/16 belongs to this machine, and no answer leaves it.
const ADDRESSES: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 0);
/// One address has as many ports as there are sockets.
const PORTS: usize = 16;
const PAUSE: Duration = Duration::from_micros(500);

/// A flood under way. Killed when it is dropped.
#[derive(Debug)]
pub struct Flood(Process);

impl Flood {
    pub fn start(to: SocketAddr, per_second: u64, length: Duration) -> Fallible<Flood> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("spoof").arg(to.to_string());
        command.arg(per_second.to_string()).arg(length.as_millis().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Flood(Process::start(&mut command)?))
    }

    /// Waits until it is over: how many left.
    pub fn end(mut self) -> Fallible<u64> {
        let said = self.0.child().stdout.take().ok_or("the flood does not speak")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }
}

/// The program itself.
pub fn run(to: SocketAddrV4, per_second: u64, length: Duration) -> Fallible<()> {
    let sockets =
        (0..PORTS).map(|_| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))).collect::<io::Result<Vec<_>>>()?;
    let to = SockaddrIn::from(to);
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut datagram = Vec::with_capacity(2_048);
    let (begin, mut due, mut sent) = (Instant::now(), 0, 0_u64);
    while begin.elapsed() < length {
        let until = begin.elapsed().as_micros() as u64 * per_second / 1_000_000;
        for number in due..until {
            write(number, &mut chance, &mut datagram);
            let own = Ipv4Addr::from_bits(ADDRESSES.to_bits() | chance.next() as u32 & 0xffff);
            let from = in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr { s_addr: own.to_bits().to_be() },
                ipi_addr: in_addr { s_addr: 0 },
            };
            let socket = sockets[number as usize % PORTS].as_raw_fd();
            let slices = [IoSlice::new(&datagram)];
            let from = [ControlMessage::Ipv4PacketInfo(&from)];
            // A full buffer loses one, as any network may.
            sent += u64::from(sendmsg(socket, &slices, &from, MsgFlags::empty(), Some(&to)).is_ok());
        }
        due = until;
        thread::sleep(PAUSE);
    }
    println!("{sent}");
    Ok(())
}

/// One after another: a check, a handshake, RTP, a report, noise. No two are alike.
fn write(number: u64, chance: &mut Chance, to: &mut Vec<u8>) {
    to.clear();
    match number % 5 {
        0 => {
            // A STUN binding request with a username (RFC 8489), of which no half is known.
            to.extend([0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42]);
            to.extend(chance.next().to_be_bytes());
            to.extend([&chance.next().to_be_bytes()[4..], &[0, 6, 0, 9]].concat());
            to.extend(format!("{:04x}:{:04x}", chance.next() as u16, chance.next() as u16).bytes());
            to.extend([0; 3]);
        }
        1 => {
            // A record of DTLS 1.2 with a ClientHello as long as browsers'.
            to.extend([
                22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 168, 1, 0, 0, 156, 0, 0, 0, 0, 0, 0, 0, 156,
            ]);
            to.extend([0xfe, 0xfd]);
            chance.fill(to, 181);
        }
        2 => {
            to.extend([0x90, 96]);
            chance.fill(to, 12);
            to.extend([0xbe, 0xde, 0, 1, 0x10, 7, 0, 0]);
            chance.fill(to, 1_100);
        }
        3 => {
            to.extend([0x81, 206, 0, 2]);
            chance.fill(to, 60);
        }
        _ => {
            let length = 20 + (chance.next() % 200) as usize;
            chance.fill(to, length);
        }
    }
}

/// A plain xorshift: what is sent need not be unforeseeable, only never the same.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn fill(&mut self, to: &mut Vec<u8>, length: usize) {
        while to.len() < length {
            to.extend(self.next().to_be_bytes());
        }
        to.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_what_it_says_and_no_two_are_alike() {
        let (mut chance, mut seen) = (Chance(1), std::collections::BTreeSet::new());
        for number in 0..100 {
            let mut datagram = vec![];
            write(number, &mut chance, &mut datagram);
            let kinds = [0..4, 20..64, 128..192, 128..192, 0..256];
            assert!(kinds[number as usize % 5].contains(&u16::from(datagram[0])), "{number}");
            assert!(seen.insert(datagram));
        }
        let (mut check, mut hello) = (vec![], vec![]);
        write(0, &mut chance, &mut check);
        write(1, &mut chance, &mut hello);
        assert_eq!(check.len(), 20 + 16, "a header and what it announces");
        assert_eq!((hello.len(), hello[12]), (13 + 168, 168));
    }
}
