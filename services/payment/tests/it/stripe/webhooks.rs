//! Events of Stripe: twice, early, late, in any order, and such as are not Stripe's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payment_service::payment::Status;
use payment_service::stripe::Keys;
use payment_service::{Received, Rules};
use ring::hmac;
use service_common::database::Statement;
use service_common::failure::Code;
use service_common::secret::SecretText;
use test_support::databases::on_each_database;

use crate::instance::{Instance, rules};
use crate::line::Fault;
use crate::others::OrderState;

/// What the events of the tests are signed with.
pub(crate) const SECRET: &str = "whsec_of_the_test";

/// The header for a body that is sent now.
pub(crate) fn signature(body: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, format!("{now}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={now},v1={hex}")
}

pub(crate) fn event(id: &str, kind: &str, intent_id: &str) -> String {
    format!(
        r#"{{"id": "{id}", "object": "event", "api_version": "2099-01-01", "type": "{kind}",
            "data": {{"object": {{"object": "payment_intent", "id": "{intent_id}", "status": "succeeded"}}}}}}"#
    )
}

async fn open(url: &str) -> Instance {
    let keys = Keys::new(
        vec![SecretText::from(SECRET.to_owned())],
        Duration::from_secs(300),
    );
    let rules = Rules {
        webhooks: keys,
        ..rules()
    };
    Instance::with(url, rules).await
}

impl Instance {
    async fn hear(&self, id: &str, kind: &str, intent_id: &str) -> Received {
        let body = event(id, kind, intent_id);
        self.payments
            .webhook(body.as_bytes(), &signature(&body))
            .await
            .unwrap()
    }

    async fn events(&self) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM provider_events")
            .fetch_one(self.database.pool())
            .await
            .unwrap()
    }

    /// What an event stores of a payment; the driver of that event has come and gone, as another held the payment.
    async fn news_of(&self, id: &str) {
        let news = Statement::new("UPDATE payments SET attend_at_ms = 1 WHERE id = $1").bind(id);
        self.database.write(vec![news]).await.unwrap();
    }

    /// A payment of this order that waits for its payer.
    async fn waiting(&self, order_id: &str) -> String {
        self.desk.take(order_id, "usr_1");
        self.pay(order_id, "action").await.unwrap().payment_id
    }
}

#[test]
fn an_event_has_its_payment_looked_at_at_once_and_only_the_first_time() {
    on_each_database(async |url| {
        let it = open(&url).await;
        let id = it.waiting("ord_1").await;
        it.bank.payers_act(|| true);
        let received = it.hear("evt_1", "payment_intent.succeeded", "pi_1").await;
        assert_eq!(received, Received::Applied);
        // Told, and let go of by its driver: only then does its row stand still.
        let settled = it
            .wait_until(&id, |payment| payment.is_told() && !payment.is_held())
            .await;
        assert_eq!(it.desk.order("ord_1").state, OrderState::Paid);
        let calls = it.line.calls("get");
        for _ in 0..3 {
            let again = it.hear("evt_1", "payment_intent.succeeded", "pi_1").await;
            assert_eq!(again, Received::Repeated);
        }
        assert_eq!((it.payment(&id).await, it.events().await), (settled, 1));
        assert_eq!(it.line.calls("get"), calls);
        let metrics = it.metrics.scrape().unwrap();
        for (outcome, count) in [("applied", 1), ("repeated", 3)] {
            let line = format!(
                r#"payment_webhooks_total{{kind="payment_intent.succeeded",outcome="{outcome}",service="test"}} {count}"#
            );
            assert!(metrics.contains(&line), "{metrics}");
        }
    });
}

#[test]
fn of_an_event_that_comes_many_times_at_once_one_is_taken() {
    on_each_database(async |url| {
        let it = open(&url).await;
        it.waiting("ord_1").await;
        let body = event("evt_1", "payment_intent.processing", "pi_1");
        let hear = |_| {
            let (payments, body) = (it.payments.clone(), body.clone());
            tokio::spawn(async move {
                payments
                    .webhook(body.as_bytes(), &signature(&body))
                    .await
                    .unwrap()
            })
        };
        let mut received = Vec::new();
        for heard in (0..8).map(hear).collect::<Vec<_>>() {
            received.push(heard.await.unwrap());
        }
        let applied = received.iter().filter(|received| **received == Received::Applied);
        assert_eq!((applied.count(), it.events().await), (1, 1), "{received:?}");
    });
}

