//! What is there before anything is measured: users who are logged in, and products with ample stock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use rand::Rng;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use uuid::Uuid;
use weir_rpc::common::v1::Money;
use weir_rpc::product::v1::product_service_client::ProductServiceClient;
use weir_rpc::product::v1::{AddStockRequest, PutProductRequest};

use super::PRODUCTS;
use super::http::{self, Connection};
use super::load::Writer;

/// Passwords are checked by at most as many at a time as there are cores: more would only be refused.
const AT_A_TIME: usize = 4;
/// More than a run can sell.
const STOCK: i64 = 1_000_000_000;

/// Registers users and logs them in; gives their tokens.
pub(crate) async fn customers(gateway: SocketAddr, count: usize) -> Result<Arc<[String]>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let next = Arc::clone(&next);
        tasks.spawn(async move {
            let mut connection = Connection::open(gateway).await?;
            let mut tokens = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                tokens.push(log_in(&mut connection).await?);
            }
            Ok::<_, anyhow::Error>(tokens)
        });
    }
    let mut tokens = Vec::with_capacity(count);
    while let Some(some) = tasks.join_next().await {
        tokens.extend(some??);
    }
    Ok(tokens.into())
}

/// A new customer's token.
async fn log_in(connection: &mut Connection) -> Result<String> {
    let person = json!({
        "email": format!("{}@example.test", Uuid::new_v4().simple()), "password": "a good password",
        "first_name": "Ada", "last_name": "Lovelace",
    })
    .to_string();
    for (path, status) in [("/api/v1/auth/register", 201), ("/api/v1/auth/login", 200)] {
        let answer = connection.exchange(&http::post(path, "", &person)).await?;
        ensure!(answer.status == status, "{path}: {}", answer.text());
        if status == 200 {
            let answer: Value = serde_json::from_slice(answer.body)?;
            return Ok(answer["token"]
                .as_str()
                .context("a log-in without a token")?
                .to_owned());
        }
    }
    bail!("nobody was logged in")
}

/// Makes the products.
pub(crate) async fn products(service: SocketAddr, token: &str) -> Result<()> {
    let mut client = ProductServiceClient::new(
        Endpoint::from_shared(format!("http://{service}"))?
            .connect()
            .await?,
    );
    let bearer: MetadataValue<_> = format!("Bearer {token}").parse()?;
    for number in 1..=PRODUCTS {
        let id = product(number);
        let mut put = Request::new(PutProductRequest {
            product_id: id.clone(),
            name: format!("Product {number}"),
            description: "A product of the benchmark".to_owned(),
            category: "bench".to_owned(),
            price: Some(Money {
                minor_units: i64::from(999 + number),
                currency: "USD".to_owned(),
            }),
        });
        put.metadata_mut().insert("authorization", bearer.clone());
        client.put_product(put).await?;
        let mut add = Request::new(AddStockRequest {
            product_id: id.clone(),
            change: STOCK,
            change_id: format!("first-{id}"),
        });
        add.metadata_mut().insert("authorization", bearer.clone());
        client.add_stock(add).await?;
    }
    Ok(())
}

fn product(number: u32) -> String {
    format!("bench-{number}")
}

/// Writes orders of one of these customers for one product, each with a key of its own.
pub(crate) fn orders(tokens: &Arc<[String]>) -> Writer {
    let tokens = Arc::clone(tokens);
    Arc::new(move || {
        let mut random = rand::rng();
        let token = &tokens[random.random_range(0..tokens.len())];
        let product = product(random.random_range(1..=PRODUCTS));
        let key = Uuid::new_v4();
        let headers = format!("authorization: Bearer {token}\r\nidempotency-key: {key}\r\n");
        let body = format!(
            r#"{{"items":[{{"product_id":"{product}","quantity":1}}],"shipping_address":{{"name":"Ada Lovelace","line1":"1 Main Street","city":"London","postal_code":"N1 9GU","country":"GB"}}}}"#
        );
        http::post("/api/v1/orders", &headers, &body)
    })
}

/// Asks for one product after another, in no order.
pub(crate) fn looks() -> Writer {
    Arc::new(|| {
        let number = rand::rng().random_range(1..=PRODUCTS);
        http::get(&format!("/api/v1/products/{}", product(number)))
    })
}
