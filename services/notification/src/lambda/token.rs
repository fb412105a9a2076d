//! The function's token, out of AWS Secrets Manager: whoever may read the function sees its environment.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use service_common::aws;
use service_common::secret::SecretText;

use crate::NAME;

/// There is no token to be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The secret cannot be read.
    #[error("SERVICE_TOKEN_SECRET: cannot read the secret `{secret}`: {reason}")]
    Unread {
        /// Its name or ARN.
        secret: String,
        /// Why.
        reason: String,
    },
    /// The secret holds something else.
    #[error("SERVICE_TOKEN_SECRET: the secret `{secret}` is no object of JSON with a text `{NAME}`")]
    NoToken {
        /// Its name or ARN.
        secret: String,
    },
}

/// The token that the secret of this name or ARN holds for this service.
///
/// # Errors
/// It cannot be read, or holds none. What it holds is not told.
pub(super) async fn fetch(secret: &str) -> Result<SecretText, TokenError> {
    let client = Client::new(&aws::config(None, None).await);
    let answer = client.get_secret_value().secret_id(secret).send().await;
    let held = answer.map_err(|error| TokenError::Unread {
        secret: secret.to_owned(),
        reason: DisplayErrorContext(error).to_string(),
    })?;
    let held = held.secret_string().unwrap_or_default();
    // Others' entries may be of any kind.
    let tokens = serde_json::from_str::<HashMap<String, serde_json::Value>>(held);
    let token = tokens.ok().and_then(|mut tokens| tokens.remove(NAME));
    match token {
        Some(serde_json::Value::String(token)) => Ok(token.into()),
        _ => Err(TokenError::NoToken {
            secret: secret.to_owned(),
        }),
    }
}
