//! The shop as its clients use it, and the check of what it took.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::demo::signal;
use crate::weir::{PATIENCE, Said, finish, start};

/// The shop of a running binary.
pub(crate) struct Shop {
    pub(crate) base: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Shop {
    /// Reads what the binary says until the shop is open.
    pub(crate) fn of(child: &mut Child) -> (Shop, String) {
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let base = loop {
            let mut line = String::new();
            assert_ne!(
                lines.read_line(&mut line).unwrap(),
                0,
                "ended before the shop opened:\n{said}"
            );
            said.push_str(&line);
            if let Some(rest) = line.strip_prefix("shop at ") {
                break rest.split(',').next().unwrap().to_owned();
            }
        };
        // The rest is read in the background, so that the binary never waits for its reader.
        std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = lines.read_to_string(&mut rest);
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // The process may have one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        (
            Shop {
                base,
                client,
                runtime,
            },
            said,
        )
    }

    fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        key: &str,
        body: Option<Value>,
    ) -> Option<(u16, Value)> {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.parse().unwrap(), url);
        if !token.is_empty() {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        self.runtime.block_on(async {
            let response = request.send().await.ok()?;
            let status = response.status().as_u16();
            let text = response.text().await.ok()?;
            Some((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
        })
    }

    fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
        self.call(method, path, token, "", body).unwrap()
    }

    /// What is there.
    pub(crate) fn get(&self, path: &str, token: &str) -> Value {
        let (status, answer) = self.ask("GET", path, token, None);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) fn log_in(&self, email: &str) -> String {
        let person = json!({
            "email": email, "password": "a good password", "first_name": "Ada", "last_name": "Lovelace",
        });
        let (status, answer) = self.ask("POST", "/api/v1/auth/register", "", Some(person.clone()));
        assert!(status == 201 || status == 409, "{status} {answer}");
        let (status, answer) = self.ask("POST", "/api/v1/auth/login", "", Some(person));
        assert_eq!(status, 200, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    }

    /// Orders; an answer may be missing when the binary is killed.
    fn order(&self, token: &str, key: &str) -> Option<(u16, Value)> {
        self.call("POST", "/api/v1/orders", token, key, Some(order()))
    }

    fn until(&self, path: &str, token: &str, status: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let (_, answer) = self.ask("GET", path, token, None);
            if answer["status"] == status {
                return;
            }
            assert!(Instant::now() < deadline, "never {status}: {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn order() -> Value {
    json!({
        "items": [{"product_id": "kb-1", "quantity": 2}],
        "shipping_address": {
            "name": "Ada", "line1": "1 Main Street", "city": "London", "postal_code": "N1", "country": "GB",
        },
    })
}

fn id(answer: &Value) -> &str {
    answer["order_id"].as_str().unwrap()
}

#[test]
fn what_a_client_orders_pays_and_cancels_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), &["--history", "5m"]);
    let (shop, _) = Shop::of(&mut child);
    let token = shop.log_in("ada@example.test");

    let (status, list) = shop.ask("GET", "/api/v1/products?skip=0&limit=10", "", None);
    assert_eq!(status, 200, "{list}");
    assert_eq!(list["products"].as_array().unwrap().len(), 10);
    for product in list["products"].as_array().unwrap() {
        let (status, picture) = shop.ask("GET", product["image_url"].as_str().unwrap(), "", None);
        let is_png = picture
            .as_str()
            .is_some_and(|text| text.starts_with("\u{fffd}PNG"));
        assert!(status == 200 && is_png, "{status} {product}");
    }

    let (status, taken) = shop.order(&token, "once").unwrap();
    assert_eq!(status, 201, "{taken}");
    assert_eq!(
        shop.order(&token, "once").unwrap(),
        (201, taken.clone()),
        "the same answer"
    );
    let (status, refused) = shop.ask("POST", "/api/v1/orders", "", Some(order()));
    assert_eq!(
        (status, &refused["code"]),
        (401, &json!("unauthenticated")),
        "{refused}"
    );

    let path = format!("/api/v1/orders/{}", id(&taken));
    let (_, read) = shop.ask("GET", &path, &token, None);
    assert_eq!(read["total_amount"], taken["total_amount"]);
    let stranger = shop.log_in("eve@example.test");
    assert_eq!(shop.ask("GET", &path, &stranger, None).0, 404);

    let payment = json!({
        "order_id": id(&taken), "amount": taken["total_amount"], "method": "tok_success",
    });
    let (status, paid) = shop.ask("POST", "/api/v1/payments", &token, Some(payment));
    assert_eq!(status, 201, "{paid}");
    shop.until(&path, &token, "confirmed");
    let document = format!("{path}/document");
    let (status, invoice) = shop.ask("GET", &document, &token, None);
    let invoice = invoice.as_str().unwrap_or_default();
    let total = taken["total_amount"].as_str().unwrap();
    assert!(
        status == 200 && invoice.contains("Invoice") && invoice.contains(total),
        "{status} {invoice}"
    );
    assert_eq!(shop.ask("GET", &document, &stranger, None).0, 404);

    let (_, other) = shop.order(&token, "another").unwrap();
    let path = format!("/api/v1/orders/{}", id(&other));
    let (status, cancelled) = shop.ask("PUT", &format!("{path}/cancel"), &token, None);
    assert_eq!(
        (status, &cancelled["status"]),
        (200, &json!("cancelled")),
        "{cancelled}"
    );
    let outbox = folder.path().join("outbox");
    for (template, count) in [
        ("welcome", 2),
        ("order-taken", 2),
        ("order-paid", 1),
        ("receipt", 1),
        ("order-cancelled", 1),
    ] {
        until_told(&outbox, template, count);
    }

    signal(&child, "-INT");
    child.stdout = None;
    let code = wait(&mut child);
    assert_eq!(code, Some(0));
    let said = finish(start(folder.path(), &["--history", "5m", "--duration", "0s"]));
    said.assert_holds();
    assert!(
        said.out.contains("2 orders taken by the shop, each in the topic"),
        "{}",
        said.out
    );
}

