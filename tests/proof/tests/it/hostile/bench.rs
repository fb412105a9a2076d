//! The shop, two customers with an order each, and their tokens.

use std::path::PathBuf;
use std::time::Duration;

use proof::shop::{Plan, Shop};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::grpc::Port;
use super::rows::Rows;
use crate::support::{PATIENCE, proof};

/// A customer.
pub(crate) struct Person {
    pub(super) id: String,
    pub(crate) token: String,
    pub(super) refresh_token: String,
    /// Of the one order.
    pub(super) order: String,
    /// Of its payment, where it was paid.
    pub(super) payment: String,
}

pub(crate) struct Bench {
    pub(super) runtime: Runtime,
    pub(super) http: reqwest::Client,
    pub(crate) base: String,
    pub(super) user: Port,
    pub(super) product: Port,
    pub(super) order: Port,
    pub(super) payment: Port,
    pub(super) analytics: Port,
    /// Who attacks; has an order that is not paid.
    pub(crate) mallory: Person,
    /// Whose things are not hers; has an order that is paid.
    pub(super) alice: Person,
    /// A token of a service.
    pub(super) service: String,
    pub(super) shop: Shop,
}

impl Bench {
    pub(crate) fn start(postgres: Option<PathBuf>) -> Bench {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shop = Shop::start(&Plan {
            proof: proof().to_owned(),
            postgres,
            kafka: None,
            seed: 0,
            load: Duration::ZERO,
            clients: 0,
            kills: false,
        })
        .unwrap();
        shop.fill_the_shelves().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let base = shop.gateway();
        let (mallory, alice) = runtime.block_on(async {
            let mallory = person(&http, &base, "mallory", None).await;
            (mallory, person(&http, &base, "alice", Some("tok_success")).await)
        });
        let port = |service, package| {
            let _in_runtime = runtime.enter();
            Port::to(shop.grpc(service), package)
        };
        Bench {
            user: port("user", "ecommerce.user.v1.UserService"),
            product: port("product", "ecommerce.product.v1.ProductService"),
            order: port("order-a", "ecommerce.order.v1.OrderService"),
            payment: port("payment", "ecommerce.payment.v1.PaymentService"),
            analytics: port("analytics", "ecommerce.analytics.v1.AnalyticsService"),
            service: shop.service_token("hostile").unwrap(),
            runtime,
            http,
            base,
            mallory,
            alice,
            shop,
        }
    }

    /// All rows, once nothing changes them any more.
    pub(super) fn rows_at_rest(&self) -> Rows {
        let urls = self.shop.databases();
        let mut before = self.runtime.block_on(Rows::of(&urls));
        for _ in 0..60 {
            std::thread::sleep(Duration::from_secs(1));
            let now = self.runtime.block_on(Rows::of(&urls));
            if now == before {
                assert!(now.count() > 20, "{} rows", now.count());
                return now;
            }
            before = now;
        }
        panic!("the rows do not come to rest");
    }
}

/// Registers, logs in and orders.
async fn person(http: &reqwest::Client, base: &str, name: &str, method: Option<&str>) -> Person {
    let account = json!({
        "email": format!("{name}@example.test"), "password": "a good password",
        "first_name": name, "last_name": "Example",
    });
    let registered = ask(http, base, "POST", "auth/register", "", Some(&account)).await;
    let session = ask(http, base, "POST", "auth/login", "", Some(&account)).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned();
    let token = text(&session["token"]);
    let mut order = json!({
        "items": [{"product_id": "prd-1", "quantity": 2}],
        "shipping_address": {
            "name": name, "line1": "1 Main Street", "city": "London", "postal_code": "N1", "country": "GB",
        },
    });
    if let Some(method) = method {
        order["payment_method"] = json!(method);
    }
    let taken = ask(http, base, "POST", "orders", &token, Some(&order)).await;
    let id = text(&taken["order_id"]);
    let mut payment = String::new();
    while method.is_some() && payment.is_empty() {
        let now = ask(http, base, "GET", &format!("orders/{id}"), &token, None).await;
        if now["status"] == "confirmed" {
            payment = text(&now["payment_id"]);
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Person {
        id: text(&registered["id"]),
        token,
        refresh_token: text(&session["refresh_token"]),
        order: id,
        payment,
    }
}

async fn ask(
    http: &reqwest::Client,
    base: &str,
    method: &str,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> Value {
    let mut request = http.request(method.parse().unwrap(), format!("{base}/api/v1/{path}"));
    if !token.is_empty() {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    if let Some(body) = body {
        request = request
            .header("Content-Type", "application/json")
            .body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let is_success = response.status().is_success();
    let text = response.text().await.unwrap();
    assert!(is_success, "{method} {path}: {text}");
    serde_json::from_str(&text).unwrap()
}
