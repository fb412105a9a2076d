//! The shop: each service a process of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use service_common::auth::SigningKey;
use service_common::client::{Identity, Link};
use service_common::metrics::Metrics;
use tempfile::TempDir;
use test_support::address::free_address;
use test_support::child::Child;
use test_support::databases::PostgresDatabase;
use test_support::servers::{IamKafka, apache_kafka, needed, shared_dev_broker};
use weir_kafka::{Connection, TopicSpec, ensure};
use weir_rpc::common::v1::Money;
use weir_rpc::product::v1::product_service_client::ProductServiceClient;
use weir_rpc::product::v1::{AddStockRequest, PutProductRequest};

use crate::client::Client;

/// Far beyond what a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing that is logged may hold it.
pub(crate) const SECRET: &str = "hush-0f8c2d51-hush";

/// Runs any of them.
const PROGRAM: &str = env!("CARGO_BIN_EXE_shop-process");

const SERVICES: [&str; 6] = [
    user_service::NAME,
    product_service::NAME,
    order_service::NAME,
    payment_service::NAME,
    analytics_service::NAME,
    api_gateway::NAME,
];

/// The servers that a shop stands on.
#[derive(Clone)]
pub(crate) struct Ground {
    /// `host:port` of the broker.
    kafka: String,
    /// How the services come in, where they do not come in plain.
    identity: Option<IamKafka>,
    /// The URL of the PostgreSQL; without it each service has a file of SQLite.
    postgres: Option<String>,
}

impl Ground {
    /// SQLite, and this broker.
    pub(crate) fn on(kafka: String) -> Ground {
        Ground {
            kafka,
            identity: None,
            postgres: None,
        }
    }

    /// The same, with services that show the broker an AWS identity.
    pub(crate) fn by(self, identity: IamKafka) -> Ground {
        Ground {
            identity: Some(identity),
            ..self
        }
    }
}

/// Runs a test on SQLite and the development broker, then on PostgreSQL and Apache Kafka unless that is to be skipped.
pub(crate) async fn on_each_ground(test: impl AsyncFn(Ground)) {
    eprintln!("on SQLite and the development broker");
    let kafka = tokio::task::spawn_blocking(shared_dev_broker).await.unwrap();
    test(Ground::on(kafka)).await;
    let postgres = needed(
        "WEIR_TEST_POSTGRES",
        "the URL of a PostgreSQL whose user may make databases",
    );
    if let (Some(kafka), Some(postgres)) = (apache_kafka(), postgres) {
        eprintln!("on PostgreSQL and Apache Kafka");
        test(Ground {
            postgres: Some(postgres),
            ..Ground::on(kafka)
        })
        .await;
    }
}

/// The running services; killed when it is dropped.
pub(crate) struct World {
    pub(crate) shop: Client,
    pub(crate) orders_topic: String,
    pub(crate) kafka: String,
    /// The tokens that the services show each other.
    pub(crate) tokens: Vec<String>,
    metrics: HashMap<&'static str, SocketAddr>,
    folder: TempDir,
    children: Vec<Child>,
    databases: Vec<PostgresDatabase>,
}

/// How they are run.
pub(crate) struct Manner<'a> {
    /// The filter of their logs.
    pub(crate) level: &'a str,
    /// The collector of their spans.
    pub(crate) collector: Option<SocketAddr>,
}

struct Addresses {
    grpc: SocketAddr,
    http: SocketAddr,
    metrics: SocketAddr,
}

