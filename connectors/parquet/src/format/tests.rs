//! Files that are well formed and whose rows are not.

use super::*;

fn row() -> AnalyticsResult {
    let at = |millis| Timestamp::from_millis(millis).unwrap();
    let totals = ResultTotals {
        order_count: 3,
        total_revenue: MoneySum::from_minor(38_970),
        total_items: 7,
        unique_users: 2,
    };
    AnalyticsResult::new(at(60_000)..at(120_000), totals, 1).unwrap()
}

/// What reading says of a file of two rows, the second of them spoilt.
fn error_of(spoil: impl FnOnce(&mut Columns)) -> String {
    let mut columns = Columns::of(&[row(), row()]).unwrap();
    spoil(&mut columns);
    decode(columns.write().unwrap().into()).unwrap_err().to_string()
}

#[test]
fn a_value_that_its_column_bears_and_no_result_has_is_named() {
    let value = |column| format!("column {column} of row 1 holds a value that no result has");
    assert_eq!(
        error_of(|all| all.window_start[1] = -1_000),
        value("window_start")
    );
    assert_eq!(error_of(|all| all.window_end[1] += 1), value("window_end"));
    assert_eq!(error_of(|all| all.order_count[1] = -1), value("order_count"));
    assert_eq!(error_of(|all| all.unique_users[1] = -1), value("unique_users"));
    assert_eq!(error_of(|all| all.revision[1] = -1), value("revision"));
}

#[test]
fn a_row_that_contradicts_itself_is_refused() {
    assert_eq!(
        error_of(|all| all.window_end[1] = all.window_start[1]),
        "row 1 is no result: window_end: is not after window_start"
    );
    assert_eq!(
        error_of(|all| all.order_count[1] = 0),
        "row 1 is no result: order_count: `0` is not between 1 and 9223372036854775807"
    );
    assert_eq!(
        error_of(|all| all.total_items[1] = 2),
        "row 1 is no result: total_items: is less than order_count"
    );
    assert_eq!(
        error_of(|all| all.total_revenue[1] = decimal(MoneySum::from_minor(-1)).unwrap()),
        "row 1 is no result: total_revenue: `-0.01` is negative"
    );
}

#[test]
fn the_first_file_of_version_1_holds_two_results_and_a_row_that_is_none() {
    let file = Bytes::from_static(include_bytes!("../../tests/fixtures/windows-v1.parquet"));
    let reader = SerializedFileReader::new(file).unwrap();
    let columns = Columns::read(reader.get_row_group(0).unwrap().as_ref()).unwrap();
    assert_eq!(columns.len(), 3);
    let first = columns.result(0).unwrap();
    assert_eq!(first.window_start().to_string(), "2026-11-23T02:00:00Z");
    assert_eq!(
        (first.order_count(), first.total_items(), first.unique_users()),
        (11, 22, 6)
    );
    assert_eq!(columns.result(1).unwrap().revision(), 7);
    // It was put together by a test when nothing judged one: 17 users have placed 3 orders.
    assert_eq!(
        columns.result(2).unwrap_err().to_string(),
        "row 2 is no result: unique_users: is more than order_count"
    );
}