/// Waits until so many messages with this text lie in the outbox, and no more.
fn until_told(outbox: &Path, template: &str, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let names = std::fs::read_dir(outbox)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let told = names.filter_map(|name| name.into_string().ok()).filter(|name| {
            !name.starts_with('.') && name.contains(&format!("Z-{template}-")) && name.ends_with(".txt")
        });
        let told = told.count();
        assert!(told <= count, "{told} messages {template}");
        if told == count {
            return;
        }
        assert!(Instant::now() < deadline, "{told} messages {template}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_order_that_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut answered = 0;
    for round in 0..3 {
        let mut child = start(folder.path(), &["--history", "5m"]);
        let (shop, _) = Shop::of(&mut child);
        let token = shop.log_in("ada@example.test");
        for n in 0..40 {
            let (status, taken) = shop.order(&token, &format!("{round}-{n}")).unwrap();
            assert_eq!(status, 201, "{taken}");
            answered += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let said: Said = finish(start(folder.path(), &["--history", "5m", "--duration", "1s"]));
    said.assert_holds();
    let taken = said.number("orders taken by the shop, each in the topic");
    assert_eq!(taken, answered, "{}", said.out);
}

#[test]
fn customers_of_our_own_order_and_every_answer_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), &["--history", "5m", "--shop-rate", "20"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = lines.by_ref().map(Result::unwrap);
    let taken =
        |line: &String| line.contains(" orders by REST taken") && !line.contains("; 0 orders by REST");
    assert!(said.any(|line| taken(&line)), "ended before an order was taken");
    signal(&child, "-INT");
    let rest: Vec<String> = said.collect();
    assert_eq!(wait(&mut child), Some(0), "{rest:#?}");
    let checked = |line: &&String| line.contains("answered with 201, each taken; 0 unanswered");
    let line = rest.iter().find(checked).unwrap_or_else(|| panic!("{rest:#?}"));
    assert!(!line.trim_start().starts_with("0 "), "{line}");
    assert!(rest.contains(&"check: holds".to_owned()), "{rest:#?}");
}

pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < deadline, "did not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}