impl World {
    pub(crate) async fn start(ground: Ground, manner: Manner<'_>) -> World {
        let folder = tempfile::tempdir().unwrap();
        let kafka = ground.kafka;
        let run = uuid::Uuid::new_v4().simple().to_string();
        let [orders_topic, notifications, results] =
            ["orders", "notifications", "results"].map(|topic| format!("{topic}-{run}"));
        let topics = [&orders_topic, &notifications, &results].map(|name| TopicSpec {
            name: name.clone(),
            partitions: 1,
            configs: Vec::new(),
        });
        let connection = Connection::new(kafka.as_str());
        tokio::task::spawn_blocking(move || ensure(&connection, &topics).unwrap())
            .await
            .unwrap();
        let key_file = folder.path().join("token.pem");
        let key = SigningKey::in_file(&key_file).unwrap();
        let addresses: HashMap<&str, Addresses> = SERVICES
            .into_iter()
            .map(|name| {
                let addresses = Addresses {
                    grpc: free_address(),
                    http: free_address(),
                    metrics: free_address(),
                };
                (name, addresses)
            })
            .collect();
        let mut tokens = Vec::new();
        let mut children = Vec::new();
        let mut databases = Vec::new();
        for name in SERVICES {
            let token = user_service::issue_service_token(&key, name, Duration::from_secs(3_600)).unwrap();
            let at = &addresses[name];
            let mut flags: Vec<(&str, String)> = vec![
                ("--metrics-addr", at.metrics.to_string()),
                ("--log-level", manner.level.to_owned()),
            ];
            if let Some(collector) = manner.collector {
                flags.push(("--otlp-endpoint", format!("http://{collector}")));
            }
            let (is_gateway, is_user) = (name == api_gateway::NAME, name == user_service::NAME);
            if !is_gateway {
                flags.push(("--grpc-addr", at.grpc.to_string()));
            }
            // It keeps nothing.
            let is_analytics = name == analytics_service::NAME;
            if !is_gateway && !is_analytics {
                let url = match &ground.postgres {
                    Some(server) => {
                        let database = PostgresDatabase::make(server).await;
                        let url = database.url.clone();
                        databases.push(database);
                        url
                    }
                    None => format!("sqlite:{}", folder.path().join(format!("{name}.db")).display()),
                };
                flags.push(("--database-url", url));
            }
            if !is_user {
                flags.push(("--http-addr", at.http.to_string()));
                flags.push(("--service-token", token.reveal().to_owned()));
            }
            for other in SERVICES {
                if calls(name, other) {
                    let flag = match other {
                        user_service::NAME => "--user-service",
                        product_service::NAME => "--product-service",
                        order_service::NAME => "--order-service",
                        analytics_service::NAME => "--analytics-service",
                        _ => "--payment-service",
                    };
                    flags.push((flag, addresses[other].grpc.to_string()));
                }
            }
            if !is_gateway && name != product_service::NAME {
                let topic = match name {
                    order_service::NAME => &orders_topic,
                    analytics_service::NAME => &results,
                    _ => &notifications,
                };
                let identity = ground.identity.as_ref();
                let address = identity.map_or(&kafka, |identity| &identity.address);
                flags.push(("--kafka", address.clone()));
                if let Some(identity) = identity {
                    flags.push(("--kafka-auth", "msk-iam".to_owned()));
                    let authority = format!("ssl.ca.location={}", identity.authority);
                    flags.push(("--kafka-properties", authority));
                }
                flags.push(("--topic", topic.clone()));
                if !is_analytics {
                    flags.push(("--idempotency-secret", SECRET.to_owned()));
                }
            }
            match name {
                product_service::NAME => flags.push(("--images", "memory:".to_owned())),
                order_service::NAME => flags.push(("--documents", "memory:".to_owned())),
                payment_service::NAME => flags.push(("--stripe-webhook-secret", SECRET.to_owned())),
                _ => {}
            }
            if is_user {
                flags.push(("--refresh-secret", SECRET.to_owned()));
                flags.push(("--signing-key-file", key_file.display().to_string()));
            }
            if is_gateway {
                for limit in ["--limit-credentials", "--limit-account", "--limit-address"] {
                    flags.push((limit, "100000".to_owned()));
                }
            }
            let flags = flags
                .into_iter()
                .flat_map(|(flag, value)| [flag.to_owned(), value]);
            let arguments = [name.to_owned()].into_iter().chain(flags);
            let log = folder.path().join(format!("{name}.log"));
            let identity = ground.identity.as_ref().map(IamKafka::environment);
            let environment = identity.as_ref().map_or(&[][..], |identity| identity);
            children.push(Child::spawn(Path::new(PROGRAM), name, arguments, environment, &log).unwrap());
            tokens.push(token.reveal().to_owned());
        }
        let mut world = World {
            shop: Client::to(addresses[api_gateway::NAME].http),
            orders_topic,
            kafka,
            tokens,
            metrics: addresses.iter().map(|(name, at)| (*name, at.metrics)).collect(),
            folder,
            children,
            databases,
        };
        world.until_ready().await;
        let token = world.tokens[1].clone();
        fill(addresses[product_service::NAME].grpc, &token).await;
        world
    }

