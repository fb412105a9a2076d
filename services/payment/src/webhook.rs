//! What the provider tells by itself.

use std::time::SystemTime;

use service_common::database::Transaction;
use service_common::failure::{Code, Failure};

use crate::payment::Payment;
use crate::payments::{Changed, Payments};
use crate::store;
use crate::stripe::{Event, SignatureError};

/// How long events are remembered, in milliseconds. Stripe sends one again for three days.
const REMEMBERED_MS: i64 = 30 * 86_400_000;

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Its payment is looked at.
    Applied,
    /// It had come before.
    Repeated,
    /// It is of no payment that is known here, perhaps not yet.
    Unmatched,
    /// It is of nothing that payments are about.
    Ignored,
}

impl Received {
    const fn as_str(self) -> &'static str {
        match self {
            Received::Applied => "applied",
            Received::Repeated => "repeated",
            Received::Unmatched => "unmatched",
            Received::Ignored => "ignored",
        }
    }
}

impl Payments {
    /// Takes an event of the provider in: its row and its effect, that its payment is looked at, are one transaction. One
    /// that comes again, late or early, or before another that it follows, changes nothing that is true: how a payment stands
    /// is asked for.
    ///
    /// # Errors
    /// `signature_invalid` where it is not the provider's; `not_found` where webhooks are not set up; `malformed_request`
    /// where it is no event; the database failed: then it comes again.
    pub async fn webhook(&self, payload: &[u8], signature: &str) -> Result<Received, Failure> {
        let metrics = &self.shared.metrics;
        let verified = self
            .shared
            .rules
            .webhooks
            .verify(payload, signature, SystemTime::now());
        verified.map_err(|error| {
            metrics.webhook("unverified", "refused");
            let code = match error {
                SignatureError::NoKey => Code::NotFound,
                SignatureError::Malformed | SignatureError::Wrong | SignatureError::Stale => {
                    Code::SignatureInvalid
                }
            };
            Failure::new(code, error.to_string())
        })?;
        let event = Event::parse(payload).map_err(|error| {
            metrics.webhook("other", "refused");
            tracing::warn!(%error, "the provider signed what is no event");
            Failure::new(Code::Malformed, error.to_string())
        })?;
        let received = self.receive(&event).await?;
        metrics.webhook(event.kind, received.as_str());
        tracing::debug!(
            event_id = event.id,
            kind = event.kind,
            ?received,
            "an event of the provider"
        );
        Ok(received)
    }

    async fn receive(&self, event: &Event) -> Result<Received, Failure> {
        let mut transaction = self.shared.database.begin().await?;
        if !store::note_event(&mut transaction, event).await? {
            return Ok(Received::Repeated);
        }
        let looked_at = match &event.intent_id {
            Some(intent_id) => self.look_at_intent(&mut transaction, intent_id).await?,
            None => None,
        };
        transaction.commit().await?;
        Ok(match (looked_at, &event.intent_id) {
            (Some(changed), _) => {
                self.go_on(&changed);
                Received::Applied
            }
            (None, Some(_)) => Received::Unmatched,
            (None, None) => Received::Ignored,
        })
    }

    /// The provider has news of an intent; its payment is looked at at once. Unknown ones are none of ours.
    ///
    /// # Errors
    /// The database failed.
    pub async fn intent_moved(&self, intent_id: &str) -> Result<(), Failure> {
        let mut transaction = self.shared.database.begin().await?;
        let Some(changed) = self.look_at_intent(&mut transaction, intent_id).await? else {
            return Ok(());
        };
        transaction.commit().await?;
        self.go_on(&changed);
        Ok(())
    }

    /// After the commit: the payment is looked at now.
    fn go_on(&self, changed: &Changed<()>) {
        self.follow_up(changed);
        self.drive_soon(&changed.payment.id);
    }

    async fn look_at_intent(
        &self,
        transaction: &mut Transaction,
        intent_id: &str,
    ) -> Result<Option<Changed<()>>, Failure> {
        let Some(id) = store::of_intent(transaction, intent_id).await? else {
            return Ok(None);
        };
        self.change_in(transaction, &id, Payment::look_now).await
    }

    /// Forgets events that will not come again.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_events(&self) -> Result<u64, Failure> {
        Ok(store::forget_events(&self.shared.database, REMEMBERED_MS).await?)
    }
}
