//! The user and the order service as the payment service sees them: behind a port.

use std::net::SocketAddr;

use payment_service::payment::{Outcome, Price};
use service_common::auth::JwkSet;
use service_common::failure::{Code, Failure};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use weir_proto::Money;
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::order::v1::order_service_server::{OrderService, OrderServiceServer};
use weir_rpc::order::v1::{
    BeginPaymentRequest, BeginPaymentResponse, CancelOrderRequest, CreateOrderRequest, DocumentResponse,
    GetDocumentRequest, GetOrderRequest, ListOrdersRequest, ListOrdersResponse, OrderResponse,
    PaymentSettledRequest,
};
use weir_rpc::user::v1::user_service_server::{UserService, UserServiceServer};
use weir_rpc::user::v1::{
    AuthRequest, Cart, CreateUserRequest, DeleteCartItemRequest, GetCartRequest, GetUserRequest, Jwks,
    LogoutRequest, PutCartItemRequest, RefreshRequest, Session, UserResponse, ValidateSessionRequest,
    ValidateSessionResponse, ValidateSessionsRequest, ValidateSessionsResponse,
};

use crate::others::{Desk, Order};

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

/// Every session stands.
struct Users(JwkSet);

service! {
    UserService for Users has {
        async fn get_jwks(&self, _: Request<Empty>) -> Result<Response<Jwks>, Status> {
            Ok(Response::new(Jwks { json: self.0.to_json() }))
        }

        async fn validate_session(
            &self,
            _: Request<ValidateSessionRequest>,
        ) -> Result<Response<ValidateSessionResponse>, Status> {
            Ok(Response::new(ValidateSessionResponse { stands: true }))
        }

        async fn validate_sessions(
            &self,
            request: Request<ValidateSessionsRequest>,
        ) -> Result<Response<ValidateSessionsResponse>, Status> {
            let session_ids = request.into_inner().session_ids;
            Ok(Response::new(ValidateSessionsResponse { session_ids }))
        }
    } lacks {
        authenticate: AuthRequest => UserResponse,
        get_user: GetUserRequest => UserResponse,
        create_user: CreateUserRequest => UserResponse,
        health_check: Empty => HealthStatus,
        refresh: RefreshRequest => Session,
        logout: LogoutRequest => Empty,
        get_cart: GetCartRequest => Cart,
        put_cart_item: PutCartItemRequest => Cart,
        delete_cart_item: DeleteCartItemRequest => Cart,
    }
}

/// Answers only to who shows this token.
struct Orders {
    desk: Desk,
    token: String,
}

impl Orders {
    fn change<M, T>(
        &self,
        request: &Request<M>,
        id: &str,
        change: impl FnOnce(&mut Order) -> Result<T, Failure>,
    ) -> Result<T, Status> {
        let shown = request
            .metadata()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if shown != Some(&format!("Bearer {}", self.token)) {
            return Err(Failure::new(Code::Unauthenticated, "another token").into());
        }
        if !self.desk.ids().iter().any(|known| known == id) {
            return Err(Failure::new(Code::NotFound, "there is no such order").into());
        }
        Ok(self.desk.change(id, change)?)
    }
}

service! {
    OrderService for Orders has {
        async fn get_order(&self, request: Request<GetOrderRequest>) -> Result<Response<OrderResponse>, Status> {
            let id = &request.get_ref().order_id;
            let answer = self.change(&request, id, |order| {
                Ok(OrderResponse {
                    order_id: id.clone(),
                    user_id: order.user_id.clone(),
                    total: order.price.clone().map(Into::into),
                    ..OrderResponse::default()
                })
            });
            answer.map(Response::new)
        }

        async fn begin_payment(
            &self,
            request: Request<BeginPaymentRequest>,
        ) -> Result<Response<BeginPaymentResponse>, Status> {
            let message = request.get_ref();
            let amount = message.amount.clone().unwrap_or_default();
            let price = Price {
                amount: Money::from_minor(amount.minor_units).unwrap(),
                currency: amount.currency,
            };
            let begun = self.change(&request, &message.order_id, |order| {
                Ok(order.begin(&message.payment_id, &price))
            });
            Ok(Response::new(BeginPaymentResponse { begun: begun? }))
        }

        async fn payment_settled(&self, request: Request<PaymentSettledRequest>) -> Result<Response<Empty>, Status> {
            let message = request.get_ref();
            let outcome = match message.succeeded {
                true => Outcome::Charged,
                false => Outcome::NotCharged,
            };
            self.change(&request, &message.order_id, |order| {
                order.settled(&message.payment_id, outcome);
                Ok(())
            })?;
            Ok(Response::new(Empty {}))
        }

        async fn cancel_order(&self, request: Request<CancelOrderRequest>) -> Result<Response<OrderResponse>, Status> {
            self.change(&request, &request.get_ref().order_id, Order::cancel)?;
            Ok(Response::new(OrderResponse::default()))
        }
    } lacks {
        create_order: CreateOrderRequest => OrderResponse,
        list_orders: ListOrdersRequest => ListOrdersResponse,
        get_document: GetDocumentRequest => DocumentResponse,
        health_check: Empty => HealthStatus,
    }
}

async fn serve(routes: Routes) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_routes(routes);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    address
}

/// A user service whose tokens are of these keys.
pub(crate) async fn users(keys: JwkSet) -> SocketAddr {
    serve(Routes::new(UserServiceServer::new(Users(keys)))).await
}

/// An order service with the orders of this desk, for a caller with this token.
pub(crate) async fn orders(desk: &Desk, token: &str) -> SocketAddr {
    let orders = Orders {
        desk: desk.clone(),
        token: token.to_owned(),
    };
    serve(Routes::new(OrderServiceServer::new(orders))).await
}
