//! Ids in paths.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::failure::{Code, Failure};
use crate::ids::is_id;

/// An id in a path. It can be one: what cannot is nowhere to be found, and nobody is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathId(String);

impl PathId {
    /// For paths that name nothing.
    #[must_use]
    pub fn none() -> PathId {
        PathId(String::new())
    }

    /// Reads one.
    ///
    /// # Errors
    /// `not_found`: it cannot be one.
    pub fn parse(text: &str) -> Result<PathId, Failure> {
        match is_id(text) {
            true => Ok(PathId(text.to_owned())),
            false => Err(Failure::new(Code::NotFound, "there is none of this id")),
        }
    }
}

impl From<&PathId> for String {
    fn from(id: &PathId) -> String {
        id.0.clone()
    }
}

/// The id that a path names, where it names one.
///
/// # Errors
/// `not_found`: it cannot be one.
pub async fn path_id(parts: &mut Parts) -> Result<PathId, Failure> {
    let unreadable = |_| Failure::new(Code::NotFound, "there is nothing at this path");
    let parameters = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(unreadable)?;
    match parameters.iter().next() {
        Some((_, text)) => PathId::parse(text),
        None => Ok(PathId::none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_id_is_not_found() {
        assert!(PathId::parse("ord_0198-a.b:c").is_ok());
        for text in ["", "a b", "a/b", "a'--", "ü", "a\0", &"x".repeat(129)] {
            assert_eq!(PathId::parse(text).unwrap_err().code, Code::NotFound, "{text:?}");
        }
    }
}
