//! A bucket for each test, on what speaks S3 or the XML API of Google Cloud Storage.

use std::io::{Read, Write};
use std::net::TcpStream;

use uuid::Uuid;

use crate::servers::needed;

/// A bucket of a real server that speaks S3 or the XML API of Google Cloud Storage.
#[derive(Debug)]
pub struct Bucket {
    /// Of a prefix in it.
    pub url: String,
    /// By which it is reached, named as in the environment.
    pub settings: Vec<(String, String)>,
    /// `http://host:port`.
    pub endpoint: String,
    /// Without the prefix.
    pub name: String,
}

impl Bucket {
    /// A new bucket on moto, unless `WEIR_TEST_S3` is not set.
    ///
    /// # Panics
    /// As [`needed`], or where the server makes no bucket.
    #[must_use]
    pub fn s3() -> Option<Self> {
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
    ///
    /// # Panics
    /// As [`needed`], or where the server makes no bucket.
    #[must_use]
    pub fn gcs() -> Option<Self> {
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
        let name = format!("weir-{}", Uuid::new_v4().simple());
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
}

/// Creates a bucket; both servers take the same request.
fn put_bucket(endpoint: &str, name: &str) {
    let ask = || -> std::io::Result<String> {
        let address = endpoint.trim_start_matches("http://").trim_end_matches('/');
        let mut connection = TcpStream::connect(address)?;
        let authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=test";
        write!(
            connection,
            "PUT /{name} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().unwrap_or_else(|error| panic!("{endpoint}: {error}"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
