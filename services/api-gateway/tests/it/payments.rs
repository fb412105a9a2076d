//! Payments.

use serde_json::{Value, json};
use service_common::failure::{Code, Failure};
use weir_rpc::payment::v1::{PaymentRequest, PaymentStatusRequest, RefundRequest, WebhookRequest};

use crate::bench::Bench;
use crate::shop::usd;

fn shown(id: &str, status: &str) -> Value {
    json!({
        "id": id, "payment_id": id, "order_id": "ord_1", "amount": "259.80", "currency": "USD", "status": status,
        "transaction_id": "txn_1", "next_action": null,
    })
}

#[tokio::test]
async fn a_payment_is_made_with_its_amount_as_a_text_or_as_a_number() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    for amount in [r#""259.80""#, "259.80", "259.8", "2.598e2"] {
        let body = format!(r#"{{"order_id": "ord_1", "amount": {amount}, "method": "tok_success"}}"#);
        let call = bench
            .client
            .post("/api/v1/payments")
            .token(&token)
            .header("Idempotency-Key", "k-1");
        let reply = call.text("application/json", &body).send().await;
        assert_eq!(reply.expect(201), shown("pay_1", "succeeded"));
        assert_eq!(reply.header("location"), Some("/api/v1/payments/pay_1"));
    }
    let heard = bench.shop.heard("ProcessPayment");
    assert_eq!(heard.len(), 4);
    for heard in heard {
        heard.was(&PaymentRequest {
            order_id: "ord_1".to_owned(),
            amount: usd(25_980),
            method: "tok_success".to_owned(),
            idempotency_key: "k-1".to_owned(),
        });
    }
}

