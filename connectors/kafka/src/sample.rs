//! How traces of orders reach the job: by a link from a few spans of its own. An order's headers are not read on its way
//! to the windows; those of one record a second are, and only while somebody takes spans.

use std::time::{Duration, Instant};

/// The target of spans that are there for traces only, as in the services.
const TARGET: &str = "trace";
/// Between two samples of a partition.
const PAUSE: Duration = Duration::from_secs(1);

/// Says when a partition's next record may be looked at.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    last: Option<Instant>,
}

impl Sampler {
    /// The next record may be; asked once for each batch.
    #[inline]
    pub(crate) fn is_due(&mut self) -> bool {
        if !tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
            return false;
        }
        let is_due = self.last.is_none_or(|last| last.elapsed() >= PAUSE);
        if is_due {
            self.last = Some(Instant::now());
        }
        is_due
    }
}

/// Tells that a record was read: a span of the job's own, which a collector shows with the trace of the record. One that
/// is not recorded (the last bit of its flags) is not told of.
pub(crate) fn tell(topic: &str, partition: i32, offset: i64, traceparent: &[u8]) {
    let Ok(traceparent) = std::str::from_utf8(traceparent) else {
        return;
    };
    let flags = traceparent
        .get(53..55)
        .and_then(|flags| u8::from_str_radix(flags, 16).ok());
    if flags.is_some_and(|flags| flags & 1 == 1) {
        tracing::debug_span!(
            target: TARGET,
            parent: None,
            "read",
            otel.kind = "consumer",
            messaging.system = "kafka",
            messaging.destination.name = topic,
            messaging.destination.partition.id = partition,
            messaging.kafka.offset = offset,
            link.traceparent = traceparent,
        );
    }
}
