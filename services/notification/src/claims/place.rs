//! Where claims are kept, by a URL alone.

use std::fmt;
use std::str::FromStr;

use service_common::database::{DatabaseUrl, DatabaseUrlError};
use service_common::dynamo::{DynamoUrl, DynamoUrlError};

/// `sqlite:PATH`, `postgres://...` or `dynamodb://REGION`. Printed without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimsUrl {
    /// In a database of this service.
    Database(DatabaseUrl),
    /// In the table `ecommerce-notifications`.
    Dynamo(DynamoUrl),
}

/// A text that is no [`ClaimsUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsUrlError {
    /// Neither of both.
    #[error("{0}, or `dynamodb://`")]
    Database(#[from] DatabaseUrlError),
    /// No place in DynamoDB.
    #[error(transparent)]
    Dynamo(#[from] DynamoUrlError),
}

impl FromStr for ClaimsUrl {
    type Err = ClaimsUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match DynamoUrl::is_one(text) {
            true => Ok(ClaimsUrl::Dynamo(text.parse()?)),
            false => Ok(ClaimsUrl::Database(text.parse()?)),
        }
    }
}

impl fmt::Display for ClaimsUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClaimsUrl::Database(url) => url.fmt(out),
            ClaimsUrl::Dynamo(url) => url.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_alone_decides() {
        for text in ["sqlite:claims.db", "postgres://u:p@h/d"] {
            assert!(matches!(text.parse(), Ok(ClaimsUrl::Database(_))), "{text}");
        }
        assert!(matches!(
            "dynamodb://eu-central-1".parse(),
            Ok(ClaimsUrl::Dynamo(_))
        ));
        let error = "redis://h".parse::<ClaimsUrl>().unwrap_err().to_string();
        assert!(
            error.contains("sqlite:") && error.contains("dynamodb://"),
            "{error}"
        );
    }
}
