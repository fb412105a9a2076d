//! New ids: what they are of, and a UUID of version 7, so that rows made together lie together.

use uuid::Uuid;

/// A new id that begins with what it is of: `ord_0198...`.
#[must_use]
pub fn new_id(of: &str) -> String {
    format!("{of}_{}", Uuid::now_v7().simple())
}
