//! Where the shop listens, and the settings of its services.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::secrets::Secrets;

/// How long the services believe each other's tokens: as long as a run may take.
const SERVICE_TOKEN_FOR: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The shop
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The shop")]
pub(crate) struct ShopOptions {
    /// Run without the shop: the stream alone
    #[arg(long)]
    pub(crate) no_shop: bool,
    /// Where clients order by REST
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) shop_addr: SocketAddr,
    /// Orders a second that customers of our own place by REST
    #[arg(long, value_name = "NUMBER", value_parser = shop_rate, conflicts_with = "no_shop", allow_negative_numbers = true)]
    pub(crate) shop_rate: Option<f64>,
    /// Where the metrics of all services are
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9090")]
    pub(crate) metrics_addr: SocketAddr,
    /// The folder of the messages that users are sent, each as text and as JSON [default: outbox in the --data-dir]
    #[arg(long, value_name = "DIR")]
    pub(crate) outbox: Option<PathBuf>,
    /// The collector that the services' spans are exported to by OTLP/gRPC. Needs a build with the feature `otlp`
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL",
        hide_short_help = true
    )]
    pub(crate) otlp_endpoint: Option<String>,
    /// Where the user service is called
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:50051",
        hide_short_help = true
    )]
    pub(crate) user_grpc_addr: SocketAddr,
    /// Where the product service is called
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:50052",
        hide_short_help = true
    )]
    pub(crate) product_grpc_addr: SocketAddr,
    /// Where the product service's own REST and health are
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8001",
        hide_short_help = true
    )]
    pub(crate) product_http_addr: SocketAddr,
    /// Where the order service is called
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:50053",
        hide_short_help = true
    )]
    pub(crate) order_grpc_addr: SocketAddr,
    /// Where the order service's own REST and health are
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8003",
        hide_short_help = true
    )]
    pub(crate) order_http_addr: SocketAddr,
    /// Where the payment service is called
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:50054",
        hide_short_help = true
    )]
    pub(crate) payment_grpc_addr: SocketAddr,
    /// Where the payment service's health and the simulated provider are
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8004",
        hide_short_help = true
    )]
    pub(crate) payment_http_addr: SocketAddr,
    /// Where the analytics service is called
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:50055",
        hide_short_help = true
    )]
    pub(crate) analytics_grpc_addr: SocketAddr,
    /// Where the analytics service's own REST and health are
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8005",
        hide_short_help = true
    )]
    pub(crate) analytics_http_addr: SocketAddr,
}

/// The most orders a second of customers of our own.
const MOST_SHOP_RATE: f64 = 1_000.0;

/// So many a second.
fn shop_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= MOST_SHOP_RATE => Ok(rate),
        _ => Err(format!("a number above 0, at most {MOST_SHOP_RATE}")),
    }
}

/// What an address may ask for: what the gateway says by itself, unless customers of our own, who share one, want more.
fn limit_address(shop_rate: f64) -> u32 {
    // A bounded number.
    200 + (2.0 * shop_rate) as u32
}

/// What the settings of the services are made of.
pub(super) struct Settings<'a> {
    pub(super) folder: &'a Path,
    pub(super) broker: SocketAddr,
    pub(super) secrets: &'a Secrets,
    pub(super) user: SocketAddr,
    pub(super) product: SocketAddr,
    pub(super) order: SocketAddr,
    pub(super) payment: SocketAddr,
    pub(super) analytics: SocketAddr,
}

/// Where things lie.
pub(super) mod service_settings {
    use std::path::{Path, PathBuf};

    /// The SQLite file of a service.
    pub(crate) fn database(folder: &Path, service: &str) -> PathBuf {
        folder.join(format!("{service}.db"))
    }
}

