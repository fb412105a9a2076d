//! What a run does while its threads work: it waits for the end, and tells the totals.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use weir_dataflow::source::Control;
use weir_kafka::{Connection, offsets};

use super::patience::RETRY;
use super::{Request, Run};
use crate::committer::Ended;
use crate::error::JobError;
use crate::status::Totals;
use crate::workers::{WorkerPlan, tell};

/// The log tells the totals this often, if they have changed.
const REPORT_PERIOD: Duration = Duration::from_secs(60);

impl Run {
    /// Waits for the end: of a bounded run, by request, or by a failure.
    pub(super) fn supervise(
        &self,
        inbox: &Receiver<Request>,
        connection: &Connection,
        controls: &[Sender<Control>],
        plan: &WorkerPlan,
    ) -> Result<Ended, JobError> {
        let mut told = self.shared.status().totals;
        let mut report_at = Instant::now() + REPORT_PERIOD;
        loop {
            match inbox.recv_timeout(report_at.saturating_duration_since(Instant::now())) {
                Ok(Request::Stop) => return Ok(Ended::Stopped),
                Ok(Request::Finish) => match offsets(connection, &self.settings.orders_topic) {
                    Ok(ends) => {
                        let ends = ends.into_iter().map(|(id, (_, end))| (id, end)).collect();
                        tell(controls, plan, &Control::Finish(ends));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the ends to finish at are not known yet, asking again");
                        std::thread::sleep(RETRY);
                        // A request to stop that came meanwhile is heard first.
                        let _ = self.requests.send(Request::Finish);
                    }
                },
                Ok(Request::Failed(error)) => return Err(error),
                Ok(Request::Ended(ended)) => return ended,
                Err(RecvTimeoutError::Timeout) => {
                    report_at = Instant::now() + REPORT_PERIOD;
                    self.report(&mut told);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(JobError::Internal("the job lost its threads".to_owned()));
                }
            }
        }
    }

    /// A line of the totals, unless they are as they were.
    fn report(&self, told: &mut Totals) {
        let status = self.shared.status();
        if status.totals == *told {
            return;
        }
        *told = status.totals;
        tracing::info!(
            consumed = told.consumed,
            accepted = told.accepted,
            duplicate = told.duplicate,
            ignored = told.ignored,
            late = told.late,
            invalid = told.invalid,
            windows_published = status.windows_published,
            windows_revised = status.windows_revised,
            lag_records = status.lag_records,
            "totals"
        );
    }
}
