#![no_main]

#[path = "../src/choices.rs"]
mod choices;
#[path = "../src/definition.rs"]
mod definition;
#[path = "../src/meeting.rs"]
mod meeting;
#[path = "../src/request.rs"]
mod request;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| meeting::hold(bytes));
