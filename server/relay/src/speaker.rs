//! Who is speaking, and whose sound comes first when there are more people than slots.
//!
//! Who talks comes before who is silent, by packets larger than comfort noise; among those the table's weight decides. The level that a sender writes
//! is a hint that can only make it quieter: one that lies cannot push others out, because those who talk at the margin take turns.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hearth_forwarding::Subject;

use crate::voice;

/// Voiced packets within this make somebody a speaker.
const MEMORY: Duration = Duration::from_millis(800);
/// So many voiced packets within the memory: 20 ms each.
const VOICED_MIN: f32 = 5.0;
/// How long one of too many keeps a slot while others wait.
const TURN: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug)]
struct Voice {
    weight: u8,
    /// Voiced packets, fading with the memory.
    voiced: f32,
    loudness: f32,
    at: Instant,
    last_voiced: Option<Instant>,
    talking: bool,
    /// Lower comes first among those who talk.
    turn: u64,
    heard_since: Option<Instant>,
}

#[derive(Debug, Default)]
pub struct Speakers {
    voices: BTreeMap<Subject, Voice>,
    turns: u64,
}

impl Speakers {
    /// An audio packet that came through its gate.
    pub fn heard(&mut self, subject: Subject, weight: u8, bytes: usize, level: Option<u8>, now: Instant) {
        let voice = self.voices.entry(subject).or_insert(Voice {
            weight,
            voiced: 0.0,
            loudness: 0.0,
            at: now,
            last_voiced: None,
            talking: false,
            turn: 0,
            heard_since: None,
        });
        voice.weight = weight;
        voice.fade(now);
        if voice::is_noise(bytes) || voice::is_quiet(level) {
            return;
        }
        let loudness = f32::from(127 - level.unwrap_or(40).min(127));
        voice.loudness += (loudness - voice.loudness) * 0.1;
        voice.voiced += 1.0;
        voice.last_voiced = Some(now);
    }

    /// Its gate is closed, or it is gone.
    pub fn forget(&mut self, subject: Subject) {
        self.voices.remove(&subject);
    }

    /// Looks again at who talks. `slots`: how many can be heard at once. True: the order changed.
    pub fn update(&mut self, now: Instant, slots: usize) -> bool {
        let before = self.order();
        for voice in self.voices.values_mut() {
            voice.fade(now);
            let talks = voice.voiced >= if voice.talking { 1.0 } else { VOICED_MIN };
            if talks && !voice.talking {
                self.turns += 1;
                voice.turn = self.turns;
                voice.heard_since = None;
            }
            voice.talking = talks;
        }
        self.pass_turns(now, slots);
        self.order() != before
    }

    /// Where more talk than can be heard, whoever of the margin's weight has been heard for a turn goes behind those who wait.
    fn pass_turns(&mut self, now: Instant, slots: usize) {
        let order = self.order();
        for (place, subject) in order.iter().enumerate() {
            let Some(voice) = self.voices.get_mut(subject) else { continue };
            if place >= slots {
                voice.heard_since = None;
            } else if voice.heard_since.is_none() {
                voice.heard_since = Some(now);
            }
        }
        let waits =
            order.get(slots).and_then(|subject| self.voices.get(subject)).filter(|voice| voice.talking);
        let Some(margin) = waits.map(|voice| voice.weight) else { return };
        let longest = order
            .iter()
            .take(slots)
            .filter(|subject| self.voices[subject].weight == margin)
            .min_by_key(|subject| self.voices[subject].heard_since)
            .copied();
        let Some(voice) = longest.and_then(|subject| self.voices.get_mut(&subject)) else { return };
        if voice.heard_since.is_some_and(|since| now >= since + TURN) {
            self.turns += 1;
            voice.turn = self.turns;
            voice.heard_since = None;
        }
    }

