//! The job as others see it: start it, watch it, end it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use weir_dataflow::clocks::Clocks;

use crate::error::JobError;
use crate::http;
use crate::metrics::Metrics;
use crate::panic::caught;
use crate::parquet::Parquet;
use crate::run::{LONGEST_END, Request, Run};
use crate::settings::Settings;
use crate::status::{Shared, Status, Totals};

/// How long a job that was asked to stop may take, whatever it waits for. It may be left alone at any moment: what is
/// not committed is read again.
const STOP_PATIENCE: Duration = LONGEST_END.saturating_add(RUNTIME_PATIENCE).saturating_add(SLACK);
/// How long the threads of the HTTP server and of Parquet may take to end.
const RUNTIME_PATIENCE: Duration = Duration::from_secs(1);
/// For what is done in between.
const SLACK: Duration = Duration::from_secs(1);

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
    stopper: Stopper,
    http: Option<SocketAddr>,
    news: Receiver<News>,
    supervisor: JoinHandle<()>,
}

/// What a [`Handle`] hears.
enum News {
    StopAsked,
    Ended(Result<Outcome, JobError>),
}

#[derive(Clone)]
struct Stopper {
    shared: Arc<Shared>,
    requests: Sender<Request>,
    news: Sender<News>,
}

impl Stopper {
    fn stop(&self) {
        self.shared.ask_to_stop();
        // A job that has ended needs no stopping.
        let _ = self.requests.send(Request::Stop);
        let _ = self.news.send(News::StopAsked);
    }
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
    let (requests, inbox) = channel();
    let parquet = match &settings.parquet {
        Some(url) => {
            let requests = requests.clone();
            let refused = move |error| {
                // The job has ended already when nobody hears it.
                let _ = requests.send(Request::Failed(error));
            };
            Some(Parquet::open(
                url,
                &settings.job_id,
                runtime.handle(),
                &shared,
                refused,
            )?)
        }
        None => None,
    };
    let (telling, news) = channel();
    let stopper = Stopper {
        shared: Arc::clone(&shared),
        requests: requests.clone(),
        news: telling.clone(),
    };
    let run = Run {
        settings,
        shared,
        requests,
    };
    let supervisor = std::thread::Builder::new()
        .name("job".to_owned())
        .spawn(move || {
            let outcome = caught("the job's thread", || run.run(&inbox, &runtime, parquet));
            runtime.shutdown_timeout(RUNTIME_PATIENCE);
            let outcome = outcome.unwrap_or_else(|panic| Err(JobError::Internal(panic)));
            // Nobody may be waiting for it.
            let _ = telling.send(News::Ended(outcome));
        })
        .map_err(|error| JobError::Internal(format!("no thread: {error}")))?;
    Ok(Handle {
        stopper,
        http,
        news,
        supervisor,
    })
}

impl Handle {
    /// The job at this moment.
    pub fn status(&self) -> Status {
        self.stopper.shared.status()
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
        self.stopper.stop();
    }

    /// Makes the run a bounded one: reads to the ends as they are now, publishes the windows still open early, ends.
    pub fn finish(&self) {
        let _ = self.stopper.requests.send(Request::Finish);
    }

    /// What [`Handle::stop`] needs, for a signal handler that outlives the borrow.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let stopper = self.stopper.clone();
        move || stopper.stop()
    }

    /// Waits for the end of the job. A job that was asked to stop is left alone after some seconds, whatever it waits
    /// for: a broker or a storage that is away does not keep a process alive.
    ///
    /// # Errors
    /// Why it ended, if it was not asked to.
    pub fn join(self) -> Result<Outcome, JobError> {
        let mut deadline = None;
        loop {
            let news = match deadline {
                None => self.news.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(deadline) => {
                    let left = Instant::saturating_duration_since(&deadline, Instant::now());
                    self.news.recv_timeout(left)
                }
            };
            match news {
                Ok(News::StopAsked) => {
                    deadline.get_or_insert_with(|| Instant::now() + STOP_PATIENCE);
                }
                Ok(News::Ended(outcome)) => return outcome,
                Err(RecvTimeoutError::Timeout) => {
                    tracing::warn!(
                        "the job did not end in time and is left; what it has not committed is read again"
                    );
                    return Ok(Outcome {
                        totals: self.status().totals,
                        complete: false,
                    });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(JobError::Internal("the job's thread is gone".to_owned()));
                }
            }
        }
    }
}
