//! A gateway before services that remember what they were asked.

use std::time::Duration;

use api_gateway::{Gateway, Options};
use clap::Parser;
use service_common::auth::{Caller, Role, SigningKey};
use service_common::metrics::Metrics;
use service_common::server::Ports;
use tokio::net::TcpListener;

use crate::client::Client;
use crate::shop::Shop;

/// Far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let looked = tokio::time::timeout(PATIENCE, looking).await;
    looked.unwrap_or_else(|_| panic!("not within a minute: {what}"));
}

pub(crate) struct Bench {
    pub(crate) shop: Shop,
    pub(crate) client: Client,
    /// The port that serves metrics only.
    pub(crate) metrics: Client,
    pub(crate) gateway: Gateway,
    key: SigningKey,
}

impl Bench {
    /// With limits that no test reaches by chance.
    pub(crate) async fn start() -> Bench {
        Bench::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Bench {
        let bench = Bench::unready(change).await;
        eventually("it is ready", async || {
            bench.client.get("/ready").send().await.status == 200
        })
        .await;
        bench
    }

    /// Does not wait until it is ready.
    pub(crate) async fn unready(change: impl FnOnce(&mut Options)) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let (shop, address) = Shop::start(key.public().to_json()).await;
        let plenty = "1000000";
        let mut options = Options::try_parse_from([
            "api-gateway",
            "--service-token",
            "the-service-token",
            "--user-service",
            &address,
            "--product-service",
            &address,
            "--order-service",
            &address,
            "--payment-service",
            &address,
            "--analytics-service",
            &address,
            // So that every test reaches the service.
            "--catalogue-age",
            "0s",
            "--limit-user",
            plenty,
            "--limit-user-burst",
            plenty,
            "--limit-address",
            plenty,
            "--limit-credentials",
            plenty,
            "--limit-account",
            plenty,
        ])
        .unwrap();
        change(&mut options);
        let ports = Ports {
            grpc: None,
            http: Some(TcpListener::bind("127.0.0.1:0").await.unwrap()),
            metrics: Some(TcpListener::bind("127.0.0.1:0").await.unwrap()),
        };
        let gateway = api_gateway::start(options, ports, &Metrics::new("test").unwrap())
            .await
            .unwrap();
        Bench {
            shop,
            client: Client(gateway.running.addresses().http.unwrap()),
            metrics: Client(gateway.running.addresses().metrics.unwrap()),
            gateway,
            key,
        }
    }

    /// A token of a customer.
    pub(crate) fn token(&self, user: &str) -> String {
        self.issue(&Caller::User {
            id: user.to_owned(),
            role: Role::Customer,
            session: format!("ses_{user}"),
        })
    }

    pub(crate) fn issue(&self, caller: &Caller) -> String {
        self.key.issue(caller, Duration::from_secs(900)).unwrap()
    }
}
