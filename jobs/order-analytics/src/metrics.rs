//! The job's metrics, as Prometheus reads them.

use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::parquet::Backlog;
use crate::status::{Shared, Totals};

/// All metrics of one job.
pub(crate) struct Metrics {
    registry: Registry,
    scraping: Mutex<Scraping>,
    consumed: IntCounter,
    accepted: IntCounter,
    duplicate: IntCounter,
    ignored: IntCounter,
    late: IntCounter,
    invalid: IntCounter,
    pub(crate) published: IntCounter,
    pub(crate) revised: IntCounter,
    pub(crate) commit_seconds: Histogram,
    pub(crate) transaction_failures: IntCounter,
    pub(crate) parquet_writes: IntCounter,
    pub(crate) parquet_bytes: IntCounter,
    pub(crate) parquet_failures: IntCounter,
    pub(crate) replay_mismatches: IntCounter,
    pub(crate) records_lost: IntCounter,
    lag_records: IntGaugeVec,
    watermark_lag: IntGaugeVec,
    watermark: IntGauge,
    in_flight: IntGauge,
    parquet_waiting: IntGauge,
    up: IntGauge,
    broker_up: IntGauge,
}

/// Whether the counters over all runs are among what is scraped: a zero before the progress has been read would be
/// taken for a reset, and the totals for what happened since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Scraping {
    #[default]
    WithoutTotals,
    WithTotals,
}

