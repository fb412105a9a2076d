//! The gRPC contract.

use service_common::auth::caller_of;
use service_common::failure::{Code, Failure};
use service_common::idempotency::{Fingerprint, Scope};
use tonic::{Request, Response, Status};
use weir_proto::Money;
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::order::v1::order_service_server::OrderService;
use weir_rpc::order::v1::{
    BeginPaymentRequest, BeginPaymentResponse, CancelOrderRequest, CreateOrderRequest, DocumentResponse,
    GetDocumentRequest, GetOrderRequest, ListOrdersRequest, ListOrdersResponse, OrderResponse, OrderStatus,
    PaymentSettledRequest,
};

use crate::document::{Document, Documents};
use crate::message::response;
use crate::order::{Begun, State};
use crate::orders::Orders;
use crate::payment::not_found;
use crate::{request, take};

/// How many orders a page has unless the caller says.
const PAGE: u32 = 20;
/// The most orders of a page.
const LARGEST_PAGE: u32 = 100;

/// The service as others call it.
#[derive(Clone)]
pub struct Api {
    /// All orders.
    pub orders: Orders,
    /// Their documents.
    pub documents: Documents,
}

/// An id that can be one.
fn known(id: &str) -> Result<&str, Failure> {
    request::order_id(id).ok_or_else(not_found)
}

#[tonic::async_trait]
impl OrderService for Api {
    async fn create_order(
        &self,
        request: Request<CreateOrderRequest>,
    ) -> Result<Response<OrderResponse>, Status> {
        let caller = caller_of(&request)?;
        let user_id = caller.user_id()?.to_owned();
        let mut message = request.into_inner();
        let wanted = request::wanted(&message)?;
        let key = std::mem::take(&mut message.idempotency_key);
        let scope = Scope::of(&user_id, "CreateOrder", &key)?;
        let fingerprint = Fingerprint::of(&self.orders.shared.secret, &message);
        let answer = self.orders.take(take::Request {
            user_id,
            wanted,
            key: scope.map(|scope| (scope, fingerprint)),
        });
        Ok(Response::new(answer.await?))
    }

    async fn get_order(&self, request: Request<GetOrderRequest>) -> Result<Response<OrderResponse>, Status> {
        let caller = caller_of(&request)?;
        let id = known(&request.get_ref().order_id)?;
        let order = self
            .orders
            .get(id, |order| caller.may_see(&order.user_id))
            .await?;
        Ok(Response::new(response(&order)))
    }

    async fn list_orders(
        &self,
        request: Request<ListOrdersRequest>,
    ) -> Result<Response<ListOrdersResponse>, Status> {
        let caller = caller_of(&request)?;
        let message = request.into_inner();
        let user_id = match message.user_id.as_str() {
            "" => caller.user_id()?,
            other if caller.may_see(other) => known(other)?,
            _ => return Err(Failure::new(Code::UserMismatch, "these are another user's orders").into()),
        };
        let limit = match message.limit {
            0 => PAGE,
            limit if limit <= LARGEST_PAGE => limit,
            limit => {
                let fault = format!("`{limit}` is more than {LARGEST_PAGE}");
                return Err(Failure::field("limit", fault).into());
            }
        };
        let status = OrderStatus::try_from(message.status);
        let status = status.map_err(|_| Failure::field("status", "there is no such status"))?;
        let after = request::cursor(&message.cursor)?;
        let page = self
            .orders
            .list(Some(user_id), State::of_rpc(status), after, limit as usize)
            .await?;
        Ok(Response::new(ListOrdersResponse {
            orders: page.orders.iter().map(response).collect(),
            next_cursor: page.next.unwrap_or_default(),
        }))
    }

    async fn health_check(&self, _request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        Ok(Response::new(HealthStatus {
            status: "healthy".to_owned(),
        }))
    }

    async fn cancel_order(
        &self,
        request: Request<CancelOrderRequest>,
    ) -> Result<Response<OrderResponse>, Status> {
        let caller = caller_of(&request)?;
        let id = known(&request.get_ref().order_id)?;
        let order = self
            .orders
            .cancel(id, |order| caller.may_see(&order.user_id))
            .await?;
        if order.state == State::Failed {
            let failure = Failure::new(
                Code::OrderState,
                "the order has failed; there is nothing to cancel",
            );
            return Err(failure.into());
        }
        Ok(Response::new(response(&order)))
    }

    async fn get_document(
        &self,
        request: Request<GetDocumentRequest>,
    ) -> Result<Response<DocumentResponse>, Status> {
        let caller = caller_of(&request)?;
        let id = known(&request.get_ref().order_id)?;
        let document = self
            .documents
            .get(id, |order| caller.may_see(&order.user_id))
            .await?;
        Ok(Response::new(DocumentResponse {
            name: document.name,
            content_type: Document::CONTENT_TYPE.to_owned(),
            content: document.content.into(),
        }))
    }

    async fn begin_payment(
        &self,
        request: Request<BeginPaymentRequest>,
    ) -> Result<Response<BeginPaymentResponse>, Status> {
        let message = request.into_inner();
        let amount = message.amount.unwrap_or_default();
        let money = Money::from_minor(amount.minor_units)
            .ok_or_else(|| Failure::field("amount.minor_units", "negative"))?;
        let begun = self
            .orders
            .begin_payment(
                known(&message.order_id)?,
                &message.payment_id,
                money,
                &amount.currency,
            )
            .await?;
        Ok(Response::new(BeginPaymentResponse {
            begun: begun == Begun::Yes,
        }))
    }

    async fn payment_settled(
        &self,
        request: Request<PaymentSettledRequest>,
    ) -> Result<Response<Empty>, Status> {
        let message = request.into_inner();
        self.orders
            .payment_settled(known(&message.order_id)?, &message.payment_id, message.succeeded)
            .await?;
        Ok(Response::new(Empty {}))
    }
}
