//! The source: reads partitions of a log, gives every record its stamp and turns clocks into the frontier.

mod control;
mod facts;
mod operator;
mod partition;
mod quiet;
mod reader;

pub use control::Control;
pub use facts::{Fact, Position, Reason, Reject, Tally};
pub use operator::{Setup, source};

use std::collections::{BTreeMap, HashMap};

use crate::fingerprint::Fingerprint;
use crate::order::Order;

/// One record of the log, borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its offset in the partition.
    pub offset: i64,
    /// Its Kafka timestamp in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; a tombstone has none.
    pub value: Option<&'a [u8]>,
}

/// A partitioned log as the source sees it. No method may block.
pub trait Log {
    /// Why it cannot be read any further.
    type Error;

    /// Begins to read a partition at an offset.
    ///
    /// # Errors
    /// When the log cannot be read there.
    fn assign(&mut self, partition: i32, offset: i64) -> Result<(), Self::Error>;

    /// Gives up to `max` records that are at hand, in order; whether more may be at hand.
    ///
    /// # Errors
    /// When the partition cannot be read any further; being unreachable for a while is no error.
    fn read(&mut self, partition: i32, max: usize, each: impl FnMut(Entry<'_>)) -> Result<bool, Self::Error>;

    /// The next offset to be read; it passes what is no record, such as transaction markers.
    fn position(&self, partition: i32) -> i64;
}

/// What a record turned out to be.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// A valid order.
    Order(DecodedOrder),
    /// An event that the windows do not count.
    Ignored,
    /// Not a valid event, and why.
    Invalid(String),
}

/// A valid order, before anything is known of its window.
#[derive(Clone, Copy, Debug)]
pub struct DecodedOrder {
    /// Fingerprint of the order id.
    pub order: Fingerprint,
    /// Fingerprint of the user id.
    pub user: Fingerprint,
    /// Event time in milliseconds since 1970, not before it.
    pub event_ms: i64,
    /// Total in minor units.
    pub cents: i64,
    /// Sum of the quantities.
    pub items: i64,
}

impl DecodedOrder {
    /// The order as part of the window that starts at `window` (seconds).
    #[inline]
    pub fn into_order(self, window: u64) -> Order {
        Order {
            order: self.order,
            user: self.user,
            window,
            cents: self.cents,
            items: self.items,
        }
    }
}

/// Where a run begins: the last cut, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The cut: all clocks stand here (seconds). 0 when there is none.
    pub frontier: u64,
    /// Windows that end at or before it (seconds) are final.
    pub final_until: u64,
    /// Every partition that exists.
    pub partitions: BTreeMap<i32, StartPartition>,
    /// Records that earlier runs have rejected and of which the last cut does not know it: neither counted in a window
    /// nor rejected again.
    pub rejected: HashMap<(i32, i64), RejectedBefore>,
}

/// Where a partition is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartPartition {
    /// The first record that belongs to no cut yet.
    pub processed: i64,
    /// The first record that is read: at most `processed`; what lies between is read again for the live windows.
    pub resume: i64,
}

impl StartPartition {
    /// Where nothing is read again: `offset` is the first record that is read, and it belongs to no cut yet.
    pub fn at(offset: i64) -> Self {
        Self {
            processed: offset,
            resume: offset,
        }
    }

    /// Whether anything is read again.
    pub fn replays(&self) -> bool {
        self.resume < self.processed
    }
}

/// What became of a record that was rejected by an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedBefore {
    /// It is in the dead-letter topic.
    Invalid,
    /// It is in the topic of late orders.
    Late,
}
