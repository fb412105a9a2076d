//! Rows to store, and places to store them in.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use test_support::servers::needed;
use weir_parquet::Store;
use weir_proto::{AnalyticsResult, MoneySum, ResultTotals, Timestamp};

pub(crate) const JOB: &str = "order-analytics";
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// A window of a minute with values that depend on its start and revision.
pub(crate) fn row(start: Timestamp, revision: u32) -> AnalyticsResult {
    window(start, MINUTE, revision)
}

pub(crate) fn window(start: Timestamp, length_ms: i64, revision: u32) -> AnalyticsResult {
    let orders = 1 + u64::try_from(start.millis() / 1000 % 97).unwrap() + u64::from(revision);
    let totals = ResultTotals {
        order_count: orders,
        total_revenue: MoneySum::from_minor(i128::from(orders) * 12_995 + 1),
        total_items: i64::try_from(orders).unwrap() * 2,
        unique_users: orders.div_ceil(2),
    };
    AnalyticsResult::new(start..later(start, length_ms), totals, revision).unwrap()
}

/// The row with another revision.
pub(crate) fn revised(row: AnalyticsResult, revision: u32) -> AnalyticsResult {
    AnalyticsResult::new(row.window_start()..row.window_end(), row.totals(), revision).unwrap()
}

/// The row with other totals.
pub(crate) fn with_totals(row: AnalyticsResult, change: impl FnOnce(&mut ResultTotals)) -> AnalyticsResult {
    let mut totals = row.totals();
    change(&mut totals);
    AnalyticsResult::new(row.window_start()..row.window_end(), totals, row.revision()).unwrap()
}

pub(crate) fn later(start: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_millis(start.millis() + ms).unwrap()
}

/// `count` windows of a minute, one after the other.
pub(crate) fn minutes(first: &str, count: i64) -> Vec<AnalyticsResult> {
    (0..count)
        .map(|minute| row(later(at(first), minute * MINUTE), 0))
        .collect()
}

/// What must lie there after rows were merged: the highest revision of each window, in order.
pub(crate) fn expected(rows: impl IntoIterator<Item = AnalyticsResult>) -> Vec<AnalyticsResult> {
    let mut windows: BTreeMap<Timestamp, AnalyticsResult> = BTreeMap::new();
    for row in rows {
        let stands = windows.entry(row.window_start()).or_insert(row);
        if row.revision() > stands.revision() {
            *stands = row;
        }
    }
    windows.into_values().collect()
}

/// A bucket of a real server that speaks S3 or the XML API of Google Cloud Storage.
pub(crate) struct Bucket {
    pub(crate) url: String,
    pub(crate) settings: Vec<(String, String)>,
    /// `http://host:port`
    pub(crate) endpoint: String,
    pub(crate) name: String,
}

impl Bucket {
    /// A new bucket on moto, unless `WEIR_TEST_S3` is not set.
    pub(crate) fn s3() -> Option<Self> {
        let endpoint = needed("WEIR_TEST_S3", "http://HOST:PORT of a moto server")?;
        let settings = [
            ("AWS_ENDPOINT", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
        ];
        Some(Self::make("s3", &endpoint, &settings))
    }

    /// A new bucket behind tests/tools/gcs_shim.py, unless `WEIR_TEST_GCS` is not set.
    pub(crate) fn gcs() -> Option<Self> {
        let endpoint = needed("WEIR_TEST_GCS", "http://HOST:PORT of tests/tools/gcs_shim.py")?;
        let settings = [
            ("GOOGLE_BASE_URL", endpoint.as_str()),
            ("GOOGLE_ALLOW_HTTP", "true"),
            // GOOGLE_SKIP_SIGNATURE is not enough: a PUT asks the machine's metadata server for a token all the same.
            (
                "GOOGLE_SERVICE_ACCOUNT_KEY",
                r#"{"private_key":"","private_key_id":"","client_email":"","disable_oauth":true}"#,
            ),
        ];
        Some(Self::make("gs", &endpoint, &settings))
    }

    fn make(scheme: &str, endpoint: &str, settings: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let name = format!("weir-{}-{}-{number}", std::process::id(), since.as_millis());
        put_bucket(endpoint, &name);
        Self {
            url: format!("{scheme}://{name}/a%20prefix/results"),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            endpoint: endpoint.to_owned(),
            name,
        }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open_with(&self.url, JOB, &self.settings).await.unwrap()
    }
}

/// Creates a bucket; both servers take the same request.
fn put_bucket(endpoint: &str, name: &str) {
    let address = endpoint.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut connection = TcpStream::connect(address).unwrap();
    let authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=test";
    write!(
        connection,
        "PUT /{name} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
