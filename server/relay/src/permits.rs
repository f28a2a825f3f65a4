//! A forwarding table made quick: one bit for each (row, source, listening row).
//!
//! Rows are numbered as the table lists them. It is made anew from each table and asks `ForwardingTable::permits` for every
//! bit, so it cannot differ from the law.

use hearth_forwarding::{ForwardingTable, Generation, Reasons, Source, Stop, Subject};

use crate::feed::Feed;

#[derive(Debug, Default)]
pub struct Permits {
    rows: usize,
    words: usize,
    bits: Vec<u64>,
    closed: Vec<[Reasons; Source::COUNT]>,
}

impl Permits {
    pub fn new(table: &ForwardingTable) -> Self {
        let rows = table.rows.len();
        let words = rows.div_ceil(64);
        let mut permits = Permits {
            rows,
            words,
            bits: vec![0; rows * Source::COUNT * words],
            closed: table.rows.iter().map(|row| row.closed).collect(),
        };
        for (speaking, speaker) in table.rows.iter().enumerate() {
            for source in Source::ALL {
                // A closed gate needs no look at each listener.
                if !speaker.closed[source.index()].is_empty() {
                    continue;
                }
                let at = permits.at(speaking, source);
                for (listening, listener) in table.rows.iter().enumerate() {
                    let verdict = table.permits(
                        (speaker.subject, speaker.generation),
                        source,
                        (listener.subject, listener.generation),
                    );
                    if verdict.is_ok() {
                        permits.bits[at + listening / 64] |= 1 << (listening % 64);
                    }
                }
            }
        }
        permits
    }

    fn at(&self, speaking: usize, source: Source) -> usize {
        (speaking * Source::COUNT + source.index()) * self.words
    }

    /// The gate, before any listener is looked at.
    pub fn closed(&self, speaking: usize, feed: Feed) -> Option<Reasons> {
        let closed = self.closed.get(speaking)?;
        Some(feed.gates().iter().fold(Reasons::NONE, |all, source| all.union(closed[source.index()])))
    }

    pub fn allows(&self, speaking: usize, feed: Feed, listening: usize) -> bool {
        if speaking >= self.rows || listening >= self.rows {
            return false;
        }
        feed.gates().iter().all(|source| {
            self.bits[self.at(speaking, *source) + listening / 64] & (1 << (listening % 64)) != 0
        })
    }
}

/// Where the row of this media connection is.
pub fn row_of(table: &ForwardingTable, subject: Subject, generation: Generation) -> Option<usize> {
    let at = table.rows.binary_search_by_key(&subject, |row| row.subject).ok()?;
    (table.rows[at].generation == generation).then_some(at)
}

/// Why this pair is not allowed, for the counters alone.
pub fn reason(table: &ForwardingTable, speaking: usize, source: Source, listening: usize) -> Option<Stop> {
    let (speaker, listener) = (table.rows.get(speaking)?, table.rows.get(listening)?);
    table
        .permits((speaker.subject, speaker.generation), source, (listener.subject, listener.generation))
        .err()
}

#[cfg(test)]
mod tests {
    use hearth_forwarding::{Epoch, Reason, Row, Space, Version};

    use super::*;

    /// A small generator of its own (xorshift), so that a seed replays a failure.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }
    }

    fn random_table(dice: &mut Dice) -> ForwardingTable {
        let mut rows = Vec::new();
        for subject in 0..dice.below(140) as u32 {
            if dice.below(4) == 0 {
                continue;
            }
            let mut closed = [Reasons::NONE; Source::COUNT];
            for reasons in &mut closed {
                if dice.below(2) == 0 {
                    *reasons = Reasons::of(Reason::ALL[dice.below(Reason::COUNT as u64) as usize]);
                }
            }
            rows.push(Row {
                subject: Subject(subject),
                generation: Generation(dice.below(3) as u32),
                space: Space(dice.below(2) as u16),
                barred: dice.below(4) == 0,
                closed,
                weight: 0,
            });
        }
        ForwardingTable { version: Version(1), epoch: Epoch(1), rows }
    }

    #[test]
    fn the_bits_say_what_the_table_says() {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_0001);
        println!("SEED={seed}");
        let mut dice = Dice(seed);
        for _ in 0..60 {
            let table = random_table(&mut dice);
            let permits = Permits::new(&table);
            for (speaking, speaker) in table.rows.iter().enumerate() {
                assert_eq!(row_of(&table, speaker.subject, speaker.generation), Some(speaking));
                assert_eq!(row_of(&table, speaker.subject, Generation(9)), None);
                for feed in Feed::ALL {
                    let gates = || feed.gates().iter().map(|source| speaker.closed[source.index()]);
                    assert_eq!(
                        permits.closed(speaking, feed),
                        Some(gates().fold(Reasons::NONE, Reasons::union))
                    );
                    for (listening, listener) in table.rows.iter().enumerate() {
                        let law = |source: &Source| {
                            table.permits(
                                (speaker.subject, speaker.generation),
                                *source,
                                (listener.subject, listener.generation),
                            )
                        };
                        let lawful = feed.gates().iter().all(|source| law(source).is_ok());
                        assert_eq!(permits.allows(speaking, feed, listening), lawful, "SEED={seed}");
                        let source = feed.source();
                        assert_eq!(reason(&table, speaking, source, listening), law(&source).err());
                    }
                    assert!(!permits.allows(speaking, feed, table.rows.len()));
                }
            }
        }
    }
}
