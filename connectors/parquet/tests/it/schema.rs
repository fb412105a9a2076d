//! The stored format, held fast by fixtures that are never edited: a new version gets new ones beside them.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::printer::print_schema;
use weir_parquet::Store;
use weir_proto::{AnalyticsResult, MoneySum};

use crate::folder::{FIRST_HOUR, store_in};
use crate::support::{JOB, minutes, revised, with_totals};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

async fn written(rows: &[AnalyticsResult]) -> Bytes {
    let folder = tempfile::tempdir().unwrap();
    store_in(&folder).await.merge(rows).await.unwrap();
    fs::read(folder.path().join(FIRST_HOUR)).unwrap().into()
}

/// What `windows-v1-sound.parquet` holds.
fn rows_of_the_fixture() -> Vec<AnalyticsResult> {
    let mut rows = minutes("2026-11-23T02:00:00Z", 3);
    rows[1] = revised(rows[1], 7);
    rows[2] = with_totals(rows[2], |totals| {
        totals.total_revenue = MoneySum::from_minor(10_i128.pow(38) - 1);
        totals.order_count = 3;
        totals.unique_users = 2;
    });
    rows
}

#[tokio::test]
async fn the_schema_is_that_of_version_1() {
    let reader = SerializedFileReader::new(written(&rows_of_the_fixture()).await).unwrap();
    let mut printed = Vec::new();
    print_schema(&mut printed, reader.metadata().file_metadata().schema());
    assert_eq!(
        String::from_utf8(printed).unwrap(),
        fs::read_to_string(fixture("schema-v1.txt")).unwrap()
    );
}

#[tokio::test]
async fn a_file_of_version_1_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(FIRST_HOUR);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::copy(fixture("windows-v1-sound.parquet"), place).unwrap();
    let store = Store::open(folder.path().to_str().unwrap(), JOB).await.unwrap();
    assert_eq!(store.read_all().await.unwrap(), rows_of_the_fixture());
}

#[tokio::test]
async fn the_file_says_who_wrote_it_and_how_it_is_sorted() {
    let reader = SerializedFileReader::new(written(&minutes("2026-11-23T02:00:00Z", 60)).await).unwrap();
    let file = reader.metadata().file_metadata();
    assert_eq!(
        file.created_by(),
        Some(concat!("weir-parquet version ", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(file.num_rows(), 60);
    assert_eq!(reader.num_row_groups(), 1);
    let group = reader.metadata().row_group(0);
    let sorting = group.sorting_columns().unwrap();
    assert_eq!(
        (sorting.len(), sorting[0].column_idx, sorting[0].descending),
        (1, 0, false)
    );
    for column in group.columns() {
        assert!(
            format!("{:?}", column.compression()).starts_with("ZSTD"),
            "{column:?}"
        );
        assert!(
            column.statistics().is_some_and(|s| s.min_bytes_opt().is_some()),
            "{column:?}"
        );
    }
}

#[tokio::test]
async fn equal_rows_give_equal_bytes() {
    let rows = minutes("2026-11-23T02:00:00Z", 60);
    let mut reversed = rows.clone();
    reversed.reverse();
    assert_eq!(written(&rows).await, written(&reversed).await);
}
