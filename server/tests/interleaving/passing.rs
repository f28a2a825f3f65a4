//! People at the door and on the way out, at the same moment as something else.

use std::time::Duration;

use hearth::rooms::Arrival;
use hearth_forwarding::{Generation, Subject};
use hearth_protocol::*;

use crate::meeting::*;

#[tokio::test(start_paused = true)]
async fn a_lock_and_a_join_at_the_same_moment_have_one_order() {
    for lock_first in [true, false] {
        let meeting = Meeting::new();
        let mut facilitator = meeting.facilitator("one").await;
        let mut joiner = meeting.at_the_door("one", "ann", Role::Member).await;
        joiner.read();
        let (media, knock) = (media_of(&meeting), facilitator.first_knock());

        media.hold();
        let admit = Request::Admit { knock, through_lock: false };
        let lock = Request::Lock { locked: true };
        let requests = if lock_first { [lock, admit] } else { [admit, lock] };
        let mut ids = Vec::new();
        for request in requests {
            ids.push(facilitator.ask(request).await);
        }
        assert!(joiner.read().is_empty());
        media.release();
        settle().await;
        let told = facilitator.read();
        joiner.read();
        assert_eq!(joiner.view.is_some(), !lock_first, "seated if and only if admitted before the lock");
        assert_eq!(refusal(&told, &ids[1]), lock_first.then_some(RefusalCode::Locked));
        let rows = media.table().rows.len();
        assert_eq!(rows, if lock_first { 1 } else { 2 }, "the relay knows exactly who was let in");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_while_the_room_is_locked_hears_what_everyone_hears_who_waits() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut before = meeting.at_the_door("one", "ann", Role::Member).await;
    before.read();
    media_of(&meeting).hold();
    facilitator.ask(Request::Lock { locked: true }).await;
    let mut after = meeting.at_the_door("one", "ben", Role::Member).await;
    media_of(&meeting).release();
    settle().await;
    after.read();
    pass(Duration::from_secs(5)).await;
    let (one, other) = (before.read(), after.read());
    assert!(!one.is_empty());
    assert_eq!(one, other);
    assert!(one.iter().all(|frame| *frame == ServerFrame::Waiting));
}

#[tokio::test(start_paused = true)]
async fn a_takeover_while_an_acknowledgement_is_pending_keeps_what_was_decided() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let (media, id) = (media_of(&meeting), member.id());
    let generation = member.view().you.media_generation;
    let secret = member.secret.clone().expect("a resume secret");

    media.hold();
    let muted =
        facilitator.ask(Request::SetGate { participant: id, source: Source::Microphone, open: false }).await;
    let mut again = meeting.resume("one", &secret, None).await;
    assert!(again.read().is_empty() && member.read().is_empty(), "everything waits its turn");
    let row = media.table().row(Subject(id.0)).cloned().expect("still there");
    assert!(row.generation > Generation(generation), "the old media connection is ended at once");

    media.release();
    settle().await;
    assert!(is_told_ok(&facilitator.read(), &muted));
    assert_eq!(bye(&member.read()), Some(ByeReason::Replaced));
    again.read();
    assert_eq!(again.id(), id);
    assert!(again.view().you.gates.microphone.contains(&Reason::Facilitator), "muted still");
    let new = again.secret.clone().expect("a new resume secret");
    assert_ne!(new, secret);

    member.drop_out().await;
    assert!(
        facilitator.read().is_empty() || facilitator.sees(id).is_some(),
        "the old drop is not the new one's"
    );
    // Whoever is heard has the new secret.
    again.ask(Request::LowerHand).await;
    settle().await;
    let mut spent = meeting.resume("one", &secret, None).await;
    spent.read();
    assert!(spent.view.is_none(), "a spent secret takes no seat");
}

#[tokio::test(start_paused = true)]
async fn a_resume_with_the_present_generation_keeps_the_media() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let member = meeting.member("one", "ann", &mut facilitator).await;
    let (id, generation) = (member.id(), Generation(member.view().you.media_generation));
    let secret = member.secret.clone().expect("a resume secret");
    member.drop_out().await;
    pass(Duration::from_secs(2)).await;
    let mut again = meeting.resume("one", &secret, Some(generation)).await;
    again.read();
    assert_eq!((again.id(), again.view().you.media_generation), (id, generation.0));
}

