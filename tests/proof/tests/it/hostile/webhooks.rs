//! Events that Stripe did not send, to the gateway and to the payment service: only who knows the secret is believed.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::json;

use super::Outcome;
use super::bench::Bench;

/// The header that another secret makes, or another time.
fn signed(secret: &str, at: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={hex}")
}

/// Bodies with their signatures, and what they are answered.
fn cases() -> Vec<(&'static str, String, String, u16)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let good = proof::shop::SECRET;
    let event = json!({
        "id": "evt_hostile", "type": "payment_intent.succeeded",
        "data": {"object": {"object": "payment_intent", "id": "pi_1"}},
    })
    .to_string();
    let by = |secret: &str, at| signed(secret, at, &event);
    let tag = by(good, now).rsplit('=').next().unwrap_or_default().to_owned();
    let mut cases = vec![
        ("no signature", event.clone(), String::new(), 400),
        ("a word", event.clone(), "yes".to_owned(), 400),
        ("no time", event.clone(), format!("v1={tag}"), 400),
        ("no tag", event.clone(), format!("t={now}"), 400),
        ("an old scheme", event.clone(), format!("t={now},v0={tag}"), 400),
        ("another secret", event.clone(), by("guessed", now), 400),
        ("no secret", event.clone(), by("", now), 400),
        (
            "another time",
            event.clone(),
            format!("t={},v1={tag}", now + 1),
            400,
        ),
        ("an old event", event.clone(), by(good, now - 3_600), 400),
        ("one of the future", event.clone(), by(good, now + 3_600), 400),
        (
            "a time without end",
            event.clone(),
            format!("t={},v1={tag}", "9".repeat(500)),
            400,
        ),
        (
            "a negative time",
            event.clone(),
            format!("t=-{now},v1={tag}"),
            400,
        ),
        (
            "a thousand tags",
            event.clone(),
            format!("t={now}{}", ",v1=00".repeat(1_000)),
            400,
        ),
        ("a space more", format!("{event} "), by(good, now), 400),
    ];
    for (about, body) in [
        ("nothing", ""),
        ("no JSON", "{"),
        ("no object", "[[[]]]"),
        (
            "no id",
            r#"{"type": "payment_intent.succeeded", "data": {"object": {}}}"#,
        ),
        (
            "an id with a NUL",
            r#"{"id": "a\u0000", "type": "x", "data": {"object": {}}}"#,
        ),
        (
            "an intent that is SQL",
            r#"{"id": "evt_1", "type": "payment_intent.succeeded",
                "data": {"object": {"object": "payment_intent", "id": "' OR 1=1 --"}}}"#,
        ),
        (
            "a kind that is a number",
            r#"{"id": "evt_1", "type": 7, "data": {"object": {}}}"#,
        ),
    ] {
        cases.push((about, body.to_owned(), signed(good, now, body), 400));
    }
    cases.push(("300 KiB", "x".repeat(300 * 1024), String::new(), 413));
    cases
}

/// Sends all of it.
pub(super) fn all(bench: &Bench) -> Outcome {
    let mut outcome = Outcome::default();
    for base in [
        bench.base.clone(),
        format!("http://{}", bench.shop.http("payment")),
    ] {
        let url = format!("{base}/api/v1/webhooks/stripe");
        for (about, body, signature, expected) in cases() {
            let send = async || {
                let request = bench.http.post(&url).header("Content-Type", "application/json");
                let request = request.header("Stripe-Signature", &signature).body(body.clone());
                request.send().await
            };
            // A server that does not want the rest of a body may close the connection before its answer is read.
            let status = bench.runtime.block_on(async {
                loop {
                    if let Ok(answer) = send().await {
                        return answer.status().as_u16();
                    }
                }
            });
            let wrong = (status != expected).then(|| format!("{status} instead of {expected}"));
            outcome.note(&format!("POST {url}: {about}"), wrong);
        }
    }
    outcome
}
