//! Tumbling windows of event time, and how they end.

/// Milliseconds in the second that all dataflow times count in.
pub const MILLIS: i64 = 1_000;

/// The rules of time: how long a window is, how far the watermark trails, how long a window may be revised.
///
/// All in whole seconds: every change of time flushes the buffers of every worker, so times are coarse and the
/// exact event time stays in the data.
///
/// # Examples
/// ```
/// use weir_dataflow::window::Rules;
/// let rules = Rules { window: 60, lag: 10, lateness: 60, max_ahead_ms: 60_000 };
/// assert_eq!(rules.window_of(125_999), 120);
/// assert!(!rules.is_late(120, 239, 0), "the window [120, 180) may be revised while the stamp is below 240");
/// assert!(rules.is_late(120, 240, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Length of a window in seconds, at least 1. Windows begin at multiples of it since 1970.
    pub window: u64,
    /// How far the watermark trails the largest event time seen, in seconds.
    pub lag: u64,
    /// How long after the watermark has passed a window's end it may still be revised, in seconds.
    pub lateness: u64,
    /// How far an event time may lie beyond its record's Kafka timestamp, in milliseconds; 0 switches the check off.
    pub max_ahead_ms: i64,
}

impl Rules {
    /// The start in seconds of the window that holds an event time in milliseconds since 1970.
    #[inline]
    pub fn window_of(&self, event_ms: i64) -> u64 {
        let second = event_ms.max(0) as u64 / MILLIS as u64;
        second - second % self.window
    }

    /// The second at which the window that starts at `start` ends.
    #[inline]
    pub fn end(&self, start: u64) -> u64 {
        start + self.window
    }

    /// Whether an order of the window that starts at `window`, read under `stamp`, is too late to be counted.
    /// Windows that end at or before `final_until` were final when this run began.
    #[inline]
    pub fn is_late(&self, window: u64, stamp: u64, final_until: u64) -> bool {
        self.end(window) <= stamp.saturating_sub(self.lateness).max(final_until)
    }

    /// The clock that an event asks for: its time, capped at the Kafka timestamp, less the lag, in whole seconds.
    #[inline]
    pub fn clock_of(&self, event_ms: i64, kafka_ms: Option<i64>) -> u64 {
        let seen = kafka_ms.map_or(event_ms, |kafka_ms| event_ms.min(kafka_ms));
        ((seen - self.lag as i64 * MILLIS).max(0) / MILLIS) as u64
    }

    /// Whether the event time lies further ahead of the record's own Kafka timestamp than is believed.
    #[inline]
    pub fn is_ahead(&self, event_ms: i64, kafka_ms: Option<i64>) -> bool {
        self.max_ahead_ms > 0
            && kafka_ms.is_some_and(|kafka_ms| event_ms > kafka_ms.saturating_add(self.max_ahead_ms))
    }

    /// How far a partition's clock may run ahead of the frontier before it is paused, in seconds.
    pub fn max_skew(&self) -> u64 {
        2 * self.window + self.lag
    }
}
