//! What a cut holds.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use weir_dataflow::accumulate::Counted;
use weir_dataflow::changelog::Totals as WindowTotals;
use weir_dataflow::source::{Fact, Position, Reason, Reject, RejectedBefore, Start, StartPartition, Tally};
use weir_dataflow::window::Rules;

use super::{Draft, Ledger, Note};
use crate::progress::Published;
use crate::status::Totals;

const RULES: Rules = Rules {
    window: 10,
    lag: 2,
    lateness: 20,
    max_ahead_ms: 0,
};

fn totals(orders: u64) -> WindowTotals {
    WindowTotals {
        orders,
        cents: i128::from(orders) * 250,
        items: orders as i64,
        users: 1,
    }
}

fn row(window: u64, orders: u64) -> Note {
    Note::Row(window, totals(orders), 1)
}

fn gone(window: u64, orders: u64) -> Note {
    Note::Row(window, totals(orders), -1)
}

/// The clock of partition 0 has moved to `clock`, where the record at `next` is the first one stamped there.
fn moved(clock: u64, next: i64, firsts: &[(u64, i64)]) -> Note {
    Note::Fact(Fact::Position(Position {
        partition: 0,
        clock,
        next,
        prior: Some((next - 1, Some(5))),
        firsts: firsts.to_vec(),
        stamped: true,
    }))
}

fn reject(offset: i64, reason: Reason, window: Option<u64>) -> Reject {
    Reject {
        partition: 0,
        offset,
        timestamp: None,
        key: None,
        value: Some(vec![0; 1_000]),
        reason,
        window,
    }
}

fn garbage(offset: i64) -> Note {
    Note::Fact(Fact::Reject(reject(
        offset,
        Reason::Invalid("bad".to_owned()),
        None,
    )))
}

fn late(offset: i64, window: u64) -> Note {
    Note::Fact(Fact::Reject(reject(
        offset,
        Reason::Late("late".to_owned()),
        Some(window),
    )))
}

fn start(frontier: u64, processed: i64, resume: i64) -> Start {
    let at = StartPartition { processed, resume };
    Start {
        frontier,
        final_until: frontier.saturating_sub(RULES.lateness),
        partitions: BTreeMap::from([(0, at)]),
        ..Start::default()
    }
}

fn begun(start: &Start, published: &[(u64, u32, u64)]) -> Ledger {
    rebuilding(start, published, 0)
}

/// After a lost progress: windows that end at or before `until` had been published.
fn rebuilding(start: &Start, published: &[(u64, u32, u64)], until: u64) -> Ledger {
    let published = published.iter().map(|&(window, revision, orders)| {
        let totals = totals(orders).into();
        (window, Published { revision, totals })
    });
    Ledger::new(RULES, start, Totals::default(), published.collect(), until)
}

fn anew() -> Ledger {
    begun(&start(0, 0, 0), &[])
}

/// Window start, revision, orders.
fn results(draft: Option<Draft>) -> Vec<(i64, u32, u64)> {
    let results = draft.unwrap_or_default().results;
    results
        .iter()
        .map(|result| {
            (
                result.window_start().millis() / 1_000,
                result.revision(),
                result.order_count(),
            )
        })
        .collect()
}

