//! Objects in a bucket: read with their version, written only while that version stands.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::ClientConfigKey;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig, UpdateVersion,
};

use crate::StoreError;
use crate::hour::{Hour, TABLE};
use crate::store::Decide;

/// How often to begin again when others write the same object; each time one of them got on.
const TRIES: u32 = 20;

/// Short, because whoever writes in the background tries again itself, and says so meanwhile.
fn retries() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: Duration::from_secs(15),
        ..RetryConfig::default()
    }
}

/// Memory that several stores of this process can share by its name.
static MEMORIES: LazyLock<Mutex<HashMap<String, Arc<InMemory>>>> = LazyLock::new(Mutex::default);

/// A bucket and the prefix of all keys in it.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    /// `s3://bucket/prefix`, for messages.
    root: String,
}

impl Objects {
    pub(crate) fn s3(bucket: &str, prefix: Key, options: &[(String, String)]) -> Result<Self, StoreError> {
        let root = root_of("s3", bucket, &prefix);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_retry(retries());
        for (name, value) in options {
            if let Some(key) = setting::<AmazonS3ConfigKey>(name, "AWS_") {
                builder = builder.with_config(key, value);
            }
        }
        let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
        let allowed = builder.get_config_value(&AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp));
        refuse_plain_http(&root, "AWS", endpoint, allowed)?;
        use_ring();
        let store = builder.build().map_err(|error| settings(&root, &error))?;
        Ok(Self {
            store: Arc::new(store),
            prefix,
            root,
        })
    }

    pub(crate) fn gcs(bucket: &str, prefix: Key, options: &[(String, String)]) -> Result<Self, StoreError> {
        let root = root_of("gs", bucket, &prefix);
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(bucket)
            .with_retry(retries());
        for (name, value) in options {
            if let Some(key) = setting::<GoogleConfigKey>(name, "GOOGLE_") {
                builder = builder.with_config(key, value);
            }
        }
        let endpoint = builder.get_config_value(&GoogleConfigKey::BaseUrl);
        let allowed = builder.get_config_value(&GoogleConfigKey::Client(ClientConfigKey::AllowHttp));
        refuse_plain_http(&root, "GOOGLE", endpoint, allowed)?;
        use_ring();
        let store = builder.build().map_err(|error| settings(&root, &error))?;
        Ok(Self {
            store: Arc::new(store),
            prefix,
            root,
        })
    }

    pub(crate) fn memory(name: &str) -> Self {
        let store = if name.is_empty() {
            Arc::default()
        } else {
            let mut memories = MEMORIES.lock().unwrap_or_else(PoisonError::into_inner);
            memories.entry(name.to_owned()).or_default().clone()
        };
        Self {
            store,
            prefix: Key::default(),
            root: format!("memory://{name}"),
        }
    }

    pub(crate) fn describe(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.get(path).await?.map(|(content, _)| content))
    }

    /// Puts what `decide` makes of the present content in its place, or leaves it; begins again when somebody else
    /// has written meanwhile. Returns the bytes written.
    pub(crate) async fn update(&self, path: &str, decide: &Decide) -> Result<Option<u64>, StoreError> {
        for attempt in 1..=TRIES {
            let (current, mode) = match self.get(path).await? {
                Some((content, version)) => (Some(content), PutMode::Update(version)),
                None => (None, PutMode::Create),
            };
            let decide = decide.clone();
            // Off the runtime's threads: reading and writing Parquet is work.
            let decided = tokio::task::spawn_blocking(move || decide(current)).await;
            let decided = decided.map_err(|error| StoreError::of_lost_work(self.describe(path), &error))?;
            let Some(content) = decided? else { return Ok(None) };
            let bytes = content.len() as u64;
            let options = PutOptions {
                mode,
                ..PutOptions::default()
            };
            match self
                .store
                .put_opts(&self.key(path), PutPayload::from(content), options)
                .await
            {
                Ok(_) => return Ok(Some(bytes)),
                Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(self.failed("write", path, &error)),
            }
            tokio::time::sleep(Duration::from_millis(5) * attempt).await;
        }
        Err(StoreError::Contended {
            path: self.describe(path),
            tries: TRIES,
        })
    }

    /// The hours that have an object, in order.
    pub(crate) async fn hours(&self) -> Result<Vec<Hour>, StoreError> {
        let objects: Vec<_> = self
            .store
            .list(Some(&self.key(TABLE)))
            .try_collect()
            .await
            .map_err(|error| self.failed("list", TABLE, &error))?;
        let mut hours: Vec<_> = objects
            .iter()
            .filter_map(|object| self.hour_of(&object.location))
            .collect();
        hours.sort_unstable();
        Ok(hours)
    }

    fn hour_of(&self, location: &Key) -> Option<Hour> {
        let path = location.as_ref().strip_prefix(self.prefix.as_ref())?;
        Hour::from_path(path.strip_prefix('/').unwrap_or(path))
    }

    fn key(&self, path: &str) -> Key {
        // `=` stands for itself in a key, so parts are joined as they are.
        path.split('/')
            .fold(self.prefix.clone(), |key, part| key.join(part))
    }

    async fn get(&self, path: &str) -> Result<Option<(Bytes, UpdateVersion)>, StoreError> {
        let result = match self.store.get(&self.key(path)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            result => result.map_err(|error| self.failed("read", path, &error))?,
        };
        let version = UpdateVersion {
            e_tag: result.meta.e_tag.clone(),
            version: result.meta.version.clone(),
        };
        let content = result
            .bytes()
            .await
            .map_err(|error| self.failed("read", path, &error))?;
        Ok(Some((content, version)))
    }

    fn failed(&self, action: &'static str, path: &str, error: &Error) -> StoreError {
        StoreError::Unavailable {
            path: self.describe(path),
            action,
            reason: cause(error),
        }
    }
}

