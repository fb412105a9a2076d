//! The account of the caller.

use std::sync::Arc;

use axum::http::Method;
use serde::Serialize;
use service_common::moment;
use service_common::rest::answer::ok;
use service_common::rest::{Answer, Inbound};
use weir_rpc::user::v1::user_service_client::UserServiceClient;
use weir_rpc::user::v1::{GetUserRequest, UserResponse};

use super::{Content, Route};
use crate::gateway::Shared;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/api/v1/users/me", me)
            .summary("The account of the caller")
            .answers(200, Content::Json("User")),
    ]
}

#[derive(Serialize)]
pub(super) struct UserBody {
    id: String,
    email: String,
    first_name: String,
    last_name: String,
    role: String,
    created_at: Option<String>,
}

impl From<UserResponse> for UserBody {
    fn from(user: UserResponse) -> Self {
        Self {
            id: user.id,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            role: user.role,
            created_at: moment::text(user.created_at),
        }
    }
}

async fn me(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = GetUserRequest {
        user_id: String::new(),
    };
    let answer = shared
        .users
        .call(inbound.repeat, message, |link, message| async move {
            UserServiceClient::new(link).get_user(message).await
        });
    let user = answer.await?;
    ok(UserBody::from(user))
}
