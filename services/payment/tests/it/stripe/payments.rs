//! Payments by Stripe, on the stand-in: whatever it answers or does not, an order is charged once.

use payment_service::payment::Status;
use payment_service::provider::{Provider, ProviderError};
use payment_service::stripe::{Stripe, StripeError};
use test_support::databases::on_each_database;

use super::stand_in::{Fault, StandIn, client};
use crate::instance::{Instance, rules};
use crate::others::{OrderState, usd};

async fn with_stripe(url: &str) -> (Instance, StandIn) {
    let stripe = StandIn::start().await;
    let client = stripe.client();
    let it = Instance::at(url, rules(), |_, _| Box::new(client)).await;
    (it, stripe)
}

#[test]
fn a_method_decides_what_becomes_of_a_payment() {
    on_each_database(async |url| {
        let (it, stripe) = with_stripe(&url).await;
        for (method, status, state) in [
            ("pm_card_visa", Status::Succeeded, OrderState::Paid),
            ("pm_card_chargeDeclined", Status::Declined, OrderState::Reserved),
            ("pm_of_nobody", Status::Declined, OrderState::Reserved),
            (
                "pm_card_threeDSecure2Required",
                Status::RequiresAction,
                OrderState::Paying,
            ),
            ("pm_card_slow", Status::Processing, OrderState::Paying),
        ] {
            let order_id = format!("ord_{method}");
            it.desk.take(&order_id, "usr_1");
            let answer = it.pay(&order_id, method).await.unwrap();
            assert_eq!(answer.status(), status.to_rpc(), "{method}");
            assert_eq!(it.desk.order(&order_id).state, state, "{method}");
            let has_page = answer.next_action.starts_with("https://hooks.stripe.test/pi_");
            assert_eq!(has_page, status == Status::RequiresAction, "{method}");
            assert_eq!(
                answer.transaction_id.starts_with("ch_"),
                status == Status::Succeeded,
                "{method}"
            );
        }
        let charged: u32 = stripe.intents().iter().map(|held| held.charges).sum();
        assert_eq!(charged, 1);
    });
}

