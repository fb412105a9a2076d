//! A user service that knows its keys, and that every session stands but those that a test has ended.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::user::v1::user_service_server::{UserService, UserServiceServer};
use weir_rpc::user::v1::{
    AuthRequest, Cart, CreateUserRequest, DeleteCartItemRequest, GetCartRequest, GetUserRequest, Jwks,
    LogoutRequest, PutCartItemRequest, RefreshRequest, Session, UserResponse, ValidateSessionRequest,
    ValidateSessionResponse, ValidateSessionsRequest, ValidateSessionsResponse,
};

/// The user service of a test. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Users {
    keys: Arc<str>,
    ended: Arc<Mutex<HashSet<String>>>,
    address: String,
}

impl Users {
    /// Serves one with these keys (a JWK set) until the test's runtime ends.
    ///
    /// # Panics
    /// Where there is no free port.
    pub async fn serve(keys: &str) -> Users {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener
            .local_addr()
            .expect("a taken port has an address")
            .to_string();
        let users = Users {
            keys: keys.into(),
            ended: Arc::default(),
            address,
        };
        let server = Server::builder().add_service(UserServiceServer::new(users.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        users
    }

    /// Where it is called.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on the session does not stand any more.
    pub fn end_session(&self, session_id: &str) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.insert(session_id.to_owned());
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl UserService for Users {
    async fn get_jwks(&self, _: Request<Empty>) -> Answer<Jwks> {
        Ok(Response::new(Jwks {
            json: self.keys.to_string(),
        }))
    }

    async fn validate_session(
        &self,
        request: Request<ValidateSessionRequest>,
    ) -> Answer<ValidateSessionResponse> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Response::new(ValidateSessionResponse {
            stands: !ended.contains(&request.get_ref().session_id),
        }))
    }

    async fn validate_sessions(
        &self,
        request: Request<ValidateSessionsRequest>,
    ) -> Answer<ValidateSessionsResponse> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let mut session_ids = request.into_inner().session_ids;
        session_ids.retain(|id| !ended.contains(id));
        Ok(Response::new(ValidateSessionsResponse { session_ids }))
    }

    async fn authenticate(&self, _: Request<AuthRequest>) -> Answer<UserResponse> {
        Err(never())
    }

    async fn get_user(&self, _: Request<GetUserRequest>) -> Answer<UserResponse> {
        Err(never())
    }

    async fn create_user(&self, _: Request<CreateUserRequest>) -> Answer<UserResponse> {
        Err(never())
    }

    async fn health_check(&self, _: Request<Empty>) -> Answer<HealthStatus> {
        Err(never())
    }

    async fn refresh(&self, _: Request<RefreshRequest>) -> Answer<Session> {
        Err(never())
    }

    async fn logout(&self, _: Request<LogoutRequest>) -> Answer<Empty> {
        Err(never())
    }

    async fn get_cart(&self, _: Request<GetCartRequest>) -> Answer<Cart> {
        Err(never())
    }

    async fn put_cart_item(&self, _: Request<PutCartItemRequest>) -> Answer<Cart> {
        Err(never())
    }

    async fn delete_cart_item(&self, _: Request<DeleteCartItemRequest>) -> Answer<Cart> {
        Err(never())
    }
}

fn never() -> Status {
    Status::unimplemented("no service asks a test this")
}