#[test]
fn a_cut_holds_what_is_stamped_before_it_and_nothing_else() {
    let mut ledger = anew();
    ledger.note(9, row(0, 3));
    ledger.note(19, row(10, 4));
    ledger.note(12, garbage(7));
    ledger.note(5, garbage(2));
    assert!(ledger.closes_a_window(10));
    let draft = ledger.cut(10).unwrap();
    assert_eq!(draft.frontier, 10);
    assert_eq!(
        draft
            .rejects
            .iter()
            .map(|reject| reject.offset)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(results(Some(draft)), [(0, 0, 3)]);
    assert!(!ledger.has_news(10) && ledger.has_news(20));
    assert_eq!(results(ledger.cut(20)), [(10, 0, 4)]);
}

#[test]
fn late_orders_revise_a_window_and_revisions_between_two_cuts_become_one() {
    let mut ledger = anew();
    ledger.note(9, row(0, 3));
    assert_eq!(results(ledger.cut(10)), [(0, 0, 3)]);
    ledger.note(11, gone(0, 3));
    ledger.note(11, row(0, 4));
    ledger.note(12, gone(0, 4));
    ledger.note(12, row(0, 5));
    assert!(!ledger.closes_a_window(13), "it was published before");
    assert_eq!(results(ledger.cut(13)), [(0, 1, 5)]);
}

#[test]
fn the_retraction_of_a_final_window_is_no_result() {
    let mut ledger = anew();
    ledger.note(9, row(0, 3));
    ledger.cut(10).unwrap();
    ledger.note(30, gone(0, 3));
    let draft = ledger.cut(31).unwrap();
    assert_eq!(draft.results, []);
    assert!(ledger.progress("USD").windows.is_empty());
}

#[test]
fn when_the_last_window_becomes_final_the_progress_is_written_once_more() {
    let mut ledger = anew();
    ledger.note(0, moved(8, 40, &[(0, 3), (10, 17)]));
    ledger.note(9, row(0, 3));
    ledger.note(19, row(10, 3));
    ledger.cut(20).unwrap();
    ledger.note(30, gone(0, 3));
    assert_eq!(ledger.cut(31), None, "another window is live");
    ledger.note(40, gone(10, 3));
    assert!(ledger.cut(41).is_some());
    let partition = ledger.progress("USD").partitions[&0];
    assert_eq!((partition.processed, partition.resume), (40, 40));
    assert_eq!(ledger.cut(50), None);
}

#[test]
fn what_is_left_of_a_window_while_workers_retract_it_is_no_result() {
    let mut ledger = anew();
    ledger.note(9, row(0, 306));
    ledger.note(30, gone(0, 306));
    ledger.note(30, row(0, 158));
    assert_eq!(results(ledger.cut(40)), [(0, 0, 306)]);
}

#[test]
fn nothing_new_is_nothing_to_write() {
    let mut ledger = anew();
    assert!(!ledger.has_news(100));
    assert_eq!(ledger.cut(100), None);
}

#[test]
fn a_replay_publishes_nothing_again_and_counts_nothing_again() {
    let mut ledger = begun(&start(20, 50, 30), &[(10, 0, 4)]);
    ledger.note(19, row(10, 4));
    ledger.note(
        19,
        Note::Counted(Counted {
            accepted: 4,
            duplicate: 0,
        }),
    );
    ledger.note(19, moved(20, 50, &[(10, 30)]));
    assert_eq!(ledger.cut(20), None);
    assert!(ledger.take_mismatches().is_empty());
    assert_eq!(ledger.progress("USD").totals, Totals::default());
    // A late order of after the replay.
    ledger.note(21, row(10, 5));
    assert_eq!(results(ledger.cut(22)), [(10, 1, 5)]);
}

#[test]
fn a_window_whose_replay_gives_other_totals_is_told_and_stays_as_it_was_published() {
    for replayed in [3, 5] {
        let mut ledger = begun(&start(20, 50, 30), &[(10, 0, 4)]);
        ledger.note(19, row(10, replayed));
        assert_eq!(ledger.cut(20), None);
        let mismatches = ledger.take_mismatches();
        assert_eq!(mismatches.len(), 1);
        assert_eq!(
            (mismatches[0].published.orders, mismatches[0].replayed.orders),
            (4, replayed)
        );
        ledger.note(21, row(10, 9));
        assert_eq!(results(ledger.cut(22)), []);
    }
}

#[test]
fn a_window_never_shrinks() {
    let mut ledger = begun(&start(20, 50, 30), &[(10, 2, 4)]);
    ledger.note(19, row(10, 4));
    assert_eq!(results(ledger.cut(20)), []);
    ledger.note(21, row(10, 3));
    assert_eq!(results(ledger.cut(22)), []);
    assert_eq!(ledger.take_mismatches().len(), 1);
}

#[test]
fn after_a_lost_progress_a_window_comes_to_what_was_published_bit_by_bit() {
    let mut ledger = rebuilding(&start(0, 0, 0), &[(0, 1, 5)], 10);
    ledger.note(9, row(0, 3));
    assert_eq!(results(ledger.cut(10)), []);
    ledger.note(11, row(0, 5));
    assert_eq!(results(ledger.cut(12)), []);
    assert!(ledger.take_mismatches().is_empty());
    ledger.note(13, row(0, 6));
    assert_eq!(results(ledger.cut(14)), [(0, 2, 6)]);
}

#[test]
fn after_a_lost_progress_a_window_that_stays_behind_is_told_when_it_is_final() {
    let mut ledger = rebuilding(&start(0, 0, 0), &[(0, 1, 5)], 10);
    ledger.note(9, row(0, 3));
    ledger.cut(10);
    assert!(ledger.take_mismatches().is_empty());
    ledger.cut(30);
    assert_eq!(ledger.take_mismatches().len(), 1);
}

#[test]
fn a_crash_before_the_rebuild_is_through_does_not_end_it() {
    let mut ledger = rebuilding(&start(0, 0, 0), &[(0, 1, 5)], 10);
    ledger.note(0, moved(12, 40, &[(0, 3)]));
    ledger.note(9, row(0, 3));
    ledger.cut(12).unwrap();
    let progress = ledger.progress("USD");
    assert_eq!(progress.rebuilt_until, Some(10));
    let mut ledger = rebuilding(&start(12, 40, 3), &[(0, 1, 5)], 10);
    ledger.note(9, row(0, 3));
    assert_eq!(results(ledger.cut(13)), []);
    assert!(ledger.take_mismatches().is_empty());
    ledger.note(14, row(0, 5));
    ledger.note(15, row(0, 6));
    assert_eq!(results(ledger.cut(16)), [(0, 2, 6)]);
    ledger.cut(30);
    assert_eq!(ledger.progress("USD").rebuilt_until, None);
}

#[test]
fn a_published_window_of_which_the_replay_gives_nothing_is_told_and_stays_as_it_was() {
    let mut ledger = begun(&start(25, 50, 30), &[(0, 0, 3), (10, 0, 4), (20, 0, 7)]);
    ledger.note(19, row(10, 4));
    ledger.note(25, moved(26, 60, &[]));
    ledger.cut(26).unwrap();
    let mismatches = ledger.take_mismatches();
    assert_eq!(
        mismatches.len(),
        1,
        "[20, 30) had been published early and is open"
    );
    assert_eq!(
        (
            mismatches[0].window,
            mismatches[0].published.orders,
            mismatches[0].replayed.orders
        ),
        (0, 3, 0)
    );
    ledger.note(27, row(0, 9));
    assert_eq!(results(ledger.cut(28)), []);
    assert!(ledger.take_mismatches().is_empty());
}

#[test]
fn resume_is_the_first_record_of_any_live_window() {
    let mut ledger = anew();
    let partition = |ledger: &Ledger| ledger.progress("USD").partitions[&0];
    ledger.note(0, moved(8, 40, &[(0, 3), (10, 17)]));
    ledger.note(8, moved(15, 60, &[(20, 44)]));
    ledger.cut(9).unwrap();
    assert_eq!((partition(&ledger).processed, partition(&ledger).resume), (60, 3));
    assert_eq!(partition(&ledger).prior, Some((59, Some(5))));
    // [0, 10) is final at 30, [10, 20) at 40, [20, 30) at 50.
    for (frontier, resume) in [(29, 3), (30, 17), (40, 44), (50, 60)] {
        ledger.cut(frontier);
        assert_eq!(partition(&ledger).resume, resume, "at {frontier}");
    }
}

#[test]
fn until_the_first_cut_of_a_run_resume_stays_where_it_was() {
    let mut ledger = begun(&start(20, 50, 30), &[]);
    ledger.set_ahead_bytes(1);
    ledger.note(20, garbage(55));
    ledger.rejects_ahead().unwrap();
    let partition = ledger.progress("USD").partitions[&0];
    assert_eq!((partition.processed, partition.resume), (50, 30));
}

#[test]
fn the_last_cut_of_a_bounded_run_stands_one_second_on_where_a_record_is_stamped() {
    let mut ledger = anew();
    ledger.note(0, moved(8, 40, &[(0, 3)]));
    ledger.note(9, row(0, 3));
    let draft = ledger.last_cut().unwrap();
    assert_eq!(draft.frontier, 9);
    assert_eq!(draft.offsets, [(0, 40)]);
    assert_eq!(results(Some(draft)), [(0, 0, 3)]);
}

#[test]
fn every_record_is_accounted_for() {
    let mut ledger = anew();
    let tally = Tally {
        consumed: 10,
        ignored: 1,
        late: 2,
        invalid: 3,
    };
    ledger.note(3, Note::Fact(Fact::Tally(tally)));
    ledger.note(
        3,
        Note::Counted(Counted {
            accepted: 3,
            duplicate: 1,
        }),
    );
    ledger.note(3, garbage(1));
    assert_eq!(ledger.waiting_records(), 10);
    let draft = ledger.cut(4).unwrap();
    assert!(draft.totals.balanced(), "{:?}", draft.totals);
    assert_eq!((ledger.waiting_records(), ledger.rejects_bytes()), (0, 0));
}

#[test]
fn a_flood_of_records_under_one_stamp_leaves_one_note() {
    let mut ledger = anew();
    ledger.set_ahead_bytes(1);
    for offset in 0..1_000 {
        let tally = Tally {
            consumed: 1,
            invalid: 1,
            ..Tally::default()
        };
        ledger.note(5, garbage(offset));
        ledger.note(5, Note::Fact(Fact::Tally(tally)));
        ledger.rejects_ahead().unwrap();
    }
    assert_eq!(ledger.notes[&5].len(), 1);
    assert_eq!(ledger.rejects_bytes(), 0);
    assert_eq!(ledger.rejects_bytes(), 0);
    ledger.note(0, moved(8, 1_000, &[]));
    let totals = ledger.cut(8).unwrap().totals;
    assert_eq!((totals.consumed, totals.invalid), (1_000, 1_000));
}

#[test]
fn a_flood_of_rejects_is_written_ahead_of_its_cut_once() {
    let mut ledger = anew();
    ledger.set_ahead_bytes(3_000);
    ledger.note(5, garbage(0));
    assert_eq!(ledger.rejects_ahead(), None);
    ledger.note(5, garbage(1));
    ledger.note(7, garbage(2));
    assert!(!ledger.rejected_ahead());
    let draft = ledger.rejects_ahead().unwrap();
    assert_eq!(
        (draft.rejects.len(), draft.frontier, draft.offsets.len()),
        (3, 0, 0)
    );
    assert!(ledger.rejected_ahead());
    assert_eq!(ledger.rejects_bytes(), 0);
    // The cut that reaches them holds them no more, and nothing is ahead of it.
    ledger.note(0, moved(8, 3, &[]));
    let draft = ledger.cut(8).unwrap();
    assert!(draft.rejects.is_empty());
    assert!(!ledger.rejected_ahead());
}

#[test]
fn a_late_order_is_written_ahead_only_when_every_reading_finds_it_late() {
    let mut ledger = begun(&start(100, 50, 50), &[]);
    ledger.set_ahead_bytes(1);
    // Final since the last cut is what ended at 80 or before.
    ledger.note(110, late(51, 70));
    ledger.note(110, late(52, 80));
    let draft = ledger.rejects_ahead().unwrap();
    assert_eq!(
        draft
            .rejects
            .iter()
            .map(|reject| reject.offset)
            .collect::<Vec<_>>(),
        [51]
    );
    assert_eq!(ledger.cut(111).unwrap().rejects[0].offset, 52);
}

#[test]
fn rejects_that_an_earlier_run_wrote_ahead_stay_so_until_a_cut_reaches_them() {
    let mut begin = start(100, 50, 50);
    begin.rejected.insert((0, 53), RejectedBefore::Invalid);
    let mut ledger = begun(&begin, &[]);
    assert!(ledger.rejected_ahead());
    ledger.note(100, moved(105, 60, &[(90, 52)]));
    ledger.cut(105);
    assert!(ledger.rejected_ahead(), "a start reads the record again");
    ledger.cut(120);
    assert!(!ledger.rejected_ahead());
}
