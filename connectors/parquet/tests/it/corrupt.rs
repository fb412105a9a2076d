//! Files that are not what they should be: named, refused, never written over.

use std::fs;

use proptest::prelude::*;
use weir_parquet::StoreError;

use crate::folder::{FIRST_HOUR, store_in};
use crate::support::minutes;

#[tokio::test]
async fn a_file_that_is_not_ours_is_named_and_left_as_it_is() {
    let rows = minutes("2026-11-23T02:00:00Z", 60);
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    store.merge(&rows).await.unwrap();
    let file = folder.path().join(FIRST_HOUR);
    let whole = fs::read(&file).unwrap();

    for broken in [
        &b""[..],
        b"PAR1",
        b"not Parquet at all",
        &whole[..whole.len() / 2],
        &whole[1..],
    ] {
        fs::write(&file, broken).unwrap();
        for error in [
            store.merge(&rows[..1]).await.unwrap_err(),
            store.read_all().await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            assert!(
                error.to_string().contains(FIRST_HOUR) && error.to_string().contains("move it away"),
                "{error}"
            );
        }
        assert_eq!(fs::read(&file).unwrap(), broken);
    }
    // The other hours are not concerned, and a file put back is taken up again.
    store.merge(&minutes("2026-11-23T03:00:00Z", 1)).await.unwrap();
    fs::write(&file, &whole).unwrap();
    assert_eq!(store.merge(&rows).await.unwrap().files, 0);
}

/// Writes a file with a column less, as another program would.
fn other_columns() -> Vec<u8> {
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    let schema = parse_message_type("message m { REQUIRED INT64 window_start; }").unwrap();
    SerializedFileWriter::new(Vec::new(), schema.into(), Default::default())
        .unwrap()
        .into_inner()
        .unwrap()
}

#[tokio::test]
async fn a_file_with_other_columns_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder).await;
    store.merge(&minutes("2026-11-23T02:00:00Z", 1)).await.unwrap();
    fs::write(folder.path().join(FIRST_HOUR), other_columns()).unwrap();
    let error = store
        .merge(&minutes("2026-11-23T02:01:00Z", 1))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("it has other columns"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn broken_bytes_end_in_an_error_or_in_rows_and_are_written_over_only_if_read(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = store_in(&folder).await;
            let rows = minutes("2026-11-23T02:00:00Z", 20);
            store.merge(&rows).await.unwrap();
            let file = folder.path().join(FIRST_HOUR);
            let mut content = fs::read(&file).unwrap();
            for (place, byte) in damage {
                let place = place.index(content.len());
                content[place] = byte;
            }
            fs::write(&file, &content).unwrap();
            if let Err(error) = store.read_all().await {
                assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
                assert!(matches!(store.merge(&rows).await, Err(StoreError::Corrupt { .. })));
                assert_eq!(fs::read(&file).unwrap(), content);
            }
        });
    }
}
