//! What is counted of windows that are shown.

use prometheus::IntGauge;

use super::Metrics;

impl Metrics {
    /// How many windows are held.
    pub fn windows(&self, held: usize) {
        let held = i64::try_from(held).unwrap_or(i64::MAX);
        self.all.windows.with_label_values(&[self.service]).set(held);
    }

    /// A record of the topic of results was read.
    pub fn result_read(&self, kind: &str) {
        let labels = [self.service, kind];
        self.all.results_read.with_label_values(&labels).inc();
    }

    /// How many offsets of the topic of results are not read yet.
    pub fn results_lag(&self, offsets: u64) {
        let offsets = i64::try_from(offsets).unwrap_or(i64::MAX);
        self.all
            .results_lag
            .with_label_values(&[self.service])
            .set(offsets);
    }

    /// A stream of windows is open until what this gives is dropped.
    #[must_use]
    pub fn stream_opened(&self) -> OpenStream {
        let open = self.all.streams.with_label_values(&[self.service]);
        open.inc();
        OpenStream(open)
    }
}

/// An open stream, as it is counted.
#[derive(Debug)]
pub struct OpenStream(IntGauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}
