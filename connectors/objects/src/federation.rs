//! Google Cloud Storage for who has no account there: a token that somebody else signed (Kubernetes, for a pod in EKS) is
//! exchanged for one of Google's. No key is stored anywhere.
//!
//! Which token, where and on whose behalf stands in a file of credentials of the type `external_account`, as
//! `gcloud iam workload-identity-pools create-cred-config` writes it (<https://google.aip.dev/auth/4117>). `object_store` reads files
//! of other types itself.

use std::fs;

use object_store::gcp::GcpCredentialProvider;
use serde_json::Value;

/// The type of such files.
const EXTERNAL: &str = "external_account";

/// Who exchanges tokens as this file says; nothing where it is of a type that `object_store` reads.
///
/// # Errors
/// The file cannot be read, is not JSON, or describes no exchange that can be made.
pub(crate) fn provider(path: &str) -> Result<Option<GcpCredentialProvider>, String> {
    let wrong = |reason: String| format!("GOOGLE_APPLICATION_CREDENTIALS, {path}: {reason}");
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let content: Value = serde_json::from_str(&text).map_err(|error| wrong(format!("not JSON: {error}")))?;
    if content["type"] != EXTERNAL {
        return Ok(None);
    }
    exchange(content).map(Some).map_err(wrong)
}

#[cfg(not(feature = "gcp-federation"))]
fn exchange(_: Value) -> Result<GcpCredentialProvider, String> {
    Err(format!(
        "credentials of the type `{EXTERNAL}` need a program that was built with the feature `gcp-federation`"
    ))
}

#[cfg(feature = "gcp-federation")]
use exchange::exchange;

#[cfg(feature = "gcp-federation")]
mod exchange {
    use std::fmt;
    use std::iter::successors;
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use google_cloud_auth::build_errors::Error as BuildError;
    use google_cloud_auth::credentials::AccessTokenCredentials;
    use google_cloud_auth::credentials::external_account::Builder;
    use object_store::gcp::{GcpCredential, GcpCredentialProvider};
    use object_store::{CredentialProvider, Error};
    use serde_json::Value;
    use tokio::sync::Mutex;
    use tokio::time::timeout;

    /// Objects may be read and written; buckets stay as they are.
    const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
    /// How long who needs a token waits for it: as long as for an object.
    const PATIENCE: Duration = Duration::from_secs(15);

    pub(super) fn exchange(content: Value) -> Result<GcpCredentialProvider, String> {
        for field in [
            "/audience",
            "/subject_token_type",
            "/token_url",
            "/credential_source/file",
        ] {
            if content
                .pointer(field)
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
            {
                let field = field[1..].replace('/', ".");
                return Err(format!("`{field}` is missing, or is no text"));
            }
        }
        Ok(Arc::new(Exchange {
            content,
            credentials: Mutex::default(),
        }))
    }

    struct Exchange {
        content: Value,
        /// Renewed in the background while they live.
        credentials: Mutex<Option<AccessTokenCredentials>>,
    }

    // The file may hold a client's secret.
    impl fmt::Debug for Exchange {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Exchange").finish_non_exhaustive()
        }
    }

    impl Exchange {
        fn build(&self) -> Result<AccessTokenCredentials, BuildError> {
            Builder::new(self.content.clone())
                .with_scopes([SCOPE])
                .build_access_token_credentials()
        }
    }

    #[async_trait]
    impl CredentialProvider for Exchange {
        type Credential = GcpCredential;

        async fn get_credential(&self) -> object_store::Result<Arc<GcpCredential>> {
            let mut credentials = self.credentials.lock().await;
            let current = match credentials.take() {
                Some(current) => current,
                None => self.build().map_err(unauthenticated)?,
            };
            // After a refusal they are never renewed again, so who asks next begins anew.
            let token = timeout(PATIENCE, current.access_token())
                .await
                .map_err(unauthenticated)?
                .map_err(unauthenticated)?;
            *credentials = Some(current);
            Ok(Arc::new(GcpCredential { bearer: token.token }))
        }
    }

    /// Google's answer stands in the last error but one; those around it only tell that there will be no other attempt, which there is.
    fn unauthenticated(error: impl std::error::Error + 'static) -> Error {
        let causes = successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let texts: Vec<String> = causes.map(ToString::to_string).collect();
        let told = texts[texts.len().saturating_sub(2)..].join(": ");
        let told = told
            .replace(" and future attempts will not succeed", "")
            .replace(['<', '>'], "");
        Error::Generic {
            store: "GCS",
            source: format!("no token of Google's: {told}").into(),
        }
    }
}
