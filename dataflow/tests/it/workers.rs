//! Any number of workers gives the same rows, and the sums of a plain computation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use timely::Config;
use timely::dataflow::operators::Inspect;
use weir_dataflow::accumulate::accumulate;
use weir_dataflow::changelog::{Difference, changelog};
use weir_dataflow::clocks::Clocks;
use weir_dataflow::source::{Control, Setup, source};

use crate::RULES;
use crate::running::fresh;
use crate::shelf::{Content, Record, Shelf, cents_of, decode, items_of, user_of};

type Rows = BTreeMap<(u64, u64, Difference), isize>;

/// All rows of a bounded run: time, window, totals, in or out.
fn rows(log: &[Vec<Record>], workers: usize) -> Rows {
    let rows = Arc::new(Mutex::new(Vec::new()));
    let (clocks, log) = (Arc::new(Clocks::new(RULES)), log.to_vec());
    let seen = Arc::clone(&rows);
    let guards = timely::execute(Config::process(workers), move |worker| {
        let partitions: Vec<&[Record]> = log.iter().map(Vec::as_slice).collect();
        let shelf = Shelf::of(&partitions);
        shelf.give_at_most(3);
        let (control, heard) = channel();
        let ends = shelf.ends().into_iter().map(|(id, (_, end))| (id, end)).collect();
        control.send(Control::Finish(ends)).unwrap();
        let setup = Setup {
            rules: RULES,
            start: Arc::new(fresh(log.len() as i32)),
            clocks: Arc::clone(&clocks),
            control: heard,
            hold: Arc::default(),
            read_ahead: 10,
            in_flight: Arc::default(),
            rejected_bytes: Arc::default(),
            waker: Arc::default(),
        };
        let seen = Arc::clone(&seen);
        worker.dataflow::<u64, _, _>(|scope| {
            let (orders, _) = source(scope, shelf, setup, decode, |error| panic!("{error}"));
            let (updates, _) = accumulate(orders, RULES);
            changelog(updates)
                .inner
                .inspect(move |((window, totals), time, change)| {
                    seen.lock().unwrap().push(((*time, *window, *totals), *change));
                });
        });
    });
    for joined in guards.unwrap().join() {
        joined.unwrap();
    }
    let mut sums = Rows::new();
    for (row, change) in rows.lock().unwrap().drain(..) {
        *sums.entry(row).or_default() += change;
    }
    sums.retain(|_, change| *change != 0);
    sums
}

/// What a reader who ignores retractions ends up with, by window.
fn results(rows: &Rows) -> BTreeMap<u64, Difference> {
    let mut results = BTreeMap::new();
    for (&(_, window, totals), &change) in rows {
        if change > 0 {
            results.insert(window, totals);
        }
    }
    results
}

/// The same by plain loops and maps.
fn plain(log: &[Vec<Record>]) -> BTreeMap<u64, Difference> {
    let mut windows: BTreeMap<i64, BTreeSet<u32>> = BTreeMap::new();
    for partition in log {
        let mut clock = 0;
        for record in partition {
            if let Content::Order(id, at) = record.content
                && at <= record.kafka_s + 60
            {
                clock = clock.max(at.min(record.kafka_s) - 10);
                let window = at / 60 * 60;
                if window + 60 + 60 > clock {
                    windows.entry(window).or_default().insert(id);
                }
            }
        }
    }
    let totals = |ids: BTreeSet<u32>| {
        let users: BTreeSet<u32> = ids.iter().map(|id| user_of(*id)).collect();
        (
            ids.len() as i64,
            ids.iter().map(|id| i128::from(cents_of(*id))).sum(),
            ids.iter().map(|id| items_of(*id)).sum(),
            users.len() as i64,
        )
    };
    windows
        .into_iter()
        .map(|(window, ids)| (window as u64, totals(ids)))
        .collect()
}

/// Up to four partitions whose times go forth with some disorder, with copies, late orders, leaps and garbage.
fn logs() -> impl Strategy<Value = Vec<Vec<Record>>> {
    let record = (
        0_u32..80,
        0_i64..25,
        prop::sample::select(vec![0_i64, 0, 0, 5, 70, 200, -30, -90]),
        0_u8..12,
    );
    let partition = prop::collection::vec(record, 0..60).prop_map(|records| {
        let mut now = 1_000;
        let records = records.into_iter().map(|(id, step, behind, kind)| {
            now += step;
            let content = match kind {
                0 => Content::Garbage,
                1 => Content::Ignored,
                _ => Content::Order(id, now - behind),
            };
            Record {
                content,
                kafka_s: now,
            }
        });
        records.collect()
    });
    prop::collection::vec(partition, 1..=4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_workers_gives_the_same_rows_and_the_plain_sums(log in logs()) {
        let one = rows(&log, 1);
        prop_assert_eq!(results(&one), plain(&log));
        for workers in [2, 4] {
            prop_assert_eq!(&rows(&log, workers), &one, "with {} workers", workers);
        }
    }
}
