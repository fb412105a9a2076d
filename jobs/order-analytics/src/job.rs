//! The job as a whole: its threads, how it starts and how it ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use timely::communication::initialize::WorkerGuards;
use timely::worker::Worker;
use weir_dataflow::clocks::{Clocks, Wake};
use weir_dataflow::source::{Control, Setup, Start};
use weir_dataflow::{accumulate, changelog, source};
use weir_kafka::{
    Connection, Probe, Sink, SinkError, Source, SourceOptions, max_message_bytes, offsets, read_range,
};
use weir_parquet::{Store, Writer, WriterEvent};
use weir_proto::AnalyticsResult;

use crate::collect::{Desk, Streams, collect};
use crate::committer::{Commit, Committer, Ended, Topics, sink_options};
use crate::decode::decode;
use crate::error::JobError;
use crate::kafka_log::KafkaLog;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::recovery::{self, Beginning};
use crate::settings::Settings;
use crate::status::{Shared, Status, Totals};
use crate::{failpoint, http};

/// How often the ends of the partitions are asked for.
const PROBE_PERIOD: Duration = Duration::from_secs(1);
/// Revisions, rejects and offsets are committed this often; closed windows at once.
const COMMIT_PERIOD: Duration = Duration::from_secs(1);
/// Read-ahead of librdkafka for each partition, in KiB.
const QUEUED_KBYTES: u32 = 2_048;
/// Pause between attempts to reach Kafka at the start.
const RETRY: Duration = Duration::from_millis(500);

/// How a job came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The totals as committed.
    pub totals: Totals,
    /// Whether a bounded run has read to its ends; otherwise the job was stopped.
    pub complete: bool,
}

/// A running job.
pub struct Handle {
    shared: Arc<Shared>,
    http: Option<SocketAddr>,
    requests: Sender<Request>,
    supervisor: JoinHandle<Result<Outcome, JobError>>,
}

/// What the threads ask of the one that supervises them.
enum Request {
    Stop,
    Finish,
    /// A source cannot go on.
    Failed(JobError),
    /// The thread that writes commits has ended.
    Ended(Result<Ended, JobError>),
}

/// Starts a job on threads of its own. What can be known wrong at once is returned; later failures come from
/// [`Handle::join`].
///
/// # Errors
/// Wrong settings, a taken HTTP port, a Parquet folder that belongs to another job.
pub fn start(settings: Settings) -> Result<Handle, JobError> {
    settings.check()?;
    let clocks = Arc::new(Clocks::new(settings.rules()));
    let metrics = Metrics::new().map_err(|error| JobError::Internal(error.to_string()))?;
    let shared = Arc::new(Shared::new(clocks, metrics));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("job-io")
        .enable_all()
        .build()
        .map_err(|error| JobError::Internal(format!("no runtime: {error}")))?;
    let http = match settings.http_addr {
        Some(address) => Some(runtime.block_on(http::serve(address, Arc::clone(&shared)))?),
        None => None,
    };
    let store = match &settings.parquet {
        Some(url) => Some(open_store(&runtime, url, &settings.job_id)?),
        None => None,
    };
    let (requests, inbox) = channel();
    let job = Job {
        settings,
        shared: Arc::clone(&shared),
        requests: requests.clone(),
    };
    let supervisor = std::thread::Builder::new()
        .name("job".to_owned())
        .spawn(move || {
            let outcome = job.run(&inbox, &runtime, store);
            runtime.shutdown_timeout(Duration::from_secs(1));
            outcome
        })
        .map_err(|error| JobError::Internal(format!("no thread: {error}")))?;
    Ok(Handle {
        shared,
        http,
        requests,
        supervisor,
    })
}

fn open_store(runtime: &tokio::runtime::Runtime, url: &str, job_id: &str) -> Result<Store, JobError> {
    runtime.block_on(Store::open(url, job_id)).map_err(|error| {
        if error.is_configuration() {
            JobError::setting("parquet", error.to_string())
        } else {
            JobError::Unavailable(error.to_string())
        }
    })
}

