//! This service's part of the REST API, on its own port.

use std::time::Duration;

use payment_service::PaymentService;
use serde_json::{Value, json};
use service_common::auth::{Caller, Role, SigningKey};
use service_common::metrics::Metrics;
use test_support::databases::on_each_ground;
use test_support::http::{Reply, exchange};

use crate::line::Line;
use crate::others::Desk;
use crate::service::{Others, eventually, start_with};
use crate::stripe::webhooks::{SECRET, event, signature};
use crate::wire;

struct Bench {
    service: PaymentService,
    key: SigningKey,
}

impl Bench {
    /// A service that knows `ord_1` of `usr_1` and is ready.
    async fn start(kafka: &str, url: &str, more: &[&str]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let own = Caller::Service {
            name: "payment-service".to_owned(),
        };
        let own = key.issue(&own, Duration::from_secs(600)).unwrap();
        let desk = Desk::new(&Line::new());
        desk.take("ord_1", "usr_1");
        let others = Others {
            kafka: kafka.to_owned(),
            topic: "notifications".to_owned(),
            users: wire::users(key.public()).await.to_string(),
            orders: wire::orders(&desk, &own).await.to_string(),
            token: own,
        };
        let service = start_with(more, url, &others, &Metrics::new("test").unwrap()).await;
        let bench = Bench { service, key };
        eventually("it is ready", async || {
            let ready = bench.by(None, "GET", "/ready", None).await;
            (ready.status == 200).then_some(())
        })
        .await;
        bench
    }

    /// What Stripe sends.
    async fn hook(&self, body: &str, signature: &str) -> Reply {
        let headers = [
            ("Content-Type", "application/json; charset=utf-8"),
            ("Stripe-Signature", signature),
        ];
        let address = self.service.running.addresses().http.unwrap();
        exchange(address, "POST", WEBHOOK, &headers, body.as_bytes())
            .await
            .unwrap()
    }

    async fn by(&self, user: Option<(&str, Role)>, method: &str, path: &str, body: Option<Value>) -> Reply {
        let bearer = user.map_or_else(String::new, |(id, role)| {
            let caller = Caller::User {
                id: id.to_owned(),
                role,
                session: "ses_1".to_owned(),
            };
            format!(
                "Bearer {}",
                self.key.issue(&caller, Duration::from_secs(600)).unwrap()
            )
        });
        let headers = [
            ("Authorization", &*bearer),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "key-1"),
        ];
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let address = self.service.running.addresses().http.unwrap();
        exchange(address, method, path, &headers, &body).await.unwrap()
    }
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

const ALL: &str = "/api/v1/payments";
const WEBHOOK: &str = "/api/v1/webhooks/stripe";

#[test]
fn an_order_is_paid_and_given_back_by_those_who_may() {
    on_each_ground(async |url, kafka| {
        let bench = Bench::start(&kafka, &url, &[]).await;
        let (customer, other, admin) = (
            Some(("usr_1", Role::Customer)),
            Some(("usr_2", Role::Customer)),
            Some(("usr_0", Role::Admin)),
        );
        let payment = json!({"order_id": "ord_1", "amount": "10.00", "method": "tok_success"});

        assert_refused(
            &bench.by(None, "POST", ALL, Some(payment.clone())).await,
            401,
            "unauthenticated",
        );
        let reply = bench
            .by(customer, "POST", ALL, Some(json!({"amount": "ten"})))
            .await;
        assert_refused(&reply, 400, "invalid_request");
        for field in ["order_id", "amount", "method"] {
            assert!(
                reply.text().contains(&format!("\"field\":\"{field}\"")),
                "{}",
                reply.text()
            );
        }
        let mut foreign = payment.clone();
        foreign["user_id"] = json!("usr_2");
        assert_refused(
            &bench.by(customer, "POST", ALL, Some(foreign)).await,
            403,
            "user_mismatch",
        );

        let reply = bench.by(customer, "POST", ALL, Some(payment.clone())).await;
        let paid = json_of(&reply, 201);
        assert_eq!(
            (&paid["amount"], &paid["currency"]),
            (&"10.00".into(), &"USD".into())
        );
        let path = format!("{ALL}/{}", paid["payment_id"].as_str().unwrap());
        assert_eq!(reply.header("location"), Some(&*path));
        assert_eq!(
            json_of(&bench.by(customer, "POST", ALL, Some(payment)).await, 201),
            paid
        );

        let until = async |status: &str| {
            eventually("it is so", async || {
                let payment = json_of(&bench.by(customer, "GET", &path, None).await, 200);
                (payment["status"] == status).then_some(())
            })
            .await;
        };
        until("succeeded").await;
        let refund = format!("{path}/refund");
        for (method, path) in [("GET", &path), ("POST", &refund)] {
            assert_refused(&bench.by(None, method, path, None).await, 401, "unauthenticated");
        }
        assert_refused(&bench.by(other, "GET", &path, None).await, 404, "not_found");
        assert_refused(&bench.by(customer, "POST", &refund, None).await, 403, "forbidden");
        for id in ["pay_0", "a%00b", "..%2fx"] {
            let nowhere = bench.by(admin, "GET", &format!("{ALL}/{id}"), None).await;
            assert_refused(&nowhere, 404, "not_found");
        }
        assert_eq!(bench.by(admin, "POST", &refund, None).await.status, 200);
        until("refunded").await;

        // The simulated provider is on the same port still.
        let counter = bench.by(None, "GET", "/simulated/intents/pi_0", None).await;
        assert_eq!(counter.status, 404);
        bench.service.running.stop().await;
    });
}

