//! Headers that handlers ask for.

use axum::http::{HeaderMap, HeaderName, header};

use super::path::PathId;
use crate::failure::Failure;

/// With which a client names a request, to send it again safely.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// As answers name it.
const KEY_FIELD: &str = "Idempotency-Key";
/// The longest key, in characters.
pub const LONGEST_KEY: usize = 255;
/// The idempotency key of a request, where it has one.
///
/// # Errors
/// There are several, or it is empty, too long or not visible ASCII.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
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

/// With which a client says what it saw last of a stream.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a client saw last of a stream; `None` where it begins from now on.
///
/// # Errors
/// It is no text.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(id) => Ok(Some(id.to_owned()).filter(|id| !id.is_empty())),
        Err(_) => Err(Failure::field("Last-Event-ID", "not the id of an event")),
    }
}

/// With which Stripe signs its webhooks.
pub const STRIPE_SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");

/// The signature that a webhook came with, where it is text.
pub fn signature(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(STRIPE_SIGNATURE)?;
    value.to_str().ok().map(str::to_owned)
}

/// The most tags that are looked at.
const MOST_KNOWN: usize = 16;

/// The tags of what the client has, whether weak or strong. Another one than ours is no harm: it is none that we know.
pub fn known(headers: &HeaderMap) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::failure::Code;

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
}
