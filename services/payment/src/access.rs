//! Which call is for whom.

use service_common::auth::Access;

/// The access of a gRPC path; `None` where there is no such call.
#[must_use]
pub fn access(path: &str) -> Option<Access> {
    let call = path.strip_prefix("/ecommerce.payment.v1.PaymentService/")?;
    Some(match call {
        // Who tells of something is known by the signature.
        "HealthCheck" | "HandleWebhook" => Access::Open,
        "ProcessPayment" | "GetPaymentStatus" => Access::Caller,
        "RefundPayment" => Access::Trusted,
        "AcceptPayment" | "RequestRefund" => Access::Service,
        _ => return None,
    })
}
