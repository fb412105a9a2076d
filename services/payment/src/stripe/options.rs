//! Settings of Stripe.

use std::time::Duration;

use clap::Args;
use service_common::secret::SecretText;

use super::Keys;

/// Settings of Stripe, from the command line or the environment.
#[derive(Clone, Debug, Args)]
pub struct StripeOptions {
    /// The secret key of the API: `sk_...` or `rk_...`
    #[cfg(feature = "stripe")]
    #[arg(
        long,
        env = "STRIPE_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        required_if_eq("provider", "stripe")
    )]
    pub stripe_api_key: Option<SecretText>,
    /// Where payers come back to from what their bank asked of them
    #[cfg(feature = "stripe")]
    #[arg(
        long,
        env = "STRIPE_RETURN_URL",
        value_name = "URL",
        required_if_eq("provider", "stripe")
    )]
    pub stripe_return_url: Option<String>,
    /// Where the API is
    #[cfg(feature = "stripe")]
    #[arg(
        long,
        env = "STRIPE_URL",
        value_name = "URL",
        default_value = "https://api.stripe.com/"
    )]
    pub stripe_url: String,
    /// How long Stripe may take over an answer
    #[cfg(feature = "stripe")]
    #[arg(long, env = "STRIPE_TIMEOUT", value_name = "DURATION", default_value = "4s",
          value_parser = service_common::duration::parse)]
    pub stripe_timeout: Duration,
    /// The secrets that webhooks are signed with, two while one is replaced; without one all are refused
    #[arg(
        long,
        env = "STRIPE_WEBHOOK_SECRET",
        value_name = "SECRET,...",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub stripe_webhook_secret: Vec<SecretText>,
    /// How old the signature of a webhook may be
    #[arg(long, env = "STRIPE_WEBHOOK_TOLERANCE", value_name = "DURATION", default_value = "5m",
          value_parser = service_common::duration::parse)]
    pub stripe_webhook_tolerance: Duration,
}

/// Stripe cannot be called with these settings.
#[cfg(feature = "stripe")]
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// The key holds what no header can.
    #[error("--stripe-api-key is missing, or holds other characters than visible ASCII")]
    Key,
    /// The address is none.
    #[error("--stripe-url: `{0}` is no address of HTTP")]
    Url(String),
    /// There is no address to come back to.
    #[error("--stripe-return-url is missing")]
    ReturnUrl,
}

impl StripeOptions {
    /// What webhooks are verified with.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let secrets = self.stripe_webhook_secret.iter();
        let secrets = secrets.filter(|secret| !secret.reveal().is_empty()).cloned();
        Keys::new(secrets.collect(), self.stripe_webhook_tolerance)
    }
}
