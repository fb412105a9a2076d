//! What a reader of the changelog sees.

use crate::running::alone;
use crate::windows::{Windows, order};

#[test]
fn the_first_result_is_one_row_in() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600), order("b", "u", 600)]);
        windows.at(worker, 661, &[]);
        assert_eq!(windows.take_rows(), [(659, (600, (2, 200, 4, 1)), 1)]);
    });
}

#[test]
fn a_late_order_takes_the_old_row_out_and_puts_the_new_row_in() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600)]);
        windows.at(worker, 661, &[]);
        windows.take_rows();
        windows.at(worker, 670, &[order("b", "v", 600)]);
        windows.at(worker, 671, &[]);
        let mut rows = windows.take_rows();
        rows.sort_unstable_by_key(|(_, _, change)| *change);
        assert_eq!(
            rows,
            [(670, (600, (1, 100, 2, 1)), -1), (670, (600, (2, 200, 4, 2)), 1)]
        );
    });
}

#[test]
fn a_late_copy_makes_no_row() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600)]);
        windows.at(worker, 661, &[]);
        windows.take_rows();
        windows.at(worker, 670, &[order("a", "u", 600)]);
        windows.at(worker, 671, &[]);
        assert_eq!(windows.take_rows(), []);
    });
}

#[test]
fn a_retraction_takes_the_row_out_and_puts_none_in() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600)]);
        windows.at(worker, 719, &[]);
        windows.take_rows();
        windows.at(worker, 721, &[]);
        assert_eq!(windows.take_rows(), [(720, (600, (1, 100, 2, 1)), -1)]);
    });
}

#[test]
fn the_end_of_the_input_leaves_no_row() {
    alone(|worker| {
        let mut windows = Windows::new(worker);
        windows.at(worker, 600, &[order("a", "u", 600)]);
        windows.at(worker, 665, &[order("b", "v", 660), order("c", "v", 600)]);
        windows.end(worker);
        let rows = windows.take_rows();
        let left: isize = rows.iter().map(|(_, _, change)| change).sum();
        let shown = rows.iter().filter(|(_, _, change)| *change > 0).count();
        assert_eq!((left, shown), (0, 3), "{rows:?}");
    });
}
