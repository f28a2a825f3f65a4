//! A relay with people in it: real sockets, real ICE, DTLS and SRTP, and payloads that say who sent them and when.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use hearth_forwarding::{
    Epoch, ForwardingTable, Generation, Reason, Reasons, Row, Source, Space, Subject, Version,
};
use hearth_protocol::Source as Sent;
use hearth_relay::{Carried, Event, Media, MediaEvents, Offer, OfferRefused, Relay, RelayConfig, Tile};
use hearth_tests::{
    generator::{Generator, Offering, Pace, Shape},
    hand::Hand,
};

/// Longer than anything takes on a busy machine. A test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Meeting {
    pub relay: Arc<Relay>,
    pub media: Media,
    pub events: MediaEvents,
    pub table: ForwardingTable,
    pub told: Vec<Event>,
}

impl Meeting {
    /// With a row for each of these, everything open.
    pub fn of(subjects: &[u32]) -> Meeting {
        Meeting::on(&relay(1), subjects)
    }

    /// In another room of this relay.
    pub fn on(relay: &Arc<Relay>, subjects: &[u32]) -> Meeting {
        let relay = relay.clone();
        let (media, events) = relay.open();
        let rows = subjects.iter().map(|subject| row(*subject)).collect();
        let table = ForwardingTable { version: Version(0), epoch: Epoch(1), rows };
        let mut meeting = Meeting { relay, media, events, table, told: Vec::new() };
        meeting.apply(|_| {});
        meeting
    }