impl Handle {
    /// The job at this moment.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Where `/metrics`, `/health` and `/ready` are served.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Whether the job has ended, for whatever reason.
    pub fn is_finished(&self) -> bool {
        self.supervisor.is_finished()
    }

    /// Lets the commit in hand finish and ends the job.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let _ = self.requests.send(Request::Stop);
    }

    /// Makes the run a bounded one: reads to the ends as they are now, publishes the windows still open early, ends.
    pub fn finish(&self) {
        let _ = self.requests.send(Request::Finish);
    }

    /// What [`Handle::stop`] needs, for a signal handler that outlives the borrow.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let (shared, requests) = (Arc::clone(&self.shared), self.requests.clone());
        move || {
            shared.stopping.store(true, Ordering::Relaxed);
            let _ = requests.send(Request::Stop);
        }
    }

    /// Waits for the end of the job.
    ///
    /// # Errors
    /// Why it ended, if it was not asked to.
    pub fn join(self) -> Result<Outcome, JobError> {
        self.supervisor
            .join()
            .unwrap_or_else(|_| Err(JobError::Internal("the job's thread has panicked".to_owned())))
    }
}

struct Job {
    settings: Settings,
    shared: Arc<Shared>,
    requests: Sender<Request>,
}

/// What every worker gets, and what worker 0 alone takes.
struct WorkerPlan {
    settings: Settings,
    connection: Connection,
    shared: Arc<Shared>,
    start: Arc<Start>,
    requests: Sender<Request>,
    stop: Arc<AtomicBool>,
    controls: Mutex<BTreeMap<usize, Receiver<Control>>>,
    source_wakes: Vec<Arc<OnceLock<Wake>>>,
    desk: Mutex<Option<Desk>>,
    collect_wake: Arc<OnceLock<Wake>>,
}

