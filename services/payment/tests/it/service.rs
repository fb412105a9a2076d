//! The service as a whole, by its ports.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use payment_service::{Options, PaymentService};
use service_common::auth::{Caller, Role, SigningKey};
use service_common::client::{Identity, Link};
use service_common::metrics::Metrics;
use service_common::server::{Ports, listen};
use test_support::databases::on_each_ground;
use uuid::Uuid;
use weir_kafka::{Connection, OwnedRecord, TopicSpec, ensure, offsets, read_range};
use weir_rpc::common::v1::{Empty, Money};
use weir_rpc::payment::v1::payment_service_client::PaymentServiceClient;
use weir_rpc::payment::v1::{PaymentRequest, PaymentStatus, PaymentStatusRequest, RefundRequest};

use crate::line::Line;
use crate::others::{Desk, OrderState};
use crate::simulated::http;
use crate::wire;

/// Far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the others are.
pub(crate) struct Others {
    pub(crate) kafka: String,
    pub(crate) topic: String,
    pub(crate) users: String,
    pub(crate) orders: String,
    pub(crate) token: String,
}

pub(crate) async fn start(url: &str, others: &Others, metrics: &Metrics) -> PaymentService {
    start_with(&[], url, others, metrics).await
}

/// With more settings.
pub(crate) async fn start_with(
    more: &[&str],
    url: &str,
    others: &Others,
    metrics: &Metrics,
) -> PaymentService {
    let arguments = [
        ("--database-url", url),
        ("--kafka", &others.kafka),
        ("--topic", &others.topic),
        ("--user-service", &others.users),
        ("--order-service", &others.orders),
        ("--service-token", &others.token),
        ("--idempotency-secret", "a secret of the test"),
    ];
    let arguments = arguments.iter().flat_map(|(name, value)| [*name, *value]);
    let options = Options::try_parse_from(
        ["payment-service"]
            .into_iter()
            .chain(arguments)
            .chain(more.iter().copied()),
    )
    .unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let ports = Ports {
        grpc: Some(listen("--grpc-addr", any).await.unwrap()),
        http: Some(listen("--http-addr", any).await.unwrap()),
        metrics: Some(listen("--metrics-addr", any).await.unwrap()),
    };
    payment_service::start(options, ports, metrics).await.unwrap()
}

fn client(service: &PaymentService, token: Option<&str>, metrics: &Metrics) -> PaymentServiceClient<Link> {
    let identity = token.map_or(Identity::Caller, |token| Identity::Service(token.into()));
    let address = service.running.addresses().grpc.unwrap().to_string();
    PaymentServiceClient::new(Link::to(&address, identity, PATIENCE, metrics).unwrap())
}

