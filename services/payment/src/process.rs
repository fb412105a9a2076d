//! Paying an order that waits for it, for its user.

use std::time::Duration;

use service_common::context::{Context, spawn_own};
use service_common::failure::{Code, Failure};
use service_common::idempotency::{self, Claim, Fingerprint, Scope};
use sqlx::Row as _;
use tokio::time::timeout;
use weir_rpc::payment::v1::PaymentResponse;

use crate::message::response;
use crate::payment::{Payment, Purpose};
use crate::payments::{Payments, Shared, another_is_live, not_found};
use crate::store::{self, Inserted};

/// An idempotency key, and what it must come with again.
#[derive(Clone, Debug)]
pub struct Key {
    /// Whose it is, and for which call.
    pub scope: Scope,
    /// Of the request.
    pub fingerprint: Fingerprint,
}

/// A request of a user.
#[derive(Clone, Debug)]
pub struct Request {
    /// What they want to pay.
    pub purpose: Purpose,
    /// The key it came with.
    pub key: Option<Key>,
}

/// What is known of a request's key.
enum Seen {
    /// It is new, or there is none.
    Nothing,
    /// Its payment is stored.
    Begun,
    /// Its answer is kept.
    Answered(String),
}

/// What came of storing a payment.
enum Stored {
    /// It is to be driven.
    Payment(String),
    /// Its answer was kept.
    Answered(String),
}

impl Payments {
    /// Pays an order. Answers what has become of the payment after a moment; it goes on when its caller hangs up.
    ///
    /// # Errors
    /// What stands in the way. `unavailable` and `timeout` are not final: the order may still be paid.
    pub async fn process(&self, request: Request) -> Result<PaymentResponse, Failure> {
        let rules = &self.shared.rules;
        let left = Context::current().and_then(|context| context.remaining());
        // The answer has a way to go as well.
        let patience = left.map_or(rules.patience, |left| rules.patience.min(left / 2));
        let payments = self.clone();
        let limit = rules.work;
        let task = spawn_own(limit, async move {
            timeout(limit, payments.pay(request, patience)).await
        });
        let answer = task.await.map_err(Failure::internal)?;
        answer.unwrap_or_else(|_| Err(Failure::new(Code::Timeout, "the order could not be paid in time")))
    }

    async fn pay(&self, request: Request, patience: Duration) -> Result<PaymentResponse, Failure> {
        let judged = match self.look_up(&request).await? {
            Seen::Answered(answer) => return self.replay(&answer),
            Seen::Begun => Ok(()),
            Seen::Nothing => self.judge(&request.purpose).await,
        };
        let id = match self.store(&request, judged).await? {
            Stored::Answered(answer) => return self.replay(&answer),
            Stored::Payment(id) => id,
        };
        let payments = self.clone();
        let driven = id.clone();
        let driver = spawn_own(
            self.shared.rules.work,
            async move { payments.drive(&driven).await },
        );
        // Whether or not it is done by then: it goes on, and the payment is answered as it is.
        let _ = timeout(patience, driver).await;
        self.answer(&request, &id).await
    }

    /// What is known of the key, without claiming it: the order service need not be there to repeat an answer.
    async fn look_up(&self, request: &Request) -> Result<Seen, Failure> {
        let Some(Key { scope, fingerprint }) = &request.key else {
            return Ok(Seen::Nothing);
        };
        let (database, lease) = (&self.shared.database, self.shared.rules.lease);
        let (_, claim) = idempotency::claim(database, scope, fingerprint, "", lease).await?;
        Ok(match claim {
            Claim::First(_) => Seen::Nothing,
            Claim::Resumed(_) => Seen::Begun,
            Claim::Answered(answer) => Seen::Answered(answer),
        })
    }

    fn replay(&self, answer: &str) -> Result<PaymentResponse, Failure> {
        self.shared.metrics.replayed("ProcessPayment");
        idempotency::decode(answer)
    }

    /// Whether this user may pay this amount for this order.
    async fn judge(&self, purpose: &Purpose) -> Result<(), Failure> {
        let no_such_order = || Failure::new(Code::NotFound, "there is no such order");
        let bill = self.shared.desk.bill(&purpose.order_id).await;
        let bill = bill.map_err(|failure| match failure.code {
            Code::NotFound => no_such_order(),
            _ => failure,
        })?;
        if bill.user_id != purpose.user_id {
            return Err(no_such_order());
        }
        match bill.price {
            None => Err(Failure::new(Code::OrderState, "the order is not taken yet")),
            Some(price) if price != purpose.price => Err(Failure::new(
                Code::AmountMismatch,
                format!("the order costs {} {}", price.amount, price.currency),
            )),
            Some(_) => Ok(()),
        }
    }

    /// Claims the key and stores the payment, or what the sender is told for good. The payment's row is the promise to go
    /// on with it.
    async fn store(&self, request: &Request, judged: Result<(), Failure>) -> Result<Stored, Failure> {
        let Shared { database, rules, .. } = &*self.shared;
        let id = Payment::new_id();
        let (mut transaction, now_ms) = match &request.key {
            None => {
                let mut transaction = database.begin().await?;
                let now_ms = transaction.now_ms().await?;
                (transaction, now_ms)
            }
            Some(Key { scope, fingerprint }) => {
                match idempotency::claim(database, scope, fingerprint, &id, rules.lease).await? {
                    (transaction, Claim::First(now_ms)) => (transaction, now_ms),
                    (transaction, Claim::Resumed(id)) => {
                        transaction.commit().await?;
                        return Ok(Stored::Payment(id));
                    }
                    (_, Claim::Answered(answer)) => return Ok(Stored::Answered(answer)),
                }
            }
        };
        let mut payment = Payment::new(id, request.purpose.clone(), now_ms);
        payment.scope = request.key.as_ref().map(|key| key.scope.as_str().to_owned());
        let stored = match judged {
            Ok(()) => match store::insert(&mut transaction, &payment).await? {
                Inserted::Yes => Ok(()),
                Inserted::Conflict => Err(another_is_live()),
            },
            refused => refused,
        };
        match (stored, &request.key) {
            (Ok(()), _) => {
                transaction.commit().await?;
                Ok(Stored::Payment(payment.id))
            }
            (Err(failure), Some(Key { scope, .. })) if failure.is_final() => {
                let answer = idempotency::encode::<PaymentResponse>(&Err(failure.clone()));
                idempotency::keep(scope, &answer)
                    .execute(&mut transaction)
                    .await?;
                transaction.commit().await?;
                Err(failure)
            }
            // Nothing is kept: the key may come again.
            (Err(failure), _) => Err(failure),
        }
    }

    /// The payment as it is now; under a key, what was or is kept of it.
    async fn answer(&self, request: &Request, id: &str) -> Result<PaymentResponse, Failure> {
        let mut transaction = self.shared.database.begin().await?;
        let payment = store::lock(&mut transaction, id).await?.ok_or_else(not_found)?;
        let answer = response(&payment);
        let Some(Key { scope, .. }) = &request.key else {
            return Ok(answer);
        };
        let kept = idempotency::keep(scope, &idempotency::encode(&Ok(answer)))
            .execute(&mut transaction)
            .await?;
        let kept = kept
            .first()
            .ok_or_else(|| Failure::internal("the key of a payment is gone"))?;
        let answer = idempotency::decode(kept.try_get("answer")?);
        transaction.commit().await?;
        answer
    }
}