#[tokio::test]
async fn an_amount_that_is_none_is_refused() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    for amount in ["-1", "1.001", "1e99", "true", r#""ten""#, "null", "{}"] {
        let body = format!(
            r#"{{"order_id": "ord_1", "amount": {amount}, "method": "tok_success", "currency": "usd"}}"#
        );
        let call = bench.client.post("/api/v1/payments").token(&token);
        let reply = call.text("application/json", &body).send().await;
        assert_eq!(
            (reply.status, &*reply.code()),
            (400, "invalid_request"),
            "{amount}"
        );
        assert_eq!(reply.fields(), ["amount", "currency"]);
    }
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn a_currency_is_taken_over() {
    let bench = Bench::start().await;
    let body = json!({"order_id": "ord_1", "amount": "1", "currency": "EUR", "method": "tok_success"});
    let call = bench.client.post("/api/v1/payments").token(&bench.token("usr_1"));
    call.json(&body).send().await.expect(201);
    let heard = bench.shop.only("ProcessPayment").message;
    assert!(heard.contains(r#"minor_units: 100, currency: "EUR""#), "{heard}");
}

#[tokio::test]
async fn anothers_user_id_is_refused() {
    let bench = Bench::start().await;
    let body = json!({"order_id": "ord_1", "amount": "1", "method": "tok_success", "user_id": "usr_2"});
    let call = bench.client.post("/api/v1/payments").token(&bench.token("usr_1"));
    let reply = call.json(&body).send().await;
    assert_eq!((reply.status, &*reply.code()), (403, "user_mismatch"));
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn what_the_service_refuses_comes_back_with_its_code() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let refusals = [
        (Code::NotFound, 404),
        (Code::OrderState, 409),
        (Code::PaymentLive, 409),
        (Code::AmountMismatch, 422),
    ];
    for (code, status) in refusals {
        bench.shop.fail("ProcessPayment", Failure::new(code, "no"));
        let body = json!({"order_id": "ord_1", "amount": "1", "method": "tok_success"});
        let reply = bench
            .client
            .post("/api/v1/payments")
            .token(&token)
            .json(&body)
            .send()
            .await;
        assert_eq!((reply.status, &*reply.code()), (status, code.as_str()));
    }
}

#[tokio::test]
async fn a_fault_that_the_service_finds_is_told_by_the_name_of_the_field() {
    let bench = Bench::start().await;
    bench.shop.fail(
        "ProcessPayment",
        Failure::field("amount.currency", "not the order's"),
    );
    let body = json!({"order_id": "ord_1", "amount": "1", "method": "tok_success"});
    let call = bench.client.post("/api/v1/payments").token(&bench.token("usr_1"));
    let reply = call.json(&body).send().await;
    assert_eq!((reply.status, reply.fields()), (400, vec!["currency".to_owned()]));
    assert_eq!(reply.json()["detail"], "currency: not the order's");
}

#[tokio::test]
async fn a_payment_is_read() {
    let bench = Bench::start().await;
    let call = bench
        .client
        .get("/api/v1/payments/pay_7")
        .token(&bench.token("usr_1"));
    assert_eq!(call.send().await.expect(200), shown("pay_7", "requires_action"));
    bench.shop.only("GetPaymentStatus").was(&PaymentStatusRequest {
        payment_id: "pay_7".to_owned(),
    });
}

#[tokio::test]
async fn a_refund_is_asked_of_the_service_which_knows_who_may() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let refund = || bench.client.post("/api/v1/payments/pay_1/refund").token(&token);
    let reply = refund().header("Idempotency-Key", "k-1").send().await;
    assert_eq!(reply.expect(200), shown("pay_1", "refund_pending"));
    bench.shop.only("RefundPayment").was(&RefundRequest {
        payment_id: "pay_1".to_owned(),
        idempotency_key: "k-1".to_owned(),
    });
    bench.shop.fail(
        "RefundPayment",
        Failure::new(Code::Forbidden, "this is not for you to do"),
    );
    let reply = refund().send().await;
    assert_eq!((reply.status, &*reply.code()), (403, "forbidden"));
}

#[tokio::test]
async fn a_webhook_goes_on_as_it_came_without_a_token() {
    let bench = Bench::start().await;
    // Not as any JSON library would write it: what was signed are these bytes.
    let body = " {\"id\" :\t\"evt_1\", \"ü\": 1e0 }\n";
    let call = bench
        .client
        .post("/api/v1/webhooks/stripe")
        .header("Stripe-Signature", "t=1,v1=00");
    let reply = call.text("application/json; charset=utf-8", body).send().await;
    assert_eq!(reply.expect(200), json!({"received": true}));
    bench.shop.only("HandleWebhook").was(&WebhookRequest {
        payload: body.as_bytes().to_vec(),
        signature: "t=1,v1=00".to_owned(),
    });
}

#[tokio::test]
async fn a_webhook_that_is_refused_or_too_large_is_told_so() {
    let bench = Bench::start().await;
    let send = |body: String| {
        let call = bench.client.post("/api/v1/webhooks/stripe");
        let call = call.header("Stripe-Signature", "t=1,v1=00");
        call.text("application/json", &body).send()
    };
    let unsigned = bench.client.post("/api/v1/webhooks/stripe").json(&json!({}));
    let reply = unsigned.send().await;
    assert_eq!((reply.status, &*reply.code()), (400, "signature_invalid"));
    assert_eq!(bench.shop.heard("HandleWebhook").len(), 0);
    for (code, status) in [
        (Code::SignatureInvalid, 400),
        (Code::Malformed, 400),
        (Code::NotFound, 404),
    ] {
        bench.shop.fail("HandleWebhook", Failure::new(code, "no"));
        let reply = send("{}".to_owned()).await;
        assert_eq!((reply.status, &*reply.code()), (status, code.as_str()));
    }
    let heard = bench.shop.heard("HandleWebhook").len();
    let reply = send(format!("\"{}\"", "x".repeat(256 * 1024))).await;
    assert_eq!((reply.status, &*reply.code()), (413, "body_too_large"));
    assert_eq!(bench.shop.heard("HandleWebhook").len(), heard);
}
