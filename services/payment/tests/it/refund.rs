//! Payments are given back, once.

use payment_service::Key;
use payment_service::payment::Status;
use payment_service::provider::IntentState;
use service_common::failure::Code;
use service_common::idempotency::{Fingerprint, Scope};
use test_support::databases::on_each_database;
use weir_rpc::payment::v1::{PaymentStatus, RefundRequest};

use crate::instance::{Instance, secret};
use crate::line::Fault;
use crate::others::OrderState;

fn key(payment_id: &str) -> Key {
    let message = RefundRequest {
        payment_id: payment_id.to_owned(),
        idempotency_key: String::new(),
    };
    Key {
        scope: Scope::of("usr_admin", "RefundPayment", "key-1").unwrap().unwrap(),
        fingerprint: Fingerprint::of(&secret(), &message),
    }
}

#[test]
fn a_refund_is_promised_only_where_the_money_was_taken() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let waiting = it.pay("ord_1", "action").await.unwrap().payment_id;
        assert_eq!(it.payments.request_refund("ord_1", &waiting).await, Ok(false));
        it.bank.payers_act(|| false);
        it.sweep_until(&waiting, |payment| payment.is_told()).await;
        assert_eq!(it.payments.request_refund("ord_1", &waiting).await, Ok(false));
        let paid = it.pay("ord_1", "good").await.unwrap().payment_id;
        let another_order_s = it.payments.request_refund("ord_2", &paid).await;
        assert_eq!(another_order_s.unwrap_err().code, Code::NotFound);
        assert_eq!(it.payments.request_refund("ord_1", &paid).await, Ok(true));
    });
}

#[test]
fn what_was_promised_is_given_back_once_however_often_it_is_asked_for() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        let id = it.paid("ord_1").await;
        it.line.disturb_next("refund", Fault::LostAfter);
        for _ in 0..3 {
            assert_eq!(it.payments.request_refund("ord_1", &id).await, Ok(true));
        }
        let payment = it
            .sweep_until(&id, |payment| payment.status() == Status::Refunded)
            .await;
        assert_eq!(it.payments.request_refund("ord_1", &id).await, Ok(true));
        let intent = &it.bank.intents_of(&payment)[0];
        assert!(matches!(intent.state, IntentState::Refunded { .. }));
        // The second time it was found to be done.
        assert_eq!(it.line.calls("refund"), 1);
        let templates: Vec<String> = it.told().await.into_iter().map(|told| told.1).collect();
        assert_eq!(templates, ["receipt", "refund"]);
    });
}

#[test]
fn a_refund_by_hand_cancels_the_order_whose_own_request_is_harmless() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        let id = it.paid("ord_1").await;
        let mut lost = [Fault::LostBefore, Fault::LostAfter].into_iter();
        it.line.disturb(move |name| match name {
            "cancel" => lost.next().unwrap_or(Fault::None),
            _ => Fault::None,
        });
        let answer = it.payments.refund_by_hand(&id, Some(key(&id))).await.unwrap();
        assert_eq!(answer.status(), PaymentStatus::RefundPending);
        let again = it.payments.refund_by_hand(&id, Some(key(&id))).await;
        assert_eq!(again, Ok(answer));
        it.sweep_until(&id, |payment| payment.status() == Status::Refunded)
            .await;
        while it.desk.order("ord_1").state != OrderState::Cancelled {
            it.sweep().await;
        }
        it.desk.sweep(&it.payments).await;
        assert!(!it.desk.order("ord_1").refund_due);
        assert_eq!(it.status(&id).await, Status::Refunded);
        assert_eq!(
            it.payments.refund_by_hand(&id, None).await.unwrap().status(),
            PaymentStatus::Refunded
        );
        assert_eq!(it.line.calls("refund"), 1);
    });
}

#[test]
fn there_is_nothing_to_give_back_where_nothing_was_taken() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        it.desk.take("ord_1", "usr_1");
        let id = it.pay("ord_1", "bad").await.unwrap().payment_id;
        for key in [None, Some(key(&id)), Some(key(&id))] {
            let failure = it.payments.refund_by_hand(&id, key).await.unwrap_err();
            assert_eq!(failure.code, Code::PaymentState);
        }
        let missing = it.payments.refund_by_hand("pay_0", None).await.unwrap_err();
        assert_eq!(missing.code, Code::NotFound);
        assert_eq!(it.line.calls("cancel"), 0);
    });
}

#[test]
fn a_refund_that_cannot_be_made_is_counted_and_may_be_tried_again_by_hand() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        let id = it.paid("ord_1").await;
        it.desk.cancel_order("ord_1");
        it.bank.refuse_refunds(true);
        it.desk.sweep(&it.payments).await;
        it.sweep_until(&id, |payment| payment.status() == Status::RefundFailed)
            .await;
        assert_eq!(it.line.calls("refund"), 3);
        it.wait_for_metric(r#"payments_total{outcome="refund_failed",service="test"} 1"#)
            .await;
        it.sweep().await;
        assert_eq!(it.line.calls("refund"), 3);
        it.bank.refuse_refunds(false);
        it.payments.refund_by_hand(&id, None).await.unwrap();
        it.sweep_until(&id, |payment| payment.status() == Status::Refunded)
            .await;
    });
}

#[test]
fn a_payment_whose_driver_is_killed_while_giving_back_is_given_back_once() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        for call in ["get", "refund", "cancel"] {
            for fault in [Fault::HeldBefore, Fault::HeldAfter] {
                let order_id = format!("ord_{call}_{fault:?}");
                let id = it.paid(&order_id).await;
                it.line.disturb_next(call, fault);
                it.payments.refund_by_hand(&id, None).await.unwrap();
                it.line.held().await;
                // The driver is never heard of again.
                it.leases_run_out().await;
                let payment = it
                    .sweep_until(&id, |payment| payment.status() == Status::Refunded)
                    .await;
                while it.desk.order(&order_id).state != OrderState::Cancelled {
                    it.sweep().await;
                }
                let intent = &it.bank.intents_of(&payment)[0];
                assert!(matches!(intent.state, IntentState::Refunded { .. }), "{order_id}");
            }
        }
    });
}
