//! What survives a crash: the log, and what was committed.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use weir_dataflow::fingerprint::Fingerprint;
use weir_dataflow::source::{Decoded, DecodedOrder, Entry, Log, RejectedBefore};
use weir_dataflow::window::Rules;

use super::{LAG, WINDOW};
use crate::progress::{Progress, Published, PublishedTotals};

/// One record; an order is its id and event time, anything else is garbage.
#[derive(Clone, Copy)]
pub(super) struct Record {
    pub(super) order: Option<(u32, i64)>,
    pub(super) kafka_time: i64,
}

/// What survives a crash.
pub(super) struct World {
    pub(super) now: i64,
    pub(super) lateness: i64,
    /// The largest of all runs.
    pub(super) most_lateness: i64,
    pub(super) log: Vec<Vec<Record>>,
    /// Window, revision, orders.
    pub(super) results: Vec<(i64, u32, u64)>,
    pub(super) late: Vec<(i32, i64)>,
    pub(super) invalid: Vec<(i32, i64)>,
    pub(super) progress: Option<Progress>,
    /// How often the progress was lost.
    pub(super) lost: usize,
    /// Commits while rejects were ahead of their cut.
    pub(super) ahead: usize,
    /// Records that the log gives in this turn, by partition.
    pub(super) allowed: Vec<usize>,
}

impl World {
    pub(super) fn ends(&self) -> BTreeMap<i32, (i64, i64)> {
        (0..)
            .zip(&self.log)
            .map(|(partition, log)| (partition, (0, log.len() as i64)))
            .collect()
    }

    pub(super) fn last_offsets(&self) -> BTreeMap<i32, i64> {
        let ends = self.ends().into_iter();
        ends.map(|(partition, (_, end))| (partition, end)).collect()
    }

    pub(super) fn allow_all(&mut self) {
        let many = self.log.iter().map(Vec::len).sum();
        self.allowed.fill(many);
    }

    /// Whether the progress was lost and what had been published is still being rebuilt.
    pub(super) fn rebuilds(&self) -> bool {
        match &self.progress {
            Some(progress) => progress.rebuilt_until.is_some(),
            None => self.lost > 0,
        }
    }

    /// What the results topic tells a start without progress.
    pub(super) fn published(&self) -> BTreeMap<u64, Published> {
        let newest = self.results.iter().map(|&(window, revision, orders)| {
            let totals = PublishedTotals {
                orders,
                cents: i128::from(orders),
                items: orders as i64,
                users: 1,
            };
            (window as u64, Published { revision, totals })
        });
        newest.collect()
    }

    /// What the topics of rejects tell.
    pub(super) fn rejected(&self) -> HashMap<(i32, i64), RejectedBefore> {
        let late = self.late.iter().map(|source| (*source, RejectedBefore::Late));
        let invalid = self
            .invalid
            .iter()
            .map(|source| (*source, RejectedBefore::Invalid));
        late.chain(invalid).collect()
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            window: WINDOW as u64,
            lag: LAG as u64,
            lateness: self.lateness as u64,
            max_ahead_ms: 0,
        }
    }
}

pub(super) struct MemoryLog {
    pub(super) world: Rc<RefCell<World>>,
    pub(super) positions: BTreeMap<i32, i64>,
}

impl Log for MemoryLog {
    type Error = ();

    fn assign(&mut self, partition: i32, offset: i64) -> Result<(), ()> {
        self.positions.insert(partition, offset);
        Ok(())
    }

    fn read(&mut self, partition: i32, max: usize, mut each: impl FnMut(Entry<'_>)) -> Result<bool, ()> {
        let mut world = self.world.borrow_mut();
        let index = partition as usize;
        let position = self.positions.get_mut(&partition).unwrap();
        let count = max
            .min(world.allowed[index])
            .min(world.log[index].len() - *position as usize);
        world.allowed[index] -= count;
        for _ in 0..count {
            let record = world.log[index][*position as usize];
            let value = record.order.map(|(id, at)| format!("{id} {at}"));
            each(Entry {
                offset: *position,
                timestamp: Some(record.kafka_time * 1_000),
                key: None,
                value: value.as_deref().map(str::as_bytes),
            });
            *position += 1;
        }
        Ok(false)
    }

    fn position(&self, partition: i32) -> i64 {
        self.positions[&partition]
    }
}

pub(super) fn decode(entry: &Entry<'_>) -> Decoded {
    let Some(value) = entry.value else {
        return Decoded::Invalid("garbage".to_owned());
    };
    let (id, at) = std::str::from_utf8(value).unwrap().split_once(' ').unwrap();
    Decoded::Order(DecodedOrder {
        order: Fingerprint::of(id.as_bytes()),
        user: Fingerprint::of(b"user"),
        event_ms: at.parse::<i64>().unwrap() * 1_000,
        cents: 1,
        items: 1,
    })
}
