//! One run from its start to its end, on a thread of its own.

mod patience;
mod supervise;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use weir_dataflow::clocks::Wake;
use weir_dataflow::source::Control;
use weir_kafka::{Connection, Probe, Sink, max_message_bytes};

use crate::collect::Desk;
use crate::committer::{Commit, Committer, Ended, Topics, sink_options};
use crate::error::JobError;
use crate::failpoint;
use crate::job::Outcome;
use crate::ledger::Ledger;
use crate::panic::caught;
use crate::parquet::{PARQUET_PATIENCE, Parquet, finish};
use crate::recovery::{self, Beginning};
use crate::settings::Settings;
use crate::status::Shared;
use crate::topics::{ensure_topics, warn_of_compaction};
use crate::workers::{WorkerPlan, stop_workers, tell, timely_config, work};

/// How often the ends of the partitions are asked for.
const PROBE_PERIOD: Duration = Duration::from_secs(1);
/// Revisions, rejects and offsets are committed this often; closed windows at once.
const COMMIT_PERIOD: Duration = Duration::from_secs(1);
/// How long the end of a run waits for the workers and for the commit in hand, together.
const COMMIT_PATIENCE: Duration = Duration::from_secs(4);
/// The longest that a run which was asked to stop takes to end.
pub(crate) const LONGEST_END: Duration = COMMIT_PATIENCE.saturating_add(PARQUET_PATIENCE);
/// What the threads ask of the one that supervises them.
pub(crate) enum Request {
    Stop,
    Finish,
    /// A worker cannot go on.
    Failed(JobError),
    /// The thread that writes commits has ended.
    Ended(Result<Ended, JobError>),
}

/// What a run is made of.
pub(crate) struct Run {
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) requests: Sender<Request>,
}

impl Run {
    /// Runs the job to its end.
    ///
    /// # Errors
    /// Why it ended, if it was not asked to.
    pub(crate) fn run(
        self,
        inbox: &Receiver<Request>,
        runtime: &Runtime,
        parquet: Option<Parquet>,
    ) -> Result<Outcome, JobError> {
        match self.attempt(inbox, runtime, parquet) {
            // Who was asked to stop need not tell what was not there meanwhile.
            Err(JobError::Unavailable(_)) if self.stopped() => Ok(self.outcome(false)),
            Err(error) => {
                self.shared.broke(&error.to_string());
                Err(error)
            }
            ended => ended,
        }
    }

    fn attempt(
        &self,
        inbox: &Receiver<Request>,
        runtime: &Runtime,
        parquet: Option<Parquet>,
    ) -> Result<Outcome, JobError> {
        let connection = self.settings.connection();
        ensure_topics(&connection, &self.settings, &|| self.stopped())?;
        warn_of_compaction(&connection, &self.settings);
        // Takes the transactional id over.
        let Some(sink) = self.patiently(|| Ok(Sink::connect(&connection, sink_options(&self.settings))?))?
        else {
            return Ok(self.outcome(false));
        };
        let begun = Instant::now();
        let Some(mut beginning) = self.patiently(|| recovery::begin(&connection, &self.settings))? else {
            return Ok(self.outcome(false));
        };
        failpoint::reach("during-recovery");
        self.announce(&beginning, begun.elapsed());
        if let Some(parquet) = &parquet {
            let restored = self.patiently(|| {
                parquet.restore(
                    &connection,
                    &self.settings.results_topic,
                    beginning.parquet_position,
                )
            })?;
            let Some(position) = restored else {
                return Ok(self.outcome(false));
            };
            beginning.parquet_position = position;
        }
        let Some(topics) = self.patiently(|| self.topics(&connection))? else {
            return Ok(self.outcome(false));
        };
        let committer = Committer {
            topics,
            settings: self.settings.clone(),
            connection: connection.clone(),
            sink: Some(sink),
            shared: Arc::clone(&self.shared),
            parquet,
            sequence: beginning.sequence,
            instance: uuid::Uuid::new_v4().to_string(),
            parquet_position: beginning.parquet_position,
            rejected_from: beginning.rejected_from.take(),
        };
        self.operate(inbox, runtime, &connection, beginning, committer)
    }

    fn stopped(&self) -> bool {
        self.shared.stop_asked()
    }

