//! How clocks move: by reading, and by proof that there is nothing to read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use weir_dataflow::clocks::Clocks;
use weir_dataflow::source::{Start, StartPartition};

use crate::RULES;

/// Partitions 0 and 1, read up to 500 s and 800 s.
fn two() -> Clocks {
    let clocks = Clocks::new(RULES);
    clocks.add(0, 0);
    clocks.add(1, 0);
    clocks.read(0, 500);
    clocks.read(1, 800);
    clocks
}

#[test]
fn a_clock_never_goes_back() {
    let clocks = two();
    clocks.read(1, 700);
    assert_eq!(clocks.all()[&1], 800);
}

#[test]
fn the_slowest_clock_is_the_least() {
    assert_eq!(Clocks::new(RULES).slowest(), None);
    assert_eq!(two().slowest(), Some(500));
}

#[test]
fn a_quiet_partition_follows_the_furthest_once_proven_for_the_lag() {
    let clocks = two();
    assert_eq!(clocks.prove(0, 2_000_000), 500);
    assert_eq!(clocks.prove(0, 2_009_999), 500);
    assert_eq!(clocks.prove(0, 2_010_000), 800);
}

#[test]
fn a_quiet_partition_goes_no_further_than_the_question_less_the_lag() {
    let clocks = two();
    clocks.prove(0, 780_000);
    assert_eq!(clocks.prove(0, 790_500), 780);
}

#[test]
fn no_time_passing_moves_a_clock_without_an_answer() {
    let clocks = two();
    clocks.prove(0, 2_000_000);
    clocks.prove(1, 2_000_000);
    clocks.prove(1, 9_000_000);
    assert_eq!(clocks.slowest(), Some(500));
}

#[test]
fn a_valid_order_breaks_the_proof() {
    let clocks = two();
    clocks.prove(0, 2_000_000);
    clocks.read(0, 500);
    assert_eq!(clocks.prove(0, 2_010_000), 500);
    assert_eq!(clocks.prove(0, 2_020_000), 800);
}

#[test]
fn while_something_is_unread_not_all_are_quiet() {
    let clocks = two();
    for asked_ms in [2_000_000, 2_010_000, 2_020_000] {
        clocks.prove(0, asked_ms);
        clocks.prove(1, asked_ms);
    }
    assert_eq!(clocks.slowest(), Some(810));
    clocks.unread(1);
    assert_eq!(clocks.prove(0, 2_030_000), 810);
    // It was garbage: the quiet of before goes on.
    clocks.prove(1, 2_031_000);
    assert_eq!(clocks.prove(0, 2_031_000), 821);
    clocks.unread(1);
    clocks.read(1, 810);
    assert_eq!(clocks.prove(0, 2_040_000), 821, "it was an order");
}

#[test]
fn what_is_unread_breaks_no_proof_of_its_own_partition() {
    let clocks = two();
    clocks.prove(0, 2_000_000);
    clocks.unread(0);
    assert_eq!(clocks.prove(0, 2_010_000), 800);
}

#[test]
fn a_worker_that_is_ready_first_knows_the_partitions_of_all() {
    let clocks = Clocks::new(RULES);
    let mut start = Start {
        frontier: 700,
        ..Start::default()
    };
    start.partitions.insert(0, StartPartition::at(5));
    start.partitions.insert(
        1,
        StartPartition {
            processed: 9,
            resume: 5,
        },
    );
    clocks.begin(&start);
    clocks.read(0, 900);
    clocks.begin(&start);
    assert_eq!((clocks.all()[&0], clocks.slowest()), (900, Some(700)));
    assert!(clocks.replaying());
    clocks.caught_up(1);
    assert!(!clocks.replaying());
}

#[test]
fn when_all_are_quiet_the_furthest_moves_at_wall_speed() {
    let clocks = two();
    for partition in [0, 1] {
        clocks.prove(partition, 2_000_000);
    }
    assert_eq!(
        clocks.prove(0, 2_010_000),
        800,
        "the other has not been proven for the lag"
    );
    assert_eq!(clocks.prove(1, 2_010_000), 800);
    assert_eq!(clocks.prove(1, 2_017_000), 807);
    assert_eq!(clocks.prove(0, 2_017_000), 807);
    assert_eq!(clocks.slowest(), Some(807));
}

#[test]
fn when_all_are_quiet_no_clock_passes_the_question_less_the_lag() {
    let clocks = two();
    for asked_ms in [795_000, 805_000, 815_000] {
        clocks.prove(0, asked_ms);
        clocks.prove(1, asked_ms);
    }
    // From 805 s on the furthest would be at 810.
    assert_eq!(clocks.slowest(), Some(805));
}

#[test]
fn an_order_anywhere_ends_the_quiet_of_all() {
    let clocks = two();
    for asked_ms in [2_000_000, 2_010_000, 2_020_000] {
        clocks.prove(0, asked_ms);
        clocks.prove(1, asked_ms);
    }
    assert_eq!(clocks.slowest(), Some(810));
    clocks.read(1, 811);
    assert_eq!(
        clocks.prove(0, 2_040_000),
        811,
        "it follows the furthest, at no speed of its own"
    );
}

#[test]
fn a_partition_without_any_record_follows_the_slowest_of_the_others() {
    let clocks = two();
    clocks.add(2, 0);
    clocks.add(3, 0);
    clocks.follow(3, 2_000_000);
    assert_eq!(
        clocks.follow(2, 2_000_000),
        500,
        "one that is empty too does not hold it back"
    );
    assert_eq!(clocks.slowest(), Some(0), "the other empty one was asked before");
    assert_eq!(clocks.follow(3, 2_000_000), 500);
    clocks.read(0, 600);
    assert_eq!(
        clocks.follow(2, 560_000),
        550,
        "and no further than the question less the lag"
    );
}

#[test]
fn empty_partitions_alone_stay_where_they_are() {
    let clocks = Clocks::new(RULES);
    clocks.add(0, 100);
    clocks.add(1, 100);
    assert_eq!(clocks.follow(0, 2_000_000), 100);
    assert_eq!(clocks.follow(1, 2_000_000), 100);
}

#[test]
fn a_finished_partition_holds_nobody_back() {
    let clocks = two();
    clocks.finish(0);
    assert_eq!(clocks.slowest(), Some(800));
    clocks.finish(1);
    assert_eq!(clocks.slowest(), None);
}

#[test]
fn a_move_of_the_slowest_wakes_every_worker_and_no_other_move_does() {
    let clocks = two();
    let woken = Arc::new(AtomicU32::new(0));
    for _ in 0..2 {
        let woken = Arc::clone(&woken);
        clocks.on_move(Box::new(move || {
            woken.fetch_add(1, Ordering::Relaxed);
        }));
    }
    clocks.read(1, 900);
    assert_eq!(woken.load(Ordering::Relaxed), 0);
    clocks.read(0, 600);
    assert_eq!(woken.load(Ordering::Relaxed), 2);
    clocks.finish(0);
    assert_eq!(woken.load(Ordering::Relaxed), 4);
    clocks.wake_all();
    assert_eq!(woken.load(Ordering::Relaxed), 6);
}
