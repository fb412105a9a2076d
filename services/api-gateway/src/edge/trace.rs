//! W3C trace context of a request.

use axum::http::{HeaderMap, HeaderValue};
use service_common::context::TRACEPARENT;
use uuid::Uuid;

/// What the client sent, where that is one; otherwise a new trace.
pub(super) fn of(headers: &HeaderMap) -> Option<HeaderValue> {
    let sent = headers
        .get(TRACEPARENT)
        .filter(|value| is_traceparent(value.as_bytes()));
    sent.cloned().or_else(begin)
}

fn begin() -> Option<HeaderValue> {
    let trace = Uuid::new_v4().simple().to_string();
    let span = Uuid::new_v4().simple().to_string();
    HeaderValue::from_str(&format!("00-{trace}-{}-01", span.get(..16)?)).ok()
}

/// `00-`, the trace, `-`, the span, `-`, flags: in lower-case hexadecimal digits, neither id zero.
fn is_traceparent(text: &[u8]) -> bool {
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b'-').collect();
    let [version, trace, span, flags] = parts[..] else {
        return false;
    };
    let is_hex = |part: &[u8], digits: usize| {
        part.len() == digits
            && part
                .iter()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
    };
    let is_id = |part: &[u8], digits: usize| is_hex(part, digits) && part.iter().any(|byte| *byte != b'0');
    version == b"00" && is_id(trace, 32) && is_id(span, 16) && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_of_the_client_goes_on() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert_eq!(of(&headers).unwrap(), GOOD);
    }

    #[test]
    fn what_is_none_begins_a_new_one() {
        let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let upper = GOOD.to_uppercase();
        for text in [
            "",
            "garbage",
            "00-1-2-3",
            zeros,
            &upper,
            &GOOD.replace("00-", "ff-"),
            &format!("{GOOD}-x"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TRACEPARENT, HeaderValue::from_str(text).unwrap());
            let begun = of(&headers).unwrap();
            assert_ne!(begun, text);
            assert!(is_traceparent(begun.as_bytes()), "{begun:?}");
        }
    }
}
