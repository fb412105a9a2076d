//! Requests as handlers see them, read strictly: all their faults at once, each with its field.

mod json;
mod query;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, header};
use service_common::auth::Caller;
use service_common::failure::{Code, Failure};

pub(crate) use json::Fields;
pub(crate) use query::Parameters;

use crate::upstream::Repeat;

/// With which a client names a request, to send it again safely.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// As answers name it.
const KEY_FIELD: &str = "Idempotency-Key";
/// The longest key, in characters.
pub(crate) const LONGEST_KEY: usize = 255;
/// The longest id, in characters.
const LONGEST_ID: usize = 128;

/// A request that its route has let in.
pub(crate) struct Inbound {
    /// `None` where the route is open to all.
    pub(crate) caller: Option<Caller>,
    /// What its path names.
    pub(crate) id: PathId,
    /// Behind the `?`.
    pub(crate) query: String,
    /// What the client has of it already: the tags of `If-None-Match`.
    pub(crate) known: Vec<String>,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
    /// Empty where the route takes none.
    pub(crate) body: Bytes,
    /// Whether its calls may be repeated.
    pub(crate) repeat: Repeat,
}

impl Inbound {
    /// Reads the body.
    ///
    /// # Errors
    /// `malformed_request` where it is no JSON object, `invalid_request` with every field that is wrong.
    pub(crate) fn json<T>(&self, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Failure> {
        json::read(&self.body, read)
    }

    /// Reads the query.
    ///
    /// # Errors
    /// `invalid_request` with every parameter that is wrong.
    pub(crate) fn parameters<T>(&self, read: impl FnOnce(&mut Parameters) -> T) -> Result<T, Failure> {
        query::read(&self.query, read)
    }

    /// Refuses a request that names another user than its token.
    ///
    /// # Errors
    /// `user_mismatch`.
    pub(crate) fn is_of(&self, user_id: Option<&str>) -> Result<(), Failure> {
        let caller = match &self.caller {
            Some(Caller::User { id, .. }) => Some(id.as_str()),
            Some(Caller::Service { .. }) | None => None,
        };
        match user_id.is_none_or(|named| Some(named) == caller) {
            true => Ok(()),
            false => Err(Failure::new(
                Code::UserMismatch,
                "`user_id` is not the user of the token",
            )),
        }
    }
}

/// An id in a path. It can be one: what cannot is nowhere to be found, and nobody is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathId(String);

impl PathId {
    /// For paths that name nothing.
    pub(crate) fn none() -> PathId {
        PathId(String::new())
    }

    pub(crate) fn parse(text: &str) -> Result<PathId, Failure> {
        let is_plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
        match is_plain && (1..=LONGEST_ID).contains(&text.len()) {
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

/// The idempotency key of a request, where it has one.
///
/// # Errors
/// There are several, or it is empty, too long or not visible ASCII.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    if keys.next().is_some() {
        return Err(Failure::field(KEY_FIELD, "stands twice"));
    }
    match key.to_str() {
        Ok(text) if (1..=LONGEST_KEY).contains(&text.len()) => Ok(Some(text.to_owned())),
        _ => {
            let fault = format!("not 1 to {LONGEST_KEY} visible ASCII characters");
            Err(Failure::field(KEY_FIELD, fault))
        }
    }
}

/// The most tags that are looked at.
const MOST_KNOWN: usize = 16;

/// The tags of what the client has, whether weak or strong. Another one than ours is no harm: it is none that we know.
pub(crate) fn known(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let tags = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|tag| {
            let tag = tag.trim().trim_start_matches("W/");
            tag.strip_prefix('"')?.strip_suffix('"')
        });
    tags.filter(|tag| PathId::parse(tag).is_ok())
        .take(MOST_KNOWN)
        .map(str::to_owned)
        .collect()
}

/// Whether this is a currency as ISO 4217 writes it.
pub(crate) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// What is wrong with a text that no service could store.
fn text_fault(text: &str) -> Option<&'static str> {
    text.contains('\0').then_some("holds a NUL character")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key_of(values: &[&[u8]]) -> Result<Option<String>, Failure> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        idempotency_key(&headers)
    }

    #[test]
    fn a_key_is_one_text_of_at_most_255_characters() {
        assert_eq!(key_of(&[]), Ok(None));
        assert_eq!(key_of(&[b"a key"]), Ok(Some("a key".to_owned())));
        assert!(key_of(&[&[b'x'; 255]]).is_ok());
        for values in [&[&b""[..]][..], &[&[b'x'; 256]], &[b"a", b"b"], &["ü".as_bytes()]] {
            let failure = key_of(values).unwrap_err();
            assert_eq!(
                (failure.code, &*failure.fields[0].field),
                (Code::Invalid, "Idempotency-Key")
            );
        }
    }

    #[test]
    fn what_the_client_has_is_read_of_its_tags() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            }
            known(&headers)
        };
        assert_eq!(read(&[]), [""; 0]);
        assert_eq!(read(&["\"a\", W/\"b\"", "\"c\""]), ["a", "b", "c"]);
        assert_eq!(read(&["*", "a", "\"a b\"", "\"\"", "\"", "\"x"]), [""; 0]);
        assert_eq!(read(&["\"a\","; 40]).len(), MOST_KNOWN);
    }

    #[test]
    fn what_cannot_be_an_id_is_not_found() {
        assert!(PathId::parse("ord_0198-a.b:c").is_ok());
        for text in ["", "a b", "a/b", "a'--", "ü", "a\0", &"x".repeat(129)] {
            assert_eq!(PathId::parse(text).unwrap_err().code, Code::NotFound, "{text:?}");
        }
    }
}
