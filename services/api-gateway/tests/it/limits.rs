//! How many requests may come. The limits are so small that they are reached at once, and so slow to be whole again that
//! no test waits for it.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::bench::{Bench, eventually};
use crate::client::Reply;

const ONE: NonZeroU32 = NonZeroU32::MIN;

#[track_caller]
fn is_limited(reply: &Reply) {
    assert_eq!((reply.status, &*reply.code()), (429, "rate_limited"));
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_user_has_a_burst_of_requests_of_his_own() {
    let bench = Bench::with(|options| {
        options.limits.limit_user = ONE;
        options.limits.limit_user_burst = NonZeroU32::new(3).unwrap();
    })
    .await;
    let (one, two) = (bench.token("usr_1"), bench.token("usr_2"));
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(bench.client.get("/api/v1/cart").token(&one).send().await);
    }
    assert!(answers[..3].iter().all(|reply| reply.status == 200));
    let limited: Vec<&Reply> = answers.iter().filter(|reply| reply.status == 429).collect();
    assert!(!limited.is_empty());
    limited.iter().for_each(|reply| is_limited(reply));
    bench
        .client
        .get("/api/v1/cart")
        .token(&two)
        .send()
        .await
        .expect(200);
    let metrics = bench.metrics.get("/metrics").send().await.text();
    let counted = format!(
        "rate_limited_total{{limit=\"user\",service=\"api-gateway\"}} {}",
        limited.len()
    );
    assert!(metrics.contains(&counted), "{metrics}");
}

#[tokio::test]
async fn an_address_is_limited_on_every_path_but_the_probes() {
    let bench = Bench::with(|options| options.limits.limit_address = ONE).await;
    let mut limited = false;
    for _ in 0..20 {
        let reply = bench.client.get("/no/such/path").send().await;
        if reply.status == 429 {
            is_limited(&reply);
            limited = true;
        }
    }
    assert!(limited);
    for _ in 0..20 {
        bench.client.get("/health").send().await.expect(200);
    }
}

#[tokio::test]
async fn attempts_to_log_in_are_limited_by_address() {
    let bench = Bench::with(|options| options.limits.limit_credentials = ONE).await;
    let mut limited = false;
    for n in 0..20 {
        let path = if n % 2 == 0 {
            "/api/v1/auth/login"
        } else {
            "/api/v1/auth/register"
        };
        let body = json!({
            "email": format!("user{n}@example.com"), "password": "p", "first_name": "A", "last_name": "B",
        });
        let reply = bench.client.post(path).json(&body).send().await;
        if reply.status == 429 {
            is_limited(&reply);
            limited = true;
        }
    }
    assert!(limited);
    bench.client.get("/api/v1/products").send().await.expect(200);
}

#[tokio::test]
async fn attempts_to_log_in_are_limited_by_account_however_it_is_spelled() {
    let bench = Bench::with(|options| options.limits.limit_account = ONE).await;
    let log_in = async |email: &str| {
        let body = json!({"email": email, "password": "p"});
        bench.client.post("/api/v1/auth/login").json(&body).send().await
    };
    log_in("ada@example.com").await.expect(200);
    is_limited(&log_in("ada@example.com").await);
    is_limited(&log_in(" ADA@Example.com ").await);
    log_in("bob@example.com").await.expect(200);
    assert_eq!(bench.shop.heard("Authenticate").len(), 2);
}

#[tokio::test]
async fn webhooks_come_as_often_as_their_provider_likes() {
    let bench = Bench::with(|options| options.limits.limit_address = ONE).await;
    for _ in 0..20 {
        let call = bench.client.post("/api/v1/webhooks/stripe").json(&json!({}));
        call.header("Stripe-Signature", "t=1,v1=00")
            .send()
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn without_trusted_hops_a_forwarded_address_changes_nothing() {
    let bench = Bench::with(|options| options.limits.limit_address = ONE).await;
    let mut limited = false;
    for n in 0..20 {
        let call = bench
            .client
            .get("/api/v1/products")
            .header("X-Forwarded-For", &format!("10.0.0.{n}"));
        limited |= call.send().await.status == 429;
    }
    assert!(limited, "a client that makes up addresses is not limited");
}

#[tokio::test]
async fn with_a_trusted_hop_the_rightmost_address_counts() {
    let bench = Bench::with(|options| {
        options.limits.limit_address = ONE;
        options.limits.trusted_hops = 1;
    })
    .await;
    let ask = async |forwarded: &str| {
        let call = bench
            .client
            .get("/api/v1/products")
            .header("X-Forwarded-For", forwarded);
        call.send().await.status
    };
    for n in 0..20 {
        assert_eq!(ask(&format!("10.0.0.{n}")).await, 200, "each has its own limit");
    }
    let mut limited = false;
    for n in 0..20 {
        limited |= ask(&format!("10.1.0.{n}, 10.9.9.9")).await == 429;
    }
    assert!(limited, "what the client wrote before it was believed");
}

#[tokio::test]
async fn what_is_too_much_at_once_is_refused_at_once() {
    let bench = Bench::with(|options| {
        options.limits.max_in_flight = ONE;
        options.patience.request_timeout = Duration::from_secs(600);
    })
    .await;
    bench.shop.fall_silent("GetProduct");
    let client = bench.client;
    let stuck = tokio::spawn(async move { client.get("/api/v1/products/prd_1").send().await });
    eventually("the first request is being worked on", async || {
        !bench.shop.heard("GetProduct").is_empty()
    })
    .await;
    let reply = bench.client.get("/api/v1/products").send().await;
    assert_eq!((reply.status, &*reply.code()), (503, "overloaded"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    bench.client.get("/health").send().await.expect(200);
    // Its client hangs up: there is room again.
    stuck.abort();
    eventually("there is room", async || {
        bench.client.get("/api/v1/products").send().await.status == 200
    })
    .await;
}

#[tokio::test]
async fn bodies_that_hardly_move_leave_room_for_everybody_else() {
    let bench = Bench::with(|options| {
        options.limits.max_in_flight = NonZeroU32::new(4).unwrap();
        options.limits.trusted_hops = 1;
        options.patience.body_timeout = Duration::from_secs(600);
    })
    .await;
    // Of the provider's, which no rate limits: a quarter of four is one.
    let mut slow = bench.client.connect().await;
    let head = "POST /api/v1/webhooks/stripe HTTP/1.1\r\nHost: shop\r\nX-Forwarded-For: 10.0.0.1\r\n\
         Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let post = |from: &'static str| {
        let post = bench
            .client
            .post("/api/v1/auth/login")
            .header("X-Forwarded-For", from);
        post.json(&json!({"email": "ann@weir.test", "password": "a long password"}))
    };
    eventually("the address has its share", async || {
        let reply = post("10.0.0.1").send().await;
        (reply.status == 429).then(|| is_limited(&reply)).is_some()
    })
    .await;
    post("10.0.0.2").send().await.expect(200);
    // It asks for something without a body.
    let get = bench
        .client
        .get("/api/v1/products")
        .header("X-Forwarded-For", "10.0.0.1");
    get.send().await.expect(200);
    drop(slow);
    eventually("there is room again", async || {
        post("10.0.0.1").send().await.status == 200
    })
    .await;
}

#[tokio::test]
async fn more_connections_than_may_be_wait_for_one_to_end() {
    let bench = Bench::with(|options| options.limits.max_connections = ONE).await;
    let first = bench.client.connect().await;
    let client = bench.client;
    let second = tokio::spawn(async move { client.get("/health").send().await.status });
    // The first one was there before.
    bench.metrics.get("/health").send().await.expect(200);
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.await.unwrap(), 200);
}
