//! The services behind the gateway: they remember what they were asked, answer the same always, and fail when they are told
//! to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::StreamExt;
use prost_types::Timestamp;
use service_common::failure::Failure;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use weir_rpc::analytics::v1::analytics_service_server::{AnalyticsService, AnalyticsServiceServer};
use weir_rpc::analytics::v1::{
    GetLatestWindowRequest, ListWindowsRequest, ListWindowsResponse, StreamWindowsRequest, StreamedWindow,
    SummarizeRequest, Summary, Window,
};
use weir_rpc::common::v1::{Address, Empty, HealthStatus, Money};
use weir_rpc::order::v1::order_service_server::{OrderService, OrderServiceServer};
use weir_rpc::order::v1::{
    BeginPaymentRequest, BeginPaymentResponse, CancelOrderRequest, CreateOrderRequest, DocumentResponse,
    GetDocumentRequest, GetOrderRequest, ListOrdersRequest, ListOrdersResponse, OrderResponse, OrderStatus,
    PaymentSettledRequest, PricedItem,
};
use weir_rpc::payment::v1::payment_service_server::{PaymentService, PaymentServiceServer};
use weir_rpc::payment::v1::{
    AcceptPaymentRequest, PaymentRequest, PaymentResponse, PaymentStatus, PaymentStatusRequest,
    RefundRequest, RequestRefundRequest, RequestRefundResponse, WebhookRequest, WebhookResponse,
};
use weir_rpc::product::v1::product_service_server::{ProductService, ProductServiceServer};
use weir_rpc::product::v1::{
    AddStockRequest, DeleteImageRequest, GetImageRequest, GetProductRequest, ImageResponse,
    ListProductsRequest, ListProductsResponse, ProductResponse, PutImageRequest, PutProductRequest,
    ReleaseStockRequest, ReserveStockRequest, ReserveStockResponse, SearchRequest, SearchResponse,
    SellStockRequest,
};
use weir_rpc::user::v1::user_service_server::{UserService, UserServiceServer};
use weir_rpc::user::v1::{
    AuthRequest, Cart, CartItem, CreateUserRequest, DeleteCartItemRequest, GetCartRequest, GetUserRequest,
    Jwks, LogoutRequest, PutCartItemRequest, RefreshRequest, Session, UserResponse, ValidateSessionRequest,
    ValidateSessionResponse, ValidateSessionsRequest, ValidateSessionsResponse,
};

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Shop(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    jwks: String,
    heard: Vec<Heard>,
    failures: HashMap<&'static str, VecDeque<Status>>,
    silent: HashSet<&'static str>,
    ended_sessions: HashSet<String>,
}

/// A call that came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) call: &'static str,
    /// As `Debug` writes it.
    pub(crate) message: String,
    headers: tonic::metadata::MetadataMap,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn was(&self, message: &impl Debug) {
        assert_eq!(self.message, format!("{message:?}"));
    }
}

