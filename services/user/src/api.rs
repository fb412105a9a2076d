//! The gRPC contract.

use service_common::auth::{SessionCheck, caller_of};
use service_common::failure::Failure;
use service_common::idempotency::{Fingerprint, Scope};
use tonic::{Request, Response, Status};
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::user::v1::user_service_server::UserService;
use weir_rpc::user::v1::{
    AuthRequest, Cart, CreateUserRequest, DeleteCartItemRequest, GetCartRequest, GetUserRequest, Jwks,
    LogoutRequest, PutCartItemRequest, RefreshRequest, Session, UserResponse, ValidateSessionRequest,
    ValidateSessionResponse, ValidateSessionsRequest, ValidateSessionsResponse,
};

use crate::carts::Carts;
use crate::sessions::LocalSessions;
use crate::users::Users;
use crate::{message, request};

/// Who registers is nobody yet: all share one space of idempotency keys.
const NOBODY: &str = "";

/// The most sessions that are asked for at a time.
const MOST_SESSIONS: usize = 1_000;

/// The service as others call it.
#[derive(Clone)]
pub struct Api {
    /// For what concerns accounts and sessions.
    pub users: Users,
    /// For what concerns carts.
    pub carts: Carts,
}

#[tonic::async_trait]
impl UserService for Api {
    async fn authenticate(&self, request: Request<AuthRequest>) -> Result<Response<UserResponse>, Status> {
        let (email, password) = request::credentials(request.get_ref())?;
        let (account, tokens) = self.users.authenticate(&email, password).await?;
        Ok(Response::new(UserResponse {
            session: Some(tokens.into()),
            ..message::user(&account)
        }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<UserResponse>, Status> {
        let caller = caller_of(&request)?;
        let account = self.users.get(&caller, &request.get_ref().user_id).await?;
        Ok(Response::new(message::user(&account)))
    }

    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<UserResponse>, Status> {
        let mut message = request.into_inner();
        let person = request::person(&message)?;
        let key = std::mem::take(&mut message.idempotency_key);
        let scope = Scope::of(NOBODY, "CreateUser", &key)?;
        let fingerprint = Fingerprint::of(&self.users.shared.idempotency_secret, &message);
        let key = scope.map(|scope| (scope, fingerprint));
        Ok(Response::new(self.users.register(person, key).await?))
    }

    async fn health_check(&self, _request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        Ok(Response::new(HealthStatus {
            status: "healthy".to_owned(),
        }))
    }

    async fn refresh(&self, request: Request<RefreshRequest>) -> Result<Response<Session>, Status> {
        let tokens = self.users.refresh(&request.get_ref().refresh_token).await?;
        Ok(Response::new(tokens.into()))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<Empty>, Status> {
        self.users.log_out(&caller_of(&request)?).await?;
        Ok(Response::new(Empty {}))
    }

    async fn validate_session(
        &self,
        request: Request<ValidateSessionRequest>,
    ) -> Result<Response<ValidateSessionResponse>, Status> {
        // Never from what the guard remembers: the caller remembers the answer itself, and both together were too long.
        let sessions = LocalSessions(self.users.shared.kept.clone());
        let stands = sessions.stands(&request.get_ref().session_id).await?;
        Ok(Response::new(ValidateSessionResponse { stands }))
    }

    async fn validate_sessions(
        &self,
        request: Request<ValidateSessionsRequest>,
    ) -> Result<Response<ValidateSessionsResponse>, Status> {
        let asked = &request.get_ref().session_ids;
        if asked.len() > MOST_SESSIONS {
            let fault = format!("{} are more than {MOST_SESSIONS}", asked.len());
            return Err(Failure::field("session_ids", fault).into());
        }
        let ids: Vec<&str> = asked.iter().map(String::as_str).collect();
        let sessions = LocalSessions(self.users.shared.kept.clone());
        let session_ids = sessions.standing(&ids).await?;
        Ok(Response::new(ValidateSessionsResponse { session_ids }))
    }

    async fn get_jwks(&self, _request: Request<Empty>) -> Result<Response<Jwks>, Status> {
        Ok(Response::new(Jwks {
            json: self.users.shared.public_keys.to_json(),
        }))
    }

    async fn get_cart(&self, request: Request<GetCartRequest>) -> Result<Response<Cart>, Status> {
        let caller = caller_of(&request)?;
        self.cart_of(caller.user_id()?).await
    }

    async fn put_cart_item(&self, request: Request<PutCartItemRequest>) -> Result<Response<Cart>, Status> {
        let caller = caller_of(&request)?;
        let user_id = caller.user_id()?;
        let (product_id, quantity) = request::cart_item(request.get_ref())?;
        self.carts.put(user_id, &product_id, quantity).await?;
        self.cart_of(user_id).await
    }

    async fn delete_cart_item(
        &self,
        request: Request<DeleteCartItemRequest>,
    ) -> Result<Response<Cart>, Status> {
        let caller = caller_of(&request)?;
        let user_id = caller.user_id()?;
        self.carts
            .remove(user_id, request::product_id(request.get_ref())?)
            .await?;
        self.cart_of(user_id).await
    }
}

impl Api {
    async fn cart_of(&self, user_id: &str) -> Result<Response<Cart>, Status> {
        Ok(Response::new(message::cart(self.carts.get(user_id).await?)))
    }
}
