//! Which call is for whom.

use service_common::auth::Access;

/// The access of a gRPC path; `None` where there is no such call.
#[must_use]
pub fn access(path: &str) -> Option<Access> {
    let call = path.strip_prefix("/ecommerce.user.v1.UserService/")?;
    Some(match call {
        "Authenticate" | "CreateUser" | "Refresh" | "GetJwks" | "HealthCheck" => Access::Open,
        "GetUser" | "Logout" | "GetCart" | "PutCartItem" | "DeleteCartItem" => Access::Caller,
        "ValidateSession" | "ValidateSessions" => Access::Service,
        _ => return None,
    })
}
