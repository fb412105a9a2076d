//! S3 and Google Cloud Storage over HTTP.

use test_support::buckets::Bucket;
use weir_parquet::{Store, StoreError};

use crate::store::concurrent_writers_lose_nothing;
use crate::support::{JOB, MINUTE, at, later, minutes, open, row};

async fn results_are_merged_and_read_back(bucket: &Bucket) {
    let store = open(bucket).await;
    let rows = minutes("2026-11-23T02:30:00Z", 90);
    assert_eq!(store.merge(&rows[..45]).await.unwrap().files, 2);
    assert_eq!(store.merge(&rows[40..]).await.unwrap().files, 1);
    assert_eq!(store.merge(&rows).await.unwrap().files, 0);
    let revised = row(later(at("2026-11-23T02:30:00Z"), 3 * MINUTE), 2);
    assert_eq!(store.merge(&[revised]).await.unwrap().files, 1);

    let mut expected = rows;
    expected[3] = revised;
    assert_eq!(open(bucket).await.read_all().await.unwrap(), expected);
    let error = Store::open_with(&bucket.url, "another", &bucket.settings)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::OwnedBy { .. }), "{error}");
}

async fn a_bucket_that_is_not_there_is_named(bucket: &Bucket) {
    let url = bucket.url.replace(&bucket.name, "no-such-bucket-anywhere");
    let error = Store::open_with(&url, JOB, &bucket.settings).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("no-such-bucket-anywhere/a prefix/results/_job"),
        "{text}"
    );
    assert!(text.contains("NoSuchBucket"), "{text}");
}

#[tokio::test]
async fn s3_results_are_merged_and_read_back() {
    let Some(bucket) = Bucket::s3() else { return };
    results_are_merged_and_read_back(&bucket).await;
}

#[tokio::test]
async fn gcs_results_are_merged_and_read_back() {
    let Some(bucket) = Bucket::gcs() else { return };
    results_are_merged_and_read_back(&bucket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_to_s3_lose_nothing() {
    let Some(bucket) = Bucket::s3() else { return };
    concurrent_writers_lose_nothing([open(&bucket).await, open(&bucket).await, open(&bucket).await]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_to_gcs_lose_nothing() {
    let Some(bucket) = Bucket::gcs() else { return };
    concurrent_writers_lose_nothing([open(&bucket).await, open(&bucket).await, open(&bucket).await]).await;
}

#[tokio::test]
async fn an_s3_bucket_that_is_not_there_is_named() {
    let Some(bucket) = Bucket::s3() else { return };
    a_bucket_that_is_not_there_is_named(&bucket).await;
}

#[tokio::test]
async fn a_gcs_bucket_that_is_not_there_is_named() {
    let Some(bucket) = Bucket::gcs() else { return };
    a_bucket_that_is_not_there_is_named(&bucket).await;
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_named_in_the_same_words_each_time() {
    // Port 9 of loopback; https, so that the TLS side is set up as well.
    let settings = [
        ("AWS_ENDPOINT", "https://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let open = || Store::open_with("s3://bucket/x", JOB, &settings);
    let (first, second) = tokio::join!(open(), open());
    let (first, second) = (first.unwrap_err(), second.unwrap_err());
    assert!(!first.is_configuration());
    assert_eq!(first.to_string(), second.to_string());
    assert!(first.to_string().contains("s3://bucket/x/_job"), "{first}");
    assert!(first.to_string().contains("Connection refused"), "{first}");
}