#[tokio::test(start_paused = true)]
async fn a_removal_waits_for_the_card_at_most_200_ms_and_the_relay_not_at_all() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut other = meeting.member("one", "ben", &mut facilitator).await;
    let member = meeting.member("one", "ann", &mut facilitator).await;
    other.read();
    let (media, id) = (media_of(&meeting), member.id());

    let asked = facilitator.ask(Request::Remove { participant: id }).await;
    assert!(media.table().row(Subject(id.0)).is_none_or(|row| row.barred), "detached at once");
    assert!(facilitator.read().is_empty());
    pass(Duration::from_millis(199)).await;
    assert!(facilitator.read().is_empty(), "the card may still be read");
    pass(Duration::from_millis(1)).await;
    assert!(is_told_ok(&facilitator.read(), &asked), "a slow reader holds nobody up");
    other.read();
    assert!(other.sees(id).is_none());
    let mut member = member;
    assert!(member.read().is_empty() && member.over, "cut, with nothing of the room on the way");
}

#[tokio::test(start_paused = true)]
async fn a_removed_person_who_reads_gets_the_card_and_then_nothing() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let asked = facilitator.ask(Request::Remove { participant: member.id() }).await;
    let frames = member.read();
    assert!(matches!(
        frames.last(),
        Some(ServerFrame::Bye(Bye { reason: ByeReason::Removed, card: Some(_), .. }))
    ));
    member.drop_out().await;
    assert!(is_told_ok(&facilitator.read(), &asked), "no longer waited for");
}

#[tokio::test(start_paused = true)]
async fn a_ticket_opens_the_door_once() {
    let meeting = Meeting::new();
    let _facilitator = meeting.facilitator("one").await;
    let ticket = meeting.ticket("one", "ann", Role::Member);
    let mut first = meeting.arrive("one", Arrival::Ticket(ticket.clone())).await;
    let mut second = meeting.arrive("one", Arrival::Ticket(ticket)).await;
    assert_eq!(bye(&first.read()), None);
    assert!(matches!(&second.read()[..], [ServerFrame::Bye(Bye { code: Some(RefusalCode::BadTicket), .. })]));
}

#[tokio::test(start_paused = true)]
async fn the_end_closes_everything_and_the_standing_room_may_meet_again() {
    let meeting = Meeting::new();
    let mut ended = meeting.directory.ended();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    end_now(&mut facilitator).await;
    assert_eq!(bye(&member.read()), Some(ByeReason::Ended));
    assert_eq!(bye(&facilitator.read()), Some(ByeReason::Ended));
    assert_eq!(ended.try_recv().ok(), Some(room("one")));
    assert!(!meeting.ledger.keeps(&room("one")), "the snapshot is erased");
    assert_eq!(awake(&meeting), 0);
    let facilitator = meeting.facilitator("one").await;
    assert_eq!(facilitator.view().participants.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_next_session_knows_who_was_removed_and_which_tickets_are_spent() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let ticket = meeting.ticket("one", "ben", Role::Member);
    let _ben = meeting.arrive("one", Arrival::Ticket(ticket.clone())).await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    facilitator.ask(Request::Remove { participant: member.id() }).await;
    member.read();
    member.drop_out().await;
    end_now(&mut facilitator).await;

    let _facilitator = meeting.facilitator("one").await;
    let mut ben = meeting.arrive("one", Arrival::Ticket(ticket)).await;
    assert!(bye(&ben.read()).is_some(), "a spent ticket stays spent");
    let mut ann = meeting.arrive("one", Arrival::Ticket(meeting.ticket("one", "ann", Role::Member))).await;
    assert_eq!(bye(&ann.read()), Some(ByeReason::NotNow));
}

/// Asks twice, as it must be asked.
async fn end_now(facilitator: &mut Guest) {
    let asked = facilitator.ask(Request::EndNow { confirm: None }).await;
    let word = facilitator.read().into_iter().find_map(|frame| match frame {
        ServerFrame::Ok { request_id, outcome: Some(Outcome::Confirm { word }) } if request_id == asked => {
            Some(word)
        }
        _ => None,
    });
    facilitator.ask(Request::EndNow { confirm: word }).await;
}

#[tokio::test(start_paused = true)]
async fn a_room_with_nobody_in_it_falls_asleep_and_remembers_spent_tickets() {
    let meeting = Meeting::new();
    let ticket = meeting.ticket("one", "ann", Role::Member);
    let early = meeting.arrive("one", Arrival::Ticket(ticket.clone())).await;
    assert_eq!(awake(&meeting), 1);
    early.drop_out().await;
    pass(Duration::from_secs(600)).await;
    assert_eq!(awake(&meeting), 0);
    let mut again = meeting.arrive("one", Arrival::Ticket(ticket)).await;
    assert_eq!(bye(&again.read()), Some(ByeReason::BadHello));
}

fn awake(meeting: &Meeting) -> u64 {
    let counters = meeting.directory.counters();
    counters.iter().find(|(name, _)| *name == "hearth_rooms_awake").expect("a counter").1
}
