//! Settings, from the command line or the environment.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, Parser};
use service_common::duration;
use service_common::options::TelemetryOptions;
use service_common::rest::parse_currency;
use service_common::secret::SecretText;

/// The shop's REST API: checks callers and limits, and calls the services
#[derive(Clone, Debug, Parser)]
#[command(name = crate::NAME, version)]
pub struct Options {
    /// Where REST is served; port 0 lets the system choose
    #[arg(
        long,
        env = "HTTP_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8080"
    )]
    pub http_addr: SocketAddr,
    /// The user service
    #[arg(
        long,
        env = "USER_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "user-service:50051"
    )]
    pub user_service: String,
    /// The product service
    #[arg(
        long,
        env = "PRODUCT_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "product-service:50052"
    )]
    pub product_service: String,
    /// The order service
    #[arg(
        long,
        env = "ORDER_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "order-service:50053"
    )]
    pub order_service: String,
    /// The payment service
    #[arg(
        long,
        env = "PAYMENT_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "payment-service:50054"
    )]
    pub payment_service: String,
    /// The analytics service
    #[arg(
        long,
        env = "ANALYTICS_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "analytics-service:50055"
    )]
    pub analytics_service: String,
    /// The token that this service shows to others when it asks for keys and sessions
    #[arg(long, env = "SERVICE_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub service_token: SecretText,
    /// The currency of amounts that come without one
    #[arg(long, env = "CURRENCY", value_name = "CODE", default_value = "USD", value_parser = parse_currency)]
    pub currency: String,
    /// How long a product is shown as it was read: its stock may have changed since
    #[arg(long, env = "CATALOGUE_AGE", value_name = "DURATION", default_value = "900ms", value_parser = duration::parse)]
    pub catalogue_age: Duration,
    /// How long requests may take
    #[command(flatten)]
    pub patience: Patience,
    /// How many requests may come
    #[command(flatten)]
    pub limits: Limits,
    /// How it is seen from outside
    #[command(flatten)]
    pub telemetry: TelemetryOptions,
}

/// How long requests may take.
#[derive(Clone, Copy, Debug, Args)]
pub struct Patience {
    /// How long the services have for a request
    #[arg(long, env = "REQUEST_TIMEOUT", value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    pub request_timeout: Duration,
    /// How long they have to take an order or a payment
    #[arg(long, env = "ORDER_TIMEOUT", value_name = "DURATION", default_value = "12s", value_parser = duration::parse)]
    pub order_timeout: Duration,
    /// How long the head of a request may take to arrive, and a connection be idle
    #[arg(long, env = "HEAD_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    pub head_timeout: Duration,
    /// How long the body of a request may take to arrive
    #[arg(long, env = "BODY_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    pub body_timeout: Duration,
}

/// How many requests may come.
#[derive(Clone, Copy, Debug, Args)]
pub struct Limits {
    /// Requests of one user in a second, in the long run
    #[arg(long, env = "LIMIT_USER", value_name = "N", default_value = "50")]
    pub limit_user: NonZeroU32,
    /// Requests of one user at once
    #[arg(long, env = "LIMIT_USER_BURST", value_name = "N", default_value = "100")]
    pub limit_user_burst: NonZeroU32,
    /// Requests of one address in a second
    #[arg(long, env = "LIMIT_ADDRESS", value_name = "N", default_value = "200")]
    pub limit_address: NonZeroU32,
    /// Attempts to register or log in of one address in a second
    #[arg(long, env = "LIMIT_CREDENTIALS", value_name = "N", default_value = "5")]
    pub limit_credentials: NonZeroU32,
    /// Attempts to register or log in to one account in a minute
    #[arg(long, env = "LIMIT_ACCOUNT", value_name = "N", default_value = "10")]
    pub limit_account: NonZeroU32,
    /// Streams of windows of one user at a time
    #[arg(long, env = "LIMIT_STREAMS", value_name = "N", default_value = "4")]
    pub limit_streams: NonZeroU32,
    /// How many proxies before the gateway are ours: the client's address is the one that the first of them saw, which
    /// is this many from the right of `X-Forwarded-For`; 0 takes the peer's
    #[arg(long, env = "TRUSTED_HOPS", value_name = "N", default_value_t = 0)]
    pub trusted_hops: usize,
    /// Requests that are worked on at a time; more are refused at once
    #[arg(long, env = "MAX_IN_FLIGHT", value_name = "N", default_value = "1024")]
    pub max_in_flight: NonZeroU32,
    /// Connections at a time; more wait to be accepted
    #[arg(long, env = "MAX_CONNECTIONS", value_name = "N", default_value = "4096")]
    pub max_connections: NonZeroU32,
    /// The largest body of a request, in bytes
    #[arg(long, env = "MAX_BODY_BYTES", value_name = "BYTES", default_value_t = 64 * 1024)]
    pub max_body_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let options = Options::try_parse_from(["api-gateway", "--service-token", "t"]).unwrap();
        assert_eq!(options.http_addr.port(), 8080);
        assert_eq!(options.telemetry.metrics_addr.port(), 9090);
        let limits = options.limits;
        let rates = [
            limits.limit_user,
            limits.limit_user_burst,
            limits.limit_address,
            limits.limit_credentials,
            limits.limit_account,
        ];
        assert_eq!(rates.map(NonZeroU32::get), [50, 100, 200, 5, 10]);
        assert_eq!((limits.trusted_hops, limits.max_body_bytes), (0, 65_536));
        assert_eq!(options.patience.request_timeout, Duration::from_secs(5));
        assert_eq!(options.patience.order_timeout, Duration::from_secs(12));
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        for flag in ["--limit-user", "--limit-address", "--max-in-flight"] {
            assert!(Options::try_parse_from(["api-gateway", "--service-token", "t", flag, "0"]).is_err());
        }
    }
}
