//! What the broker has acknowledged, to be held against what it has: otherwise it would be its own witness.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How often there is each record, by a hash of its partition, key and value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipts(BTreeMap<u64, u64>);

/// How what is held differs from what was acknowledged, in records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Difference {
    /// Acknowledged and not held.
    pub missing: u64,
    /// Held and not acknowledged.
    pub unknown: u64,
}

impl Receipts {
    /// Adds a record.
    pub fn add(&mut self, partition: i32, key: Option<&[u8]>, value: Option<&[u8]>) {
        let mut hasher = DefaultHasher::new();
        (partition, key, value).hash(&mut hasher);
        *self.0.entry(hasher.finish()).or_default() += 1;
    }

    /// Adds all of others.
    pub fn add_all(&mut self, others: &Receipts) {
        for (hash, count) in &others.0 {
            *self.0.entry(*hash).or_default() += count;
        }
    }

    /// What `held` lacks of these, and what it has beyond them.
    pub fn compare(&self, held: &Receipts) -> Difference {
        let beyond = |these: &Receipts, those: &Receipts| {
            let more = these
                .0
                .iter()
                .map(|(hash, count)| count.saturating_sub(those.0.get(hash).copied().unwrap_or(0)));
            more.sum()
        };
        Difference {
            missing: beyond(self, held),
            unknown: beyond(held, self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipts(records: &[(i32, Option<&str>)]) -> Receipts {
        let mut receipts = Receipts::default();
        for (partition, value) in records {
            receipts.add(*partition, Some(b"key"), value.map(str::as_bytes));
        }
        receipts
    }

    #[test]
    fn a_record_that_is_lost_doubled_changed_or_moved_is_a_difference() {
        let acknowledged = receipts(&[(0, Some("a")), (0, Some("a")), (1, Some("b")), (1, None)]);
        let difference = |records: &[_]| {
            let Difference { missing, unknown } = acknowledged.compare(&receipts(records));
            (missing, unknown)
        };
        let all = [(1, None), (0, Some("a")), (1, Some("b")), (0, Some("a"))];
        assert_eq!(difference(&all), (0, 0), "their sequence does not matter");
        assert_eq!(difference(&all[1..]), (1, 0));
        assert_eq!(difference(&[&all[..], &all[..1]].concat()), (0, 1));
        let changed = [(1, None), (0, Some("a")), (1, Some("c")), (0, Some("a"))];
        assert_eq!(difference(&changed), (1, 1));
        let moved = [(1, None), (0, Some("a")), (0, Some("b")), (0, Some("a"))];
        assert_eq!(difference(&moved), (1, 1));
        let without_value = [(1, Some("")), (0, Some("a")), (1, Some("b")), (0, Some("a"))];
        assert_eq!(difference(&without_value), (1, 1));
    }
}