#[test]
fn whatever_is_answered_or_lost_an_order_is_charged_once() {
    on_each_database(async |url| {
        let (it, stripe) = with_stripe(&url).await;
        let faults = [
            Fault::DropAfter,
            Fault::Instead(429),
            Fault::Instead(500),
            Fault::After(500),
        ];
        for call in ["create", "confirm", "get"] {
            for fault in faults {
                let order_id = format!("ord_{call}_{fault:?}").replace(['(', ')'], "_");
                it.desk.take(&order_id, "usr_1");
                // So that it is asked for as well.
                if call == "get" {
                    stripe.disturb_next("confirm", Fault::DropAfter);
                }
                stripe.disturb_next(call, fault);
                let payment = it.promise(&order_id, "pm_card_visa").await;
                it.sweep_until(payment.id(), |payment| payment.is_told()).await;
                assert_eq!(it.status(payment.id()).await, Status::Succeeded, "{order_id}");
                assert_eq!(it.desk.order(&order_id).state, OrderState::Paid, "{order_id}");
            }
        }
        let intents = stripe.intents();
        assert_eq!(intents.len(), 12, "a key made a second intent");
        assert!(intents.iter().all(|held| held.charges == 1), "{intents:?}");
    });
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for() {
    on_each_database(async |url| {
        let (it, stripe) = with_stripe(&url).await;
        it.desk.take("ord_1", "usr_1");
        stripe.disturb_next("confirm", Fault::Hang);
        let payment = it.promise("ord_1", "pm_card_visa").await;
        it.payments.drive(payment.id()).await;
        // Asked at once what it did.
        assert_eq!(it.status(payment.id()).await, Status::Succeeded);
        assert_eq!(stripe.calls("confirm"), 1);
        assert_eq!(stripe.intents()[0].charges, 1);
    });
}

#[test]
fn a_confirmation_is_repeated_only_after_stripe_said_that_there_was_none() {
    on_each_database(async |url| {
        let (it, stripe) = with_stripe(&url).await;
        it.desk.take("ord_1", "usr_1");
        stripe.disturb_next("confirm", Fault::Instead(500));
        let payment = it.promise("ord_1", "pm_card_visa").await;
        it.sweep_until(payment.id(), |payment| payment.is_told()).await;
        assert_eq!((stripe.calls("confirm"), stripe.calls("get")), (2, 1));
        assert_eq!(stripe.intents()[0].charges, 1);
    });
}

#[test]
fn a_refund_is_made_once_and_one_that_fails_is_told() {
    on_each_database(async |url| {
        let (it, stripe) = with_stripe(&url).await;
        for (n, fault) in [Fault::DropAfter, Fault::Instead(500), Fault::Instead(429)]
            .into_iter()
            .enumerate()
        {
            let order_id = format!("ord_{n}");
            it.desk.take(&order_id, "usr_1");
            let paid = it.pay(&order_id, "pm_card_visa").await.unwrap();
            stripe.disturb_next("refund", fault);
            it.payments.refund_by_hand(&paid.payment_id, None).await.unwrap();
            let refunded = |payment: &payment_service::payment::Payment| payment.status() == Status::Refunded;
            it.sweep_until(&paid.payment_id, refunded).await;
        }
        assert!(stripe.intents().iter().all(|held| held.refunds == 1));

        it.desk.take("ord_refused", "usr_1");
        let paid = it.pay("ord_refused", "pm_card_visa").await.unwrap();
        stripe.refuse_refunds(true);
        it.payments.refund_by_hand(&paid.payment_id, None).await.unwrap();
        it.sweep_until(&paid.payment_id, |payment| {
            payment.status() == Status::RefundFailed
        })
        .await;
    });
}

#[test]
fn a_refund_that_comes_back_later_is_told_and_can_be_made_again() {
    on_each_database(async |url| {
        let (it, stripe) = with_stripe(&url).await;
        it.desk.take("ord_1", "usr_1");
        let paid = it.pay("ord_1", "pm_card_visa").await.unwrap();
        let id = &paid.payment_id;
        it.payments.refund_by_hand(id, None).await.unwrap();
        it.sweep_until(id, |payment| payment.status() == Status::Refunded)
            .await;
        // News that changes nothing.
        it.payments.intent_moved("pi_1").await.unwrap();
        stripe.refunds_come_back();
        it.payments.intent_moved("pi_1").await.unwrap();
        it.sweep_until(id, |payment| payment.status() == Status::RefundFailed)
            .await;
        it.payments.refund_by_hand(id, None).await.unwrap();
        it.sweep_until(id, |payment| payment.status() == Status::Refunded)
            .await;
        assert_eq!(stripe.intents()[0].refunds, 2);
    });
}

#[test]
fn a_payer_who_acts_or_does_not_is_known_by_asking() {
    on_each_database(async |url| {
        let (it, stripe) = with_stripe(&url).await;
        for (agrees, status) in [(true, Status::Succeeded), (false, Status::Declined)] {
            let order_id = format!("ord_{agrees}");
            it.desk.take(&order_id, "usr_1");
            let answer = it.pay(&order_id, "pm_card_threeDSecure2Required").await.unwrap();
            stripe.payers_act(agrees);
            let settled = it
                .sweep_until(&answer.payment_id, |payment| payment.is_told())
                .await;
            assert_eq!(settled.status(), status);
        }
    });
}

#[tokio::test]
async fn a_key_that_is_wrong_declines_nobody_and_is_not_shown() {
    let stripe = StandIn::start().await;
    let told = |error: ProviderError| match error {
        ProviderError::Away(told) => told,
        error => panic!("{error:?}"),
    };
    let foreign = client(&stripe.url(), "sk_test_of_another");
    let error = told(foreign.create("key-1", &usd(5)).await.unwrap_err());
    assert!(error.starts_with("401") && !error.contains("sk_test"), "{error}");
    stripe.disturb_next("get", Fault::Instead(409));
    let error = told(stripe.client().get("pi_1").await.unwrap_err());
    // What Stripe says for people may repeat what was sent.
    assert_eq!(error, "409 invalid_request_error not_now");
}

#[tokio::test]
async fn an_idempotency_key_that_came_with_something_else_declines_nobody() {
    let stripe = StandIn::start().await;
    stripe.client().create("key-1", &usd(5)).await.unwrap();
    let other = stripe.client().create("key-1", &usd(6)).await;
    assert!(matches!(other, Err(ProviderError::Away(_))), "{other:?}");
}

#[tokio::test]
async fn an_amount_without_hundredths_is_refused() {
    let stripe = StandIn::start().await;
    for currency in ["JPY", "KWD"] {
        let price = payment_service::payment::Price {
            currency: currency.to_owned(),
            ..usd(5)
        };
        let refused = stripe.client().create("key-1", &price).await;
        assert!(matches!(refused, Err(ProviderError::Refused(_))), "{refused:?}");
    }
    assert_eq!(stripe.calls("create"), 0);
}

#[test]
fn settings_that_are_wrong_are_told_by_name() {
    use clap::Parser;
    let parse = |more: &[&str]| {
        let needed = [
            "payment-service",
            "--database-url",
            "sqlite://x",
            "--kafka",
            "x:1",
            "--service-token",
            "t",
            "--idempotency-secret",
            "a secret of the test",
            "--provider",
            "stripe",
        ];
        payment_service::Options::try_parse_from(needed.iter().chain(more))
    };
    let missing = parse(&[]).unwrap_err().to_string();
    assert!(
        missing.contains("--stripe-api-key") && missing.contains("--stripe-return-url"),
        "{missing}"
    );
    let with = |key: &str, url: &str| {
        let options = parse(&[
            "--stripe-api-key",
            key,
            "--stripe-return-url",
            "https://x",
            "--stripe-url",
            url,
        ]);
        Stripe::new(&options.unwrap().stripe).map(drop)
    };
    assert!(matches!(with("sk\n", "http://x"), Err(StripeError::Key)));
    assert!(matches!(with("sk", "no url"), Err(StripeError::Url(_))));
    assert!(with("sk", "http://localhost:12111").is_ok());
}
