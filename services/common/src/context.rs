//! What a request carries from hop to hop: its id, its deadline, its trace.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::boxed::Boxed;
use crate::trace::Trace;

/// The id of a request, given by the gateway.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// gRPC's deadline.
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The longest id of a request that is taken over from its sender.
const LONGEST_ID: usize = 64;

/// What travels with a request.
#[derive(Clone, Debug)]
pub struct Context {
    /// For logs and answers.
    pub request_id: Arc<str>,
    /// When nobody waits for the answer any more.
    pub deadline: Option<Instant>,
    /// What the work belongs to.
    pub trace: Option<Trace>,
    /// The token of the user on whose behalf calls are made, where that is so.
    pub token: Option<Arc<str>>,
}

tokio::task_local! {
    static CURRENT: Context;
}

impl Context {
    /// What the headers of a request say; a missing id is made.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Context {
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let sane = |id: &&str| {
            !id.is_empty()
                && id.len() <= LONGEST_ID
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        Context {
            request_id: sent
                .filter(sane)
                .map_or_else(|| Uuid::now_v7().to_string().into(), Into::into),
            deadline: headers
                .get(GRPC_TIMEOUT)
                .and_then(|value| grpc_timeout(value.to_str().ok()?))
                .map(|timeout| Instant::now() + timeout),
            trace: Trace::of(headers),
            token: None,
        }
    }

    /// For work that no request asked for.
    #[must_use]
    pub fn unasked() -> Context {
        Context::of(&HeaderMap::new())
    }

    /// The context of the current task.
    #[must_use]
    pub fn current() -> Option<Context> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a future within it.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Does within it what does not wait for anything.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// How long the sender still waits.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// Starts work that goes on when its caller hangs up. It keeps the caller's id and trace, and has a time-out of its own
/// instead of the caller's deadline.
pub fn spawn_own<F>(timeout: Duration, future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut context = Context::current().unwrap_or_else(Context::unasked);
    context.deadline = Some(Instant::now() + timeout);
    // The parts around it are compiled once for all futures of one output.
    let future: Boxed<'static, F::Output> = Box::pin(future);
    let span = tracing::Span::current();
    tokio::spawn(tracing::Instrument::instrument(context.scope(future), span))
}

/// Work that comes of a request and that nobody waits for: it keeps the request's id and trace, not its deadline and not its
/// caller's token.
pub fn aside<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let mut context = Context::current().unwrap_or_else(Context::unasked);
    context.deadline = None;
    context.token = None;
    let span = tracing::Span::current();
    tracing::Instrument::instrument(context.scope(future), span)
}

/// A gRPC time-out: at most eight digits and a unit.
fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// A time-out as gRPC writes it.
pub(crate) fn grpc_timeout_value(timeout: Duration) -> HeaderValue {
    // At most eight digits: milliseconds reach beyond a day.
    let ms = timeout.as_millis().clamp(1, 99_999_999);
    HeaderValue::from_str(&format!("{ms}m")).unwrap_or(HeaderValue::from_static("1m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_as_grpc_writes_it() {
        assert_eq!(grpc_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(grpc_timeout("3S"), Some(Duration::from_secs(3)));
        for text in ["", "S", "1", "1x", "123456789S", "-1S", "ü"] {
            assert_eq!(grpc_timeout(text), None, "{text}");
        }
        let value = grpc_timeout_value(Duration::from_secs(2));
        assert_eq!(
            grpc_timeout(value.to_str().unwrap()),
            Some(Duration::from_secs(2))
        );
    }

    #[test]
    fn an_id_that_would_not_be_safe_in_a_log_is_not_taken_over() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
        assert_eq!(&*Context::of(&headers).request_id, "abc-1");
        for text in ["a b", "a\"b", "", &"x".repeat(65)] {
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
            assert_ne!(&*Context::of(&headers).request_id, text);
        }
    }
}