#[test]
fn a_webhook_is_known_by_its_signature_alone() {
    on_each_ground(async |url, kafka| {
        let bench = Bench::start(
            &kafka,
            &url,
            &["--stripe-webhook-secret", &format!("other,{SECRET}")],
        )
        .await;
        let body = event("evt_1", "payment_intent.succeeded", "pi_1");
        for _ in 0..2 {
            let reply = bench.hook(&body, &signature(&body)).await;
            assert_eq!(json_of(&reply, 200), json!({"received": true}));
        }
        let forged = bench.hook(&body, &signature("{}")).await;
        assert_refused(&forged, 400, "signature_invalid");
        let large = format!("{{\"padding\": \"{}\"}}", "x".repeat(256 * 1024));
        assert_refused(
            &bench.hook(&large, &signature(&large)).await,
            413,
            "body_too_large",
        );
        bench.service.running.stop().await;
    });
}

#[cfg(feature = "stripe")]
#[test]
fn stripe_takes_the_money_and_tells_of_it() {
    use crate::stripe::stand_in::StandIn;
    on_each_ground(async |url, kafka| {
        let stripe = StandIn::start().await;
        let more = [
            &stripe.settings()[..],
            &["--stripe-webhook-secret", SECRET].map(str::to_owned),
        ]
        .concat();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let bench = Bench::start(&kafka, &url, &more).await;
        let customer = Some(("usr_1", Role::Customer));
        let payment =
            json!({"order_id": "ord_1", "amount": "10.00", "method": "pm_card_threeDSecure2Required"});
        let waiting = json_of(&bench.by(customer, "POST", ALL, Some(payment)).await, 201);
        let path = format!("{ALL}/{}", waiting["payment_id"].as_str().unwrap());
        eventually("it waits for the payer", async || {
            let payment = json_of(&bench.by(customer, "GET", &path, None).await, 200);
            (payment["next_action"] == "https://hooks.stripe.test/pi_1").then_some(())
        })
        .await;
        stripe.payers_act(true);
        let body = event("evt_1", "payment_intent.succeeded", "pi_1");
        assert_eq!(bench.hook(&body, &signature(&body)).await.status, 200);
        eventually("it has succeeded", async || {
            let payment = json_of(&bench.by(customer, "GET", &path, None).await, 200);
            (payment["status"] == "succeeded" && payment["transaction_id"] == "ch_1").then_some(())
        })
        .await;
        // Nobody acts for a payer here.
        let counter = bench
            .by(None, "POST", "/simulated/intents/pi_1/complete", None)
            .await;
        assert_eq!(counter.status, 404);
        assert_eq!(stripe.intents()[0].charges, 1);
        bench.service.running.stop().await;
    });
}
