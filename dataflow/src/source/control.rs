//! What a source hears from outside.

use std::collections::BTreeMap;

/// What the world tells a source while it runs.
#[derive(Clone, Debug)]
pub enum Control {
    /// The ends of all partitions, as asked at `asked_ms` (wall clock, before the question was sent): the first
    /// offset and the offset after the last record. A partition that did not answer is missing.
    Ends {
        /// When the question was sent, in milliseconds since 1970.
        asked_ms: i64,
        /// First offset and end of each partition.
        ends: BTreeMap<i32, (i64, i64)>,
    },
    /// Read to these ends, then stop: the run is bounded from now on.
    Finish(BTreeMap<i32, i64>),
}