/// TLS by ring, unless the program has chosen something else before.
fn use_ring() {
    // An error says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn root_of(scheme: &str, bucket: &str, prefix: &Key) -> String {
    let prefix = prefix.as_ref();
    if prefix.is_empty() {
        format!("{scheme}://{bucket}")
    } else {
        format!("{scheme}://{bucket}/{prefix}")
    }
}

/// The setting that an environment variable stands for, by the names that `object_store` gives them.
fn setting<K: std::str::FromStr>(name: &str, family: &str) -> Option<K> {
    name.starts_with(family)
        .then(|| name.to_ascii_lowercase().parse().ok())?
}

/// Without this the first request would fail with a message that names no setting.
fn refuse_plain_http(
    root: &str,
    family: &str,
    endpoint: Option<String>,
    allowed: Option<String>,
) -> Result<(), StoreError> {
    let plain = endpoint.filter(|endpoint| endpoint.to_ascii_lowercase().starts_with("http://"));
    let Some(endpoint) = plain else { return Ok(()) };
    if allowed.is_some_and(|value| {
        matches!(
            value.to_ascii_lowercase().as_str(),
            "1" | "true" | "on" | "yes" | "y"
        )
    }) {
        return Ok(());
    }
    let reason =
        format!("the endpoint {endpoint} is not encrypted; if that is meant, set {family}_ALLOW_HTTP=true");
    Err(StoreError::Settings {
        url: root.to_owned(),
        reason,
    })
}

fn settings(root: &str, error: &Error) -> StoreError {
    StoreError::Settings {
        url: root.to_owned(),
        reason: cause(error),
    }
}

/// The innermost reason. The texts around it hold durations and the answers of servers hold request ids: with them
/// no two failures would read the same.
fn cause(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let Some((before, body)) = text.split_once('<') else {
        return shortened(&text);
    };
    let code = body
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map_or("", |(code, _)| code);
    shortened(&format!("{before}{code}"))
}

fn shortened(text: &str) -> String {
    let line = text
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches([' ', ':']);
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_reads_the_same_whatever_its_request_id() {
        let refusal = |id: u32| {
            let body = format!(
                "403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><RequestId>{id}</RequestId></Error>"
            );
            cause(&Error::Generic {
                store: "S3",
                source: body.into(),
            })
        };
        assert_eq!(refusal(1), "403 Forbidden: AccessDenied");
        assert_eq!(refusal(1), refusal(2));
    }

    #[test]
    fn an_unencrypted_endpoint_must_be_allowed_by_name() {
        let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let plain = option("AWS_ENDPOINT", "http://127.0.0.1:1");
        let error = Objects::s3("b", Key::default(), std::slice::from_ref(&plain)).unwrap_err();
        assert!(error.to_string().contains("AWS_ALLOW_HTTP=true"), "{error}");
        assert!(error.is_configuration());
        Objects::s3("b", Key::default(), &[plain, option("AWS_ALLOW_HTTP", "true")]).unwrap();
    }
}
