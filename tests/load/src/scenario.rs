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
    /// Send each camera in three simulcast layers: each listener takes the next person large, the one after in the middle, the rest small
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
        Shape {
            microphone: speaks,
            camera: if shows { self.camera() } else { vec![] },
            audio_slots: self.speakers() - usize::from(speaks),
            video_slots: self.cameras() - usize::from(shows),
        }
    }

    /// The layers of a camera, the smallest first.
    fn camera(&self) -> Vec<(&'static str, Pace)> {
        let pace = |packets_per_second, bytes| Pace { packets_per_second, bytes, level: None };
        let whole = self.camera_packets;
        if self.simulcast {
            vec![("q", pace(whole / 4, VIDEO / 2)), ("h", pace(whole / 2, VIDEO)), ("f", pace(whole, VIDEO))]
        } else {
            vec![("", pace(whole, VIDEO))]
        }
    }

    /// Which layer a listener takes of somebody's camera.
    pub fn layer(&self, listener: usize, sender: usize) -> usize {
        match (sender + self.people - listener) % self.people {
            _ if !self.simulcast => 0,
            1 => 2,
            2 => 1,
            _ => 0,
        }
    }

    /// Packets a second that a relay is to hand on.
    pub fn forwarded_per_second(&self) -> f64 {
        let voices = self.speakers() * (self.people - 1) * Pace::VOICE.packets_per_second as usize;
        let camera = self.camera();
        let taken =
            |listener: usize, sender: usize| camera[self.layer(listener, sender)].1.packets_per_second;
        let pairs =
            (0..self.cameras()).flat_map(|sender| (0..self.people).map(move |listener| (listener, sender)));
        let pictures: u32 =
            pairs.filter(|(a, b)| a != b).map(|(listener, sender)| taken(listener, sender)).sum();
        (voices + pictures as usize) as f64 * self.rooms as f64
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_what_listeners_take() {
        let mut scenario = Scenario {
            rooms: 2,
            people: 4,
            speakers: Some(1),
            cameras: 4,
            camera_packets: 100,
            simulcast: false,
        };
        assert_eq!(scenario.forwarded_per_second(), 2.0 * (50.0 * 3.0 + 100.0 * 12.0));
        scenario.simulcast = true;
        assert_eq!(scenario.forwarded_per_second(), 2.0 * (50.0 * 3.0 + 4.0 * (100.0 + 50.0 + 25.0)));
        assert_eq!([1, 2, 3].map(|sender| scenario.layer(0, sender)), [2, 1, 0]);
    }
}