#[test]
fn what_an_event_says_is_not_believed_but_asked_for() {
    on_each_database(async |url| {
        let it = open(&url).await;
        let id = it.waiting("ord_1").await;
        // The payer has not acted, whatever this says.
        it.hear("evt_1", "payment_intent.succeeded", "pi_1").await;
        it.sweep().await;
        assert_eq!(it.status(&id).await, Status::RequiresAction);
        it.bank.payers_act(|| true);
        it.hear("evt_2", "payment_intent.payment_failed", "pi_1").await;
        it.wait_until(&id, |payment| payment.status() == Status::Succeeded)
            .await;
    });
}

#[test]
fn one_that_comes_while_another_is_asked_about_is_asked_about_next() {
    on_each_database(async |url| {
        let it = open(&url).await;
        let id = it.waiting("ord_1").await;
        it.line.disturb_next("get", Fault::HeldAfter);
        it.hear("evt_1", "payment_intent.processing", "pi_1").await;
        // The driver has asked, and holds the payment.
        it.line.held().await;
        it.bank.payers_act(|| true);
        it.news_of(&id).await;
        it.line.let_go();
        it.wait_until(&id, |payment| payment.status() == Status::Succeeded)
            .await;
    });
}

#[test]
fn one_that_comes_late_takes_nothing_back() {
    on_each_database(async |url| {
        let it = open(&url).await;
        let id = it.paid("ord_1").await;
        let settled = it.wait_until(&id, |payment| payment.is_told()).await;
        for (n, kind) in [
            "payment_intent.processing",
            "payment_intent.payment_failed",
            "payment_intent.canceled",
        ]
        .into_iter()
        .enumerate()
        {
            it.hear(&format!("evt_{n}"), kind, "pi_1").await;
            it.sweep().await;
        }
        assert_eq!(it.payment(&id).await.status(), settled.status());
        assert_eq!(it.desk.order("ord_1").state, OrderState::Paid);
    });
}

#[test]
fn one_that_comes_before_its_intent_is_stored_harms_nothing() {
    on_each_database(async |url| {
        let it = open(&url).await;
        it.desk.take("ord_1", "usr_1");
        let payment = it.promise("ord_1", "good").await;
        it.line.disturb_next("create", Fault::HeldAfter);
        let (payments, id) = (it.payments.clone(), payment.id().to_owned());
        let driver = tokio::spawn(async move { payments.drive(&id).await });
        it.line.held().await;
        let early = it.hear("evt_1", "payment_intent.succeeded", "pi_1").await;
        assert_eq!(early, Received::Unmatched);
        it.line.let_go();
        driver.await.unwrap();
        assert_eq!(it.status(payment.id()).await, Status::Succeeded);
        assert_eq!(it.bank.intents_of(&payment)[0].charges, 1);
    });
}

#[test]
fn others_are_acknowledged_and_that_is_all() {
    on_each_database(async |url| {
        let it = open(&url).await;
        let foreign = it
            .hear("evt_1", "payment_intent.succeeded", "pi_of_another_shop")
            .await;
        assert_eq!(foreign, Received::Unmatched);
        assert_eq!(
            it.hear("evt_2", "customer.created", "cus_1").await,
            Received::Ignored
        );
        let again = it.hear("evt_2", "customer.created", "cus_1").await;
        assert_eq!(again, Received::Repeated);
        assert_eq!(it.payments.forget_events().await, Ok(0));
        it.execute("UPDATE provider_events SET received_at_ms = 0 WHERE id = 'evt_1'")
            .await;
        assert_eq!(it.payments.forget_events().await, Ok(1));
    });
}

#[test]
fn what_is_not_stripes_changes_nothing() {
    on_each_database(async |url| {
        let it = open(&url).await;
        it.waiting("ord_1").await;
        let body = event("evt_1", "payment_intent.succeeded", "pi_1");
        let other = event("evt_2", "payment_intent.succeeded", "pi_1");
        for signature in [String::new(), "t=1,v1=00".to_owned(), signature(&other)] {
            let refused = it.payments.webhook(body.as_bytes(), &signature).await;
            assert_eq!(refused.unwrap_err().code, Code::SignatureInvalid, "{signature}");
        }
        let nonsense = "{}";
        let refused = it
            .payments
            .webhook(nonsense.as_bytes(), &signature(nonsense))
            .await;
        assert_eq!(refused.unwrap_err().code, Code::Malformed);
        assert_eq!(it.events().await, 0);

        let without = Instance::new(&url).await;
        let refused = without.payments.webhook(body.as_bytes(), &signature(&body)).await;
        assert_eq!(refused.unwrap_err().code, Code::NotFound);
    });
}
