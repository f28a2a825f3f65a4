//! What fuzzing has found worth keeping, run again: see `tests/fuzz/README.md`.

use std::{fs, path::Path};

#[path = "../fuzz/src/choices.rs"]
mod choices;
#[path = "../fuzz/src/definition.rs"]
mod definition;
#[path = "../fuzz/src/frame.rs"]
mod frame;
#[path = "../fuzz/src/meeting.rs"]
mod meeting;
#[path = "../fuzz/src/request.rs"]
mod request;

#[test]
fn every_frame_of_the_corpus_is_read_or_refused() {
    replay("codec", frame::read);
}

#[test]
fn every_meeting_of_the_corpus_holds_together() {
    replay("apply", meeting::hold);
}

#[test]
fn every_datagram_of_the_corpus_passes_the_guard_or_does_not() {
    replay("guard", hearth_relay::fuzz::guard);
}

#[test]
fn every_coming_and_going_of_the_corpus_leaves_the_demultiplexer_whole() {
    replay("demux", hearth_relay::fuzz::demux);
}

#[test]
fn every_packet_of_the_corpus_gets_a_number_of_its_own_or_none() {
    replay("slot", hearth_relay::fuzz::slot);
}

#[test]
fn every_stream_of_the_corpus_falls_into_the_same_frames() {
    replay("frames", hearth_relay::fuzz::frames);
}

#[test]
fn every_report_of_the_corpus_says_no_more_than_it_is_long() {
    replay("reports", hearth_relay::fuzz::reports);
}

#[test]
fn every_session_of_the_corpus_seals_no_number_twice_and_forgets_what_it_must() {
    replay("session", hearth_relay::fuzz::session);
}

#[test]
fn every_offer_of_the_corpus_is_answered_line_by_line_or_refused() {
    replay("offer", hearth_relay::fuzz::offer);
}

/// Runs each file, and tells which one breaks.
fn replay(target: &str, run: fn(&[u8])) {
    struct Running(String);
    impl Drop for Running {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("broken by {}", self.0);
            }
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    assert!(files.len() > 20, "{} has only {} files", folder.display(), files.len());
    for file in files {
        let running = Running(file.display().to_string());
        run(&fs::read(&file).expect("a readable file"));
        drop(running);
    }
}
