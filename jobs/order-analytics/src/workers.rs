//! The threads of timely: each reads its partitions and keeps the windows of its users.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use timely::communication::initialize::WorkerGuards;
use timely::worker::Worker;
use weir_dataflow::clocks::Wake;
use weir_dataflow::source::{Control, Setup, Start};
use weir_dataflow::{accumulate, changelog, source};
use weir_kafka::{Connection, Source, SourceError, SourceOptions};

use crate::collect::{Desk, Streams, collect};
use crate::decode::decode;
use crate::error::JobError;
use crate::failpoint;
use crate::kafka_log::KafkaLog;
use crate::panic::caught;
use crate::run::Request;
use crate::settings::Settings;
use crate::status::Shared;

/// Read-ahead of librdkafka for each partition, in KiB.
const QUEUED_KBYTES: u32 = 2_048;

/// What every worker gets, and what worker 0 alone takes.
pub(crate) struct WorkerPlan {
    pub(crate) settings: Settings,
    pub(crate) connection: Connection,
    pub(crate) shared: Arc<Shared>,
    pub(crate) start: Arc<Start>,
    pub(crate) requests: Sender<Request>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) controls: Mutex<BTreeMap<usize, Receiver<Control>>>,
    pub(crate) source_wakes: Vec<Arc<OnceLock<Wake>>>,
    pub(crate) desk: Mutex<Option<Desk>>,
    pub(crate) collect_wake: Arc<OnceLock<Wake>>,
}

/// Tells every source, and wakes them.
pub(crate) fn tell(controls: &[Sender<Control>], plan: &WorkerPlan, control: &Control) {
    for (sender, wake) in controls.iter().zip(&plan.source_wakes) {
        // A worker that has ended hears nothing more.
        let _ = sender.send(control.clone());
        if let Some(wake) = wake.get() {
            wake();
        }
    }
}

pub(crate) fn timely_config(workers: usize) -> timely::Config {
    if workers == 1 {
        timely::Config::thread()
    } else {
        timely::Config::process(workers)
    }
}

/// Ends the workers; one that does not let go of its broker or its dataflow is left.
pub(crate) fn stop_workers(guards: WorkerGuards<()>, plan: &WorkerPlan, patience: Duration) {
    plan.stop.store(true, Ordering::Release);
    for guard in guards.guards() {
        Thread::unpark(guard.thread());
    }
    let (done, ended) = channel();
    let joining = std::thread::Builder::new()
        .name("join".to_owned())
        .spawn(move || {
            // What a worker had to say it has said to the supervisor.
            drop(guards.join());
            let _ = done.send(());
        });
    if joining.is_ok() && ended.recv_timeout(patience).is_err() {
        tracing::warn!("a worker did not end in time and is left");
    }
}

/// One worker: builds the dataflow and runs it until it ends or is stopped. A panic ends the whole job.
pub(crate) fn work(worker: &mut Worker, plan: &Arc<WorkerPlan>) {
    let who = format!("worker {}", worker.index());
    // Told before the dataflow is dropped: that ends the thread that writes, which would look like a stop.
    tell_panic(plan, caught(&who, || run(worker, plan)));
    // Whoever keeps a dataflow goes on stepping it.
    let dropped = caught(&who, || {
        for dataflow in worker.installed_dataflows() {
            worker.drop_dataflow(dataflow);
        }
    });
    tell_panic(plan, dropped);
}

fn tell_panic(plan: &WorkerPlan, ended: Result<(), String>) {
    if let Err(panic) = ended {
        plan.shared.broke(&panic);
        // The supervisor is gone when the job ends anyway.
        let _ = plan.requests.send(Request::Failed(JobError::Internal(panic)));
    }
}

fn run(worker: &mut Worker, plan: &Arc<WorkerPlan>) {
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
        failpoint::panic_at("worker-panics");
        worker.step_or_park(None);
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

fn source_failure(topic: &str, error: SourceError) -> JobError {
    match error {
        SourceError::TopicGone { .. } => JobError::LogReplaced {
            topic: topic.to_owned(),
            fault: error.to_string(),
        },
        SourceError::Refused { .. } => JobError::Refused(error.to_string()),
        other => JobError::Unavailable(other.to_string()),
    }
}
