//! The shop's services on embedded parts: one SQLite file each, the embedded broker, gRPC between them on the loopback
//! interface, as in production by the network.

mod options;
mod secrets;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use analytics_service::AnalyticsService;
use anyhow::{Context, Result};
use api_gateway::Gateway;
use clap::Parser;
use notification_service::NotificationService;
use order_service::OrderService;
use payment_service::PaymentService;
use product_service::ProductService;
use service_common::auth::Role;
use service_common::database::{Database, DatabaseOptions, DatabaseUrl};
use service_common::metrics::Metrics;
use service_common::server::{Ports, listen};
use tokio::net::TcpListener;
use user_service::UserService;
use user_service::account::{Email, Name, Password, Person};

pub(crate) use self::options::ShopOptions;
use self::options::{Settings, service_settings};
use self::secrets::Secrets;
use crate::failure::Failure;

/// The account that is there from the start, for the first order by hand.
pub(crate) const DEMO_EMAIL: &str = "demo@weir.local";
/// Its password: the shop listens on the loopback interface only.
pub(crate) const DEMO_PASSWORD: &str = "weir-demo";

/// How long requests that have begun may take once the end is asked for. This and what follows are counted from there: with
/// the job's end all of it is to be over within ten seconds, which is what those who start programs wait before they kill.
const REQUESTS: Duration = Duration::from_secs(4);
/// How long events have to be published.
const EVENTS: Duration = Duration::from_secs(6);
/// When all services are to have stopped.
const STOP: Duration = Duration::from_secs(7);

/// The ports of the services, taken before anything is started, so that a taken one ends the start; and what counts what
/// happens on them. The gateway's is taken last: a client that is let in can order.
pub(crate) struct Taken {
    metrics: (Metrics, TcpListener),
    user: Ports,
    product: Ports,
    order: Ports,
    payment: Ports,
    analytics: Ports,
}

impl Taken {
    /// Takes all ports.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub(crate) async fn take(options: &ShopOptions, metrics: Metrics) -> Result<Taken, Failure> {
        let take = async |setting, address| {
            let taken = listen(setting, address).await;
            taken.map_err(|error| Failure::unavailable(error.to_string()))
        };
        // All metrics are at --metrics-addr.
        let ports = async |grpc: (&'static str, SocketAddr), http: Option<(&'static str, SocketAddr)>| {
            Ok::<_, Failure>(Ports {
                grpc: Some(take(grpc.0, grpc.1).await?),
                http: match http {
                    Some((setting, address)) => Some(take(setting, address).await?),
                    None => None,
                },
                metrics: None,
            })
        };
        Ok(Taken {
            metrics: (metrics, take("--metrics-addr", options.metrics_addr).await?),
            user: ports(("--user-grpc-addr", options.user_grpc_addr), None).await?,
            product: ports(
                ("--product-grpc-addr", options.product_grpc_addr),
                Some(("--product-http-addr", options.product_http_addr)),
            )
            .await?,
            order: ports(
                ("--order-grpc-addr", options.order_grpc_addr),
                Some(("--order-http-addr", options.order_http_addr)),
            )
            .await?,
            payment: ports(
                ("--payment-grpc-addr", options.payment_grpc_addr),
                Some(("--payment-http-addr", options.payment_http_addr)),
            )
            .await?,
            analytics: ports(
                ("--analytics-grpc-addr", options.analytics_grpc_addr),
                Some(("--analytics-http-addr", options.analytics_http_addr)),
            )
            .await?,
        })
    }
}

/// The running services.
pub(crate) struct Platform {
    address: SocketAddr,
    gateway: Gateway,
    user: UserService,
    product: ProductService,
    order: OrderService,
    payment: PaymentService,
    notification: NotificationService,
    analytics: AnalyticsService,
    outbox: PathBuf,
}

