//! Truth in order: the relay, then the record, then words.

use std::time::Duration;

use hearth_forwarding::{Epoch, Generation, Reason, Source as From, Space, Subject};
use hearth_protocol::*;
use hearth_relay::{Carried, Event};
use hearth_room::Act;

use crate::meeting::*;

fn is_closed_by(media: &crate::scripted::ScriptedMedia, who: ParticipantId, reason: Reason) -> bool {
    let table = media.table();
    let row = table.row(Subject(who.0)).expect("somebody with media");
    row.closed[From::Microphone.index()].contains(reason)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_recorded_or_told_before_the_relay_acknowledges() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let (media, commits) = (media_of(&meeting), meeting.ledger.commits());

    media.hold();
    let id = facilitator.ask(mute(member.id())).await;
    assert!(is_closed_by(&media, member.id(), Reason::Facilitator), "the relay has the table at once");
    assert!(facilitator.read().is_empty(), "no ok before the acknowledgement");
    assert!(member.read().is_empty(), "no words before the acknowledgement");
    assert_eq!(meeting.ledger.commits(), commits, "no record before the acknowledgement");

    media.release();
    settle().await;
    assert!(is_told_ok(&facilitator.read(), &id));
    assert!(!member.read().is_empty());
    assert!(meeting.ledger.acts().iter().any(|act| matches!(act, Act::GateClosed { .. })));
}

#[tokio::test(start_paused = true)]
async fn the_room_goes_on_applying_while_words_wait_and_they_come_in_order() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let media = media_of(&meeting);

    media.hold();
    let muted = facilitator.ask(mute(member.id())).await;
    let raised = member.ask(Request::RaiseHand { kind: HandKind::Speak }).await;
    let locked = facilitator.ask(Request::Lock { locked: true }).await;
    assert!(facilitator.read().is_empty() && member.read().is_empty());
    let before = meeting.ledger.commits();

    media.release();
    settle().await;
    let told = facilitator.read();
    let position = |id: &RequestId| told.iter().position(|frame| is_told_ok(std::slice::from_ref(frame), id));
    assert!(position(&muted).expect("muted") < position(&locked).expect("locked"));
    assert!(is_told_ok(&member.read(), &raised));
    assert!(facilitator.view().room.locked && facilitator.sees(member.id()).expect("seated").hand.is_some());
    assert_eq!(meeting.ledger.commits(), before + 1, "what waited together is recorded together");
}

#[tokio::test(start_paused = true)]
async fn a_joiner_sees_nothing_before_the_relay_acknowledges_the_seat() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut joiner = meeting.at_the_door("one", "ann", Role::Member).await;
    joiner.read();
    let media = media_of(&meeting);
    let knock = facilitator.first_knock();

    media.hold();
    facilitator.ask(Request::Admit { knock, through_lock: false }).await;
    assert!(joiner.read().is_empty() && joiner.view.is_none());
    let offer = MediaOffer { generation: 1, sdp: "v=0".into(), tracks: Vec::new() };
    let id = joiner.ask(Request::Offer(offer)).await;
    assert_eq!(
        refusal(&joiner.read(), &id),
        Some(RefusalCode::NotSeated),
        "no media before the seat is told"
    );

    media.release();
    settle().await;
    joiner.read();
    assert_eq!(joiner.view().participants.len(), 2);
    let offer =
        MediaOffer { generation: joiner.view().you.media_generation, sdp: "v=0".into(), tracks: Vec::new() };
    let id = joiner.ask(Request::Offer(offer)).await;
    assert!(is_told_ok(&joiner.read(), &id));
}

