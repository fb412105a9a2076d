//! What a schedule must have come to, by plain sums over the log.

use std::collections::{BTreeMap, BTreeSet};

use super::WINDOW;
use super::world::World;

/// Panics with what is wrong; `injected` are the orders that were made late on purpose.
pub(super) fn judge(world: &World, injected: &BTreeSet<(i32, i64)>) {
    let late: BTreeSet<_> = world.late.iter().copied().collect();
    let invalid: BTreeSet<_> = world.invalid.iter().copied().collect();
    assert_eq!(
        (late.len(), invalid.len()),
        (world.late.len(), world.invalid.len()),
        "rejected twice"
    );
    let records: usize = world.log.iter().map(Vec::len).sum();
    let consumed = world
        .progress
        .as_ref()
        .map_or(0, |progress| progress.totals.consumed);
    assert_eq!(consumed, records as u64, "records counted by the totals");
    let mut want: BTreeMap<i64, BTreeSet<u32>> = BTreeMap::new();
    for (partition, log) in (0..).zip(&world.log) {
        for (offset, record) in (0..).zip(log) {
            let source = (partition, offset);
            match record.order {
                None => assert!(
                    invalid.contains(&source),
                    "garbage {source:?} is not in the dead-letter topic"
                ),
                Some((id, at)) if !late.contains(&source) => {
                    want.entry(at / WINDOW * WINDOW).or_default().insert(id);
                }
                Some(_) => assert!(
                    injected.contains(&source),
                    "order {source:?} was in time but called late"
                ),
            }
        }
    }
    let mut got: BTreeMap<i64, (u32, u64)> = BTreeMap::new();
    for &(window, revision, orders) in &world.results {
        match got.insert(window, (revision, orders)) {
            None => assert_eq!(revision, 0, "the first result of window {window}"),
            Some((before, fewer)) => {
                assert_eq!(revision, before + 1, "revision of window {window}");
                assert!(orders >= fewer, "window {window} shrank from {fewer} to {orders}");
            }
        }
    }
    let want: BTreeMap<i64, u64> = want
        .into_iter()
        .map(|(window, ids)| (window, ids.len() as u64))
        .collect();
    let got: BTreeMap<i64, u64> = got
        .into_iter()
        .map(|(window, (_, orders))| (window, orders))
        .collect();
    assert_eq!(got, want, "windows differ from the log");
}
