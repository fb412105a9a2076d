//! Going on with a payment, one driver at a time.
//!
//! A driver holds the payment's lease. It may die at any step: the lease runs out, and the next driver goes on from what is
//! stored. It may also be slow and lose its lease: from then on it writes nothing, and what it has done elsewhere is the
//! same that the next driver does.

use service_common::failure::{Code, Failure};
use tokio::time::timeout;

use crate::payment::{Drive, Lease, Payment, Status};
use crate::payments::Payments;
use crate::provider::{IntentState, ProviderError};

/// Why a driver stops before all is done.
enum Halt {
    /// Another has taken over.
    LeaseLost,
    /// The provider is still at it.
    NotYet,
    /// Something must be tried again.
    Failed(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Halt::Failed(failure)
    }
}

impl From<ProviderError> for Halt {
    fn from(error: ProviderError) -> Self {
        Halt::Failed(Failure::new(Code::Unavailable, error.to_string()))
    }
}

impl Payments {
    /// Goes on with a payment as far as that is possible now, unless another does.
    pub async fn drive(&self, id: &str) {
        if let Err(failure) = self.try_drive(id).await {
            tracing::warn!(payment_id = id, %failure, "a payment cannot be driven; later again");
        }
    }

    async fn try_drive(&self, id: &str) -> Result<(), Failure> {
        let rules = &self.shared.rules;
        let lease_ms = rules.lease_ms();
        let taken = self
            .change(id, |payment, now_ms| {
                payment.take_lease(now_ms, lease_ms).map(|lease| (lease, now_ms))
            })
            .await?;
        let Some(taken) = taken else { return Ok(()) };
        let Some((lease, now_ms)) = taken.value else {
            return Ok(());
        };
        let driven = timeout(rules.work, self.steps(taken.payment, &lease, now_ms)).await;
        let driven = driven.unwrap_or_else(|_| {
            let failure = Failure::new(Code::Timeout, "it took too long");
            Err(Halt::Failed(failure))
        });
        let end = match driven {
            Ok(()) => Drive::Done,
            Err(Halt::LeaseLost) => return Ok(()),
            Err(Halt::NotYet) => Drive::Halted,
            Err(Halt::Failed(failure)) => {
                tracing::warn!(payment_id = id, %failure, "a payment cannot go on; later again");
                Drive::Halted
            }
        };
        let mut has_news = false;
        let let_go = |payment: &mut Payment, now_ms| {
            has_news = payment.has_news();
            payment.let_go(end, now_ms);
        };
        match self.held(id, &lease, let_go).await {
            Err(Halt::Failed(failure)) => Err(failure),
            Err(Halt::LeaseLost | Halt::NotYet) => Ok(()),
            Ok(_) => {
                // Whoever brought it found the payment held.
                if has_news {
                    self.drive_soon(id);
                }
                Ok(())
            }
        }
    }

    /// Changes the payment if the driver still holds its lease. Each step of a driver ends with this.
    async fn held(
        &self,
        id: &str,
        lease: &Lease,
        change: impl FnOnce(&mut Payment, i64),
    ) -> Result<Payment, Halt> {
        let changed = self
            .change(id, |payment, now_ms| {
                payment.is_held_by(lease).then(|| change(payment, now_ms))
            })
            .await?;
        match changed {
            Some(changed) if changed.value.is_some() => Ok(changed.payment),
            _ => Err(Halt::LeaseLost),
        }
    }

    async fn steps(&self, mut payment: Payment, lease: &Lease, now_ms: i64) -> Result<(), Halt> {
        match payment.status {
            Status::Processing => payment = self.begin(payment, lease).await?,
            Status::RequiresAction if payment.is_past_action(now_ms) => {
                payment = self.call_off(payment, lease).await?;
            }
            Status::RequiresAction => payment = self.ask(payment, lease).await?,
            Status::Refunded => payment = self.check_refund(payment, lease).await?,
            _ => {}
        }
        // It may have become so just now.
        if payment.status == Status::Unknown {
            payment = self.ask(payment, lease).await?;
        }
        match payment.status {
            Status::RequiresAction => return Ok(()),
            status if status.is_open() => return Err(Halt::NotYet),
            _ => {}
        }
        // None of these waits for another: what one of them fails at must not hold up the rest.
        let told = self.tell(&payment, lease).await;
        let cancelled = self.cancel_order(&payment, lease).await;
        let refunded = self.give_back(&payment, lease).await;
        told.and(cancelled).and(refunded)
    }

    /// The order is asked first: nothing is charged that it does not wait for.
    async fn begin(&self, payment: Payment, lease: &Lease) -> Result<Payment, Halt> {
        let shared = &self.shared;
        let begun = match shared.desk.begin(&payment).await {
            Err(failure) if failure.code == Code::NotFound => false,
            answer => answer?,
        };
        if !begun {
            return self.held(&payment.id, lease, Payment::refuse).await;
        }
        if payment.intent_id.is_some() {
            // A driver before this one may have confirmed it.
            return self.ask(payment, lease).await;
        }
        match shared
            .provider
            .create(&payment.provider_key(), &payment.purpose.price)
            .await
        {
            Ok(intent) => {
                let store = |payment: &mut Payment, now_ms| payment.intent_made(&intent.id, now_ms);
                let payment = self.held(&payment.id, lease, store).await?;
                self.confirm(payment, &intent.id, lease).await
            }
            Err(ProviderError::Refused(reason)) => {
                tracing::info!(
                    payment_id = payment.id,
                    reason,
                    "the provider does not take a payment on"
                );
                self.held(&payment.id, lease, Payment::decline).await
            }
            // Even where one was made: it takes nothing before it is confirmed, and the key gives the same one again.
            Err(error) => Err(error.into()),
        }
    }

