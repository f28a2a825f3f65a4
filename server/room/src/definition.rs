use std::collections::BTreeSet;

use hearth_protocol::{Card, GroundRules};
use serde::{Deserialize, Serialize};

use crate::Format;

/// The standing room, as far as its rules need it. It survives between sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    pub title: String,
    pub ground_rules: GroundRules,
    /// Shown in the interface and on every card.
    pub crisis_line: String,
    /// What a removed person reads last.
    pub removal_card: Card,
    pub policy: Policy,
    /// How the group meets. Its rules hold in every session; its agenda is where each one starts.
    #[serde(default)]
    pub format: Format,
    /// The house's own, to change to by name. One of a shipped one's name takes its place.
    #[serde(default)]
    pub formats: Vec<Format>,
    /// Who may come where the format asks for a list.
    #[serde(default)]
    pub roster: BTreeSet<String>,
}

/// Every duration and limit of the rules, in milliseconds and pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Off: a ticket with open admission passes. Any other waits all the same.
    pub waiting_room: bool,
    /// Who is outside a locked or full room waits, or else is refused.
    pub outside_waits: bool,
    pub capacity: u32,
    pub observers_max: u32,
    pub knocks_max: u32,
    /// How long a seat outlives its connection.
    pub grace_ms: u32,
    /// How long media outlive the signalling connection.
    pub media_linger_ms: u32,
    /// The beat of `waiting` frames.
    pub waiting_beat_ms: u32,
    /// Knocks this long after the start collect without a sound.
    pub late_after_ms: u32,
    /// The lead passes on after this long without connection.
    pub lead_absence_ms: u32,
    /// With no facilitator connected, the room goes on hold after this.
    pub unattended_ms: u32,
    /// A hold ends the session after this.
    pub hold_ms: u32,
    pub speakers_max: u32,
    /// A hand survives a drop this long.
    pub hand_grace_ms: u32,
    /// A turn survives a drop this long; then it is deferred once, then skipped.
    pub turn_grace_ms: u32,
    pub private_queue: bool,
    /// Attendance is credited from so many minutes on,
    pub credit_minutes: u32,
    /// and from so much of the session. Both are needed.
    pub credit_percent: u32,
    /// How long an accepted version of the ground rules still counts after a change.
    pub consent_window_ms: u32,
    /// How long a question to unmute stays on the screen.
    pub ask_ms: u32,
    /// A signal that nobody answered is shown to facilitators again after this, and again.
    pub signal_repeat_ms: u32,
    /// Whoever called for help and was not answered is told so after this.
    pub signal_unanswered_ms: u32,
    /// The confidentiality of the group is brought to mind again after this.
    pub reminder_ms: u32,
    /// Requests remembered for repeats, per subject.
    pub requests_remembered: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            waiting_room: true,
            outside_waits: true,
            capacity: 12,
            observers_max: 2,
            knocks_max: 20,
            grace_ms: 120_000,
            media_linger_ms: 5_000,
            waiting_beat_ms: 5_000,
            late_after_ms: 15 * 60_000,
            lead_absence_ms: 10_000,
            unattended_ms: 30_000,
            hold_ms: 30 * 60_000,
            speakers_max: 1,
            hand_grace_ms: 60_000,
            turn_grace_ms: 20_000,
            private_queue: false,
            credit_minutes: 45,
            credit_percent: 75,
            consent_window_ms: 180_000,
            ask_ms: 30_000,
            signal_repeat_ms: 20_000,
            signal_unanswered_ms: 60_000,
            reminder_ms: 20 * 60_000,
            requests_remembered: 256,
        }
    }
}

impl Policy {
    /// Whether somebody who was here so long, of a session so long, is credited with it. Milliseconds.
    pub fn credits(&self, attended_ms: u32, session_ms: u32) -> bool {
        let (attended, session) = (u64::from(attended_ms), u64::from(session_ms));
        attended >= u64::from(self.credit_minutes) * 60_000
            && attended * 100 >= session * u64::from(self.credit_percent)
    }
}
