//! What the clients of AWS share: credentials from the usual places, TLS by rustls and ring, time-outs.

use std::time::Duration;

pub use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);
/// How long an attempt may take, and all attempts together.
const ATTEMPT: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(8);

/// The configuration of a client. A region or an endpoint that is not given is looked for where AWS says (`AWS_REGION`,
/// `AWS_ENDPOINT_URL`, profiles); so are credentials. A stand-in at an `http://` endpoint takes any and is shown
/// none of ours.
pub async fn config(region: Option<&str>, endpoint: Option<&str>) -> SdkConfig {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(PATIENCE)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
        if endpoint.starts_with("http://") {
            loader = loader.credentials_provider(stand_in());
        }
    }
    loader.load().await
}

fn stand_in() -> Credentials {
    Credentials::builder()
        .access_key_id("stand-in")
        .secret_access_key("stand-in")
        .provider_name("stand-in")
        .build()
}
