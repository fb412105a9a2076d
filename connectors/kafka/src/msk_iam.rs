//! Tokens for Amazon MSK: a request to connect, signed by the AWS identity of this process, as the SASL mechanism
//! `OAUTHBEARER` carries it (<https://github.com/aws/aws-msk-iam-auth>; librdkafka has no `AWS_MSK_IAM`).
//!
//! Credentials may take a call to AWS, which no thread that serves a client should wait for. So one thread of the process
//! fetches them, and again well before they expire; to sign with them is a matter of microseconds.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;

/// How long a token may be shown: as long as the brokers take one.
const LIFETIME: Duration = Duration::from_secs(900);
/// New credentials are fetched this long before the old ones expire, and at least this often where they say nothing of it.
const AHEAD: Duration = Duration::from_secs(600);
const AT_LEAST: Duration = Duration::from_secs(3_600);
/// Between two fetches, whatever the credentials say.
const AT_MOST: Duration = Duration::from_secs(5);
/// How long a token is waited for while there are no credentials.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("no AWS credentials: {0}")]
    Credentials(String),
    /// As the fetching thread has told it.
    #[error("{0}")]
    Fetch(String),
    #[error("the AWS region is not known: set AWS_REGION")]
    Region,
    #[error("the token cannot be signed: {0}")]
    Signing(#[from] SigningError),
    #[error("the token cannot be made: {0}")]
    Request(#[from] http::Error),
}

/// What is signed with.
#[derive(Clone)]
struct Identity {
    region: String,
    credentials: Credentials,
}

/// What the fetching thread has last come to.
#[derive(Default)]
struct Held {
    identity: Option<Identity>,
    /// Why there is nothing newer.
    fault: Option<String>,
}

struct Fetcher {
    held: Mutex<Held>,
    news: Condvar,
}

/// A token, good for a quarter of an hour or as long as the credentials, if that is less.
pub(crate) fn token() -> Result<OAuthToken, TokenError> {
    static FETCHER: OnceLock<&'static Fetcher> = OnceLock::new();
    let identity = FETCHER.get_or_init(Fetcher::start).identity()?;
    signed(&identity, SystemTime::now())
}

impl Fetcher {
    fn start() -> &'static Fetcher {
        let fetcher: &'static Fetcher = Box::leak(Box::new(Fetcher {
            held: Mutex::default(),
            news: Condvar::new(),
        }));
        let started = std::thread::Builder::new()
            .name("aws-credentials".into())
            .spawn(move || fetcher.run());
        if let Err(error) = started {
            fetcher.came_to(Err(error.to_string()));
        }
        fetcher
    }

    /// Fetches for ever.
    fn run(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return self.came_to(Err(error.to_string())),
        };
        let config = runtime.block_on(weir_aws::config(None, None));
        loop {
            let fetched = runtime.block_on(fetch(&config));
            let pause = match &fetched {
                Ok(identity) => until_next(&identity.credentials, SystemTime::now()),
                Err(_) => AT_MOST,
            };
            self.came_to(fetched.map_err(|error| error.to_string()));
            std::thread::sleep(pause);
        }
    }

    fn came_to(&self, fetched: Result<Identity, String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(identity) => {
                *held = Held {
                    identity: Some(identity),
                    fault: None,
                };
            }
            Err(fault) => {
                if held.fault.as_ref() != Some(&fault) {
                    tracing::warn!(fault, "no new AWS credentials to sign in to Kafka with");
                }
                held.fault = Some(fault);
            }
        }
        self.news.notify_all();
    }

    /// The newest credentials that are still good; waits for them while nothing is known.
    fn identity(&self) -> Result<Identity, TokenError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = |held: &mut Held| held.identity.is_none() && held.fault.is_none();
        let (held, _) = self
            .news
            .wait_timeout_while(held, PATIENCE, nothing)
            .unwrap_or_else(PoisonError::into_inner);
        match (&held.identity, &held.fault) {
            (Some(identity), _) if remaining(&identity.credentials, SystemTime::now()) > Duration::ZERO => {
                Ok(identity.clone())
            }
            (_, Some(fault)) => Err(TokenError::Fetch(fault.clone())),
            (_, None) => Err(TokenError::Credentials("none came yet".to_owned())),
        }
    }
}

