//! Stamps, pauses, ends and facts of a source.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use weir_dataflow::source::{Control, Reason, RejectedBefore, Start, StartPartition, Tally};

use crate::running::{Running, alone, fresh};
use crate::shelf::{Content, Record, Shelf, garbage, order};

#[test]
fn a_record_is_stamped_with_the_clock_once_it_has_been_read() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700), order(2, 705), order(3, 702)]]);
        let source = Running::start(worker, &shelf, fresh(1));
        assert_eq!(source.stamps(), [690, 695, 695]);
        assert_eq!(source.frontier(), Some(695));
    });
}

#[test]
fn an_event_time_ahead_moves_the_clock_to_the_kafka_timestamp_only() {
    alone(|worker| {
        let ahead = Record {
            content: Content::Order(1, 750),
            kafka_s: 710,
        };
        let source = Running::start(worker, &Shelf::of(&[&[ahead]]), fresh(1));
        assert_eq!(source.stamps(), [700]);
        assert_eq!(
            source.orders.borrow()[0].1.window,
            720,
            "its window is that of its event time"
        );
    });
}

#[test]
fn the_frontier_stands_at_the_slowest_partition() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[order(2, 800)]]);
        let source = Running::start(worker, &shelf, fresh(2));
        assert_eq!(source.frontier(), Some(690));
        shelf.append(0, &[order(3, 790)]);
        source.turn(worker);
        assert_eq!(source.frontier(), Some(780));
    });
}

#[test]
fn a_partition_far_ahead_pauses_and_never_starves_the_slow_one() {
    alone(|worker| {
        let fast: Vec<_> = (0..1_300)
            .map(|second| order(second, 700 + i64::from(second)))
            .collect();
        let shelf = Shelf::of(&[&[order(5_000, 700)], &fast]);
        shelf.give_at_most(1);
        let source = Running::start(worker, &shelf, fresh(2));
        assert_eq!(
            source.clock(1),
            690 + 130 + 1,
            "the first order beyond two windows and the lag pauses it"
        );
        shelf.append(0, &[order(5_001, 900)]);
        source.turn(worker);
        assert_eq!(
            source.clock(0),
            890,
            "the slow one is read while the fast one waits"
        );
        assert_eq!(source.clock(1), 890 + 130 + 1, "then the fast one goes on");
    });
}

#[test]
fn a_paused_partition_takes_no_turns_of_its_worker() {
    alone(|worker| {
        let fast: Vec<_> = (0..1_300)
            .map(|second| order(second, 700 + i64::from(second)))
            .collect();
        let shelf = Shelf::of(&[&[order(5_000, 700)], &fast]);
        shelf.give_at_most(1);
        let source = Running::start(worker, &shelf, fresh(2));
        assert_eq!(source.clock(1), 690 + 130 + 1);
        while worker.activations().borrow().empty_for() == Some(Duration::ZERO) {
            worker.step();
        }
        assert_eq!(worker.activations().borrow().empty_for(), None);
    });
}

#[test]
fn of_several_partitions_the_one_behind_is_read_first() {
    alone(|worker| {
        let seconds =
            |from: u32| -> Vec<_> { (0..50).map(|id| order(from + id, 700 + i64::from(id))).collect() };
        let shelf = Shelf::of(&[&seconds(0), &seconds(100), &seconds(200)]);
        shelf.give_at_most(1);
        let source = Running::start(worker, &shelf, fresh(3));
        let stamps = source.stamps();
        assert_eq!(stamps.len(), 150);
        assert!(
            stamps.is_sorted(),
            "what is read in turns waits least: {stamps:?}"
        );
    });
}

#[test]
fn read_ahead_is_bounded_within_the_skew() {
    alone(|worker| {
        let fast: Vec<_> = (0..1_000).map(|id| order(id, 720)).collect();
        let shelf = Shelf::of(&[&[order(9_000, 700)], &fast]);
        shelf.give_at_most(10);
        let source = Running::with_read_ahead(worker, &shelf, fresh(2), 50);
        assert_eq!(shelf.read_to(1), 60, "one read beyond the bound");
        assert_eq!(
            source.in_flight.load(Ordering::Relaxed),
            61,
            "and the one record at the frontier"
        );
        shelf.append(0, &[order(9_001, 730)]);
        source.turn(worker);
        assert_eq!(
            shelf.read_to(1),
            1_000,
            "the partition that is itself the slowest reads on"
        );
    });
}

