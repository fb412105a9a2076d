//! One record after the other: read, claimed, sent, marked.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use service_common::context::Context;
use service_common::metrics::Metrics;
use service_common::trace::Trace;

use crate::claims::{Claim, Claims};
use crate::dead_letters::DeadLetters;
use crate::event::{Notice, Poison, Reading, read};
use crate::people::People;
use crate::record::Record;
use crate::sender::{Message, SendError, Sender};
use crate::trouble::Trouble;

/// What became of a record that is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// A message was sent.
    Sent {
        /// Somebody may have sent it before.
        may_repeat: bool,
    },
    /// Nobody is told; a word says why.
    Ignored(&'static str),
    /// It will never be understood and lies in the topic of such records.
    DeadLettered,
}

/// What is needed to tell people.
#[derive(Clone)]
pub struct Desk {
    /// What was sent.
    pub claims: Arc<dyn Claims>,
    /// Who the users are.
    pub people: Arc<dyn People>,
    /// The way out.
    pub sender: Arc<dyn Sender>,
    /// For what will never be understood.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// What is counted.
    pub metrics: Metrics,
}

impl Desk {
    /// Handles a record. It may be handled again, by whomever: what was sent is not sent again, unless nobody lived to say
    /// that it was.
    ///
    /// # Errors
    /// Something does not answer; to be tried again, before any later record of the partition.
    pub async fn handle(&self, record: &Record) -> Result<Handled, Trouble> {
        let handled = match read(record) {
            Ok(Reading::Nothing(reason)) => Ok(Handled::Ignored(reason)),
            Ok(Reading::Notice(notice)) => traced(record, self.tell(record, *notice)).await,
            Err(poison) => self.give_up(record, &poison).await,
        };
        match &handled {
            Ok(Handled::Ignored(reason)) => self.metrics.notification_ignored(reason),
            Ok(_) => {}
            Err(trouble) => self.metrics.notification_failed(trouble.what),
        }
        handled
    }

    async fn tell(&self, record: &Record, notice: Notice) -> Result<Handled, Trouble> {
        if let Some((order_id, version)) = &notice.version
            && !self.claims.advance(order_id, *version).await?
        {
            return Ok(Handled::Ignored("older"));
        }
        let (event_id, user_id) = (notice.event_id.as_str(), notice.user_id.as_str());
        let may_repeat = match self.claims.claim(event_id, user_id).await? {
            Claim::Ours { may_repeat } => may_repeat,
            Claim::Sent => return Ok(Handled::Ignored("sent_before")),
            Claim::Taken => return Err(Trouble::new("claim", "another instance is about to send it")),
        };
        let message = match self.compose(&notice).await {
            Ok(Some(message)) => message,
            Ok(None) => {
                self.claims.mark(event_id, user_id).await?;
                return Ok(Handled::Ignored("user_gone"));
            }
            Err(trouble) => {
                self.release(&notice, !may_repeat).await;
                return Err(trouble);
            }
        };
        match self.sender.send(&message).await {
            Ok(()) => {
                let template = notice.template.as_str();
                self.metrics
                    .notification_sent(template, age(notice.at_ms), may_repeat);
                self.claims.mark(event_id, user_id).await?;
                Ok(Handled::Sent { may_repeat })
            }
            Err(SendError::Refused(reason)) => {
                let handled = self.give_up(record, &Poison::Refused(reason)).await?;
                self.claims.mark(event_id, user_id).await?;
                Ok(handled)
            }
            Err(error) => {
                let certainly_not = matches!(error, SendError::NotSent(_)) && !may_repeat;
                self.release(&notice, certainly_not).await;
                Err(Trouble::new("sender", error))
            }
        }
    }

    async fn compose(&self, notice: &Notice) -> Result<Option<Message>, Trouble> {
        let Some(person) = self.people.find(&notice.user_id).await? else {
            return Ok(None);
        };
        let mut values = notice.values.clone();
        values.insert("first_name", person.first_name);
        let text = notice.template.render(&values);
        Ok(Some(Message {
            event_id: notice.event_id.clone(),
            user_id: notice.user_id.clone(),
            address: person.address,
            template: notice.template,
            text: text.map_err(|error| Trouble::new("template", error))?,
            at_ms: notice.at_ms,
        }))
    }

    /// Where even this fails the next attempt waits for the lease.
    async fn release(&self, notice: &Notice, certainly_not: bool) {
        let released = self
            .claims
            .release(&notice.event_id, &notice.user_id, certainly_not)
            .await;
        if let Err(error) = released {
            tracing::warn!(%error, event = notice.event_id, "a claim could not be given back; it runs out by itself");
        }
    }

    async fn give_up(&self, record: &Record, poison: &Poison) -> Result<Handled, Trouble> {
        self.dead_letters.put(record, &poison.to_string()).await?;
        self.metrics.notification_dead_lettered(&record.topic);
        tracing::warn!(
            topic = record.topic,
            partition = record.partition,
            offset = record.offset,
            error = %poison,
            "a record will never be understood; it lies in the dead-letter topic"
        );
        Ok(Handled::DeadLettered)
    }
}

/// Does work with the trace of whoever wrote the event, so that calls go on with it.
async fn traced<F: Future>(record: &Record, work: F) -> F::Output {
    let mut context = Context::unasked();
    let headers = record.headers.iter();
    context.trace = Trace::of_record(headers.map(|(name, value)| (name.as_str(), value.as_slice())));
    context.scope(work).await
}

fn age(at_ms: i64) -> Duration {
    let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(at_ms).unwrap_or(0));
    // Clocks differ: what happened in the future has no age.
    SystemTime::now().duration_since(at).unwrap_or_default()
}
