//! Stripe as a provider.
//!
//! Only the making of an intent bears an idempotency key. All else is safe by the intent itself: it takes its amount once,
//! and a charge is given back once. Under a key Stripe would repeat an answer for a day, a fault of its own included.

use std::future::Future;

use stripe::{ApiErrorsType, Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeRequest as _};
use stripe_core::payment_intent::{
    CancelPaymentIntent, ConfirmPaymentIntent, CreatePaymentIntent, RetrievePaymentIntent,
};
use stripe_core::refund::CreateRefund;
use stripe_core::{PaymentIntent, PaymentIntentAllowedPaymentMethodTypes};
use stripe_types::Currency;

use super::intents::{has_hundredths, intent};
use super::{StripeError, StripeOptions};
use crate::payment::Price;
use crate::provider::{Answer, Intent, IntentState, Provider, ProviderError};

/// With every intent comes the charge that took its amount: it tells whether that was given back.
const WITH_CHARGE: &str = "latest_charge";

/// The provider. Cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    client: Client,
    return_url: String,
}

impl Stripe {
    /// By these settings. Nothing is called yet.
    ///
    /// # Errors
    /// A setting is missing or wrong.
    pub fn new(options: &StripeOptions) -> Result<Stripe, StripeError> {
        let key = options.stripe_api_key.as_ref().ok_or(StripeError::Key)?;
        let return_url = options.stripe_return_url.clone().ok_or(StripeError::ReturnUrl)?;
        // The client joins its paths to it as it is.
        let url = format!("{}/", options.stripe_url.trim_end_matches('/'));
        let client = ClientBuilder::new(key.reveal())
            .url(url)
            .timeout(options.stripe_timeout)
            .app_info("weir", Some(env!("CARGO_PKG_VERSION").to_owned()), None)
            .build()
            .map_err(|error| match error {
                stripe::StripeError::ConfigError(_) => StripeError::Url(options.stripe_url.clone()),
                _ => StripeError::Key,
            })?;
        Ok(Stripe { client, return_url })
    }

    async fn fetch(&self, id: &str) -> Result<Intent, ProviderError> {
        let request = RetrievePaymentIntent::new(id).expand([WITH_CHARGE.to_owned()]);
        Ok(intent(&request.send(&self.client).await.map_err(failure)?))
    }

    /// What came of a change; where Stripe refused it, how the intent stands.
    async fn changed(
        &self,
        id: &str,
        asked: impl Future<Output = Result<PaymentIntent, stripe::StripeError>>,
    ) -> Result<(Intent, Option<ProviderError>), ProviderError> {
        match asked.await.map_err(failure) {
            Ok(changed) => Ok((intent(&changed), None)),
            Err(refused @ ProviderError::Refused(_)) => Ok((self.fetch(id).await?, Some(refused))),
            Err(error) => Err(error),
        }
    }
}

impl Provider for Stripe {
    fn create<'a>(&'a self, key: &'a str, price: &'a Price) -> Answer<'a, Intent> {
        Box::pin(async move {
            if !has_hundredths(&price.currency) {
                return Err(ProviderError::Refused(format!(
                    "amounts in {} have no hundredths at Stripe",
                    price.currency
                )));
            }
            let code = price.currency.to_ascii_lowercase();
            let Ok(currency) = code.parse::<Currency>();
            let strategy =
                IdempotencyKey::new(key).map_err(|error| ProviderError::Refused(error.to_string()))?;
            let request = CreatePaymentIntent::new(price.amount.minor(), currency)
                .allowed_payment_method_types([PaymentIntentAllowedPaymentMethodTypes::Card])
                // By which a person finds the payment of an intent.
                .metadata([("weir_key".to_owned(), key.to_owned())]);
            let made = request
                .customize()
                .request_strategy(RequestStrategy::Idempotent(strategy))
                .send(&self.client);
            Ok(intent(&made.await.map_err(failure)?))
        })
    }

    fn get<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        Box::pin(self.fetch(intent_id))
    }

    fn confirm<'a>(&'a self, intent_id: &'a str, method: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move {
            let request = ConfirmPaymentIntent::new(intent_id)
                .payment_method(method)
                .return_url(&*self.return_url)
                .expand([WITH_CHARGE.to_owned()]);
            match self.changed(intent_id, request.send(&self.client)).await? {
                // It was not about the intent: there is no such method, for one.
                (intent, Some(refused)) if intent.state == IntentState::Created => Err(refused),
                (intent, _) => Ok(intent),
            }
        })
    }

    fn cancel<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move {
            let request = CancelPaymentIntent::new(intent_id).expand([WITH_CHARGE.to_owned()]);
            let (intent, _) = self.changed(intent_id, request.send(&self.client)).await?;
            Ok(intent)
        })
    }

    fn refund<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move {
            let request = CreateRefund::new().payment_intent(intent_id);
            let refused = match request.send(&self.client).await.map_err(failure) {
                Ok(_) => None,
                Err(refused @ ProviderError::Refused(_)) => Some(refused),
                Err(error) => return Err(error),
            };
            // A refund may also be made and fail at once, and one that is refused may have been made before.
            let intent = self.fetch(intent_id).await?;
            match intent.state {
                IntentState::Refunded { .. } => Ok(intent),
                state => Err(refused.unwrap_or_else(|| {
                    ProviderError::Refused(format!("the refund failed: it is {state:?}"))
                })),
            }
        })
    }
}

/// What an error says of the request. Its message is left out: it may repeat what was sent.
fn failure(error: stripe::StripeError) -> ProviderError {
    match error {
        stripe::StripeError::Stripe(error, status) => {
            let code = error.code.as_ref().map(|code| code.as_str());
            let words = [code, error.decline_code.as_deref(), error.param.as_deref()];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            let told = format!("{status} {} {}", error.type_, words.join(" "));
            match status {
                // Another version of this program asked for something else under the key; after some attempts it is another key.
                400 if error.type_ == ApiErrorsType::IdempotencyError => ProviderError::Away(told),
                // A key that is wrong or may not do this is ours to mend: no payment is declined for it.
                401 | 403 | 409 | 429 => ProviderError::Away(told),
                400..500 => ProviderError::Refused(told),
                _ => ProviderError::Unknown(told),
            }
        }
        // Whether it was reached, or what it did, is not known of these.
        error => ProviderError::Unknown(error.to_string()),
    }
}
