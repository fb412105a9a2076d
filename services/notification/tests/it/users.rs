//! The user service as this service sees it: behind a port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use notification_service::people::{People, RemotePeople};
use service_common::client::{Identity, Link};
use service_common::metrics::Metrics;
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

use crate::world::ADDRESS;

/// The token that is asked for.
pub(crate) const TOKEN: &str = "the-token-of-the-test";

/// Everybody is Ann.
struct Users {
    away: Arc<AtomicU32>,
}

/// A service of which a part is there.
macro_rules! service {
    ($service:ident for $name:ident has { $($has:tt)* } lacks { $($call:ident: $request:ty => $answer:ty,)* }) => {
        #[tonic::async_trait]
        impl $service for $name {
            $($has)*

            $(
                async fn $call(&self, _: Request<$request>) -> Result<Response<$answer>, Status> {
                    Err(Status::unimplemented(stringify!($call)))
                }
            )*
        }
    };
}

service! {
    UserService for Users has {
        async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<UserResponse>, Status> {
            let shown = request.metadata().get("authorization");
            if shown.and_then(|value| value.to_str().ok()) != Some(&format!("Bearer {TOKEN}")) {
                return Err(Status::unauthenticated("another token"));
            }
            let refuse = |left: u32| left.checked_sub(1);
            if self.away.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refuse).is_ok() {
                return Err(Status::unavailable("away"));
            }
            Ok(Response::new(UserResponse {
                id: request.get_ref().user_id.clone(),
                email: ADDRESS.to_owned(),
                first_name: "Ann".to_owned(),
                ..UserResponse::default()
            }))
        }
    } lacks {
        authenticate: AuthRequest => UserResponse,
        create_user: CreateUserRequest => UserResponse,
        health_check: Empty => HealthStatus,
        refresh: RefreshRequest => Session,
        logout: LogoutRequest => Empty,
        validate_session: ValidateSessionRequest => ValidateSessionResponse,
        validate_sessions: ValidateSessionsRequest => ValidateSessionsResponse,
        get_jwks: Empty => Jwks,
        get_cart: GetCartRequest => Cart,
        put_cart_item: PutCartItemRequest => Cart,
        delete_cart_item: DeleteCartItemRequest => Cart,
    }
}

/// Serves it; it is away for as many calls as the number says.
pub(crate) async fn users() -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let away = Arc::new(AtomicU32::new(0));
    let users = Users { away: away.clone() };
    let server = Server::builder().add_service(UserServiceServer::new(users));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    (address, away)
}

#[tokio::test]
async fn a_user_service_that_is_just_starting_again_is_asked_again() {
    let (address, away) = users().await;
    let identity = Identity::Service(TOKEN.into());
    let metrics = Metrics::new("test").unwrap();
    let link = Link::to(&address.to_string(), identity, Duration::from_secs(60), &metrics).unwrap();
    let people = RemotePeople::new(link);
    away.store(2, Ordering::Relaxed);
    let person = people.find("usr_1").await.unwrap().unwrap();
    assert_eq!(person.address, ADDRESS);
    assert_eq!(away.load(Ordering::Relaxed), 0);
}
