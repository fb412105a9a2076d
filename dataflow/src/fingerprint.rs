//! 128-bit fingerprints of identifiers.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// A 128-bit fingerprint (XXH3) that stands for an order or user id inside a window.
///
/// With ten million ids in one window the chance that any two share a fingerprint is below 1e-24, so sets of
/// fingerprints count exactly for every practical purpose. Fingerprints are never stored beyond the process.
///
/// # Examples
/// ```
/// use weir_dataflow::fingerprint::Fingerprint;
/// assert_eq!(Fingerprint::of(b"u-17"), Fingerprint::of(b"u-17"));
/// assert_ne!(Fingerprint::of(b"u-17"), Fingerprint::of(b"u-18"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint([u64; 2]);

impl Fingerprint {
    /// The fingerprint of an identifier's bytes.
    #[inline]
    pub fn of(id: &[u8]) -> Self {
        let hash = xxh3_128(id);
        Self([hash as u64, (hash >> 64) as u64])
    }

    /// The half that places the fingerprint in a set.
    #[inline]
    pub(crate) fn table_hash(self) -> u64 {
        self.0[0]
    }

    /// Which of `shards` parts of a set the fingerprint belongs to: by the high bits of the half whose low bits
    /// choose the worker.
    #[inline]
    pub(crate) fn shard(self, shards: usize) -> usize {
        ((u128::from(self.0[1]) * shards as u128) >> 64) as usize
    }

    /// The half that chooses the worker. It differs from [`Fingerprint::table_hash`]: ids routed by the bits
    /// that also choose the bucket would crowd into a part of each worker's sets.
    #[inline]
    pub(crate) fn route(self) -> u64 {
        self.0[1]
    }
}