impl Platform {
    /// Starts all services, the gateway last, when all it needs is there.
    ///
    /// # Errors
    /// A service that cannot be started.
    pub(crate) async fn start(
        options: &ShopOptions,
        taken: Taken,
        folder: &Path,
        outbox: PathBuf,
        broker: SocketAddr,
    ) -> Result<Platform> {
        let (metrics, metrics_port) = taken.metrics;
        let secrets = Secrets::in_folder(folder)?;
        let settings = Settings {
            folder,
            broker,
            secrets: &secrets,
            user: address(&taken.user)?,
            product: address(&taken.product)?,
            order: address(&taken.order)?,
            payment: address(&taken.payment)?,
            analytics: address(&taken.analytics)?,
        };
        let user = user_service::start(parse(settings.user_service()?)?, taken.user, &metrics)
            .await
            .context("the user service")?;
        let demo = Person {
            email: Email::parse(DEMO_EMAIL)?,
            password: Password::chosen(DEMO_PASSWORD)?,
            first_name: Name::parse("Demo")?,
            last_name: Name::parse("Customer")?,
        };
        user.users()
            .provision(demo, Role::Customer)
            .await
            .context("the demo account")?;
        let product = product_service::start(parse(settings.product_service()?)?, taken.product, &metrics)
            .await
            .context("the product service")?;
        product_service::seed(product.products(), product.images())
            .await
            .context("the catalogue")?;
        let payment = payment_service::start(parse(settings.payment_service()?)?, taken.payment, &metrics)
            .await
            .context("the payment service")?;
        let order = order_service::start(parse(settings.order_service()?)?, taken.order, &metrics)
            .await
            .context("the order service")?;
        let notification = parse(settings.notification_service(&outbox)?)?;
        let notification = notification_service::start(notification, Ports::default(), &metrics)
            .await
            .context("the notification service")?;
        let analytics = parse(settings.analytics_service()?)?;
        let analytics = analytics_service::start(analytics, taken.analytics, &metrics)
            .await
            .context("the analytics service")?;
        analytics.until_caught_up().await;
        let shop = listen("--shop-addr", options.shop_addr).await?;
        let address = shop.local_addr()?;
        let ports = Ports {
            grpc: None,
            http: Some(shop),
            metrics: Some(metrics_port),
        };
        let gateway = api_gateway::start(parse(settings.gateway(options)?)?, ports, &metrics)
            .await
            .context("the gateway")?;
        Ok(Platform {
            address,
            gateway,
            user,
            product,
            order,
            payment,
            notification,
            analytics,
            outbox,
        })
    }

    /// Where clients order.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A line that logs in as the demo user and orders.
    pub(crate) fn curl(&self) -> String {
        curl(self.address())
    }

    /// Where the messages to users lie.
    pub(crate) fn outbox(&self) -> &Path {
        &self.outbox
    }

    /// Takes no new orders, publishes the events of those that were taken, then stops. Gives how many messages were sent; what
    /// was not is sent after the next start.
    pub(crate) async fn stop(self) -> u64 {
        let begun = Instant::now();
        self.gateway.running.stop_by(begun + REQUESTS).await;
        self.order.publish_all_by(begun + EVENTS).await;
        let until = begun + STOP;
        tokio::join!(
            self.order.running.stop_by(until),
            self.payment.running.stop_by(until)
        );
        let sent = self.notification.stop_by(until).await;
        tokio::join!(
            self.product.running.stop_by(until),
            self.user.running.stop_by(until),
            self.analytics.running.stop_by(until)
        );
        sent
    }
}

/// The orders that were ever taken, by the order service's own file; `None` where there is no such file.
///
/// # Errors
/// It cannot be read.
pub(crate) async fn orders_taken(folder: &Path) -> Result<Option<order_service::store::Taken>> {
    let path = service_settings::database(folder, "order");
    if !path.exists() {
        return Ok(None);
    }
    let database = Database::open(
        &DatabaseOptions::of(DatabaseUrl::file(&path)),
        order_service::store::OWNER,
        order_service::store::STEPS,
    )
    .await?;
    let taken = order_service::store::taken(&database).await?;
    database.close().await;
    Ok(Some(taken))
}

/// Where a service is called.
fn address(ports: &Ports) -> Result<SocketAddr> {
    ports
        .addresses()?
        .grpc
        .context("a port that was taken has no address")
}

/// The settings of a service, read by its own command line, so that its defaults hold here as well.
fn parse<O: Parser>(arguments: Vec<String>) -> Result<O> {
    Ok(O::try_parse_from(arguments)?)
}

fn curl(shop: SocketAddr) -> String {
    format!(
        "curl -s http://{shop}/api/v1/orders -H 'Content-Type: application/json' -H \"Authorization: Bearer $(curl -s \
         http://{shop}/api/v1/auth/login -H 'Content-Type: application/json' -d \
         '{{\"email\":\"{DEMO_EMAIL}\",\"password\":\"{DEMO_PASSWORD}\"}}' | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')\" \
         -d '{{\"items\":[{{\"product_id\":\"kb-1\",\"quantity\":2}}],\"shipping_address\":{{\"name\":\"Demo\",\
         \"line1\":\"1 Main Street\",\"city\":\"London\",\"postal_code\":\"N1\",\"country\":\"GB\"}}}}'"
    )
}
