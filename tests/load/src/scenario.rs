//! What a crowd does: how many rooms, how many people in each, what they send.

use clap::Args;

use crate::{client::Shape, payload::Pace};

#[derive(Args, Clone, Debug)]
pub struct Scenario {
    /// Rooms
    #[arg(long, default_value_t = 4)]
    pub rooms: usize,
    /// People in each room
    #[arg(long, default_value_t = 12)]
    pub people: usize,
    /// How many of them speak: Opus, 50 packets a second; everyone unless said otherwise
    #[arg(long)]
    pub speakers: Option<usize>,
    /// How many of them show a camera
    #[arg(long, default_value_t = 0)]
    pub cameras: usize,
    /// Packets a second of each camera (of its largest layer), four to a picture
    #[arg(long, default_value_t = 100)]
    pub camera_packets: u32,
    /// Send each camera in three simulcast layers
    #[arg(long)]
    pub simulcast: bool,
}

/// Bytes of a full packet of video.
const VIDEO: usize = 1_100;

impl Scenario {
    pub fn total(&self) -> usize {
        self.rooms * self.people
    }

    pub fn speakers(&self) -> usize {
        self.speakers.unwrap_or(self.people).min(self.people)
    }

    pub fn cameras(&self) -> usize {
        self.cameras.min(self.people)
    }

    /// Of whoever has this seat: the first ones speak and are seen.
    pub fn shape(&self, seat: usize) -> Shape {
        let (speaks, shows) = (seat < self.speakers(), seat < self.cameras());
        let pace = |packets_per_second, bytes| Pace { packets_per_second, bytes, level: None };
        let whole = self.camera_packets;
        let camera = match (shows, self.simulcast) {
            (false, _) => vec![],
            (true, false) => vec![("", pace(whole, VIDEO))],
            (true, true) => {
                vec![
                    ("q", pace(whole / 4, VIDEO / 2)),
                    ("h", pace(whole / 2, VIDEO)),
                    ("f", pace(whole, VIDEO)),
                ]
            }
        };
        Shape {
            microphone: speaks,
            camera,
            audio_slots: self.speakers() - usize::from(speaks),
            video_slots: self.cameras() - usize::from(shows),
        }
    }

    /// Packets a second that a relay is to hand on, with every layer but the largest left out.
    pub fn forwarded_per_second(&self) -> f64 {
        let sent = self.speakers() as u32 * Pace::VOICE.packets_per_second
            + self.cameras() as u32 * self.camera_packets;
        f64::from(sent) * (self.people - 1) as f64 * self.rooms as f64
    }

    pub fn words(&self) -> String {
        let mut words = format!("{} × {} people, {} speak", self.rooms, self.people, self.speakers());
        if self.cameras() > 0 {
            words += &format!(", {} cameras of {} packets/s", self.cameras(), self.camera_packets);
        }
        if self.simulcast {
            words += " in three layers";
        }
        words
    }
}