impl Settings<'_> {
    pub(super) fn user_service(&self) -> Result<Vec<String>> {
        let mut arguments = self.of(user_service::NAME, "user");
        arguments.extend(self.kafka());
        arguments.extend(self.idempotency());
        arguments.push(format!("--refresh-secret=refresh-{}", self.secrets.secret));
        arguments.push(format!("--signing-key-file={}", self.secrets.key_file.display()));
        Ok(arguments)
    }

    pub(super) fn product_service(&self) -> Result<Vec<String>> {
        let mut arguments = self.of(product_service::NAME, "product");
        arguments.push(format!("--images={}", self.files("images")));
        arguments.extend(self.calls_as(product_service::NAME)?);
        Ok(arguments)
    }

    pub(super) fn order_service(&self) -> Result<Vec<String>> {
        let mut arguments = self.of(order_service::NAME, "order");
        arguments.push(format!("--documents={}", self.files("documents")));
        arguments.extend(self.kafka());
        arguments.extend(self.idempotency());
        arguments.extend(self.calls_as(order_service::NAME)?);
        arguments.push(format!("--product-service={}", self.product));
        arguments.push(format!("--payment-service={}", self.payment));
        // One process at a time has the folder.
        arguments.push("--relay-name=weir".to_owned());
        Ok(arguments)
    }

    pub(super) fn payment_service(&self) -> Result<Vec<String>> {
        let mut arguments = self.of(payment_service::NAME, "payment");
        arguments.extend(self.kafka());
        arguments.extend(self.idempotency());
        arguments.extend(self.calls_as(payment_service::NAME)?);
        arguments.push(format!("--order-service={}", self.order));
        Ok(arguments)
    }

    pub(super) fn notification_service(&self, outbox: &Path) -> Result<Vec<String>> {
        let claims = service_settings::database(self.folder, "notification");
        let mut arguments = vec![
            notification_service::NAME.to_owned(),
            format!("--claims=sqlite:{}", claims.display()),
            format!("--send-to={}", outbox.display()),
        ];
        arguments.extend(self.kafka());
        arguments.extend(self.calls_as(notification_service::NAME)?);
        Ok(arguments)
    }

    pub(super) fn analytics_service(&self) -> Result<Vec<String>> {
        let mut arguments = vec![analytics_service::NAME.to_owned()];
        arguments.extend(self.kafka());
        arguments.extend(self.calls_as(analytics_service::NAME)?);
        Ok(arguments)
    }

    pub(super) fn gateway(&self, options: &ShopOptions) -> Result<Vec<String>> {
        let mut arguments = vec![
            api_gateway::NAME.to_owned(),
            format!("--http-addr={}", options.shop_addr),
            format!("--metrics-addr={}", options.metrics_addr),
            format!("--product-service={}", self.product),
            format!("--order-service={}", self.order),
            format!("--payment-service={}", self.payment),
            format!("--analytics-service={}", self.analytics),
        ];
        if let Some(rate) = options.shop_rate {
            arguments.push(format!("--limit-address={}", limit_address(rate)));
        }
        arguments.extend(self.calls_as(api_gateway::NAME)?);
        Ok(arguments)
    }

    fn of(&self, name: &str, database: &str) -> Vec<String> {
        let file = service_settings::database(self.folder, database);
        vec![
            name.to_owned(),
            format!("--database-url=sqlite:{}", file.display()),
        ]
    }

    /// Where files of this kind lie.
    fn files(&self, kind: &str) -> String {
        self.folder.join(kind).display().to_string()
    }

    fn kafka(&self) -> [String; 1] {
        [format!("--kafka={}", self.broker)]
    }

    fn idempotency(&self) -> [String; 1] {
        [format!("--idempotency-secret=keys-{}", self.secrets.secret)]
    }

    /// What a service needs to call others, and to know who calls it.
    fn calls_as(&self, name: &str) -> Result<[String; 2]> {
        let token = user_service::issue_service_token(&self.secrets.key, name, SERVICE_TOKEN_FOR)?;
        Ok([
            format!("--user-service={}", self.user),
            format!("--service-token={}", token.reveal()),
        ])
    }
}
