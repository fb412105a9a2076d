//! Where files lie: a folder, a bucket, or memory, read from one URL.

use std::path::PathBuf;

use object_store::path::Path as Key;
use url::Url;

use crate::PlaceError;

const RIGHT: &str =
    "write gs://BUCKET/PREFIX, s3://BUCKET/PREFIX, file:///ABSOLUTE/PATH or the path of a folder";

/// A root under which files lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine, absolute.
    Folder(PathBuf),
    /// Amazon S3, or whatever speaks its protocol.
    S3 {
        /// Its name.
        bucket: String,
        /// Of all keys.
        prefix: Key,
    },
    /// Google Cloud Storage.
    Gcs {
        /// Its name.
        bucket: String,
        /// Of all keys.
        prefix: Key,
    },
    /// Nothing that outlives the process; one name is one place, no name is a new place each time.
    Memory {
        /// May be empty.
        name: String,
    },
}

impl Location {
    /// Reads a URL or a path.
    ///
    /// # Errors
    /// [`PlaceError::BadUrl`], which says what is wrong with it and what would be right.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        read(text).map_err(|reason| PlaceError::BadUrl {
            url: text.to_owned(),
            reason: format!("{reason}; {RIGHT}"),
        })
    }
}

fn read(text: &str) -> Result<Location, String> {
    if text.trim().is_empty() {
        return Err("it is empty".into());
    }
    if let Some(name) = text.strip_prefix("memory:") {
        return Ok(Location::Memory {
            name: name.trim_matches('/').to_owned(),
        });
    }
    let Some((scheme, _)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return folder(text);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => file_url(text),
        "s3" | "s3a" => bucket(text).map(|(bucket, prefix)| Location::S3 { bucket, prefix }),
        "gs" | "gcs" => bucket(text).map(|(bucket, prefix)| Location::Gcs { bucket, prefix }),
        other => Err(format!("`{other}:` is not a storage that is known")),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn folder(text: &str) -> Result<Location, String> {
    if text.contains('\0') {
        return Err("it contains a NUL character".into());
    }
    if text == "~" || text.starts_with("~/") {
        return Err("`~` is known to shells only: write the path out".into());
    }
    // Absolute from the start, so that a later change of the working directory moves nothing.
    std::path::absolute(text)
        .map(Location::Folder)
        .map_err(|error| error.to_string())
}

fn file_url(text: &str) -> Result<Location, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    no_extras(&url)?;
    if !text[5..].starts_with("///") {
        return Err("a file URL has three slashes before the path, and no host".into());
    }
    let path = url
        .to_file_path()
        .map_err(|()| "it is not the path of a folder".to_owned())?;
    folder(path.to_str().ok_or("its path is not UTF-8")?)
}

fn bucket(text: &str) -> Result<(String, Key), String> {
    if !text
        .split_once(':')
        .is_some_and(|(_, rest)| rest.starts_with("//"))
    {
        return Err("two slashes must follow the colon".into());
    }
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    no_extras(&url)?;
    let Some(bucket) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err("it names no bucket".into());
    };
    if url.port().is_some() {
        return Err("a bucket has no port (the endpoint is set by AWS_ENDPOINT or GOOGLE_BASE_URL)".into());
    }
    let prefix = Key::from_url_path(url.path()).map_err(|error| error.to_string())?;
    Ok((bucket.to_owned(), prefix))
}

fn no_extras(url: &Url) -> Result<(), String> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not belong in it: set them in the environment".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("`?` and `#` mean nothing in it (write %3F and %23 if they belong to a name)".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_place_is_read() {
        let key = |text: &str| Key::from(text);
        let cases = [
            ("/var/weir", Location::Folder("/var/weir".into())),
            ("/var/we:ir", Location::Folder("/var/we:ir".into())),
            (
                "file:///var/weir%20data",
                Location::Folder("/var/weir data".into()),
            ),
            (
                "s3://b",
                Location::S3 {
                    bucket: "b".into(),
                    prefix: key(""),
                },
            ),
            (
                "s3://b/a/c/",
                Location::S3 {
                    bucket: "b".into(),
                    prefix: key("a/c"),
                },
            ),
            (
                "gs://my_bucket/x",
                Location::Gcs {
                    bucket: "my_bucket".into(),
                    prefix: key("x"),
                },
            ),
            ("memory:", Location::Memory { name: String::new() }),
            ("memory://one", Location::Memory { name: "one".into() }),
        ];
        for (text, expected) in cases {
            assert_eq!(Location::parse(text).unwrap(), expected, "{text}");
        }
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            Location::parse("data/x").unwrap(),
            Location::Folder(here.join("data/x"))
        );
    }

    #[test]
    fn a_wrong_url_is_refused_and_the_error_names_what_is_right() {
        for text in [
            "",
            "  ",
            "s3:bucket/x",
            "s3://",
            "gs:///prefix",
            "s3://key:secret@bucket/x",
            "s3://bucket:9000/x",
            "s3://bucket/x?region=eu",
            "s3://bucket//x",
            "http://localhost:9000/bucket",
            "abfs://container/x",
            "file://relative/path",
            "file:relative",
            "~/weir",
            "a\0b",
        ] {
            let error = Location::parse(text).unwrap_err().to_string();
            assert!(
                error.contains("gs://BUCKET/PREFIX") && error.contains("file:///"),
                "{text}: {error}"
            );
        }
    }
}