#[tokio::test(start_paused = true)]
async fn slots_and_speakers_never_overtake_the_snapshot_and_are_told_again_after_each() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut joiner = meeting.at_the_door("one", "ann", Role::Member).await;
    joiner.read();
    let media = media_of(&meeting);
    let knock = facilitator.first_knock();

    media.hold();
    facilitator.ask(Request::Admit { knock, through_lock: false }).await;
    let row = media.table().rows.last().cloned().expect("the joiner's row");
    let carries = Some(Carried { subject: Subject(1), source: From::Camera, from_timestamp: 7 });
    let slot = |generation, mid: &str| Event::Slot {
        subject: row.subject,
        generation,
        mid: mid.to_owned(),
        carries,
        epoch: Epoch(1),
    };
    media.event(slot(row.generation, "3"));
    media.event(Event::Speaking { space: Space(0), subjects: vec![Subject(1)] });
    media.event(slot(Generation(row.generation.0 + 7), "stale"));
    media.event(slot(row.generation, "stale"));
    settle().await;
    assert!(joiner.read().is_empty(), "no slot before the snapshot");

    media.release();
    settle().await;
    let frames = joiner.read();
    let snapshot =
        frames.iter().position(|frame| matches!(frame, ServerFrame::Snapshot { .. })).expect("snapshot");
    assert!(frames[..snapshot].iter().all(|frame| !matches!(frame, ServerFrame::Delta { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_slot_of_an_older_media_connection_is_not_told() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let media = media_of(&meeting);
    let (subject, generation) = (Subject(member.id().0), Generation(member.view().you.media_generation));
    let slot =
        |generation| Event::Slot { subject, generation, mid: "3".into(), carries: None, epoch: Epoch(1) };

    member.ask(Request::RenewMedia).await;
    member.read();
    assert!(member.view().you.media_generation > generation.0);
    media.event(slot(generation));
    settle().await;
    assert!(member.read().is_empty(), "the old connection's slots are nobody's");
    media.event(slot(Generation(member.view().you.media_generation)));
    settle().await;
    assert_eq!(member.read().len(), 1);
    assert!(facilitator.read().iter().all(|frame| !is_slot(frame)), "nor anybody else's");
}

fn is_slot(frame: &ServerFrame) -> bool {
    let ServerFrame::Delta { changes, .. } = frame else { return false };
    changes.iter().any(|change| matches!(change, Change::Slot(_)))
}

#[tokio::test(start_paused = true)]
async fn present_slots_and_speakers_follow_every_snapshot() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let media = media_of(&meeting);
    let (subject, generation) = (Subject(member.id().0), Generation(member.view().you.media_generation));
    media.event(Event::Slot { subject, generation, mid: "3".into(), carries: None, epoch: Epoch(1) });
    media.event(Event::Speaking { space: Space(0), subjects: vec![Subject(1)] });
    settle().await;
    assert_eq!(member.read().len(), 2);

    member.handle.refresh().await;
    settle().await;
    let frames = member.read();
    assert!(matches!(frames[0], ServerFrame::Snapshot { .. }));
    let changes = frames[1..].iter().map(|frame| match frame {
        ServerFrame::Delta { changes, .. } => changes.as_slice(),
        frame => panic!("no delta after the snapshot: {frame:?}"),
    });
    assert!(matches!(changes.collect::<Vec<_>>().concat()[..], [Change::Slot(_), Change::Speaking { .. }]));
}

#[tokio::test(start_paused = true)]
async fn a_dead_worker_is_reported_and_the_rest_is_recorded_and_told() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let media = media_of(&meeting);

    media.hold();
    let id = facilitator.ask(mute(member.id())).await;
    pass(Duration::from_millis(499)).await;
    assert!(facilitator.read().is_empty() && member.read().is_empty());
    pass(Duration::from_millis(1)).await;
    let frames = facilitator.read();
    assert_eq!(refusal(&frames, &id), Some(RefusalCode::MediaUnavailable));
    assert!(!is_told_ok(&frames, &id));
    assert!(!member.read().is_empty(), "the room's state is told: a dead worker forwards nothing");
    assert!(meeting.ledger.acts().iter().any(|act| matches!(act, Act::GateClosed { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_restarted_worker_gets_the_table_and_everyone_makes_new_media() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let (media, generation) = (media_of(&meeting), member.view().you.media_generation);

    media.hold();
    let id = facilitator.ask(mute(member.id())).await;
    let tables = media.tables();
    media.event(Event::Restarted);
    settle().await;
    assert!(media.tables() > tables, "the table is handed over again");
    assert!(is_closed_by(&media, member.id(), Reason::Facilitator));
    media.release();
    settle().await;
    assert!(is_told_ok(&facilitator.read(), &id), "acknowledged in time after all");
    member.read();
    assert!(member.view().you.media_generation > generation);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_fails_is_refused_to_who_asked_and_kept_from_the_rest_until_it_is_kept() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let mut member = meeting.member("one", "ann", &mut facilitator).await;
    let media = media_of(&meeting);

    meeting.ledger.fail();
    let id = facilitator.ask(mute(member.id())).await;
    assert!(is_closed_by(&media, member.id(), Reason::Facilitator), "the restriction holds");
    assert_eq!(refusal(&facilitator.read(), &id), Some(RefusalCode::RecordUnavailable));
    assert!(member.read().is_empty());
    let late = facilitator.ask(Request::Lock { locked: true }).await;
    assert_eq!(refusal(&facilitator.read(), &late), Some(RefusalCode::RecordUnavailable));

    pass(Duration::from_millis(150)).await;
    assert!(member.read().is_empty(), "tried again, and still not kept");
    meeting.ledger.recover();
    pass(Duration::from_secs(6)).await;
    member.read();
    assert!(member.view().you.gates.microphone.contains(&hearth_protocol::Reason::Facilitator));
    assert!(member.view().room.locked);
    let closings = meeting.ledger.acts().iter().filter(|act| matches!(act, Act::GateClosed { .. })).count();
    assert_eq!(closings, 1, "recorded once");
    assert!(!is_told_ok(&facilitator.read(), &id), "answered once");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_loosened_while_the_record_cannot_be_kept() {
    let meeting = Meeting::new();
    let mut facilitator = meeting.facilitator("one").await;
    let member = meeting.member("one", "ann", &mut facilitator).await;
    let media = media_of(&meeting);
    let ann = member.id();
    let open = |open| Request::SetGate { participant: ann, source: Source::Microphone, open };
    facilitator.ask(open(false)).await;
    assert!(is_closed_by(&media, member.id(), Reason::Facilitator));

    let mut joiner = meeting.at_the_door("one", "ben", Role::Member).await;
    let knock = facilitator.first_knock();

    meeting.ledger.fail();
    let id = facilitator.ask(open(true)).await;
    assert_eq!(refusal(&facilitator.read(), &id), Some(RefusalCode::RecordUnavailable));
    assert!(is_closed_by(&media, member.id(), Reason::Facilitator), "no gate opens that was closed");
    facilitator.ask(Request::Admit { knock, through_lock: false }).await;
    assert_eq!(media.table().rows.len(), 2, "nobody has media who had not");
    joiner.read();
    assert!(joiner.view.is_none(), "nobody is in who was not");

    meeting.ledger.recover();
    pass(Duration::from_secs(6)).await;
    assert!(!is_closed_by(&media, member.id(), Reason::Facilitator), "loosened once it is kept");
    joiner.read();
    assert!(joiner.view.is_some() && media.table().rows.len() == 3);
}
