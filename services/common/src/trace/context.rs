//! W3C trace context: <https://www.w3.org/TR/trace-context/>.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Which trace a request belongs to, and under which span.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What tracing systems add to it.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The longest state that is handed on, in bytes: what the recommendation asks for at least.
const LONGEST_STATE: usize = 512;

/// A trace context that was read and found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    parent: HeaderValue,
    state: Option<HeaderValue>,
}

impl Trace {
    /// What the headers of a request say; `None` where that is no trace context.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Trace> {
        let parent = headers.get(TRACEPARENT)?;
        is_traceparent(parent.as_bytes()).then(|| Trace {
            parent: parent.clone(),
            state: joined(headers),
        })
    }

    /// What the headers of a record say; see [`Trace::of`].
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Trace> {
        if !is_traceparent(traceparent.as_bytes()) {
            return None;
        }
        let state = tracestate.filter(|state| !state.is_empty() && state.len() <= LONGEST_STATE);
        Some(Trace {
            parent: HeaderValue::from_str(traceparent).ok()?,
            state: state.and_then(|state| HeaderValue::from_str(state).ok()),
        })
    }

    /// What the headers of a record of Kafka say, in whatever form they come; see [`Trace::of`].
    #[must_use]
    pub fn of_record<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Option<Trace> {
        let (mut parent, mut state) = (None, None);
        for (name, value) in headers {
            let known = match name {
                "traceparent" => &mut parent,
                "tracestate" => &mut state,
                _ => continue,
            };
            *known = std::str::from_utf8(value).ok();
        }
        Trace::parse(parent?, state)
    }

    /// A new one, which is recorded.
    #[must_use]
    pub fn begin() -> Option<Trace> {
        let trace = Uuid::new_v4().simple().to_string();
        let span = Uuid::new_v4().simple().to_string();
        Trace::parse(&format!("00-{trace}-{}-01", span.get(..16)?), None)
    }

    /// Writes it into the headers of a request.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.parent.clone());
        if let Some(state) = &self.state {
            headers.insert(TRACESTATE, state.clone());
        }
    }

    /// As `traceparent` has it.
    #[must_use]
    pub fn parent(&self) -> &str {
        // It was read as hexadecimal digits and dashes.
        self.parent.to_str().unwrap_or_default()
    }

    /// As `tracestate` has it, where there is one.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_ref()?.to_str().ok()
    }

    /// The id of the whole trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.parent().get(3..35).unwrap_or_default()
    }

    /// The id of the span within: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> &str {
        self.parent().get(36..52).unwrap_or_default()
    }
}

/// Several headers are one list (RFC 9110, 5.3).
fn joined(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut all = headers.get_all(TRACESTATE).iter();
    let first = all.next()?;
    let mut state = first.as_bytes().to_vec();
    for more in all {
        state.push(b',');
        state.extend_from_slice(more.as_bytes());
    }
    let is_sane = state.len() <= LONGEST_STATE && state.is_ascii();
    HeaderValue::from_bytes(&state)
        .ok()
        .filter(|_| is_sane && !state.is_empty())
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

    fn headers(parent: &str, states: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_str(parent).unwrap());
        for state in states {
            headers.append(TRACESTATE, HeaderValue::from_str(state).unwrap());
        }
        headers
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let trace = Trace::of(&headers(GOOD, &["a=1", "b=2"])).unwrap();
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.span_id(), "b7ad6b7169203331");
        let mut written = HeaderMap::new();
        trace.write(&mut written);
        assert_eq!(written.get(TRACEPARENT).unwrap(), GOOD);
        assert_eq!(written.get(TRACESTATE).unwrap(), "a=1,b=2");
        assert_eq!(Trace::parse(GOOD, Some("a=1,b=2")), Some(trace.clone()));
        let record = [
            ("ce_id", &b"1"[..]),
            ("tracestate", &b"a=1,b=2"[..]),
            ("traceparent", GOOD.as_bytes()),
        ];
        assert_eq!(Trace::of_record(record), Some(trace));
    }

    #[test]
    fn a_state_beyond_all_bounds_is_left_out() {
        let long = format!("a={}", "1".repeat(600));
        let trace = Trace::of(&headers(GOOD, &[&long])).unwrap();
        assert_eq!((trace.parent(), trace.state()), (GOOD, None));
        assert_eq!(Trace::parse(GOOD, Some(&long)).unwrap().state(), None);
    }

    #[test]
    fn what_is_none_is_not_handed_on() {
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
            assert_eq!(Trace::of(&headers(text, &["a=1"])), None, "{text}");
            assert_eq!(Trace::parse(text, None), None, "{text}");
        }
        let record = [("traceparent", &b"\xff\xfe"[..])];
        assert_eq!(Trace::of_record(record), None);
    }

    #[test]
    fn a_new_one_is_good_and_like_no_other() {
        let (one, other) = (Trace::begin().unwrap(), Trace::begin().unwrap());
        assert!(is_traceparent(one.parent().as_bytes()));
        assert_ne!(one.trace_id(), other.trace_id());
    }
}
