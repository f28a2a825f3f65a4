//! How many facilitators have to be there. With too few for too long the room goes on hold, as with none at all.

use crate::seat::Seat;
use crate::{Claims, Room, door, seat};

impl Room {
    /// One is the rule of `safety.rs`, which a peer lead keeps too; more are facilitators alone.
    pub(crate) fn is_staffed(&self) -> bool {
        let least = self.rules().facilitators_min;
        least <= 1 || door::count(self.facilitators().filter(|seat| self.is_attending(seat))) >= least
    }

    pub(crate) fn settle_staff(&mut self) {
        let Some(started) = self.started.filter(|_| !self.is_staffed()) else {
            self.agenda.short_since = None;
            return;
        };
        if self.agenda.short_since.is_none() {
            let left = self.facilitators().filter_map(|seat| self.missing_since(seat)).max();
            let left = left.unwrap_or(self.now);
            self.agenda.short_since = Some(left.max(started).max(self.agenda.adopted));
        }
    }

    /// When the room goes on hold for it.
    pub(crate) fn short_until(&self) -> Option<u32> {
        let since = self.agenda.short_since.filter(|_| self.hold.is_none())?;
        Some(since.saturating_add(self.rules().facilitators_wait_seconds.saturating_mul(1_000)))
    }

    /// Whether this is somebody whom the format lets through the door at all.
    pub(crate) fn is_expected(&self, claims: &Claims) -> bool {
        let rules = self.rules();
        let listed = !rules.roster_only || self.definition.roster.contains(&claims.subject);
        // Those who count are members; whoever leads or interprets is no ward of anybody.
        let agreed = !rules.minors || claims.guardian_consent || !seat::counts(claims.role);
        listed && agreed
    }

    pub(crate) fn facilitators(&self) -> impl Iterator<Item = &Seat> {
        self.seats.values().filter(|seat| seat.role.is_facilitator())
    }
}