    async fn until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        for name in SERVICES {
            loop {
                self.children
                    .iter_mut()
                    .for_each(|child| child.ensure_running().unwrap());
                let answer = ask(self.metrics[name], "/ready").await;
                if answer.starts_with("HTTP/1.1 200") {
                    break;
                }
                assert!(Instant::now() < deadline, "{name} is not ready: {answer}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// The job on the orders of the shop; it ends when it is dropped.
    pub(crate) fn job(&self, collector: SocketAddr) -> Child {
        let flags = [
            "order-analytics",
            "run",
            "--bootstrap-servers",
            &self.kafka,
            "--orders-topic",
            &self.orders_topic,
            "--results-topic",
            &format!("{}-results", self.orders_topic),
            "--dlq-topic",
            &format!("{}-dlq", self.orders_topic),
            "--late-topic",
            &format!("{}-late", self.orders_topic),
            "--job-id",
            &format!("{}-job", self.orders_topic),
            "--http-addr",
            "127.0.0.1:0",
        ];
        let collector = format!("http://{collector}");
        let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str())];
        let log = self.log_file("order-analytics");
        Child::spawn(Path::new(PROGRAM), "order-analytics", flags, &environment, &log).unwrap()
    }

    /// What a service serves as its metrics.
    pub(crate) async fn metrics(&self, name: &str) -> String {
        ask(self.metrics[name], "/metrics").await
    }

    /// All that a service has logged.
    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_file(name)).unwrap()
    }

    fn log_file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// Ends all services as an orchestrator does, and what they have kept; their logs stay.
    pub(crate) async fn stop(&mut self) {
        for child in &self.children {
            child.terminate().unwrap();
        }
        for child in &mut self.children {
            let status = child.wait(PATIENCE).unwrap();
            assert!(status.success(), "{status}");
        }
        for database in self.databases.drain(..) {
            database.drop().await;
        }
    }
}

fn calls(name: &str, other: &str) -> bool {
    match name {
        api_gateway::NAME => other != api_gateway::NAME,
        order_service::NAME => {
            [user_service::NAME, product_service::NAME, payment_service::NAME].contains(&other)
        }
        payment_service::NAME => [user_service::NAME, order_service::NAME].contains(&other),
        product_service::NAME | analytics_service::NAME => other == user_service::NAME,
        _ => false,
    }
}

/// One product, of which there is plenty.
async fn fill(products: SocketAddr, token: &str) {
    let metrics = Metrics::new("test").unwrap();
    let identity = Identity::Service(token.into());
    let link = Link::to(&products.to_string(), identity, PATIENCE, &metrics).unwrap();
    let mut products = ProductServiceClient::new(link);
    let lamp = PutProductRequest {
        product_id: "prd_lamp".to_owned(),
        name: "Lamp".to_owned(),
        description: "It shines".to_owned(),
        category: "home".to_owned(),
        price: Some(Money {
            minor_units: 1_250,
            currency: "USD".to_owned(),
        }),
    };
    products.put_product(lamp).await.unwrap();
    let stock = AddStockRequest {
        product_id: "prd_lamp".to_owned(),
        change: 1_000,
        change_id: "first".to_owned(),
    };
    products.add_stock(stock).await.unwrap();
}

/// The whole answer; empty where nobody listens yet.
async fn ask(address: SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else {
        return String::new();
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_string(&mut answer).await;
    }
    answer
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(seen) => assert!(Instant::now() < deadline, "{what}: {seen}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
