//! Whether the commit in hand stands, when the broker could not tell.

use weir_kafka::{Sink, SinkError, read_last};

use super::{Committer, RETRY, sink_options};
use crate::error::JobError;
use crate::progress::Progress;

impl Committer {
    /// Connects anew, as often as it takes, and looks whether the commit in hand stands already. `cause` is why it is
    /// not known.
    pub(super) fn reconnect(&mut self, cause: JobError) -> Result<bool, JobError> {
        self.sink = None;
        let mut told = String::new();
        let mut cause = cause;
        loop {
            self.tell(&cause, &mut told);
            std::thread::sleep(RETRY);
            if self.shared.ending() {
                return Err(JobError::Unavailable(
                    "stopped while Kafka was not available".to_owned(),
                ));
            }
            match self.try_to_reconnect() {
                Ok(stands) => return Ok(stands),
                Err(Doubt::Job(error)) => return Err(error),
                Err(Doubt::Unknown(error)) => cause = error,
            }
            self.shared.metrics.transaction_failures.inc();
        }
    }

    fn try_to_reconnect(&mut self) -> Result<bool, Doubt> {
        // Asked before the id is taken back: a successor that has written already must not be fenced.
        self.stands()?;
        match Sink::connect(&self.connection, sink_options(&self.settings)) {
            Ok(sink) => self.sink = Some(sink),
            Err(error @ (SinkError::Fenced(_) | SinkError::Fatal(_))) => {
                return Err(Doubt::Job(error.into()));
            }
            Err(error) => return Err(Doubt::Unknown(error.into())),
        }
        self.stands()
    }

    /// Tells what keeps the commit from standing whenever it is something else than before. What the broker refuses is
    /// seen on /health: waiting may not be enough.
    fn tell(&self, cause: &JobError, told: &mut String) {
        let text = cause.to_string();
        match cause {
            JobError::Unavailable(_) => self.shared.settled(),
            _ => self.shared.stuck(&text),
        }
        if text != *told {
            tracing::warn!(error = text, "the commit is tried again until it stands");
            *told = text;
        }
    }

    /// Whether the commit in hand is the last one in the progress topic.
    fn stands(&self) -> Result<bool, Doubt> {
        let key = self.settings.job_id.as_bytes();
        let last = read_last(&self.connection, &self.topics.progress, 0, |record| {
            record.key.as_deref() == Some(key) && record.value.is_some()
        });
        let last = last.map_err(|error| Doubt::Unknown(error.into()))?;
        let Some(value) = last.and_then(|record| record.value) else {
            return if self.sequence == 1 {
                Ok(false)
            } else {
                Err(self.taken_over())
            };
        };
        let progress = Progress::read(&value).map_err(Doubt::Job)?;
        if progress.sequence == self.sequence && progress.instance == self.instance {
            Ok(true)
        } else if progress.sequence + 1 == self.sequence {
            Ok(false)
        } else {
            Err(self.taken_over())
        }
    }

    fn taken_over(&self) -> Doubt {
        let text = format!("another process has gone on with job `{}`", self.settings.job_id);
        Doubt::Job(JobError::Fenced(text))
    }
}

enum Doubt {
    /// The topic could not be read, or nobody connects: it may be so later.
    Unknown(JobError),
    /// The run is over.
    Job(JobError),
}
