//! An event, as it is written and published.

use std::collections::BTreeMap;

use uuid::Uuid;
use weir_proto::Timestamp;

use crate::trace::{self, Trace};

/// An event on its way to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) key: String,
    pub(super) version: i64,
    pub(super) payload: String,
    pub(super) at_ms: i64,
    kind: String,
    source: &'static str,
    trace: Option<Trace>,
}

impl Event {
    /// An event about `key`, the next one after those with smaller versions.
    ///
    /// `at_ms`, milliseconds since 1970 by the database's clock, must grow with the version of a key: events wait in its
    /// sequence. The trace is that of the current request.
    #[must_use]
    pub fn new(
        topic: &str,
        key: &str,
        version: i64,
        kind: &str,
        source: &'static str,
        payload: String,
        at_ms: i64,
    ) -> Event {
        Event {
            id: Uuid::now_v7().to_string(),
            topic: topic.to_owned(),
            key: key.to_owned(),
            version,
            payload,
            at_ms,
            kind: kind.to_owned(),
            source,
            trace: trace::current(),
        }
    }

    /// The id that all copies of the event bear.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The headers of the record, as JSON: CloudEvents in binary mode, the version, the trace.
    pub(super) fn headers(&self) -> String {
        let version = self.version.to_string();
        let time = Timestamp::from_millis(self.at_ms).map_or_else(String::new, |at| at.to_string());
        let mut headers = BTreeMap::from([
            ("ce_id", self.id.as_str()),
            ("ce_type", &self.kind),
            ("ce_source", self.source),
            ("ce_time", &time),
            ("ce_specversion", "1.0"),
            ("version", &version),
        ]);
        if let Some(trace) = &self.trace {
            headers.insert("traceparent", trace.parent());
            if let Some(state) = trace.state() {
                headers.insert("tracestate", state);
            }
        }
        // Strings only: nothing that cannot be written.
        serde_json::to_string(&headers).unwrap_or_default()
    }
}
