//! Topics, folder and job of one test, and the judgement at its end.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tempfile::TempDir;
use test_support::patience::until;

use super::Job;
use crate::feed::{Difference, Feed, MAY_BE_LATE, Planned, Receipts, Shape, Writer};
use crate::kafka::{self, Admin, Record};
use crate::oracle::{Evidence, FAULTS_A_CHECK, Fault, Rules, Topics, Verdict, judge};

/// Everything one test owns: nothing of it is shared with another.
pub struct Stage {
    /// The job's settings; change them between runs.
    pub job: Job,
    /// To change topics.
    pub admin: Admin,
    /// What was seen so far.
    pub evidence: Evidence,
    writer: Writer,
    /// What the broker has acknowledged of the orders topic.
    acknowledged: Receipts,
    folder: TempDir,
}

impl Stage {
    /// An orders topic with the shape's partitions, and a job that fits the shape.
    ///
    /// # Errors
    /// When the broker refuses the topic.
    pub fn new(proof: &Path, bootstrap: &str, name: &str, shape: &Shape) -> Result<Stage> {
        static STAGES: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::Builder::new().prefix("proof-").tempdir()?;
        // The same broker may have served an earlier run of the tests.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock stands before 1970")?;
        let id = format!(
            "{name}-{}-{}",
            since_epoch.as_millis() % 1_000_000_000,
            STAGES.fetch_add(1, Ordering::Relaxed)
        );
        let topics = Topics {
            orders: format!("{id}-orders"),
            results: format!("{id}-results"),
            dlq: format!("{id}-dlq"),
            late: format!("{id}-late"),
            progress: format!("{id}-progress"),
        };
        let rules = Rules {
            window_ms: shape.window_ms,
            lag_ms: shape.lag_ms,
            lateness_ms: shape.lateness_ms,
            ahead_ms: shape.ahead_ms,
            currency: "USD".to_owned(),
            may_be_late: MAY_BE_LATE.to_owned(),
        };
        let admin = Admin::new(bootstrap)?;
        admin.create(&topics.orders, shape.partitions, &[])?;
        let writer = Writer::new(bootstrap, &topics.orders)?;
        let job = Job {
            proof: proof.to_owned(),
            bootstrap: bootstrap.to_owned(),
            id,
            topics,
            workers: 1,
            rules,
            parquet: folder.path().join("parquet"),
            log: folder.path().join("job.log"),
            fail: None,
            more: Vec::new(),
        };
        Ok(Stage {
            job,
            admin,
            evidence: Evidence::default(),
            writer,
            acknowledged: Receipts::default(),
            folder,
        })
    }

    /// Writes the next span of event time.
    ///
    /// # Errors
    /// When an order is not acknowledged.
    pub fn write(&mut self, feed: &mut Feed, span_ms: i64) -> Result<()> {
        self.write_these(&feed.next(span_ms))
    }

    /// Writes these records.
    ///
    /// # Errors
    /// When one is not acknowledged.
    pub fn write_these(&mut self, records: &[Planned]) -> Result<()> {
        self.writer.write(records)?;
        self.acknowledged.add_all(&self.writer.take_acknowledged());
        Ok(())
    }

    /// Takes in what the broker has acknowledged to another writer.
    pub fn acknowledge(&mut self, receipts: &Receipts) {
        self.acknowledged.add_all(receipts);
    }

    /// Another orders topic, into which everything is written from now on.
    ///
    /// # Errors
    /// When the broker refuses it.
    pub fn replace_orders_topic(
        &mut self,
        topic: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<()> {
        self.admin.create(topic, partitions, configs)?;
        self.writer = Writer::new(&self.job.bootstrap, topic)?;
        topic.clone_into(&mut self.job.topics.orders);
        Ok(())
    }

    /// Looks at the orders that are left after retention: what it took of them before anybody looked is asked for no more.
    ///
    /// # Errors
    /// When the broker cannot be read from.
    pub fn look_after_retention(&mut self) -> Result<()> {
        self.look()?;
        self.acknowledged = self.held();
        Ok(())
    }

    fn held(&self) -> Receipts {
        let mut held = Receipts::default();
        for order in self.evidence.orders.values() {
            held.add(order.partition, order.key.as_deref(), order.value.as_deref());
        }
        held
    }

    /// The results topic as it is.
    ///
    /// # Errors
    /// When the broker cannot be read from.
    pub fn results(&self) -> Result<Vec<Record>> {
        kafka::read_all(&self.job.bootstrap, &self.job.topics.results)
    }

    /// Raises the number of partitions of the orders topic; the writer knows them from then on.
    ///
    /// # Errors
    /// When the broker refuses, or does not show them in time.
    pub fn add_partitions(&mut self, total: usize) -> Result<()> {
        let (bootstrap, orders) = (&self.job.bootstrap, &self.job.topics.orders);
        self.admin.add_partitions(orders, total)?;
        until("the new partitions", Duration::from_secs(20), || {
            Ok((kafka::partitions(bootstrap, orders)?.len() == total).then_some(()))
        })?;
        self.writer = Writer::new(bootstrap, orders)?;
        Ok(())
    }

    /// Waits until at least so many results stand in the topic.
    ///
    /// # Errors
    /// When they do not come in time.
    pub fn await_results(&self, at_least: usize, patience: Duration) -> Result<Vec<Record>> {
        until(&format!("{at_least} results"), patience, || {
            let results = self.results()?;
            Ok((results.len() >= at_least).then_some(results))
        })
    }

    /// Reads topics and adds what is new to the evidence.
    ///
    /// # Errors
    /// When the broker cannot be read from.
    pub fn look(&mut self) -> Result<()> {
        self.evidence.read(&self.job.bootstrap, &self.job.topics)
    }

    /// Reads topics, Parquet and the job's log, and judges them.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn judge(&mut self) -> Result<Verdict> {
        self.evidence.read_parquet(&self.job.parquet)?;
        self.judge_topics()
    }

    /// Judges all but the Parquet files, which a job may still be writing.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn judge_topics(&mut self) -> Result<Verdict> {
        self.look()?;
        let mut verdict = judge(&self.evidence, &self.job.rules)?;
        let Difference { missing, unknown } = self.acknowledged.compare(&self.held());
        if missing + unknown > 0 {
            verdict.faults.push(Fault {
                check: "the broker holds what it has acknowledged",
                detail: format!(
                    "{missing} orders are missing, {unknown} are there that it did not acknowledge"
                ),
            });
        }
        let complaints = self.job.complaints().into_iter();
        verdict
            .faults
            .extend(complaints.take(FAULTS_A_CHECK).map(|detail| Fault {
                check: "the job complains of nothing",
                detail,
            }));
        Ok(verdict)
    }

    /// Deletes the topics, where the broker is to be used further.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn delete_topics(&self) -> Result<()> {
        let topics = &self.job.topics;
        for topic in [
            &topics.orders,
            &topics.results,
            &topics.dlq,
            &topics.late,
            &topics.progress,
        ] {
            if !kafka::partitions(&self.job.bootstrap, topic)?.is_empty() {
                self.admin.delete(topic)?;
            }
        }
        Ok(())
    }

    /// Keeps log and Parquet files after the test, and says where.
    pub fn keep(self) -> std::path::PathBuf {
        self.folder.keep()
    }
}
