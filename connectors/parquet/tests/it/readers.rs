//! Independent readers: DuckDB and pyarrow.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use test_support::buckets::Bucket;
use test_support::servers::needed;
use weir_proto::{AnalyticsResult, MoneySum};

use crate::folder::store_in;
use crate::support::{minutes, open, revised, with_totals};

/// What tests/read_back.py sees, or `None` when there is no Python for it.
fn read_back(arguments: &[&str]) -> Option<Value> {
    let python = needed("WEIR_TEST_PYTHON", "a python with duckdb and pyarrow")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_back.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Rows as text, in the order of the columns.
fn as_text(rows: &[AnalyticsResult]) -> Value {
    let text = |row: &AnalyticsResult| {
        json!([
            row.window_start().to_string(),
            row.window_end().to_string(),
            row.order_count().to_string(),
            row.total_items().to_string(),
            row.unique_users().to_string(),
            row.total_revenue().to_string(),
            row.average_order_value().to_string(),
            row.revision().to_string(),
        ])
    };
    rows.iter().map(text).collect()
}

/// Three hours over midnight, one amount as large as the column takes.
fn rows() -> Vec<AnalyticsResult> {
    let mut rows = minutes("2026-11-23T02:30:00Z", 150);
    let most = MoneySum::from_minor(10_i128.pow(36) - 1);
    rows[7] = with_totals(rows[7], |totals| totals.total_revenue = most);
    rows[9] = revised(rows[9], 4);
    rows
}

fn pyarrow_types() -> Value {
    json!({
        "window_start": "timestamp[us, tz=UTC]",
        "window_end": "timestamp[us, tz=UTC]",
        "order_count": "int64",
        "total_items": "int64",
        "unique_users": "int64",
        "total_revenue": "decimal128(38, 2)",
        "average_order_value": "decimal128(38, 2)",
        "revision": "int32",
    })
}

#[tokio::test]
async fn duckdb_and_pyarrow_read_a_folder_with_the_same_types_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    store_in(&folder).await.merge(&rows).await.unwrap();
    let Some(seen) = read_back(&[folder.path().to_str().unwrap()]) else {
        return;
    };

    assert_eq!(seen["pyarrow"]["types"], pyarrow_types());
    assert_eq!(seen["pyarrow"]["rows"], as_text(&rows));
    assert_eq!(
        seen["duckdb"]["types"],
        json!({
            "window_start": "TIMESTAMP WITH TIME ZONE",
            "window_end": "TIMESTAMP WITH TIME ZONE",
            "order_count": "BIGINT",
            "total_items": "BIGINT",
            "unique_users": "BIGINT",
            "total_revenue": "DECIMAL(38,2)",
            "average_order_value": "DECIMAL(38,2)",
            "revision": "INTEGER",
        })
    );
    assert_eq!(seen["duckdb"]["rows"], as_text(&rows));
    let sum: i128 = rows.iter().map(|row| row.total_revenue().minor()).sum();
    assert_eq!(
        seen["duckdb"]["sum"],
        json!(MoneySum::from_minor(sum).to_string())
    );

    assert_eq!(
        (&seen["pyarrow"]["files"], &seen["pyarrow"]["files_of_one_hour"]),
        (&json!(3), &json!(1))
    );
    let plan = seen["duckdb"]["plan_of_one_hour"].as_str().unwrap();
    assert!(plan.contains("1/3"), "{plan}");
}

#[tokio::test]
async fn pyarrow_reads_a_bucket() {
    let Some(bucket) = Bucket::s3() else { return };
    let rows = rows();
    open(&bucket).await.merge(&rows).await.unwrap();
    let root = format!("{}/a prefix/results", bucket.name);
    let Some(seen) = read_back(&[&bucket.endpoint, &root]) else {
        return;
    };
    assert_eq!(seen["pyarrow"]["types"], pyarrow_types());
    assert_eq!(seen["pyarrow"]["rows"], as_text(&rows));
    assert_eq!(
        (&seen["pyarrow"]["files"], &seen["pyarrow"]["files_of_one_hour"]),
        (&json!(3), &json!(1))
    );
}