impl Job {
    fn stopped(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    fn outcome(&self, complete: bool) -> Outcome {
        Outcome {
            totals: self.shared.status().totals,
            complete,
        }
    }

    fn run(
        self,
        inbox: &Receiver<Request>,
        runtime: &tokio::runtime::Runtime,
        store: Option<Store>,
    ) -> Result<Outcome, JobError> {
        let connection = self.settings.connection();
        let topics = recovery::ensure_topics(&connection, &self.settings, &|| self.stopped());
        if self.stopped() {
            return Ok(self.outcome(false));
        }
        topics?;
        let Some(sink) = self.fence(&connection)? else {
            return Ok(self.outcome(false));
        };
        let begun = Instant::now();
        let beginning = recovery::begin(&connection, &self.settings)?;
        failpoint::reach("during-recovery");
        self.announce(&beginning, begun.elapsed());
        let parquet = match store {
            Some(store) => Some(self.parquet(&connection, store, runtime, beginning.parquet_position)?),
            None => None,
        };
        self.operate(inbox, runtime, connection, sink, beginning, parquet)
    }

    /// Takes the transactional id over; waits for the broker as long as it takes.
    fn fence(&self, connection: &Connection) -> Result<Option<Sink>, JobError> {
        let mut reported = false;
        while !self.stopped() {
            match Sink::connect(connection, sink_options(&self.settings)) {
                Ok(sink) => return Ok(Some(sink)),
                Err(SinkError::Unavailable(reason) | SinkError::OutcomeUnknown(reason)) => {
                    if !reported {
                        tracing::warn!(reason, "waiting for Kafka");
                        reported = true;
                    }
                    std::thread::sleep(RETRY);
                }
                Err(error @ SinkError::Fenced(_)) => return Err(JobError::Fenced(error.to_string())),
                Err(error) => return Err(JobError::Unavailable(error.to_string())),
            }
        }
        Ok(None)
    }

    fn announce(&self, beginning: &Beginning, took: Duration) {
        let start = &beginning.start;
        self.shared.metrics.totals(&beginning.totals);
        self.shared.metrics.records_lost.inc_by(beginning.lost);
        self.shared.ends(&beginning.ends);
        let processed = start.partitions.iter().map(|(id, at)| (*id, at.processed));
        self.shared
            .committed(beginning.totals, start.frontier, processed, &[]);
        let again: i64 = start.partitions.values().map(|at| at.processed - at.resume).sum();
        tracing::info!(
            job = self.settings.job_id,
            frontier = start.frontier,
            partitions = start.partitions.len(),
            records_to_read_again = again,
            live_windows = beginning.published.len(),
            took_ms = took.as_millis() as u64,
            "starting"
        );
    }

    /// The Parquet writer, with what the results topic holds beyond its position.
    fn parquet(
        &self,
        connection: &Connection,
        store: Store,
        runtime: &tokio::runtime::Runtime,
        position: Option<i64>,
    ) -> Result<Writer, JobError> {
        let shared = Arc::clone(&self.shared);
        let writer = Writer::spawn(store, runtime.handle(), move |event| match event {
            WriterEvent::Wrote { files, bytes } => {
                shared.metrics.parquet_writes.inc_by(files as u64);
                shared.metrics.parquet_bytes.inc_by(bytes as u64);
            }
            WriterEvent::Failed(error) => {
                shared.metrics.parquet_failures.inc();
                tracing::warn!(error, "Parquet cannot be written, trying again");
            }
        });
        let topic = &self.settings.results_topic;
        let first = offsets(connection, topic)?.get(&0).map_or(0, |(first, _)| *first);
        let mut rows = Vec::new();
        let end = read_range(connection, topic, 0, position.unwrap_or(0).max(first), |record| {
            rows.extend(
                record
                    .value
                    .as_deref()
                    .and_then(|value| AnalyticsResult::from_json(value).ok()),
            );
        })?;
        writer.send(rows, end);
        Ok(writer)
    }

    fn operate(
        self,
        inbox: &Receiver<Request>,
        runtime: &tokio::runtime::Runtime,
        connection: Connection,
        sink: Sink,
        beginning: Beginning,
        parquet: Option<Writer>,
    ) -> Result<Outcome, JobError> {
        let rules = self.settings.rules();
        let start = Arc::new(beginning.start);
        let mut ledger = Ledger::new(rules, &start, beginning.totals, beginning.published);
        for (partition, prior) in beginning.priors {
            ledger.set_prior(partition, prior);
        }
        let (commits, to_write) = channel();
        let (done, stands) = channel();
        let committer = Committer {
            topics: self.topics(&connection)?,
            settings: self.settings.clone(),
            connection: connection.clone(),
            sink: Some(sink),
            shared: Arc::clone(&self.shared),
            parquet,
            sequence: beginning.sequence,
            instance: uuid::Uuid::new_v4().to_string(),
            parquet_position: beginning.parquet_position,
        };
        let desk = Desk {
            ledger,
            commits,
            done: stands,
            currency: self.settings.currency.clone(),
            shared: Arc::clone(&self.shared),
            begun_at: start.frontier,
            period: COMMIT_PERIOD,
        };
        let workers = self.settings.workers;
        let (controls, receivers): (Vec<Sender<Control>>, Vec<_>) = (0..workers).map(|_| channel()).unzip();
        let plan = Arc::new(WorkerPlan {
            settings: self.settings.clone(),
            connection: connection.clone(),
            shared: Arc::clone(&self.shared),
            start,
            requests: self.requests.clone(),
            stop: Arc::default(),
            controls: Mutex::new(receivers.into_iter().enumerate().collect()),
            source_wakes: (0..workers).map(|_| Arc::default()).collect(),
            desk: Mutex::new(Some(desk)),
            collect_wake: Arc::default(),
        });

        let writing = self.spawn_committer(committer, to_write, done, Arc::clone(&plan.collect_wake))?;
        if self.settings.bounded {
            let ends = beginning.ends.iter().map(|(id, (_, end))| (*id, *end)).collect();
            tell(&controls, &plan, &Control::Finish(ends));
        }
        let guards = {
            let plan = Arc::clone(&plan);
            timely::execute(timely_config(workers), move |worker| work(worker, &plan))
                .map_err(|error| JobError::Internal(format!("no workers: {error}")))?
        };
        let probe = self.probe(&connection, &controls, &plan)?;
        let ended = self.supervise(inbox, &connection, &controls, &plan);
        drop(probe);
        // From here on nobody waits for a broker that is away.
        self.shared.stopping.store(true, Ordering::Relaxed);
        stop_workers(guards, &plan);
        let committer = writing
            .join()
            .map_err(|_| JobError::Internal("the thread that writes commits has panicked".to_owned()))?;
        if let Some(writer) = committer.into_parquet() {
            if let Err(error) = runtime.block_on(writer.finish()) {
                tracing::error!(%error, "Parquet lacks the last windows; the next run writes them");
            }
        }
        Ok(self.outcome(ended? == Ended::Complete))
    }

    fn topics(&self, connection: &Connection) -> Result<Topics, JobError> {
        let settings = &self.settings;
        Ok(Topics {
            orders: settings.orders_topic.as_str().into(),
            results: settings.results_topic.as_str().into(),
            dlq: settings.dlq_topic.as_str().into(),
            late: settings.late_topic.as_str().into(),
            progress: settings.progress_topic().into(),
            dlq_bytes: max_message_bytes(connection, &settings.dlq_topic)?,
            late_bytes: max_message_bytes(connection, &settings.late_topic)?,
        })
    }

    fn spawn_committer(
        &self,
        mut committer: Committer,
        to_write: Receiver<Commit>,
        done: Sender<()>,
        collect_wake: Arc<OnceLock<Wake>>,
    ) -> Result<JoinHandle<Committer>, JobError> {
        let requests = self.requests.clone();
        std::thread::Builder::new()
            .name("commit".to_owned())
            .spawn(move || {
                let wake = || {
                    if let Some(wake) = collect_wake.get() {
                        wake();
                    }
                };
                let ended = committer.run(&to_write, &done, &wake);
                let _ = requests.send(Request::Ended(ended));
                committer
            })
            .map_err(|error| JobError::Internal(format!("no thread: {error}")))
    }

    fn probe(
        &self,
        connection: &Connection,
        controls: &[Sender<Control>],
        plan: &Arc<WorkerPlan>,
    ) -> Result<Probe, JobError> {
        let (controls, plan, shared) = (controls.to_vec(), Arc::clone(plan), Arc::clone(&self.shared));
        Probe::start(
            connection,
            &self.settings.orders_topic,
            PROBE_PERIOD,
            move |answer| {
                shared.ends(&answer.ends);
                let ends = Control::Ends {
                    asked_ms: answer.asked_at_ms,
                    ends: answer.ends,
                };
                tell(&controls, &plan, &ends);
            },
        )
        .map_err(|error| JobError::setting("kafka", error.to_string()))
    }

    /// Waits for the end: of a bounded run, by request, or by a failure.
    fn supervise(
        &self,
        inbox: &Receiver<Request>,
        connection: &Connection,
        controls: &[Sender<Control>],
        plan: &WorkerPlan,
    ) -> Result<Ended, JobError> {
        loop {
            match inbox.recv() {
                Ok(Request::Stop) => return Ok(Ended::Stopped),
                Ok(Request::Finish) => {
                    let ends = offsets(connection, &self.settings.orders_topic)?;
                    let ends = ends.into_iter().map(|(id, (_, end))| (id, end)).collect();
                    tell(controls, plan, &Control::Finish(ends));
                }
                Ok(Request::Failed(error)) => return Err(error),
                Ok(Request::Ended(ended)) => return ended,
                Err(_) => return Err(JobError::Internal("the job lost its threads".to_owned())),
            }
        }
    }
}

/// Tells every source, and wakes them.
fn tell(controls: &[Sender<Control>], plan: &WorkerPlan, control: &Control) {
    for (sender, wake) in controls.iter().zip(&plan.source_wakes) {
        // A worker that has ended hears nothing more.
        let _ = sender.send(control.clone());
        if let Some(wake) = wake.get() {
            wake();
        }
    }
}

fn timely_config(workers: usize) -> timely::Config {
    if workers == 1 {
        timely::Config::thread()
    } else {
        timely::Config::process(workers)
    }
}

fn stop_workers(guards: WorkerGuards<()>, plan: &WorkerPlan) {
    plan.stop.store(true, Ordering::Release);
    for guard in guards.guards() {
        Thread::unpark(guard.thread());
    }
    for worker in guards.join() {
        if let Err(error) = worker {
            tracing::error!(error, "a worker has panicked");
        }
    }
}

/// One worker: builds the dataflow and runs it until it ends or is stopped.
fn work(worker: &mut Worker, plan: &Arc<WorkerPlan>) {
    let index = worker.index();
    let control = plan
        .controls
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&index);
    let Some(control) = control else { return };
    let desk = if index == 0 {
        plan.desk.lock().unwrap_or_else(PoisonError::into_inner).take()
    } else {
        None
    };
    let wake = Arc::clone(&plan.source_wakes[index]);
    let log = {
        let wake = Arc::clone(&wake);
        let options = SourceOptions {
            topic: plan.settings.orders_topic.clone(),
            group_id: plan.settings.job_id.clone(),
            queued_kbytes: QUEUED_KBYTES,
        };
        let wake_source = move || {
            if let Some(wake) = wake.get() {
                wake();
            }
        };
        match Source::connect(&plan.connection, &options, Arc::new(wake_source)) {
            Ok(source) => KafkaLog(source),
            Err(error) => {
                let _ = plan
                    .requests
                    .send(Request::Failed(JobError::setting("kafka", error.to_string())));
                return;
            }
        }
    };
    build(worker, plan, log, control, desk, wake);
    while worker.has_dataflows() && !plan.stop.load(Ordering::Acquire) {
        worker.step_or_park(None);
    }
    for dataflow in worker.installed_dataflows() {
        worker.drop_dataflow(dataflow);
    }
}

