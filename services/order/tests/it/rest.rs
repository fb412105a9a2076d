//! This service's part of the REST API, on its own port.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use order_service::order::{EXPIRY_MS, Order, Stock, Terms};
use order_service::{NAME, Options, OrderService, store};
use serde_json::{Value, json};
use service_common::auth::{Caller, Role, SigningKey};
use service_common::database::{Database, DatabaseOptions};
use service_common::metrics::Metrics;
use service_common::server::{Ports, listen};
use test_support::databases::on_each_ground;
use test_support::http::{Reply, exchange};
use test_support::users::Users;
use weir_proto::Money;

use crate::instance::request;

const TERMS: Terms = Terms {
    lease_ms: 60_000,
    unpaid_ms: EXPIRY_MS,
};

/// A running service, and the key that it believes. Nobody else is there: no stock can be had.
struct Bench {
    service: OrderService,
    database: Database,
    key: SigningKey,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start(url: &str, kafka: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let service_caller = Caller::Service {
            name: NAME.to_owned(),
        };
        let token = key.issue(&service_caller, Duration::from_secs(600)).unwrap();
        let users = Users::serve(&key.public().to_json()).await;
        users.end_session("ended");
        let arguments = [
            ("--database-url", url),
            ("--kafka", kafka),
            ("--user-service", users.address()),
            ("--product-service", "127.0.0.1:1"),
            ("--payment-service", "127.0.0.1:1"),
            ("--service-token", &token),
            ("--idempotency-secret", "a secret of the test"),
            ("--documents", "memory:"),
            ("--seller", "Weir & Sons"),
        ];
        let arguments = arguments.iter().flat_map(|(name, value)| [*name, *value]);
        let options = Options::try_parse_from(["order-service"].into_iter().chain(arguments)).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let ports = Ports {
            grpc: Some(listen("--grpc-addr", any).await.unwrap()),
            http: Some(listen("--http-addr", any).await.unwrap()),
            metrics: None,
        };
        let metrics = Metrics::new(NAME).unwrap();
        let service = order_service::start(options, ports, &metrics).await.unwrap();
        let options = DatabaseOptions::of(url.parse().unwrap());
        let database = Database::open(&options, store::OWNER, store::STEPS)
            .await
            .unwrap();
        let bench = Bench {
            service,
            database,
            key,
            _folder: folder,
        };
        while bench.call("GET", "/ready", &[], b"").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bench
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let address = self.service.running.addresses().http.unwrap();
        exchange(address, method, path, headers, body).await.unwrap()
    }

    async fn by(&self, user: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        let caller = Caller::User {
            id: user.to_owned(),
            role: if user == "admin" {
                Role::Admin
            } else {
                Role::Customer
            },
            session: match user {
                "ended" => "ended".to_owned(),
                other => format!("ses_{other}"),
            },
        };
        let bearer = format!(
            "Bearer {}",
            self.key.issue(&caller, Duration::from_secs(600)).unwrap()
        );
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        self.call(method, path, &headers, &body).await
    }

