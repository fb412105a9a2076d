//! The measurements, one after the other.

mod idle;
mod latency;
mod recovery;
mod throughput;

use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::live::now_ms;
use crate::options::{Options, Part};
use crate::proc_fs;
use crate::report::Report;
use crate::server::Server;

/// What all measurements share.
pub(crate) struct Bench<'a> {
    options: &'a Options,
    server: Server,
    folder: TempDir,
    /// Before every name, so that a broker that is used again knows none of them.
    prefix: String,
    machine: String,
}

impl<'a> Bench<'a> {
    /// Starts the broker.
    pub(crate) fn start(options: &'a Options) -> Result<Self> {
        let machine = proc_fs::machine();
        let folder = tempfile::Builder::new().prefix("benchmark-").tempdir()?;
        let server = Server::start(options.kafka.as_deref())?;
        Ok(Self {
            options,
            server,
            folder,
            prefix: format!("bench-{}", now_ms()),
            machine,
        })
    }

    /// Machine, broker and options, for the head of the report.
    pub(crate) fn setting(&self) -> String {
        let options = self.options;
        format!(
            "{}; {}; {} orders, {} a second live, {} workers, median of {}",
            self.machine,
            self.server.name(),
            options.orders,
            options.rate,
            options.workers,
            options.repeat
        )
    }

    /// Measures what is asked for, and leaves nothing behind, whatever happens.
    pub(crate) fn measure(&self, report: &mut Report) -> Result<()> {
        let measured = self.measure_all(report);
        let cleaned = self.server.clean_up();
        measured.and(cleaned)
    }

    fn measure_all(&self, report: &mut Report) -> Result<()> {
        type Measure = fn(&Bench<'_>, &mut Report) -> Result<()>;
        let parts: [(Part, &str, Measure); 4] = [
            (Part::Throughput, "throughput", throughput::measure),
            (Part::Latency, "latency", latency::measure),
            (Part::Idle, "idle", idle::measure),
            (Part::Recovery, "recovery", recovery::measure),
        ];
        for (part, name, measure) in parts {
            if self.options.wants(part) {
                eprintln!("-- {name}");
                measure(self, report).context(name)?;
            }
        }
        Ok(())
    }

    /// A name that no other measurement has.
    fn name(&self, part: &str) -> String {
        format!("{}-{part}", self.prefix)
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Goals hold for the development broker with one worker.
    fn is_reference(&self) -> bool {
        self.server.own().is_some() && self.options.workers == 1
    }
}
