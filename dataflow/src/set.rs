//! The set of fingerprints that a window counts by.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::fingerprint::Fingerprint;

/// Fingerprints that a table of 32,768 places holds before it grows.
const SHARD: usize = 28_672;

/// A set of fingerprints that is made as large as it is expected to become.
///
/// One hash table has a power of two of places: 600,000 orders would take a million of them, and a set that grows up
/// to there moves each fingerprint twice. A set that expects many is therefore split into as many tables of one
/// size as they need.
#[derive(Debug)]
pub(crate) struct Fingerprints {
    /// At least one.
    shards: Vec<HashTable<Fingerprint>>,
    len: usize,
}

impl Fingerprints {
    /// An empty set with room for `expected` fingerprints.
    pub(crate) fn expecting(expected: usize) -> Self {
        // The shards fill a little unevenly, and a busier window than the last must not make all of them double at once.
        let expected = expected + expected / 8;
        let shards = expected.div_ceil(SHARD).max(1);
        let each = if shards == 1 { expected } else { SHARD };
        Self {
            shards: (0..shards).map(|_| HashTable::with_capacity(each)).collect(),
            len: 0,
        }
    }

    /// How many fingerprints there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a fingerprint; false if it was there.
    #[inline]
    pub(crate) fn insert(&mut self, id: Fingerprint) -> bool {
        let shard = id.shard(self.shards.len());
        let place =
            self.shards[shard].entry(id.table_hash(), |other| *other == id, |other| other.table_hash());
        let Entry::Vacant(place) = place else {
            return false;
        };
        place.insert(id);
        self.len += 1;
        true
    }
}

impl Default for Fingerprints {
    fn default() -> Self {
        Self::expecting(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn id(number: usize) -> Fingerprint {
        Fingerprint::of(&number.to_le_bytes())
    }

    /// Bytes of all places, used or not.
    fn bytes(set: &Fingerprints) -> usize {
        set.shards.iter().map(HashTable::allocation_size).sum()
    }

    proptest! {
        #[test]
        fn a_set_answers_as_the_standard_one(
            expected in prop::sample::select(vec![0, 100, SHARD, 3 * SHARD]),
            numbers in prop::collection::vec(0_usize..500, 0..2_000),
        ) {
            let mut set = Fingerprints::expecting(expected);
            let mut standard = HashSet::new();
            for number in numbers {
                prop_assert_eq!(set.insert(id(number)), standard.insert(number));
                prop_assert_eq!(set.len(), standard.len());
            }
        }
    }

    #[test]
    fn a_set_that_gets_what_it_expected_never_grows_and_is_well_filled() {
        let mut set = Fingerprints::expecting(600_000);
        let before = bytes(&set);
        assert!((0..600_000).all(|number| set.insert(id(number))));
        assert_eq!(bytes(&set), before);
        assert!(before < 600_000 * 23, "{before} bytes");
    }

    #[test]
    fn a_set_that_gets_a_tenth_more_than_it_expected_does_not_grow() {
        let mut set = Fingerprints::expecting(600_000);
        let before = bytes(&set);
        assert!((0..660_000).all(|number| set.insert(id(number))));
        assert_eq!(bytes(&set), before);
    }

    #[test]
    fn a_set_that_gets_more_than_it_expected_still_knows_them_all() {
        let mut set = Fingerprints::expecting(2 * SHARD);
        assert!((0..200_000).all(|number| set.insert(id(number))));
        assert!((0..200_000).all(|number| !set.insert(id(number))));
        assert_eq!(set.len(), 200_000);
    }
}
