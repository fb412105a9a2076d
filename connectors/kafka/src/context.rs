//! What librdkafka tells about itself, turned into log lines: an outage is said once when it begins and once when
//! it ends; everything else is for those who ask for debug.

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::auth::Auth;

/// The callbacks of one client and what it knows of its connection.
pub(crate) struct Context {
    /// What this client does, for the log lines.
    purpose: &'static str,
    auth: Auth,
    /// Whether an outage matters the moment it begins: a producer at rest may lose its connection and get it back unnoticed.
    waits: bool,
    /// Nobody uses the client any more.
    silent: AtomicBool,
    down: AtomicBool,
    /// Something may be wrong with the topic or the connection. librdkafka only logs that a topic was deleted, and that all
    /// brokers are down it may never say: it compares two counts, and one is too high while a bootstrap address is let go of.
    doubtful: AtomicBool,
    last_error: Mutex<Option<String>>,
}

impl Context {
    /// A client that always waits for the broker.
    pub(crate) fn new(purpose: &'static str, auth: Auth) -> Self {
        Self {
            purpose,
            auth,
            waits: true,
            silent: AtomicBool::new(false),
            down: AtomicBool::new(false),
            doubtful: AtomicBool::new(false),
            last_error: Mutex::new(None),
        }
    }

    /// A client that is at rest between its calls; the calls say when they wait.
    pub(crate) fn at_rest(purpose: &'static str, auth: Auth) -> Self {
        Self {
            waits: false,
            ..Self::new(purpose, auth)
        }
    }

    /// Whether no broker can be reached.
    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Nobody uses the client any more: its outages are not worth a word.
    pub(crate) fn silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// Notes that no broker can be reached; logs the first time only.
    pub(crate) fn went_down(&self, reason: &str) {
        if self.silent.load(Ordering::Relaxed) {
            return;
        }
        if !self.down.swap(true, Ordering::Relaxed) {
            tracing::warn!(client = self.purpose, reason, "waiting for the Kafka broker");
        }
    }

    /// Notes that no broker answered and gives the reason: the last failure of a connection, which says more than `error`, the
    /// failure of the call.
    pub(crate) fn unanswered(&self, error: impl ToString) -> String {
        let reason = self.last_error().unwrap_or_else(|| error.to_string());
        self.went_down(&reason);
        reason
    }

    /// Notes that the broker answers, and forgets what was wrong before; logs the end of an outage.
    pub(crate) fn is_back(&self) {
        if let Ok(mut last) = self.last_error.lock() {
            *last = None;
        }
        if self.down.swap(false, Ordering::Relaxed) {
            tracing::info!(client = self.purpose, "the Kafka broker answers again");
        }
    }

    /// Notes that something may be wrong with the topic or the connection.
    pub(crate) fn doubt(&self) {
        self.doubtful.store(true, Ordering::Relaxed);
    }

    /// Whether there was a doubt since the last call, so that it is worth asking whether broker and topic are there.
    pub(crate) fn take_doubt(&self) -> bool {
        self.doubtful.swap(false, Ordering::Relaxed)
    }

    /// Notes why the connection failed; whether it was another reason before.
    fn failed(&self, reason: &str) -> bool {
        match self.last_error.lock() {
            Ok(mut last) => last.replace(reason.to_owned()).as_deref() != Some(reason),
            Err(_) => false,
        }
    }

    /// The reason of the last failure, for an error that says no more than "timed out".
    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error.lock().ok().and_then(|last| last.clone())
    }
}

/// Logs what librdkafka has to log. Its warnings and errors are mostly one line for each attempt to connect, so they go to
/// `debug`: of an outage the context's `error` is told as well.
pub(crate) fn note(client: &str, level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(client, facility, "librdkafka: {message}");
        }
        _ => tracing::debug!(client, facility, "librdkafka: {message}"),
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.auth.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match facility {
            // The errors of a partition that the batch interface does not hand over.
            "ERROR" => self.doubt(),
            // Nor those of a connection that the broker closes.
            "FAIL" if hung_up_on(message) => {
                let (_, told) = message.split_once("]: ").unwrap_or(("", message));
                self.failed(&format!(
                    "{told}: the broker hangs up on the first request, as a TLS listener does; check security.protocol"
                ));
            }
            _ => {}
        }
        note(self.purpose, level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::PartitionEOF) {
            return;
        }
        if code == Some(RDKafkaErrorCode::AllBrokersDown) {
            // It follows the errors of the connections, which say more.
            if self.waits {
                self.unanswered(reason);
            }
            return;
        }
        self.doubt();
        let news = self.failed(reason);
        match code {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL) if news => {
                tracing::warn!(
                    client = self.purpose,
                    reason,
                    "the Kafka broker refuses the connection"
                );
            }
            // The rest is repeated for each attempt, or returned by the call that it concerns.
            _ => tracing::debug!(client = self.purpose, reason, "librdkafka: {error}"),
        }
    }

    // librdkafka is not asked for statistics unless a user sets `statistics.interval.ms`: then they are for the log.
    fn stats_raw(&self, statistics: &[u8]) {
        tracing::debug!(
            client = self.purpose,
            "statistics: {}",
            String::from_utf8_lossy(statistics)
        );
    }
}

impl ConsumerContext for Context {}

/// Whether librdkafka tells of a broker that closed the connection instead of answering the first request.
fn hung_up_on(message: &str) -> bool {
    message.contains("Disconnected") && message.contains("in state APIVERSION_QUERY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrong_is_forgotten_once_the_broker_answers() {
        let context = Context::new("test", Auth::Properties);
        let refused = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        context.error(refused, "connection refused");
        assert_eq!(context.last_error().as_deref(), Some("connection refused"));
        context.is_back();
        assert_eq!(context.last_error(), None);
    }

    #[test]
    fn a_lost_connection_is_a_reason_to_ask_whatever_is_said_of_the_other_brokers() {
        let context = Context::new("test", Auth::Properties);
        context.error(KafkaError::Global(RDKafkaErrorCode::PartitionEOF), "");
        assert!(!context.take_doubt());
        let refused = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        context.error(refused, "connection refused");
        assert!(context.take_doubt());
        assert!(!context.is_down());
    }

    #[test]
    fn a_broker_that_hangs_up_on_the_first_request_may_want_tls() {
        let context = Context::new("test", Auth::Properties);
        let closed = |state: &str| {
            let message = format!(
                "[thrd:b:1/bootstrap]: b:1/bootstrap: Disconnected: connection closed by peer (after 1ms in state {state})"
            );
            context.log(RDKafkaLogLevel::Info, "FAIL", &message);
            context.last_error()
        };
        assert_eq!(closed("UP"), None);
        let told = closed("APIVERSION_QUERY").unwrap_or_default();
        assert!(
            told.starts_with("b:1/bootstrap") && told.contains("security.protocol"),
            "{told}"
        );
    }
}
