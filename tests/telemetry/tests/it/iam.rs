//! The services on an Apache Kafka that takes an AWS identity, as Amazon MSK does.

use test_support::servers::{apache_kafka, iam_kafka};

use crate::client::order;
use crate::world::{Ground, Manner, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn every_service_comes_in_by_its_aws_identity() {
    let (Some(plain), Some(identity)) = (apache_kafka(), iam_kafka()) else {
        return;
    };
    // The beginning of every token: `https://kafka.`, in Base64.
    let hidden = [identity.secret_key.clone(), "aHR0cHM6Ly9rYWZrYS4".to_owned()];
    let manner = Manner {
        level: "debug",
        collector: None,
    };
    // The analytics service is ready only once it has read its topic.
    let mut world = World::start(Ground::on(plain).by(identity), manner).await;
    let user = world.shop.user("ada@example.com", "correct horse").await;
    let bearer = format!("Bearer {}", user["token"].as_str().unwrap());
    let headers = [("Authorization", bearer.as_str())];
    world
        .shop
        .call("POST", "/api/v1/orders", &headers, &order(Some("tok_success")))
        .await
        .expect(201);
    for service in [user_service::NAME, order_service::NAME, payment_service::NAME] {
        let delivered =
            format!(r#"kafka_events_published_total{{service="{service}",status="delivered",topic=""#);
        eventually(service, async || {
            let served = world.metrics(service).await;
            match served.contains(&delivered) {
                true => Ok(()),
                false => Err(served),
            }
        })
        .await;
    }
    world.stop().await;
    for service in [
        user_service::NAME,
        order_service::NAME,
        payment_service::NAME,
        analytics_service::NAME,
    ] {
        for hidden in &hidden {
            assert!(
                !world.log(service).contains(hidden),
                "{service} has logged `{hidden}`"
            );
        }
    }
}
