//! Where tables are, by a URL alone.

use std::fmt;
use std::str::FromStr;

/// What the names of the tables begin with.
const PREFIX: &str = "ecommerce-";
const SCHEME: &str = "dynamodb://";

/// `dynamodb://REGION`, and further `endpoint=URL` (in place of Amazon's) and `prefix=TEXT` (in place of `ecommerce-`).
/// Credentials come from the usual places of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamoUrl {
    pub(super) region: String,
    pub(super) endpoint: Option<String>,
    prefix: String,
}

/// A text that is no [`DynamoUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DynamoUrlError {
    /// Another scheme.
    #[error("a place in DynamoDB begins with `dynamodb://`")]
    Scheme,
    /// No region.
    #[error("`{0}` is no region of AWS, such as eu-central-1")]
    Region(String),
    /// A setting that there is not.
    #[error("`{0}` is neither `endpoint=URL` nor `prefix=TEXT`")]
    Setting(String),
}

impl DynamoUrl {
    /// Whether a text is meant to be one.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The name of a table: `sessions` is `ecommerce-sessions`.
    #[must_use]
    pub fn table(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl FromStr for DynamoUrl {
    type Err = DynamoUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.strip_prefix(SCHEME).ok_or(DynamoUrlError::Scheme)?;
        let (region, settings) = place.split_once('?').unwrap_or((place, ""));
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if region.is_empty() || !region.bytes().all(is_plain) {
            return Err(DynamoUrlError::Region(region.to_owned()));
        }
        let mut url = DynamoUrl {
            region: region.to_owned(),
            endpoint: None,
            prefix: PREFIX.to_owned(),
        };
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            match setting.split_once('=') {
                Some(("endpoint", value)) => url.endpoint = Some(value.to_owned()),
                Some(("prefix", value)) => url.prefix = value.to_owned(),
                _ => return Err(DynamoUrlError::Setting(setting.to_owned())),
            }
        }
        Ok(url)
    }
}

impl fmt::Display for DynamoUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{SCHEME}{}", self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_enough() {
        let url: DynamoUrl = "dynamodb://eu-central-1".parse().unwrap();
        assert_eq!(url.table("sessions"), "ecommerce-sessions");
        assert_eq!(url.to_string(), "dynamodb://eu-central-1");
    }

    #[test]
    fn a_stand_in_has_an_endpoint_and_tables_of_its_own() {
        let url: DynamoUrl = "dynamodb://eu-central-1?endpoint=http://127.0.0.1:5000&prefix=test-"
            .parse()
            .unwrap();
        assert_eq!(url.table("carts"), "test-carts");
        assert_eq!(url.endpoint.as_deref(), Some("http://127.0.0.1:5000"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("sqlite:a.db", "dynamodb://"),
            ("dynamodb://", "region"),
            ("dynamodb://eu central", "`eu central`"),
            ("dynamodb://eu-central-1?table=x", "`table=x`"),
        ] {
            let error = text.parse::<DynamoUrl>().unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
