//! Ids: new ones are what they are of and a UUID of version 7, so that rows made together lie together.

use uuid::Uuid;

use crate::failure::FieldFaults;

/// The longest id, in bytes.
pub const LONGEST_ID: usize = 128;

/// A new id that begins with what it is of: `ord_0198...`.
#[must_use]
pub fn new_id(of: &str) -> String {
    format!("{of}_{}", Uuid::now_v7().simple())
}

/// Whether a text could be an id. What could not is in no database, and not all of them could be asked for it.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(is_plain)
}

/// The fault of a text that could not be one.
#[must_use]
pub fn no_id() -> String {
    format!("not an id of at most {LONGEST_ID} letters, digits and `-_.:`")
}

/// Notes the fault of a field that must hold an id, if it has one.
pub fn judge_id(faults: &mut FieldFaults, field: &str, text: &str) {
    if text.is_empty() {
        faults.add(field, "missing");
    } else if !is_id(text) {
        faults.add(field, no_id());
    }
}