#[test]
fn it_serves_what_is_open_and_lets_nobody_in_whom_it_cannot_check() {
    on_each_ground(async |url, kafka| {
        let others = Others {
            kafka: kafka.clone(),
            topic: "notifications".to_owned(),
            users: "127.0.0.1:1".to_owned(),
            orders: "127.0.0.1:1".to_owned(),
            token: "a token".to_owned(),
        };
        let metrics = Metrics::new("test").unwrap();
        let service = start(&url, &others, &metrics).await;
        let health = http(service.running.addresses().http.unwrap(), "GET", "/health").await;
        assert!(health.contains("healthy"), "{health}");
        let ready = http(service.running.addresses().http.unwrap(), "GET", "/ready").await;
        assert!(
            ready.starts_with("HTTP/1.1 503") && ready.contains("keys of access tokens"),
            "{ready}"
        );
        let missing = http(
            service.running.addresses().http.unwrap(),
            "POST",
            "/simulated/intents/pi_0/complete",
        )
        .await;
        assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");

        let mut client = client(&service, None, &metrics);
        assert_eq!(
            client.health_check(Empty {}).await.unwrap().into_inner().status,
            "healthy"
        );
        let request = PaymentStatusRequest {
            payment_id: "pay_1".to_owned(),
        };
        let refused = client.get_payment_status(request).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unauthenticated);
        let scrape = http(service.running.addresses().http.unwrap(), "GET", "/metrics").await;
        assert!(scrape.contains(r#"service="payment-service""#), "{scrape}");
        service.running.stop().await;
    });
}

fn records(connection: &Connection, topic: &str) -> Vec<OwnedRecord> {
    let mut all = Vec::new();
    for (partition, (start, _)) in offsets(connection, topic).unwrap() {
        read_range(connection, topic, partition, start, |record| all.push(record)).unwrap();
    }
    all
}

/// Asks until the answer is there.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = tokio::time::timeout(PATIENCE, async {
        loop {
            match ask().await {
                Some(answer) => return answer,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    asked.await.expect(what)
}

#[test]
fn an_order_is_paid_and_given_back_through_the_ports_and_its_user_is_told() {
    on_each_ground(async |url, kafka| {
        let connection = Connection::new(kafka.clone());
        let topic = format!("notifications-{}", Uuid::new_v4().simple());
        let spec = TopicSpec {
            name: topic.clone(),
            partitions: 3,
            configs: Vec::new(),
        };
        let to_ensure = connection.clone();
        tokio::task::spawn_blocking(move || ensure(&to_ensure, &[spec]).unwrap())
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let token = |caller: Caller| key.issue(&caller, Duration::from_secs(3_600)).unwrap();
        let user = |id: &str, role| {
            token(Caller::User {
                id: id.to_owned(),
                role,
                session: "ses_1".to_owned(),
            })
        };
        let own = token(Caller::Service {
            name: "payment-service".to_owned(),
        });
        let desk = Desk::new(&Line::new());
        desk.take("ord_1", "usr_1");
        let others = Others {
            kafka: kafka.clone(),
            topic: topic.clone(),
            users: wire::users(key.public()).await.to_string(),
            orders: wire::orders(&desk, &own).await.to_string(),
            token: own,
        };
        let metrics = Metrics::new("test").unwrap();
        let service = start(&url, &others, &metrics).await;
        eventually("it is ready", async || {
            let ready = http(service.running.addresses().http.unwrap(), "GET", "/ready").await;
            ready.starts_with("HTTP/1.1 200").then_some(())
        })
        .await;

        let mut customer = client(&service, Some(&user("usr_1", Role::Customer)), &metrics);
        let payment = PaymentRequest {
            order_id: "ord_1".to_owned(),
            amount: Some(Money {
                minor_units: 1_000,
                currency: "USD".to_owned(),
            }),
            method: "tok_success".to_owned(),
            idempotency_key: "key-1".to_owned(),
        };
        let paid = customer
            .process_payment(payment.clone())
            .await
            .unwrap()
            .into_inner();
        let payment_id = paid.payment_id.clone();
        let asker = customer.clone();
        let status = async || {
            let request = PaymentStatusRequest {
                payment_id: payment_id.clone(),
            };
            let answer = asker.clone().get_payment_status(request).await.unwrap();
            answer.into_inner().status()
        };
        // A busy machine may lose its patience before the payment is through.
        eventually("it succeeds", async || {
            (status().await == PaymentStatus::Succeeded).then_some(())
        })
        .await;
        eventually("the order is told", async || {
            (desk.order("ord_1").state == OrderState::Paid).then_some(())
        })
        .await;
        assert_eq!(
            customer.process_payment(payment).await.unwrap().into_inner(),
            paid
        );

        let refund = RefundRequest {
            payment_id: payment_id.clone(),
            idempotency_key: String::new(),
        };
        let refused = customer.refund_payment(refund.clone()).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
        let mut admin = client(&service, Some(&user("usr_2", Role::Admin)), &metrics);
        admin.refund_payment(refund).await.unwrap();
        eventually("it is given back", async || {
            (status().await == PaymentStatus::Refunded).then_some(())
        })
        .await;
        eventually("the order is cancelled", async || {
            (desk.order("ord_1").state == OrderState::Cancelled).then_some(())
        })
        .await;

        let told = eventually("both notices are published", async || {
            let (connection, topic) = (connection.clone(), topic.clone());
            let read = tokio::task::spawn_blocking(move || records(&connection, &topic));
            read.await.ok().filter(|records| records.len() == 2)
        })
        .await;
        for (record, template) in told.iter().zip(["receipt", "refund"]) {
            assert_eq!(record.key.as_deref(), Some(b"usr_1".as_slice()));
            let notice: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
            let expected = serde_json::json!({
                "notification_id": format!("{template}_{payment_id}"),
                "user_id": "usr_1",
                "template": template,
                "data": {
                    "payment_id": payment_id,
                    "order_id": "ord_1",
                    "amount": "10.00",
                    "currency": "USD",
                },
                "created_at": notice["created_at"],
            });
            assert_eq!(notice, expected);
            assert!(notice["created_at"].as_str().unwrap().ends_with('Z'));
        }
        service.running.stop().await;
    });
}
