//! Tokens that were not made here, or not for this.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use prost::Message;
use ring::hmac;
use serde_json::{Value, json};
use service_common::auth::{Caller, Role, SigningKey};
use tonic::Code;
use weir_rpc::order::v1::GetOrderRequest;
use weir_rpc::payment::v1::PaymentStatusRequest;
use weir_rpc::product::v1::PutProductRequest;
use weir_rpc::user::v1::{GetCartRequest, RefreshRequest};

use super::Outcome;
use super::bench::Bench;

/// What nobody may come in with, by what is wrong with it.
fn forged(bench: &Bench) -> Vec<(&'static str, String)> {
    let good = bench.mallory.token.as_str();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}")
    };
    let decoded =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (said_header, said) = (decoded(header), decoded(claims));
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let with = |name: &str, value: Value| {
        let mut claims = said.clone();
        claims[name] = value;
        claims
    };
    let header_with = |name: &str, value: Value| {
        let mut header = said_header.clone();
        header[name] = value;
        part(&header)
    };
    // The shop's own key: what is signed by it is wrong in what it says.
    let folder = tempfile::tempdir().unwrap();
    let own = std::fs::read_to_string(bench.shop.key_file()).unwrap();
    let own: String = own.lines().filter(|line| !line.starts_with('-')).collect();
    let own = EncodingKey::from_ed_der(&STANDARD.decode(own).unwrap());
    let kid = said_header["kid"].as_str().unwrap().to_owned();
    let sign = |kid: Option<&str>, claims: &Value| {
        let header = Header {
            kid: kid.map(str::to_owned),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &own).unwrap()
    };
    let signed = |claims: &Value| sign(Some(&kid), claims);
    let without = |name: &str| {
        let mut claims = said.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let other = SigningKey::in_file(&folder.path().join("other.pem")).unwrap();
    let admin = Caller::User {
        id: bench.mallory.id.clone(),
        role: Role::Admin,
        session: "ses_1".to_owned(),
    };
    let by_another = other.issue(&admin, std::time::Duration::from_secs(600)).unwrap();
    // What a library signs with the public key that trusts a token's own word for how it is signed.
    let by_secret = {
        let text = format!(
            "{}.{}",
            header_with("alg", json!("HS256")),
            part(&with("role", json!("admin")))
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, kid.as_bytes());
        let tag = hmac::sign(&key, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    vec![
        ("a word", "token".to_owned()),
        ("three words", "a.b.c".to_owned()),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{good}.{signature}")),
        ("8,000 letters", "x".repeat(8_000)),
        (
            "alg none",
            format!("{}.{claims}.", header_with("alg", json!("none"))),
        ),
        (
            "alg None, signed",
            format!("{}.{claims}.{signature}", header_with("alg", json!("None"))),
        ),
        ("alg HS256", by_secret),
        (
            "alg as a list",
            format!("{}.{claims}.{signature}", header_with("alg", json!(["EdDSA"]))),
        ),
        (
            "a key in its header",
            format!(
                "{}.{claims}.{signature}",
                header_with("jwk", json!({"kty": "oct", "k": "AA"}))
            ),
        ),
        (
            "kid of a file",
            format!("{}.{claims}.{signature}", header_with("kid", json!("/dev/null"))),
        ),
        (
            "kid of SQL",
            format!(
                "{}.{claims}.{signature}",
                header_with("kid", json!("' UNION SELECT 'a"))
            ),
        ),
        ("no kid", sign(None, &said)),
        ("another kid", sign(Some("another"), &said)),
        (
            "another role",
            format!("{header}.{}.{signature}", part(&with("role", json!("admin")))),
        ),
        (
            "another user",
            format!(
                "{header}.{}.{signature}",
                part(&with("sub", json!(bench.alice.id)))
            ),
        ),
        ("another's signature", by_another),
        (
            "half a signature",
            format!("{header}.{claims}.{}", &signature[..signature.len() / 2]),
        ),
        (
            "a signature of zeros",
            format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([0_u8; 64])),
        ),
        ("run out", signed(&with("exp", json!(now - 60)))),
        ("run out in 1970", signed(&with("exp", json!(0)))),
        ("no end", signed(&without("exp"))),
        ("an end in words", signed(&with("exp", json!("tomorrow")))),
        ("another issuer", signed(&with("iss", json!("evil")))),
        ("no issuer", signed(&without("iss"))),
        ("nobody", signed(&without("sub"))),
        ("a role that there is not", signed(&with("role", json!("root")))),
        (
            "a session that there is not",
            signed(&with("sid", json!("ses_0"))),
        ),
        ("no session", signed(&without("sid"))),
        (
            "a service with a session",
            signed(&with("role", json!("service"))),
        ),
    ]
}

/// Shows each of them to every port.
pub(super) fn all(bench: &Bench) -> Outcome {
    let mut outcome = Outcome::default();
    let order = GetOrderRequest {
        order_id: bench.mallory.order.clone(),
    };
    let payment = PaymentStatusRequest {
        payment_id: bench.alice.payment.clone(),
    };
    let ports = [
        (&bench.order, "GetOrder", order.encode_to_vec()),
        (&bench.payment, "GetPaymentStatus", payment.encode_to_vec()),
        (
            &bench.product,
            "PutProduct",
            PutProductRequest::default().encode_to_vec(),
        ),
        (&bench.user, "GetCart", GetCartRequest {}.encode_to_vec()),
        (&bench.analytics, "Summarize", Vec::new()),
    ];
    for (about, token) in forged(bench) {
        for (port, call, message) in &ports {
            let (code, said) = bench
                .runtime
                .block_on(port.call(call, Some(&token), message.clone()));
            let wrong = (code != Code::Unauthenticated).then(|| format!("{code:?}: {said}"));
            outcome.note(&format!("{call} with a token: {about}"), wrong);
        }
        let asked = bench.runtime.block_on(async {
            let request = bench.http.get(format!("{}/api/v1/users/me", bench.base));
            request.bearer_auth(&token).send().await
        });
        let status = asked.unwrap().status().as_u16();
        let wrong = (status != 401).then(|| status.to_string());
        outcome.note(&format!("REST with a token: {about}"), wrong);
    }
    outcome
}

/// Changes rows, as it must: whoever stole a refresh token, and whoever it was stolen from, must log in again.
pub(super) fn a_refresh_token_that_comes_again_ends_the_session(bench: &Bench) {
    let refresh = |token: &str| {
        let message = RefreshRequest {
            refresh_token: token.to_owned(),
        };
        let sent = bench.user.call("Refresh", None, message.encode_to_vec());
        bench.runtime.block_on(sent).0
    };
    assert_eq!(refresh(&bench.mallory.refresh_token), Code::Ok);
    // Within the grace the same successor is given: an answer may have been lost.
    test_support::patience::eventually("it is refused", || match refresh(&bench.mallory.refresh_token) {
        Code::Unauthenticated => Ok(()),
        code => Err(format!("{code:?}")),
    });
    test_support::patience::eventually("its session is over", || {
        let message = GetCartRequest {}.encode_to_vec();
        let sent = bench.user.call("GetCart", Some(&bench.mallory.token), message);
        match bench.runtime.block_on(sent).0 {
            Code::Unauthenticated => Ok(()),
            code => Err(format!("{code:?}")),
        }
    });
}