#[test]
fn a_partition_added_while_running_is_read_from_its_beginning() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)]]);
        let source = Running::start(worker, &shelf, fresh(1));
        shelf.append(3, &[order(2, 650), order(3, 720)]);
        source.ask(worker, &shelf, 730);
        assert_eq!(
            source.stamps(),
            [690, 690, 710],
            "its clock begins at the slowest, never before"
        );
        assert_eq!(source.tally().consumed, 3);
    });
}

#[test]
fn a_bounded_run_reads_to_the_ends_and_lets_go() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[], &[]]);
        let source = Running::start(worker, &shelf, fresh(2));
        shelf.freeze(true);
        shelf.append(0, &[order(1, 700), order(2, 701), order(3, 702)]);
        source.finish(worker, &[2, 0]);
        assert_ne!(source.frontier(), None, "the end has not been reached");
        shelf.freeze(false);
        source.turn(worker);
        assert_eq!(source.frontier(), None);
        assert_eq!(
            source.stamps(),
            [690, 691],
            "what lies beyond the end is not read"
        );
        let (_, last) = source.positions().pop().unwrap();
        assert_eq!(
            (last.partition, last.next, last.clock, last.stamped),
            (0, 2, 691, true)
        );
    });
}

#[test]
fn a_run_told_to_finish_behind_what_it_has_read_ends_where_it_is() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700), order(2, 701), order(3, 702)]]);
        let source = Running::start(worker, &shelf, fresh(1));
        assert_eq!(source.stamps().len(), 3);
        source.finish(worker, &[1]);
        assert_eq!(source.frontier(), None);
        assert_eq!(
            source.positions().pop().unwrap().1.next,
            3,
            "what was counted is before it"
        );
    });
}

#[test]
fn of_two_requests_to_finish_the_first_counts() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[]]);
        let source = Running::start(worker, &shelf, fresh(1));
        shelf.freeze(true);
        shelf.append(0, &[order(1, 700), order(2, 701), order(3, 702)]);
        source.finish(worker, &[1]);
        source.finish(worker, &[3]);
        shelf.freeze(false);
        source.turn(worker);
        assert_eq!((source.frontier(), source.stamps()), (None, vec![690]));
    });
}

#[test]
fn markers_after_the_last_record_count_as_read() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)]]);
        shelf.end_with_markers(1);
        let source = Running::start(worker, &shelf, fresh(1));
        source.finish(worker, &[2]);
        assert_eq!(source.frontier(), None);
        assert_eq!(source.positions().pop().unwrap().1.next, 2);
    });
}

#[test]
fn garbage_neither_moves_a_clock_nor_breaks_a_proof() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[order(2, 800)]]);
        let source = Running::start(worker, &shelf, fresh(2));
        source.ask(worker, &shelf, 2_000);
        let ignored = Record {
            content: Content::Ignored,
            kafka_s: 2_005,
        };
        shelf.append(0, &[garbage(2_005), ignored]);
        source.turn(worker);
        assert_eq!(source.clock(0), 690);
        shelf.append(1, &[order(3, 805)]);
        source.turn(worker);
        source.ask(worker, &shelf, 2_010);
        assert_eq!(source.clock(0), 795, "quiet for the lag, it follows the furthest");
    });
}

#[test]
fn a_valid_order_breaks_a_proof_even_if_it_moves_no_clock() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[order(2, 800)]]);
        let source = Running::start(worker, &shelf, fresh(2));
        source.ask(worker, &shelf, 2_000);
        shelf.append(0, &[order(3, 690)]);
        source.turn(worker);
        source.ask(worker, &shelf, 2_010);
        assert_eq!(source.clock(0), 690);
        source.ask(worker, &shelf, 2_020);
        assert_eq!(source.clock(0), 790);
    });
}

#[test]
fn what_is_unread_is_no_proof_however_long_it_takes() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[order(2, 800)]]);
        let source = Running::start(worker, &shelf, fresh(2));
        shelf.freeze(true);
        shelf.append(0, &[order(3, 705)]);
        for asked in [2_000, 2_010, 2_020, 3_000] {
            source.ask(worker, &shelf, asked);
        }
        assert_eq!(source.frontier(), Some(690));
        shelf.freeze(false);
        source.turn(worker);
        assert_eq!(source.stamps(), [690, 790, 695]);
    });
}

