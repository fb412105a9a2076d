//! When windows close, change and go.

use weir_dataflow::accumulate::Counted;

use crate::running::alone;
use crate::windows::{Windows, order};

#[test]
fn a_window_closes_when_the_frontier_reaches_its_end_and_no_earlier() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600), order("b", "v", 600)]);
        windows.at(worker, 659, &[order("c", "u", 600)]);
        assert_eq!(windows.take_changes(), []);
        windows.at(worker, 660, &[]);
        assert_eq!(windows.take_changes(), [(659, (600, 659, (3, 300, 6, 2)))]);
    });
}

#[test]
fn an_order_at_the_frontier_waits_until_the_frontier_has_passed_it() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 620, &[order("a", "u", 600)]);
        assert_eq!(
            windows.take_counted(),
            [],
            "a cut at 620 does not hold what is stamped 620"
        );
        windows.at(worker, 621, &[]);
        let one = Counted {
            accepted: 1,
            duplicate: 0,
        };
        assert_eq!(windows.take_counted(), [(620, one)]);
    });
}

#[test]
fn an_order_stamped_at_the_end_of_its_window_is_a_revision() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600)]);
        windows.at(worker, 660, &[order("b", "u", 600)]);
        windows.at(worker, 661, &[]);
        let (first, change) = ((1, 100, 2, 1), (1, 100, 2, 0));
        assert_eq!(
            windows.take_changes(),
            [(659, (600, 659, first)), (660, (600, 660, change))]
        );
    });
}

#[test]
fn a_copy_changes_nothing_and_is_counted_as_one() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600), order("a", "u", 600)]);
        windows.at(worker, 670, &[order("a", "u", 600)]);
        windows.at(worker, 671, &[]);
        assert_eq!(windows.take_changes(), [(659, (600, 659, (1, 100, 2, 1)))]);
        let counted = |accepted, duplicate| Counted { accepted, duplicate };
        assert_eq!(
            windows.take_counted(),
            [(600, counted(1, 1)), (670, counted(0, 1))]
        );
    });
}

#[test]
fn the_same_id_in_two_windows_counts_in_both() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 650, &[order("a", "u", 600), order("a", "u", 660)]);
        windows.at(worker, 720, &[]);
        let one = (1, 100, 2, 1);
        assert_eq!(
            windows.take_changes()[..2],
            [(659, (600, 659, one)), (719, (660, 719, one))]
        );
    });
}

#[test]
fn late_orders_of_one_stamp_make_one_change() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600)]);
        windows.at(worker, 700, &[order("b", "v", 600), order("c", "v", 600)]);
        windows.at(worker, 701, &[]);
        assert_eq!(windows.take_changes()[1..], [(700, (600, 700, (2, 200, 4, 1)))]);
    });
}

#[test]
fn the_first_order_of_a_window_may_come_after_its_end() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 700, &[order("a", "u", 600)]);
        windows.at(worker, 701, &[]);
        assert_eq!(windows.take_changes(), [(700, (600, 700, (1, 100, 2, 1)))]);
        windows.at(worker, 720, &[]);
        assert_eq!(windows.take_changes(), [(720, (600, 720, (-1, -100, -2, -1)))]);
    });
}

#[test]
fn a_window_is_retracted_when_the_lateness_is_over_and_no_earlier() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600)]);
        windows.at(worker, 719, &[order("b", "u", 600)]);
        assert_eq!(windows.take_changes().len(), 1, "at 719 it may still be revised");
        windows.at(worker, 720, &[]);
        let (change, all) = ((1, 100, 2, 0), (-2, -200, -4, -1));
        assert_eq!(
            windows.take_changes(),
            [(719, (600, 719, change)), (720, (600, 720, all))]
        );
    });
}

#[test]
fn the_end_of_the_input_closes_open_windows_early_and_leaves_nothing_behind() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600)]);
        windows.at(worker, 665, &[order("b", "v", 660)]);
        windows.end(worker);
        let (first, gone) = ((1, 100, 2, 1), (-1, -100, -2, -1));
        assert_eq!(
            windows.take_changes(),
            [
                (659, (600, 659, first)),
                (719, (660, 719, first)),
                (720, (600, 720, gone)),
                (780, (660, 780, gone)),
            ]
        );
        assert!(windows.probe.done());
    });
}

#[test]
fn a_replay_under_one_stamp_gives_each_window_whole() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        // The cut stood at 700: [600, 660) was published, [660, 720) is open.
        let replayed = [
            order("a", "u", 600),
            order("x", "u", 660),
            order("b", "v", 600),
            order("y", "u", 660),
        ];
        windows.at(worker, 699, &replayed);
        windows.at(worker, 700, &[]);
        assert_eq!(windows.take_changes(), [(699, (600, 699, (2, 200, 4, 2)))]);
        windows.at(worker, 710, &[order("z", "v", 660)]);
        windows.at(worker, 720, &[]);
        assert_eq!(windows.take_changes()[0], (719, (660, 719, (3, 300, 6, 2))));
    });
}

#[test]
fn a_replay_of_a_window_that_ends_at_the_cut_comes_at_the_replay_stamp() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 659, &[order("a", "u", 600)]);
        windows.at(worker, 660, &[]);
        assert_eq!(windows.take_changes(), [(659, (600, 659, (1, 100, 2, 1)))]);
    });
}

#[test]
fn many_runs_of_windows_in_one_batch_are_counted_apart() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        let orders: Vec<_> = (0..999_u64)
            .map(|number| {
                order(
                    &format!("o{number}"),
                    &format!("u{}", number % 7),
                    600 + number % 3 * 60,
                )
            })
            .collect();
        windows.at(worker, 600, &orders);
        windows.at(worker, 780, &[]);
        let closed: Vec<_> = windows
            .take_changes()
            .into_iter()
            .filter(|(_, (_, _, change))| change.0 > 0)
            .collect();
        let whole = (333, 33_300, 666, 7);
        assert_eq!(
            closed,
            [
                (659, (600, 659, whole)),
                (719, (660, 719, whole)),
                (779, (720, 779, whole)),
            ]
        );
    });
}

/// A window and the capability of its retraction live and die together, so the output's frontier tells which windows
/// are still held: were one held for longer, the frontier would stand at its retraction.
#[test]
fn memory_is_bounded_by_the_live_windows_over_a_long_stream() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        let (mut live, mut most) = (0_i64, 0);
        for minute in 10..1_000_u64 {
            let start = minute * 60;
            windows.at(worker, start, &[order(&format!("o{minute}"), "u", start)]);
            windows.at(worker, start + 59, &[]);
            for (_, (_, _, change)) in windows.take_changes() {
                live += change.0.signum();
            }
            most = most.max(live);
            assert!(
                !windows.probe.less_than(&(start + 59)),
                "a window is held for too long"
            );
        }
        assert_eq!(
            most, 1,
            "of closed windows one is live at a time, with the lateness as long as a window"
        );
    });
}
