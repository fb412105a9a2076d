//! The tokens that services show each other.

use std::time::Duration;

use service_common::auth::{Caller, SigningKey};
use service_common::secret::SecretText;

/// A token could not be signed: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign a token: {0}")]
pub struct IssueError(String);

/// A token for a service of this name. Nothing can end it before its time but another key.
///
/// # Errors
/// The key cannot sign.
pub fn issue_service_token(
    key: &SigningKey,
    name: &str,
    good_for: Duration,
) -> Result<SecretText, IssueError> {
    let caller = Caller::Service {
        name: name.to_owned(),
    };
    let token = key
        .issue(&caller, good_for)
        .map_err(|error| IssueError(error.to_string()))?;
    Ok(SecretText::from(token))
}
