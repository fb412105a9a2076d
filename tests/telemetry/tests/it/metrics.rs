//! The metrics that others rely upon.

use std::collections::BTreeSet;

use serde_json::json;
use service_common::metrics::Metrics;

use crate::client::order;
use crate::world::{Manner, World, eventually, on_each_ground};

/// What each service must serve after the calls below: the name and labels of a series.
const NEEDED: [(&str, &[&str]); 6] = [
    (
        "api-gateway",
        &[
            r#"http_requests_total{method="POST",path="/api/v1/orders",service="api-gateway",status="201"} 2"#,
            r#"http_requests_total{method="GET",path="/api/v1/orders/{order_id}",service="api-gateway",status="200"} 1"#,
            r#"http_requests_total{method="GET",path="unmatched",service="api-gateway",status="404"} 1"#,
            r#"http_request_duration_seconds_count{method="POST",path="/api/v1/orders",service="api-gateway"} 2"#,
            r#"grpc_calls_total{code="OK",method="/ecommerce.order.v1.OrderService/CreateOrder",service="api-gateway"} 2"#,
            r#"rate_limited_total{limit="user",service="api-gateway"}"#,
            r#"circuit_breaker_open{service="api-gateway",upstream="order-service"} 0"#,
        ],
    ),
    (
        "analytics-service",
        &[
            r#"analytics_windows{service="analytics-service"} 0"#,
            r#"analytics_lag_records{service="analytics-service"} 0"#,
        ],
    ),
    (
        "user-service",
        &[
            r#"logins_total{outcome="succeeded",service="user-service"} 1"#,
            r#"logins_total{outcome="wrong_credentials",service="user-service"} 1"#,
            r#"grpc_handled_total{code="OK",method="/ecommerce.user.v1.UserService/Authenticate",service="user-service"} 1"#,
            r#"database_connections{service="user-service",state="idle"}"#,
            r#"database_connections{service="user-service",state="used"}"#,
            r#"database_wait_seconds_count{service="user-service"}"#,
            r#"outbox_depth{service="user-service"} 0"#,
            r#"outbox_oldest_age_ms{service="user-service"} 0"#,
        ],
    ),
    (
        "product-service",
        &[
            r#"grpc_handled_total{code="OK",method="/ecommerce.product.v1.ProductService/ReserveStock",service="product-service"} 1"#,
            r#"grpc_calls_total{code="OK",method="/ecommerce.user.v1.UserService/GetJwks",service="product-service"}"#,
            r#"database_connections{service="product-service",state="idle"}"#,
        ],
    ),
    (
        "order-service",
        &[
            r#"orders_created_total{service="order-service"} 1"#,
            r#"order_latency_seconds_count{operation="create",service="order-service"} 2"#,
            r#"kafka_events_published_total{service="order-service",status="delivered",topic=""#,
            r#"idempotency_replays_total{operation="CreateOrder",service="order-service"} 1"#,
            r#"order_states{service="order-service",state="paying"} 0"#,
            r#"outbox_depth{service="order-service"} 0"#,
            r#"outbox_oldest_age_ms{service="order-service"} 0"#,
            r#"database_connections{service="order-service",state="used"}"#,
        ],
    ),
    (
        "payment-service",
        &[
            r#"payments_total{outcome="succeeded",service="payment-service"} 1"#,
            r#"payment_states{service="payment-service",status="processing"} 0"#,
            r#"payment_provider_seconds_count{call="create",outcome="answered",service="payment-service"} 1"#,
            r#"grpc_calls_total{code="OK",method="/ecommerce.order.v1.OrderService/PaymentSettled",service="payment-service"} 1"#,
            r#"outbox_depth{service="payment-service"} 0"#,
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_service_serves_what_others_rely_upon() {
    on_each_ground(async |ground| {
        let mut world = World::start(
            ground,
            Manner {
                level: "info",
                collector: None,
            },
        )
        .await;
        let user = world.shop.user("ada@example.com", "correct horse").await;
        let wrong = json!({"email": "ada@example.com", "password": "wrong horse"});
        world
            .shop
            .call("POST", "/api/v1/auth/login", &[], &wrong)
            .await
            .expect(401);
        let bearer = format!("Bearer {}", user["token"].as_str().unwrap());
        let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", "k-1")];
        let paid = order(Some("tok_success"));
        let first = world
            .shop
            .call("POST", "/api/v1/orders", &headers, &paid)
            .await
            .expect(201);
        let again = world
            .shop
            .call("POST", "/api/v1/orders", &headers, &paid)
            .await
            .expect(201);
        assert_eq!(first, again);
        let path = format!("/api/v1/orders/{}", first["order_id"].as_str().unwrap());
        world
            .shop
            .call("GET", &path, &headers[..1], &json!(null))
            .await
            .expect(200);
        world.shop.get("/no/such/path").await.expect(404);
        // More than a user may send at once.
        let flood = (0..200).map(|_| {
            let (shop, bearer) = (world.shop.clone(), bearer.clone());
            tokio::spawn(async move {
                let headers = [("Authorization", bearer.as_str())];
                shop.call("GET", "/api/v1/cart", &headers, &json!(null))
                    .await
                    .status
            })
        });
        let mut refused = 0;
        for request in flood.collect::<Vec<_>>() {
            refused += usize::from(request.await.unwrap() == 429);
        }
        assert!(refused > 0);

        let families = Metrics::new("test").unwrap().families().to_vec();
        let documented: BTreeSet<&str> = families.iter().map(|family| family.name).collect();
        for (service, needed) in NEEDED {
            // Some come only once the event is published, or the gauges are taken.
            let served = eventually(service, async || {
                let served = world.metrics(service).await;
                let missing: Vec<_> = needed.iter().filter(|series| !served.contains(*series)).collect();
                match missing.is_empty() {
                    true => Ok(served),
                    false => Err(format!("{missing:#?} of\n{served}")),
                }
            })
            .await;
            for name in served.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
                let name = name.split(' ').next().unwrap();
                assert!(
                    documented.contains(name),
                    "{name} of {service} is not in docs/metrics.md"
                );
            }
            assert!(!served.contains("usr_"), "{service} labels by user");
        }
        world.stop().await;
    })
    .await;
}