#[test]
fn while_an_order_is_unread_no_clock_moves_at_wall_speed() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[order(2, 700)]]);
        let source = Running::start(worker, &shelf, fresh(2));
        for asked in [2_000, 2_010, 2_015] {
            source.ask(worker, &shelf, asked);
        }
        assert_eq!(source.frontier(), Some(695), "all are quiet");
        shelf.freeze(true);
        shelf.append(1, &[order(3, 700)]);
        for asked in [2_020, 2_030, 2_060] {
            source.ask(worker, &shelf, asked);
        }
        // What is told of the first at 2,020 s is heard before what is told of the second.
        assert_eq!((source.clock(0), source.clock(1)), (700, 695));
    });
}

#[test]
fn an_answer_from_before_an_order_that_was_read_meanwhile_proves_nothing() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[order(2, 800)]]);
        let source = Running::start(worker, &shelf, fresh(2));
        let ends = shelf.ends();
        shelf.append(0, &[order(3, 701)]);
        source.turn(worker);
        let old = Control::Ends {
            asked_ms: 2_000_000,
            ends,
        };
        source.tell(worker, old);
        source.ask(worker, &shelf, 2_010);
        assert_eq!(source.clock(0), 691, "quiet since 2,010 s at most");
        source.ask(worker, &shelf, 2_020);
        assert_eq!(source.clock(0), 790);
    });
}

#[test]
fn when_all_are_quiet_the_last_window_closes_too() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[]]);
        let source = Running::start(worker, &shelf, fresh(2));
        for asked in 1_000..1_050 {
            source.ask(worker, &shelf, asked);
        }
        let frontier = source.frontier().unwrap();
        assert!(
            (720..=730).contains(&frontier),
            "39 s after the proof the clocks are at {frontier}"
        );
    });
}

#[test]
fn a_quiet_move_tells_that_nothing_is_stamped_in_between() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[order(2, 800)]]);
        let source = Running::start(worker, &shelf, fresh(2));
        source.ask(worker, &shelf, 2_000);
        source.ask(worker, &shelf, 2_010);
        let (stamp, moved) = source
            .positions()
            .into_iter()
            .rfind(|(_, position)| position.partition == 0)
            .unwrap();
        assert_eq!((stamp, moved.clock, moved.next), (690, 790, 1));
        assert_eq!(moved.prior, Some((0, Some(700_000))));
    });
}

#[test]
fn while_held_the_source_reads_nothing() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)]]);
        let source = Running::start(worker, &shelf, fresh(1));
        source.hold.store(true, Ordering::Release);
        shelf.append(0, &[order(2, 710)]);
        source.turn(worker);
        assert_eq!(source.stamps(), [690]);
        source.hold.store(false, Ordering::Release);
        source.clocks.wake_all();
        (0..10).for_each(|_| {
            worker.step();
        });
        assert_eq!(source.stamps(), [690, 700]);
    });
}

#[test]
fn what_does_not_make_it_into_a_window_goes_to_the_side_and_adds_up() {
    alone(|worker| {
        let too_far_ahead = Record {
            content: Content::Order(4, 1_100),
            kafka_s: 1_000,
        };
        let ignored = Record {
            content: Content::Ignored,
            kafka_s: 1_000,
        };
        let records = [
            order(1, 1_000),
            garbage(1_000),
            // The clock is at 990: [900, 960) may be revised until 1,020, [840, 900) until 960.
            order(2, 901),
            order(3, 899),
            too_far_ahead,
            ignored,
        ];
        let source = Running::start(worker, &Shelf::of(&[&records]), fresh(1));
        assert_eq!(source.stamps(), [990, 990]);
        assert_eq!(
            source.tally(),
            Tally {
                consumed: 6,
                ignored: 1,
                late: 1,
                invalid: 2
            }
        );
        let rejects = source.rejects();
        let offsets: Vec<_> = rejects.iter().map(|reject| reject.offset).collect();
        assert_eq!(offsets, [1, 3, 4]);
        assert!(matches!(&rejects[0].reason, Reason::Invalid(text) if text == "no order"));
        assert!(matches!(&rejects[1].reason, Reason::Late(_)));
        assert!(matches!(&rejects[2].reason, Reason::Invalid(text) if text.contains("created_at")));
        assert_eq!(
            rejects[1].value.as_deref(),
            Some(b"3 899".as_slice()),
            "as it came"
        );
        assert_eq!(
            (rejects[1].timestamp, rejects[1].key.as_deref()),
            (Some(899_000), Some(b"key".as_slice()))
        );
    });
}

