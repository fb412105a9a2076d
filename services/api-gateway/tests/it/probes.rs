//! Health, readiness and metrics.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::{Bench, eventually};

#[tokio::test]
async fn the_process_is_healthy_also_when_no_service_is_there() {
    let bench = Bench::unready(|options| {
        for address in [
            &mut options.user_service,
            &mut options.product_service,
            &mut options.order_service,
            &mut options.payment_service,
        ] {
            "127.0.0.1:1".clone_into(address);
        }
    })
    .await;
    let reply = bench.client.get("/health").send().await;
    assert_eq!(reply.expect(200), json!({"status": "healthy"}));
    let missing = "user-service, product-service, order-service, payment-service, keys of access tokens";
    let reply = bench.client.get("/ready").send().await;
    assert_eq!(
        reply.expect(503),
        json!({"status": "not ready", "missing": missing})
    );
    let reply = bench.client.get("/api/v1/products").send().await;
    assert_eq!((reply.status, &*reply.code()), (503, "unavailable"));
}

#[tokio::test]
async fn it_is_ready_when_all_services_are_there() {
    let bench = Bench::start().await;
    assert_eq!(
        bench.client.get("/ready").send().await.expect(200),
        json!({"status": "ready"})
    );
    assert_eq!(bench.metrics.get("/ready").send().await.status, 200);
}

#[tokio::test]
async fn a_service_that_is_away_is_named() {
    let bench = Bench::unready(|options| "127.0.0.1:1".clone_into(&mut options.order_service)).await;
    // The others may still be on their way.
    eventually("only it is missing", async || {
        bench.client.get("/ready").send().await.expect(503)["missing"] == "order-service"
    })
    .await;
}

#[tokio::test]
async fn requests_are_counted_by_method_template_and_status() {
    let bench = Bench::start().await;
    bench
        .client
        .get("/api/v1/products/prd_1")
        .send()
        .await
        .expect(200);
    bench
        .client
        .get("/api/v1/products/prd_2")
        .send()
        .await
        .expect(200);
    bench.client.get("/api/v1/orders/ord_1").send().await.code();
    bench.client.get("/no/such/path").send().await.code();
    bench.client.call("BREW", "/api/v1/cart").send().await.code();
    for port in [bench.client, bench.metrics] {
        let text = port.get("/metrics").send().await.text();
        for (method, path, status, count) in [
            ("GET", "/api/v1/products/{product_id}", 200, 2),
            ("GET", "/api/v1/orders/{order_id}", 401, 1),
            ("GET", "unmatched", 404, 1),
            ("other", "unmatched", 405, 1),
        ] {
            let line = format!(
                "http_requests_total{{method=\"{method}\",path=\"{path}\",service=\"api-gateway\",status=\"{status}\"}} {count}\n"
            );
            assert!(text.contains(&line), "{line} is not in {text}");
        }
        assert!(text.contains(
            "http_request_duration_seconds_count{method=\"GET\",path=\"/api/v1/products/{product_id}\""
        ));
        assert!(text.contains(
            "grpc_calls_total{code=\"OK\",method=\"/ecommerce.product.v1.ProductService/GetProduct\""
        ));
    }
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_gateway_from_stopping() {
    let bench = Bench::start().await;
    let mut idle = bench.client.connect().await;
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: shop\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 1_024];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    bench.gateway.running.stop().await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    let (answer, rest) = (String::from_utf8_lossy(&answer), String::from_utf8_lossy(&rest));
    assert!(
        answer.starts_with("HTTP/1.1 200") && !rest.contains("HTTP/1.1"),
        "{answer}{rest}"
    );
}