    /// Changes the table, hands it over and waits until it is acknowledged.
    pub fn apply(&mut self, change: impl FnOnce(&mut Vec<Row>)) {
        change(&mut self.table.rows);
        self.table.version.0 += 1;
        let version = self.table.version;
        self.media.forward(self.table.clone());
        let deadline = Instant::now() + PATIENCE;
        while *self.events.applied.borrow() < version {
            assert!(Instant::now() < deadline, "the table is never applied");
            let seen = self.told.len();
            self.take_told();
            // As a room does: a worker that died may have taken the table with it.
            if self.told[seen..].contains(&Event::Restarted) {
                self.media.forward(self.table.clone());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    pub fn set_gate(&mut self, subject: u32, source: Source, open: bool) {
        self.apply(|rows| {
            let row = rows.iter_mut().find(|row| row.subject == Subject(subject)).expect("a row");
            let gate = &mut row.closed[source.index()];
            *gate = if open { Reasons::NONE } else { Reasons::of(Reason::Facilitator) };
        });
    }

    /// Moves each of these to a space, in one change.
    pub fn move_to(&mut self, moves: &[(u32, u16)]) {
        self.apply(|rows| {
            for (subject, space) in moves {
                let row = rows.iter_mut().find(|row| row.subject == Subject(*subject)).expect("a row");
                row.space = Space(*space);
            }
        });
    }

    pub fn try_offer(
        &self,
        subject: u32,
        generation: u32,
        offering: &Offering,
    ) -> Result<String, OfferRefused> {
        let tracks = offering.tracks.iter().map(|track| (track.mid.clone(), source(track.source))).collect();
        self.offer(subject, generation, offering.sdp.clone(), tracks)
    }

    pub fn offer(
        &self,
        subject: u32,
        generation: u32,
        sdp: String,
        tracks: Vec<(String, Source)>,
    ) -> Result<String, OfferRefused> {
        let offer = Offer { subject: Subject(subject), generation: Generation(generation), sdp, tracks };
        self.media.offer(offer).blocking_recv().unwrap_or(Err(OfferRefused::Gone))
    }

    /// A browser that has its connection.
    pub fn join(&self, subject: u32, shape: &Shape) -> Generator {
        self.start(subject, 1, Generator::offer(subject, shape).expect("an offer"))
    }

    /// Another connection of the same browser.
    pub fn rejoin(&self, subject: u32, generation: u32) -> Generator {
        self.start(subject, generation, Generator::offer(subject, &Shape::default()).expect("an offer"))
    }

    /// One that has voice alone, with so many earlier frames in each packet.
    pub fn join_redundant(&self, subject: u32, earlier: usize) -> Generator {
        let shape = Shape { camera: false, video_slots: 0, ..Shape::default() };
        self.start(subject, 1, Generator::offer_redundant(subject, &shape, earlier).expect("an offer"))
    }

    /// One whose packets are made by hand.
    pub fn join_by_hand(&self, subject: u32, shape: &Shape) -> Hand {
        let offering = Generator::offer(subject, shape).expect("an offer");
        let answer = self.try_offer(subject, 1, &offering).expect("an answer");
        let hand = Hand::start(subject, offering, &answer).expect("a client");
        wait("a connection", || hand.is_ready());
        hand.client.keep();
        hand
    }

    fn start(&self, subject: u32, generation: u32, offering: Offering) -> Generator {
        let answer = self.try_offer(subject, generation, &offering).expect("an answer");
        let generator = offering.start(&answer).expect("a client");
        wait("a connection", || generator.is_connected());
        generator
    }

    pub fn view(&self, subject: u32, tiles: &[(u32, u32)]) {
        let tile = |(subject, height): &(u32, u32)| Tile {
            subject: Subject(*subject),
            source: Source::Camera,
            height: *height,
        };
        self.media.view(Subject(subject), Generation(1), tiles.iter().map(tile).collect());
    }

    /// Takes in what the relay has told, until something fits.
    pub fn wait_told(&mut self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        loop {
            self.take_told();
            while let Some(event) = self.told.get(seen) {
                if fits(event) {
                    return event.clone();
                }
                seen += 1;
            }
            assert!(Instant::now() < deadline, "never told: {what}; told {:?}", self.told);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Takes in what the relay has told so far.
    pub fn take_told(&mut self) {
        while let Ok(event) = self.events.events.try_recv() {
            self.told.push(event);
        }
    }

    pub fn wait_slot(&mut self, listener: u32, carries: Option<(u32, Source)>) -> (String, Option<Carried>) {
        let event = self.wait_told("a slot", |event| match event {
            Event::Slot { subject, carries: told, .. } => {
                *subject == Subject(listener)
                    && told.map(|carried| (carried.subject.0, carried.source)) == carries
            }
            Event::Speaking { .. } | Event::Voiced { .. } | Event::Lost { .. } | Event::Restarted => false,
        });
        match event {
            Event::Slot { mid, carries, .. } => (mid, carries),
            Event::Speaking { .. } | Event::Voiced { .. } | Event::Lost { .. } | Event::Restarted => {
                unreachable!("it fitted")
            }
        }
    }

    pub fn count(&self, name: &str, label: &str) -> u64 {
        let counters = self.relay.counters();
        let fits = |counter: &&hearth_relay::Counter| {
            counter.name == name
                && (label.is_empty() || counter.label.is_some_and(|(_, value)| value == label))
        };
        counters.iter().filter(fits).map(|counter| counter.value).sum()
    }
}

pub fn relay(workers: usize) -> Arc<Relay> {
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    let config = RelayConfig { workers, bind: loopback, port: 0, advertised: vec![] };
    Arc::new(Relay::start(config).expect("a relay on loopback"))
}

pub fn row(subject: u32) -> Row {
    Row {
        subject: Subject(subject),
        generation: Generation(1),
        space: Space(0),
        barred: false,
        closed: [Reasons::NONE; Source::COUNT],
        weight: 0,
    }
}

pub fn source(source: hearth_protocol::Source) -> Source {
    match source {
        hearth_protocol::Source::Microphone => Source::Microphone,
        hearth_protocol::Source::Camera => Source::Camera,
        hearth_protocol::Source::Screen => Source::Screen,
    }
}

/// Sends voice and pictures.
pub fn talks(generator: &Generator) {
    generator.send(Sent::Microphone, Pace::VOICE);
    generator.send(Sent::Camera, Pace::VIDEO);
}

pub fn packets(listener: &Generator, sender: u32, source: u8) -> u64 {
    listener.received().from.get(&(sender, source)).map_or(0, |tally| tally.packets)
}

pub fn wait_more(listener: &Generator, sender: u32, source: u8) {
    let before = packets(listener, sender, source);
    wait("more packets", || packets(listener, sender, source) > before + 10);
}

/// Looks again and again; the deadline is for what never comes.
pub fn wait(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "never came: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
