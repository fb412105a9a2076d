//! Partitions that give nothing: what the ends of the log prove of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::partition::Harvest;
use super::reader::Reader;
use super::{Decoded, Entry, Log};

impl<L, D, F> Reader<L, D, F>
where
    L: Log,
    D: FnMut(&Entry<'_>) -> Decoded,
    F: FnMut(L::Error),
{
    /// Takes in where the log ends.
    pub(super) fn ends(&mut self, asked_ms: i64, ends: &BTreeMap<i32, (i64, i64)>, harvest: &mut Harvest) {
        if self.bounded {
            return;
        }
        for (&id, &(first, end)) in ends {
            if !self.partitions.contains_key(&id) {
                if self.mine(id) {
                    self.discovered(id, first);
                }
                continue;
            }
            let Some(partition) = self.partitions.get_mut(&id) else {
                continue;
            };
            if !partition.caught_up() || partition.outdates(end) {
                continue;
            }
            if first == end && partition.position >= end {
                partition.empty_at = Some(asked_ms);
            } else if partition.position >= end {
                let clock = self.setup.clocks.prove(id, asked_ms);
                partition.move_clock(clock, partition.position, harvest);
            } else {
                self.setup.clocks.unread(id);
                partition.unanswered = Some((asked_ms, end));
            }
        }
    }

    /// Evaluates what follows from what has been read: late answers, empty partitions, ends.
    pub(super) fn settle(&mut self, harvest: &mut Harvest) {
        let clocks = Arc::clone(&self.setup.clocks);
        for partition in self
            .partitions
            .values_mut()
            .filter(|partition| !partition.finished)
        {
            if !partition.caught_up() {
                continue;
            }
            if let Some((asked_ms, end)) = partition.unanswered
                && partition.position >= end
            {
                partition.unanswered = None;
                let clock = clocks.prove(partition.id, asked_ms);
                partition.move_clock(clock, partition.position, harvest);
            }
            if let Some(asked_ms) = partition.empty_at {
                let clock = clocks.follow(partition.id, asked_ms);
                partition.move_clock(clock, partition.position, harvest);
                clocks.prove(partition.id, asked_ms);
            }
            if partition.end.is_some_and(|end| partition.position >= end) {
                partition.finish(harvest);
                clocks.finish(partition.id);
            }
        }
    }
}
