//! Who may ask for what.

use hearth_protocol::{Audience, Level, Request, Role};
use hearth_simulation::{Right, right_to};

use super::Judge;
use crate::model::Seat;

impl Judge {
    pub(super) fn has_right(&self, seat: &Seat, request: &Request) -> bool {
        let peer_lead = seat.claims.role == Role::PeerLead && self.model.charges(Role::PeerLead);
        let helper = self.model.helpers.contains(&seat.number);
        let froze = self.model.freeze.as_ref().is_some_and(|freeze| freeze.by == seat.number);
        seat.is_facilitator()
            || match right_to(request) {
                Right::Everyone => true,
                Right::PeerLeadsAndHelpers => peer_lead || helper,
                Right::PeerLeads => peer_lead,
                Right::Helpers => helper,
                Right::Facilitators => peer_lead && froze && matches!(request, Request::Thaw { .. }),
            }
    }

    /// Accepted of this one at any time.
    pub(super) fn is_always_allowed(&self, seat: &Seat, request: &Request) -> bool {
        let lower = |level: Level| level <= self.model.level(seat.number);
        matches!(
            request,
            Request::Leave
                | Request::UnshareDevice { .. }
                | Request::SetOwn { open: false, .. }
                | Request::RenewMedia
        ) || matches!(request, Request::SetLevel { level } if lower(*level))
    }

    /// Of facilitators anything, and what two in a crisis do with each other: neither freeze nor hold reaches it.
    pub(super) fn is_spared(&self, seat: &Seat, request: &Request) -> bool {
        let theirs = matches!(
            request,
            Request::SetOwn { .. }
                | Request::SetLevel { .. }
                | Request::Say { to: Audience::Room | Audience::Facilitators, .. }
        );
        seat.is_facilitator() || theirs && self.model.is_in_crisis(seat)
    }

    /// What is lent to a helper reaches members alone.
    pub(super) fn is_beyond(&self, seat: &Seat, target: u32) -> bool {
        self.model.helpers.contains(&seat.number) && self.model.role_of(target) != Some(Role::Member)
    }
}
