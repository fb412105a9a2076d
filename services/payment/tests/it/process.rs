//! A user pays an order.

use std::time::Duration;

use payment_service::Rules;
use payment_service::payment::Status;
use service_common::failure::Code;
use test_support::databases::on_each_database;
use weir_rpc::payment::v1::PaymentStatus;

use crate::instance::{Instance, request, rules};
use crate::line::Fault;
use crate::others::{OrderState, usd};

#[test]
fn an_order_is_paid_and_told_so_and_its_user_gets_a_receipt() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let answer = it.pay("ord_1", "good").await.unwrap();
        assert_eq!(answer.status(), PaymentStatus::Succeeded);
        assert_eq!(
            (answer.order_id.as_str(), answer.transaction_id.as_str()),
            ("ord_1", "ch_1")
        );
        let order = it.desk.order("ord_1");
        assert_eq!(
            (order.state, order.payment),
            (OrderState::Paid, Some(answer.payment_id.clone()))
        );
        assert!(it.payment(&answer.payment_id).await.is_told());
        let receipt = ("usr_1".to_owned(), "receipt".to_owned(), answer.payment_id);
        assert_eq!(it.told().await, [receipt]);
        assert!(
            it.metrics
                .scrape()
                .unwrap()
                .contains(r#"payments_total{outcome="succeeded""#)
        );
    });
}

#[test]
fn after_a_decline_the_order_may_be_paid_by_another_method() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let declined = it.pay("ord_1", "bad").await.unwrap();
        assert_eq!(declined.status(), PaymentStatus::Declined);
        assert_eq!(declined.transaction_id, "");
        assert_eq!(it.desk.order("ord_1").state, OrderState::Reserved);
        let paid = it.pay("ord_1", "good").await.unwrap();
        assert_eq!(paid.status(), PaymentStatus::Succeeded);
        assert_ne!(paid.payment_id, declined.payment_id);
        assert_eq!(it.told().await.len(), 1);
    });
}

#[test]
fn the_order_of_another_is_as_one_that_is_not_there() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_2");
        let another_s = it.pay("ord_1", "good").await.unwrap_err();
        let missing = it.pay("ord_2", "good").await.unwrap_err();
        assert_eq!(another_s.code, Code::NotFound);
        assert_eq!(another_s, missing);
        assert_eq!(it.bank.intents(), 0);
    });
}

#[test]
fn another_amount_than_the_order_s_is_refused_before_anything_is_stored() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let euros = {
            let mut price = usd(1_000);
            price.currency = "EUR".to_owned();
            price
        };
        for price in [usd(999), usd(1_001), euros] {
            it.desk.change("ord_1", |order| order.price = Some(price));
            let failure = it.pay("ord_1", "good").await.unwrap_err();
            assert_eq!(failure.code, Code::AmountMismatch);
        }
        it.desk.change("ord_1", |order| order.price = None);
        assert_eq!(it.pay("ord_1", "good").await.unwrap_err().code, Code::OrderState);
        assert_eq!(it.payments_of("ord_1").await, []);
    });
}

#[test]
fn an_order_that_is_not_there_to_be_paid_refuses_its_payment() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        it.desk.cancel_order("ord_1");
        let answer = it.pay("ord_1", "good").await.unwrap();
        assert_eq!(answer.status(), PaymentStatus::Refused);
        assert_eq!(it.bank.intents(), 0);
        assert_eq!(it.line.calls("settled"), 0);
    });
}

#[test]
fn an_order_has_at_most_one_live_payment() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let waiting = it.pay("ord_1", "action").await.unwrap();
        assert_eq!(waiting.status(), PaymentStatus::RequiresAction);
        assert_eq!(waiting.next_action, "https://bank.test/act");
        let second = it.pay("ord_1", "good").await.unwrap_err();
        assert_eq!(second.code, Code::PaymentLive);
        it.bank.payers_act(|| true);
        it.sweep_until(&waiting.payment_id, |payment| {
            payment.status() == Status::Succeeded
        })
        .await;
        assert_eq!(it.pay("ord_1", "good").await.unwrap_err().code, Code::PaymentLive);
        assert_eq!(it.payments_of("ord_1").await.len(), 1);
    });
}

