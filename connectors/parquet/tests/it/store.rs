//! What a merge promises, wherever the files lie.

use weir_parquet::{Store, StoreError};
use weir_proto::MoneySum;

use crate::support::{HOUR, JOB, MINUTE, at, expected, later, minutes, row, window, with_totals};

#[tokio::test]
async fn what_was_merged_is_read_back_in_order() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let mut rows = minutes("2026-11-23T22:30:00Z", 150);
    let in_order = rows.clone();
    rows.reverse();
    let written = store.merge(&rows).await.unwrap();
    assert_eq!(written.files, 3);
    assert!(written.bytes > 3000);
    assert_eq!(store.read_all().await.unwrap(), in_order);
}

#[tokio::test]
async fn a_merge_that_changes_nothing_writes_nothing() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let rows = minutes("2026-11-23T02:00:00Z", 60);
    assert_eq!(store.merge(&rows).await.unwrap().files, 1);
    assert_eq!(store.merge(&rows).await.unwrap().files, 0);
    assert_eq!(store.merge(&rows[7..9]).await.unwrap().files, 0);
    assert_eq!(store.merge(&[]).await.unwrap().files, 0);
}

#[tokio::test]
async fn the_highest_revision_stands_in_whichever_order_revisions_come() {
    let start = at("2026-11-23T02:36:00Z");
    let revisions: Vec<_> = (0..4).map(|revision| row(start, revision)).collect();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let store = Store::open("memory:", JOB).await.unwrap();
        for revision in order {
            store.merge(&[revisions[revision]]).await.unwrap();
        }
        assert_eq!(store.read_all().await.unwrap(), [revisions[3]]);
    }
    let store = Store::open("memory:", JOB).await.unwrap();
    store.merge(&revisions).await.unwrap();
    assert_eq!(store.read_all().await.unwrap(), [revisions[3]]);
}

#[tokio::test]
async fn two_results_of_one_revision_leave_the_same_whichever_comes_first() {
    let fewer = row(at("2026-11-23T02:36:00Z"), 1);
    let more = with_totals(fewer, |totals| totals.order_count += 1);
    for order in [[fewer, more], [more, fewer]] {
        let store = Store::open("memory:", JOB).await.unwrap();
        for result in order {
            store.merge(&[result]).await.unwrap();
        }
        assert_eq!(store.read_all().await.unwrap(), [more]);
    }
}

#[tokio::test]
async fn a_window_longer_than_an_hour_lies_in_the_hour_of_its_start() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let start = at("2026-11-23T00:00:00Z");
    let rows: Vec<_> = (0..8)
        .map(|n| window(later(start, n * 6 * HOUR), 6 * HOUR, 0))
        .collect();
    assert_eq!(store.merge(&rows).await.unwrap().files, 8);
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test]
async fn windows_of_a_second_fill_an_hour_with_3600_rows() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let start = at("2026-11-23T05:00:00Z");
    let rows: Vec<_> = (0..3600)
        .map(|n| window(later(start, n * 1000), 1000, 0))
        .collect();
    for part in rows.chunks(900) {
        assert_eq!(store.merge(part).await.unwrap().files, 1);
    }
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test]
async fn hours_can_be_read_alone() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let rows = minutes("2026-11-23T22:00:00Z", 4 * 60);
    store.merge(&rows).await.unwrap();
    let hours = store
        .read_hours(at("2026-11-23T23:59:00Z"), at("2026-11-24T00:00:00Z"))
        .await
        .unwrap();
    assert_eq!(hours, rows[60..180]);
    assert_eq!(
        store
            .read_hours(at("2027-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"))
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn the_first_and_the_last_possible_window_can_be_stored() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let rows = [
        row(at("1970-01-01T00:00:00Z"), 0),
        row(at("9998-12-31T23:59:00Z"), u32::MAX / 2),
    ];
    store.merge(&rows).await.unwrap();
    assert_eq!(store.read_all().await.unwrap(), rows);
}

#[tokio::test]
async fn a_value_too_large_for_its_column_is_named_and_harms_nothing() {
    let store = Store::open("memory:", JOB).await.unwrap();
    let good = row(at("2026-11-23T02:36:00Z"), 0);
    store.merge(&[good]).await.unwrap();
    let start = later(good.window_start(), MINUTE);
    let revenue = MoneySum::from_minor(10_i128.pow(38));
    let revenue = with_totals(row(start, 0), |totals| totals.total_revenue = revenue);
    let revision = row(start, u32::MAX);
    for (bad, column) in [(revenue, "total_revenue"), (revision, "revision")] {
        let error = store.merge(&[bad]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{column} of the window at 2026-11-23T02:37:00Z is too large for its column")
        );
    }
    assert_eq!(store.read_all().await.unwrap(), [good]);
}

#[tokio::test]
async fn memory_of_one_name_is_one_place() {
    let first = Store::open("memory://one-name-one-place", JOB).await.unwrap();
    let rows = minutes("2026-11-23T02:00:00Z", 3);
    first.merge(&rows).await.unwrap();
    let second = Store::open("memory://one-name-one-place", JOB).await.unwrap();
    assert_eq!(second.read_all().await.unwrap(), rows);
}

/// Three writers merge different revisions of the same windows at the same time; afterwards the highest of each
/// window is there. Each writer stands for a process, one of them a zombie with old revisions.
pub(crate) async fn concurrent_writers_lose_nothing(stores: [Store; 3]) {
    let windows = minutes("2026-11-23T02:00:00Z", 12);
    let mut all = Vec::new();
    let mut tasks = Vec::new();
    for (writer, store) in (0..).zip(stores.clone()) {
        let mut rows: Vec<_> = windows
            .iter()
            .enumerate()
            .map(|(n, w)| row(w.window_start(), (writer * 7 + n as u32 * 3) % 5))
            .collect();
        // Windows that nobody else writes.
        rows.push(row(
            later(windows[11].window_start(), (i64::from(writer) + 1) * MINUTE),
            0,
        ));
        all.extend(rows.clone());
        tasks.push(tokio::spawn(async move {
            for row in rows {
                // A folder's lock is nobody's turn: on a busy machine one writer may miss it for ten seconds.
                while let Err(error) = store.merge(&[row]).await {
                    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(stores[0].read_all().await.unwrap(), expected(all));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_to_memory_lose_nothing() {
    let store = Store::open("memory:", JOB).await.unwrap();
    concurrent_writers_lose_nothing([store.clone(), store.clone(), store]).await;
}
