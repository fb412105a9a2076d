//! Nothing secret is in any log, whatever is logged.

use serde_json::{Value, json};

use crate::client::{Client, order};
use crate::world::{Manner, SECRET, World, on_each_ground};

const EMAIL: &str = "very.private@example.com";
const PASSWORD: &str = "swordfish-4711";
/// Declined, as the provider does not know it; a card by the look of it.
const CARD: &str = "tok_4242424242424242";

/// A body for each call that takes one.
fn body(method: &str, path: &str, refresh: &str) -> Value {
    match (method, path) {
        (_, "/api/v1/auth/register") => {
            json!({"email": EMAIL, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"})
        }
        (_, "/api/v1/auth/login") => json!({"email": EMAIL, "password": PASSWORD}),
        (_, "/api/v1/auth/refresh") => json!({"refresh_token": refresh}),
        ("POST", "/api/v1/orders") => order(Some(CARD)),
        ("POST", "/api/v1/payments") => json!({"order_id": "ord_none", "amount": "12.50", "method": CARD}),
        ("PUT", "/api/v1/cart/items/{product_id}") => json!({"quantity": 1}),
        _ => Value::Null,
    }
}

async fn drive_everything(shop: &Client, user: &Value) {
    let bearer = format!("Bearer {}", user["token"].as_str().unwrap());
    let refresh = user["refresh_token"].as_str().unwrap();
    let mut routes = api_gateway::listed();
    // After it the token is good for nothing any more.
    routes.sort_by_key(|(_, path)| path.ends_with("/logout"));
    assert!(routes.len() > 20, "{routes:?}");
    for (method, template) in routes {
        let path = template
            .replace("{product_id}", "prd_lamp")
            .replace(['{', '}'], "");
        let body = body(&method, template, refresh);
        let path = match template {
            "/api/v1/products/search" => format!("{path}?q=lamp"),
            _ => path,
        };
        let good = bearer.as_str();
        // A stream goes on for as long as its token is good.
        let shown: &[&str] = match template {
            "/api/v1/analytics/stream" => &["Bearer a.b.c"],
            _ => &[good, "Bearer a.b.c"],
        };
        for authorization in shown {
            let headers = [("Authorization", *authorization), ("Idempotency-Key", &path[1..])];
            let reply = shop.call(&method, &path, &headers, &body).await;
            assert!(reply.status < 500, "{method} {path}: {reply:?}");
            assert!(reply.headers.contains_key("x-request-id"), "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_holds_a_secret_or_an_address() {
    on_each_ground(async |ground| {
        let mut world = World::start(
            ground,
            Manner {
                level: "trace",
                collector: None,
            },
        )
        .await;
        let user = world.shop.user(EMAIL, PASSWORD).await;
        drive_everything(&world.shop, &user).await;
        // What goes wrong on the way, too.
        let wrong = json!({"email": EMAIL, "password": format!("{PASSWORD}-wrong")});
        world
            .shop
            .call("POST", "/api/v1/auth/login", &[], &wrong)
            .await
            .expect(401);
        let broken = json!({"email": format!("{EMAIL} and more"), "password": PASSWORD, "first_name": 7});
        world
            .shop
            .call("POST", "/api/v1/auth/register", &[], &broken)
            .await
            .expect(400);
        world.stop().await;

        let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
        let mut secrets = vec![
            EMAIL.to_owned(),
            PASSWORD.to_owned(),
            CARD.to_owned(),
            SECRET.to_owned(),
            "St James's Square".to_owned(),
            signature(user["token"].as_str().unwrap()),
            signature(user["refresh_token"].as_str().unwrap()),
        ];
        secrets.extend(world.tokens.iter().map(|token| signature(token)));
        for service in [
            user_service::NAME,
            product_service::NAME,
            order_service::NAME,
            payment_service::NAME,
            api_gateway::NAME,
        ] {
            let log = world.log(service);
            assert!(log.lines().count() > 20, "{service} logs nothing:\n{log}");
            for secret in &secrets {
                let line = log.lines().find(|line| line.contains(secret.as_str()));
                assert_eq!(line, None, "{service} has logged `{secret}`");
            }
            for line in log.lines() {
                let parsed: Result<Value, _> = serde_json::from_str(line);
                assert!(parsed.is_ok(), "{service} logs what is no JSON: {line}");
            }
        }
        // Who asked for what can be found.
        let log = world.log(order_service::NAME);
        for field in ["request_id", "trace_id", "user_id", "order_id"] {
            let found = log.lines().any(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                line["span"][field].is_string()
                    || line["spans"]
                        .as_array()
                        .is_some_and(|spans| spans.iter().any(|span| span[field].is_string()))
            });
            assert!(found, "no line has {field}");
        }
    })
    .await;
}
