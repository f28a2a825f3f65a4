//! Which of the latest numbers were used.
//!
//! A listener's packets are sealed under their sequence numbers: one used twice for two payloads, or for two headers, would repeat an
//! AES-GCM nonce (RFC 7714 section 8.4) and give away the key that proves them authentic. So a number is used once, whatever a sender does.

/// Numbers remembered. What lies farther back counts as used.
const LENGTH: u64 = 1_024;

#[derive(Debug)]
pub struct Window {
    newest: u64,
    used: [u64; (LENGTH / 64) as usize],
}

impl Default for Window {
    fn default() -> Self {
        Window { newest: 0, used: [0; (LENGTH / 64) as usize] }
    }
}

impl Window {
    /// All numbers until this one, and it, count as used.
    pub fn used_until(newest: u64) -> Self {
        Window { newest, used: [u64::MAX; (LENGTH / 64) as usize] }
    }

    /// It was used, and is near enough to know.
    pub fn has(&self, number: u64) -> bool {
        number <= self.newest && self.newest - number < LENGTH && self.used[word(number)] & bit(number) != 0
    }

    /// False: it was used before, or lies too far back to know.
    pub fn take(&mut self, number: u64) -> bool {
        if self.has(number) || number + LENGTH <= self.newest {
            return false;
        }
        for skipped in self.newest.max(number.saturating_sub(LENGTH)) + 1..=number {
            self.used[word(skipped)] &= !bit(skipped);
        }
        self.newest = self.newest.max(number);
        self.used[word(number)] |= bit(number);
        true
    }
}

fn word(number: u64) -> usize {
    (number % LENGTH / 64) as usize
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_number_is_taken_once() {
        let mut window = Window::default();
        let mut taken = BTreeSet::new();
        let mut number = 5_000_u64;
        for step in 0..200_000_u64 {
            // Forward in small and large steps, and back by up to twice what is remembered.
            number += [1, 0, 2, 1, 700, 1, 1, 3_000][(step / 97 % 8) as usize] * (step % 3);
            let wanted = number.saturating_sub(step.wrapping_mul(0x9e37_79b9) % (2 * LENGTH));
            let known = taken.contains(&wanted);
            let too_old = window.newest >= wanted + LENGTH;
            assert_eq!(window.has(wanted), known && !too_old);
            assert_eq!(window.take(wanted), !known && !too_old, "{wanted}");
            if !too_old {
                taken.insert(wanted);
            }
        }
    }
}
