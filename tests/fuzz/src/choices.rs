//! Bytes as choices: each draws from the front. When they are used up, every choice is the first one.

#[derive(Debug)]
pub struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    pub fn of(bytes: &[u8]) -> Choices<'_> {
        Choices(bytes)
    }

    pub fn are_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    pub fn flip(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub fn one_in(&mut self, many: u8) -> bool {
        self.below(many) == many - 1
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = usize::from(self.byte());
        of.get(at % of.len().max(1))
    }

    /// An id or a count: small for the most part, and now and then as large as can be.
    pub fn number(&mut self) -> u32 {
        match self.byte() {
            small @ 0..=229 => u32::from(small % 20),
            230..=239 => 60,
            240..=247 => 1_000,
            248..=250 => 86_400,
            251 | 252 => u32::MAX / 1_000,
            253 => i32::MAX.unsigned_abs(),
            254 => u32::MAX - 1,
            255 => u32::MAX,
        }
    }

    /// Milliseconds: an instant, a moment, a grace, an hour.
    pub fn pause(&mut self) -> u32 {
        const UNITS: [u32; 8] = [0, 1, 50, 500, 5_000, 30_000, 120_000, 1_800_000];
        let byte = self.byte();
        UNITS[usize::from(byte & 7)].saturating_mul(u32::from(byte >> 3).max(1) % 9 + 1)
    }
}
