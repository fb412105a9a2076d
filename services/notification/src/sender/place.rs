//! Where messages go, by one text.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The path of a folder, or the ARN of an SNS topic or endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderUrl {
    /// A folder, made where it is missing.
    Folder(PathBuf),
    /// `arn:aws:sns:REGION:ACCOUNT:NAME`.
    Sns {
        /// The whole.
        arn: String,
        /// Its region.
        region: String,
    },
}

/// A text that is no [`SenderUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderUrlError {
    /// An ARN, but none of SNS.
    #[error("`{0}` is no ARN of SNS, such as arn:aws:sns:eu-central-1:123456789012:ecommerce-notifications")]
    Arn(String),
    /// Nothing.
    #[error("no folder and no ARN is named")]
    Empty,
}

impl FromStr for SenderUrl {
    type Err = SenderUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(SenderUrlError::Empty);
        }
        if !text.starts_with("arn:") {
            let path: Result<PathBuf, Infallible> = text.strip_prefix("file://").unwrap_or(text).parse();
            return Ok(SenderUrl::Folder(path.unwrap_or_default()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts[..] {
            [_, _, "sns", region, _, name] if !region.is_empty() && !name.is_empty() => Ok(SenderUrl::Sns {
                arn: text.to_owned(),
                region: region.to_owned(),
            }),
            _ => Err(SenderUrlError::Arn(text.to_owned())),
        }
    }
}

impl fmt::Display for SenderUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SenderUrl::Folder(path) => path.display().fmt(out),
            SenderUrl::Sns { arn, .. } => out.write_str(arn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_and_an_arn_is_sns() {
        for text in ["outbox", "/var/lib/outbox", "file:///var/lib/outbox"] {
            assert!(matches!(text.parse(), Ok(SenderUrl::Folder(_))), "{text}");
        }
        let arn = "arn:aws:sns:eu-central-1:123456789012:ecommerce-notifications";
        let SenderUrl::Sns { region, .. } = arn.parse().unwrap() else {
            panic!("{arn}");
        };
        assert_eq!(region, "eu-central-1");
        for text in [
            "",
            "arn:aws:sqs:eu-central-1:123456789012:queue",
            "arn:aws:sns::1:x",
            "arn:aws:sns",
        ] {
            assert!(text.parse::<SenderUrl>().is_err(), "{text}");
        }
    }
}