#[test]
fn lateness_is_judged_by_the_stamp_not_by_the_frontier() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)], &[order(2, 800), order(3, 659)]]);
        let source = Running::start(worker, &shelf, fresh(2));
        assert_eq!(
            source.frontier(),
            Some(690),
            "[600, 660) may be revised until 720"
        );
        assert_eq!(source.tally().late, 1, "its own partition stands at 790");
    });
}

#[test]
fn a_window_is_late_from_the_very_second_that_its_lateness_is_over() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 729), order(2, 659), order(3, 730), order(4, 659)]]);
        let source = Running::start(worker, &shelf, fresh(1));
        let offsets: Vec<_> = source.rejects().iter().map(|reject| reject.offset).collect();
        assert_eq!(offsets, [3], "live at 719, final at 720");
    });
}

/// The cut stood at 700 with three records before it; windows up to 660 are final.
fn resumed() -> Start {
    let at = StartPartition {
        processed: 3,
        resume: 0,
    };
    Start {
        frontier: 700,
        final_until: 660,
        partitions: BTreeMap::from([(0, at)]),
        ..Start::default()
    }
}

#[test]
fn a_replay_is_stamped_before_the_cut_and_is_not_counted_again() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 659), garbage(700), order(2, 709), order(3, 711)]]);
        let source = Running::start(worker, &shelf, resumed());
        assert_eq!(
            source.stamps(),
            [699, 701],
            "an order of a final window is not replayed"
        );
        assert_eq!(source.rejects(), []);
        assert_eq!(source.tally().consumed, 1);
        let (stamp, caught_up) = source.positions().remove(0);
        assert_eq!((stamp, caught_up.next, caught_up.clock), (699, 3, 700));
        assert_eq!(
            caught_up.firsts,
            [(660, 2)],
            "a restart reads from the first record of a live window"
        );
    });
}

#[test]
fn until_the_replay_is_through_the_frontier_stands_before_the_cut() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 705), order(2, 706)]]);
        let source = Running::start(worker, &shelf, resumed());
        source.ask(worker, &shelf, 2_000);
        source.ask(worker, &shelf, 3_000);
        assert_eq!(source.frontier(), Some(699));
        shelf.append(0, &[order(3, 707)]);
        source.turn(worker);
        assert_eq!(source.frontier(), Some(700), "all clocks resume at the cut");
    });
}

#[test]
fn until_the_replay_is_through_no_other_partition_is_read() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 705), order(2, 706)], &[order(4, 701), garbage(702)]]);
        let mut start = resumed();
        start.partitions.insert(1, StartPartition::at(0));
        let source = Running::start(worker, &shelf, start);
        assert_eq!((shelf.read_to(0), shelf.read_to(1)), (2, 0));
        shelf.append(0, &[order(3, 707)]);
        source.turn(worker);
        assert_eq!((shelf.read_to(0), shelf.read_to(1)), (3, 2));
    });
}

#[test]
fn a_replay_leaves_out_what_an_earlier_run_has_rejected() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 709), order(2, 710), garbage(711), order(3, 711)]]);
        let mut start = resumed();
        start.rejected.insert((0, 1), RejectedBefore::Late);
        let source = Running::start(worker, &shelf, start);
        let replayed = source
            .orders
            .borrow()
            .iter()
            .filter(|(stamp, _)| *stamp == 699)
            .count();
        assert_eq!(replayed, 1);
    });
}

#[test]
fn a_record_rejected_by_an_earlier_run_is_counted_but_not_rejected_again() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[garbage(700), order(1, 700), garbage(701)]]);
        let mut start = fresh(1);
        start.rejected.insert((0, 0), RejectedBefore::Invalid);
        start.rejected.insert((0, 1), RejectedBefore::Late);
        let source = Running::start(worker, &shelf, start);
        assert_eq!(source.stamps(), [] as [u64; 0], "what was called late stays so");
        assert_eq!((source.tally().late, source.tally().invalid), (1, 2));
        assert_eq!(source.rejects().len(), 1);
    });
}

#[test]
fn a_log_that_fails_is_told_once_and_holds_the_frontier() {
    alone(|worker| {
        let shelf = Shelf::of(&[&[order(1, 700)]]);
        let source = Running::start(worker, &shelf, fresh(1));
        shelf.fail();
        shelf.append(0, &[order(2, 800)]);
        source.turn(worker);
        assert_eq!(*source.failures.borrow(), ["the disk burns"]);
        source.tell(worker, Control::Finish(BTreeMap::from([(0, 1)])));
        assert_eq!(source.frontier(), Some(690));
    });
}
