//! Which call is for whom.

use service_common::auth::Access;

/// The access of a gRPC path; `None` where there is no such call.
#[must_use]
pub fn access(path: &str) -> Option<Access> {
    let call = path.strip_prefix("/ecommerce.product.v1.ProductService/")?;
    Some(match call {
        "GetProduct" | "ListProducts" | "SearchProducts" | "GetImage" | "HealthCheck" => Access::Open,
        "PutProduct" | "PutImage" | "DeleteImage" | "AddStock" => Access::Trusted,
        "ReserveStock" | "ReleaseStock" | "SellStock" => Access::Service,
        _ => return None,
    })
}
