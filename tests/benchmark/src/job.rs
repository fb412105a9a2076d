//! The job as a process, and what it has written.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use order_analytics::Totals;
use order_analytics::progress::Progress;
use weir_kafka::{offsets, read_last, read_range};
use weir_proto::{AnalyticsResult, Timestamp};

use crate::process::{Process, Role, Usage};
use crate::server::Server;

/// How long a bounded run may take.
const BOUNDED: Duration = Duration::from_secs(900);

/// A job: its topics bear its id, so that any number of jobs can read the same orders.
pub(crate) struct Job<'a> {
    server: &'a Server,
    id: String,
    orders: String,
    workers: u32,
    log: PathBuf,
    more: Vec<String>,
}

impl<'a> Job<'a> {
    /// A job that reads `orders`; its log goes into `folder`.
    pub(crate) fn new(server: &'a Server, id: &str, orders: &str, folder: &Path) -> Self {
        let job = Self {
            server,
            id: id.to_owned(),
            orders: orders.to_owned(),
            workers: 1,
            log: folder.join(format!("{id}.log")),
            more: Vec::new(),
        };
        server.note(job.topics());
        job
    }

    /// With so many workers.
    pub(crate) fn workers(self, workers: u32) -> Self {
        Self { workers, ..self }
    }

    /// With further arguments.
    pub(crate) fn with(mut self, more: &[&str]) -> Self {
        self.more
            .extend(more.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Where the results go.
    pub(crate) fn results_topic(&self) -> String {
        format!("{}-results", self.id)
    }

    fn progress_topic(&self) -> String {
        format!("{}-progress", self.id)
    }

    /// The topics that the job makes.
    fn topics(&self) -> Vec<String> {
        vec![
            self.results_topic(),
            self.progress_topic(),
            format!("{}-dlq", self.id),
            format!("{}-late", self.id),
        ]
    }

    /// Follows the topic; `http` is where it serves its metrics.
    pub(crate) fn follow(&self, http: Option<SocketAddr>) -> Result<Process> {
        self.start(http, &[])
    }

    /// Reads to the end, closes every window, ends.
    pub(crate) fn bounded(&self) -> Result<Usage> {
        self.start(None, &["--bounded"])?.wait(BOUNDED)
    }

    fn start(&self, http: Option<SocketAddr>, more: &[&str]) -> Result<Process> {
        let http = http.map_or_else(|| "off".to_owned(), |address| address.to_string());
        let id = &self.id;
        let flags = [
            ("--bootstrap-servers", self.server.address().to_owned()),
            ("--job-id", id.clone()),
            ("--orders-topic", self.orders.clone()),
            ("--results-topic", self.results_topic()),
            ("--dlq-topic", format!("{id}-dlq")),
            ("--late-topic", format!("{id}-late")),
            ("--workers", self.workers.to_string()),
            ("--http-addr", http),
        ];
        let mut args = vec!["run".to_owned()];
        for (flag, value) in flags {
            args.extend([flag.to_owned(), value]);
        }
        args.extend(self.more.iter().cloned());
        args.extend(more.iter().map(|argument| (*argument).to_owned()));
        Process::start(Role::Job, &args, &self.log)
    }

    /// What its log says, from byte `from` on.
    pub(crate) fn log(&self, from: usize) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(from..).unwrap_or_default()).into_owned()
    }

    /// The totals as committed.
    pub(crate) fn totals(&self) -> Result<Totals> {
        let connection = self.server.connection();
        let last = read_last(&connection, &self.progress_topic(), 0, |record| {
            record.value.is_some()
        })?;
        let value = last
            .and_then(|record| record.value)
            .context("the job has committed nothing")?;
        Ok(Progress::read(&value)?.totals)
    }

    /// The end of the progress topic: it moves with every transaction.
    pub(crate) fn progress_end(&self) -> Result<i64> {
        let ends = offsets(&self.server.connection(), &self.progress_topic())?;
        Ok(ends.get(&0).map_or(0, |(_, end)| *end))
    }

    /// The last revision of every window.
    pub(crate) fn results(&self) -> Result<BTreeMap<Timestamp, AnalyticsResult>> {
        let mut results = BTreeMap::new();
        let mut unreadable = 0;
        read_range(
            &self.server.connection(),
            &self.results_topic(),
            0,
            0,
            |record| match record
                .value
                .as_deref()
                .and_then(|value| AnalyticsResult::from_json(value).ok())
            {
                Some(result) => {
                    results.insert(result.window_start(), result);
                }
                None => unreadable += 1,
            },
        )?;
        ensure!(unreadable == 0, "{unreadable} results cannot be read");
        Ok(results)
    }

    /// Checks that each of `orders` distinct orders stands in a window, once, and gives the number of windows.
    pub(crate) fn ensure_exact(&self, orders: u64) -> Result<usize> {
        let totals = self.totals()?;
        ensure!(
            totals.balanced() && totals.consumed == orders && totals.accepted == orders,
            "{orders} orders were written, the job says {totals:?}"
        );
        let results = self.results()?;
        let counted: u64 = results.values().map(|result| result.order_count()).sum();
        ensure!(
            counted == orders,
            "{orders} orders were written, {counted} stand in windows"
        );
        Ok(results.len())
    }
}