impl Shop {
    /// Serves all services, and says where.
    pub(crate) async fn start(jwks: String) -> (Shop, String) {
        let shop = Shop::default();
        shop.inner().jwks = jwks;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Server::builder()
            .add_service(UserServiceServer::new(shop.clone()))
            .add_service(ProductServiceServer::new(shop.clone()).max_decoding_message_size(8 * 1024 * 1024))
            .add_service(OrderServiceServer::new(shop.clone()))
            .add_service(PaymentServiceServer::new(shop.clone()))
            .add_service(AnalyticsServiceServer::new(shop.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (shop, address)
    }

    /// What came by this name.
    pub(crate) fn heard(&self, call: &str) -> Vec<Heard> {
        let inner = self.inner();
        inner
            .heard
            .iter()
            .filter(|heard| heard.call == call)
            .cloned()
            .collect()
    }

    /// The one call of this name that came.
    #[track_caller]
    pub(crate) fn only(&self, call: &str) -> Heard {
        let heard = self.heard(call);
        assert_eq!(heard.len(), 1, "{call}: {heard:?}");
        heard[0].clone()
    }

    /// Calls that are not the gateway's own business.
    pub(crate) fn all_heard(&self) -> Vec<&'static str> {
        let own = ["GetJwks", "ValidateSession", "ValidateSessions", "HealthCheck"];
        let inner = self.inner();
        inner
            .heard
            .iter()
            .map(|heard| heard.call)
            .filter(|call| !own.contains(call))
            .collect()
    }

    /// The next call of this name fails.
    pub(crate) fn fail(&self, call: &'static str, failure: Failure) {
        self.fail_with(call, failure.into());
    }

    pub(crate) fn fail_with(&self, call: &'static str, status: Status) {
        self.inner().failures.entry(call).or_default().push_back(status);
    }

    /// Calls of this name are never answered again.
    pub(crate) fn fall_silent(&self, call: &'static str) {
        self.inner().silent.insert(call);
    }

    pub(crate) fn end_session(&self, session: &str) {
        self.inner().ended_sessions.insert(session.to_owned());
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    async fn hear<T: Debug>(&self, call: &'static str, request: &Request<T>) -> Result<(), Status> {
        let is_silent = {
            let mut inner = self.inner();
            inner.heard.push(Heard {
                call,
                message: format!("{:?}", request.get_ref()),
                headers: request.metadata().clone(),
            });
            if let Some(status) = inner.failures.get_mut(call).and_then(VecDeque::pop_front) {
                return Err(status);
            }
            inner.silent.contains(call)
        };
        match is_silent {
            true => std::future::pending().await,
            false => Ok(()),
        }
    }
}

pub(crate) fn usd(minor_units: i64) -> Option<Money> {
    Some(Money {
        minor_units,
        currency: "USD".to_owned(),
    })
}

/// 2026-03-01T12:00:00.5Z.
const MOMENT: Timestamp = Timestamp {
    seconds: 1_772_366_400,
    nanos: 500_000_000,
};

fn user(session: Option<Session>) -> UserResponse {
    UserResponse {
        id: "usr_1".to_owned(),
        email: "ada@example.com".to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        role: "customer".to_owned(),
        created_at: Some(MOMENT),
        session,
    }
}

fn session() -> Session {
    Session {
        access_token: "access".to_owned(),
        refresh_token: "refresh".to_owned(),
        expires_in_s: 900,
    }
}

fn cart() -> Cart {
    Cart {
        items: vec![CartItem {
            product_id: "prd_1".to_owned(),
            quantity: 2,
        }],
    }
}

fn product(id: &str) -> ProductResponse {
    ProductResponse {
        id: id.to_owned(),
        name: "Lamp".to_owned(),
        description: "It shines".to_owned(),
        category: "home".to_owned(),
        price: usd(12_990),
        stock: 7,
        image_id: "img_1".to_owned(),
    }
}

pub(crate) fn address() -> Address {
    Address {
        name: "Ada Lovelace".to_owned(),
        line1: "12 St James's Square".to_owned(),
        line2: String::new(),
        city: "London".to_owned(),
        postal_code: "SW1Y".to_owned(),
        country: "GB".to_owned(),
    }
}

fn order(id: &str, status: OrderStatus) -> OrderResponse {
    let is_cancelled = status == OrderStatus::Cancelled;
    OrderResponse {
        order_id: id.to_owned(),
        user_id: "usr_1".to_owned(),
        status: status.into(),
        items: vec![PricedItem {
            product_id: "prd_1".to_owned(),
            quantity: 2,
            unit_price: usd(12_990),
        }],
        total: usd(25_980),
        shipping_address: Some(address()),
        created_at: Some(MOMENT),
        cancelled_at: is_cancelled.then_some(MOMENT),
        cancel_reason: if is_cancelled {
            "client".to_owned()
        } else {
            String::new()
        },
        cancel_requested: false,
        payment_id: String::new(),
        version: 2,
    }
}

fn payment(id: &str, status: PaymentStatus) -> PaymentResponse {
    PaymentResponse {
        payment_id: id.to_owned(),
        order_id: "ord_1".to_owned(),
        amount: usd(25_980),
        status: status.into(),
        transaction_id: "txn_1".to_owned(),
        next_action: String::new(),
    }
}

fn healthy() -> Result<Response<HealthStatus>, Status> {
    Ok(Response::new(HealthStatus {
        status: "healthy".to_owned(),
    }))
}

fn not_for_the_gateway<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("the gateway has no business with it"))
}

