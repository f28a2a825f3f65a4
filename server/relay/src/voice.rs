//! What an audio packet says of itself in the clear: whether it can hold speech, and for how long.
//!
//! By size first, which nobody can keep small while speaking; what the sender writes about its loudness is a hint.

/// A packet of no more than this is comfort noise. Bytes of Opus.
///
/// With DTX on (RFC 7587 section 3.1.3) libopus, which Chromium and Firefox both use, marks silence by frames of one or two bytes.
/// Speech has at least 15: Opus has no rate below 6 kbit/s (RFC 6716 section 2.1.1), 20 ms at a time; Chromium was seen to speak in 80.
/// Every 400 ms of silence the noise is refreshed by one packet as long as speech (35 bytes in Chromium): that one stands alone
/// ([`PAUSE`]).
pub const COMFORT_NOISE_MAX: usize = 12;
/// A packet after more than this without any is not followed upon yet: the noise is refreshed, or somebody begins. Ticks: 100 ms, so
/// that some losses make no pause.
pub const PAUSE: u32 = 100 * TICKS_PER_MS;
/// Quieter than this is not speech. −dBov (RFC 6464).
pub const LEVEL_QUIET: u8 = 55;
/// RFC 7587 section 4.1: Opus counts its time in these, whatever its bandwidth. A millisecond.
pub const TICKS_PER_MS: u32 = 48;
/// RFC 6716 section 3.2.5: no packet is longer.
const TICKS_MAX: u32 = 120 * TICKS_PER_MS;

pub fn is_noise(bytes: usize) -> bool {
    bytes <= COMFORT_NOISE_MAX
}

/// The sender says so itself.
pub fn is_quiet(level: Option<u8>) -> bool {
    level.is_some_and(|level| level > LEVEL_QUIET)
}

/// How much time an Opus packet claims to cover, by its first bytes (RFC 6716 section 3.1).
pub fn ticks(payload: &[u8]) -> u32 {
    let Some(toc) = payload.first() else { return 0 };
    let (config, code) = (toc >> 3, toc & 3);
    let frame = match (config, config & 3) {
        (0..12, size) => [10, 20, 40, 60][usize::from(size)] * TICKS_PER_MS,
        (12..16, size) => [10, 20][usize::from(size & 1)] * TICKS_PER_MS,
        (_, size) => (5 * TICKS_PER_MS / 2) << size,
    };
    let frames = match code {
        0 => 1,
        1 | 2 => 2,
        _ => payload.get(1).map_or(0, |count| u32::from(count & 0x3f)),
    };
    (frame * frames).min(TICKS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &[u8], ms_halves: u32) {
        assert_eq!(ticks(payload), ms_halves * TICKS_PER_MS / 2, "{payload:?}");
    }

    #[test]
    fn a_packet_says_how_long_it_is() {
        let toc = |config: u8, code: u8| config << 3 | code;
        check(&[], 0);
        check(&[toc(0, 0)], 20);
        check(&[toc(9, 0)], 40);
        check(&[toc(11, 1)], 240);
        check(&[toc(14, 0)], 20);
        check(&[toc(15, 2)], 80);
        check(&[toc(16, 0)], 5);
        check(&[toc(31, 0)], 40);
        check(&[toc(31, 3)], 0);
        check(&[toc(31, 3), 0xc2], 80);
        check(&[toc(3, 3), 63], 240);
    }
}