fn build(
    worker: &mut Worker,
    plan: &Arc<WorkerPlan>,
    log: KafkaLog,
    control: Receiver<Control>,
    desk: Option<Desk>,
    waker: Arc<OnceLock<Wake>>,
) {
    let rules = plan.settings.rules();
    let shared = &plan.shared;
    let setup = Setup {
        rules,
        start: Arc::clone(&plan.start),
        clocks: Arc::clone(&shared.clocks),
        control,
        hold: Arc::clone(&shared.hold),
        read_ahead: plan.settings.read_ahead,
        in_flight: Arc::clone(&shared.in_flight),
        rejected_bytes: Arc::clone(&shared.rejected_bytes),
        waker,
    };
    let currency = plan.settings.currency.clone();
    let (requests, topic) = (plan.requests.clone(), plan.settings.orders_topic.clone());
    let is_desk = desk.is_some();
    let address = worker.dataflow::<u64, _, _>(|scope| {
        let failed = move |error| {
            let _ = requests.send(Request::Failed(source_failure(&topic, error)));
        };
        let (orders, facts) =
            source::source(scope, log, setup, move |entry| decode(entry, &currency), failed);
        let (updates, counted) = accumulate::accumulate(orders, rules);
        let rows = changelog::changelog(updates).inner;
        collect(Streams { rows, facts, counted }, desk)
    });
    if is_desk {
        let activator = worker.sync_activator_for(address);
        let _ = plan.collect_wake.set(Box::new(move || {
            // A worker that has ended needs no waking.
            let _ = activator.activate();
        }));
    }
}

fn source_failure(topic: &str, error: weir_kafka::SourceError) -> JobError {
    use weir_kafka::SourceError;
    match error {
        SourceError::TopicGone { .. } => JobError::LogReplaced {
            topic: topic.to_owned(),
            fault: error.to_string(),
        },
        other => JobError::Unavailable(other.to_string()),
    }
}
