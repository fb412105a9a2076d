//! Registering, logging in and out, and the account.

use serde_json::json;
use service_common::failure::{Code, Failure};
use weir_rpc::user::v1::{AuthRequest, CreateUserRequest, GetUserRequest, LogoutRequest, RefreshRequest};

use crate::bench::Bench;

#[tokio::test]
async fn who_registers_gets_an_account() {
    let bench = Bench::start().await;
    let body = json!({"email": "ada@example.com", "password": "a long one", "first_name": "Ada", "last_name": "Lovelace"});
    let call = bench
        .client
        .post("/api/v1/auth/register")
        .header("Idempotency-Key", "k-1");
    let reply = call.json(&body).send().await;
    let user = reply.expect(201);
    assert_eq!(
        (&user["id"], &user["email"]),
        (&json!("usr_1"), &json!("ada@example.com"))
    );
    assert_eq!(reply.header("location"), Some("/api/v1/users/me"));
    let heard = bench.shop.only("CreateUser");
    heard.was(&CreateUserRequest {
        email: "ada@example.com".to_owned(),
        password: "a long one".to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        idempotency_key: "k-1".to_owned(),
    });
    assert_eq!(heard.header("authorization"), None, "nobody has logged in yet");
}

#[tokio::test]
async fn an_address_that_is_taken_is_a_conflict() {
    let bench = Bench::start().await;
    bench.shop.fail(
        "CreateUser",
        Failure::new(Code::EmailTaken, "there is an account"),
    );
    let body = json!({"email": "a@b.c", "password": "a long one", "first_name": "A", "last_name": "B"});
    let reply = bench
        .client
        .post("/api/v1/auth/register")
        .json(&body)
        .send()
        .await;
    assert_eq!((reply.status, &*reply.code()), (409, "email_taken"));
}

#[tokio::test]
async fn who_logs_in_gets_tokens() {
    let bench = Bench::start().await;
    let body = json!({"email": "ada@example.com", "password": "a long one"});
    let reply = bench.client.post("/api/v1/auth/login").json(&body).send().await;
    assert_eq!(
        reply.expect(200),
        json!({
            "id": "usr_1", "email": "ada@example.com", "token": "access", "token_type": "Bearer",
            "refresh_token": "refresh", "expires_in": 900,
        })
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    bench.shop.only("Authenticate").was(&AuthRequest {
        email: "ada@example.com".to_owned(),
        password: "a long one".to_owned(),
    });
}

#[tokio::test]
async fn a_wrong_password_is_unauthorised() {
    let bench = Bench::start().await;
    bench.shop.fail(
        "Authenticate",
        Failure::new(Code::WrongCredentials, "they do not belong together"),
    );
    let body = json!({"email": "ada@example.com", "password": "wrong"});
    let reply = bench.client.post("/api/v1/auth/login").json(&body).send().await;
    assert_eq!((reply.status, &*reply.code()), (401, "wrong_credentials"));
}

#[tokio::test]
async fn a_refresh_token_is_exchanged() {
    let bench = Bench::start().await;
    let call = bench.client.post("/api/v1/auth/refresh");
    let reply = call.json(&json!({"refresh_token": "old"})).send().await;
    assert_eq!(
        reply.expect(200),
        json!({"token": "access", "token_type": "Bearer", "refresh_token": "refresh", "expires_in": 900})
    );
    bench.shop.only("Refresh").was(&RefreshRequest {
        refresh_token: "old".to_owned(),
    });
}

#[tokio::test]
async fn after_logging_out_the_token_is_refused_at_once() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    assert_eq!(
        bench
            .client
            .get("/api/v1/users/me")
            .token(&token)
            .send()
            .await
            .status,
        200
    );
    bench.shop.end_session("ses_usr_1");
    let reply = bench
        .client
        .post("/api/v1/auth/logout")
        .token(&token)
        .send()
        .await;
    assert_eq!((reply.status, &*reply.text()), (204, ""));
    bench.shop.only("Logout").was(&LogoutRequest {});
    let reply = bench.client.get("/api/v1/users/me").token(&token).send().await;
    assert_eq!((reply.status, &*reply.code()), (401, "unauthenticated"));
}

#[tokio::test]
async fn the_account_is_the_callers() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let reply = bench.client.get("/api/v1/users/me").token(&token).send().await;
    assert_eq!(
        reply.expect(200),
        json!({
            "id": "usr_1", "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace",
            "role": "customer", "created_at": "2026-03-01T12:00:00.500Z",
        })
    );
    let heard = bench.shop.only("GetUser");
    heard.was(&GetUserRequest {
        user_id: String::new(),
    });
    assert_eq!(heard.header("authorization"), Some(&*format!("Bearer {token}")));
}