#[tonic::async_trait]
impl UserService for Shop {
    async fn authenticate(&self, request: Request<AuthRequest>) -> Result<Response<UserResponse>, Status> {
        self.hear("Authenticate", &request).await?;
        Ok(Response::new(user(Some(session()))))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<UserResponse>, Status> {
        self.hear("GetUser", &request).await?;
        Ok(Response::new(user(None)))
    }

    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<UserResponse>, Status> {
        self.hear("CreateUser", &request).await?;
        Ok(Response::new(user(None)))
    }

    async fn health_check(&self, request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        self.hear("HealthCheck", &request).await?;
        healthy()
    }

    async fn refresh(&self, request: Request<RefreshRequest>) -> Result<Response<Session>, Status> {
        self.hear("Refresh", &request).await?;
        Ok(Response::new(session()))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<Empty>, Status> {
        self.hear("Logout", &request).await?;
        Ok(Response::new(Empty {}))
    }

    async fn validate_session(
        &self,
        request: Request<ValidateSessionRequest>,
    ) -> Result<Response<ValidateSessionResponse>, Status> {
        self.hear("ValidateSession", &request).await?;
        let has_ended = self
            .inner()
            .ended_sessions
            .contains(&request.get_ref().session_id);
        Ok(Response::new(ValidateSessionResponse { stands: !has_ended }))
    }

    async fn validate_sessions(
        &self,
        request: Request<ValidateSessionsRequest>,
    ) -> Result<Response<ValidateSessionsResponse>, Status> {
        self.hear("ValidateSessions", &request).await?;
        let mut session_ids = request.into_inner().session_ids;
        session_ids.retain(|id| !self.inner().ended_sessions.contains(id));
        Ok(Response::new(ValidateSessionsResponse { session_ids }))
    }

    async fn get_jwks(&self, request: Request<Empty>) -> Result<Response<Jwks>, Status> {
        self.hear("GetJwks", &request).await?;
        let json = self.inner().jwks.clone();
        Ok(Response::new(Jwks { json }))
    }

    async fn get_cart(&self, request: Request<GetCartRequest>) -> Result<Response<Cart>, Status> {
        self.hear("GetCart", &request).await?;
        Ok(Response::new(cart()))
    }

    async fn put_cart_item(&self, request: Request<PutCartItemRequest>) -> Result<Response<Cart>, Status> {
        self.hear("PutCartItem", &request).await?;
        Ok(Response::new(cart()))
    }

    async fn delete_cart_item(
        &self,
        request: Request<DeleteCartItemRequest>,
    ) -> Result<Response<Cart>, Status> {
        self.hear("DeleteCartItem", &request).await?;
        Ok(Response::new(Cart::default()))
    }
}

#[tonic::async_trait]
impl ProductService for Shop {
    async fn get_product(
        &self,
        request: Request<GetProductRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        self.hear("GetProduct", &request).await?;
        Ok(Response::new(product(&request.get_ref().product_id)))
    }

    async fn list_products(
        &self,
        request: Request<ListProductsRequest>,
    ) -> Result<Response<ListProductsResponse>, Status> {
        self.hear("ListProducts", &request).await?;
        Ok(Response::new(ListProductsResponse {
            products: vec![product("prd_1"), product("prd_2")],
            total: 12,
            next_cursor: "after-2".to_owned(),
        }))
    }

    async fn search_products(
        &self,
        request: Request<SearchRequest>,
    ) -> Result<Response<SearchResponse>, Status> {
        self.hear("SearchProducts", &request).await?;
        Ok(Response::new(SearchResponse {
            results: vec![product("prd_1")],
            next_cursor: String::new(),
        }))
    }

    async fn health_check(&self, request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        self.hear("HealthCheck", &request).await?;
        healthy()
    }

    async fn put_product(&self, _: Request<PutProductRequest>) -> Result<Response<ProductResponse>, Status> {
        not_for_the_gateway()
    }

    async fn add_stock(&self, _: Request<AddStockRequest>) -> Result<Response<ProductResponse>, Status> {
        not_for_the_gateway()
    }

    async fn get_image(&self, request: Request<GetImageRequest>) -> Result<Response<ImageResponse>, Status> {
        self.hear("GetImage", &request).await?;
        let is_known = request.get_ref().known_image_ids.contains(&"img_1".to_owned());
        Ok(Response::new(ImageResponse {
            image_id: "img_1".to_owned(),
            content_type: "image/png".to_owned(),
            content: (!is_known).then(|| b"\x89PNG".to_vec()),
        }))
    }

    async fn put_image(
        &self,
        request: Request<PutImageRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        self.hear("PutImage", &request).await?;
        Ok(Response::new(product(&request.get_ref().product_id)))
    }

    async fn delete_image(
        &self,
        request: Request<DeleteImageRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        self.hear("DeleteImage", &request).await?;
        Ok(Response::new(product(&request.get_ref().product_id)))
    }

    async fn reserve_stock(
        &self,
        _: Request<ReserveStockRequest>,
    ) -> Result<Response<ReserveStockResponse>, Status> {
        not_for_the_gateway()
    }

    async fn release_stock(&self, _: Request<ReleaseStockRequest>) -> Result<Response<Empty>, Status> {
        not_for_the_gateway()
    }

    async fn sell_stock(&self, _: Request<SellStockRequest>) -> Result<Response<Empty>, Status> {
        not_for_the_gateway()
    }
}

#[tonic::async_trait]
impl OrderService for Shop {
    async fn create_order(
        &self,
        request: Request<CreateOrderRequest>,
    ) -> Result<Response<OrderResponse>, Status> {
        self.hear("CreateOrder", &request).await?;
        Ok(Response::new(order("ord_1", OrderStatus::Reserved)))
    }

    async fn get_order(&self, request: Request<GetOrderRequest>) -> Result<Response<OrderResponse>, Status> {
        self.hear("GetOrder", &request).await?;
        Ok(Response::new(order(
            &request.get_ref().order_id,
            OrderStatus::Confirmed,
        )))
    }

    async fn list_orders(
        &self,
        request: Request<ListOrdersRequest>,
    ) -> Result<Response<ListOrdersResponse>, Status> {
        self.hear("ListOrders", &request).await?;
        let begun = OrderResponse {
            total: None,
            created_at: None,
            ..order("ord_2", OrderStatus::Pending)
        };
        Ok(Response::new(ListOrdersResponse {
            orders: vec![begun, order("ord_1", OrderStatus::Paid)],
            next_cursor: "ord_1".to_owned(),
        }))
    }

    async fn health_check(&self, request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        self.hear("HealthCheck", &request).await?;
        healthy()
    }

    async fn cancel_order(
        &self,
        request: Request<CancelOrderRequest>,
    ) -> Result<Response<OrderResponse>, Status> {
        self.hear("CancelOrder", &request).await?;
        Ok(Response::new(order(
            &request.get_ref().order_id,
            OrderStatus::Cancelled,
        )))
    }

    async fn get_document(
        &self,
        request: Request<GetDocumentRequest>,
    ) -> Result<Response<DocumentResponse>, Status> {
        self.hear("GetDocument", &request).await?;
        Ok(Response::new(DocumentResponse {
            name: format!("invoice-{}.html", request.get_ref().order_id),
            content_type: "text/html; charset=utf-8".to_owned(),
            content: b"<!doctype html>".to_vec(),
        }))
    }

    async fn begin_payment(
        &self,
        _: Request<BeginPaymentRequest>,
    ) -> Result<Response<BeginPaymentResponse>, Status> {
        not_for_the_gateway()
    }

    async fn payment_settled(&self, _: Request<PaymentSettledRequest>) -> Result<Response<Empty>, Status> {
        not_for_the_gateway()
    }
}

#[tonic::async_trait]
impl PaymentService for Shop {
    async fn process_payment(
        &self,
        request: Request<PaymentRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        self.hear("ProcessPayment", &request).await?;
        Ok(Response::new(payment("pay_1", PaymentStatus::Succeeded)))
    }

    async fn get_payment_status(
        &self,
        request: Request<PaymentStatusRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        self.hear("GetPaymentStatus", &request).await?;
        Ok(Response::new(payment(
            &request.get_ref().payment_id,
            PaymentStatus::RequiresAction,
        )))
    }

    async fn health_check(&self, request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        self.hear("HealthCheck", &request).await?;
        healthy()
    }

    async fn refund_payment(
        &self,
        request: Request<RefundRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        self.hear("RefundPayment", &request).await?;
        Ok(Response::new(payment(
            &request.get_ref().payment_id,
            PaymentStatus::RefundPending,
        )))
    }

    async fn handle_webhook(
        &self,
        request: Request<WebhookRequest>,
    ) -> Result<Response<WebhookResponse>, Status> {
        self.hear("HandleWebhook", &request).await?;
        Ok(Response::new(WebhookResponse {}))
    }

    async fn accept_payment(
        &self,
        _: Request<AcceptPaymentRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        not_for_the_gateway()
    }

    async fn request_refund(
        &self,
        _: Request<RequestRefundRequest>,
    ) -> Result<Response<RequestRefundResponse>, Status> {
        not_for_the_gateway()
    }
}

/// As every window here.
fn window() -> Window {
    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    Window {
        window_start: at(1_790_000_040),
        window_end: at(1_790_000_100),
        order_count: 2,
        total_revenue: "259.80".to_owned(),
        total_items: 4,
        unique_users: 1,
        average_order_value: "129.90".to_owned(),
        revision: 1,
    }
}

#[tonic::async_trait]
impl AnalyticsService for Shop {
    type StreamWindowsStream = futures::stream::BoxStream<'static, Result<StreamedWindow, Status>>;

    async fn list_windows(
        &self,
        request: Request<ListWindowsRequest>,
    ) -> Result<Response<ListWindowsResponse>, Status> {
        self.hear("ListWindows", &request).await?;
        Ok(Response::new(ListWindowsResponse {
            windows: vec![window()],
            next_cursor: "1790000040000".to_owned(),
        }))
    }

    async fn get_latest_window(
        &self,
        request: Request<GetLatestWindowRequest>,
    ) -> Result<Response<Window>, Status> {
        self.hear("GetLatestWindow", &request).await?;
        Ok(Response::new(window()))
    }

    async fn summarize(&self, request: Request<SummarizeRequest>) -> Result<Response<Summary>, Status> {
        self.hear("Summarize", &request).await?;
        Ok(Response::new(Summary {
            windows: 1,
            order_count: 2,
            total_revenue: "259.80".to_owned(),
            total_items: 4,
            average_order_value: "129.90".to_owned(),
            complete_from: None,
        }))
    }

    /// One window; then it fails as the call `StreamedWindow` is told to, or waits.
    async fn stream_windows(
        &self,
        request: Request<StreamWindowsRequest>,
    ) -> Result<Response<Self::StreamWindowsStream>, Status> {
        self.hear("StreamWindows", &request).await?;
        let told = StreamedWindow {
            event_id: "0:3:4".to_owned(),
            window: Some(window()),
        };
        let next = self
            .inner()
            .failures
            .get_mut("StreamedWindow")
            .and_then(VecDeque::pop_front);
        let first = futures::stream::iter([Some(Ok(told)), next.map(Err)].into_iter().flatten());
        let mut answer = Response::new(first.chain(futures::stream::pending()).boxed());
        let begins = "0:1:2".parse().unwrap();
        answer.metadata_mut().insert("event-id", begins);
        Ok(answer)
    }

    async fn health_check(&self, request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        self.hear("HealthCheck", &request).await?;
        healthy()
    }
}
