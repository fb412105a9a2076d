//! Places for files against what stands in for a cloud.

#![allow(clippy::unwrap_used, reason = "tests")]

mod federation;
