//! Which call is for whom.

use service_common::auth::Access;

/// The access of a gRPC path where every user may see the windows; `None` where there is no such call.
#[must_use]
pub fn for_everybody(path: &str) -> Option<Access> {
    access(path, Access::Caller)
}

/// The same where only admins and services may.
#[must_use]
pub fn for_admins(path: &str) -> Option<Access> {
    access(path, Access::Trusted)
}

fn access(path: &str, windows: Access) -> Option<Access> {
    let call = path.strip_prefix("/ecommerce.analytics.v1.AnalyticsService/")?;
    Some(match call {
        "HealthCheck" => Access::Open,
        "ListWindows" | "GetLatestWindow" | "Summarize" | "StreamWindows" => windows,
        _ => return None,
    })
}
