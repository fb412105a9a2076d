//! The gRPC contract.

use service_common::auth::{Caller, caller_of};
use service_common::failure::Failure;
use service_common::idempotency::{Fingerprint, Scope};
use service_common::ids::is_id;
use tonic::{Request, Response, Status};
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::payment::v1::payment_service_server::PaymentService;
use weir_rpc::payment::v1::{
    AcceptPaymentRequest, PaymentRequest, PaymentResponse, PaymentStatusRequest, RefundRequest,
    RequestRefundRequest, RequestRefundResponse, WebhookRequest, WebhookResponse,
};

use crate::message::response;
use crate::payments::{Payments, not_found};
use crate::process::{self, Key};
use crate::request;

/// The service as others call it.
#[derive(Clone)]
pub struct Api(pub Payments);

#[tonic::async_trait]
impl PaymentService for Api {
    async fn process_payment(
        &self,
        request: Request<PaymentRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        let caller = caller_of(&request)?;
        let user_id = caller.user_id()?.to_owned();
        let mut message = request.into_inner();
        let key = std::mem::take(&mut message.idempotency_key);
        let scope = Scope::of(&user_id, "ProcessPayment", &key)?;
        let fingerprint = Fingerprint::of(&self.0.shared.secret, &message);
        let purpose = request::purpose(&user_id, message)?;
        let key = scope.map(|scope| Key { scope, fingerprint });
        let answer = self.0.process(process::Request { purpose, key }).await?;
        Ok(Response::new(answer))
    }

    async fn get_payment_status(
        &self,
        request: Request<PaymentStatusRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        let caller = caller_of(&request)?;
        let id = known(&request.get_ref().payment_id)?;
        let payment = self
            .0
            .get(id, |payment| caller.may_see(&payment.purpose.user_id))
            .await?;
        Ok(Response::new(response(&payment)))
    }

    async fn health_check(&self, _request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        Ok(Response::new(HealthStatus {
            status: "healthy".to_owned(),
        }))
    }

    async fn refund_payment(
        &self,
        request: Request<RefundRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        let who = match caller_of(&request)? {
            Caller::User { id, .. } => id,
            Caller::Service { name } => name,
        };
        let mut message = request.into_inner();
        let key = std::mem::take(&mut message.idempotency_key);
        known(&message.payment_id)?;
        let scope = Scope::of(&who, "RefundPayment", &key)?;
        let fingerprint = Fingerprint::of(&self.0.shared.secret, &message);
        let key = scope.map(|scope| Key { scope, fingerprint });
        let answer = self.0.refund_by_hand(&message.payment_id, key).await?;
        Ok(Response::new(answer))
    }

    async fn accept_payment(
        &self,
        request: Request<AcceptPaymentRequest>,
    ) -> Result<Response<PaymentResponse>, Status> {
        let asked = request::asked(request.into_inner())?;
        let payment = self.0.accept(asked).await?;
        Ok(Response::new(response(&payment)))
    }

    async fn request_refund(
        &self,
        request: Request<RequestRefundRequest>,
    ) -> Result<Response<RequestRefundResponse>, Status> {
        let message = request.into_inner();
        let promised = self
            .0
            .request_refund(&message.order_id, known(&message.payment_id)?)
            .await?;
        Ok(Response::new(RequestRefundResponse { promised }))
    }

    async fn handle_webhook(
        &self,
        request: Request<WebhookRequest>,
    ) -> Result<Response<WebhookResponse>, Status> {
        let WebhookRequest { payload, signature } = request.into_inner();
        self.0.webhook(&payload, &signature).await?;
        Ok(Response::new(WebhookResponse {}))
    }
}

/// An id that can be one: of what cannot there is no payment.
fn known(id: &str) -> Result<&str, Failure> {
    match is_id(id) {
        true => Ok(id),
        false => Err(not_found()),
    }
}
