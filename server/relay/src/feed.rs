//! What a media connection can send: at most one feed for each source and kind.

use std::time::{Duration, Instant};

use hearth_forwarding::Source;

use crate::pace::Pace;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Audio,
    Video,
}

impl Kind {
    /// RTP clock rate of what is negotiated for the kind: Opus, VP8. Hertz.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Kind::Audio => 48_000,
            Kind::Video => 90_000,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    Microphone,
    Camera,
    ScreenPicture,
    ScreenSound,
}

impl Feed {
    pub const ALL: [Feed; 4] = [Feed::Microphone, Feed::Camera, Feed::ScreenPicture, Feed::ScreenSound];
    pub const COUNT: usize = Self::ALL.len();

    /// A microphone has no picture, and a camera no sound.
    pub const fn of(source: Source, kind: Kind) -> Option<Feed> {
        match (source, kind) {
            (Source::Microphone, Kind::Audio) => Some(Feed::Microphone),
            (Source::Camera, Kind::Video) => Some(Feed::Camera),
            (Source::Screen, Kind::Video) => Some(Feed::ScreenPicture),
            (Source::Screen, Kind::Audio) => Some(Feed::ScreenSound),
            (Source::Microphone, Kind::Video) | (Source::Camera, Kind::Audio) => None,
        }
    }

    pub const fn index(self) -> usize {
        self as usize
    }

    pub const fn source(self) -> Source {
        match self {
            Feed::Microphone => Source::Microphone,
            Feed::Camera => Source::Camera,
            Feed::ScreenPicture | Feed::ScreenSound => Source::Screen,
        }
    }

    /// The gates that must all be open. Sound is sound: a voice that is labelled as a screen's is still silenced by a mute.
    pub const fn gates(self) -> &'static [Source] {
        match self {
            Feed::Microphone => &[Source::Microphone],
            Feed::Camera => &[Source::Camera],
            Feed::ScreenPicture => &[Source::Screen],
            Feed::ScreenSound => &[Source::Screen, Source::Microphone],
        }
    }

    /// What one source may make the relay write: several times what any browser sends. All layers together, packets each second and at
    /// once.
    pub fn budget(self, now: Instant) -> Pace {
        let packets = match self.kind() {
            Kind::Audio => 500,
            Kind::Video => 2_000,
        };
        Pace::new(packets, Duration::from_secs(1) / packets, now)
    }

    pub const fn kind(self) -> Kind {
        match self {
            Feed::Microphone | Feed::ScreenSound => Kind::Audio,
            Feed::Camera | Feed::ScreenPicture => Kind::Video,
        }
    }
}