    /// An order that was taken from a user, and paid if it is.
    async fn has_order(&self, is_paid: bool) -> String {
        let mut transaction = self.database.begin().await.unwrap();
        let now_ms = transaction.now_ms().await.unwrap();
        let mut order = Order::new(
            Order::new_id(),
            "usr_1",
            request("", 2, None).wanted,
            now_ms,
            TERMS,
        );
        let total = Money::from_minor(2_000).unwrap();
        let stock = Stock::Reserved {
            prices: vec![Money::from_minor(1_000).unwrap()],
            total,
            currency: "EUR".to_owned(),
        };
        order.stock_answered(&stock, now_ms);
        if is_paid {
            order.begin_payment("pay_1", total, "EUR", now_ms);
            order.payment_settled("pay_1", true, now_ms, TERMS.unpaid_ms);
        }
        store::insert(&order)
            .unwrap()
            .execute(&mut transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        order.id().to_owned()
    }

    async fn stop(self) {
        self.service.running.stop().await;
        self.database.close().await;
    }
}

fn on_each_bench(test: impl AsyncFn(&Bench)) {
    on_each_ground(async |url, kafka| {
        let bench = Bench::start(&url, &kafka).await;
        test(&bench).await;
        bench.stop().await;
    });
}

fn json_of(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

#[track_caller]
fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!(json_of(reply, status)["code"], code);
}

fn new_order() -> Value {
    json!({
        "items": [{"product_id": "kb-1", "quantity": 2}],
        "shipping_address": {"name": "Ada", "line1": "1 Main Street", "city": "London", "postal_code": "N1", "country": "GB"},
    })
}

#[test]
fn orders_are_read_and_cancelled_by_their_owner_and_by_nobody_else() {
    on_each_bench(async |bench| {
        let id = bench.has_order(false).await;
        let path = format!("/api/v1/orders/{id}");
        let order = json_of(&bench.by("usr_1", "GET", &path, None).await, 200);
        assert_eq!(
            (&order["status"], &order["total_amount"]),
            (&"reserved".into(), &"20.00".into())
        );
        let list = json_of(
            &bench
                .by("usr_1", "GET", "/api/v1/orders?status=reserved", None)
                .await,
            200,
        );
        assert_eq!(list["orders"], json!([order]));
        let none = json_of(&bench.by("usr_2", "GET", "/api/v1/orders", None).await, 200);
        assert_eq!(none["orders"], json!([]));
        assert_eq!(bench.by("admin", "GET", &path, None).await.status, 200);

        let cancel = format!("{path}/cancel");
        for (method, path) in [("GET", &path), ("PUT", &cancel)] {
            assert_refused(&bench.by("usr_2", method, path, None).await, 404, "not_found");
            assert_refused(&bench.call(method, path, &[], b"").await, 401, "unauthenticated");
            let ended = bench.by("ended", method, path, None).await;
            assert_refused(&ended, 401, "unauthenticated");
        }
        let others = bench
            .by("usr_2", "GET", "/api/v1/orders?user_id=usr_1", None)
            .await;
        assert_refused(&others, 403, "user_mismatch");
        let wrong = bench
            .by("usr_1", "GET", "/api/v1/orders?status=x&limit=0", None)
            .await;
        assert_refused(&wrong, 400, "invalid_request");
        let nowhere = bench.by("usr_1", "GET", "/api/v1/orders/..%2f..%2fx", None).await;
        assert_refused(&nowhere, 404, "not_found");

        let cancelled = json_of(&bench.by("usr_1", "PUT", &cancel, None).await, 200);
        assert_eq!(cancelled["status"], "cancelled");
    });
}

#[test]
fn an_order_is_judged_before_anything_is_done_for_it() {
    on_each_bench(async |bench| {
        let post = async |body: Value| bench.by("usr_1", "POST", "/api/v1/orders", Some(body)).await;
        let mut wrong = new_order();
        wrong["items"][0]["quantity"] = json!("two");
        let reply = post(wrong).await;
        assert_refused(&reply, 400, "invalid_request");
        assert!(reply.text().contains("items[0].quantity"), "{}", reply.text());
        let mut others = new_order();
        others["user_id"] = json!("usr_2");
        assert_refused(&post(others).await, 403, "user_mismatch");
        let refused = bench.call(
            "POST",
            "/api/v1/orders",
            &[("Content-Type", "application/json")],
            b"{}",
        );
        assert_refused(&refused.await, 401, "unauthenticated");
        let count = || async {
            let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM orders")
                .fetch_one(bench.database.pool())
                .await
                .unwrap();
            count
        };
        assert_eq!(count().await, 0);

        // The product service is away: the order is begun, and may still be taken.
        assert_refused(&post(new_order()).await, 503, "unavailable");
        assert_eq!(count().await, 1);
    });
}

#[test]
fn the_document_of_an_order_is_a_page_for_its_owner() {
    on_each_bench(async |bench| {
        let open = format!("/api/v1/orders/{}/document", bench.has_order(false).await);
        assert_refused(&bench.by("usr_1", "GET", &open, None).await, 409, "order_state");
        let id = bench.has_order(true).await;
        let path = format!("/api/v1/orders/{id}/document");
        let page = bench.by("usr_1", "GET", &path, None).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("sandbox"),
            "{policy}"
        );
        assert!(page.text().contains("Weir &amp; Sons") && page.text().contains(&id));
        assert_eq!(bench.by("usr_1", "GET", &path, None).await.body, page.body);
        assert_refused(&bench.by("usr_2", "GET", &path, None).await, 404, "not_found");
        assert_refused(&bench.call("GET", &path, &[], b"").await, 401, "unauthenticated");
    });
}
