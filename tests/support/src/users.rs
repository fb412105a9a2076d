//! A user service that knows its keys and that every session but `ended` stands.

use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::user::v1::user_service_server::{UserService, UserServiceServer};
use weir_rpc::user::v1::{
    AuthRequest, Cart, CreateUserRequest, DeleteCartItemRequest, GetCartRequest, GetUserRequest, Jwks,
    LogoutRequest, PutCartItemRequest, RefreshRequest, Session, UserResponse, ValidateSessionRequest,
    ValidateSessionResponse,
};

struct Users {
    keys: String,
}

/// Serves it until the test's runtime ends; gives its address. It shows these keys.
///
/// # Errors
/// No port can be had.
pub async fn serve(keys: String) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let users = Users { keys };
    let server = Server::builder().add_service(UserServiceServer::new(users));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    Ok(address)
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl UserService for Users {
    async fn get_jwks(&self, _: Request<Empty>) -> Answer<Jwks> {
        Ok(Response::new(Jwks {
            json: self.keys.clone(),
        }))
    }

    async fn validate_session(
        &self,
        request: Request<ValidateSessionRequest>,
    ) -> Answer<ValidateSessionResponse> {
        Ok(Response::new(ValidateSessionResponse {
            stands: request.get_ref().session_id != "ended",
        }))
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
    Status::unimplemented("no service that is tested asks this")
}
