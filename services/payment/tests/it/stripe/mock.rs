//! Against `stripe-mock`: it has no memory, and holds every request to Stripe's own description of its API.

use payment_service::provider::{IntentState, Provider, ProviderError};
use test_support::servers::needed;

use super::stand_in::client;
use crate::others::usd;

#[tokio::test]
async fn every_call_is_one_that_stripe_describes() {
    let Some(url) = needed("WEIR_TEST_STRIPE_MOCK", "the URL of a stripe-mock") else {
        return;
    };
    let stripe = client(&url, "sk_test_123");
    let made = stripe.create("weir-pay_1", &usd(1_000)).await.unwrap();
    assert!(made.id.starts_with("pi_"), "{made:?}");
    let known = [
        stripe.get(&made.id).await.unwrap(),
        stripe.confirm(&made.id, "pm_card_visa").await.unwrap(),
        stripe.cancel(&made.id).await.unwrap(),
    ];
    // Its intents stand as its examples do.
    assert!(known.iter().all(|intent| intent.id == made.id), "{known:?}");
    let state = &known[0].state;
    assert_eq!(*state, IntentState::Declined);
    let refused = stripe.refund(&made.id).await;
    let Err(ProviderError::Refused(told)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(told, format!("the refund failed: it is {state:?}"));
}

#[tokio::test]
async fn a_call_that_stripe_does_not_describe_is_refused_so_the_mock_would_say() {
    let Some(url) = needed("WEIR_TEST_STRIPE_MOCK", "the URL of a stripe-mock") else {
        return;
    };
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let headers = [
        ("Authorization", "Bearer sk_test_123"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let body = b"amount=5&currency=usd&no_such_field=1";
    let reply = test_support::http::exchange(address, "POST", "/v1/payment_intents", &headers, body).await;
    assert_eq!(reply.unwrap().status, 400);
}