impl Metrics {
    /// Registers everything under the prefix `order_analytics_`.
    ///
    /// # Errors
    /// When a name is taken twice: a fault of the program.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| {
            register(
                &registry,
                IntCounter::new(format!("order_analytics_{name}"), help)?,
            )
        };
        let total = |name: &str, help: &str| IntCounter::new(format!("order_analytics_{name}"), help);
        let gauge = |name: &str, help: &str| {
            register(&registry, IntGauge::new(format!("order_analytics_{name}"), help)?)
        };
        let by_partition = |name: &str, help: &str| {
            let opts = Opts::new(format!("order_analytics_{name}"), help);
            register(&registry, IntGaugeVec::new(opts, &["partition"])?)
        };
        let buckets = vec![
            0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
        ];
        let commit = HistogramOpts::new(
            "order_analytics_commit_duration_seconds",
            "Time a transaction took.",
        );
        let info = Opts::new(
            "order_analytics_build_info",
            "1, with the version of the program.",
        )
        .const_label("version", env!("CARGO_PKG_VERSION"));
        let build_info = register(&registry, IntGauge::with_opts(info)?)?;
        build_info.set(1);
        let metrics = Self {
            consumed: total(
                "records_consumed_total",
                "Records before the last commit, over all runs.",
            )?,
            accepted: total(
                "orders_accepted_total",
                "Orders counted in a window, over all runs.",
            )?,
            duplicate: total(
                "orders_duplicate_total",
                "Copies of counted orders, over all runs.",
            )?,
            ignored: total("events_ignored_total", "Events of other types, over all runs.")?,
            late: total(
                "orders_late_total",
                "Orders sent to the late topic, over all runs.",
            )?,
            invalid: total(
                "records_invalid_total",
                "Records sent to the dead-letter topic, over all runs.",
            )?,
            published: counter("windows_published_total", "First results written by this run.")?,
            revised: counter("windows_revised_total", "Revisions written by this run.")?,
            commit_seconds: register(&registry, Histogram::with_opts(commit.buckets(buckets))?)?,
            transaction_failures: counter(
                "transaction_failures_total",
                "Attempts to commit or to find out whether a commit stands that failed, and were made again.",
            )?,
            parquet_writes: counter("parquet_writes_total", "Parquet files written.")?,
            parquet_bytes: counter("parquet_written_bytes_total", "Bytes of Parquet files written.")?,
            parquet_failures: counter(
                "parquet_failures_total",
                "Failures to open or to write Parquet, retried; of a file each fault once until something is written.",
            )?,
            replay_mismatches: counter(
                "replay_mismatches_total",
                "Windows that a replay gave other totals than were published: a defect, or another log.",
            )?,
            records_lost: counter(
                "records_lost_total",
                "Records that the log no longer held when the job had to read them.",
            )?,
            lag_records: by_partition("consumer_lag_records", "Records beyond the last commit.")?,
            watermark_lag: by_partition("watermark_lag_seconds", "Wall clock less the partition's clock.")?,
            watermark: gauge(
                "watermark_seconds",
                "The watermark as of the last commit, in seconds since 1970: windows that end by then are published.",
            )?,
            parquet_waiting: gauge(
                "parquet_waiting_results",
                "Results that are in Kafka and not in Parquet yet.",
            )?,
            in_flight: gauge(
                "in_flight_records",
                "Records read that are ahead of the watermark.",
            )?,
            up: gauge("ready", "1 once the replay is through.")?,
            broker_up: gauge(
                "broker_up",
                "1 while the broker answers; it is asked once a second.",
            )?,
            registry,
            scraping: Mutex::default(),
        };
        Ok(metrics)
    }

    /// Counters follow the committed totals; they never go back, and are not there before these are known.
    fn follow(&self, totals: &Totals, scraping: &mut Scraping) -> Result<(), prometheus::Error> {
        let pairs = [
            (&self.consumed, totals.consumed),
            (&self.accepted, totals.accepted),
            (&self.duplicate, totals.duplicate),
            (&self.ignored, totals.ignored),
            (&self.late, totals.late),
            (&self.invalid, totals.invalid),
        ];
        for (counter, total) in pairs {
            counter.inc_by(total.saturating_sub(counter.get()));
            if *scraping == Scraping::WithoutTotals {
                register(&self.registry, counter.clone())?;
            }
        }
        *scraping = Scraping::WithTotals;
        Ok(())
    }

    /// The text that Prometheus scrapes.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub(crate) fn scrape(&self, shared: &Shared, now_ms: i64) -> Result<String, prometheus::Error> {
        // One scrape at a time, from one moment of the status: within a scrape the totals always add up.
        let mut scraping = self.scraping.lock().unwrap_or_else(PoisonError::into_inner);
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for (partition, lag) in shared.lag() {
            self.lag_records
                .with_label_values(&[partition.to_string()])
                .set(signed(lag));
        }
        for (partition, clock) in shared.clocks.all() {
            if clock > 0 {
                let lag = now_ms / 1_000 - signed(clock);
                self.watermark_lag
                    .with_label_values(&[partition.to_string()])
                    .set(lag);
            }
        }
        let status = shared.status();
        if let Some(totals) = shared.totals() {
            self.follow(&totals, &mut scraping)?;
        }
        if let Some(watermark) = status.watermark {
            self.watermark.set(watermark.millis() / 1_000);
        }
        self.in_flight.set(signed(
            shared.in_flight.load(std::sync::atomic::Ordering::Relaxed),
        ));
        let waiting = shared.parquet.get().map_or(0, Backlog::results);
        self.parquet_waiting.set(signed(waiting));
        self.up.set(i64::from(status.ready));
        self.broker_up.set(i64::from(shared.broker_up()));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::sync::Arc;

    use weir_dataflow::clocks::Clocks;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn the_counters_over_all_runs_are_not_there_before_they_are_known() {
        let clocks = Arc::new(Clocks::new(Settings::default().rules()));
        let shared = Shared::new(clocks, Metrics::new().unwrap());
        let scrape = || shared.metrics.scrape(&shared, 0).unwrap();
        assert!(!scrape().contains("records_consumed_total"));
        let totals = Totals {
            consumed: 7,
            late: 7,
            ..Totals::default()
        };
        shared.committed(totals, 60, std::iter::empty(), &[]);
        for _ in 0..2 {
            assert!(scrape().contains("\norder_analytics_records_consumed_total 7\n"));
            assert!(scrape().contains("\norder_analytics_orders_accepted_total 0\n"));
        }
    }
}