#[test]
fn of_many_who_pay_an_order_at_once_one_does() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let payers: Vec<_> = (0..8)
            .map(|_| {
                let payments = it.payments.clone();
                tokio::spawn(async move { payments.process(request("ord_1", "good", None)).await })
            })
            .collect();
        let mut succeeded = 0;
        for payer in payers {
            match payer.await.unwrap() {
                Ok(answer) => {
                    assert_eq!(answer.status(), PaymentStatus::Succeeded);
                    succeeded += 1;
                }
                Err(failure) => assert_eq!(failure.code, Code::PaymentLive),
            }
        }
        assert_eq!(succeeded, 1);
        assert_eq!(it.bank.intents(), 1);
    });
}

#[test]
fn the_same_key_gets_the_same_answer_though_the_order_service_is_away() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let with_key = || request("ord_1", "good", Some("key-1"));
        let first = it.payments.process(with_key()).await.unwrap();
        it.line.disturb(|_| Fault::Away);
        assert_eq!(it.payments.process(with_key()).await, Ok(first));
        let another = request("ord_1", "bad", Some("key-1"));
        assert_eq!(
            it.payments.process(another).await.unwrap_err().code,
            Code::KeyReused
        );
        assert_eq!(it.payments_of("ord_1").await.len(), 1);
    });
}

#[test]
fn a_refusal_is_kept_under_its_key_and_trouble_is_not() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        let with_key = || request("ord_1", "good", Some("key-1"));
        let process = async || it.payments.process(with_key()).await.unwrap_err().code;
        assert_eq!(process().await, Code::NotFound);
        it.desk.take("ord_1", "usr_1");
        it.line.disturb_next("bill", Fault::Away);
        assert_eq!(process().await, Code::Unavailable);
        it.desk.change("ord_1", |order| order.price = Some(usd(1)));
        assert_eq!(process().await, Code::AmountMismatch);
        it.desk.change("ord_1", |order| order.price = Some(usd(1_000)));
        assert_eq!(process().await, Code::AmountMismatch);
    });
}

#[test]
fn who_waits_too_long_is_answered_what_is_known_and_the_payment_goes_on() {
    on_each_database(async |url| {
        let patience = Duration::from_millis(50);
        let it = Instance::with(&url, Rules { patience, ..rules() }).await;
        it.desk.take("ord_1", "usr_1");
        it.line.disturb_next("confirm", Fault::HeldBefore);
        let with_key = || request("ord_1", "good", Some("key-1"));
        let answer = it.payments.process(with_key()).await.unwrap();
        assert_eq!(answer.status(), PaymentStatus::Processing);
        it.line.let_go();
        it.wait_until(&answer.payment_id, |payment| payment.is_told())
            .await;
        assert_eq!(it.status(&answer.payment_id).await, Status::Succeeded);
        // What was answered once is what the key gives.
        assert_eq!(it.payments.process(with_key()).await, Ok(answer));
    });
}

#[test]
fn the_answer_of_a_process_that_died_is_kept_by_who_finishes_its_payment() {
    on_each_database(async |url| {
        let patience = Duration::from_millis(50);
        let it = Instance::with(&url, Rules { patience, ..rules() }).await;
        it.desk.take("ord_1", "usr_1");
        it.line.disturb_next("begin", Fault::HeldAfter);
        let with_key = || request("ord_1", "good", Some("key-1"));
        let id = it.payments.process(with_key()).await.unwrap().payment_id;
        // As it is before its process answers: who asks now is told to wait.
        it.execute("UPDATE idempotency_keys SET answer = NULL").await;
        it.leases_run_out().await;
        it.sweep_until(&id, |payment| payment.status() == Status::Succeeded)
            .await;
        it.line.disturb(|_| Fault::Away);
        let answer = it.payments.process(with_key()).await.unwrap();
        assert_eq!(
            (answer.payment_id, answer.status),
            (id, PaymentStatus::Succeeded.into())
        );
    });
}

#[test]
fn a_key_whose_process_died_goes_on_with_the_same_payment() {
    on_each_database(async |url| {
        let patience = Duration::from_millis(50);
        let it = Instance::with(&url, Rules { patience, ..rules() }).await;
        it.desk.take("ord_1", "usr_1");
        it.line.disturb_next("begin", Fault::HeldBefore);
        let with_key = || request("ord_1", "action", Some("key-1"));
        let id = it.payments.process(with_key()).await.unwrap().payment_id;
        it.execute("UPDATE idempotency_keys SET answer = NULL, lease_until_ms = 0")
            .await;
        it.leases_run_out().await;
        let answer = it.payments.process(with_key()).await.unwrap();
        assert_eq!(answer.payment_id, id);
        assert_eq!(it.payments_of("ord_1").await.len(), 1);
    });
}
