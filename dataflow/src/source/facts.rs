//! What the source says besides the orders.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Something that a committer must know of the records before a cut. Each travels with the stamp it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// A record that does not make it into a window.
    Reject(Reject),
    /// How far a partition is.
    Position(Position),
    /// How many records were what.
    Tally(Tally),
}

/// A record that does not make it into a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its Kafka timestamp in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Its key, as it came.
    pub key: Option<Vec<u8>>,
    /// Its value, as it came.
    pub value: Option<Vec<u8>>,
    /// Why.
    pub reason: Reason,
    /// For a late order: the start of its window (seconds).
    pub window: Option<u64>,
}

/// Why a record does not make it into a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// It is no valid order; the text names the field and its fault.
    Invalid(String),
    /// It is an order whose window cannot be revised any more.
    Late(String),
}

/// How far a partition is for any cut in `(stamp of this message, clock]`.
///
/// The clock has moved from the stamp of the message to `clock`: no record is stamped in between, so for every cut
/// up to there the first record that belongs to no cut is `next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The partition.
    pub partition: i32,
    /// Where the clock has moved to (seconds).
    pub clock: u64,
    /// The first record stamped at `clock` or beyond.
    pub next: i64,
    /// Offset and Kafka timestamp of the last record before `next`, if one was read.
    pub prior: Option<(i64, Option<i64>)>,
    /// Windows seen for the first time since the message before: start and the offset of the first record.
    pub firsts: Vec<(u64, i64)>,
    /// For the last message of a bounded run: whether a record is stamped at `clock`.
    pub stamped: bool,
}

/// How many records were what. Orders that count and their copies are counted by the accumulation instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Records read.
    pub consumed: u64,
    /// Events of types that the windows do not count.
    pub ignored: u64,
    /// Orders that came too late.
    pub late: u64,
    /// Records that are no valid orders.
    pub invalid: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.consumed += other.consumed;
        self.ignored += other.ignored;
        self.late += other.late;
        self.invalid += other.invalid;
    }
}
