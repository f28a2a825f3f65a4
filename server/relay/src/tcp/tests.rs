use std::{
    io::{Read, Write},
    net::TcpStream as Client,
};

use mio::{Events, Poll};

use super::*;

const LISTENER: Token = Token(1);

struct Scene {
    poll: Poll,
    streams: Streams,
    counters: Counters,
    now: Instant,
    got: Vec<(SocketAddr, Vec<u8>)>,
}

impl Scene {
    fn new() -> Self {
        let mut streams = Streams::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let poll = Poll::new().expect("a poll");
        streams.register(poll.registry(), LISTENER).expect("registered");
        Scene { poll, streams, counters: Counters::default(), now: Instant::now(), got: Vec::new() }
    }

    fn connect(&mut self) -> Client {
        let client = Client::connect(self.streams.local().expect("bound")).expect("connected");
        let settled = |scene: &Scene| {
            scene.counters.get(Count::StreamsAccepted) + scene.counters.get(Count::StreamsRefused)
        };
        let before = settled(self);
        self.until(|scene| settled(scene) > before);
        client
    }

    /// Handles events until this holds.
    fn until(&mut self, holds: impl Fn(&Scene) -> bool) {
        let mut events = Events::with_capacity(64);
        while !holds(self) {
            self.poll.poll(&mut events, Some(Duration::from_secs(5))).expect("polled");
            assert!(!events.is_empty(), "nothing more comes");
            for event in &events {
                if event.token() == LISTENER {
                    self.streams.accept(self.now, &self.counters);
                } else {
                    let got = &mut self.got;
                    let mut deliver = |from, frame: &[u8]| got.push((from, frame.to_vec()));
                    self.streams.ready(event.token(), self.now, &self.counters, &mut deliver);
                }
            }
        }
    }

    fn expire_after(&mut self, wait: Duration) -> usize {
        self.now += wait;
        self.streams.expire(self.now, &self.counters);
        self.streams.by_remote.len()
    }
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&(datagram.len() as u16).to_be_bytes()[..], datagram].concat()
}

#[test]
fn datagrams_pass_both_ways() {
    let mut scene = Scene::new();
    let mut client = scene.connect();
    let own = client.local_addr().expect("bound");
    for part in [&framed(b"hello")[..3], &framed(b"hello")[3..], &framed(b"you")] {
        client.write_all(part).expect("written");
    }
    scene.until(|scene| scene.got.len() == 2);
    assert_eq!(scene.got, [(own, b"hello".to_vec()), (own, b"you".to_vec())]);
    assert!(scene.streams.send(own, b"welcome", &scene.counters));
    let mut answer = [0; 9];
    client.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer[..], framed(b"welcome"));
}

#[test]
fn more_than_a_turn_holds_is_read_in_turns() {
    let mut scene = Scene::new();
    let mut client = scene.connect();
    let writer = std::thread::spawn(move || {
        for _ in 0..1000 {
            client.write_all(&framed(&[5; 1000])).expect("written");
        }
        client
    });
    scene.until(|scene| scene.got.len() == 1000);
    drop(writer.join().expect("the writer ends"));
    scene.until(|scene| scene.streams.by_remote.is_empty());
}

#[test]
fn strangers_from_one_address_are_limited_until_they_are_admitted() {
    let mut scene = Scene::new();
    let clients: Vec<_> = (0..STRANGERS_PER_ADDRESS_MAX + 2).map(|_| scene.connect()).collect();
    assert_eq!(scene.counters.get(Count::StreamsRefused), 2);
    scene.streams.admit(clients[0].local_addr().expect("bound"));
    let _one_more = scene.connect();
    assert_eq!(scene.counters.get(Count::StreamsAccepted), STRANGERS_PER_ADDRESS_MAX as u64 + 1);
}

#[test]
fn a_stranger_has_ten_seconds_and_a_silent_peer_thirty() {
    let mut scene = Scene::new();
    let clients = [scene.connect(), scene.connect()];
    scene.streams.admit(clients[0].local_addr().expect("bound"));
    assert_eq!(scene.expire_after(ADMISSION - Duration::from_millis(1)), 2);
    assert_eq!(scene.expire_after(Duration::from_millis(1)), 1);
    assert_eq!(scene.streams.take_closed().collect::<Vec<_>>(), [clients[1].local_addr().expect("bound")]);
    assert_eq!(scene.expire_after(IDLE - ADMISSION), 0);
}

#[test]
fn a_frame_too_long_closes_its_stream_alone() {
    let mut scene = Scene::new();
    let mut clients = [scene.connect(), scene.connect()];
    clients[0].write_all(&[0xff, 0xff, 1]).expect("written");
    scene.until(|scene| scene.streams.by_remote.len() == 1);
    clients[1].write_all(&framed(b"fine")).expect("written");
    scene.until(|scene| scene.got.len() == 1);
}

#[test]
fn a_reader_that_stalls_costs_a_bounded_queue() {
    let mut scene = Scene::new();
    let client = scene.connect();
    let own = client.local_addr().expect("bound");
    let mut sent = 0;
    while scene.streams.send(own, &[1; 1200], &scene.counters) {
        sent += 1;
        assert!(sent < 100_000, "it never fills");
    }
    assert_eq!(scene.counters.get(Count::StreamFull), 1);
    scene.streams.purge(own);
    assert!(scene.streams.send(own, &[2; 1200], &scene.counters));
}

#[test]
fn a_port_in_use_is_told() {
    let scene = Scene::new();
    let second = Streams::bind(scene.streams.local().expect("bound"));
    assert_eq!(second.map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
}
