//! How long after the orders allow it a result can be read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use weir_proto::AnalyticsResult;

use crate::job::Job;
use crate::live::{Live, Milestone, now_ms};
use crate::orders::{Orders, PARTITIONS};
use crate::report::{Goal, Report, Unit, percentile};
use crate::stalls::Stalls;

use super::Bench;

/// The first seconds, while everybody connects, do not count.
const WARM_UP: Duration = Duration::from_secs(5);
/// `--watermark-lag`; the window is as long.
const LAG_S: i64 = 1;
/// A window that took longer is told of by itself.
const SLOW_MS: f64 = 50.0;

pub(super) fn measure(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let server = &bench.server;
    let topic = bench.name("latency-orders");
    let job = Job::new(server, &bench.name("latency"), &topic, bench.folder())
        .workers(bench.options.workers)
        .with(&["--window", "1s", "--watermark-lag", "1s"]);
    server.create_orders(&topic)?;
    server.create(&job.results_topic(), 1)?;
    let reader = Reader::start(server.address(), &job.results_topic())?;
    let mut process = job.follow(None)?;
    let orders = Orders {
        first_ms: now_ms(),
        per_second: bench.options.rate,
        disorder_ms: 0,
    };
    let live = Live::start(server.address(), &topic, orders)?;
    wait(WARM_UP, &mut || process.ensure_running())?;
    let (counts_from_s, cpu) = (now_ms().div_euclid(1_000) + 1, process.cpu()?);
    let stalls = Stalls::watch();
    let time = Duration::from_secs(bench.options.latency_seconds);
    wait(time, &mut || {
        live.ensure_running()?;
        process.ensure_running()
    })?;
    let busy = (process.cpu()? - cpu).as_secs_f64() / time.as_secs_f64();

    let stall = stalls.longest();
    let milestones = live.milestones();
    live.stop()?;
    // What the last orders let close comes within moments.
    wait(Duration::from_secs(2), &mut || process.ensure_running())?;
    let readable = reader.stop()?;
    process.kill()?;

    let (mut acknowledged, mut sent) = (Vec::new(), Vec::new());
    for (end_s, &at) in readable.range(counts_from_s..) {
        // The first order of that second in the last partition is what lets the window close.
        let Some(closing) = milestones.get(&(end_s + LAG_S)) else {
            continue;
        };
        let Some(by) = last(closing, |milestone| milestone.acknowledged) else {
            continue;
        };
        let Some(handed_over) = last(closing, |milestone| Some(milestone.sent)) else {
            continue;
        };
        let (after, in_all) = (ms_between(by, at), ms_between(handed_over, at));
        if after > SLOW_MS {
            eprintln!("window that ended at {end_s}: {after:.0} ms, {in_all:.0} ms from the producer's send");
        }
        acknowledged.push(after);
        sent.push(in_all);
    }
    let expected = bench.options.latency_seconds.saturating_sub(3) as usize;
    ensure!(
        acknowledged.len() >= expected,
        "{} windows were measured, at least {expected} should have been",
        acknowledged.len()
    );
    tell(bench, report, acknowledged, sent);
    report.figure("latency: the job's CPU meanwhile", 100.0 * busy, Unit::Percent);
    let stall = stall.as_secs_f64() * 1_000.0;
    report.figure(
        "latency: longest stall of an idle thread meanwhile",
        stall,
        Unit::Ms,
    );
    Ok(())
}

fn tell(bench: &Bench<'_>, report: &mut Report, mut acknowledged: Vec<f64>, mut sent: Vec<f64>) {
    report.figure(
        "latency: windows measured",
        acknowledged.len() as f64,
        Unit::Count,
    );
    report.figure(
        "latency: result readable, p50",
        percentile(&mut acknowledged, 0.5),
        Unit::Ms,
    );
    let (name, p99) = (
        "latency: result readable, p99",
        percentile(&mut acknowledged, 0.99),
    );
    if bench.is_reference() {
        report.goal(name, p99, Unit::Ms, Goal::at_most(100.0, 20.0));
    } else {
        report.figure(name, p99, Unit::Ms);
    }
    report.figure(
        "latency: result readable, most",
        percentile(&mut acknowledged, 1.0),
        Unit::Ms,
    );
    report.figure(
        "latency: from the producer's send, p99",
        percentile(&mut sent, 0.99),
        Unit::Ms,
    );
}

/// When all partitions had it; `None` when one never had.
fn last(
    partitions: &BTreeMap<i32, Milestone>,
    moment: impl Fn(&Milestone) -> Option<Instant>,
) -> Option<Instant> {
    if partitions.len() != PARTITIONS.unsigned_abs() as usize {
        return None;
    }
    let moments: Option<Vec<Instant>> = partitions.values().map(moment).collect();
    moments?.into_iter().max()
}

/// Negative when the result was faster than the acknowledgement.
fn ms_between(from: Instant, to: Instant) -> f64 {
    let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    match to.checked_duration_since(from) {
        Some(after) => ms(after),
        None => -ms(from - to),
    }
}

/// Waits, and looks meanwhile whether all is well.
fn wait(time: Duration, well: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        well()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// When a window's first result could be read, by the end of the window in seconds.
type Readable = BTreeMap<i64, Instant>;

/// A read_committed consumer that notes when it sees what.
struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Readable>>,
}

impl Reader {
    fn start(bootstrap_servers: &str, topic: &str) -> Result<Reader> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("group.id", "benchmark")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .create()?;
        let mut partition = TopicPartitionList::new();
        partition.add_partition_offset(topic, 0, Offset::Offset(0))?;
        consumer.assign(&partition)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("results".to_owned())
            .spawn(move || read(&consumer, &stopped))?;
        Ok(Reader { stop, thread })
    }

    fn stop(self) -> Result<Readable> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow!("the reader has panicked"))?
    }
}

fn read(consumer: &BaseConsumer, stop: &AtomicBool) -> Result<Readable> {
    let mut readable = Readable::new();
    while !stop.load(Ordering::Relaxed) {
        let message = match consumer.poll(Duration::from_millis(100)) {
            None => continue,
            Some(Ok(message)) => message,
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown) => continue,
                _ => bail!("reading results: {error}"),
            },
        };
        let at = Instant::now();
        let result = AnalyticsResult::from_json(message.payload().unwrap_or_default())?;
        readable.entry(result.window_end().millis() / 1_000).or_insert(at);
    }
    Ok(readable)
}
