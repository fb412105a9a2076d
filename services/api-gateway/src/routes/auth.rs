//! Registering, logging in and out, and the keys of tokens.

use std::sync::Arc;

use axum::http::{HeaderValue, Method, header};
use axum::response::IntoResponse;
use serde::Serialize;
use service_common::auth::{Caller, JwkSet};
use service_common::failure::{Code, Failure};
use service_common::rest::answer::{created, nothing, ok};
use service_common::rest::{Answer, Inbound};
use weir_rpc::common::v1::Empty;
use weir_rpc::user::v1::user_service_client::UserServiceClient;
use weir_rpc::user::v1::{AuthRequest, CreateUserRequest, LogoutRequest, RefreshRequest, Session};

use super::users::UserBody;
use super::{Content, Route};
use crate::gateway::Shared;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/api/v1/auth/register", register)
            .open()
            .with_few_attempts()
            .keyed()
            .takes("Registration")
            .summary("Makes an account")
            .answers(201, Content::Json("User"))
            .may_fail(&[Code::EmailTaken, Code::Overloaded]),
        Route::new(Method::POST, "/api/v1/auth/login", login)
            .open()
            .with_few_attempts()
            .takes("Credentials")
            .summary("Begins a session")
            .answers(200, Content::Json("LogIn"))
            .may_fail(&[Code::WrongCredentials]),
        Route::new(Method::POST, "/api/v1/auth/refresh", refresh)
            .open()
            .takes("RefreshToken")
            .summary("Exchanges a refresh token for its successor and a new access token")
            .answers(200, Content::Json("Tokens"))
            .may_fail(&[Code::Unauthenticated]),
        Route::new(Method::POST, "/api/v1/auth/logout", logout)
            .summary("Ends the session of the token")
            .answers(204, Content::Nothing),
        Route::new(Method::GET, "/.well-known/jwks.json", jwks)
            .open()
            .summary("The public keys that access tokens are verified with")
            .answers(200, Content::Json("JwkSet")),
    ]
}

#[derive(Serialize)]
struct LogInBody {
    id: String,
    email: String,
    #[serde(flatten)]
    tokens: TokensBody,
}

#[derive(Serialize)]
struct TokensBody {
    token: String,
    token_type: &'static str,
    refresh_token: String,
    expires_in: u32,
}

impl From<Session> for TokensBody {
    fn from(session: Session) -> Self {
        Self {
            token: session.access_token,
            token_type: "Bearer",
            refresh_token: session.refresh_token,
            expires_in: session.expires_in_s,
        }
    }
}

async fn register(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = inbound.json(|fields| CreateUserRequest {
        email: fields.text("email"),
        password: fields.text("password"),
        first_name: fields.text("first_name"),
        last_name: fields.text("last_name"),
        idempotency_key: inbound.key.clone().unwrap_or_default(),
    })?;
    shared.limiters.account(&message.email)?;
    let answer = shared
        .users
        .call(inbound.repeat, message, |link, message| async move {
            UserServiceClient::new(link).create_user(message).await
        });
    let user = answer.await?;
    created("/api/v1/users/me", UserBody::from(user))
}

async fn login(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = inbound.json(|fields| AuthRequest {
        email: fields.text("email"),
        password: fields.text("password"),
    })?;
    shared.limiters.account(&message.email)?;
    let answer = shared
        .users
        .call(inbound.repeat, message, |link, message| async move {
            UserServiceClient::new(link).authenticate(message).await
        });
    let user = answer.await?;
    let session = user
        .session
        .ok_or_else(|| Failure::internal("a log-in gave no session"))?;
    ok(LogInBody {
        id: user.id,
        email: user.email,
        tokens: session.into(),
    })
}

async fn refresh(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = inbound.json(|fields| RefreshRequest {
        refresh_token: fields.text("refresh_token"),
    })?;
    let answer = shared
        .users
        .call(inbound.repeat, message, |link, message| async move {
            UserServiceClient::new(link).refresh(message).await
        });
    let session = answer.await?;
    ok(TokensBody::from(session))
}

async fn logout(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let answer = shared
        .users
        .call(inbound.repeat, LogoutRequest {}, |link, message| async move {
            UserServiceClient::new(link).logout(message).await
        });
    answer.await?;
    if let Some(Caller::User { session, .. }) = &inbound.caller {
        shared.guard.forget(session).await;
    }
    nothing()
}

async fn jwks(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let answer = shared
        .users
        .call(inbound.repeat, Empty {}, |link, message| async move {
            UserServiceClient::new(link).get_jwks(message).await
        });
    let sent = answer.await?;
    let keys = JwkSet::parse(&sent.json).map_err(Failure::internal)?;
    let mut answer = keys.to_json().into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A new key is shown this long before the first token is signed with it.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60"),
    );
    Ok(answer)
}