    /// Has the amount taken. Only for an intent of which the provider has said, or that is so new that it cannot but say,
    /// that nothing was begun.
    async fn confirm(&self, payment: Payment, intent_id: &str, lease: &Lease) -> Result<Payment, Halt> {
        let provider = &self.shared.provider;
        let intent = match provider.confirm(intent_id, &payment.purpose.method).await {
            Ok(intent) => intent,
            // It does not like the method, or is past confirming. Either way calling it off tells what has become of it.
            Err(ProviderError::Refused(reason)) => {
                tracing::info!(payment_id = payment.id, reason, "the provider refuses a payment");
                provider.cancel(intent_id).await?
            }
            Err(ProviderError::Unknown(reason)) => {
                tracing::warn!(
                    payment_id = payment.id,
                    reason,
                    "the outcome of a payment is not known; asking"
                );
                return self.held(&payment.id, lease, Payment::outcome_unknown).await;
            }
            Err(error @ ProviderError::Away(_)) => return Err(error.into()),
        };
        self.settle(&payment, &intent.state, lease).await
    }

    /// Asks the provider how the payment stands.
    async fn ask(&self, payment: Payment, lease: &Lease) -> Result<Payment, Halt> {
        let intent_id = intent_of(&payment)?;
        let intent = self.shared.provider.get(&intent_id).await?;
        match intent.state {
            // Asked first, so this is no second charge: one intent takes its amount at most once.
            IntentState::Created => self.confirm(payment, &intent_id, lease).await,
            state => self.settle(&payment, &state, lease).await,
        }
    }

    /// The payer has not acted in time. Where that was done at the last moment, the provider says so.
    async fn call_off(&self, payment: Payment, lease: &Lease) -> Result<Payment, Halt> {
        let intent = self.shared.provider.cancel(&intent_of(&payment)?).await?;
        self.settle(&payment, &intent.state, lease).await
    }

    async fn settle(&self, payment: &Payment, state: &IntentState, lease: &Lease) -> Result<Payment, Halt> {
        let action_ms = self.shared.rules.action_ms();
        let settle = |payment: &mut Payment, now_ms| payment.settle(state, action_ms, now_ms);
        self.held(&payment.id, lease, settle).await
    }

    async fn tell(&self, payment: &Payment, lease: &Lease) -> Result<(), Halt> {
        let Some(outcome) = payment.to_tell() else {
            return Ok(());
        };
        self.shared.desk.settled(payment, outcome).await?;
        self.held(&payment.id, lease, Payment::told).await?;
        Ok(())
    }

    async fn cancel_order(&self, payment: &Payment, lease: &Lease) -> Result<(), Halt> {
        if !payment.cancels_order {
            return Ok(());
        }
        match self.shared.desk.cancel(&payment.purpose.order_id).await {
            // It has failed, or is gone: there is nothing to cancel.
            Err(failure) if matches!(failure.code, Code::OrderState | Code::NotFound) => {}
            answer => answer?,
        }
        self.held(&payment.id, lease, Payment::order_cancelled).await?;
        Ok(())
    }

    async fn give_back(&self, payment: &Payment, lease: &Lease) -> Result<(), Halt> {
        if payment.status != Status::RefundPending {
            return Ok(());
        }
        match self.refund(&intent_of(payment)?).await {
            Ok(()) => {
                self.held(&payment.id, lease, Payment::refunded).await?;
                Ok(())
            }
            Err(error) => {
                let most = i64::from(self.shared.rules.refund_attempts);
                let miss = |payment: &mut Payment, now_ms| payment.refund_missed(most, now_ms);
                self.held(&payment.id, lease, miss).await?;
                Err(error.into())
            }
        }
    }

    /// There is news of what was given back: it may have come back.
    async fn check_refund(&self, payment: Payment, lease: &Lease) -> Result<Payment, Halt> {
        let intent = self.shared.provider.get(&intent_of(&payment)?).await?;
        match intent.state {
            IntentState::Charged { .. } => self.held(&payment.id, lease, Payment::refund_returned).await,
            _ => Ok(payment),
        }
    }

    /// Asked first: a provider forgets its keys after a day.
    async fn refund(&self, intent_id: &str) -> Result<(), ProviderError> {
        let provider = &self.shared.provider;
        let mut intent = provider.get(intent_id).await?;
        if !matches!(intent.state, IntentState::Refunded { .. }) {
            intent = provider.refund(intent_id).await?;
        }
        match intent.state {
            IntentState::Refunded { .. } => Ok(()),
            state => Err(ProviderError::Refused(format!(
                "asked for a refund it answers {state:?}"
            ))),
        }
    }
}

/// The provider's id of a payment that is past being made.
fn intent_of(payment: &Payment) -> Result<String, Failure> {
    let missing = || Failure::internal(format!("payment {} has no intent at the provider", payment.id));
    payment.intent_id.clone().ok_or_else(missing)
}