    fn outcome(&self, complete: bool) -> Outcome {
        Outcome {
            totals: self.shared.status().totals,
            complete,
        }
    }

    fn announce(&self, beginning: &Beginning, took: Duration) {
        let (start, settings) = (&beginning.start, &self.settings);
        self.shared.metrics.records_lost.inc_by(beginning.lost);
        self.shared.ends(&beginning.ends);
        let processed = start.partitions.iter().map(|(id, at)| (*id, at.processed));
        self.shared
            .committed(beginning.totals, start.frontier, processed, &[]);
        let again: i64 = start.partitions.values().map(|at| at.processed - at.resume).sum();
        tracing::info!(
            job = settings.job_id,
            frontier = start.frontier,
            partitions = start.partitions.len(),
            records_to_read_again = again,
            live_windows = beginning.published.len(),
            took_ms = took.as_millis() as u64,
            bootstrap_servers = settings.bootstrap_servers,
            orders_topic = settings.orders_topic,
            results_topic = settings.results_topic,
            window_s = settings.window.as_secs(),
            watermark_lag_s = settings.watermark_lag.as_secs(),
            allowed_lateness_s = settings.allowed_lateness.as_secs(),
            currency = settings.currency,
            workers = settings.workers,
            bounded = settings.bounded,
            parquet = settings.parquet.as_deref().unwrap_or("off"),
            "starting"
        );
    }

    fn operate(
        &self,
        inbox: &Receiver<Request>,
        runtime: &Runtime,
        connection: &Connection,
        beginning: Beginning,
        committer: Committer,
    ) -> Result<Outcome, JobError> {
        let start = Arc::new(beginning.start);
        let mut ledger = Ledger::new(
            self.settings.rules(),
            &start,
            beginning.totals,
            beginning.published,
            beginning.rebuilt_until,
        );
        for (partition, prior) in beginning.priors {
            ledger.set_prior(partition, prior);
        }
        let (commits, to_write) = channel();
        let (done, stands) = channel();
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
        let ended = self
            .probe(connection, &controls, &plan)
            .and_then(|_probe| self.supervise(inbox, connection, &controls, &plan));
        // From here on nobody waits for a broker that is away.
        self.shared.end();
        if let Err(error) = &ended {
            // Seen on /health while the rest comes to its end.
            self.shared.broke(&error.to_string());
        }
        let deadline = Instant::now() + COMMIT_PATIENCE;
        let left = || deadline.saturating_duration_since(Instant::now());
        stop_workers(guards, &plan, left());
        let parquet = match writing.recv_timeout(left()) {
            Ok(committer) => committer.into_parquet(),
            Err(_) => {
                tracing::warn!("the commit in hand is left; the next start finds out whether it stands");
                None
            }
        };
        let complete = ended? == Ended::Complete;
        if let Some(parquet) = parquet {
            finish(runtime, parquet, complete)?;
        }
        Ok(self.outcome(complete))
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

    /// Starts the thread that writes commits; it gives the committer back when it ends.
    fn spawn_committer(
        &self,
        mut committer: Committer,
        to_write: Receiver<Commit>,
        done: Sender<()>,
        collect_wake: Arc<OnceLock<Wake>>,
    ) -> Result<Receiver<Committer>, JobError> {
        let (requests, shared) = (self.requests.clone(), Arc::clone(&self.shared));
        let (give_back, back) = channel();
        std::thread::Builder::new()
            .name("commit".to_owned())
            .spawn(move || {
                let wake = || {
                    if let Some(wake) = collect_wake.get() {
                        wake();
                    }
                };
                let ended = caught("the thread that writes commits", || {
                    committer.run(&to_write, &done, &wake)
                });
                let ended = ended.unwrap_or_else(|panic| {
                    shared.broke(&panic);
                    Err(JobError::Internal(panic))
                });
                // Nobody hears it when the job ends anyway.
                let _ = requests.send(Request::Ended(ended));
                let _ = give_back.send(committer);
            })
            .map_err(|error| JobError::Internal(format!("no thread: {error}")))?;
        Ok(back)
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
                shared.broker_answered();
                let ends = Control::Ends {
                    asked_ms: answer.asked_at_ms,
                    ends: answer.ends,
                };
                tell(&controls, &plan, &ends);
            },
        )
        .map_err(|error| JobError::setting("kafka", error.to_string()))
    }
}
