//! Who is let in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service_common::auth::{Caller, Role};
use service_common::failure::{Code, Failure};

use crate::bench::Bench;

const CLOSED: [(&str, &str); 10] = [
    ("POST", "/api/v1/auth/logout"),
    ("GET", "/api/v1/users/me"),
    ("GET", "/api/v1/cart"),
    ("PUT", "/api/v1/cart/items/prd_1"),
    ("DELETE", "/api/v1/cart/items/prd_1"),
    ("POST", "/api/v1/orders"),
    ("GET", "/api/v1/orders/ord_1"),
    ("PUT", "/api/v1/orders/ord_1/cancel"),
    ("POST", "/api/v1/payments"),
    ("POST", "/api/v1/payments/pay_1/refund"),
];

#[tokio::test]
async fn without_a_token_nobody_gets_further() {
    let bench = Bench::start().await;
    for (method, path) in CLOSED {
        let reply = bench.client.call(method, path).send().await;
        assert_eq!(
            (reply.status, &*reply.code()),
            (401, "unauthenticated"),
            "{method} {path}"
        );
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn a_token_that_was_not_made_here_is_none() {
    let bench = Bench::start().await;
    let other = Bench::start().await;
    let good = bench.token("usr_1");
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}")
    };
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
    let admin = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let admin = URL_SAFE_NO_PAD.encode(admin.replace("customer", "admin"));
    let forged = [
        other.token("usr_1"),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{admin}.{signature}"),
        format!("{header}.{claims}"),
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(8_000),
    ];
    for token in forged {
        let reply = bench.client.get("/api/v1/users/me").token(&token).send().await;
        assert_eq!(
            (reply.status, &*reply.code()),
            (401, "unauthenticated"),
            "{token}"
        );
    }
    for value in [good.clone(), format!("Basic {good}"), format!("Bearer{good}")] {
        let reply = bench
            .client
            .get("/api/v1/users/me")
            .header("Authorization", &value)
            .send()
            .await;
        assert_eq!(reply.status, 401, "{value}");
    }
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn the_services_get_the_token_of_the_caller() {
    let bench = Bench::start().await;
    let token = bench.issue(&Caller::User {
        id: "usr_9".to_owned(),
        role: Role::Admin,
        session: "ses_9".to_owned(),
    });
    bench
        .client
        .get("/api/v1/orders")
        .token(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(
        bench.shop.only("ListOrders").header("authorization"),
        Some(&*format!("Bearer {token}"))
    );
    let asked = bench.shop.only("ValidateSession");
    assert_eq!(asked.header("authorization"), Some("Bearer the-service-token"));
}

#[tokio::test]
async fn when_sessions_cannot_be_checked_nobody_is_believed() {
    let bench = Bench::start().await;
    // It is asked three times.
    for _ in 0..3 {
        bench
            .shop
            .fail("ValidateSession", Failure::new(Code::Unavailable, "away"));
    }
    let reply = bench
        .client
        .get("/api/v1/cart")
        .token(&bench.token("usr_1"))
        .send()
        .await;
    assert_eq!((reply.status, &*reply.code()), (503, "unavailable"));
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn before_the_keys_are_known_no_token_is_called_wrong() {
    let away = "127.0.0.1:1".to_owned();
    let bench = Bench::unready(|options| options.user_service = away).await;
    let token = bench.token("usr_1");
    let reply = bench.client.get("/api/v1/orders").token(&token).send().await;
    assert_eq!((reply.status, &*reply.code()), (503, "unavailable"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    let reply = bench.client.get("/api/v1/orders").send().await;
    assert_eq!((reply.status, &*reply.code()), (401, "unauthenticated"));
}
