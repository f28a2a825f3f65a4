//! A sign without words. Shown to everyone in the same space once, counted nowhere, and never in the way of who speaks.

use hearth_forwarding::Subject;
use hearth_protocol::{Change, Reaction, ReactionPolicy, RefusalCode, Role};

use crate::seat::participant;
use crate::{Effects, Room};

/// Of one person they come no faster.
const REACTION_MS: u32 = 1_000;

impl Room {
    pub(crate) fn react(
        &mut self,
        out: &mut Effects,
        me: Subject,
        reaction: Reaction,
    ) -> Result<(), RefusalCode> {
        let (now, policy) = (self.now, self.reaction_policy());
        let seat = self.seats.get_mut(&me).ok_or(RefusalCode::NotSeated)?;
        if seat.role == Role::Observer {
            return Err(RefusalCode::NotAllowed);
        }
        let taken = match policy {
            ReactionPolicy::Off => false,
            ReactionPolicy::WithYou => reaction == Reaction::WithYou,
            ReactionPolicy::All => true,
        };
        if !taken {
            return Err(RefusalCode::NotPossible);
        }
        if seat.reacted.is_some_and(|at| now < at.saturating_add(REACTION_MS)) {
            return Err(RefusalCode::TooFast);
        }
        seat.reacted = Some(now);
        self.tell_space(out, me, Change::Reaction { participant: participant(me), reaction });
        Ok(())
    }

    /// As it stands now.
    pub(crate) fn reaction_policy(&self) -> ReactionPolicy {
        match self.base_reactions() {
            ReactionPolicy::All if self.cards.care => ReactionPolicy::WithYou,
            policy @ (ReactionPolicy::Off | ReactionPolicy::WithYou | ReactionPolicy::All) => policy,
        }
    }

    /// Everyone in the same space as this person, themselves included.
    pub(crate) fn tell_space(&self, out: &mut Effects, of: Subject, change: Change) {
        let space = self.space_of(of);
        let there = self.hearing().filter(|(_, other)| self.space_of(*other) == space);
        out.tell_alike(there.map(|(to, _)| to), change);
    }
}