async fn fetch(config: &weir_aws::SdkConfig) -> Result<Identity, TokenError> {
    let region = config.region().ok_or(TokenError::Region)?.to_string();
    let provider = config
        .credentials_provider()
        .ok_or_else(|| TokenError::Credentials("no provider".to_owned()))?;
    let credentials = provider.provide_credentials().await;
    let credentials = credentials.map_err(|error| {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        TokenError::Credentials(reason)
    })?;
    Ok(Identity { region, credentials })
}

/// How long the credentials are good for.
fn remaining(credentials: &Credentials, now: SystemTime) -> Duration {
    match credentials.expiry() {
        Some(expiry) => expiry.duration_since(now).unwrap_or_default(),
        None => Duration::MAX,
    }
}

/// When to fetch again, from now on.
fn until_next(credentials: &Credentials, now: SystemTime) -> Duration {
    remaining(credentials, now)
        .saturating_sub(AHEAD)
        .clamp(AT_MOST, AT_LEAST)
}

/// The request to connect, signed in its query (AWS Signature Version 4), in Base64 for URLs without padding.
fn signed(identity: &Identity, now: SystemTime) -> Result<OAuthToken, TokenError> {
    let Identity { region, credentials } = identity;
    let lifetime = LIFETIME.min(remaining(credentials, now));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime);
    let who = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&who)
        .region(region)
        .name("kafka-cluster")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| TokenError::Credentials(error.to_string()))?;
    let address = format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect");
    let mut request = http::Request::get(address).body(())?;
    let uri = request.uri().to_string();
    let signable = SignableRequest::new("GET", &uri, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(signable, &parameters.into())?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    let url = format!(
        "{}&User-Agent=weir%2F{}",
        request.uri(),
        env!("CARGO_PKG_VERSION")
    );
    let expires = (now + lifetime).duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(OAuthToken {
        token: BASE64_URL_SAFE_NO_PAD.encode(url),
        // The brokers take the name from the signature.
        principal_name: "weir".to_owned(),
        lifetime_ms: i64::try_from(expires.as_millis()).unwrap_or(i64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn identity(expiry: Option<Duration>) -> Identity {
        let mut credentials = Credentials::builder()
            .access_key_id("AKIDEXAMPLE")
            .secret_access_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
            .session_token("a/b+c==")
            .provider_name("test");
        credentials.set_expiry(expiry.map(|after| UNIX_EPOCH + NOW + after));
        Identity {
            region: "eu-west-1".to_owned(),
            credentials: credentials.build(),
        }
    }

    fn sign_at_now(identity: &Identity) -> (String, i64) {
        let token = signed(identity, UNIX_EPOCH + NOW).unwrap();
        let url = BASE64_URL_SAFE_NO_PAD.decode(token.token).unwrap();
        (String::from_utf8(url).unwrap(), token.lifetime_ms)
    }

    /// The signature is what botocore's `SigV4QueryAuth` makes of the same request, credentials and time.
    #[test]
    fn the_request_is_signed_as_botocore_signs_it() {
        let (url, expires) = sign_at_now(&identity(None));
        let signature = "&X-Amz-Signature=82d40081b2ec4d7784d67f31c69a70b4914c51f6380717f8bac7f668298b1bfa";
        for part in [
            "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect&",
            "X-Amz-Credential=AKIDEXAMPLE%2F20270115%2Feu-west-1%2Fkafka-cluster%2Faws4_request&",
            "X-Amz-Date=20270115T080000Z&",
            "X-Amz-Expires=900&",
            "X-Amz-Security-Token=a%2Fb%2Bc%3D%3D&",
            signature,
            "&User-Agent=weir%2F",
        ] {
            assert!(url.contains(part), "{part} is not in {url}");
        }
        assert_eq!(expires, 1_800_000_900_000);
    }

    #[test]
    fn a_token_ends_with_its_credentials() {
        let (url, expires) = sign_at_now(&identity(Some(Duration::from_secs(300))));
        assert!(url.contains("X-Amz-Expires=300&"), "{url}");
        assert_eq!(expires, 1_800_000_300_000);
    }

    #[test]
    fn credentials_are_fetched_again_before_they_expire() {
        let next = |expiry: Option<u64>| {
            let credentials = identity(expiry.map(Duration::from_secs)).credentials;
            until_next(&credentials, UNIX_EPOCH + NOW).as_secs()
        };
        assert_eq!(next(Some(3_600)), 3_000);
        assert_eq!(next(Some(60)), 5);
        assert_eq!(next(None), 3_600);
        assert_eq!(next(Some(43_200)), 3_600);
    }
}