    /// Everyone who was heard at all, whom to hear first in front.
    pub fn order(&self) -> Vec<Subject> {
        let mut order: Vec<Subject> = self.voices.keys().copied().collect();
        order.sort_by_key(|subject| {
            let voice = &self.voices[subject];
            let recent = std::cmp::Reverse(voice.last_voiced);
            let silent = (!voice.talking).then_some(recent);
            (
                !voice.talking,
                std::cmp::Reverse(voice.weight),
                voice.turn * u64::from(voice.talking),
                silent,
                *subject,
            )
        });
        order
    }

    /// Who talks now, loudest first.
    pub fn speaking(&self) -> Vec<Subject> {
        let mut talking: Vec<(&Subject, &Voice)> =
            self.voices.iter().filter(|(_, voice)| voice.talking).collect();
        // Coarse steps, so that the list does not flicker.
        talking
            .sort_by_key(|(subject, voice)| (std::cmp::Reverse((voice.loudness / 15.0) as u32), **subject));
        talking.into_iter().map(|(subject, _)| *subject).collect()
    }
}

impl Voice {
    fn fade(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f32();
        self.voiced *= (-passed / MEMORY.as_secs_f32()).exp();
        self.at = now.max(self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEECH: usize = 80;

    /// Each speaks all the time, one packet in 20 ms. Who is among the first `slots`, by share of the time.
    fn shares(voices: &[(u32, u8, usize, Option<u8>)], slots: usize, seconds: u64) -> BTreeMap<u32, f32> {
        let start = Instant::now();
        let mut speakers = Speakers::default();
        let mut shares = BTreeMap::new();
        let steps = seconds * 50;
        for step in 0..steps {
            let now = start + Duration::from_millis(step * 20);
            for (subject, weight, bytes, level) in voices {
                speakers.heard(Subject(*subject), *weight, *bytes, *level, now);
            }
            if step % 5 == 0 {
                speakers.update(now, slots);
            }
            for subject in speakers.order().into_iter().take(slots) {
                *shares.entry(subject.0).or_insert(0.0) += 1.0 / steps as f32;
            }
        }
        shares
    }

    #[test]
    fn a_lying_level_cannot_starve_others() {
        let shares = shares(
            &[
                (1, 0, SPEECH, Some(0)),
                (2, 0, SPEECH, Some(0)),
                (3, 0, SPEECH, Some(30)),
                (4, 0, SPEECH, None),
            ],
            2,
            80,
        );
        for subject in 1..=4 {
            assert!(shares.get(&subject).copied().unwrap_or(0.0) > 0.35, "{shares:?}");
        }
    }

    #[test]
    fn weight_comes_first() {
        let shares =
            shares(&[(1, 0, SPEECH, Some(0)), (2, 5, SPEECH, Some(50)), (3, 0, SPEECH, Some(10))], 2, 40);
        assert!(shares[&2] > 0.95, "{shares:?}");
        assert!(shares[&1] > 0.3 && shares[&3] > 0.3, "{shares:?}");
    }

    #[test]
    fn comfort_noise_and_quiet_are_not_speech() {
        let now = Instant::now();
        let mut speakers = Speakers::default();
        for step in 0..100 {
            let now = now + Duration::from_millis(step * 20);
            speakers.heard(Subject(1), 0, 3, Some(0), now);
            speakers.heard(Subject(2), 0, SPEECH, Some(90), now);
            speakers.heard(Subject(3), 0, SPEECH, Some(20), now);
            speakers.heard(Subject(4), 0, SPEECH, Some(50), now);
            speakers.update(now, 9);
        }
        assert_eq!(speakers.speaking(), [Subject(3), Subject(4)]);
        speakers.forget(Subject(3));
        assert_eq!(speakers.speaking(), [Subject(4)]);
    }

    #[test]
    fn with_slots_for_all_the_order_stands_still() {
        let shares = shares(&[(1, 0, SPEECH, None), (2, 0, SPEECH, None)], 2, 20);
        assert!(shares.values().all(|share| *share > 0.99), "{shares:?}");
    }
}
