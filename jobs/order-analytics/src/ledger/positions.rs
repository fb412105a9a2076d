//! Where each partition is.

use std::collections::BTreeMap;

use weir_dataflow::source::{Position, Start, StartPartition};
use weir_dataflow::window::Rules;

use crate::progress::PartitionProgress;

/// The partitions as of the last cut.
#[derive(Debug)]
pub(super) struct Positions(BTreeMap<i32, Partition>);

#[derive(Clone, Debug, Default)]
struct Partition {
    processed: i64,
    /// The first record of any live window, as of the last cut.
    resume: i64,
    prior: Option<(i64, Option<i64>)>,
    firsts: BTreeMap<u64, i64>,
    /// All rejects that were written ahead of their cut lie before it.
    rejected_until: i64,
}

impl Positions {
    pub(super) fn new(start: &Start) -> Self {
        let at = |(id, at): (&i32, &StartPartition)| {
            let partition = Partition {
                processed: at.processed,
                resume: at.resume,
                ..Partition::default()
            };
            (*id, partition)
        };
        let mut positions = Self(start.partitions.iter().map(at).collect());
        for (id, offset) in start.rejected.keys() {
            positions.rejected(*id, *offset);
        }
        positions
    }

    /// Remembers the record before `processed` of a partition, as the progress told it.
    pub(super) fn set_prior(&mut self, partition: i32, prior: Option<(i64, Option<i64>)>) {
        if let Some(known) = self.0.get_mut(&partition) {
            known.prior = prior;
        }
    }

    /// A record was rejected ahead of its cut.
    pub(super) fn rejected(&mut self, partition: i32, offset: i64) {
        let partition = self.0.entry(partition).or_default();
        partition.rejected_until = partition.rejected_until.max(offset + 1);
    }

    /// Whether any that will be read again was rejected ahead of its cut.
    pub(super) fn rejected_ahead(&self) -> bool {
        self.0
            .values()
            .any(|partition| partition.rejected_until > partition.resume)
    }

    /// A partition has moved; `offsets` are the next ones of those that have since the last cut.
    pub(super) fn moved(&mut self, position: Position, offsets: &mut Vec<(i32, i64)>) {
        let partition = self.0.entry(position.partition).or_default();
        for (window, offset) in position.firsts {
            let first = partition.firsts.entry(window).or_insert(offset);
            *first = offset.min(*first);
        }
        if position.prior.is_some() {
            partition.prior = position.prior;
        }
        if position.next > partition.processed {
            partition.processed = position.next;
            offsets.retain(|(id, _)| *id != position.partition);
            offsets.push((position.partition, position.next));
        }
    }

    /// Windows that end at or before `final_until` (seconds) need not be read again.
    pub(super) fn forget(&mut self, rules: Rules, final_until: u64) {
        for partition in self.0.values_mut() {
            partition
                .firsts
                .retain(|window, _| rules.end(*window) > final_until);
            let first = partition.firsts.values().min().copied();
            partition.resume = first.unwrap_or(partition.processed).min(partition.processed);
        }
    }

    pub(super) fn progress(&self) -> BTreeMap<i32, PartitionProgress> {
        let progress = |(id, partition): (&i32, &Partition)| {
            let progress = PartitionProgress {
                processed: partition.processed,
                resume: partition.resume,
                prior: partition.prior,
            };
            (*id, progress)
        };
        self.0.iter().map(progress).collect()
    }
}
