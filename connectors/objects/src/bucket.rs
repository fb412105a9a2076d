//! A bucket, or what stands in for one, set up as the environment says.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::ClientConfigKey;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, RetryConfig};

use crate::{Location, PlaceError, federation, reason};

/// Short, because whoever writes tries again itself, and says so meanwhile.
fn retries() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: Duration::from_secs(15),
        ..RetryConfig::default()
    }
}

/// Memory that several users of this process can share by its name.
static MEMORIES: LazyLock<Mutex<HashMap<String, Arc<InMemory>>>> = LazyLock::new(Mutex::default);

/// The variables of this process, as settings of storages. Values that are not UTF-8 are no setting of ours.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// A store of objects and the prefix of all keys in it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    /// `s3://bucket/prefix`, for messages.
    root: String,
}

impl Bucket {
    /// What a location names. Credentials and endpoints come from the settings, named as the usual environment variables
    /// (`AWS_*`, `GOOGLE_*`). A folder is made when it is missing.
    ///
    /// # Errors
    /// The settings are wrong, or the folder cannot be made. A bucket is not asked for.
    pub fn open(location: &Location, settings: &[(String, String)]) -> Result<Self, PlaceError> {
        match location {
            Location::Folder(root) => Self::folder(root),
            Location::S3 { bucket, prefix } => Self::s3(bucket, prefix.clone(), settings),
            Location::Gcs { bucket, prefix } => Self::gcs(bucket, prefix.clone(), settings),
            Location::Memory { name } => Ok(Self::memory(name)),
        }
    }

    /// A bucket of S3, or of what speaks its protocol.
    ///
    /// # Errors
    /// The settings are wrong.
    pub fn s3(bucket: &str, prefix: Key, options: &[(String, String)]) -> Result<Self, PlaceError> {
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
        let store = builder.build().map_err(|error| settings(&root, reason(&error)))?;
        Ok(Self {
            store: Arc::new(store),
            prefix,
            root,
        })
    }

    /// A bucket of Google Cloud Storage.
    ///
    /// # Errors
    /// The settings are wrong.
    pub fn gcs(bucket: &str, prefix: Key, options: &[(String, String)]) -> Result<Self, PlaceError> {
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
        if let Some(path) = builder.get_config_value(&GoogleConfigKey::ApplicationCredentials)
            && let Some(credentials) =
                federation::provider(&path).map_err(|reason| settings(&root, reason))?
        {
            builder = builder.with_credentials(credentials);
        }
        use_ring();
        let store = builder.build().map_err(|error| settings(&root, reason(&error)))?;
        Ok(Self {
            store: Arc::new(store),
            prefix,
            root,
        })
    }

    /// A folder, made when it is missing. What was put there is on the disk, not only in the system's memory.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(root: &Path) -> Result<Self, PlaceError> {
        let failed = |reason| settings(&root.display().to_string(), reason);
        std::fs::create_dir_all(root).map_err(|error| failed(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(root).map_err(|error| failed(reason(&error)))?;
        Ok(Self {
            store: Arc::new(store.with_fsync(true)),
            prefix: Key::default(),
            root: root.display().to_string(),
        })
    }

    /// Memory of this process; one name is one place, no name is a new place each time.
    #[must_use]
    pub fn memory(name: &str) -> Self {
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

    /// Where its objects are.
    #[must_use]
    pub fn store(&self) -> &dyn ObjectStore {
        &*self.store
    }

    /// What all of its keys begin with.
    #[must_use]
    pub fn prefix(&self) -> &Key {
        &self.prefix
    }

    /// The object of this path, in full, for messages.
    #[must_use]
    pub fn describe(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// The key of a path of several parts. Whatever stands in a part, it is one: what would lead elsewhere is escaped.
    #[must_use]
    pub fn key(&self, path: &str) -> Key {
        // `=` stands for itself in a key, so parts are joined as they are.
        path.split('/')
            .fold(self.prefix.clone(), |key, part| key.join(part))
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
) -> Result<(), PlaceError> {
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
    Err(settings(root, reason))
}

fn settings(root: &str, reason: String) -> PlaceError {
    PlaceError::Settings {
        url: root.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unencrypted_endpoint_must_be_allowed_by_name() {
        let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let plain = option("AWS_ENDPOINT", "http://127.0.0.1:1");
        let error = Bucket::s3("b", Key::default(), std::slice::from_ref(&plain)).unwrap_err();
        assert!(error.to_string().contains("AWS_ALLOW_HTTP=true"), "{error}");
        Bucket::s3("b", Key::default(), &[plain, option("AWS_ALLOW_HTTP", "true")]).unwrap();
    }
}
