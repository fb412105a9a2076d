//! Which call is for whom.

use service_common::auth::Access;

/// The access of a gRPC path; `None` where there is no such call.
#[must_use]
pub fn access(path: &str) -> Option<Access> {
    let call = path.strip_prefix("/ecommerce.order.v1.OrderService/")?;
    Some(match call {
        "HealthCheck" => Access::Open,
        "CreateOrder" | "GetOrder" | "ListOrders" | "CancelOrder" | "GetDocument" => Access::Caller,
        "BeginPayment" | "PaymentSettled" => Access::Service,
        _ => return None,
    })
}
